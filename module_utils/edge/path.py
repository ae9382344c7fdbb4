# SPDX-License-Identifier: GPL-3.0-or-later
"""The export path of one edge: its hops in order, each with the worst that was found there and its tightest bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .finding import HOPS, Bound, Check, Finding

# Worst first: a hop shows the first of these that any of its findings on the path has, else that none applies.
_WORST = ("fail", "unknown", "waived", "pass")


@dataclass(frozen=True)
class Hop:
    """One hop as the report shows it. status: one of STATUSES, or ``unknown`` where nothing judged it."""

    name: str
    status: str
    checks: tuple[str, ...]
    bound: Bound | None = None

    def to_dict(self) -> dict[str, Any]:
        data: dict[str, Any] = {"hop": self.name, "status": self.status, "checks": list(self.checks)}
        data["bound"] = self.bound.to_dict() if self.bound is not None else None
        return data


def on_path(check: Check) -> bool:
    """Whether this check's failure changes what gets through, as against a setting that is merely wrong."""
    return check.effect != "none"


def hops(findings: Iterable[Finding], checks: Mapping[str, Check]) -> list[Hop]:
    """The path in order, from all findings of one edge. Hops that no check covers are left out."""
    by_hop: dict[str, list[Finding]] = {}
    for finding in findings:
        by_hop.setdefault(finding.hop, []).append(finding)
    return [_hop(name, by_hop[name], checks) for name in HOPS if name in by_hop]


def _hop(name: str, findings: list[Finding], checks: Mapping[str, Check]) -> Hop:
    deciding = [finding for finding in findings if on_path(checks[finding.check])]
    statuses = {finding.status for finding in deciding}
    status = next((word for word in _WORST if word in statuses), "not_applicable")
    named = tuple(sorted({finding.check for finding in deciding if finding.status == status}))
    return Hop(name, status, named, _tightest(findings))


def _tightest(findings: Iterable[Finding]) -> Bound | None:
    bounds = [(bound.seconds, bound) for finding in findings if (bound := finding.bound) is not None and bound.seconds]
    return min(bounds, key=lambda timed: timed[0])[1] if bounds else None
