# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of the domain dns are applied: the resolver by whoever writes it, hosts pins, the storage's name.

Who writes resolv.conf is told by its link, and by what it says of itself: a change in a file that somebody writes anew
would not last. Sources: resolv.conf(5), resolved.conf(5), NetworkManager.conf(5), dhclient.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..dns.resolvconf import STUBS
from ..targets import Edge
from .actions_timeouts import export_option, export_refs
from .asked import need
from .edit import names, resolvers
from .edit.texts import text_of
from .model import Action, Ref, Refused, State
from .node_files import Fix, States, edited_file, export_service, file

RESOLV_CONF = "/etc/resolv.conf"
NSSWITCH = "/etc/nsswitch.conf"
HOSTS = "/etc/hosts"
RESOLVED = "/etc/systemd/resolved.conf"
NETWORK_MANAGER = "/etc/NetworkManager/conf.d/60-edgepath.conf"
DHCLIENT = "/etc/dhcp/dhclient.conf"
_EXPORT = "what the export service does with an open transfer when it reads its configuration again is not published"
_DHCLIENT = re.compile(r"dhclient|DHCP client", re.IGNORECASE)


def _resolver_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    """resolv.conf, and the configuration of what writes it."""
    manager = fix.get("managed_by")
    if manager == "systemd":
        return [file(RESOLV_CONF), file(RESOLVED)]
    if manager == "NetworkManager":
        return [file(RESOLV_CONF), file(NETWORK_MANAGER)]
    if manager is not None:
        raise Refused(f"{RESOLV_CONF} is written by {manager}: change it in {manager}'s own configuration")
    return [file(RESOLV_CONF), file(DHCLIENT)]


def _servers(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    """A nameserver taken out, or replaced."""
    address, replacement = str(need(fix, "address")), fix.get("replacement")
    if fix["action"] == "replace_nameserver" and not replacement:
        raise Refused(f"which nameserver shall stand for {address} is not known: name one that answers by hand")
    if address in STUBS:
        raise Refused(f"{address} is systemd-resolved itself, which does not answer: start it (systemctl status)")
    manager = fix.get("managed_by")
    text = text_of(states[file(RESOLV_CONF).key], RESOLV_CONF)
    left = names.nameservers(_without(text, address, replacement))
    if manager == "systemd":
        return _in_resolved(edge, states, address, replacement)
    if manager == "NetworkManager":
        return edited_file(
            edge, states, NETWORK_MANAGER, lambda held: resolvers.network_manager(held, NETWORK_MANAGER, servers=left)
        )
    wanted = edited_file(edge, states, RESOLV_CONF, lambda held: _without(held, address, replacement))
    if _by_dhclient(text, states):
        wanted.update(
            edited_file(edge, states, DHCLIENT, lambda held: resolvers.dhclient_servers(held, DHCLIENT, left))
        )
    return wanted


def _without(text: str, address: str, replacement: Any) -> str:
    if replacement:
        return names.replace_nameserver(text, RESOLV_CONF, address, str(replacement))
    return names.remove_nameserver(text, RESOLV_CONF, address)


def _in_resolved(edge: Edge, states: States, address: str, replacement: Any) -> Mapping[str, State]:
    """In the global DNS= of resolved.conf. What a link brings along is its network's own to change."""
    if states[file(RESOLVED).key] is None:
        raise Refused(_of_a_link(address))
    wanted = edited_file(
        edge, states, RESOLVED, lambda held: resolvers.resolved_servers(held, address, replacement or "")
    )
    if wanted[file(RESOLVED).key] == states[file(RESOLVED).key]:
        raise Refused(_of_a_link(address))
    return wanted


def _of_a_link(address: str) -> str:
    return (
        f"nameserver {address} stands in no DNS= of {RESOLVED}: systemd-resolved has it of a link (resolvectl dns "
        "tells which); change it in that link's .network file or in the DHCP options of its network"
    )


def _by_dhclient(text: str, states: States) -> bool:
    """Whether dhclient writes resolv.conf at every lease: it is configured, and the file says so."""
    return states[file(DHCLIENT).key] is not None and bool(_DHCLIENT.search(text))


def _options(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    options = dict(need(fix, "options"))
    manager = fix.get("managed_by")
    words = " ".join(f"{name}:{value}" for name, value in options.items())
    if manager == "systemd":
        raise Refused(
            f"systemd-resolved writes {RESOLV_CONF} and takes no options {words}: give the export service "
            f'Environment=RES_OPTIONS="{words}" (resolv.conf(5)), or make {RESOLV_CONF} a file of its own'
        )
    text = text_of(states[file(RESOLV_CONF).key], RESOLV_CONF)
    if manager == "NetworkManager":
        left = names.nameservers(text)
        return edited_file(
            edge, states, NETWORK_MANAGER,
            lambda held: resolvers.network_manager(held, NETWORK_MANAGER, servers=left, options=options),
        )  # fmt: skip
    if _by_dhclient(text, states):
        raise Refused(
            f"dhclient writes {RESOLV_CONF} anew at every lease, without options: give the export service "
            f'Environment=RES_OPTIONS="{words}" (resolv.conf(5)), or keep dhclient from writing the file'
        )
    return edited_file(edge, states, RESOLV_CONF, lambda held: names.set_resolver_options(held, RESOLV_CONF, options))


def _reloads(_edge: Edge, fix: Fix) -> Sequence[str]:
    """glibc reads resolv.conf again by itself (resolv.conf(5), no-reload)."""
    return {"systemd": ("systemd-resolved",), "NetworkManager": ("NetworkManager",)}.get(str(fix.get("managed_by")), ())


def _one(path: str) -> Any:
    def refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
        if fix.get("path") != path:
            raise Refused(f"the fix {fix.get('action')} is for {fix.get('path')}: make this change by hand")
        return [file(path)]

    return refs


def _nsswitch(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    value = str(need(fix, "value"))
    return edited_file(edge, states, NSSWITCH, lambda held: names.set_nsswitch_hosts(held, NSSWITCH, value))


def _pin(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    name, address = str(need(fix, "name")), str(need(fix, "address"))
    if states[file(HOSTS).key] is None:
        return {}
    return edited_file(edge, states, HOSTS, lambda held: names.remove_pin(held, HOSTS, name, address))


def _endpoint(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    host = str(need(fix, "value"))

    def as_before(present: Any) -> str:
        scheme, sign, _ = str(present).partition("://")
        return f"{scheme}://{host}" if sign else host

    return export_option(edge, "endpoint", as_before, states)


def _style(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    if "addressing_style" not in edge.export_config_keys:
        raise Refused(
            "how the export is told its addressing style is not known: name the key as addressing_style in "
            "edge_export_config_keys, or use a bucket whose name has no dots"
        )
    return export_option(edge, "addressing_style", str(need(fix, "value")), states)


ACTIONS: tuple[Action, ...] = (
    Action("remove_nameserver", _resolver_refs, _servers, reloads=_reloads),
    Action("replace_nameserver", _resolver_refs, _servers, reloads=_reloads),
    Action("set_resolver_options", _resolver_refs, _options, reloads=_reloads),
    Action("set_nsswitch_hosts", _one(NSSWITCH), _nsswitch),
    Action("remove_hosts_pin", _one(HOSTS), _pin),
    Action("set_storage_endpoint", export_refs, _endpoint, disruptive=_EXPORT, reloads=export_service, consent=(
        "edge_storage_endpoint of the inventory must be changed with it, or the audit judges the old name still")),
    Action("set_addressing_style", export_refs, _style, disruptive=_EXPORT, reloads=export_service),
)  # fmt: skip
