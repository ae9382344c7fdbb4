# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit that follows a converge shows each edge before and after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.module_utils.edge.writers import as_html, model

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "roles/edge_report/templates"


def page(report: dict[str, object]) -> str:
    parts = as_html.Parts(*((TEMPLATES / f"report.{end}").read_text() for end in ("html.j2", "css", "js")))
    return "".join(as_html.write(model.parse(report, "report.json"), parts, []))


@pytest.fixture
def report() -> dict[str, object]:
    path = [{"hop": "proxy", "status": "pass", "bound": {"kind": "idle", "seconds": 6000.0}}]
    now = {"verdict": "clear", "sentence": "recordings of up to 240 minutes get through", "path": path, "findings": [],
           "longest_recording_minutes": None, "limited_by": None, "causes": []}  # fmt: skip
    was = {"verdict": "truncates", "sentence": "recordings over 45 min are cut", "longest_recording_minutes": 45.0,
           "limited_by": "TIMEOUTS-04", "failing": 1, "held": ["BUCKET-07 enable_object_lock: <for ever>"],
           "path": [{"hop": "proxy", "status": "fail", "bound": {"kind": "idle", "seconds": 900.0}}],
           "changes": [{"object": "file:/etc/squid/squid.conf", "domain": "timeouts", "why": ["TIMEOUTS-04"],
                        "what": ["raise it"], "state": "done"}]}  # fmt: skip
    run = {"id": "r2", "started": "2026-11-20T02:00:00+00:00", "finished": "2026-11-20T02:01:00+00:00",
           "version": "1", "commit": None, "caller": "a@b", "inputs_sha256": "0" * 64}  # fmt: skip
    return {"schema": 1, "run": run, "edges": {"london": now}, "checks": {},
            "coverage": {"expected": 0, "judged": 0, "missing_permissions": []},
            "converge": {"run": "r1", "edges": {"london": was}}}  # fmt: skip


def test_the_edge_stands_before_and_after_with_what_was_changed(report: dict[str, object]) -> None:
    text = page(report)
    assert "Before and after the converge of run r1" in text
    for words in (
        "recordings over 45 min are cut",
        "recordings of up to 240 minutes get through",
        "proxy: fail (idle 900 s) &rarr; pass (idle 6000 s)",
        "file:/etc/squid/squid.conf",
        "BUCKET-07 enable_object_lock: &lt;for ever&gt;",
        "rollback.yml -e edge_rollback_run=r1",
    ):
        assert words in text, words


def test_an_audit_without_a_converge_shows_none(report: dict[str, object]) -> None:
    del report["converge"]
    assert "Before and after" not in page(report)
    json.dumps(report)
