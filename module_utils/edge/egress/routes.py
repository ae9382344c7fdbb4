# SPDX-License-Identifier: GPL-3.0-or-later
"""Which route of a table carries each destination.

Rules: Amazon VPC User Guide, "Route priority": the most specific match; among equals a static CIDR before a prefix
list before a propagated route; two prefix lists with the same range and different targets are decided by chance. A
blackhole that matches drops the packet: it does not fall back to a wider route. The main table serves a subnet without
its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..finding import Unread
from . import prefixes
from .answers import Answer, unknown
from .model import Read, Route, RouteTable

NO_ROUTE = "NO_ROUTE_TO_DESTINATION"
BAD_STATE_ROUTE = "BAD_STATE_ROUTE"


@dataclass(frozen=True)
class Choice:
    """The route of one part of the destinations. rivals: prefix-list routes that might be chosen instead."""

    low: int
    high: int
    answer: Answer
    route: Route | None = None
    rivals: tuple[Route, ...] = ()


def table_of(tables: Read[Sequence[RouteTable]], subnet: str) -> Read[RouteTable]:
    """The table that serves a subnet: its own, or the VPC's main table."""
    if isinstance(tables, Unread):
        return tables
    own = [table for table in tables if subnet in table.subnets]
    main = [table for table in tables if table.main]
    if own or main:
        return (own or main)[0]
    return Unread("not_collected", "ec2:DescribeRouteTables", subnet, f"no route table of {subnet} is visible")


def choose(table: Read[RouteTable], destinations: prefixes.Ranges) -> list[Choice]:
    """The route of every destination, in order of address."""
    if isinstance(table, Unread):
        return [Choice(low, high, unknown(table)) for low, high in destinations]
    held = [
        (interval, route)
        for route in table.routes
        if not isinstance(route.matches, Unread)
        for interval in route.matches
    ]
    held.sort(key=lambda item: (prefixes.size([item[0]]), item[1].rank))
    layers = [(interval, number) for number, (interval, _) in enumerate(held)]
    choices = []
    for low, high, number in prefixes.first_match(destinations, layers):
        best = held[number] if number >= 0 else None
        choices.append(_choice(table, low, high, best, held))
    return choices


def _choice(
    table: RouteTable,
    low: int,
    high: int,
    best: tuple[prefixes.Interval, Route] | None,
    held: Sequence[tuple[prefixes.Interval, Route]],
) -> Choice:
    hidden = _hidden(table, best)
    if hidden is not None:
        return Choice(low, high, unknown(hidden, table.id))
    if best is None:
        reason = f"{table.id} has no route to it"
        return Choice(low, high, Answer("deny", table.id, reason, code=NO_ROUTE))
    interval, route = best
    rivals = tuple(
        other
        for span, other in held
        if span == interval and other.rank == route.rank == 1 and other.target != route.target
    )
    if rivals:
        names = ", ".join(sorted({route.destination, *(rival.destination for rival in rivals)}))
        message = f"{table.id}: {names} hold the same range with different targets; which one is taken is chance"
        ambiguous = Unread("not_collected", "ec2:DescribeRouteTables", table.id, message)
        return Choice(low, high, unknown(ambiguous), route, rivals)
    return Choice(low, high, _answer(table, route), route)


def _hidden(table: RouteTable, best: tuple[prefixes.Interval, Route] | None) -> Unread | None:
    """What a route through an unread prefix list may hide: a match as specific as the best known one, or more."""
    for route in table.routes:
        if isinstance(route.matches, Unread) and (best is None or route.target != best[1].target):
            return route.matches
    return None


def _answer(table: RouteTable, route: Route) -> Answer:
    if route.state == "blackhole":
        reason = f"{table.id}: the route {route.destination} to {route.target} is a blackhole"
        return Answer("deny", table.id, reason, rule=route.destination, code=BAD_STATE_ROUTE)
    return Answer("allow", table.id, f"{route.destination} to {route.target}", rule=route.destination)
