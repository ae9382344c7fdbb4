# SPDX-License-Identifier: GPL-3.0-or-later
"""What the domains downstream need of the way out: the route, the endpoint's policy, the bounds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import Unread, unread
from . import gateways, prefixes
from .analyse import Analysis, analyse, counted, missing_interface
from .bounds import bounds
from .model import NOT_UNDERSTOOD, World, not_read, storage_of
from .parse import world as parse_world

EXPORTED = (
    "route", "routes", "endpoint_policy", "bounds", "private_addresses", "vpc_id", "subnet_id", "role_arn",
    "instance_type",
)  # fmt: skip


def exported(facts: Mapping[str, Any], addresses: Any, port: int) -> dict[str, Any]:
    """``{"route", "routes", "endpoint_policy", "bounds", "private_addresses", "vpc_id", "role_arn", "instance_type"}``.

    The route is that of the resolved addresses; where these are not known, that of the storage's prefixes.
    """
    try:
        return _exported(facts, addresses, port)
    except NOT_UNDERSTOOD as error:
        message = f"the egress facts are not understood: {type(error).__name__}: {error}"
        gone = Unread("error", "edge_egress_audit", "egress", message)
        return dict.fromkeys(EXPORTED, gone)


def _exported(facts: Mapping[str, Any], addresses: Any, port: int) -> dict[str, Any]:
    world = parse_world(facts)
    facts = world.raw
    interface = facts.get("interface")
    held = interface if isinstance(interface, Mapping) and unread(interface) is None else {}
    analysis = _analysis(world, facts, addresses, port)
    # An edge whose interface is not known may well have a role: that it has none must have been seen.
    hidden = missing_interface(world) if world.applicable else None
    return {
        "route": _route(world, analysis),
        "routes": [_described(path) for path in _ways(analysis)],
        "endpoint_policy": _policy(world, analysis),
        "bounds": _bounds(world, analysis),
        "private_addresses": [*held.get("addresses", ()), *held.get("ipv6", ())],
        "vpc_id": held.get("vpc"),
        "subnet_id": held.get("subnet"),
        "role_arn": hidden or facts.get("role"),
        "instance_type": hidden or _instance_type(facts),
    }


def _instance_type(facts: Mapping[str, Any]) -> Any:
    """The type's name; Unread also where the type's own default for idle connections could not be read."""
    instance = facts.get("instance")
    gone = unread(instance)
    if gone is not None or not instance or not instance.get("type"):
        return gone
    described = facts.get("instance_type_facts")
    if described is None:
        return not_read(instance["type"], f"the defaults of the instance type {instance['type']} are not known")
    return unread(described) or instance["type"]


def _bounds(world: World, analysis: Analysis | None) -> Any:
    """The bounds, or Unread where a part of the way is hidden that may have one."""
    if not world.applicable:
        return []
    if analysis is None:
        return not_read("bounds", "neither the storage's addresses nor its prefixes are known")
    hidden = next((path.answer.because for path in analysis.paths if path.answer.because is not None), None)
    return hidden or missing_interface(world) or [bound.to_dict() for bound in bounds(world, analysis)]


def _analysis(world: World, facts: Mapping[str, Any], addresses: Any, port: int) -> Analysis | None:
    if isinstance(addresses, list) and addresses:
        return analyse(world, prefixes.ranges(counted(world, addresses)[0]), port)
    listed = storage_of(facts).get("prefixes")
    if unread(listed) is not None or not listed:
        return None
    held = prefixes.ranges(listed)
    return analyse(world, prefixes.of_family(held, 4) or held, port)


def _ways(analysis: Analysis | None) -> list[gateways.Path]:
    """The different ways, the one that most destinations take first."""
    if analysis is None:
        return []
    weights: dict[tuple[str, str], int] = {}
    first: dict[tuple[str, str], gateways.Path] = {}
    for path in analysis.paths:
        key = (path.kind, path.id)
        weights[key] = weights.get(key, 0) + path.high - path.low + 1
        first.setdefault(key, path)
    return [first[key] for key in sorted(weights, key=lambda key: -weights[key])]


def _described(path: gateways.Path) -> dict[str, Any]:
    return {"kind": path.kind, "id": path.id, "source_ip": path.source_ip, "state": path.answer.outcome}


def _route(world: World, analysis: Analysis | None) -> Any:
    if not world.applicable:
        return None
    missing = missing_interface(world)
    if missing is not None:
        return missing
    if analysis is None:
        return not_read("route", "neither the storage's addresses nor its prefixes are known")
    for low, _, answer in analysis.hops["route"]:
        if answer.outcome == "unknown" and answer.because is not None:
            return Unread(
                answer.because.state,
                answer.because.operation,
                answer.because.resource,
                f"the route to {prefixes.address(low)} is not known: {answer.because.message}",
                answer.because.permissions,
            )
    ways = _ways(analysis)
    return _described(ways[0]) if ways and ways[0].kind != "none" else None


def _policy(world: World, analysis: Analysis | None) -> Any:
    """The policy of the endpoint on the way: None where there is none on it, Unread where that cannot be told."""
    if not world.applicable:
        return None
    missing = missing_interface(world)
    if missing is not None:
        return missing
    if analysis is None:
        return not_read("endpoint policy", "the route to the storage is not known")
    for path in _ways(analysis):
        if path.kind in ("gateway_endpoint", "interface_endpoint", "vpc_endpoint"):
            endpoint = world.part("endpoints", path.id)
            if endpoint is None or isinstance(endpoint, Unread):
                return endpoint or path.answer.because
            return {"id": path.id, "document": endpoint.get("policy")}
    hidden = [path.answer.because for path in analysis.paths if path.answer.because is not None]
    return hidden[0] if hidden else None
