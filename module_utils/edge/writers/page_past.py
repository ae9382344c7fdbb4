# SPDX-License-Identifier: GPL-3.0-or-later
"""What the HTML report shows of waivers and of the runs before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from . import picture
from .model import CHANGES, Report, days_left
from .wording import STATUS_WORDS, plural

# How many findings of a kind of change are named; the list of findings filters for all of them.
_NAMED = 50
_HEADINGS = {"new": "New", "changed": "Changed", "fixed": "Fixed", "flapping": "Flapping"}

# What became of a waiver: the status whose mark it has, and what it means for the findings.
_WAIVER_STATES = {
    "active": ("waived", "accepts"),
    "expired": ("fail", "expired; they count again"),
    "unneeded": ("pass", "not needed: nothing fails"),
    "unjudged": ("unknown", "could not be judged"),
    "elsewhere": ("not_applicable", "not in this run"),
    "unmatched": ("unknown", "matches nothing"),
}


def waiver(declared: Mapping[str, Any], today: date) -> dict[str, Any]:
    """A line of the register."""
    left = declared.get("days_left", days_left(declared, today))
    state = declared.get("state") or ("expired" if left is not None and left < 0 else "active")
    mark, meaning = _WAIVER_STATES[state]
    when = "" if left is None else "ended" if left < 0 else "ends today" if left == 0 else f"in {plural(left, 'day')}"
    return {
        **{key: declared.get(key, "") for key in ("check", "reason", "approver", "ticket", "expires", "timezone")},
        "mark": mark,
        "meaning": meaning,
        "findings": int(declared.get("findings") or 0),
        "scope": _scope(declared.get("scope") or ""),
        "when": when,
        "soon": bool(declared.get("ending")) or state == "expired",
    }


def _scope(scope: Any) -> str:
    if isinstance(scope, str):
        return scope
    return "; ".join(
        f"{key} {value if isinstance(value, str) else ', '.join(map(str, value))}" for key, value in scope.items()
    )


def history(report: Report) -> dict[str, Any] | None:
    """What changed since the run before, in numbers, by name and as a trend; None where no history is kept."""
    if report.history is None:
        return None
    numbers = report.changes()
    return {
        "since": report.history.get("since"),
        "numbers": [(word, numbers[word]) for word in CHANGES],
        "lists": [{"word": _HEADINGS[word], **_named(lines)} for word, lines in _changed(report).items() if lines],
        "trend": picture.trend(report.history.get("trend") or []),
    }


def _changed(report: Report) -> dict[str, list[dict[str, Any]]]:
    """The findings of each kind of change, as the page names them."""
    told: dict[str, list[dict[str, Any]]] = {word: [] for word in _HEADINGS}
    for row in report.rows:
        finding = row.finding
        line = {
            "status": row.status,
            "word": STATUS_WORDS[row.status],
            "title": row.check["title"],
            "id": row.id,
            "edge": finding["edge"],
            "resource": finding["resource"],
            "note": "",
        }
        if finding.get("change") in told:
            told[finding["change"]].append(line)
        if finding.get("flapping"):
            told["flapping"].append({**line, "note": f"came and went {finding['flapping']} times"})
    for gone in report.history.get("gone") or () if report.history else ():
        check = report.checks.get(gone.get("check"), {})
        told["fixed"].append(
            {
                "status": "not_applicable",
                "word": "gone",
                "title": check.get("title", gone.get("check")),
                "id": gone.get("check"),
                "edge": gone.get("edge"),
                "resource": gone.get("resource"),
                "note": f"it was {STATUS_WORDS.get(str(gone.get('was')), gone.get('was'))}",
            }
        )
    return told


def _named(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {"number": len(lines), "lines": lines[:_NAMED], "more": max(0, len(lines) - _NAMED)}
