# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth telling of a run: what its report says changed since each edge's run before. Pure.

{"schema": 1, "kind": "edgepath.notice", "id": "<run id>", "created": "2026-11-23T03:15:00+00:00",
 "summary": "1 verdict changed: london is truncates, was clear; 2 findings new",
 "run": {"id", "started", "finished", "version", "report", "since", "partial"},
 "verdicts": [{"edge", "was": "clear" | None, "now", "sentence"}],
 "findings": [{"change": "new" | "changed" | "fixed", "uid", "edge", "check", "title", "severity", "status",
               "resource", "observed", "cure"}],   worst first
 "waivers":  [{"key", "check", "approver", "ticket", "expires", "state"}],
 "counts": {"new", "changed", "fixed"},  "left_out": 0,
 "unknown": "why nobody knows what changed" | None}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

from ..finding import SEVERITIES
from ..writers.model import Report, Row

SCHEMA = 1
KINDS = ("verdict", "new", "changed", "fixed", "first", "waiver")
# A notice is read on a telephone, and many receivers refuse bodies over 256 KiB; the report has the rest.
MOST_FINDINGS = 50
MOST_EDGES = 200
LONGEST_TEXT = 300
_WORDS = ("new", "changed", "fixed")


def notice(
    report: Report, on: Collection[str], severity: str, waiver_days: int, told_waivers: Collection[str]
) -> dict[str, Any] | None:
    """The notice of a run, or None where there is nothing to tell.

    on: of KINDS, what is worth a notice.  severity: the least one of a finding.  waiver_days: how long before its end a
    waiver is told of.  told_waivers: keys of the waivers that were told of already.
    """
    verdicts = _verdicts(report, on)
    findings = [item for item in _findings(report) if item["change"] in on and _severe(item, severity)]
    waivers = [item for item in _waivers(report, waiver_days) if item["key"] not in told_waivers]
    waivers = waivers if "waiver" in on else []
    unknown = None
    if report.history is None:
        unknown = "the history has no record of this run, so nobody knows what changed"
    if not (verdicts or findings or waivers or unknown):
        return None
    counts = {word: sum(1 for item in findings if item["change"] == word) for word in _WORDS}
    run = report.run
    return {
        "schema": SCHEMA,
        "kind": "edgepath.notice",
        "id": str(run["id"]),
        "created": str(run["finished"]),
        "summary": _summary(verdicts, counts, waivers, unknown),
        "run": {
            **{key: run.get(key) for key in ("id", "started", "finished", "version", "report")},
            "since": (report.history or {}).get("since"),
            "partial": bool((run.get("scope") or {}).get("partial")),
        },
        "verdicts": verdicts[:MOST_EDGES],
        "findings": findings[:MOST_FINDINGS],
        "waivers": waivers[:MOST_EDGES],
        "counts": counts,
        "left_out": sum(max(0, len(items) - most) for items, most in (
            (verdicts, MOST_EDGES), (findings, MOST_FINDINGS), (waivers, MOST_EDGES))),
        "unknown": unknown,
    }  # fmt: skip


def _verdicts(report: Report, on: Collection[str]) -> list[dict[str, Any]]:
    """Edges whose verdict is another than in their run before, or that had none; worst first."""
    found = []
    known = (report.history or {}).get("edges") or {}
    for name, edge in report.edges.items():
        said = [word for _, word in (known.get(name) or {}).get("verdicts") or ()]
        if not said:
            continue  # the history was not asked; `unknown` says so
        was = said[-2] if len(said) > 1 else None
        if (was is None and "first" in on) or (was is not None and was != edge["verdict"] and "verdict" in on):
            found.append({"edge": name, "was": was, "now": edge["verdict"], "sentence": _short(edge["sentence"])})
    return found


def _findings(report: Report) -> list[dict[str, Any]]:
    """Findings that are new, changed or fixed, and those that are gone; worst first."""
    told = [_told(row) for row in report.rows if row.finding.get("change") in _WORDS]
    for gone in (report.history or {}).get("gone") or ():
        check = report.checks.get(gone["check"]) or {}
        told.append({
            "change": "fixed", "uid": gone.get("uid"), "edge": gone["edge"], "check": gone["check"],
            "title": check.get("title", ""), "severity": check.get("severity", gone.get("severity") or "medium"),
            "status": "gone", "resource": _short(gone["resource"]), "observed": "no longer there", "cure": "",
        })  # fmt: skip
    return sorted(told, key=lambda item: (_WORDS.index(item["change"]), -SEVERITIES.index(item["severity"])))


def _told(row: Row) -> dict[str, Any]:
    finding = row.finding
    return {
        "change": finding["change"],
        "uid": row.uid,
        "edge": finding["edge"],
        "check": row.id,
        "title": row.check["title"],
        "severity": row.check["severity"],
        "status": row.status,
        "resource": _short(finding["resource"]),
        "observed": _short(finding["observed"]),
        "cure": _short(row.cure) if finding["change"] != "fixed" else "",
    }


def _severe(item: Mapping[str, Any], least: str) -> bool:
    return SEVERITIES.index(item["severity"]) >= SEVERITIES.index(least)


def _waivers(report: Report, days: int) -> list[dict[str, Any]]:
    """Waivers that end within so many days of the run, or ended; none where days is 0."""
    if days <= 0:
        return []
    until = (report.finished + timedelta(days=days)).date()
    return [
        {
            "key": waiver_key(item),
            **{key: str(item.get(key) or "") for key in ("check", "approver", "ticket", "expires", "state")},
        }
        for item in report.waivers
        if item.get("state") in ("active", "expired") and date.fromisoformat(str(item["expires"])[:10]) <= until
    ]


def waiver_key(waiver: Mapping[str, Any]) -> str:
    """The same for the same waiver with the same end; one that was prolonged is told of anew, and one that ended."""
    told = [waiver.get(key) for key in ("check", "scope", "expires", "state")]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _summary(
    verdicts: list[dict[str, Any]], counts: Mapping[str, int], waivers: list[dict[str, Any]], unknown: str | None
) -> str:
    changed = [item for item in verdicts if item["was"] is not None]
    first = len(verdicts) - len(changed)
    parts = []
    if len(changed) == 1:
        parts.append(f"{changed[0]['edge']} is {changed[0]['now']}, was {changed[0]['was']}")
    elif changed:
        parts.append(f"{len(changed)} verdicts changed")
    if first:
        parts.append(f"{first} edge{'' if first == 1 else 's'} judged for the first time")
    parts += [f"{counts[word]} finding{'' if counts[word] == 1 else 's'} {word}" for word in _WORDS if counts[word]]
    if waivers:
        parts.append(f"{len(waivers)} waiver{' ends' if len(waivers) == 1 else 's end'} soon or ended")
    if unknown:
        parts.append(unknown)
    return "; ".join(parts)


def _short(value: Any) -> str:
    said = str(value)
    return said if len(said) <= LONGEST_TEXT else said[: LONGEST_TEXT - 4] + " ..."
