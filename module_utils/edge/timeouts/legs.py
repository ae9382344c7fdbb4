# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP keepalive, leg by leg: a probe does not cross a proxy, so the export's own do nothing for the leg behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import Unread
from ..targets import Edge
from . import export_side, kernel, sockets
from .export_side import Document, Found, Service
from .ladder import Keepalive, Ladder
from .proxy_use import Placed


def of_export(edge: Edge, export: Document, service: Any, facts: Mapping[str, Any], dns: Any) -> Keepalive:
    """SO_KEEPALIVE on the export's own connections: what open sockets show, else what is configured, else off."""
    seconds = kernel.running(facts, kernel.KEEPALIVE_TIME)
    because = seconds if isinstance(seconds, Unread) else None
    number = float(seconds) if isinstance(seconds, int) and seconds > 0 else None
    seen = sockets.keepalive(facts.get("sockets"), sockets.addresses(dns), edge.storage_port)
    if seen is not None:
        return Keepalive(seen, number, "open sockets (ss -tnoi)", because)
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


def to_storage(placed: list[Placed] | Unread, ladder: Ladder, export: Keepalive, facts: Mapping[str, Any]) -> Keepalive:
    """Keepalive on the leg that reaches the storage: the last proxy's own, or the export's where there is none."""
    if isinstance(placed, Unread):
        return Keepalive(None, None, placed.resource, placed)
    certain = [item for item in placed if item.on_path]
    doubtful = [item for item in placed if item.on_path is None]
    gaps = ladder.gaps.get("TIMEOUTS-08", [])
    if certain and certain[-1].proxy is not None:
        proxy = certain[-1].proxy
        seconds = kernel.running(facts, kernel.KEEPALIVE_TIME)
        number = float(seconds) if isinstance(seconds, int) and seconds > 0 else None
        because = seconds if isinstance(seconds, Unread) else None
        origin = f"{proxy.kind} ({proxy.path}) towards the storage"
        return Keepalive(proxy.server_keepalive, proxy.keepalive_seconds or number, origin, because)
    if certain or doubtful or gaps:
        reasons = [*gaps, *(item.because or item.problem for item in certain + doubtful)]
        return Keepalive(None, None, "the proxy towards the storage", next(filter(None, reasons), None))
    return export
