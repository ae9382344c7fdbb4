# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of the domain timeouts are applied: bounds in the export's, the proxies' and the kernel's settings."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..settings import SettingsError, parse_duration, parse_settings, unit_of_key
from ..targets import Edge
from ..timeouts.kernel import SYSCTL_FILE
from .edit import envoy, haproxy, keypath, nginx, squid, system
from .model import NODE, Action, Ref, Refused, State
from .node_files import (
    Fix,
    States,
    edited,
    edited_file,
    export_service,
    file,
    files_of,
    format_in,
    settings_of,
    tested,
    units,
)

# What each program does with connections when it reads its files again.
_SQUID = (
    "squid -k reconfigure closes its listening ports for a moment, so that a transfer's next connection may be refused "
    "(Squid, src/main.cc, mainReconfigureStart)"
)
_NGINX = (
    "after a reload open transfers stay with nginx's old workers, which worker_shutdown_timeout may cut (nginx "
    "documentation, Controlling nginx)"
)
_HAPROXY = (
    "after a reload open transfers stay with HAProxy's old process, which hard-stop-after may cut (HAProxy management "
    "guide, 4. Stopping and restarting HAProxy)"
)
_ENVOY = "Envoy reads its file only when it starts, and a restart cuts open transfers (Envoy docs, Hot restart)"
_EXPORT = "what the export service does with an open transfer when it reads its configuration again is not published"
DAEMON_RELOAD = "daemon-reload"


# The export's own settings.


def _export_timeout(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    """Timeouts raised, never lowered: several fixes may ask for the same one."""

    def edit(text: str, item: Mapping[str, Any]) -> str:
        path, key = str(item["path"]), str(item["key"])
        format_ = format_in(edge, path)
        if _long_enough(text, format_, path, item):
            return text
        return keypath.set_key(text, format_, path, key, str(item["to"]))

    return edited(fix, states, edit)


def _long_enough(text: str, format_: str, path: str, item: Mapping[str, Any]) -> bool:
    try:
        _, present = keypath.locate(parse_settings(text, format_, path), str(item["key"]))
        held = parse_duration(present, unit_of_key(str(item["key"]).rsplit(".", 1)[-1]))
    except SettingsError:
        return False
    return held >= float(item.get("seconds") or "inf") > 0


def export_option(edge: Edge, name: str, value: str | Callable[[Any], str], states: States) -> Mapping[str, State]:
    """An option of the export where the inventory says that it stands, else where it, or its like, stands already.

    value: or what makes it of the present one.
    """
    path = export_file(edge)
    format_ = format_in(edge, path)

    def edit(text: str) -> str:
        key = edge.export_config_keys.get(name) or keypath.place_of(text, format_, path, name)
        present = keypath.value_at(text, format_, path, key)
        return keypath.set_key(text, format_, path, key, value if isinstance(value, str) else value(present))

    if states[file(path).key] is None:
        raise Refused(f"{path}: there is no such file; correct edge_export_config_path")
    return edited_file(edge, states, path, edit)


def export_file(edge: Edge) -> str:
    if edge.export_config_path is None:
        raise Refused("edge_export_config_path is not set: set it, or make this change by hand")
    return edge.export_config_path


def export_refs(edge: Edge, _fix: Fix) -> Sequence[Ref]:
    return [file(export_file(edge))]


def _set_export_option(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    return export_option(edge, str(fix["key"]), str(fix["to"]), states)


# Proxies.


def _squid(_edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    return edited(fix, states, lambda text, item: squid.set_directive(text, *_place(item), item.get("line")))


def _nginx(_edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    return edited(fix, states, lambda text, item: nginx.set_directive(text, *_place(item), item.get("line")))


def _nginx_option(_edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    return edited(fix, states, lambda text, item: nginx.set_option(text, *_place(item)))


def _haproxy(_edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    return edited(fix, states, lambda text, item: haproxy.set_timeout(text, *_place(item), item.get("line")))


def _haproxy_option(_edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    return edited(fix, states, lambda text, item: haproxy.set_option(text, *_place(item)[:2]))


def _envoy(_edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    def edit(text: str, item: Mapping[str, Any]) -> str:
        return envoy.set_timeout(text, str(item["path"]), str(item["key"]), float(item["seconds"]), str(item["to"]))

    return edited(fix, states, edit)


def _envoy_option(_edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    return edited(fix, states, lambda text, item: envoy.set_keepalive(text, str(item["path"])))


def _place(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(item["path"]), str(item["key"]), str(item["to"])


# The kernel and systemd.


def _sysctl_settings(fix: Fix) -> list[Mapping[str, Any]]:
    return settings_of({"path": SYSCTL_FILE, **fix})


def _sysctl_refs(edge: Edge, fix: Fix) -> Sequence[Ref]:
    """The file for the next boot and, but in a copy of a node, the running values."""
    files = list(dict.fromkeys(file(str(item["path"])) for item in _sysctl_settings(fix)))
    if edge.root != "/" or fix["action"] == "persist_sysctl":
        return files
    return [*files, *(Ref(NODE, "sysctl", str(item["key"])) for item in _sysctl_settings(fix))]


def _sysctls(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    wanted = dict(states)
    for item in _sysctl_settings(fix):
        path, key, value = _place(item)
        running = Ref(NODE, "sysctl", key).key
        if running in states:
            if states[running] is None:
                raise Refused(f"the kernel of the edge has no {key} (its module is not loaded)")
            wanted[running] = " ".join(value.split())
        wanted.update(
            edited_file(edge, wanted, path, lambda text, at=(path, key, value): system.set_sysctl(text, *at))  # type: ignore[misc]
        )
    return wanted


def _drop_in(edge: Edge, fix: Fix) -> str:
    """The drop-in that comes after the file in which the property stands (systemd.unit(5): by name)."""
    if not edge.export_service:
        raise Refused("edge_export_service is not set: set it, or make this change by hand")
    unit = edge.export_service if "." in edge.export_service else f"{edge.export_service}.service"
    standing = posixpath.split(str(fix.get("path") or ""))
    late = standing[0].endswith(".d") and standing[1] > "60-edgepath.conf"
    return f"/etc/systemd/system/{unit}.d/{'zz' if late else '60'}-edgepath.conf"


def _unit_refs(edge: Edge, fix: Fix) -> Sequence[Ref]:
    settings_of(fix)
    return [file(_drop_in(edge, fix))]


def _unit(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    path = _drop_in(edge, fix)

    def edit(text: str) -> str:
        for item in settings_of(fix):
            text = system.set_property(text, path, "Service", str(item["key"]), str(item["to"]))
        return text

    return edited_file(edge, states, path, edit)


def _none(_edge: Edge, _fix: Fix) -> Sequence[Ref]:
    return ()


def _nothing(_edge: Edge, _fix: Fix, _states: States) -> Mapping[str, State]:
    return {}


_TEST_NGINX = tested("", "nginx -t", ())
_TEST_HAPROXY = tested("haproxy -c -f %s", "haproxy -c -f /etc/haproxy/haproxy.cfg", ("/etc/haproxy/haproxy.cfg",))
_TEST_ENVOY = tested(
    "envoy --mode validate -c %s", "envoy --mode validate -c /etc/envoy/envoy.yaml", ("/etc/envoy/envoy.yaml",)
)

ACTIONS: tuple[Action, ...] = (
    Action("set_export_timeout", files_of, _export_timeout, disruptive=_EXPORT, reloads=export_service),
    Action("set_export_option", export_refs, _set_export_option, disruptive=_EXPORT, reloads=export_service),
    Action(
        "set_squid_timeout", files_of, _squid, disruptive=_SQUID, reloads=units("squid"),
        validate=tested("squid -k parse -f %s", "squid -k parse", ("/etc/squid/squid.conf",)),
    ),
    Action("set_nginx_timeout", files_of, _nginx, disruptive=_NGINX, reloads=units("nginx"), validate=_TEST_NGINX),
    Action("set_nginx_option", files_of, _nginx_option, disruptive=_NGINX, reloads=units("nginx"),
           validate=_TEST_NGINX),
    Action("set_haproxy_timeout", files_of, _haproxy, disruptive=_HAPROXY, reloads=units("haproxy"),
           validate=_TEST_HAPROXY),
    Action("set_haproxy_option", files_of, _haproxy_option, disruptive=_HAPROXY, reloads=units("haproxy"),
           validate=_TEST_HAPROXY),
    Action("set_envoy_timeout", files_of, _envoy, disruptive=_ENVOY, reloads=units("envoy"), validate=_TEST_ENVOY),
    Action("set_envoy_option", files_of, _envoy_option, disruptive=_ENVOY, reloads=units("envoy"),
           validate=_TEST_ENVOY),
    Action("set_sysctl", _sysctl_refs, _sysctls),
    Action("persist_sysctl", _sysctl_refs, _sysctls),
    # With daemon-reload a running unit takes its new RuntimeMaxSec= (systemd, src/core/service.c, service_coldplug).
    Action("set_unit_property", _unit_refs, _unit, reloads=units(DAEMON_RELOAD)),
    Action("set_timeout", _none, _nothing, manual=(
        "where this bound is set is not known to the program; raise it where its origin says")),
    Action("refresh_credentials", _none, _nothing, manual=(
        "no setting makes an export refresh its credentials: give it the instance's role, or sessions as long as "
        "the role's maximum (set_max_session_duration) allows")),
    Action("move_worker", _none, _nothing, manual=(
        "where the worker runs is decided by whoever deploys it; no setting on the edge moves it")),
    Action("avoid_idle_timer", _none, _nothing, manual=(
        "Squid sends no keepalive probes towards servers: let storage bypass it, or leave by a gateway endpoint, "
        "which has no idle timer (the egress domain proposes one)")),
)  # fmt: skip
