# SPDX-License-Identifier: GPL-3.0-or-later
"""The hop analysis: for each destination, does a TCP connection leave, arrive, and do the answers come back.

`analyse` is one pure function of the facts: asked again with changed facts (fixes.apply) it answers what a change
would do, before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..finding import Unread, unread
from . import acl, gateways, groups, host, prefixes, routes
from .answers import Answer, Judged, at, combine, everywhere, unknown
from .model import EPHEMERAL_WIDEST, Acl, Read, World, not_read

AWS_HOPS = ("security_group", "network_acl", "route", "gateway")
# Secondary addresses of an interface that are tried in turn where nothing tells which one the edge uses.
MOST_SOURCES = 8
_LOOPBACK = prefixes.ranges(["127.0.0.0/8", "::1/128"])


@dataclass(frozen=True)
class Analysis:
    """Every hop's answers for the destinations, and the ways behind the routes.

    hops: by the names of finding.HOPS; those that do not apply are absent.  overall: all hops together.
    """

    destinations: prefixes.Ranges
    hops: Mapping[str, Judged]
    overall: Judged
    paths: Sequence[gateways.Path] = ()


def analyse(world: World, destinations: prefixes.Ranges, port: int) -> Analysis:
    """Judge every hop for every destination. port: of the storage endpoint."""
    own = ephemeral(world)
    ports = own if own is not None else EPHEMERAL_WIDEST
    found = [_judge(world, destinations, gateways.Traffic(port, sources, ports)) for sources in candidates(world)]
    hops = {name: _agreed([judged[name] for judged, _ in found], destinations) for name in found[0][0]}
    if _ipv6_uncertain(world, destinations):
        hops = {name: _doubt_ipv6(judged) for name, judged in hops.items()}
    return Analysis(destinations, hops, combine(destinations, list(hops.values())), found[0][1])


def _judge(
    world: World, destinations: prefixes.Ranges, traffic: gateways.Traffic
) -> tuple[dict[str, Judged], list[gateways.Path]]:
    hops: dict[str, Judged] = {"host_firewall": host.judge(world.raw.get("host"), destinations, traffic)}
    if not world.applicable:
        return hops, []
    found, paths = _aws(world, prefixes.subtract(destinations, _LOOPBACK), traffic)
    stays = everywhere(prefixes.intersect(destinations, _LOOPBACK), Answer("allow", "lo", "stays on the edge"))
    hops.update({name: sorted([*judged, *stays], key=lambda item: item[0]) for name, judged in found.items()})
    return hops, paths


def _agreed(judged: Sequence[Judged], destinations: prefixes.Ranges) -> Judged:
    """The answers on which all possible source addresses agree; unknown where they do not."""
    if len(judged) == 1:
        return judged[0]
    cuts = sorted({low for hop in judged for low, _, _ in hop} | {high + 1 for hop in judged for _, high, _ in hop})
    merged: Judged = []
    for low, high in prefixes.pieces(destinations, cuts):
        answers = [answer for answer in (at(hop, low) for hop in judged) if answer is not None]
        if len({answer.outcome for answer in answers}) == 1:
            merged.append((low, high, answers[0]))
        elif answers:
            message = "the interface has several addresses, and which of them the edge uses was not read on the edge"
            merged.append((low, high, unknown(not_read("source address", message))))
    return merged


def _ipv6_uncertain(world: World, destinations: prefixes.Ranges) -> bool:
    """Whether IPv6 is one of two families, and nothing tells whether the edge has an IPv6 route."""
    both = len({prefixes.family(low) for low, _ in destinations}) == 2
    return both and host.has_route(world.raw.get("host"), 6) is None


def _doubt_ipv6(judged: Judged) -> Judged:
    """An IPv6 address that may never be tried must not speak for the path."""
    doubt = unknown(not_read("routes6", "whether the edge has an IPv6 route was not read on the edge"))
    return [
        (low, high, doubt if prefixes.family(low) == 6 and answer.outcome in ("allow", "partial") else answer)
        for low, high, answer in judged
    ]


def ephemeral(world: World) -> tuple[int, int] | None:
    """net.ipv4.ip_local_port_range of the edge (Linux ip-sysctl; IPv6 uses it too), None where it was not read."""
    section = world.raw.get("host")
    if unread(section) is not None or not section:
        return None
    held = section.get("ip_local_port_range")
    return (int(held[0]), int(held[1])) if held and unread(held) is None else None


def candidates(world: World) -> list[dict[int, str]]:
    """The edge's own address by family, one mapping for each that is possible.

    The one that the edge's routing table prefers; where that does not tell, any of the interface's addresses.
    """
    preferred = host.source_addresses(world.raw.get("host"))
    interface = world.interface
    if not world.applicable or unread(interface) is not None or interface is None:
        return [preferred]
    found: list[dict[int, str]] = [{}]
    for version, key in ((4, "addresses"), (6, "ipv6")):
        held = list(interface.get(key) or ())[:MOST_SOURCES]
        if preferred.get(version) in held:
            held = [preferred[version]]
        if held:
            found = [{**chosen, version: address} for chosen in found for address in held]
    return found


def _aws(
    world: World, destinations: prefixes.Ranges, traffic: gateways.Traffic
) -> tuple[dict[str, Judged], list[gateways.Path]]:
    missing = missing_interface(world)
    if missing is not None:
        return {name: everywhere(destinations, unknown(missing)) for name in AWS_HOPS}, []
    interface = world.interface
    table = routes.table_of(world.tables, interface["subnet"])
    choices = routes.choose(table, destinations)
    paths = [path for choice in choices for path in gateways.follow(world, choice, traffic)]
    names = ", ".join(interface.get("groups") or ())
    return {
        "security_group": groups.judge(world.egress, destinations, traffic.port, owner=names),
        "network_acl": [item for path in paths for item in _acl(world, path, traffic)],
        "route": [(choice.low, choice.high, choice.answer) for choice in choices],
        "gateway": [(path.low, path.high, path.answer) for path in paths],
    }, paths


def missing_interface(world: World) -> Unread | None:
    """Why the interface that carries the traffic is not known, None where it is."""
    interface = world.interface
    if interface is None:
        why = world.raw.get("interface_absent") or "no interface of the edge was found"
        return not_read("interface", str(why))
    return unread(interface)


def _acl(world: World, path: gateways.Path, traffic: gateways.Traffic) -> Judged:
    part = [(path.low, path.high)]
    if path.same_subnet:
        return everywhere(part, Answer("allow", "", "within one subnet no network ACL applies"))
    own: Read[Acl] = gateways.acl_of(world, world.interface["subnet"])
    stages = [
        acl.Stage("out of the edge's subnet", own, True, "server", (traffic.port, traffic.port)),
        acl.Stage("back into the edge's subnet", own, False, "edge", traffic.ephemeral),
        *path.stages,
    ]
    if path.answer.outcome == "unknown" and path.answer.because is not None and not path.stages:
        # Network ACLs further on are hidden with the path: what is let out here may still be stopped there.
        stages.append(acl.Stage("beyond", path.answer.because, True, "server", (traffic.port, traffic.port)))
    return acl.judge(stages, part, ephemeral(world) is not None)


def counted(world: World, addresses: Sequence[str]) -> tuple[list[str], list[str]]:
    """The storage addresses that the edge would connect to, and those that it cannot even try.

    An IPv6 address counts only where the edge has an IPv6 address of its own and, where its routing table was read, an
    IPv6 route: without one the kernel refuses at once and the client takes the next address (RFC 6724, rule 1). Where
    storage has IPv6 addresses only, all of them count.
    """
    version6 = [address for address in addresses if ":" in address]
    version4 = [address for address in addresses if ":" not in address]
    if not version4 or _has_ipv6(world):
        return list(addresses), []
    return version4, version6


def _has_ipv6(world: World) -> bool:
    section: Any = world.raw.get("host")
    if host.has_route(section, 6) is False:
        return False
    return 6 in candidates(world)[0]
