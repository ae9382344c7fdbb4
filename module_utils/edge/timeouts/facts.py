# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what bounds a transfer in time: what was read on the edge, and the ladder that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..finding import Unread, unread
from ..run import Run, plain
from ..targets import Edge
from .checks import ladder_facts
from .node import gather_node

UPSTREAM = ("dns", "egress")


def gather(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
    """{edge: section "timeouts" of what was read on it, with "ladder", "longest_minutes", "longest_by_codec" and
    "proxies"}, {}.

    An ad-hoc call, without a run, reads the machine that it runs on. Nothing is asked of AWS.
    """
    return {edge.name: _of(edge, run) for edge in edges}, {}


def _of(edge: Edge, run: Run) -> Any:
    section = plain(gather_node(edge)) if run.directory is None else run.edge_facts(edge.name, "timeouts")
    problem = unread(section)
    if problem is not None:
        return problem
    if not isinstance(section, dict):
        return Unread("error", "edge_facts", edge.name, f"edge {edge.name}: the section timeouts is not as expected")
    upstream = {domain: run.upstream(domain, edge.name) for domain in UPSTREAM}
    return {**section, **ladder_facts(edge, section, upstream)}
