# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet filter as chains of rules, and what it does with one packet: three-valued, for nftables and iptables alike.

Semantics: nft(8), "Chains" and "Verdict statement": every base chain of a hook is asked in order of priority; accept
ends that chain alone, drop is final; the end of a base chain is its policy. A condition or statement that is not
understood may match or not, and whatever both cases lead to is kept as possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Union

from . import prefixes

Key = tuple[str, str, str]
# Numbers are compared as ranges, words as patterns.
Value = Union[prefixes.Ranges, tuple[str, ...]]

# Verdicts that end a chain, or lead elsewhere; ``unknown`` may do either.
TERMINAL = ("accept", "drop", "unknown")
MOST_JUMPS = 16


@dataclass(frozen=True)
class Condition:
    """field: one of the Packet's, or ``opaque``: not understood.  negate: matches all other values."""

    field: str
    value: Value = ()
    negate: bool = False


OPAQUE = Condition("opaque")


@dataclass(frozen=True)
class Rule:
    """verdict: accept, drop, unknown, return, continue, notrack, jump, goto.  label: how the ruleset names it."""

    conditions: tuple[Condition, ...]
    verdict: str
    label: str
    target: str = ""


@dataclass(frozen=True)
class Chain:
    """A chain; a base chain has a hook, a priority and a policy."""

    key: Key
    rules: tuple[Rule, ...] = ()
    hook: str = ""
    priority: int = 0
    policy: str = "accept"


@dataclass(frozen=True)
class Ruleset:
    chains: Mapping[Key, Chain]

    def base(self, hooks: Sequence[str], version: int) -> list[Chain]:
        """The base chains that a packet of this family meets at these hooks, in order."""
        families = ("inet", "netdev", "ip6" if version == 6 else "ip")
        found = [chain for chain in self.chains.values() if chain.hook in hooks and chain.key[0] in families]
        return sorted(found, key=lambda chain: (hooks.index(chain.hook), chain.priority))


@dataclass(frozen=True)
class Packet:
    """A packet of which some fields are known as ranges only. Addresses on the number line of prefixes.py.

    state: of connection tracking (``new``, ``established``), None where it is not known.  syn: a bare SYN.
    """

    family: prefixes.Interval
    saddr: prefixes.Interval | None
    daddr: prefixes.Interval | None
    sport: prefixes.Interval
    dport: prefixes.Interval
    protocol: prefixes.Interval = (6, 6)
    oif: str | None = None
    iif: str | None = None
    state: str | None = "new"
    syn: bool = True


@dataclass(frozen=True)
class Verdict:
    """possible: subset of {accept, drop}.  chain, label: what decided first."""

    possible: frozenset[str]
    chain: Key = ("", "", "")
    label: str = ""
    hook: str = ""


def holds(condition: Condition, packet: Packet) -> bool | None:
    """Whether a condition matches; None where it may or may not."""
    found = _holds(condition, packet)
    return found if found is None or not condition.negate else not found


def _holds(condition: Condition, packet: Packet) -> bool | None:
    name, value = condition.field, condition.value
    if name == "opaque":
        return None
    held = getattr(packet, name)
    if held is None:
        return None
    if name == "syn":
        return bool(held)
    if isinstance(held, str):
        return any(fnmatchcase(held, str(pattern)) for pattern in value)
    numbers = [item for item in value if isinstance(item, tuple)]
    common = prefixes.size(prefixes.intersect(prefixes.union(numbers), [held]))
    if not common:
        return False
    return True if common == prefixes.size([held]) else None


def matches(rule: Rule, packet: Packet) -> bool | None:
    """Whether all conditions of a rule hold; None where that cannot be told."""
    answers = [holds(condition, packet) for condition in rule.conditions]
    if False in answers:
        return False
    return None if None in answers else True


def decide(rulesets: Iterable[Ruleset], hooks: Sequence[str], packet: Packet) -> Verdict:
    """What all base chains at these hooks do with a packet."""
    version = 6 if packet.family == (6, 6) else 4
    doubtful: Verdict | None = None
    last = Verdict(frozenset({"accept"}))
    for chain in (chain for ruleset in rulesets for chain in _with_chains(ruleset, hooks, version)):
        run = _Run(chain[0], packet)
        found = run.base(chain[1])
        packet = run.packet
        if found.possible == frozenset({"drop"}):
            return found
        if "drop" in found.possible:
            doubtful = doubtful or found
        last = found
    return doubtful or last


def _with_chains(ruleset: Ruleset, hooks: Sequence[str], version: int) -> list[tuple[Ruleset, Chain]]:
    return [(ruleset, chain) for chain in ruleset.base(hooks, version)]


@dataclass
class _Run:
    """One packet on its way through a ruleset."""

    ruleset: Ruleset
    packet: Packet
    decided: list[tuple[str, Key, str]] = field(default_factory=list)

    def base(self, chain: Chain) -> Verdict:
        self.decided = []
        ends = self._walk(chain, 0)
        if "end" in ends:
            self.decided.append((chain.policy, chain.key, f"policy {chain.policy}"))
        possible = {
            word
            for verdict, _, _ in self.decided
            for word in (("accept", "drop") if verdict == "unknown" else (verdict,))
        }
        worst = next((item for item in self.decided if item[0] != "accept"), self.decided[0])
        return Verdict(frozenset(possible), worst[1], worst[2], chain.hook)

    def _walk(self, chain: Chain, depth: int) -> set[str]:
        """How the walk of a chain may end: ``end`` (fell through, or returned) and ``done`` (decided)."""
        if depth > MOST_JUMPS:
            self.decided.append(("unknown", chain.key, "too many jumps"))
            return {"done"}
        ends: set[str] = set()
        for rule in chain.rules:
            matched = matches(rule, self.packet)
            if matched is False:
                continue
            outcome = self._apply(rule, chain, depth)
            if matched and outcome != {"next"} and "next" not in outcome:
                return ends | outcome
            ends |= outcome - {"next"}
        return ends | {"end"}

    def _apply(self, rule: Rule, chain: Chain, depth: int) -> set[str]:
        if rule.verdict in TERMINAL:
            self.decided.append((rule.verdict, chain.key, rule.label))
            return {"done"}
        if rule.verdict == "return":
            return {"end"}
        if rule.verdict == "notrack":
            self.packet = replace(self.packet, state=None)
        if rule.verdict not in ("jump", "goto"):
            return {"next"}
        target = self.ruleset.chains.get((chain.key[0], chain.key[1], rule.target))
        if target is None:
            self.decided.append(("unknown", chain.key, f"{rule.label}: the chain {rule.target} is missing"))
            return {"done"}
        ends = self._walk(target, depth + 1)
        fell = "next" if rule.verdict == "jump" else "end"
        return {fell if end == "end" else end for end in ends}


def cuts(rulesets: Iterable[Ruleset]) -> list[int]:
    """Where the answer can change along the number line of addresses."""
    return prefixes.boundaries(
        interval
        for ruleset in rulesets
        for chain in ruleset.chains.values()
        for rule in chain.rules
        for condition in rule.conditions
        if condition.field in ("saddr", "daddr")
        for interval in condition.value
        if isinstance(interval, tuple)
    )
