# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands at the end of a route, whether it lets the connection through, and what lies behind it.

Rules: Amazon VPC User Guide, "Enable internet access using internet gateways", "NAT gateways", "Egress-only internet
gateways", "Gateway endpoints for Amazon S3", "Interface VPC endpoints". Targets whose far side this account cannot show
(transit gateway, VPN gateway, peering, firewall endpoint, appliance) are unknown, with that reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import Unread, unread
from . import groups, prefixes, routes
from .acl import NAT_PORTS, Stage
from .answers import Answer, at, unknown
from .model import Acl, Read, RouteTable, World, not_read
from .parse import group_rules, subnet_range

BAD_STATE = "BAD_STATE"
BAD_STATE_ATTACHMENT = "BAD_STATE_ATTACHMENT"
NO_PUBLIC_ADDRESS = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
SOURCE_DEST_CHECK = "ENI_SOURCE_DEST_CHECK_RESTRICTION"
PROTOCOL_RESTRICTION = "VPCE_GATEWAY_PROTOCOL_RESTRICTION"
_ATTACHED = ("attached", "available")


@dataclass(frozen=True)
class Path:
    """The way of one part of the destinations beyond the route.

    kind, id: the target, in the words of the route.  source_ip: the public address that storage sees, None where it
    sees a private one.  stages: the network ACLs that the packets meet beyond the edge's own subnet.
    """

    low: int
    high: int
    kind: str
    id: str
    answer: Answer
    source_ip: str | None = None
    stages: tuple[Stage, ...] = ()
    same_subnet: bool = False


@dataclass(frozen=True)
class Traffic:
    """The connection under judgement. edge: the edge's own address by family.  ports: its ephemeral range."""

    port: int
    edge: Mapping[int, str]
    ephemeral: tuple[int, int]

    def edge_interval(self, version: int) -> prefixes.Interval | None:
        own = self.edge.get(version)
        return prefixes.parse(own) if own else None


def follow(world: World, choice: routes.Choice, traffic: Traffic) -> list[Path]:
    """The way beyond a chosen route, part by part."""
    route = choice.route
    if route is None or choice.answer.outcome != "allow":
        answer = Answer("none", "", "the route ends the path")
        if choice.answer.outcome == "unknown" and choice.answer.because is not None:
            answer = unknown(choice.answer.because)
        return [Path(choice.low, choice.high, route.kind if route else "none", route.target if route else "", answer)]
    handler = _HANDLERS.get(route.kind, _beyond)
    return handler(world, choice, route, traffic)


def _single(choice: routes.Choice, route: Any, answer: Answer, **fields: Any) -> list[Path]:
    return [Path(choice.low, choice.high, route.kind, route.target, answer, **fields)]


def _beyond(_world: World, choice: routes.Choice, route: Any, _traffic: Traffic) -> list[Path]:
    what = route.kind.replace("_", " ")
    message = f"what lies behind the {what} {route.target} is not visible from this account"
    return _single(choice, route, unknown(not_read(route.target, message)))


def _internet_gateway(world: World, choice: routes.Choice, route: Any, traffic: Traffic) -> list[Path]:
    answer = _attached(world, "internet_gateways", route.target)
    if answer.outcome != "allow":
        return _single(choice, route, answer)
    interface = world.interface
    version = prefixes.family(choice.low)
    own = traffic.edge.get(version)
    source = own if version == 6 else (interface.get("public") or {}).get(own or "")
    if source is None:
        reason = f"{interface['id']} has no public IPv{version} address, which {route.target} needs"
        return _single(choice, route, Answer("deny", interface["id"], reason, code=NO_PUBLIC_ADDRESS))
    returned = _ingress_routing(world, route.target, traffic, version)
    return _single(choice, route, returned or answer, source_ip=source)


def _egress_only(world: World, choice: routes.Choice, route: Any, traffic: Traffic) -> list[Path]:
    answer = _attached(world, "egress_only_gateways", route.target)
    if prefixes.family(choice.low) == 4:
        answer = Answer("deny", route.target, f"{route.target} carries IPv6 only", code="CANNOT_ROUTE")
    return _single(choice, route, answer, source_ip=traffic.edge.get(6))


def _attached(world: World, kind: str, gateway_id: str) -> Answer:
    gateway = world.part(kind, gateway_id)
    if isinstance(gateway, Unread):
        return unknown(gateway)
    if gateway is None:
        return unknown(not_read(gateway_id, f"{gateway_id} is not visible to the audit"))
    state = (gateway.get("attachments") or {}).get(world.interface["vpc"])
    if state not in _ATTACHED:
        reason = f"{gateway_id} is {state or 'not attached'} for {world.interface['vpc']}"
        return Answer("deny", gateway_id, reason, code=BAD_STATE_ATTACHMENT)
    return Answer("allow", gateway_id, "attached")


def _ingress_routing(world: World, gateway_id: str, traffic: Traffic, version: int) -> Answer | None:
    """Unknown where the gateway has a route table of its own that sends the answers somewhere else first."""
    if isinstance(world.tables, Unread):
        return None
    own = traffic.edge_interval(version)
    for table in world.tables:
        if gateway_id in table.gateways and own is not None:
            route = routes.choose(table, [own])[0].route
            if route is not None and route.kind != "local":
                return unknown(
                    not_read(route.target, f"{table.id} of {gateway_id} sends the answers to {route.target}")
                )
    return None


def _gateway_endpoint(world: World, choice: routes.Choice, route: Any, traffic: Traffic) -> list[Path]:
    endpoint = world.part("endpoints", route.target)
    if isinstance(endpoint, Unread):
        return _single(choice, route, unknown(endpoint))
    if endpoint is None:
        message = f"{route.target} is not visible to the audit (another account's)"
        return _single(choice, route, unknown(not_read(route.target, message)))
    if endpoint.get("type") != "Gateway":
        return _beyond(world, choice, route, traffic)
    if endpoint.get("state", "").lower() != "available":
        reason = f"{route.target} is {endpoint.get('state')}"
        answer = Answer("deny", route.target, reason, code=BAD_STATE)
        return [Path(choice.low, choice.high, "gateway_endpoint", route.target, answer)]
    answer = Answer("allow", route.target, f"{endpoint.get('service')} is available")
    return [Path(choice.low, choice.high, "gateway_endpoint", route.target, answer)]


def _nat_gateway(world: World, choice: routes.Choice, route: Any, traffic: Traffic) -> list[Path]:
    nat = world.part("nat_gateways", route.target)
    problem = _nat_problem(nat, route.target, choice)
    if problem is not None:
        return _single(choice, route, problem)
    table = _nat_table(world, nat)
    stages = _nat_stages(world, nat, traffic, prefixes.family(choice.low))
    paths = []
    for onward in routes.choose(table, [(choice.low, choice.high)]):
        answer = _behind_nat(world, nat, table, onward, traffic)
        paths.append(
            Path(onward.low, onward.high, route.kind, route.target, answer, (nat.get("public") or [None])[0], stages)
        )
    return paths


def _nat_problem(nat: Any, nat_id: str, choice: routes.Choice) -> Answer | None:
    if isinstance(nat, Unread):
        return unknown(nat)
    if nat is None:
        return unknown(not_read(nat_id, f"{nat_id} is not visible to the audit"))
    if nat.get("state") != "available":
        why = f": {nat['failure']}" if nat.get("failure") else ""
        return Answer("deny", nat_id, f"{nat_id} is {nat.get('state')}{why}", code=BAD_STATE)
    if prefixes.family(choice.low) == 6:
        return unknown(not_read(nat_id, f"IPv6 through {nat_id} (NAT64) is not analysed"))
    return None


def _nat_table(world: World, nat: Mapping[str, Any]) -> Read[RouteTable]:
    if nat.get("subnet"):
        return routes.table_of(world.tables, nat["subnet"])
    if isinstance(world.tables, Unread):
        return world.tables
    own = [table for table in world.tables if table.id == nat.get("route_table")]
    return own[0] if own else not_read(nat["id"], f"the route table of the regional {nat['id']} is not visible")


def _behind_nat(
    world: World, nat: Mapping[str, Any], table: Read[RouteTable], onward: routes.Choice, traffic: Traffic
) -> Answer:
    if onward.answer.outcome != "allow" or onward.route is None:
        reason = f"behind {nat['id']}: {onward.answer.reason}"
        return Answer(
            onward.answer.outcome, nat["id"], reason, onward.answer.rule, onward.answer.code, onward.answer.because
        )
    if onward.route.target == nat["id"]:
        reason = f"the route table {onward.answer.resource} of {nat['id']} leads back to {nat['id']}"
        return Answer("deny", nat["id"], reason, onward.answer.rule, "CANNOT_ROUTE")
    if onward.route.kind != "internet_gateway":
        message = f"behind {nat['id']} the route leads to {onward.route.target}, which is not analysed"
        return unknown(not_read(onward.route.target, message))
    if nat.get("connectivity") == "private":
        reason = f"{nat['id']} is private: {onward.route.target} drops what comes from it"
        return Answer("deny", nat["id"], reason, onward.answer.rule, NO_PUBLIC_ADDRESS)
    attached = _attached(world, "internet_gateways", onward.route.target)
    if attached.outcome != "allow":
        return attached
    own = traffic.edge_interval(4)
    back = routes.choose(table, [own])[0].route if own is not None else None
    if back is not None and back.kind != "local":
        return unknown(
            not_read(back.target, f"behind {nat['id']} the answers take {back.destination} to {back.target}")
        )
    return Answer("allow", nat["id"], f"{nat['id']} is available, then {onward.route.target}")


def _nat_stages(world: World, nat: Mapping[str, Any], traffic: Traffic, version: int) -> tuple[Stage, ...]:
    """The NAT gateway's own subnet; a regional NAT gateway lives in none, so that no network ACL applies."""
    subnet = nat.get("subnet")
    if not subnet:
        return ()
    acl = acl_of(world, subnet)
    port = (traffic.port, traffic.port)
    stages = [
        Stage("out of the NAT gateway's subnet", acl, True, "server", port),
        Stage("back into the NAT gateway's subnet", acl, False, "nat", NAT_PORTS),
    ]
    own = traffic.edge_interval(version)
    if subnet != world.interface["subnet"] and own is not None:
        stages += [
            Stage("into the NAT gateway's subnet", acl, False, "server", port, own),
            Stage("from the NAT gateway back to the edge", acl, True, "edge", traffic.ephemeral, own),
        ]
    return tuple(stages)


def acl_of(world: World, subnet: str) -> Read[Acl]:
    """The network ACL of a subnet (every subnet has exactly one)."""
    if isinstance(world.acls, Unread):
        return world.acls
    acl = world.acls.get(subnet)
    return acl if acl is not None else not_read(subnet, f"the network ACL of {subnet} is not visible to the audit")


def _local(world: World, choice: routes.Choice, route: Any, traffic: Traffic) -> list[Path]:
    """Within the VPC: the interface that has the address, its groups, and its subnet's network ACL."""
    if choice.low != choice.high:
        message = "ranges within the VPC are judged address by address, not as a whole"
        return _single(choice, route, unknown(not_read(route.destination, message)))
    address = prefixes.address(choice.low)
    target = world.part("targets", address)
    if isinstance(target, Unread):
        return _single(choice, route, unknown(target))
    if target is None:
        return _single(
            choice, route, unknown(not_read(address, f"no interface with {address} is visible to the audit"))
        )
    endpoint = _endpoint_of(world, target)
    if isinstance(endpoint, Unread):
        return _single(choice, route, unknown(endpoint))
    kind, name = ("interface_endpoint", endpoint["id"]) if endpoint else ("local", target["id"])
    same = target.get("subnet") == world.interface["subnet"]
    answer = _let_in(world, target, endpoint, traffic, prefixes.family(choice.low))
    stages = () if same else _target_stages(world, target, traffic, prefixes.family(choice.low))
    return [Path(choice.low, choice.high, kind, name, answer, None, stages, same)]


def _endpoint_of(world: World, target: Mapping[str, Any]) -> Any:
    endpoints = world.network.get("endpoints")
    gone = unread(endpoints)
    if gone is not None:
        return gone if target.get("type") == "vpc_endpoint" else None
    return next((item for item in (endpoints or {}).values() if target["id"] in (item.get("interfaces") or ())), None)


def _let_in(world: World, target: Mapping[str, Any], endpoint: Any, traffic: Traffic, version: int) -> Answer:
    if endpoint and endpoint.get("state", "").lower() != "available":
        return Answer("deny", endpoint["id"], f"{endpoint['id']} is {endpoint.get('state')}", code=BAD_STATE)
    own = traffic.edge_interval(version)
    if own is None:
        return unknown(not_read(target["id"], f"the edge's IPv{version} address is not known"))
    rules = group_rules(world.network, target.get("groups") or (), egress=False, peer=world.interface)
    names = ", ".join(target.get("groups") or ())
    answer = at(groups.judge(rules, [own], traffic.port, owner=names), own[0])
    if answer is None or answer.outcome != "deny":
        return answer or Answer("none", target["id"], "not judged")
    reason = f"{names} of {endpoint['id'] if endpoint else target['id']} do not let tcp {traffic.port} in from the edge"
    detail = {"group_id": next(iter(target.get("groups") or ()), None)}
    return Answer("deny", (endpoint or target)["id"], reason, code=groups.MISMATCH, detail=detail)


def _target_stages(world: World, target: Mapping[str, Any], traffic: Traffic, version: int) -> tuple[Stage, ...]:
    own = traffic.edge_interval(version)
    acl = acl_of(world, str(target.get("subnet")))
    return (
        Stage("into the target's subnet", acl, False, "server", (traffic.port, traffic.port), own),
        Stage("from the target back to the edge", acl, True, "edge", traffic.ephemeral, own),
    )


def _appliance(world: World, choice: routes.Choice, route: Any, traffic: Traffic) -> list[Path]:
    target = world.part("route_interfaces", route.target)
    if isinstance(target, Mapping) and target.get("source_dest_check"):
        reason = f"{route.target} checks source and destination, and drops what is not its own"
        return _single(choice, route, Answer("deny", route.target, reason, code=SOURCE_DEST_CHECK))
    if isinstance(target, Unread):
        return _single(choice, route, unknown(target))
    return _beyond(world, choice, route, traffic)


def in_subnet(world: World, low: int) -> Read[bool]:
    """Whether a destination lies in the edge's own subnet, where no network ACL applies."""
    own = subnet_range(world.network, world.interface["subnet"])
    return own if isinstance(own, Unread) else prefixes.contains(own, low)


_HANDLERS = {
    "local": _local,
    "internet_gateway": _internet_gateway,
    "egress_only_gateway": _egress_only,
    "vpc_endpoint": _gateway_endpoint,
    "nat_gateway": _nat_gateway,
    "network_interface": _appliance,
}
