# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings as the HTML report carries them: a compact table that the page's script reads. Pure.

    {"edges": [[name, name quoted for a shell], ...], "texts": [...], "extras": [...],
     "checks": [{id, title, severity, hop, effect, remediation, source}, ...],
     "commands": [[meaning, command before the edge, command after it], ...],
     "findings": [[check, status, edge, resource, expected, observed, extra], ...]}
All of a finding are indices: into checks, STATUS_ORDER, edges, texts (three times) and extras. -1 stands for none; an
expected of -1 is the check's title. Most findings of a fleet share their texts, so each is there once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .model import STATUS_ORDER, Report, Row, to_json
from .wording import EFFECT_WORDS, REASON_WORDS, STATUS_WORDS, command_parts, limit, quoted, spaced

# What would end the script element, or begin a comment in it (HTML, 4.12.1.3 Restrictions for contents of script).
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_EXTRA = ("reason", "evidence", "fix", "share", "longest_minutes", "permissions", "waiver", "change", "first_seen",
          "flapping")  # fmt: skip


class _Interned:
    """Values in the order of their first use, each once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._index: dict[str, int] = {}

    def index(self, value: Any) -> int:
        key = value if isinstance(value, str) else to_json(value)
        if key not in self._index:
            self._index[key] = len(self.values)
            self.values.append(value)
        return self._index[key]


def data(report: Report, playbooks: Collection[str], inventory: Sequence[str] = ()) -> str:
    """The table as JSON that may stand in an HTML script element."""
    edges = {name: number for number, name in enumerate(report.edges)}
    checks = {name: number for number, name in enumerate(report.checks)}
    texts, extras = _Interned(), _Interned()
    findings = [_line(row, edges, checks, texts, extras) for row in report.rows]
    table = {
        "edges": [[name, quoted(name)] for name in edges],
        "checks": [{"id": name, **report.checks[name], "hop": spaced(report.checks[name]["hop"])} for name in checks],
        "texts": texts.values,
        "extras": extras.values,
        "statuses": [[status, STATUS_WORDS[status]] for status in STATUS_ORDER],
        "effects": EFFECT_WORDS,
        "reasons": REASON_WORDS,
        "commands": command_parts(playbooks, inventory),
        "findings": findings,
    }
    return to_json(table).translate(_ESCAPES)


def _line(row: Row, edges: dict[str, int], checks: dict[str, int], texts: _Interned, extras: _Interned) -> list[int]:
    finding = row.finding
    extra = {key: finding[key] for key in _EXTRA if finding.get(key)}
    if row.advice:
        extra["advice"] = row.advice
    if finding.get("bound"):
        bound = finding["bound"]
        extra["bound"] = f"{limit(bound)}: {bound.get('setting')}, {bound.get('origin')}"
        extra["bound_source"] = str(bound.get("source", ""))
    return [
        checks[row.id],
        STATUS_ORDER.index(row.status),
        edges[finding["edge"]],
        texts.index(finding["resource"]),
        -1 if finding["expected"] == row.check["title"] else texts.index(finding["expected"]),
        texts.index(finding["observed"]),
        extras.index(extra) if extra else -1,
    ]
