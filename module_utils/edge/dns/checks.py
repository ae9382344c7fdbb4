# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the name resolution of one edge: every check of the catalogue answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..finding import Asker, Finding, unread
from ..targets import Edge
from . import judge_config, judge_names, judge_servers, judge_vpc
from .case import Case
from .catalogue import CATALOGUE
from .resolution import resolve

__all__ = ["CATALOGUE", "judge"]

_JUDGES: Mapping[str, Callable[[Case], Sequence[Finding]]] = {
    "DNS-01": judge_config.resolver,
    "DNS-02": judge_config.hosts,
    "DNS-03": judge_names.override,
    "DNS-04": judge_servers.each,
    "DNS-05": judge_servers.transports,
    "DNS-06": judge_servers.invented,
    "DNS-07": judge_names.ipv6,
    "DNS-08": judge_names.resolves,
    "DNS-09": judge_names.freshness,
    "DNS-10": judge_vpc.agreement,
    "DNS-11": judge_vpc.network,
    "DNS-12": judge_config.allowance,
    "DNS-13": judge_names.certificate,
    "DNS-14": judge_config.search,
    "DNS-15": judge_names.destinations,
    "DNS-16": judge_names.drift,
    "DNS-17": judge_names.rotation,
    "DNS-18": judge_names.others,
}


def judge(edge: Edge, facts: Any, upstream: Mapping[str, Any]) -> list[Finding]:  # noqa: ARG001 - the first domain
    """The findings of one edge from facts.gather(); unknown throughout where its facts are Unread."""
    ask = Asker(edge.name, CATALOGUE)
    because = unread(facts)
    if because is not None:
        return [ask.unknown(check, edge.name, because) for check in CATALOGUE]
    resolutions = {item["name"]: resolve(facts, item["name"]) for item in facts["asked"]}
    case = Case(edge, facts, ask, resolutions)
    return [finding for judged in _JUDGES.values() for finding in judged(case)]
