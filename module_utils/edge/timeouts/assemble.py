# SPDX-License-Identifier: GPL-3.0-or-later
"""From the facts of an edge to its ladder: one function a kind of bound."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import Bound, Unread, unread
from ..targets import Edge
from . import export_side, kernel, legs, proxy_use
from .export_side import Document, Found, Service
from .ladder import NO_KEEPALIVE, Keepalive, Ladder, Place, Rung, split_origin
from .proxy_use import KINDS, Placed
from .unread_parts import first_unread, readable


@dataclass(frozen=True)
class Picture:
    """All that the checks judge. service: Service, Unread, or None where none is named."""

    edge: Edge
    facts: Mapping[str, Any]
    ladder: Ladder
    export: Document
    storage: Document
    service: Any
    use: proxy_use.Use
    placed: list[Placed] | Unread
    export_keepalive: Keepalive
    storage_keepalive: Keepalive


def build(edge: Edge, facts: Mapping[str, Any], upstream: Mapping[str, Any]) -> Picture:
    """The ladder of one edge. upstream: {"egress": facts or Unread, "dns": facts or Unread}."""
    ladder = Ladder()
    export = export_side.export_document(edge, facts)
    storage = export_side.storage_document(facts)
    service = export_side.service(facts)
    egress = upstream.get("egress")
    use = proxy_use.use(edge, export, storage, service)
    placed = proxy_use.place(edge, facts.get("proxy_configs"), use, _addresses(egress))
    _export_timeouts(edge, export, ladder)
    _service_limit(edge, service, facts, ladder)
    _proxies(placed, ladder)
    _known_proxies(use, placed, ladder)
    _credentials(edge, export, service, ladder)
    _worker(edge, export, storage, ladder)
    export_keepalive = legs.of_export(edge, export, service, facts)
    storage_keepalive = legs.to_storage(edge, placed, ladder, export_keepalive, facts, upstream.get("dns"))
    _carried(egress, storage_keepalive, ladder)
    _host_tracking(facts, storage_keepalive, ladder)
    return Picture(edge, facts, ladder, export, storage, service, use, placed, export_keepalive, storage_keepalive)


def _addresses(egress: Any) -> list[str]:
    if unread(egress) is not None or not isinstance(egress, Mapping):
        return []
    addresses = egress.get("private_addresses")
    return list(addresses) if isinstance(addresses, (list, tuple)) else []


def _export_timeouts(edge: Edge, export: Document, ladder: Ladder) -> None:
    for check, name, kind in (("TIMEOUTS-01", "read_timeout", "idle"), ("TIMEOUTS-02", "total_timeout", "total")):
        if not export.named:
            message = "edge_export_config_path is not set, so the export's own timeouts are not known"
            ladder.gap(check, Unread("not_collected", "read", edge.name, message))
            continue
        found = export.find(name, edge.export_config_keys.get(name))
        if found is None and kind == "idle":
            message = (
                f"{export.path}: states no read_timeout, and the export's default is not published; set it, or say in "
            )
            ladder.gap(
                check,
                Unread("not_collected", "parse", export.path, message + "edge_export_config_keys where it stands"),
            )
        elif found is None:
            ladder.note(check, f"{export.path}: no total timeout")
        else:
            _rung(ladder, check, found, export_side.seconds(found) if isinstance(found, Found) else found, kind, name)


def _rung(
    ladder: Ladder,
    check: str,
    found: Found | Unread,
    seconds: float | Unread,
    kind: str,
    name: str,
    hop: str = "export",
) -> None:
    """A rung, or the gap in its place."""
    if isinstance(found, Unread) or isinstance(seconds, Unread):
        ladder.gap(check, found if isinstance(found, Unread) else seconds)  # type: ignore[arg-type]
    elif math.isinf(seconds):
        ladder.note(check, f"{found.origin}: {found.key} is {found.value}: no limit")
    else:
        bound = Bound(kind, hop, name, found.origin, seconds, source="the export's own configuration")
        ladder.rungs.append(Rung(check, bound, path=found.path, key=found.key, raw=str(found.value)))


def _service_limit(edge: Edge, service: Any, facts: Mapping[str, Any], ladder: Ladder) -> None:
    check = "TIMEOUTS-03"
    if service is None:
        message = "edge_export_service is not set, so the time that its unit allows it is not known"
        ladder.gap(check, Unread("not_collected", "systemctl show", edge.name, message))
        return
    if isinstance(service, Unread):
        ladder.gap(check, service)
        return
    kind = service.settings.get("Type")
    # systemd.service(5): RuntimeMaxSec= has no effect on oneshot services; TimeoutStartSec= limits those.
    name = "TimeoutStartSec" if kind is not None and kind.value == "oneshot" else "RuntimeMaxSec"
    found = service.settings.get(name)
    for gap in _of_files(facts):
        ladder.gap(check, gap)
    if found is None:
        ladder.note(check, f"{service.name}: no {name}, and the default is none")
    else:
        _rung(ladder, check, found, export_side.systemd_seconds(found), "total", name)


def _of_files(facts: Mapping[str, Any]) -> list[Unread]:
    """What of the unit's files could not be read, unless systemd itself says what is in force."""
    unit = facts["unit"]
    gaps: list[Unread] = []
    if not export_side.shown_properties(unit):
        readable(unit.get("files"), gaps)
        hidden = first_unread(unit.get("properties"))
        # A copy without a record of systemd is judged by its files; an answer that was there and is hidden is a gap.
        gaps += [hidden] if hidden is not None and hidden.state != "not_collected" else []
    return gaps


def _proxies(placed: list[Placed] | Unread, ladder: Ladder) -> None:
    if isinstance(placed, Unread):
        for check in KINDS.values():
            ladder.gap(check, placed)
        return
    for kind, check in KINDS.items():
        _of_kind(kind, check, [item for item in placed if item.kind == kind], ladder)
    for item in placed:
        if item.kind is None and item.on_path is not False and item.problem is not None:
            for check in KINDS.values():
                ladder.gap(check, item.problem)


def _of_kind(kind: str, check: str, mine: list[Placed], ladder: Ladder) -> None:
    if not mine:
        ladder.note(check, f"no configuration of {kind} on the edge", applies=False)
    elif all(item.on_path is False for item in mine):
        ladder.note(check, f"{kind} is installed, but the export does not go through it", applies=False)
    for item in mine:
        if item.on_path is not False:
            _proxy(item, check, ladder)


def _proxy(item: Placed, check: str, ladder: Ladder) -> None:
    if item.proxy is None:
        ladder.gap(check, item.problem or Unread("error", "parse", item.path, f"{item.path}: could not be understood"))
        return
    raws = {(setting.name, setting.origin): setting.raw for setting in item.proxy.settings}
    if not item.proxy.bounds:
        ladder.note(check, f"{item.path}: no timeout is set")
    for bound in item.proxy.bounds:
        raw = raws.get((bound.setting, bound.origin), "")
        own = split_origin(bound.origin)[0] or item.path
        on_path, because = item.on_path, item.because
        if on_path and bound.setting in item.proxy.when_blocked:
            message = (
                f"{bound.setting} ({bound.origin}) ends a transfer whose data waits {bound.seconds:g} s for its reader"
            )
            on_path = None
            because = Unread("not_collected", "observe", bound.origin, f"{message}; whether that happens is not known")
        also = tuple(_elsewhere(item, bound))
        ladder.rungs.append(
            Rung(check, bound, on_path=on_path, because=because, path=own, key=bound.setting, raw=raw, also=also)
        )


def _elsewhere(item: Placed, bound: Bound) -> Iterator[Place]:
    """The same setting of other locations or sections that may carry the export as well."""
    for setting in item.proxy.settings if item.proxy is not None else ():
        if setting.name == bound.setting and setting.origin != bound.origin and setting.seconds < math.inf:
            path, line = split_origin(setting.origin)
            yield Place(path or item.path, line, setting.seconds, setting.raw)


def _known_proxies(use: proxy_use.Use, placed: list[Placed] | Unread, ladder: Ladder) -> None:
    check = "TIMEOUTS-08"
    for gap in use.gaps:
        ladder.gap(check, gap)
    if isinstance(placed, Unread):
        ladder.gap(check, placed)
        return
    for item in placed:
        if item.on_path and item.problem is not None:
            ladder.gap(check, item.problem)
    for told in proxy_use.unmatched(use, placed):
        message = (
            f"{told.origin}: the export goes through {told}, whose configuration is not known; name it, or a copy of "
        )
        ladder.gap(check, Unread("not_collected", "read", str(told), message + "it, in edge_proxy_config_paths"))
    named = sorted({f"{item.kind} ({item.path})" for item in placed if item.on_path})
    ladder.note(check, f"the export goes through {', '.join(named)}" if named else "the export uses no proxy")


def _credentials(edge: Edge, export: Document, service: Any, ladder: Ladder) -> None:
    """Known only where the configuration states it, or where static temporary credentials are handed over."""
    check = "TIMEOUTS-11"
    if export.problem is not None:
        ladder.gap(check, export.problem)
        return
    found = export.find("session_seconds", edge.export_config_keys.get("session_seconds"))
    refreshed = export.find("session_refreshable", edge.export_config_keys.get("session_refreshable"))
    answer = export_side.truth(refreshed) if isinstance(refreshed, Found) else refreshed
    handed_over = isinstance(service, Service) and "AWS_SESSION_TOKEN" in service.environment
    if isinstance(answer, Unread):
        ladder.gap(check, answer)
    elif answer:
        ladder.note(check, "the export refreshes its credentials")
    elif found is not None:
        seconds = export_side.seconds(found) if isinstance(found, Found) else found
        _rung(ladder, check, found, seconds, "total", "session_seconds", "identity_policy")
    elif handed_over:
        message = f"AWS_SESSION_TOKEN in the environment of {service.name}: expires at a time that it does not tell"
        ladder.gap(check, Unread("not_collected", "read", service.name, message))
    elif isinstance(service, Unread):
        ladder.gap(check, service)
    elif isinstance(service, Service) and service.gaps:
        ladder.gap(check, service.gaps[0])
    else:
        ladder.note(
            check, "no lifetime of credentials is stated; those of an instance profile are refreshed", applies=False
        )


def _worker(edge: Edge, export: Document, storage: Document, ladder: Ladder) -> None:
    check = "TIMEOUTS-12"
    for document in (export, storage):
        mapped = edge.export_config_keys.get("worker_seconds") if document is export else None
        found = document.find("worker_seconds", mapped)
        if found is not None:
            seconds = export_side.seconds(found) if isinstance(found, Found) else found
            _rung(ladder, check, found, seconds, "total", "worker_seconds")
    if not ladder.of(check) and not ladder.gaps.get(check):
        ladder.note(check, "no worker with a limited run time is stated", applies=False)


def _carried(egress: Any, keepalive: Keepalive, ladder: Ladder) -> None:
    """The bounds that egress found: gateways and endpoints, and the interface's tracking."""
    checks = ("TIMEOUTS-09", "TIMEOUTS-10")
    problem = unread(egress)
    if problem is None and not isinstance(egress, Mapping):
        problem = Unread("not_collected", "edge_egress_audit", "egress", "edge_egress_audit has not run")
    if problem is None and isinstance(egress, Mapping):
        problem = unread(egress.get("bounds")) or unread(egress.get("route"))
        if problem is None and egress.get("bounds") is None:
            problem = Unread("not_collected", "edge_egress_audit", "egress", "edge_egress_audit found no path to judge")
    if problem is not None:
        for check in checks:
            ladder.gap(check, problem)
        return
    for data in egress["bounds"]:
        bound = Bound.from_dict(data)
        hidden = unread(egress.get("instance_type"))
        if hidden is not None and bound.hop == "security_group" and bound.origin.startswith("default"):
            # The default differs by instance type: 432000 s, but 350 s from Nitro v6 on.
            ladder.gap(checks[1], hidden)
            continue
        check = checks[1] if bound.hop in ("security_group", "host_firewall", "network_acl") else checks[0]
        own = keepalive if bound.reset_by == "packets" else NO_KEEPALIVE
        ladder.rungs.append(Rung(check, bound, own, path=bound.origin, key=bound.setting))
    route = egress.get("route")
    if egress.get("in_aws") is False:
        for check in checks:
            ladder.note(check, "the edge is not in AWS", applies=False)
        return
    kind = route.get("kind") if isinstance(route, Mapping) else None
    ladder.note(checks[0], f"{(kind or 'the route').replace('_', ' ')}: no idle timer")
    ladder.note(checks[1], "the interface does not track these connections")


def _host_tracking(facts: Mapping[str, Any], keepalive: Keepalive, ladder: Ladder) -> None:
    seconds = kernel.running(facts, kernel.ESTABLISHED)
    if isinstance(seconds, Unread):
        ladder.gap("TIMEOUTS-10", seconds)
    elif seconds:
        bound = Bound("idle", "host_firewall", kernel.ESTABLISHED, "sysctl at run time", float(seconds),
                      reset_by="packets", source="Linux nf_conntrack-sysctl.rst")  # fmt: skip
        ladder.rungs.append(Rung("TIMEOUTS-10", bound, keepalive, path=kernel.ESTABLISHED, key=kernel.ESTABLISHED))
