# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports for the tests of the history, small enough to be read in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible.module_utils.edge.history import store
from ansible.module_utils.edge.history.place import Place, place
from ansible.module_utils.edge.writers.model import Report, parse

MIGRATIONS = str(Path(__file__).resolve().parents[3] / "module_utils" / "edge" / "history" / "migrations")
CHECKS = ("X-1", "X-2", "X-3")
VERDICT = {"fail": "blocked", "waived": "blocked", "unknown": "unknown"}
START = datetime(2026, 11, 1, 3, 0, tzinfo=timezone.utc)

# Of one finding: check, resource, status, and what was observed.
Said = "tuple[str, str, str] | tuple[str, str, str, str]"


def raw(number: int, edges: Mapping[str, Iterable[tuple[str, ...]]], **run: Any) -> dict[str, Any]:
    """report.json of the run with this number, a day after the one before."""
    started = START + timedelta(days=number)
    checks = {
        name: {"id": name, "title": name, "severity": "high", "hop": "bucket", "effect": "blocks",
               "remediation": "cure it", "source": "source"}
        for name in CHECKS
    }  # fmt: skip
    told = {}
    for edge, said in edges.items():
        findings = [_finding(edge, *each) for each in said]
        words = [VERDICT[item["status"]] for item in findings if item["status"] in VERDICT]
        verdict = min(words, default="clear")
        told[edge] = {"verdict": verdict, "sentence": f"{verdict} {number}", "path": [], "findings": findings,
                      "longest_recording_minutes": None}  # fmt: skip
    return {
        "schema": 1,
        "run": {"id": f"run-{number:04}", "started": started.isoformat(), "finished": started.isoformat(),
                "version": "0.1.0", "report": f"/runs/{number}/report.json", **run},
        "edges": told,
        "coverage": {"expected": 0, "judged": 0, "missing_permissions": []},
        "checks": checks,
    }  # fmt: skip


def _finding(edge: str, check: str, resource: str, status: str, observed: str = "seen") -> dict[str, Any]:
    found = {"check": check, "status": status, "edge": edge, "hop": "bucket", "resource": resource,
             "expected": "as it should be", "observed": observed, "evidence": [], "permissions": []}  # fmt: skip
    return {**found, "reason": "denied"} if status == "unknown" else found


def report(number: int, edges: Mapping[str, Iterable[tuple[str, ...]]], **run: Any) -> Report:
    return parse(raw(number, edges, **run), "report.json")


class Kept:
    """A history in a file, as the modules use it."""

    def __init__(self, path: Path, url: str | None = None) -> None:
        self.place: Place = place(url or str(path))
        self.warnings: list[str] = []

    def write(self, work: Callable[[Any], Any]) -> Any:
        return store.write(self.place, MIGRATIONS, self.warnings, work)

    def read(self, ask: Callable[[Any], Any]) -> Any:
        with store.reading(self.place) as connection:
            return ask(connection)
