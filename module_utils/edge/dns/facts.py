# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers the facts of the DNS domain for all edges: what was read on each, and the DNS side of its VPC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..aws import BOTO3_ERROR, account_of, by_account
from ..finding import Unread, unread
from ..run import Run
from ..targets import Edge
from . import vpc
from .node import gather_node
from .resolution import exported

# What node.gather_node() leaves; facts that lack one of these come from another version of the program.
SECTION = (
    "resolv_conf", "resolved", "nsswitch", "hosts", "asked", "left_out", "made_up", "servers", "answers", "getaddrinfo",
    "ipv6_route", "allowance", "tls",
)  # fmt: skip


def gather(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
    """``({edge: facts or Unread}, {permission: calls})``.

    The facts are those of node.gather_node(), ``vpc`` (vpc.sweep(), None where the storage is not in AWS), and what
    resolution.exported() hands to the next domains.
    """
    networks, calls = _networks([edge for edge in edges if edge.storage_kind == "aws"], run)
    return {edge.name: _facts(edge, run, networks.get(edge.name)) for edge in edges}, calls


def _facts(edge: Edge, run: Run, network: Any) -> Any:
    section = gather_node(edge) if run.directory is None else run.edge_facts(edge.name, "dns")
    because = unread(section)
    if because is not None:
        return because
    missing = [key for key in SECTION if not isinstance(section, Mapping) or key not in section]
    if missing:
        message = f"edge {edge.name}: the facts of the edge lack {', '.join(missing)}; run edge_facts again"
        return Unread("error", "edge_facts", edge.name, message)
    return {**section, "vpc": network, **exported(edge, section)}


def _networks(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
    if not edges:
        return {}, {}
    if BOTO3_ERROR is not None:
        message = f"the VPC was not read: boto3 is missing on the controller ({BOTO3_ERROR})"
        return {edge.name: Unread("not_collected", "import boto3", edge.name, message) for edge in edges}, {}
    found: dict[str, Any] = {}
    calls: Counter[str] = Counter()
    for key, group in by_account(edges).items():
        account = account_of(run, key)
        found.update(vpc.sweep(account, group))
        calls.update(account.calls)
    return found, dict(calls)
