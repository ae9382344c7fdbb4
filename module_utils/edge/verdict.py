# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on one edge, from its findings.

    blocked     some hop fails for every transfer
    truncates   the path works; recordings longer than N minutes are cut, by this bound
    unreliable  the path works for a share of the storage addresses only
    unknown     nothing fails, but a hop could not be judged
    clear       every recording in the profile survives; nothing unknown on the path
The first that applies is the verdict. A waived finding does not fail, but a waiver does not heal a path either: it is
shown in the report and never makes a verdict greener than the path is, so `waived` counts as `fail` here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .finding import HOPS, Check, Finding
from .path import Hop, hops, on_path
from .payload import Payload

VERDICTS = ("blocked", "truncates", "unreliable", "unknown", "clear")


@dataclass(frozen=True)
class Verdict:
    """The answer for one edge. longest_recording_minutes: None where no bound was found, or none can be told."""

    edge: str
    verdict: str
    sentence: str
    longest_recording_minutes: float | None
    limited_by: str | None
    failing_share: float | None
    path: Sequence[Hop]
    causes: Sequence[Mapping[str, Any]]
    findings: Sequence[Finding]

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "sentence": self.sentence,
            "longest_recording_minutes": self.longest_recording_minutes,
            "limited_by": self.limited_by,
            "failing_share": self.failing_share,
            "path": [hop.to_dict() for hop in self.path],
            "causes": [dict(cause) for cause in self.causes],
            "findings": [finding.to_dict() for finding in self.findings],
        }


def decide(
    edge: str,
    findings: Iterable[Finding],
    checks: Mapping[str, Check],
    payload: Payload,
    culprits: Sequence[Mapping[str, Any]] = (),
) -> Verdict:
    """The verdict on one edge. findings: all of this edge's, of every domain; checks: the whole catalogue.

    culprits: where a failed export was observed, its likely causes in order (timeouts.death.rank); they explain the
    failure and never change the verdict.
    """
    ordered = sorted(findings, key=lambda finding: (HOPS.index(finding.hop), finding.check, finding.resource))
    broken = [finding for finding in ordered if finding.status in ("fail", "waived")]
    blocking = _with_effect(broken, checks, "blocks")
    cutting = sorted(
        _with_effect(broken, checks, "truncates"),
        key=lambda finding: float("inf") if finding.longest_minutes is None else finding.longest_minutes,
    )
    partial = sorted(_with_effect(broken, checks, "partial"), key=lambda finding: -(finding.share or 0.0))
    unjudged = [finding for finding in ordered if finding.status == "unknown" and on_path(checks[finding.check])]

    longest = cutting[0].longest_minutes if cutting else None
    limited_by = cutting[0].check if cutting else None
    share = partial[0].share if partial else None
    if blocking:
        word, sentence = "blocked", _blocked_sentence(blocking)
        longest, limited_by = 0.0, blocking[0].check
    elif cutting:
        word, sentence = "truncates", _truncates_sentence(cutting[0], payload)
    elif partial:
        word, sentence = "unreliable", _unreliable_sentence(partial[0])
        limited_by = partial[0].check
    elif unjudged or not ordered:
        word, sentence = "unknown", _unknown_sentence(unjudged)
    else:
        word, sentence = "clear", f"recordings of up to {payload.longest_minutes:g} minutes get through"
    causes = list(culprits) or _causes([*blocking, *cutting, *partial])
    return Verdict(edge, word, sentence, longest, limited_by, share, hops(ordered, checks), causes, ordered)


def _with_effect(findings: Iterable[Finding], checks: Mapping[str, Check], effect: str) -> list[Finding]:
    return [finding for finding in findings if checks[finding.check].effect == effect]


def failure_probability(share: float, connections: int) -> float:
    """The chance that a job of n connections meets a failing address: 1-(1-q)^n."""
    return 1.0 - (1.0 - share) ** connections


def _blocked_sentence(blocking: Sequence[Finding]) -> str:
    names = list(dict.fromkeys(finding.hop.replace("_", " ") for finding in blocking))
    return f"no transfer gets through the {_listed(names)}: {blocking[0].observed}"


def _truncates_sentence(finding: Finding, payload: Payload) -> str:
    minutes = finding.longest_minutes if finding.longest_minutes is not None else 0.0
    sentence = f"recordings over {minutes:.0f} min are cut"
    bound = finding.bound
    if bound is not None and bound.seconds:
        sentence += f" at {bound.seconds:g} s by {bound.called} ({finding.hop.replace('_', ' ')})"
    return f"{sentence}; the profile asks for {payload.longest_minutes:g} min"


def _unreliable_sentence(finding: Finding) -> str:
    share = finding.share or 0.0
    return (
        f"{share:.0%} of the storage addresses fail at the {finding.hop.replace('_', ' ')}; "
        f"a job of 10 connections fails with probability {failure_probability(share, 10):.0%}"
    )


def _unknown_sentence(unjudged: Sequence[Finding]) -> str:
    if not unjudged:
        return "nothing was judged"
    names = list(dict.fromkeys(finding.hop.replace("_", " ") for finding in unjudged))
    missing = "1 answer about it is" if len(unjudged) == 1 else f"{len(unjudged)} answers about it are"
    return f"nothing on the path fails, but {missing} missing: {', '.join(names)}"


def _causes(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Failing findings as ranked causes, the verdict's own first, where no failure was observed to be explained."""
    return [
        {"rank": rank, "check": finding.check, "hop": finding.hop, "for": [finding.observed], "against": []}
        for rank, finding in enumerate(findings, start=1)
    ]


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and the b`, `a, the b and the c`."""
    return " and the ".join(filter(None, (", the ".join(names[:-1]), names[-1])))
