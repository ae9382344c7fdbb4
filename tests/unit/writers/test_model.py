# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report must hold, in which order findings stand, and that a finding keeps its identity."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.writers.model import days_left, parse, to_json

from tests.unit.writers import reports


def first(report: dict[str, Any]) -> dict[str, Any]:
    finding: dict[str, Any] = report["edges"]["london"]["findings"][0]
    return finding


WRONG: list[tuple[str, Callable[[dict[str, Any]], Any], str]] = [
    ("other schema", lambda report: report.update(schema=2), "schema 2 is not known"),
    ("no schema", lambda report: report.pop("schema"), "schema None is not known"),
    ("no edges", lambda report: report.pop("edges"), "report.json: edges is missing"),
    ("edges a list", lambda report: report.update(edges=[]), "report.json: edges is not a dict"),
    ("no checks", lambda report: report.pop("checks"), "checks is missing"),
    ("no end", lambda report: report["run"].pop("finished"), "run: finished is missing"),
    ("end no time", lambda report: report["run"].update(finished="soon"), "run.finished: 'soon' is no time"),
    ("coverage cut", lambda report: report["coverage"].pop("judged"), "coverage: judged is missing"),
    ("strange verdict", lambda report: report["edges"]["london"].update(verdict="fine"), "verdict 'fine' is not known"),
    ("strange status", lambda report: first(report).update(status="ok"), "edges.london.findings[0]: status 'ok'"),
    ("finding cut", lambda report: first(report).pop("observed"), "edges.london.findings[0]: observed is missing"),
    ("unknown check", lambda report: first(report).update(check="X-1"), "X-1 is not among the report's checks"),
    ("other edge", lambda report: first(report).update(edge="paris"), "belongs to the edge 'paris'"),
    ("unknown without reason", lambda report: first(report).update(status="unknown"), "carries a reason"),
    ("reason without unknown", lambda report: first(report).update(reason="denied"), "carries a reason"),
    ("strange change", lambda report: first(report).update(change="better"), "change 'better' is not known"),
    ("bound a text", lambda report: first(report).update(bound="900 s"), "bound is not a dict"),
    ("strange hop", lambda report: report["edges"]["london"]["path"][0].update(hop="moon"), "hop 'moon' is not known"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_damaged_report_is_one_clear_error(damage: Callable[[dict[str, Any]], Any], message: str) -> None:
    report = reports.raw()
    damage(report)
    with pytest.raises(EdgepathError) as error:
        parse(report, "report.json")
    assert message in str(error.value)


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_what_is_no_report_is_said_to_be_none(data: Any) -> None:
    with pytest.raises(EdgepathError, match="not a mapping"):
        parse(data, "report.json")


def test_findings_stand_worst_first() -> None:
    report = reports.parsed(reports.raw())
    assert [row.id for row in report.rows][::2] == [
        "TIMEOUTS-04", "EGRESS-21", "IAM-01", "BUCKET-07", "EGRESS-20", "DNS-01", "DNS-01", "BUCKET-05",
    ]  # fmt: skip
    assert report.counts() == {"fail": 4, "unknown": 2, "waived": 2, "pass": 6, "not_applicable": 2}


def test_identity_does_not_depend_on_time_order_status_or_other_findings() -> None:
    report = reports.raw()
    again = copy.deepcopy(report)
    again["run"].update(id="another", finished="2027-01-01T00:00:00+00:00")
    again["edges"] = {"patchy": again["edges"]["patchy"]}
    again["edges"]["patchy"]["findings"].reverse()
    for finding in again["edges"]["patchy"]["findings"]:
        finding["observed"] = "something else"
    before = {row.uid for row in reports.parsed(report).rows if row.finding["edge"] == "patchy"}
    assert {row.uid for row in reports.parsed(again).rows} == before
    assert len(before) == 8


def test_two_findings_of_one_check_and_resource_have_two_identities() -> None:
    report = reports.raw("london")
    report["edges"]["london"]["findings"] *= 2
    assert len({row.uid for row in reports.parsed(report).rows}) == 16


def test_bytes_that_were_no_utf8_are_spelled_out() -> None:
    report = reports.raw("london")
    first(report)["resource"] = "/srv/\udcff\u00e9"
    resources = {row.finding["resource"] for row in reports.parsed(report).rows}
    assert "/srv/\\udcff\u00e9" in resources


@pytest.mark.parametrize(
    ("expires", "left"),
    [
        ("2026-12-02", 9),
        ("2026-11-23", 0),
        ("2026-11-01", -22),
        ("2026-12-02T10:00:00Z", 9),
        ("never", None),
        (None, None),
    ],
)
def test_days_that_a_waiver_has_left(expires: str | None, left: int | None) -> None:
    assert days_left({"expires": expires}, date(2026, 11, 23)) == left


def test_a_number_that_json_cannot_say_is_an_error() -> None:
    with pytest.raises(EdgepathError, match="JSON"):
        to_json({"share": float("nan")})
