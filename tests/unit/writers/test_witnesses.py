# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of death and the probe's comparison on the page of an edge."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.edge.timeouts.death import rank
from ansible.module_utils.edge.writers import witnesses

from tests.unit.writers import reports
from tests.unit.writers.test_html import Page, page, text_of

OBSERVED = {"duration_seconds": 900.0, "error_text": "connection reset by peer", "code": 502, "reset_by": "peer"}
LINE = {"what": "silence of 850 s (held)", "predicted": "survives", "predicted_second": None, "bound": None,
        "observed": "cut", "observed_second": 350.0, "agrees": False, "because": ""}  # fmt: skip
BOUND = {"kind": "idle", "hop": "proxy", "setting": "read_timeout", "origin": "squid.conf:7", "seconds": 900.0}
AGREED = {**LINE, "what": "paced transfer", "predicted": "cut", "predicted_second": 900.0, "bound": BOUND,
          "observed": "reset", "observed_second": 901.0, "agrees": True}  # fmt: skip


def told(**more: Any) -> dict[str, Any]:
    data = reports.raw("london")
    data["edges"]["london"].update(more)
    return data


def test_the_ranking_of_a_failed_export_shows_what_speaks_for_and_against() -> None:
    ranked = rank(OBSERVED, None)
    text = text_of(told(causes=ranked))
    assert "What may have ended the export that failed" in text
    first = witnesses.culprits({"causes": ranked})["ranked"][0]
    assert first["title"] == ranked[0]["title"] and first["for"] == ranked[0]["for"]
    assert text.count("For:</span>") >= len(first["for"]) > 0
    assert text.count("Against:</span>") == sum(len(item["against"][:]) for item in ranked[:6])


def test_failing_findings_alone_are_no_culprits() -> None:
    causes = [{"rank": 1, "check": "TIMEOUTS-04", "hop": "proxy", "for": ["x"], "against": []}]
    assert witnesses.culprits({"causes": causes}) is None
    assert "What may have ended" not in text_of(told(causes=causes))


def test_prediction_and_probe_stand_side_by_side_disagreements_first() -> None:
    probe = {"comparison": [AGREED, {**LINE, "agrees": None}, LINE], "spent": {"seconds": 402.1, "bytes": 5893120}}
    shown = witnesses.probe({"probe": probe})
    assert [line["word"] for line in shown["lines"]] == ["disagrees", "proves nothing", "agrees"]
    assert shown["lines"][2]["predicted"] == "cut at 900 s" and shown["lines"][2]["observed"] == "reset at 901 s"
    assert shown["spent"] == "402 s, 5,893,120 bytes"
    text = text_of(told(probe=probe))
    assert "Predicted, and seen by the probe" in text and "by read_timeout (squid.conf:7)" in text


def test_an_edge_without_a_probe_says_nothing_of_one() -> None:
    assert witnesses.probe({}) is None
    assert "seen by the probe" not in text_of(told())
    assert "Nothing that the ladder predicts was tried" in text_of(told(probe={"comparison": []}))


def test_hostile_words_of_a_witness_stay_text() -> None:
    cause = {"rank": 1, "check": "T", "title": reports.HOSTILE, "for": [reports.HOSTILE], "against": [reports.HOSTILE]}
    probe = {"comparison": [{**AGREED, "what": reports.HOSTILE, "observed": reports.HOSTILE}], "spent": {}}
    found: Page = page(told(causes=[cause], probe=probe))
    assert len(found.inside["script"]) == 2
    assert all(name not in ("img", "style") or attrs == {} for name, attrs in found.elements)
