# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers and what changed, in every format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible.module_utils.edge.writers import as_html, page_past, picture
from ansible.module_utils.edge.writers.formats import WRITERS
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.writers import reports

NOTE = {"reason": "the owner will not show it", "approver": "A. Auditor", "ticket": "SEC-7", "expires": "2027-01-31",
        "timezone": "Europe/London"}  # fmt: skip


def told(state: str | None, check: str = "IAM-01") -> dict[str, Any]:
    """A report of london in which the finding of this check has a waiver."""
    report = reports.raw("london")
    for finding in report["edges"]["london"]["findings"]:
        if finding["check"] == check and state is not None:
            finding["waiver"] = {**NOTE, "state": state}
    return report


def written(kind: str, report: dict[str, Any]) -> str:
    return "".join(WRITERS[kind](reports.parsed(report)))


def junit(report: dict[str, Any]) -> dict[str, str]:
    cases = ElementTree.fromstring(written("junit", report)).iter("testcase")
    return {case.get("name", "").split(" ")[0]: case[0].tag if len(case) else "passed" for case in cases}


def sarif(report: dict[str, Any]) -> dict[str, Any]:
    return {item["ruleId"]: item for item in json.loads(written("sarif", report))["runs"][0]["results"]}


def ocsf(report: dict[str, Any]) -> dict[str, Any]:
    return {item["finding_info"]["types"][0]: item for item in json.loads(written("ocsf", report))}


def metrics(report: dict[str, Any]) -> dict[Any, float]:
    families = text_string_to_metric_families(written("prometheus", report))
    found: dict[Any, float] = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, *sample.labels.values())
            assert key not in found, f"{key} is there twice, which the textfile collector refuses"
            found[key] = sample.value
    return found


def rows(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {row["check"]: row for row in csv.DictReader(io.StringIO(written("csv", report)))}


def test_an_unknown_that_may_be_unknown_stands_so_in_every_format_and_passes_in_none() -> None:
    report = told("active")
    assert junit(report)["IAM-01"] == "skipped"
    assert sarif(report)["IAM-01"]["kind"] == "open"
    [suppression] = sarif(report)["IAM-01"]["suppressions"]
    assert "SEC-7" in suppression["justification"]
    event = ocsf(report)["IAM-01"]
    assert (event["status_id"], event["compliance"]["status_id"]) == (3, 0)
    assert event["unmapped"]["waiver"]["approver"] == "A. Auditor"
    assert metrics(report)["edgepath_findings", "london", "critical", "unknown"] == 1
    assert metrics(report)["edgepath_findings_accepted", "london", "unknown"] == 1
    row = rows(report)["IAM-01"]
    assert (row["status"], row["waiver_state"], row["waiver_ticket"]) == ("unknown", "active", "SEC-7")
    assert row["waived_until"] == "2027-01-31"


@pytest.mark.parametrize("state", [None, "expired"])
def test_an_unknown_without_a_waiver_that_holds_counts(state: str | None) -> None:
    report = told(state)
    assert junit(report)["IAM-01"] == "error"
    assert "suppressions" not in sarif(report)["IAM-01"]
    assert ocsf(report)["IAM-01"]["status_id"] == 1
    assert ("edgepath_findings_accepted", "london", "unknown") not in metrics(report)
    assert rows(report)["IAM-01"]["waived_until"] == ""


def test_a_waiver_that_expired_is_a_note_beside_what_fails() -> None:
    report = told("expired", "TIMEOUTS-04")
    assert junit(report)["TIMEOUTS-04"] == "failure"
    assert "waiver: the owner will not show it (A. Auditor, SEC-7, expired after 2027-01-31" in written("junit", report)
    assert "The waiver has expired" in sarif(report)["TIMEOUTS-04"]["message"]["text"]
    assert "suppressions" not in sarif(report)["TIMEOUTS-04"]
    assert metrics(report)["edgepath_check_failing", "TIMEOUTS-04", "london", "proxy", "high"] == 1
    assert rows(report)["TIMEOUTS-04"]["waiver_state"] == "expired"


def test_waivers_of_one_check_and_ticket_are_one_series_that_ends_first() -> None:
    report = reports.raw("london")
    report["waivers"] = [
        {**NOTE, "check": "BUCKET-07", "scope": {}, "expires": day, "ends": f"{day}T23:00:00+00:00", "findings": number}
        for day, number in (("2027-03-01", 2), ("2027-01-01", 3))
    ]
    found = metrics(report)
    assert found["edgepath_waiver_end_timestamp_seconds", "BUCKET-07", "SEC-7"] == 1798844400
    assert found["edgepath_waiver_findings", "BUCKET-07", "SEC-7"] == 5


def test_changes_are_counted_with_what_is_gone() -> None:
    report = reports.raw("london", rich=True)
    found = metrics(report)
    assert {word: found["edgepath_findings_changed", word] for word in ("new", "changed", "unchanged", "fixed")} == {
        "new": 2, "changed": 2, "unchanged": 2, "fixed": 3,
    }  # fmt: skip
    assert found["edgepath_findings_flapping",] == 1


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"state": "active", "days_left": 9, "ending": True, "findings": 2}, ("waived", "in 9 days", True)),
        ({"state": "active", "days_left": 1}, ("waived", "in 1 day", False)),
        ({"state": "active", "days_left": 0, "ending": True}, ("waived", "ends today", True)),
        ({"state": "expired", "days_left": -3}, ("fail", "ended", True)),
        ({"state": "unmatched", "days_left": 90}, ("unknown", "in 90 days", False)),
        ({"expires": "2026-12-02"}, ("waived", "in 9 days", False)),
        ({"expires": "2026-11-01"}, ("fail", "ended", True)),
    ],
)
def test_a_line_of_the_register(given: dict[str, Any], shown: tuple[str, str, bool]) -> None:
    line = page_past.waiver({**NOTE, "scope": {"edges": ["a*", "b"], "resource": "arn:*"}, **given}, date(2026, 11, 23))
    assert (line["mark"], line["when"], line["soon"]) == shown
    assert line["scope"] == "edges a*, b; resource arn:*"


def test_verdicts_alike_are_one_piece() -> None:
    drawn = picture.past([["2026-11-01T03:00", "clear"]] * 3 + [["2026-11-04T03:00", "blocked"]])
    assert drawn is not None
    assert [(part["verdict"], part["x"], part["width"]) for part in drawn["parts"]] == [
        ("clear", 0.0, 750.0), ("blocked", 750.0, 250.0),
    ]  # fmt: skip
    assert drawn["words"] == "clear for 3 runs from 2026-11-01, then blocked for 1 run from 2026-11-04"
    assert picture.past([["2026-11-01", "clear"]]) is None


def page(report: dict[str, Any]) -> str:
    return "".join(as_html.write(reports.parsed(report), reports.parts(), reports.PLAYBOOKS))


SHOWN: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("none of these edges was recorded before", lambda report: report["history"].update(since=None)),
    ("Changes since run 20261122T031500Z-000000", lambda report: None),
    ("sg-gone", lambda report: None),
    ("came and went 5 times", lambda report: None),
    ("edges london-*, paris; resource arn:*", lambda report: None),
    ("matches nothing", lambda report: None),
]


@pytest.mark.parametrize(("text", "change"), SHOWN, ids=[text for text, _ in SHOWN])
def test_the_page_tells(text: str, change: Callable[[dict[str, Any]], Any]) -> None:
    report = reports.raw("london", rich=True)
    change(report)
    assert text in page(report)


def test_a_thousand_new_findings_stay_under_a_megabyte() -> None:
    report = reports.many(1000, per_edge=20)
    reports.enrich(report)
    for edge in report["edges"].values():
        for finding in edge["findings"]:
            finding.update(change="new", first_seen="2026-11-05T03:15:00+00:00")
    text = page(report)
    assert len(text.encode()) < 1_000_000
    assert "950 more; the list of findings can be filtered for them" in text
