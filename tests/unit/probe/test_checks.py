# SPDX-License-Identifier: GPL-3.0-or-later
"""Each finding of the probe from facts of a real walk, changed one by one, and none greener for what is missing."""

from __future__ import annotations

import copy
import threading

import pytest
from ansible.module_utils.edge.finding import Bound, Unread
from ansible.module_utils.edge.module import judge_edge
from ansible.module_utils.edge.probe import node
from ansible.module_utils.edge.probe.checks import CATALOGUE, judge
from ansible.module_utils.edge.run import plain

from tests.unit.probe import stub_storage

NAT = Bound("idle", "gateway", "NAT gateway idle timeout", "nat-1", 350.0, reset_by="packets")
RUNG = {**NAT.to_dict(), "check": "TIMEOUTS-09"}
EDGE = stub_storage.edge("http://127.0.0.1:1", payload={"longest_minutes": 240, "pace": 3})
UPSTREAM = {"timeouts": {"ladder": [RUNG]}}
_LOCK = threading.Lock()
_CACHE: list[dict] = []


def good():
    """The facts of a walk on which everything worked, with silences of 350 s as if they had been held."""
    with _LOCK:
        if not _CACHE:
            with stub_storage.running() as storage:
                given = stub_storage.options(write=True, paced_seconds=0.2, bounds=[RUNG])
                _CACHE.append(plain(node.probe(stub_storage.edge(f"http://{storage.where}"), [], given)))
    facts = copy.deepcopy(_CACHE[0])
    facts["plan"]["pauses"] = [{"mode": "held", "seconds": 332.5}, {"mode": "held", "seconds": 367.5}]
    facts["pauses"] = [pause(332.5, "survived"), pause(367.5, "cut")]
    return facts


def pause(seconds, outcome):
    failure = None
    if outcome == "cut":
        failure = {"ended_by": "reset", "error_text": "Connection reset by peer", "errno": "ECONNRESET", "code": None,
                   "seconds": seconds, "last_byte_age": seconds, "byte_offset": None}  # fmt: skip
    return {"mode": "held", "seconds": seconds, "outcome": outcome, "second": None, "bytes": None, "failure": failure}


def judged(facts, upstream=UPSTREAM):
    return {finding.check: finding for finding in judge(EDGE, facts, upstream)}


def stage(facts, name, **fields):
    next(item for item in facts["stages"] if item["stage"] == name).update(fields)
    return facts


def ended(by="timeout", code=None, text="no answer within the probe's patience"):
    return {"ended_by": by, "error_text": text, "errno": None, "code": code, "seconds": 15.0, "last_byte_age": None,
            "byte_offset": None}  # fmt: skip


def test_a_path_in_order_behind_a_nat_gateway():
    findings = judged(good())
    assert set(findings) == set(CATALOGUE)
    statuses = {check: finding.status for check, finding in findings.items()}
    assert statuses.pop("PROBE-11") == "fail"
    assert statuses.pop("PROBE-04") == statuses.pop("PROBE-05") == "not_applicable"
    assert set(statuses.values()) == {"pass"}
    silence = findings["PROBE-11"]
    assert silence.bound.setting == "NAT gateway idle timeout" and silence.longest_minutes == 17.5
    assert "367.5 s (held)" in silence.observed
    assert silence.evidence[-1]["causes"][0]["check"] == "TIMEOUTS-09"


@pytest.mark.parametrize(
    ("name", "check", "by"),
    [("dns", "PROBE-01", "name"), ("proxy", "PROBE-04", "answer"), ("tls", "PROBE-05", "tls"),
     ("head", "PROBE-07", "answer"), ("get", "PROBE-08", "answer"), ("write", "PROBE-09", "reset")],
)  # fmt: skip
def test_a_failed_stage_fails_its_check(name, check, by):
    finding = judged(stage(good(), name, status="failed", failure=ended(by, 403, "the words")))[check]
    assert finding.status == "fail" and "the words" in finding.observed and "15.00 s" in finding.observed


def test_addresses_that_do_not_answer():
    tried = [{"address": f"10.0.0.{n}", "seconds": 15.0, "failure": ended() if n < 2 else None} for n in range(8)]
    findings = judged(stage(good(), "tcp", addresses=tried))
    assert findings["PROBE-02"].status == "pass"
    assert (findings["PROBE-03"].status, findings["PROBE-03"].share) == ("fail", 0.25)
    assert "a filter drops" in findings["PROBE-03"].observed
    for entry in tried:
        entry["failure"] = ended("refused", text="Connection refused")
    findings = judged(stage(good(), "tcp", status="failed", addresses=tried, failure=ended("refused")))
    assert findings["PROBE-02"].status == findings["PROBE-03"].status == "fail"
    assert "nobody listens" in findings["PROBE-02"].observed


@pytest.mark.parametrize(("skew", "status"), [(899.0, "pass"), (-899.0, "pass"), (900.0, "fail"), (-4000.0, "fail")])
def test_the_clock(skew, status):
    finding = judged(stage(good(), "head", clock_skew_seconds=skew))["PROBE-06"]
    assert finding.status == status and ("ahead" if skew > 0 else "behind") in finding.observed


def test_credentials_that_are_not_there_and_that_may_not_be_read():
    absent = Unread("unreachable", "GET", "imds", "no credentials").to_fact()
    denied = Unread("denied", "read", "/root/.aws/credentials", "permission denied", ("read it",)).to_fact()
    for hidden, status in ((absent, "fail"), (denied, "unknown")):
        facts = stage(good(), "credentials", status="failed", unread=hidden, failure=ended("error"))
        facts = stage(facts, "head", status="skipped", reason="the stage credentials failed before it")
        assert judged(facts)["PROBE-07"].status == status


def test_a_range_that_is_ignored_fails():
    finding = judged(stage(good(), "get", http_status=200))["PROBE-08"]
    assert finding.status == "fail" and "Range" in finding.observed


def test_a_listing_that_is_denied_is_unknown_with_the_permission():
    facts = stage(good(), "get", status="skipped", reason="no key was named, and listing fails", code=403)
    finding = judged(facts)["PROBE-08"]
    assert (finding.status, finding.reason, finding.permissions) == ("unknown", "denied", ("s3:ListBucket",))


def cut(facts, seconds, age, by="closed"):
    failure = {**ended(by, text="closed"), "seconds": seconds, "last_byte_age": age, "byte_offset": 4_000_000}
    facts["transfer"].update(status="failed", bytes=4_000_000, rate=96_000.0, failure=failure)
    return facts


def test_a_transfer_that_the_ladder_explains():
    squid = {"kind": "idle", "hop": "proxy", "setting": "read_timeout", "origin": "squid.conf:1", "seconds": 900.0,
             "check": "TIMEOUTS-04"}  # fmt: skip
    findings = judged(cut(good(), 1000.0, 900.4), {"timeouts": {"ladder": [RUNG, squid]}})
    assert (findings["PROBE-10"].status, findings["PROBE-10"].longest_minutes) == ("fail", 45.0)
    assert findings["PROBE-10"].bound.setting == "read_timeout"
    assert "at byte 4000000, after 900.40 s of silence" in findings["PROBE-10"].observed


@pytest.mark.parametrize(("seconds", "age", "kind"), [(1000.0, 600.0, "idle"), (700.0, 0.2, "total")])
def test_a_transfer_that_the_ladder_does_not_explain_is_a_disagreement(seconds, age, kind):
    findings = judged(cut(good(), seconds, age))
    assert findings["PROBE-10"].status == "fail" and findings["PROBE-10"].bound.kind == kind
    assert findings["PROBE-12"].status == "fail"
    assert "predicted to survive" in findings["PROBE-12"].observed


def test_the_probes_own_limit_is_nobodys_fault():
    finding = judged(cut(good(), 10.0, 0.0, "limit"))["PROBE-10"]
    assert finding.status == "unknown"


def test_without_a_ladder_there_is_nothing_to_agree_with():
    facts = good()
    facts["bounds"] = []
    assert judged(facts, {"timeouts": Unread("not_collected", "x", "y", "z")})["PROBE-12"].status == "unknown"


def test_silences_that_a_streaming_export_never_makes_pass():
    streamed = stub_storage.edge("http://127.0.0.1:1", payload={"longest_minutes": 240, "delivery": "streamed"})
    findings = {finding.check: finding for finding in judge(streamed, good(), UPSTREAM)}
    assert findings["PROBE-11"].status == "pass"


@pytest.mark.parametrize("name", node.STAGES)
@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_nothing_is_greener_for_a_stage_that_is_missing(name, status):
    before = judged(cut(good(), 700.0, 0.2))
    facts = cut(good(), 700.0, 0.2)
    later = list(node.STAGES)[list(node.STAGES).index(name) :]
    for at, each in enumerate(later):
        missing = {"status": "skipped", "reason": f"the stage {name} failed before it", "failure": None}
        fields = {"status": "failed", "failure": ended(), "unread": Unread("error", "x", "y", "z").to_fact()}
        tried = [{"address": "10.0.0.1", "seconds": 15.0, "failure": ended()}]
        stage(facts, each, **(fields if at == 0 and status == "failed" else missing), addresses=tried)
    after = judged(facts)
    assert set(after) == set(CATALOGUE)
    for check, finding in after.items():
        assert not (before[check].status in ("fail", "unknown") and finding.status == "pass"), check


def test_facts_that_could_not_be_read_are_unknown():
    unread = Unread("unreachable", "edge_path_probe", "london", "no route")
    assert {finding.status for finding in judge_edge(EDGE, unread, {}, CATALOGUE, judge)} == {"unknown"}


def test_a_name_that_ceases_to_resolve_during_a_transfer():
    facts = good()
    assert judged(facts)["PROBE-13"].status == "pass"
    facts["drift"]["failures"] = [{"second": 30.0, "error_text": "no such name"}]
    finding = judged(facts)["PROBE-13"]
    assert finding.status == "fail" and "first after 30 s: no such name" in finding.observed
    facts["drift"] = None
    assert judged(facts)["PROBE-13"].status == "unknown"
    facts["plan"].update(paced=None, pauses=[])
    assert judged(facts)["PROBE-13"].status == "not_applicable"
