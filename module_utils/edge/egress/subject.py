# SPDX-License-Identifier: GPL-3.0-or-later
"""One edge under judgement: its World, the destinations, and what the hop analysis says of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..dns.addresses import classify
from ..finding import Unread, unread
from ..targets import Edge
from . import prefixes
from .analyse import Analysis, analyse, counted
from .answers import Answer, Judged, at
from .model import Read, World, not_read, storage_of
from .parse import world as parse_world

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Subject:
    """addresses: the storage addresses that count, or Unread.  skipped: IPv6 addresses that the edge cannot try.

    storage: the provider's own ranges, as far as the edge has the family, or Unread; [] where none are known.
    by_address, by_range: the analyses of the two; None where there is nothing to analyse.
    """

    edge: Edge
    facts: Mapping[str, Any]
    world: World
    addresses: Read[list[str]]
    skipped: list[str]
    storage: Read[list[str]]
    by_address: Analysis | None
    by_range: Analysis | None
    dns: Any = None

    @classmethod
    def of(cls, edge: Edge, facts: Mapping[str, Any], upstream: Mapping[str, Any]) -> Subject:
        world = parse_world(facts)
        facts = world.raw
        addresses, skipped = _addresses(world, upstream.get("dns"))
        storage = _storage(world, facts)
        return cls(
            edge,
            facts,
            world,
            addresses,
            skipped,
            storage,
            None if isinstance(addresses, Unread) else analyse(world, prefixes.ranges(addresses), edge.storage_port),
            _ranges(world, storage, edge.storage_port),
            upstream.get("dns"),
        )

    @property
    def interface_id(self) -> str:
        """The resource that findings about the way out name."""
        interface = self.world.interface
        if isinstance(interface, Mapping) and "id" in interface:
            return str(interface["id"])
        return self.edge.interface_id or self.edge.instance_id or self.edge.name

    def public(self, address: str) -> bool:
        """Whether an address is neither private nor of the edge's own VPC, whose ranges may be any."""
        vpc = self.world.network.get("vpc")
        cidrs = vpc.get("cidrs") if isinstance(vpc, Mapping) and unread(vpc) is None else None
        return classify(address, cidrs or ()) == "public"

    def astray(self, address: str) -> bool:
        """Whether a public address lies outside of the provider's ranges, so that no rule should be opened for it."""
        if self.edge.storage_kind != "aws" or not self.public(address):
            return False
        return isinstance(self.storage, Unread) or not prefixes.contains(
            self._known, prefixes.parse(_behind(address))[0]
        )

    @property
    def _known(self) -> prefixes.Ranges:
        listed = storage_of(self.facts).get("prefixes") or ()
        return prefixes.ranges(listed)


def _behind(address: str) -> str:
    """The IPv4 address in one of NAT64's well-known prefix, 64:ff9b::/96 (RFC 6052, 2.1); any other as it is."""
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)) if parsed in _NAT64 else address


def _addresses(world: World, dns: Any) -> tuple[Read[list[str]], list[str]]:
    gone = unread(dns)
    held = None if gone is not None or dns is None else dns.get("storage_addresses")
    gone = gone or unread(held)
    if gone is not None:
        return gone, []
    if not held:
        message = "the edge resolves the storage names to no address, so that there is nothing to reach"
        return not_read("storage_addresses", message), []
    return counted(world, sorted(set(held), key=prefixes.parse))


def _storage(world: World, facts: Mapping[str, Any]) -> Read[list[str]]:
    listed = storage_of(facts).get("prefixes")
    gone = unread(listed)
    if gone is not None:
        return gone
    return counted(world, list(listed or ()))[0]


def _ranges(world: World, storage: Read[list[str]], port: int) -> Analysis | None:
    if isinstance(storage, Unread) or not storage:
        return None
    return analyse(world, prefixes.ranges(storage), port)


@dataclass(frozen=True)
class Tally:
    """One hop's answers, address by address. total: all addresses that count, also those that did not come this far."""

    answers: Mapping[str, Answer]
    total: int

    @classmethod
    def of(cls, judged: Judged, addresses: Sequence[str]) -> Tally:
        found = {address: at(judged, prefixes.parse(address)[0]) for address in addresses}
        met = {address: answer for address, answer in found.items() if answer is not None and answer.outcome != "none"}
        return cls(met, len(addresses))

    def having(self, *outcomes: str) -> dict[str, Answer]:
        return {address: answer for address, answer in self.answers.items() if answer.outcome in outcomes}

    @property
    def blocked(self) -> bool:
        return bool(self.answers) and len(self.having("deny")) == len(self.answers)

    @property
    def share(self) -> Fraction:
        """The failing fraction of the connections, were every address used alike."""
        failing = sum((1 if item.outcome == "deny" else item.failing for item in self.answers.values()), Fraction(0))
        return Fraction(failing) / self.total if self.total else Fraction(0)

    @property
    def hidden(self) -> Unread | None:
        """Why the first unknown address is unknown."""
        return next((item.because for item in self.having("unknown").values() if item.because is not None), None)

    def evidence(self, operation: str, most: int = 16) -> tuple[dict[str, Any], ...]:
        """The answers as evidence, the failing ones first; beyond `most` they are counted only."""
        order = ("deny", "partial", "unknown", "allow")
        listed = sorted(self.answers.items(), key=lambda item: order.index(item[1].outcome))
        shown = [{"address": address, "operation": operation, **item.to_dict()} for address, item in listed[:most]]
        if len(listed) > most:
            shown.append({"operation": operation, "addresses_left_out": len(listed) - most})
        return tuple(shown)
