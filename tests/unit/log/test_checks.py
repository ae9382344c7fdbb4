# SPDX-License-Identifier: GPL-3.0-or-later
"""What the witnesses' facts lead to, and that what is not known never makes a finding greener."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible.module_utils.edge.finding import SEVERITIES, Unread
from ansible.module_utils.edge.log.catalogue import BY_CLASS
from ansible.module_utils.edge.log.checks import CATALOGUE, judge
from ansible.module_utils.edge.log.classes import CLASSES
from ansible.module_utils.edge.targets import Edge

EDGE = Edge.from_mapping({"name": "london", "log_path": "/var/log/edge.log", "export_service": "edge-export.service"})
WINDOW = {"start": "2026-11-20T02:03:41.225Z", "end": "2026-11-20T02:18:41.231Z"}
NONE = {"count": 0, "first": None, "last": None, "samples": []}
SAMPLE = {"time": "2026-11-20T02:10:00.000Z", "path": "/var/log/edge.log", "line": 7, "text": "reset by peer"}
SEEN = {"count": 3, "first": "2026-11-20T02:10:00.000Z", "last": "2026-11-20T02:11:00.000Z", "samples": [SAMPLE]}
SILENCE = {"seconds": 900.006, "from": WINDOW["start"], "to": WINDOW["end"]}
JUMP = {
    "from": "2026-11-20T02:10:00.000Z",
    "to": "2026-11-20T01:10:00.000Z",
    "seconds": -3600.0,
    "path": "/var/log/edge.log",
}
CULPRIT = {"rank": 1, "check": "TIMEOUTS-04", "title": "A proxy's timer", "for": ["900 s"], "against": [], "score": 9.0}
LOG: dict[str, Any] = {
    "path": "/var/log/edge.log", "format": "iso8601", "zone": {"name": "UTC", "origin": "assumed"}, "rotations": 1,
    "files": [], "oldest": "2026-11-19T00:00:00.000Z", "seconds": 0.1, "problems": [], "covers": "all",
    "first": "2026-11-19T00:00:00.000Z", "last": "2026-11-21T00:00:00.000Z", "lines": 1000, "lines_in_window": 40,
    "slack_seconds": 10.0, "unstamped": 0, "classes": dict.fromkeys(CLASSES, NONE), "silence": None, "jumps": [],
    "jumps_count": 0,
}  # fmt: skip
TCP = {"TcpExt.TCPAbortOnTimeout": 1, "Tcp.ActiveOpens": 18000, "Tcp.PassiveOpens": 2000, "Tcp.EstabResets": 96}
JOB = {"id": "9b2f61c4", "state": "FAILED", "failed": True}
GOOD: dict[str, Any] = {
    "live": False, "window": WINDOW, "log": {**LOG, "classes": {**LOG["classes"], "reset": SEEN}}, "tcp": TCP,
    "tcp_added": None,
    "tracking": {"drop": 0, "early_drop": 0, "insert_failed": 0}, "uptime": 3600.0, "allowance": {"ens5": 0},
    "journal": {"lines": 5, "classes": {}, "ends": []}, "job": JOB, "observed": {"duration_seconds": 900.006},
    "culprits": [CULPRIT],
}  # fmt: skip


def test_without_a_path_there_is_nothing_to_say():
    findings = {finding.check: finding for finding in judge(EDGE, {**GOOD, "log": None}, {})}
    for check in (*BY_CLASS.values(), "LOG-08", "LOG-09"):
        assert (findings[check].status, findings[check].observed) == ("not_applicable", "edge_log_path is not set")


def judged(edge: Edge = EDGE, log: dict[str, Any] | None = None, **changed: Any):
    facts = {**copy.deepcopy(GOOD), **changed}
    if log is not None:
        facts["log"] = {**LOG, **log}
    findings = judge(edge, facts, {})
    assert sorted(finding.check for finding in findings) == sorted(CATALOGUE)
    return {finding.check: finding for finding in findings}


def test_a_witness_never_decides_the_path():
    for check in CATALOGUE.values():
        assert check.effect == "none"
        assert SEVERITIES.index(check.severity) < SEVERITIES.index("high")
    assert CATALOGUE["LOG-08"].severity == "medium"


def test_each_class_has_its_check():
    for name, check in BY_CLASS.items():
        findings = judged(log={"classes": {**LOG["classes"], name: SEEN}})
        assert [key for key, finding in findings.items() if finding.status == "fail"] == [check]
        assert "3 lines, first 2026-11-20T02:10:00.000Z, last 2026-11-20T02:11:00.000Z" in findings[check].observed
        assert findings[check].evidence == (SAMPLE,)


def test_silence_in_the_window_of_a_failed_job():
    finding = judged(log={"silence": SILENCE, "lines_in_window": 2})["LOG-08"]
    assert finding.status == "fail"
    assert "2 lines, none of a failure; it is silent for 900.006 s" in finding.observed
    assert finding.observed.endswith("Likeliest by the settings as they are now: A proxy's timer")
    assert finding.evidence[1] == {key: value for key, value in CULPRIT.items() if key != "score"}


@pytest.mark.parametrize(
    ("log", "status"),
    [
        ({}, "fail"),  # forty lines, and none of a failure
        ({"classes": {**LOG["classes"], "tls": SEEN}}, "pass"),
        ({"classes": {**LOG["classes"], "tls": SEEN}, "silence": {**SILENCE, "seconds": 300.0}}, "pass"),
        ({"classes": {**LOG["classes"], "tls": SEEN}, "silence": {**SILENCE, "seconds": 460.0}}, "fail"),
        ({"covers": "none"}, "unknown"),
        ({"covers": "part"}, "unknown"),
        ({"covers": "part", "classes": {**LOG["classes"], "tls": SEEN}}, "pass"),
    ],
)
def test_when_a_log_is_silent(log, status):
    assert judged(log=log)["LOG-08"].status == status


def test_a_log_that_does_not_reach_back_says_so():
    finding = judged(log={"covers": "none"})["LOG-01"]
    assert finding.status == "unknown"
    assert "does not reach back to 2026-11-20T02:03:41.225Z: its oldest line is of 2026-11-19" in finding.observed


@pytest.mark.parametrize("job", [None, JOB])
def test_without_a_window_the_findings_say_so(job):
    findings = judged(log={}, window=None, job=job)
    assert findings["LOG-08"].status == "not_applicable"
    for check in ("LOG-01", "LOG-08", "LOG-13"):
        assert "no failing window was given" in findings[check].observed


def test_a_window_without_a_job_is_a_failing_one():
    assert judged(log={}, job=None)["LOG-08"].status == "fail"


def test_a_job_that_did_not_fail():
    finding = judged(log={}, job={"id": "1", "state": "FULFILLED", "failed": False})["LOG-08"]
    assert (finding.status, "FULFILLED" in finding.observed) == ("not_applicable", True)


def test_a_clock_that_goes_back_by_an_hour():
    finding = judged(log={"jumps": [JUMP], "jumps_count": 2, "silence": SILENCE})
    assert finding["LOG-09"].status == "fail"
    assert "2 times; first by 3600 s" in finding["LOG-09"].observed
    assert "summer time" in finding["LOG-09"].observed
    assert "which may look like silence" in finding["LOG-08"].observed


@pytest.mark.parametrize(
    ("changed", "check", "status"),
    [
        ({}, "LOG-10", "pass"),
        ({"tcp": {**TCP, "TcpExt.TCPAbortOnTimeout": 201}}, "LOG-10", "fail"),
        ({"tcp_added": {"TcpExt.TCPAbortOnTimeout": 1, "seconds": 3.0}}, "LOG-10", "fail"),
        ({"tcp": {"Tcp.ActiveOpens": 1}}, "LOG-10", "unknown"),
        ({"tracking": {"drop": 0, "early_drop": 4, "insert_failed": 0}}, "LOG-11", "fail"),
        ({"tracking": None}, "LOG-11", "not_applicable"),
        ({"tracking": {}}, "LOG-11", "pass"),
        ({"allowance": {"ens5": 12}}, "LOG-12", "fail"),
        ({"allowance": {}}, "LOG-12", "not_applicable"),
        ({"journal": None}, "LOG-13", "not_applicable"),
        ({"journal": {"lines": 9, "classes": {"timeout": SEEN}, "ends": []}}, "LOG-13", "fail"),
        ({"journal": {"lines": 9, "classes": {}, "ends": [SAMPLE]}}, "LOG-13", "fail"),
    ],
)
def test_what_stands_beside_the_log(changed, check, status):
    assert judged(**changed)[check].status == status


UNREAD = Unread("denied", "read", "/x", "/x: permission denied", ("read /x",)).to_fact()
BAD: dict[str, Any] = {
    **GOOD,
    "log": {**LOG, "classes": dict.fromkeys(CLASSES, SEEN), "silence": SILENCE, "jumps": [JUMP], "jumps_count": 1},
    "tcp": {**TCP, "TcpExt.TCPAbortOnTimeout": 999}, "tracking": {"drop": 9}, "allowance": {"ens5": 9},
    "journal": {"lines": 5, "classes": {"reset": SEEN}, "ends": [SAMPLE]},
}  # fmt: skip
RANK = {"fail": 0, "unknown": 1, "pass": 2, "not_applicable": 2}


@pytest.mark.parametrize("facts", [GOOD, {**GOOD, "log": LOG}, BAD], ids=["good", "silent", "bad"])
@pytest.mark.parametrize("how", ["unread", "gone"])
@pytest.mark.parametrize("key", sorted(GOOD))
def test_what_is_not_known_makes_nothing_greener(facts, how, key):
    before = {finding.check: finding for finding in judge(EDGE, facts, {})}
    changed = {name: value for name, value in facts.items() if name != key or how == "unread"}
    if how == "unread":
        changed[key] = UNREAD
    after = {finding.check: finding for finding in judge(EDGE, changed, {})}
    for check, finding in after.items():
        if before[check].status in ("fail", "unknown"):
            assert finding.status in ("fail", "unknown"), check
        if finding.status != before[check].status:
            assert finding.status == "unknown", check
    assert key in ("live", "tcp_added", "uptime", "job", "observed", "culprits") or any(
        finding.status == "unknown" for finding in after.values()
    )


@pytest.mark.parametrize("problem", [UNREAD])
def test_a_file_that_could_not_be_read_leaves_doubt(problem):
    findings = judged(log={"problems": [problem], "classes": {**LOG["classes"], "reset": SEEN}})
    assert findings["LOG-04"].status == "fail", "what was seen was seen"
    for check in ("LOG-01", "LOG-02", "LOG-09"):
        assert (findings[check].status, findings[check].permissions) == ("unknown", ("read /x",))
