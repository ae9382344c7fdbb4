# SPDX-License-Identifier: GPL-3.0-or-later
"""What a visit to an edge does there: read, section by section. It travels with the visit (packing.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .dns.node import gather_node as dns_node
from .egress.node import gather_node as host_node
from .finding import EdgepathError, Unread
from .log.node import gather_node as log_node
from .run import plain
from .targets import Edge
from .timeouts.node import gather_node as timeouts_node

GATHERERS = {"dns": dns_node, "host": host_node, "timeouts": timeouts_node, "log": log_node}
# The options of edge_facts. Its action plugin holds the task to them: the module runs without Ansible's library.
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "run_dir": {"type": "path"},
    "edge": {"type": "dict"},
    "sections": {"type": "list", "elements": "str", "choices": list(GATHERERS), "default": list(GATHERERS)},
}


def gather(edge: Edge, sections: Sequence[str]) -> dict[str, object]:
    """The facts by section; a section that breaks is unread, and the others are read all the same."""
    facts: dict[str, object] = {}
    for section in sections:
        try:
            facts[section] = GATHERERS[section](edge)
        except Exception as error:  # noqa: BLE001 - whatever broke, it is told as a fact of this edge, not as a traceback
            message = f"edge {edge.name}: reading {section} broke: {type(error).__name__}: {error}"
            facts[section] = Unread("error", f"edge_facts:{section}", edge.name, message)
    return facts


def answer(given: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the module. given: its options; ``edge``, as one element of the audit modules' ``edges``."""
    try:
        edge = Edge.from_mapping(given.get("edge") or {"name": "localhost"})
    except EdgepathError as error:
        return {"failed": True, "msg": str(error)}
    facts = gather(edge, given["sections"])
    unread = {section: fact.message for section, fact in facts.items() if isinstance(fact, Unread)}
    return {"changed": False, "edge_facts": plain(facts), "unread": unread}
