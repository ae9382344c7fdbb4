# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converge did, for the report of the audit that follows it: each edge as it was, and what was changed.

{"run": "<id of the run that was converged>",
 "edges": {"london": {"verdict", "sentence", "longest_recording_minutes", "limited_by", "path": [...], "failing": 3,
                      "changes": [{"object", "domain", "why": [checks], "what": [sentences], "state"}],
                      "held": [sentences]}}}
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..run import read_json
from .journal import Journal
from .plan import PLAN

_OF_THE_VERDICT = ("verdict", "sentence", "longest_recording_minutes", "limited_by", "path")


def tell(run_dir: str) -> dict[str, Any]:
    """The story of one run; EdgepathError where its files are not whole."""
    before = read_json(os.path.join(run_dir, "report.json"))
    plan = os.path.join(run_dir, PLAN)
    items = read_json(plan)["items"] if os.path.exists(plan) else []
    edges = {name: _edge(run_dir, name, edge, items) for name, edge in before["edges"].items()}
    return {"run": before["run"]["id"], "edges": edges}


def _edge(run_dir: str, name: str, edge: Mapping[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    entries = Journal(run_dir, name).entries()
    return {
        **{key: edge.get(key) for key in _OF_THE_VERDICT},
        "failing": sum(finding["status"] in ("fail", "waived") for finding in edge["findings"]),
        "changes": [
            {
                "object": entry.change.ref.key,
                "domain": entry.domain,
                "why": list(entry.change.because),
                "what": list(entry.change.summaries),
                "state": entry.state,
            }
            for entry in entries
            if entry.state != "left"
        ],
        "held": [
            *(
                f"{item['check']} {item['fix']['action']}: {item['held']}"
                for item in items
                if item["edge"] == name and item["held"]
            ),
            *(
                f"{', '.join(entry.change.because)} {entry.change.ref.key}: {entry.why}"
                for entry in entries
                if entry.state == "left"
            ),
        ],
    }
