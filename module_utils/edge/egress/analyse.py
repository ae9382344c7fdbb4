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
from .answers import Answer, Judged, combine, everywhere, unknown
from .model import EPHEMERAL_WIDEST, Acl, Read, World, not_read

AWS_HOPS = ("security_group", "network_acl", "route", "gateway")
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
    traffic = traffic_of(world, port)
    hops: dict[str, Judged] = {"host_firewall": host.judge(world.raw.get("host"), destinations, traffic)}
    paths: list[gateways.Path] = []
    if world.applicable:
        beyond = prefixes.subtract(destinations, _LOOPBACK)
        found, paths = _aws(world, beyond, traffic)
        stays = everywhere(prefixes.intersect(destinations, _LOOPBACK), Answer("allow", "lo", "stays on the edge"))
        hops.update({name: sorted([*judged, *stays], key=lambda item: item[0]) for name, judged in found.items()})
    return Analysis(destinations, hops, combine(destinations, list(hops.values())), paths)


def traffic_of(world: World, port: int) -> gateways.Traffic:
    """The connection's own end: its source addresses, and its ephemeral ports where they were read."""
    own = ephemeral(world)
    return gateways.Traffic(port, source_addresses(world), own if own is not None else EPHEMERAL_WIDEST)


def ephemeral(world: World) -> tuple[int, int] | None:
    """net.ipv4.ip_local_port_range of the edge (Linux ip-sysctl; IPv6 uses it too), None where it was not read."""
    section = world.raw.get("host")
    if unread(section) is not None or not section:
        return None
    held = section.get("ip_local_port_range")
    return (int(held[0]), int(held[1])) if held and unread(held) is None else None


def source_addresses(world: World) -> dict[int, str]:
    """The edge's own address by family: the one its routing table prefers, else the interface's primary one."""
    interface = world.interface
    if not world.applicable or unread(interface) is not None or interface is None:
        return host.source_addresses(world.raw.get("host"))
    preferred = host.source_addresses(world.raw.get("host"))
    chosen: dict[int, str] = {}
    for version, key in ((4, "addresses"), (6, "ipv6")):
        held = list(interface.get(key) or ())
        if held:
            chosen[version] = preferred[version] if preferred.get(version) in held else held[0]
    return chosen


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
    return 6 in source_addresses(world)
