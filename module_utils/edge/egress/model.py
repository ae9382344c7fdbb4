# SPDX-License-Identifier: GPL-3.0-or-later
"""The parsed facts of one edge's egress: what the hop analysis works on.

The facts of an edge (JSON, as facts.py leaves them) keep the shapes of the EC2 API with snake_case keys; `world`
turns them into intervals and rules. A part that could not be read is an Unread in its place, at every level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, Union

from ..finding import Unread, unread
from . import prefixes

T = TypeVar("T")
Read = Union[T, Unread]

# What parsing raises for facts that are not of the shape that facts.gather leaves.
NOT_UNDERSTOOD = (AttributeError, KeyError, TypeError, ValueError)

TCP = 6
UDP = 17
ALL_PORTS = (0, 65535)
# What a TCP client's source port may be where its own range is not known (RFC 6056, section 3.2; Amazon VPC User Guide,
# "Ephemeral ports").
EPHEMERAL_WIDEST = (1024, 65535)
_PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": 1, "icmpv6": 58}


@dataclass(frozen=True)
class GroupRule:
    """One rule of a security group, one direction.

    protocol: IANA number, or None for all.  ports: inclusive, ALL_PORTS where the protocol has none.
    source: what the rule names (CIDR, prefix list id, group id).  matches: its addresses, or Unread.
    kind: ``cidr`` | ``prefix_list`` | ``group``.
    """

    id: str
    group: str
    protocol: int | None
    ports: tuple[int, int]
    kind: str
    source: str
    matches: Read[prefixes.Ranges]

    @property
    def span(self) -> prefixes.Interval | None:
        """The range of a rule that names one; None for a prefix list or a group."""
        return self.matches[0] if self.kind == "cidr" and not isinstance(self.matches, Unread) else None

    def admits(self, protocol: int, port: int) -> bool:
        return self.protocol is None or (self.protocol == protocol and self.ports[0] <= port <= self.ports[1])


@dataclass(frozen=True)
class AclEntry:
    """One entry of a network ACL. number: evaluation order.  ports: of the packet's destination."""

    number: int
    egress: bool
    protocol: int | None
    ports: tuple[int, int]
    allow: bool
    matches: prefixes.Interval
    cidr: str


@dataclass(frozen=True)
class Acl:
    """A network ACL: entries in ascending order, outbound and inbound apart."""

    id: str
    outbound: tuple[AclEntry, ...]
    inbound: tuple[AclEntry, ...]


@dataclass(frozen=True)
class Route:
    """One route. kind: ``local``, ``internet_gateway``, ``nat_gateway`` and the other words of ROUTE_TARGETS.

    rank: 0 static CIDR, 1 prefix list, 2 propagated (VPC guide, "Route priority").  matches: Unread for a prefix list
    that could not be read.
    """

    destination: str
    kind: str
    target: str
    state: str
    rank: int
    matches: Read[tuple[prefixes.Interval, ...]]


@dataclass(frozen=True)
class RouteTable:
    id: str
    main: bool
    subnets: tuple[str, ...]
    gateways: tuple[str, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class World:
    """All that is known about one edge's way out. `raw` holds the facts that need no parsing."""

    raw: Mapping[str, Any]
    egress: Read[tuple[GroupRule, ...]] = ()
    acls: Read[Mapping[str, Acl]] = field(default_factory=dict)
    tables: Read[tuple[RouteTable, ...]] = ()
    applicable: bool = True

    @property
    def network(self) -> Mapping[str, Any]:
        """The facts of the VPC around the edge."""
        return self.raw.get("network") or {}

    @property
    def interface(self) -> Any:
        return self.raw.get("interface")

    def part(self, name: str, key: str) -> Any:
        """`network[name][key]`: the fact, None where absent, Unread where it or its whole kind could not be read."""
        kind = self.network.get(name)
        gone = unread(kind)
        if gone is not None:
            return gone
        value = (kind or {}).get(key)
        return unread(value) or value


def storage_of(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts about the storage; where they were not read, the prefixes are Unread."""
    held = facts.get("storage") or {}
    gone = unread(held)
    return held if gone is None else {"prefixes": gone}


def not_read(what: str, why: str) -> Unread:
    """A fact that nobody was asked for."""
    return Unread("not_collected", "gather", what, why)


def protocol_number(text: str) -> int | None:
    """The IANA number of a protocol as the API writes it; None for ``-1``, all. ValueError for an unknown name."""
    if str(text) == "-1":
        return None
    return _PROTOCOLS[text] if text in _PROTOCOLS else int(text)


def port_range(protocol: int | None, first: Any, last: Any) -> tuple[int, int]:
    """The ports of a rule; all of them where the protocol has none, or the API leaves them out or gives -1."""
    if protocol not in (TCP, UDP) or first in (None, -1) or last in (None, -1):
        return ALL_PORTS
    return int(first), int(last)


def network_interfaces(facts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [item for item in facts.get("interfaces") or () if isinstance(item, Mapping)]
