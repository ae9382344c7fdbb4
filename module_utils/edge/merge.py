# SPDX-License-Identifier: GPL-3.0-or-later
"""One report of a fleet, of the reports of its shards. Pure.

Each edge is taken whole from the newest report that holds it; nothing is judged again, and nothing is counted twice.
What is expected and in no report is unknown: a shard that was lost is not a shard without findings.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .catalogue import all_checks, asked
from .finding import EdgepathError, Finding, Unread
from .missing import policies
from .payload import Payload
from .report import SCHEMA, Gate, build, coverage

# Of a waiver's entry in the register, what each shard tells for itself.
_OF_A_SHARD = ("state", "findings", "days_left", "ending")
_OF_A_FINDING = frozenset(item.name for item in dataclasses.fields(Finding))
# What became of a waiver in the shard that saw the most of it.
_STATES = ("expired", "active", "unjudged", "unneeded", "elsewhere", "unmatched")


@dataclass
class Shards:
    """The newest answer for each edge of the reports added so far; older ones are dropped as they are superseded.

    oldest: reports finished before are left out.  said: what an operator must know, one sentence each.
    """

    oldest: datetime | None = None
    edges: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    readers: dict[str, str] = field(default_factory=dict)
    waivers: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _finished: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def add(self, report: Mapping[str, Any], source: str) -> None:
        """Take a shard's report.json. source: where it was read; EdgepathError where it is no report."""
        run, finished = _about(report, source)
        if any(run["id"] == known["id"] for known in self.runs):
            return  # the same run, collected twice
        if self.oldest is not None and finished < self.oldest:
            self.said.append(f"{source}: left out, since it ended at {run['finished']}, longer ago than is accepted")
            return
        taken = [name for name in report["edges"] if self._newest(name, finished, str(run["id"]))]
        for name in taken:
            self.edges[name] = _as_judged(report["edges"][name])
            self.readers.pop(name, None)
        for entry in report["coverage"].get("missing_policies", ()):
            self.readers.update({name: entry["reader"] for name in entry["edges"] if name in taken})
        if taken:
            self._note_checks(report, finished)
        for entry in report.get("waivers", ()):
            self._note_waiver(entry)
        self.runs.append({key: run.get(key) for key in ("id", "started", "finished", "version", "commit", "caller",
                                                        "inputs_sha256", "scope")} | {"edges": len(taken)})  # fmt: skip

    def _newest(self, name: str, finished: datetime, identifier: str) -> bool:
        """Whether this is the newest answer for an edge so far; the id decides between two of the same second."""
        if name in self._finished and self._finished[name] >= (finished, identifier):
            return False
        self._finished[name] = (finished, identifier)
        return True

    def _note_checks(self, report: Mapping[str, Any], finished: datetime) -> None:
        """The words of the checks, from the newest report that has them."""
        for name, check in report["checks"].items():
            held = self.checks.get(name)
            if held is None or held[0] < finished:
                self.checks[name] = (finished, check)

    def _note_waiver(self, entry: Mapping[str, Any]) -> None:
        key = json.dumps({name: value for name, value in entry.items() if name not in _OF_A_SHARD}, sort_keys=True)
        held = self.waivers.setdefault(key, dict(entry, findings=0))
        held["findings"] += entry["findings"]
        held["state"] = min(held["state"], entry["state"], key=_STATES.index)
        held["days_left"] = min(held["days_left"], entry["days_left"])
        held["ending"] = held["state"] != "expired" and (held["ending"] or entry["ending"])


def merged(shards: Shards, run: Mapping[str, Any], expected: Sequence[str], gate: Gate) -> dict[str, Any]:
    """The report of the fleet.

    run: id, started, finished, version, commit, caller and report of the merge itself.  expected: the names of all
    edges of the inventory.  gate: whether an edge of which nothing is known fails its host.
    """
    lost = [name for name in dict.fromkeys(expected) if name not in shards.edges]
    blank = build(dict(run), {name: _unknown(name) for name in lost}, {name: Payload() for name in lost},
                  all_checks(), gate)  # fmt: skip
    edges = {**shards.edges, **blank["edges"]}
    findings = {name: [Finding.from_dict(item) for item in edge["findings"]] for name, edge in edges.items()}
    steps = sorted({step for each in shards.runs for step in (each["scope"] or {}).get("steps_left_out", ())})
    return {
        "schema": SCHEMA,
        "run": {
            **run,
            "inputs_sha256": _digest(shards.runs),
            "scope": {
                "inventory": len(edges), "edges": len(shards.edges), "left_out": lost[:20],
                "steps_left_out": steps, "partial": bool(lost or steps),
            },
            "merged": sorted(shards.runs, key=lambda each: (each["finished"], each["id"])),
        },
        "edges": {name: edges[name] for name in sorted(edges)},
        "coverage": {**coverage(findings), "missing_policies": policies(findings, shards.readers)},
        "waivers": list(shards.waivers.values()),
        "checks": dict(sorted({**blank["checks"], **{name: held[1] for name, held in shards.checks.items()}}.items())),
    }  # fmt: skip


def warnings(shards: Shards, expected: Iterable[str]) -> list[str]:
    """What an operator must know of a merge."""
    said = list(shards.said)
    wanted = set(expected)
    lost = sorted(wanted - shards.edges.keys())
    if lost:
        said.append(f"{len(lost)} edges of the inventory are in no report and unknown: {_some(lost)}")
    foreign = sorted(shards.edges.keys() - wanted)
    if foreign:
        said.append(f"{len(foreign)} edges are in a report and not in the inventory: {_some(foreign)}")
    versions = sorted({f"{run['version']} ({str(run['commit'] or 'no commit')[:7]})" for run in shards.runs})
    if len(versions) > 1:
        said.append(f"the shards were judged by different versions of edgepath: {', '.join(versions)}")
    return said


def _about(report: Any, source: str) -> tuple[Mapping[str, Any], datetime]:
    """The run of a report and when it ended; EdgepathError where it is none, or of another schema."""
    try:
        if report["schema"] != SCHEMA:
            raise EdgepathError(
                f"{source}: its schema is {report['schema']}, and this edgepath merges schema {SCHEMA}; "
                "audit that shard with the same version"
            )
        finished = datetime.fromisoformat(report["run"]["finished"])
        parts = (report["edges"], report["coverage"], report["checks"])
        if not all(isinstance(part, Mapping) for part in parts) or finished.tzinfo is None:
            raise ValueError("a part is missing")
        return report["run"], finished
    except (KeyError, TypeError, ValueError) as error:
        raise EdgepathError(f"{source} is no report of edgepath ({error!r}); name report.json of a run") from None


def age_limit(now: datetime, hours: float) -> datetime | None:
    """The moment before which a report is too old; None for no limit."""
    return now - timedelta(hours=hours) if hours > 0 else None


def _as_judged(edge: Mapping[str, Any]) -> dict[str, Any]:
    """An edge without what a shard's own history added to its findings: the fleet has a history of its own."""
    findings = [{key: value for key, value in item.items() if key in _OF_A_FINDING} for item in edge["findings"]]
    return {**edge, "findings": findings}


def _unknown(name: str) -> list[Finding]:
    message = f"edge {name}: no shard's report holds it; see what became of the shard, or audit it alone with --limit"
    because = Unread("not_collected", "edge_report_merge", name, message)
    # As module.unjudged makes them, which this pure core cannot import: it speaks Ansible.
    return [
        Finding(check=check.id, status="unknown", edge=name, hop=check.hop, resource=name, expected=check.title,
                observed=because.message, reason=because.reason, evidence=({"operation": because.operation},))
        for check in asked().values()
    ]  # fmt: skip


def _digest(runs: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over what the merged runs were judged by."""
    parts = sorted(f"{run['id']} {run['inputs_sha256']}" for run in runs)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
