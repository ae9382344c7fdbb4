# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes into report.json what the history tells of it; writers/model.py says in which shape. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..visible import visible
from ..writers.model import Report
from .record import Comparison


def enrich(
    data: dict[str, Any],
    report: Report,
    told: Comparison,
    trend: Sequence[Mapping[str, Any]],
    verdicts: Mapping[str, Sequence[Sequence[str]]],
    flapping: Mapping[str, int],
) -> None:
    """Add change, first_seen and flapping to findings, and the part `history`.

    data: the report.json that report was parsed from.
    """
    uids = {(row.finding["edge"], row.number): row.uid for row in report.rows}
    for edge, said in data["edges"].items():
        for number, finding in enumerate(said["findings"]):
            uid = uids[visible(edge), number]
            for key, value in (
                ("change", told.changes.get(uid)),
                ("first_seen", told.first_seen.get(uid)),
                ("flapping", flapping.get(uid)),
            ):
                if value is not None:
                    finding[key] = value
    data["history"] = {
        "since": told.since,
        "trend": [dict(point) for point in trend],
        "gone": told.gone,
        "edges": {edge: {"verdicts": [list(each) for each in lines]} for edge, lines in verdicts.items()},
    }
