# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a fact was not read deep inside of a thing, the whole thing was not read.

A rule without its protocol, a route table without one of its subnets: judged as it stands it would pass for something
else. Every part of the facts that is judged as one becomes Unread as a whole. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import Unread, unread

# Kinds of the network whose things are looked up one by one; the others are searched as a whole.
_ONE_BY_ONE = ("groups", "group_members", "nat_gateways", "internet_gateways", "egress_only_gateways", "targets",
               "route_interfaces", "subnets")  # fmt: skip
_HOST_PARTS = ("ip_local_port_range", "addresses", "routes", "routes6", "vendor", "proposed")


def settled(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts, with an Unread for every part in which something is Unread."""
    result = dict(facts)
    for key in ("interface", "instance", "instance_type_facts"):
        if key in result:
            result[key] = _whole(result[key])
    if isinstance(result.get("network"), Mapping):
        result["network"] = _network(result["network"])
    if isinstance(result.get("storage"), Mapping) and unread(result["storage"]) is None:
        result["storage"] = {key: _whole(value) for key, value in result["storage"].items()}
    if isinstance(result.get("host"), Mapping) and unread(result["host"]) is None:
        result["host"] = _host(result["host"])
    return result


def _network(network: Mapping[str, Any]) -> Any:
    gone = unread(network)
    if gone is not None:
        return gone
    return {kind: _kind(kind, held) for kind, held in network.items()}


def _kind(kind: str, held: Any) -> Any:
    if not isinstance(held, Mapping) or unread(held) is not None:
        return _whole(held)
    if kind in _ONE_BY_ONE:
        return {key: _whole(item) for key, item in held.items()}
    if kind == "prefix_lists":
        return {key: _prefix_list(item) for key, item in held.items()}
    if kind == "vpc":
        return {key: _whole(value) for key, value in held.items()}
    return _whole(held)


def _prefix_list(item: Any) -> Any:
    if not isinstance(item, Mapping) or unread(item) is not None:
        return _whole(item)
    described = _whole({key: value for key, value in item.items() if key != "entries"})
    return described if isinstance(described, Unread) else {**item, "entries": _whole(item.get("entries"))}


def _host(section: Mapping[str, Any]) -> dict[str, Any]:
    result = {key: _whole(value) if key in _HOST_PARTS else value for key, value in section.items()}
    firewall = section.get("firewall")
    if isinstance(firewall, list):
        result["firewall"] = [_whole(part) for part in firewall]
    return result


def _whole(value: Any) -> Any:
    found = _within(value)
    return value if found is None else found


def _within(value: Any) -> Unread | None:
    """The first Unread in a value, at any depth."""
    if isinstance(value, (str, int, float)) or value is None:
        return None
    gone = unread(value)
    if gone is not None:
        return gone
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return next((found for found in map(_within, items) if found is not None), None)
