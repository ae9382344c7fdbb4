# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict: the first that applies, and never greener for want of an answer."""

from __future__ import annotations

import dataclasses

import pytest
from ansible.module_utils.edge.finding import Asker, Bound, Check, Finding, Unread, catalogue, unread
from ansible.module_utils.edge.payload import Payload
from ansible.module_utils.edge.report import Gate, build
from ansible.module_utils.edge.summary import lines
from ansible.module_utils.edge.verdict import VERDICTS, Verdict, decide, failure_probability
from hypothesis import given
from hypothesis import strategies as st

CHECKS = catalogue(
    [
        Check("T-01", "blocks", "critical", "security_group", "blocks", "open it", "test"),
        Check("T-02", "cuts", "high", "proxy", "truncates", "raise it", "test"),
        Check("T-03", "some", "high", "address", "partial", "add it", "test"),
        Check("T-04", "hygiene", "medium", "bucket", "none", "tidy it", "test"),
    ]
)
ASK = Asker("london", CHECKS)
DENIED = Unread("denied", "ec2:DescribeSubnets", "subnet-1", "cannot read subnet-1", ("ec2:DescribeSubnets",))
SQUID = Bound("idle", "proxy", "Squid read_timeout", "default", seconds=900)


def answer(check: str, status: str) -> Finding:
    if status == "unknown":
        return ASK.unknown(check, "r", DENIED)
    if status == "fail":
        fields = {
            "T-02": {"bound": SQUID, "longest_minutes": 45.0},
            "T-03": {"share": 0.25},
        }.get(check, {})
        return ASK.failed(check, "r", "bad", **fields)
    return ASK.passed(check, "r", "good")


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ({}, "clear"),
        ({"T-04": "fail"}, "clear"),
        ({"T-04": "unknown"}, "clear"),
        ({"T-01": "unknown"}, "unknown"),
        ({"T-03": "fail", "T-01": "unknown"}, "unreliable"),
        ({"T-02": "fail", "T-03": "fail"}, "truncates"),
        ({"T-01": "fail", "T-02": "fail", "T-03": "fail"}, "blocked"),
    ],
)
def test_first_that_applies(statuses: dict[str, str], verdict: str) -> None:
    findings = [answer(check, statuses.get(check, "pass")) for check in CHECKS]
    assert decide("london", findings, CHECKS, Payload()).verdict == verdict


def test_nothing_judged_is_not_clear() -> None:
    assert decide("london", [], CHECKS, Payload()).verdict == "unknown"


def test_truncation_names_bound_and_minutes() -> None:
    verdict = decide("london", [answer("T-02", "fail")], CHECKS, Payload(pace=3))
    assert verdict.longest_recording_minutes == 45.0
    assert verdict.limited_by == "T-02"
    assert verdict.sentence.startswith("recordings over 45 min are cut at 900 s by Squid read_timeout (proxy)")


@pytest.mark.parametrize(
    ("hops", "words"),
    [
        (["name"], "the name: bad"),
        (["name", "proxy"], "the name and the proxy: bad"),
        (["name", "proxy", "name", "bucket_policy"], "the name, the proxy and the bucket policy: bad"),
    ],
)
def test_a_blocked_path_names_its_hops_once_each(hops: list[str], words: str) -> None:
    findings = [dataclasses.replace(answer("T-01", "fail"), hop=hop) for hop in hops]
    assert decide("london", findings, CHECKS, Payload()).sentence == f"no transfer gets through {words}"


def test_a_waiver_does_not_heal_the_path() -> None:
    waived = dataclasses.replace(answer("T-01", "fail"), status="waived")
    assert decide("london", [waived], CHECKS, Payload()).verdict == "blocked"


@given(st.lists(st.sampled_from(["pass", "fail", "unknown"]), min_size=4, max_size=4), st.integers(0, 3))
def test_losing_an_answer_never_turns_a_verdict_to_clear(statuses: list[str], lost: int) -> None:
    checks = list(CHECKS)
    findings = [answer(check, status) for check, status in zip(checks, statuses)]
    before = decide("london", findings, CHECKS, Payload()).verdict
    findings[lost] = answer(checks[lost], "unknown")
    after = decide("london", findings, CHECKS, Payload()).verdict
    if checks[lost] == "T-04":
        assert after == before
    else:
        assert after != "clear"


@given(share=st.floats(0, 1), connections=st.integers(1, 1000))
def test_failure_probability_is_a_probability_and_grows(share: float, connections: int) -> None:
    chance = failure_probability(share, connections)
    assert 0 <= chance <= 1
    assert failure_probability(share, connections + 1) >= chance


@pytest.mark.parametrize(
    ("gate", "statuses", "fails"),
    [
        (Gate("high"), {"T-01": "fail"}, True),
        (Gate("critical"), {"T-02": "fail"}, False),
        (Gate("medium"), {"T-04": "fail"}, True),
        (Gate("high"), {"T-04": "fail"}, False),
        (Gate("never"), {"T-01": "fail"}, False),
        (Gate("never"), {"T-04": "unknown"}, True),
        (Gate("never", allow_unknown=True), {"T-04": "unknown"}, False),
        (Gate("high"), {}, False),
    ],
)
def test_gate(gate: Gate, statuses: dict[str, str], fails: bool) -> None:
    findings = [answer(check, statuses.get(check, "pass")) for check in CHECKS]
    assert bool(gate.failures(decide("london", findings, CHECKS, Payload()), CHECKS)) is fails


def test_report_and_summary_tell_what_was_missing() -> None:
    findings = {"london": [answer("T-01", "unknown"), answer("T-02", "fail")]}
    report = build({"id": "1"}, findings, {"london": Payload(pace=3)}, CHECKS, Gate())
    assert report["coverage"] == {
        "expected": 2,
        "judged": 1,
        "missing_permissions": [{"permission": "ec2:DescribeSubnets", "resource": "subnet-1", "edges": ["london"]}],
    }
    hops = {hop["hop"]: hop for hop in report["edges"]["london"]["path"]}
    assert hops["proxy"]["bound"] == {
        "kind": "idle", "hop": "proxy", "setting": "Squid read_timeout", "origin": "default", "seconds": 900,
        "reset_by": "data",
    }  # fmt: skip
    text = "\n".join(lines(report))
    assert "TRUNCATES" in text
    assert "missing ec2:DescribeSubnets on subnet-1 (for london)" in text
    assert "\033[" not in text


def test_a_missing_permission_is_told_for_what_it_would_have_read() -> None:
    about_another = dataclasses.replace(answer("T-02", "unknown"), evidence=(), resource="the proxy")
    ledger = build({"id": "1"}, {"london": [answer("T-01", "unknown"), about_another]}, {}, CHECKS, Gate())["coverage"]
    assert [item["resource"] for item in ledger["missing_permissions"]] == ["subnet-1"]
    alone = build({"id": "1"}, {"london": [about_another]}, {}, CHECKS, Gate())["coverage"]
    assert [item["resource"] for item in alone["missing_permissions"]] == ["the proxy"]


def test_findings_survive_json() -> None:
    for finding in (answer("T-01", "unknown"), answer("T-02", "fail"), answer("T-03", "fail")):
        assert Finding.from_dict(finding.to_dict()) == finding
    assert unread(DENIED.to_fact()) == DENIED
    assert unread({"a": 1}) is None


@pytest.mark.parametrize(
    ("status", "reason"), [("unknown", None), ("pass", "denied"), ("unknown", "tired"), ("green", None)]
)
def test_a_finding_that_says_nothing_true_is_refused(status: str, reason: str | None) -> None:
    with pytest.raises(ValueError, match="T-01"):
        Finding("T-01", status, "london", "security_group", "r", "e", "o", reason=reason)


@pytest.mark.parametrize("state", ["denied", "throttled", "unreachable", "error", "not_collected"])
def test_whatever_kept_an_answer_away_the_path_is_not_clear(state: str) -> None:
    """That a permission was missing is one way not to know; a server that did not answer is another."""
    unread_fact = Unread(state, "ec2:DescribeSubnets", "subnet-1", "cannot read subnet-1")
    findings = [ASK.unknown("T-01", "r", unread_fact), answer("T-02", "pass"), answer("T-03", "pass")]
    told = decide("london", findings, CHECKS, Payload())
    assert told.verdict == "unknown"
    assert told.sentence == "nothing on the path fails, but 1 answer about it is missing: security group"
    assert [hop.status for hop in told.path if hop.name == "security_group"] == ["unknown"]
    assert (told.longest_recording_minutes, told.limited_by, told.failing_share) == (None, None, None)


def test_missing_answers_are_counted_and_their_hops_named_once() -> None:
    two = [ASK.unknown("T-01", "a", DENIED), ASK.unknown("T-01", "b", DENIED), ASK.unknown("T-02", "r", DENIED)]
    sentence = decide("london", two, CHECKS, Payload()).sentence
    assert sentence == "nothing on the path fails, but 3 answers about it are missing: proxy, security group"
    assert decide("london", [], CHECKS, Payload()).sentence == "nothing was judged"


def cut(minutes: float | None, resource: str = "r", bound: Bound | None = SQUID) -> Finding:
    return ASK.failed("T-02", resource, f"cut {resource}", bound=bound, longest_minutes=minutes)


def test_the_shortest_recording_that_is_cut_decides() -> None:
    told = decide("london", [cut(90.0, "a"), cut(None, "c"), cut(45.0, "b")], CHECKS, Payload())
    assert told.longest_recording_minutes == 45.0
    assert [cause["for"] for cause in told.causes] == [["cut b"], ["cut a"], ["cut c"]]
    assert [(cause["rank"], cause["check"], cause["hop"], cause["against"]) for cause in told.causes] == [
        (1, "T-02", "proxy", []), (2, "T-02", "proxy", []), (3, "T-02", "proxy", []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (cut(45.4, bound=None), "recordings over 45 min are cut; the profile asks for 240 min"),
        (cut(None, bound=None), "recordings over 0 min are cut; the profile asks for 240 min"),
        (
            cut(1.0, bound=Bound("rate", "proxy", "low_speed", "f", bytes_per_second=9)),
            "recordings over 1 min are cut; the profile asks for 240 min",
        ),
        (
            dataclasses.replace(cut(2.0), hop="host_firewall"),
            "recordings over 2 min are cut at 900 s by Squid read_timeout (host firewall); "
            "the profile asks for 240 min",
        ),
    ],
)
def test_a_cut_says_what_is_known_of_it(finding: Finding, sentence: str) -> None:
    assert decide("london", [finding], CHECKS, Payload()).sentence == sentence


def partly(share: float | None, resource: str) -> Finding:
    return dataclasses.replace(ASK.failed("T-03", resource, "some", share=share), hop="network_acl")


def test_the_largest_share_decides_and_says_what_a_job_meets() -> None:
    told = decide("london", [partly(0.1, "a"), partly(0.5, "b"), partly(None, "c")], CHECKS, Payload())
    assert (told.verdict, told.failing_share, told.limited_by) == ("unreliable", 0.5, "T-03")
    assert told.sentence == (
        "50% of the storage addresses fail at the network acl; a job of 10 connections fails with probability 100%"
    )
    alone = decide("london", [partly(None, "c")], CHECKS, Payload())
    assert alone.sentence.startswith("0% of the storage addresses fail")
    assert failure_probability(0.25, 2) == pytest.approx(0.4375)
    assert failure_probability(0.0, 5) == 0.0
    assert failure_probability(1.0, 1) == 1.0


def test_a_blocked_path_lets_no_recording_through() -> None:
    told = decide("london", [answer("T-01", "fail"), cut(45.0), partly(0.5, "b")], CHECKS, Payload())
    assert (told.verdict, told.longest_recording_minutes, told.limited_by) == ("blocked", 0.0, "T-01")
    assert [cause["check"] for cause in told.causes] == ["T-01", "T-02", "T-03"]
    cuts = decide("london", [cut(45.0), partly(0.5, "b")], CHECKS, Payload())
    assert (cuts.limited_by, cuts.failing_share) == ("T-02", 0.5)


def test_a_clear_path_says_how_far_it_reaches() -> None:
    told = decide("london", [answer("T-01", "pass")], CHECKS, Payload(longest_minutes=90))
    assert told.sentence == "recordings of up to 90 minutes get through"
    assert (told.longest_recording_minutes, told.limited_by, told.failing_share) == (None, None, None)


def test_likely_causes_explain_and_change_no_verdict() -> None:
    culprit = {"rank": 1, "check": "LOG-08", "title": "a proxy's timer"}
    told = decide("london", [answer("T-01", "fail")], CHECKS, Payload(), [culprit])
    assert (told.verdict, list(told.causes)) == ("blocked", [culprit])


def test_findings_are_in_the_order_of_the_path() -> None:
    findings = [answer(check, "pass") for check in ("T-04", "T-01", "T-02", "T-03")]
    again = [dataclasses.replace(findings[1], resource="a"), *findings]
    told = decide("london", again, CHECKS, Payload())
    assert [(item.check, item.resource) for item in told.findings] == [
        ("T-03", "r"), ("T-02", "r"), ("T-01", "a"), ("T-01", "r"), ("T-04", "r"),
    ]  # fmt: skip
    data = told.to_dict()
    assert list(data) == [
        "verdict", "sentence", "longest_recording_minutes", "limited_by", "failing_share", "path", "causes", "findings",
    ]  # fmt: skip
    assert data["findings"][0]["check"] == "T-03"
    assert [hop["hop"] for hop in data["path"]] == ["address", "proxy", "security_group", "bucket"]


def test_the_verdicts_and_their_order_are_those_of_the_report() -> None:
    assert VERDICTS == ("blocked", "truncates", "unreliable", "unknown", "clear")
    assert Verdict.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_a_job_is_of_ten_connections() -> None:
    assert decide("london", [partly(0.25, "a")], CHECKS, Payload()).sentence.endswith("with probability 94%")
