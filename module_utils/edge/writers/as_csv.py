# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV (RFC 4180), a line a finding, worst first. Pure.

A spreadsheet takes a cell that begins with one of a few characters for a formula (OWASP, CSV Injection). Such a cell
gets an apostrophe before it, which spreadsheets show as text. So does what would begin a cell for a spreadsheet that
takes other characters for the separator (a semicolon, where the comma is the decimal mark) or for the quote.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from .model import Report, Row

COLUMNS = (
    "edge", "verdict", "check", "title", "severity", "effect", "status", "reason", "hop", "resource", "expected",
    "observed", "bound_kind", "bound_seconds", "longest_minutes", "cure", "source", "permissions", "waived_until",
    "change", "uid", "run", "waiver_state",
    "waiver_ticket", "waiver_approver", "waiver_reason", "first_seen", "flapping",
)  # fmt: skip
# The full-width forms are taken for the plain ones by some spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WITHIN = re.compile(r"""([;\t\n"']\s*)(?=[=+\-@＝＋－＠])""")
_LINES = 500


def write(report: Report) -> Iterator[str]:
    """The file in pieces."""
    buffer = io.StringIO()
    lines = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    lines.writerow(COLUMNS)
    for number, row in enumerate(report.rows, start=1):
        lines.writerow([_cell(value) for value in _values(report, row)])
        if number % _LINES == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _values(report: Report, row: Row) -> tuple[Any, ...]:
    finding, check = row.finding, row.check
    bound = finding.get("bound") or {}
    waiver = finding.get("waiver") or {}
    return (
        finding["edge"],
        report.edges[finding["edge"]]["verdict"],
        row.id,
        check["title"],
        check["severity"],
        check["effect"],
        row.status,
        finding.get("reason"),
        finding["hop"],
        finding["resource"],
        finding["expected"],
        finding["observed"],
        bound.get("kind"),
        bound.get("seconds"),
        finding.get("longest_minutes"),
        row.cure if row.status in ("fail", "waived") else None,
        check["source"],
        " ".join(finding.get("permissions") or ()),
        waiver.get("expires") if row.accepted else None,
        finding.get("change"),
        row.uid,
        report.run["id"],
        waiver.get("state", "active" if waiver else None),
        waiver.get("ticket"),
        waiver.get("approver"),
        waiver.get("reason"),
        finding.get("first_seen"),
        finding.get("flapping"),
    )


def _cell(value: Any) -> Any:
    if isinstance(value, (int, float)):
        return value
    text = "" if value is None else _WITHIN.sub(r"\1'", str(value))
    return f"'{text}" if text[:1] in _FORMULA or text.lstrip().startswith(_FORMULA) else text
