# SPDX-License-Identifier: GPL-3.0-or-later
"""From `nft -j list ruleset` (libnftables-json(5)) to a Ruleset. What is not understood becomes an opaque condition.

A payload match implies its protocol, also where the listing leaves that out: `ip daddr != x` matches no IPv6 packet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import prefixes
from .ruleset import OPAQUE, Chain, Condition, Key, Rule, Ruleset

# nft(8), "Standard priority names".
_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "ipv6-icmp": 58, "sctp": 132}
_SERVICES = {"https": 443, "http": 80, "ssh": 22, "domain": 53}
_PORTS = ("sport", "dport")
_STATEMENTS = ("counter", "log", "mangle", "set", "map", "flow", "comment", "meter", "ct helper", "last")
_META = {"oifname": "oif", "oif": "oif", "iifname": "iif", "iif": "iif", "l4proto": "protocol", "nfproto": "family"}
_ADDRESS_FAMILY = {"ip": 4, "ip6": 6}
_FAMILIES = {"ipv4": 4, "ipv6": 6, "ip": 4, "ip6": 6}


def parse(document: Mapping[str, Any]) -> Ruleset:
    """The ruleset of a document with the key ``nftables``; ValueError where it is no such document."""
    items = document.get("nftables") if isinstance(document, Mapping) else None
    if not isinstance(items, list):
        raise ValueError("it is not the JSON of nft: the key nftables is missing")
    sets = {
        (item[kind]["family"], item[kind]["table"], item[kind]["name"]): item[kind].get("elem") or []
        for item in items
        for kind in ("set", "map")
        if kind in item
    }
    rules: dict[Key, list[Rule]] = {}
    for item in items:
        if "rule" in item:
            held = item["rule"]
            key = (held["family"], held["table"], held["chain"])
            rules.setdefault(key, []).extend(_rules(held, sets))
    chains = [_chain(item["chain"], rules) for item in items if "chain" in item]
    return Ruleset({chain.key: chain for chain in chains})


def _chain(held: Mapping[str, Any], rules: Mapping[Key, list[Rule]]) -> Chain:
    key = (held["family"], held["table"], held["name"])
    priority = held.get("prio", 0)
    return Chain(
        key,
        tuple(rules.get(key, ())),
        held.get("hook", ""),
        priority if isinstance(priority, int) else _PRIORITIES.get(str(priority), 0),
        held.get("policy", "accept"),
    )


def _rules(held: Mapping[str, Any], sets: Mapping[Key, Sequence[Any]]) -> list[Rule]:
    """The rules that one rule stands for: one, or one for each element of a verdict map."""
    label = f"handle {held['handle']}" if "handle" in held else "rule"
    conditions: list[Condition] = []
    rules: list[Rule] = []
    scope = (held["family"], held["table"])
    for expression in held.get("expr") or []:
        kind, body = _statement(expression)
        if kind == "match":
            conditions += _match(body, scope, sets)
        elif kind == "vmap":
            rules += _vmap(body, tuple(conditions), label, scope, sets)
        elif kind == "xt":
            rules += _xt(body, conditions, label)
        elif kind in ("limit", "quota", "ct count", "connlimit"):
            conditions.append(OPAQUE)
        elif kind not in _STATEMENTS:
            rules.append(_verdict(kind, body, tuple(conditions), label))
    return rules


def _statement(expression: Any) -> tuple[str, Any]:
    """The one key of a statement and what stands under it; ("", {}) for what is no statement."""
    if not isinstance(expression, Mapping) or not expression:
        return "", {}
    return next(iter(expression.items()))


def _xt(body: Any, conditions: list[Condition], label: str) -> list[Rule]:
    """An extension of iptables that nft cannot translate."""
    described = body if isinstance(body, Mapping) else {}
    if described.get("type") == "target":
        return [Rule(tuple(conditions), "unknown", label)]
    if described.get("name") != "comment":
        conditions.append(OPAQUE)
    return []


def _verdict(kind: str, body: Any, conditions: tuple[Condition, ...], label: str) -> Rule:
    if kind in ("accept", "drop", "return", "continue", "notrack"):
        return Rule(conditions, kind, label)
    if kind == "reject":
        return Rule(conditions, "drop", label)
    if kind in ("jump", "goto"):
        return Rule(conditions, kind, label, str(body["target"]))
    if kind in ("masquerade", "snat"):
        return Rule(conditions, "accept", label)
    return Rule(conditions, "unknown", label)


def _vmap(
    body: Mapping[str, Any],
    conditions: tuple[Condition, ...],
    label: str,
    scope: tuple[str, str],
    sets: Mapping[Key, Sequence[Any]],
) -> list[Rule]:
    data = body.get("data")
    elements = data.get("set") if isinstance(data, Mapping) else _named(data, scope, sets)
    if elements is None:
        return [Rule((*conditions, OPAQUE), "unknown", label)]
    rules = []
    for element in elements:
        value, verdict = element
        (kind, target), *_ = verdict.items()
        also = _match({"op": "==", "left": body["key"], "right": _element(value)}, scope, sets)
        rules.append(_verdict(kind, target, (*conditions, *also), label))
    return rules


def _match(body: Mapping[str, Any], scope: tuple[str, str], sets: Mapping[Key, Sequence[Any]]) -> list[Condition]:
    """The conditions of a match: what it says, and what its payload implies."""
    left, operator = body.get("left"), body.get("op", "==")
    if not isinstance(left, Mapping):
        return [OPAQUE]
    name, implied = _field(left)
    if not name or operator not in ("==", "!=", "in", "<", ">", "<=", ">="):
        return [*implied, OPAQUE]
    values = _values(name, operator, body.get("right"), scope, sets)
    if values is None:
        return [*implied, OPAQUE]
    return [*implied, Condition(name, values, negate=operator == "!=")]


def _field(left: Mapping[str, Any]) -> tuple[str, list[Condition]]:
    """The packet's field that is compared, "" where it is none that we follow, and what the comparison implies."""
    payload = left.get("payload")
    if isinstance(payload, Mapping):
        protocol, name = str(payload.get("protocol")), str(payload.get("field"))
        return _payload(protocol, name)
    meta = left.get("meta")
    if isinstance(meta, Mapping):
        return _META.get(str(meta.get("key")), ""), []
    ct = left.get("ct")
    if isinstance(ct, Mapping) and ct.get("key") == "state":
        return "state", []
    return "", []


def _payload(protocol: str, name: str) -> tuple[str, list[Condition]]:
    if protocol in _ADDRESS_FAMILY:
        version = _ADDRESS_FAMILY[protocol]
        implied = [Condition("family", [(version, version)])]
        if name in ("saddr", "daddr"):
            return name, implied
        return ("protocol" if name in ("protocol", "nexthdr") else ""), implied
    if protocol in _PROTOCOLS:
        number = _PROTOCOLS[protocol]
        return (name if name in _PORTS else ""), [Condition("protocol", [(number, number)])]
    return (name if protocol == "th" and name in _PORTS else ""), []


def _values(
    name: str, operator: str, right: Any, scope: tuple[str, str], sets: Mapping[Key, Sequence[Any]]
) -> prefixes.Ranges | tuple[str, ...] | None:
    listed = _listed(right, scope, sets)
    if listed is None:
        return None
    if name in ("oif", "iif", "state"):
        return tuple(str(item) for item in listed) if operator in ("==", "!=", "in") else None
    try:
        numbers = [_number(name, item) for item in listed]
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    return _compared(operator, numbers)


def _compared(operator: str, numbers: Sequence[prefixes.Interval]) -> prefixes.Ranges:
    if operator in ("==", "!=", "in"):
        return prefixes.union(numbers)
    low, high = numbers[0]
    bounds = {"<": (0, low - 1), "<=": (0, high), ">": (high + 1, 65535), ">=": (low, 65535)}
    return [bounds[operator]]


def _listed(right: Any, scope: tuple[str, str], sets: Mapping[Key, Sequence[Any]]) -> list[Any] | None:
    if isinstance(right, str) and right.startswith("@"):
        named = _named(right, scope, sets)
        return None if named is None else [_element(item) for item in named]
    if isinstance(right, Mapping) and "set" in right:
        held = right["set"]
        return [_element(item) for item in (held if isinstance(held, list) else [held])]
    return list(right) if isinstance(right, list) else [right]


def _named(name: Any, scope: tuple[str, str], sets: Mapping[Key, Sequence[Any]]) -> Sequence[Any] | None:
    return sets.get((*scope, str(name).lstrip("@")))


def _element(item: Any) -> Any:
    """An element without its timeout, counter or comment."""
    if isinstance(item, Mapping) and isinstance(item.get("elem"), Mapping):
        return item["elem"].get("val")
    return item


def _number(name: str, item: Any) -> prefixes.Interval:
    if isinstance(item, Mapping) and "range" in item:
        first, last = item["range"]
        return _number(name, first)[0], _number(name, last)[1]
    if isinstance(item, Mapping) and "prefix" in item:
        return prefixes.parse(f"{item['prefix']['addr']}/{item['prefix']['len']}")
    if name in ("saddr", "daddr"):
        return prefixes.parse(str(item))
    words = {"protocol": _PROTOCOLS, "family": _FAMILIES}.get(name, _SERVICES)
    number = words[item] if isinstance(item, str) and item in words else int(item)
    return number, number
