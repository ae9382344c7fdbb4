# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's own part of the way: its addresses, its routing table, and what its packet filter does. Pure.

The section "host" as node.gather_node leaves it. Outgoing packets meet the hooks output, postrouting and egress, the
answers ingress, prerouting and input (nft(8), "Address families"; Netfilter hooks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..finding import Unread, unread
from . import iptables, nftables, prefixes
from .answers import Answer, Judged, everywhere, unknown
from .model import not_read
from .ruleset import Condition, Packet, Rule, Ruleset, Verdict, cuts, decide

if TYPE_CHECKING:
    from .gateways import Traffic

OUT = ("output", "postrouting", "egress")
BACK = ("ingress", "prerouting", "input")
_LOOPBACK = prefixes.ranges(["127.0.0.0/8", "::1/128"])


def judge(section: Any, destinations: prefixes.Ranges, traffic: Traffic) -> Judged:
    """What the edge's own packet filter does with the connection, and with its answers."""
    rulesets = _rulesets(section)
    if isinstance(rulesets, Unread):
        return everywhere(destinations, unknown(rulesets, "host firewall"))
    return [
        (low, high, _answer(section, rulesets, (low, high), traffic))
        for low, high in prefixes.pieces(destinations, cuts(rulesets))
    ]


def _rulesets(section: Any) -> list[Ruleset] | Unread:
    gone = unread(section)
    if gone is not None or not section:
        return gone or not_read("host", "nothing was read on the edge")
    firewall = section.get("firewall")
    gone = unread(firewall)
    if gone is not None or firewall is None:
        return gone or not_read("host firewall", "the edge's packet filter was not read")
    found: list[Ruleset] = []
    for part in firewall:
        gone = unread(part)
        if gone is not None:
            return gone
        try:
            found.append(_parsed(part))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return Unread(
                "error", part.get("command", "read"), "host firewall", f"the ruleset is not understood: {error}"
            )
    return [_with_proposed(ruleset, section.get("proposed") or ()) for ruleset in found]


def _parsed(part: Mapping[str, Any]) -> Ruleset:
    if part["kind"] == "nft":
        return nftables.parse(part["ruleset"])
    return iptables.parse(part["ruleset"], 6 if part["kind"] == "ip6tables" else 4)


def _with_proposed(ruleset: Ruleset, proposed: Sequence[Mapping[str, Any]]) -> Ruleset:
    """The ruleset with the rules of a what-if before all others of their chains."""
    chains = dict(ruleset.chains)
    for item in proposed:
        key = (item["family"], item["table"], item["chain"])
        chain = chains.get(key)
        if chain is None:
            continue
        outgoing = item["hook"] in OUT
        peers = Condition("daddr" if outgoing else "saddr", prefixes.ranges(item["destinations"]))
        port = Condition("dport" if outgoing else "sport", [(item["port"], item["port"])])
        rule = Rule((peers, port), "accept", "proposed")
        chains[key] = type(chain)(key, (rule, *chain.rules), chain.hook, chain.priority, chain.policy)
    return Ruleset(chains)


def _answer(
    section: Mapping[str, Any], rulesets: Sequence[Ruleset], piece: prefixes.Interval, traffic: Traffic
) -> Answer:
    version = prefixes.family(piece[0])
    device = _device(section, piece[0])
    own = traffic.edge_interval(version)
    server = (traffic.port, traffic.port)
    family = (version, version)
    leaving = Packet(family, own, piece, traffic.ephemeral, server, oif=device)
    returning = Packet(family, piece, own, server, traffic.ephemeral, iif=device, state="established", syn=False)
    first = decide(rulesets, OUT, leaving)
    second = decide(rulesets, BACK, returning)
    for verdict, words in ((first, "is stopped on its way out"), (second, "goes out, but its answers are stopped")):
        if verdict.possible == frozenset({"drop"}):
            return _stopped(verdict, words, server[0])
    for verdict in (first, second):
        if "drop" in verdict.possible:
            why = f"whether {_name(verdict)} stops it is not understood"
            return unknown(Unread("not_collected", "nft list ruleset", _name(verdict), why), "host firewall")
    return Answer("allow", "host firewall", f"accepted by {_name(first)}" if first.label else "no rule stops it")


def _stopped(verdict: Verdict, words: str, port: int) -> Answer:
    family, table, chain = verdict.chain
    detail = {"family": family, "table": table, "chain": chain, "hook": verdict.hook, "before": verdict.label}
    return Answer("deny", "host firewall", f"tcp {port} {words} by {_name(verdict)}", verdict.label, detail=detail)


def _name(verdict: Verdict) -> str:
    return f"{' '.join(verdict.chain)} {verdict.label}".strip()


def _device(section: Mapping[str, Any], point: int) -> str | None:
    """The interface that carries a destination, None where the routing table does not tell."""
    if prefixes.contains(_LOOPBACK, point):
        return "lo"
    best = _best(_routes(section, prefixes.family(point)), point)
    return str(best["dev"]) if best is not None and best.get("dev") else None


def _routes(section: Any, version: int) -> list[Mapping[str, Any]] | None:
    if unread(section) is not None or not section:
        return None
    held = section.get("routes" if version == 4 else "routes6")
    return None if unread(held) is not None or held is None else list(held)


def _best(routes: Sequence[Mapping[str, Any]] | None, point: int) -> Mapping[str, Any] | None:
    matching: list[tuple[int, int, int, Mapping[str, Any]]] = []
    for route in routes or ():
        text = str(route.get("dst", "default"))
        everything = prefixes.IPV6_ALL if prefixes.family(point) == 6 else prefixes.IPV4_ALL
        span = everything if text == "default" else prefixes.parse(text)
        if span[0] <= point <= span[1]:
            matching.append((span[1] - span[0], int(route.get("metric") or 0), len(matching), route))
    return min(matching)[3] if matching else None


def has_route(section: Any, version: int) -> bool | None:
    """Whether the edge's routing table leads out in a family; None where it was not read."""
    routes = _routes(section, version)
    if routes is None:
        return None
    return any(route.get("dst") in ("default", "::/0", "0.0.0.0/0") for route in routes)


def source_addresses(section: Any) -> dict[int, str]:
    """The address by family that the edge's own connections come from: the default route's, else its interface's."""
    chosen: dict[int, str] = {}
    for version in (4, 6):
        routes = [route for route in _routes(section, version) or () if route.get("dst") == "default"]
        best = min(routes, key=lambda route: int(route.get("metric") or 0), default=None)
        if best is None:
            continue
        if best.get("prefsrc"):
            chosen[version] = str(best["prefsrc"])
            continue
        held = [item["address"] for item in _global(section, version) if item.get("interface") == best.get("dev")]
        if len(held) == 1:
            chosen[version] = held[0]
    return chosen


def addresses(section: Any) -> list[str]:
    """The edge's addresses of global scope."""
    return [item["address"] for version in (4, 6) for item in _global(section, version)]


def _global(section: Any, version: int) -> list[Mapping[str, Any]]:
    if unread(section) is not None or not section:
        return []
    held = section.get("addresses")
    if unread(held) is not None or not held:
        return []
    return [item for item in held if item.get("scope") == "global" and (":" in item["address"]) == (version == 6)]
