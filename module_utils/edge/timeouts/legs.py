# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP keepalive, leg by leg: a probe does not cross a proxy, so the export's own do nothing for the leg behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..finding import Unread, unread
from ..targets import Edge
from . import export_side, kernel, sockets
from .export_side import Document, Found, Service
from .ladder import Keepalive, Ladder
from .proxy_use import Placed
from .unread_parts import first_unread


def of_export(edge: Edge, export: Document, service: Any, facts: Mapping[str, Any]) -> Keepalive:
    """SO_KEEPALIVE on the export's own connections as it is configured, else off."""
    number, because = _interval(facts)
    environment = service.environment if isinstance(service, Service) else {}
    asked: list[Any] = [export.find("tcp_keepalive", edge.export_config_keys.get("tcp_keepalive"))]
    if "BOTOCORE_TCP_KEEPALIVE" in environment:
        asked.append(Found(environment["BOTOCORE_TCP_KEEPALIVE"], "BOTOCORE_TCP_KEEPALIVE", service.name, ""))
    asked.append(export_side.aws_setting(facts, "tcp_keepalive", environment.get("AWS_PROFILE", "default")))
    for found in asked:
        answer = export_side.truth(found) if isinstance(found, Found) else found
        if isinstance(answer, bool):
            return Keepalive(answer, number, found.origin, because)
        if isinstance(answer, Unread):
            return Keepalive(None, number, found.origin if isinstance(found, Found) else answer.resource, answer)
    gaps = [service] if isinstance(service, Unread) else list(service.gaps) if isinstance(service, Service) else []
    if gaps:
        return Keepalive(None, number, gaps[0].resource, gaps[0])
    return Keepalive(False, number, "off, as sockets are unless a program asks (socket(7))", because)


def to_storage(
    edge: Edge,
    placed: list[Placed] | Unread,
    ladder: Ladder,
    export: Keepalive,
    facts: Mapping[str, Any],
    dns: Any,
) -> Keepalive:
    """Keepalive on the leg that reaches the storage: what open sockets show, else what whoever opens them is told."""
    told = _told(placed, ladder, export, facts)
    number, because = _interval(facts)
    text = facts.get("sockets")
    seen = sockets.keepalive(text, sockets.addresses(dns), edge.storage_port)
    if seen is not None:
        return Keepalive(seen, number, "open sockets (ss -tnoi)", because)
    hidden = unread(text)
    if hidden is None and sockets.bare(text, edge.storage_port):
        hidden = unread(dns) or first_unread(dns.get("storage_addresses") if isinstance(dns, Mapping) else None)
    # A copy without a record of its sockets is judged by its configuration; an answer that is hidden is a doubt.
    if told.on and hidden is not None and (unread(text) is None or hidden.state != "not_collected"):
        return replace(told, on=None, because=hidden)
    return told


def _interval(facts: Mapping[str, Any]) -> tuple[float | None, Unread | None]:
    """The kernel's idle time before a probe, or why it is not known."""
    seconds = kernel.running(facts, kernel.KEEPALIVE_TIME)
    number = float(seconds) if isinstance(seconds, int) and seconds > 0 else None
    return number, seconds if isinstance(seconds, Unread) else None


def _told(placed: list[Placed] | Unread, ladder: Ladder, export: Keepalive, facts: Mapping[str, Any]) -> Keepalive:
    """The last proxy's own setting, or the export's where there is none."""
    if isinstance(placed, Unread):
        return Keepalive(None, None, placed.resource, placed)
    certain = [item for item in placed if item.on_path]
    doubtful = [item for item in placed if item.on_path is None]
    gaps = ladder.gaps.get("TIMEOUTS-08", [])
    if certain and certain[-1].proxy is not None:
        proxy = certain[-1].proxy
        number, because = _interval(facts)
        origin = f"{proxy.kind} ({proxy.path}) towards the storage"
        return Keepalive(proxy.server_keepalive, proxy.keepalive_seconds or number, origin, because)
    if certain or doubtful or gaps:
        reasons = [*gaps, *(item.because or item.problem for item in certain + doubtful)]
        return Keepalive(None, None, "the proxy towards the storage", next(filter(None, reasons), None))
    return export
