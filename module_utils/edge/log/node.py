# SPDX-License-Identifier: GPL-3.0-or-later
"""The section `log` of what is read on an edge: its log in the window, and what stands beside it.

Standard library only: this runs on the edge. Samples are redacted before anything is returned.
"""

from __future__ import annotations

import time
from typing import Any

from ..dns.live import allowance
from ..finding import EdgepathError, Unread
from ..targets import Edge
from ..timeouts.files import Node
from ..timeouts.node_system import Runner, run_command
from .reading import read_log
from .window import Window
from .witnesses import deltas, journal, tcp_counters, tracking, uptime


def gather_node(edge: Edge, run: Runner = run_command) -> dict[str, Any]:
    """The facts of one edge, read where this runs, below edge.root.

    {"live", "window": {"start", "end"} | None | unread, "log": {...} (reading.read_log) | unread | None (no path),
     "tcp": {counter: total} | unread, "tcp_added": {counter: added while this read, "seconds"} | None,
     "tracking": {...} | None | unread, "allowance": {interface: packets} | unread, "journal": {...} | None | unread,
     "uptime": seconds | None}.
    """
    node = Node(edge.root)
    started = time.monotonic()
    before = tcp_counters(node)
    facts: dict[str, Any] = {"live": node.live, **_log(node, edge, run)}
    facts["tcp"] = tcp_counters(node)
    added = deltas(before, facts["tcp"]) if node.live else {}
    facts["tcp_added"] = {**added, "seconds": round(time.monotonic() - started, 3)} if added else None
    facts["tracking"] = tracking(node, run)
    facts["uptime"] = uptime(node)
    found = allowance(edge)
    facts["allowance"] = found.to_fact() if isinstance(found, Unread) else found
    return facts


def _log(node: Node, edge: Edge, run: Runner) -> dict[str, Any]:
    try:
        window = Window.from_mapping(edge.window)
    except EdgepathError as error:
        because = Unread("error", "read", "edge_window", str(error)).to_fact()
        return {"window": because, "log": because, "journal": because}
    log = None
    if edge.log_path is not None:
        log = read_log(node, edge.log_path, window, edge.log_format, edge.log_timezone)
    return {
        "window": window.to_dict() if window is not None else None,
        "log": log.to_fact() if isinstance(log, Unread) else log,
        "journal": journal(node, edge, window, run),
    }
