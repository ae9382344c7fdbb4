# SPDX-License-Identifier: GPL-3.0-or-later
"""Each format against its own schema or reader, with ordinary, hostile and random text."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import junitparser
import pytest
from ansible.module_utils.edge.writers.formats import FILES, WRITERS
from ansible.module_utils.edge.writers.model import Report
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from prometheus_client.parser import text_string_to_metric_families
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from tests.unit.writers import reports

SARIF = Path(__file__).resolve().parents[2] / "data" / "sarif" / "sarif-2.1.0-rtm.5.json"
SCHEMA = Draft4Validator(json.loads(SARIF.read_text(encoding="utf-8")))
SAMPLES = {"plain": reports.raw(), "rich": reports.raw(rich=True), "hostile": reports.hostile()}


def written(kind: str, report: Report) -> str:
    text = "".join(WRITERS[kind](report))
    text.encode("utf-8")
    return text


@pytest.fixture(params=SAMPLES)
def report(request: pytest.FixtureRequest) -> Report:
    return reports.parsed(SAMPLES[request.param])


def junit(report: Report) -> junitparser.JUnitXml:
    return junitparser.JUnitXml.fromstring(written("junit", report).encode("utf-8"))


def sarif(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(written("sarif", report))
    errors = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in SCHEMA.iter_errors(document)]
    assert errors == []
    return document


def ocsf(report: Report) -> list[dict[str, Any]]:
    """The events, each valid, and each with no field that the library's model does not know."""
    events: list[dict[str, Any]] = json.loads(written("ocsf", report))
    for event in events:
        known = ComplianceFinding.model_validate(event).model_dump(mode="json", exclude_unset=True)
        assert known == event
    return events


def lines(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written("csv", report), newline=""), strict=True))


def samples(report: Report) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = list(text_string_to_metric_families(written("prometheus", report)))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_format_but_html_has_a_writer() -> None:
    assert set(FILES) - set(WRITERS) == {"html"}
    assert len(set(FILES.values())) == len(FILES)


# --- JUnit -----------------------------------------------------------------------------------------------------------


def test_junit_has_a_suite_an_edge_and_a_case_a_finding(report: Report) -> None:
    suites = list(junit(report))
    assert len(suites) == len(report.edges)
    for suite in suites:
        cases = list(suite)
        results = [type(case.result[0]).__name__ if case.result else "pass" for case in cases]
        assert results.count("Failure") == suite.failures == 2
        assert results.count("Error") == suite.errors == 1
        assert results.count("Skipped") == suite.skipped == 2
        assert results.count("pass") == 3
        assert suite.tests == len(cases) == 8


@pytest.mark.parametrize("reason", ["denied", "error", "unreachable", "not_collected"])
def test_junit_shows_an_unknown_answer_as_an_error_whatever_its_reason(reason: str) -> None:
    data = reports.raw("london")
    for finding in data["edges"]["london"]["findings"]:
        if finding["status"] == "unknown":
            finding["reason"] = reason
    (suite,) = junit(reports.parsed(data))
    (error,) = [case.result[0] for case in suite if case.result and isinstance(case.result[0], junitparser.Error)]
    assert error.type == reason
    assert "cannot read the role" in error.message


def test_junit_names_who_approved_a_waiver() -> None:
    (suite,) = junit(reports.parsed(reports.raw("london", rich=True)))
    messages = [case.result[0].message for case in suite if case.result]
    assert "waived: the retention project ends in March (A. Auditor, SEC-1042, until 2026-12-02)" in messages


def test_junit_children_stand_in_the_order_of_the_schema() -> None:
    import xml.etree.ElementTree as ElementTree

    root = ElementTree.fromstring(written("junit", reports.parsed(reports.raw())))
    assert [child.tag for child in root[0]][:2] == ["properties", "testcase"]
    assert {child.tag for child in root[0]} == {"properties", "testcase"}
    assert root[0].get("timestamp") == "2026-11-23T03:15:00"


# --- SARIF -----------------------------------------------------------------------------------------------------------


def test_sarif_is_valid_and_complete(report: Report) -> None:
    (run,) = sarif(report)["runs"]
    assert len(run["results"]) == len(report.rows)
    for row, result in zip(report.rows, run["results"]):
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] == row.id
        assert result["partialFingerprints"] == {"edgepath/v1": row.uid}
        assert (result["level"] == "none") == (result["kind"] != "fail")


def test_sarif_kinds_suppressions_and_baseline() -> None:
    (run,) = sarif(reports.parsed(reports.raw("london", rich=True)))["runs"]
    kinds = {(result["ruleId"], result["kind"]): result for result in run["results"]}
    assert set(kinds) == {
        ("TIMEOUTS-04", "fail"), ("EGRESS-20", "pass"), ("EGRESS-21", "fail"), ("BUCKET-05", "notApplicable"),
        ("BUCKET-07", "fail"), ("DNS-01", "pass"), ("IAM-01", "open"),
    }  # fmt: skip
    (suppression,) = kinds["BUCKET-07", "fail"]["suppressions"]
    assert suppression["status"] == "accepted"
    assert "ticket: SEC-1042" in suppression["justification"]
    assert "suppressions" not in kinds["TIMEOUTS-04", "fail"]
    assert {result["baselineState"] for result in run["results"]} == {"new", "updated", "unchanged"}
    location = kinds["TIMEOUTS-04", "fail"]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "etc/squid/squid.conf", "uriBaseId": "EDGE"}
    assert location["region"] == {"startLine": 12}


def test_sarif_tells_which_permissions_were_missing() -> None:
    (run,) = sarif(reports.parsed(reports.raw("london")))["runs"]
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"] == "missing iam:GetRole on arn:aws:iam::1:role/edge for london"


# --- OCSF ------------------------------------------------------------------------------------------------------------


def test_ocsf_is_valid_and_complete(report: Report) -> None:
    events = ocsf(report)
    assert [event["finding_info"]["uid"] for event in events] == [row.uid for row in report.rows]
    assert {(event["class_uid"], event["category_uid"]) for event in events} == {(2003, 2)}
    assert all(event["type_uid"] == 200300 + event["activity_id"] for event in events)


@pytest.mark.parametrize(
    ("check", "status", "compliance", "code"),
    [
        ("TIMEOUTS-04", 1, 3, "fail"),
        ("EGRESS-20", 1, 1, "pass"),
        ("IAM-01", 1, 0, "denied"),
        ("BUCKET-07", 3, 3, "waived"),
        ("BUCKET-05", 1, 99, "not_applicable"),
    ],
)
def test_ocsf_statuses(check: str, status: int, compliance: int, code: str) -> None:
    (event,) = [
        event for event in ocsf(reports.parsed(reports.raw("london"))) if event["compliance"]["control"] == check
    ]
    found = (event["status_id"], event["compliance"]["status_id"], event["status_code"])
    assert found == (status, compliance, code)


def test_ocsf_activities_follow_the_history() -> None:
    found = {
        (event["unmapped"]["change"], event["activity_id"], event["status_id"])
        for event in ocsf(reports.parsed(reports.raw("london", rich=True)))
        if event["status_code"] != "waived"
    }
    assert found == {("new", 1, 1), ("changed", 2, 1), ("unchanged", 2, 1), ("fixed", 3, 4)}


def test_ocsf_evidence_holds_the_call_and_its_request() -> None:
    event = next(event for event in ocsf(reports.parsed(reports.raw("london"))) if event["status_code"] == "pass")
    assert event["evidences"][0]["api"] == {"operation": "ec2:DescribeSecurityGroupRules", "request": {"uid": "r-1"}}


# --- Prometheus ------------------------------------------------------------------------------------------------------


def test_metrics_of_a_run() -> None:
    data = samples(reports.parsed(reports.raw(rich=True)))
    assert data["edgepath_build_info", (("commit", ""), ("version", "0.1.0"))] == 1.0
    assert data["edgepath_answers_expected", ()] == 16.0
    assert data["edgepath_answers_judged", ()] == 14.0
    assert data["edgepath_permissions_missing", ()] == 1.0
    assert data["edgepath_run_duration_seconds", ()] == 42.0
    assert data["edgepath_run_finished_timestamp_seconds", ()] == 1795403742.0
    assert (
        data["edgepath_waiver_end_timestamp_seconds", (("check", "BUCKET-07"), ("ticket", "SEC-1042"))] == 1796169600.0
    )


def test_metrics_of_an_edge() -> None:
    data = samples(reports.parsed(reports.raw("london")))
    verdicts = {dict(labels)["verdict"]: value for (name, labels), value in data.items() if name == "edgepath_verdict"}
    assert verdicts == {"blocked": 0.0, "truncates": 1.0, "unreliable": 0.0, "unknown": 0.0, "clear": 0.0}
    assert data["edgepath_edge_failed", (("edge", "london"),)] == 1.0
    assert data["edgepath_longest_recording_minutes", (("edge", "london"),)] == 45.0
    assert data["edgepath_failing_share", (("edge", "london"),)] == 0.25
    assert data["edgepath_bound_seconds", (("edge", "london"), ("hop", "proxy"), ("kind", "idle"))] == 900.0
    failing = {labels: value for (name, labels), value in data.items() if name == "edgepath_check_failing"}
    assert {dict(labels)["check"] for labels in failing} == {"TIMEOUTS-04", "EGRESS-21"}
    counted = {labels: value for (name, labels), value in data.items() if name == "edgepath_findings"}
    assert sum(counted.values()) == 8.0
    assert counted[(("edge", "london"), ("severity", "critical"), ("status", "unknown"))] == 1.0


def test_hostile_names_are_read_back_as_they_were() -> None:
    report = reports.parsed(reports.hostile())
    edges = {dict(labels).get("edge") for _, labels in samples(report)} - {None}
    assert edges == set(report.edges)


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_csv_has_a_line_a_finding(report: Report) -> None:
    assert [line["uid"] for line in lines(report)] == [row.uid for row in report.rows]


def test_csv_says_what_fails_and_its_cure() -> None:
    line = lines(reports.parsed(reports.raw("london")))[0]
    shown = ("edge", "verdict", "check", "status", "severity", "bound_seconds", "longest_minutes", "cure")
    assert [line[name] for name in shown] == [
        "london", "truncates", "TIMEOUTS-04", "fail", "high", "900.0", "45.0", "set read_timeout to 100 minutes",
    ]  # fmt: skip


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n", " =", "\u00a0=", "\u3000+", "＝", "＠"])
def test_csv_is_safe_in_a_spreadsheet(start: str) -> None:
    data = reports.raw("london")
    for finding in data["edges"]["london"]["findings"]:
        finding["observed"] = f"{start}HYPERLINK(1)"
    assert {line["observed"] for line in lines(reports.parsed(data))} == {f"'{start}HYPERLINK(1)"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("\r=1+1", "\\r=1+1"),  # spelled out, it begins with a backslash
        ("a;=1+1", "a;'=1+1"),  # where the comma is the decimal mark, the semicolon parts the cells
        ("a; @x", "a; '@x"),
        ("a\t-1", "a\t'-1"),
        ('a";"=cmd|x', 'a";"\'=cmd|x'),
        ("read; then waits - long", "read; then waits - long"),
        ("a-b=c, d +1", "a-b=c, d +1"),
    ],
)
def test_csv_is_safe_with_another_separator(said: str, told: str) -> None:
    data = reports.raw("london")
    for finding in data["edges"]["london"]["findings"]:
        finding["observed"] = said
    assert {line["observed"] for line in lines(reports.parsed(data))} == {told}


def test_csv_leaves_numbers_numbers() -> None:
    data = reports.raw("london")
    data["edges"]["london"]["findings"][0]["observed"] = "2-1=1"
    assert "2-1=1" in {line["observed"] for line in lines(reports.parsed(data))}


# --- all of them, with any text --------------------------------------------------------------------------------------

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=30)


@settings(max_examples=40)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_text_is_carried_by_every_format(edge: str, resource: str, observed: str) -> None:
    data = reports.raw(edge or "edge")
    for finding in data["edges"][edge or "edge"]["findings"]:
        finding.update(resource=resource, observed=observed, evidence=[{"operation": resource, "data": observed}])
    report = reports.parsed(data)
    (suite,) = junit(report)
    assert suite.tests == 8
    assert len(sarif(report)["runs"][0]["results"]) == 8
    assert len(ocsf(report)) == 8
    assert len(lines(report)) == 8
    assert {dict(labels).get("edge") for _, labels in samples(report)} - {None} == set(report.edges)
