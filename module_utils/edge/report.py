# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json, the stable interface: built from the files of a run. Pure; edge_report does the reading and writing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .finding import SEVERITIES, Check, EdgepathError, Finding
from .payload import Payload
from .verdict import Verdict, decide

SCHEMA = 1


@dataclass(frozen=True)
class Gate:
    """What makes a host fail. fail_on: the least severity, or ``never``.

    allow_unknown: whether a run with answers missing may pass.
    """

    fail_on: str = "high"
    allow_unknown: bool = False

    def __post_init__(self) -> None:
        if self.fail_on not in (*SEVERITIES, "never"):
            raise EdgepathError(f"edge_fail_on must be one of {', '.join(SEVERITIES)} or never, not {self.fail_on!r}")

    def failures(self, verdict: Verdict, checks: Mapping[str, Check]) -> list[str]:
        """Why this edge's host fails; empty where it passes."""
        return self.reasons(verdict.findings, checks)

    def reasons(self, findings: Sequence[Finding], checks: Mapping[str, Check]) -> list[str]:
        """Why these findings fail a host; empty where they do not."""
        reasons = []
        if self.fail_on != "never":
            least = SEVERITIES.index(self.fail_on)
            failing = [
                finding.check
                for finding in findings
                if finding.status == "fail" and SEVERITIES.index(checks[finding.check].severity) >= least
            ]
            if failing:
                reasons.append(f"{', '.join(dict.fromkeys(failing))} failed (edge_fail_on is {self.fail_on})")
        unknown = [finding.check for finding in findings if finding.status == "unknown" and not finding.accepted]
        if unknown and not self.allow_unknown:
            words = "1 answer is" if len(unknown) == 1 else f"{len(unknown)} answers are"
            reasons.append(f"{words} unknown (edge_allow_unknown is false)")
        return reasons


def build(
    run: Mapping[str, Any],
    findings: Mapping[str, Sequence[Finding]],
    payloads: Mapping[str, Payload],
    checks: Mapping[str, Check],
    gate: Gate,
    culprits: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    waivers: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The report as a mapping.

    run: the report's own ``run`` object.  findings: by edge, complete.  payloads: by edge; an edge whose variables are
    invalid has none.  culprits: by edge, the likely causes of an export that was seen to fail.
    waivers: the register that waivers_apply made when it applied them to the findings.
    """
    edges: dict[str, Any] = {}
    for name, of_edge in findings.items():
        payload = payloads.get(name, Payload())
        verdict = decide(name, of_edge, checks, payload, (culprits or {}).get(name, ()))
        reasons = gate.failures(verdict, checks)
        edges[name] = {
            **verdict.to_dict(),
            "payload": {"longest_minutes": payload.longest_minutes, "transfer_seconds": payload.transfer_seconds},
            "failed": bool(reasons),
            "failed_because": reasons,
        }
    asked = {finding.check for of_edge in findings.values() for finding in of_edge}
    return {
        "schema": SCHEMA,
        "run": dict(run),
        "edges": edges,
        "coverage": coverage(findings),
        "waivers": [dict(waiver) for waiver in waivers],
        # With the words of the checks in it a report can be read, and turned into other formats, by itself.
        "checks": {name: dataclasses.asdict(checks[name]) for name in sorted(asked)},
    }


def coverage(findings: Mapping[str, Iterable[Finding]]) -> dict[str, Any]:
    """How many answers were expected and given, and each permission that was missing, with the edges it blinds."""
    everything = [finding for of_edge in findings.values() for finding in of_edge]
    missing: dict[tuple[str, str], set[str]] = {}
    named = {
        (item.edge, permission) for item in everything for permission in item.permissions if _read(item, permission)
    }
    for finding in everything:
        for permission in finding.permissions:
            # What a finding is about is not what could not be read; it stands in only where nothing names that.
            instead = [] if (finding.edge, permission) in named else [finding.resource]
            for resource in _read(finding, permission) or instead:
                missing.setdefault((permission, resource), set()).add(finding.edge)
    return {
        "expected": len(everything),
        "judged": sum(finding.status != "unknown" for finding in everything),
        "missing_permissions": [
            {"permission": permission, "resource": resource, "edges": sorted(edges)}
            for (permission, resource), edges in sorted(missing.items())
        ],
    }


def _read(finding: Finding, permission: str) -> list[str]:
    """What could not be read for want of a permission, as the finding's evidence names it."""
    return [str(item["resource"]) for item in finding.evidence if item.get("operation") == permission]
