# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hop answers for a part of the destinations, and how the answers of several hops combine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ..finding import Unread
from . import prefixes

# Worst first. `none`: the hop was not reached, because an earlier one already ends the path.
OUTCOMES = ("deny", "unknown", "partial", "allow", "none")


@dataclass(frozen=True)
class Answer:
    """One hop's answer.

    outcome: one of OUTCOMES; ``partial`` means that a share `failing` of the connections fails (some source ports).
    resource, rule: what decided, by id.  code: the explanation code of VPC Reachability Analyzer, where one applies.
    reason: one sentence.  because: for ``unknown``, what could not be read.  detail: what a fix needs to know.
    """

    outcome: str
    resource: str
    reason: str
    rule: str = ""
    code: str = ""
    because: Unread | None = None
    failing: Fraction = Fraction(0)
    detail: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = {"outcome": self.outcome, "resource": self.resource, "reason": self.reason}
        if self.rule:
            data["rule"] = self.rule
        if self.code:
            data["code"] = self.code
        if self.outcome == "partial":
            data["failing_share"] = float(self.failing)
        return data


def unknown(because: Unread, resource: str = "") -> Answer:
    return Answer("unknown", resource or because.resource, because.message, because=because)


# (first, last, answer), sorted and disjoint: one hop's answers for all destinations.
Judged = list[tuple[int, int, Answer]]


def everywhere(destinations: Iterable[prefixes.Interval], answer: Answer) -> Judged:
    """The same answer for every destination."""
    return [(low, high, answer) for low, high in destinations]


def at(judged: Judged, point: int) -> Answer | None:
    """The answer for one address; None where the hop was not asked about it."""
    low, high = 0, len(judged)
    while low < high:
        middle = (low + high) // 2
        if judged[middle][0] <= point:
            low = middle + 1
        else:
            high = middle
    return judged[low - 1][2] if low and judged[low - 1][1] >= point else None


def where(judged: Judged, *outcomes: str) -> prefixes.Ranges:
    """The destinations that have one of these answers."""
    return prefixes.union((low, high) for low, high, answer in judged if answer.outcome in outcomes)


def combine(destinations: prefixes.Ranges, hops: Sequence[Judged]) -> Judged:
    """The path's answer for each part of the destinations: the worst of its hops, the first of them where equal.

    Where several hops fail for a share of the connections, the shares are taken as independent.
    """
    cuts = sorted({low for hop in hops for low, _, _ in hop} | {high + 1 for hop in hops for _, high, _ in hop})
    combined: Judged = []
    for low, high in prefixes.pieces(destinations, cuts):
        answers = [answer for answer in (at(hop, low) for hop in hops) if answer is not None]
        combined.append((low, high, _worst(answers)))
    return combined


def _worst(answers: Sequence[Answer]) -> Answer:
    worst = min(answers, key=lambda answer: OUTCOMES.index(answer.outcome), default=None)
    if worst is None:
        return Answer("none", "", "no hop was judged")
    if worst.outcome != "partial":
        return worst
    passing = Fraction(1)
    for answer in answers:
        passing *= 1 - answer.failing
    return replace(worst, failing=1 - passing)
