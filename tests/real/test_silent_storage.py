# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident in small: a stage behind a real proxy falls silent, and the proxy's timer ends the transfer.

Seconds are scaled by configuration, and no further than that 5 % of them is more than the server's own timer is coarse:
nginx and HAProxy keep to milliseconds, and 0.3 s is left to a busy machine; Squid looks once a second, and may be one
more off either way.
"""

from __future__ import annotations

import pytest

from lab.fault_proxy import Fault, FaultProxy
from tests.real import proxies
from tests.real.walk import walk

pytestmark = pytest.mark.real

RATE = 200_000.0
STALL_AT = 100_000
SHARE = 0.05
FINE, SQUID = 6.0, 30.0
# The probe's own limits for such seconds.
PATIENT = {"max_seconds": 600.0, "stage_timeout": 40.0}
# nginx passes whole buffers on and keeps the last, unfinished one: proxy_buffers are 8k at most by default.
KEPT = {"nginx": 8192}
REVERSE = {
    "nginx": lambda place, upstream: proxies.nginx(place("nginx"), upstream, server="proxy_read_timeout 6s;"),
    "haproxy": lambda place, upstream: proxies.haproxy(
        place("haproxy"), upstream, "  timeout client 20s\n  timeout server 6s\n"
    ),
}
SETTINGS = {"nginx": "proxy_read_timeout", "haproxy": "timeout server"}


LONG = {"kind": "idle", "hop": "proxy", "setting": "timeout server", "origin": "haproxy.cfg:9", "seconds": 60.0}


class Silent:
    """A storage as slow as the reader, which falls silent once the first STALL_AT bytes of a body are over."""

    def __init__(self, seaweed: str, kind: str = "stall") -> None:
        self.slow = FaultProxy(seaweed, [Fault("trickle", rate=RATE, request="^GET .*call")])
        self.kind = kind

    def __enter__(self) -> FaultProxy:
        self.slow.start()
        self.proxy = FaultProxy(f"127.0.0.1:{self.slow.port}").start()
        self.proxy.faults = [Fault(self.kind, after_bytes=STALL_AT, request="^GET .*call")]
        return self.proxy

    def __exit__(self, *_: object) -> None:
        self.proxy.stop()
        self.slow.stop()


@pytest.mark.parametrize("name", sorted(REVERSE))
def test_a_reverse_proxys_read_timer_ends_a_silent_stage(name, seaweed, place, measured):
    with Silent(seaweed) as silent, REVERSE[name](place, f"127.0.0.1:{silent.port}") as (port, path):
        walked = walk(place("root"), f"http://127.0.0.1:{port}", path, paced_seconds=1.0, rate=RATE)
        stalled = silent.events("stall")[-1]
    check(walked, SETTINGS[name], FINE, stalled, measured, name)


def test_squids_read_timeout_ends_a_silent_stage(seaweed, place, measured):
    timers = f"read_timeout {SQUID:g} seconds"
    with Silent(seaweed) as silent, proxies.squid(place("squid"), timers) as (port, path):
        endpoint = f"http://127.0.0.1:{silent.port}"
        proxy = f"http://127.0.0.1:{port}"
        walked = walk(place("root"), endpoint, path, paced_seconds=1.0, rate=RATE, proxy=proxy, **PATIENT)
        stalled = silent.events("stall")[-1]
    check(walked, "read_timeout", SQUID, stalled, measured, "squid")
    causes = next(item for item in walked.findings["PROBE-10"].evidence if "causes" in item)["causes"]
    assert causes[0]["check"] == "TIMEOUTS-04"


def check(walked, setting, seconds, stalled, measured, name):
    """The stage, the second, the byte; prediction and observation agree; the verdict's arithmetic follows."""
    transfer = walked.facts["transfer"]
    failure = transfer["failure"]
    line = walked.line("paced transfer")
    measured(f"{name}: silent stage in the paced transfer", f"{setting} {seconds:g} s",
             f"{failure['last_byte_age']:.2f} s", f"{failure['byte_offset']} of {STALL_AT}")  # fmt: skip
    assert transfer["status"] == "failed" and failure["ended_by"] in ("closed", "reset")
    assert stalled["body_bytes"] == STALL_AT
    assert 0 <= STALL_AT - failure["byte_offset"] <= KEPT.get(name, 0)
    assert failure["last_byte_age"] == pytest.approx(seconds, rel=SHARE)
    assert line["agrees"] and line["bound"]["setting"] == setting and line["predicted_second"] == seconds
    finding = walked.findings["PROBE-10"]
    assert finding.status == "fail" and finding.bound.setting == setting
    assert finding.longest_minutes == pytest.approx(seconds / 60.0, abs=0.01)
    assert walked.findings["PROBE-12"].status == "pass"


def test_squids_client_lifetime_ends_a_transfer_that_never_falls_silent(seaweed, place, measured):
    # As slow as the reader, so that the end does not wait behind bytes that nobody has read.
    slow = [Fault("trickle", rate=RATE, request="^GET .*call")]
    with (
        FaultProxy(seaweed, slow) as origin,
        proxies.squid(place("squid"), f"client_lifetime {SQUID:g} seconds") as (port, path),
    ):
        proxy = f"http://127.0.0.1:{port}"
        walked = walk(place("root"), origin.url, path, paced_seconds=1.0, rate=RATE, proxy=proxy, **PATIENT)
    failure = walked.facts["transfer"]["failure"]
    line = walked.line("paced transfer")
    seen = f"{failure['seconds']:.2f} s"
    measured(
        "squid: a transfer longer than its lifetime", f"client_lifetime {SQUID:g} s", seen, str(failure["byte_offset"])
    )
    assert failure["seconds"] == pytest.approx(SQUID, rel=SHARE)
    assert line["agrees"] and line["bound"]["setting"] == "client_lifetime"


@pytest.mark.parametrize("name", sorted(REVERSE))
def test_a_storage_that_never_answers_is_a_504_at_the_timers_second(name, seaweed, place, measured):
    never = [Fault("slow_accept", seconds=60)]
    with FaultProxy(seaweed, never) as silent, REVERSE[name](place, f"127.0.0.1:{silent.port}") as (port, path):
        walked = walk(place("root"), f"http://127.0.0.1:{port}", path, stage_timeout=2 * FINE, max_seconds=120.0)
    never_answered(walked, SETTINGS[name], FINE, measured, name)


def test_a_storage_that_never_answers_behind_squid(seaweed, place, measured):
    never = [Fault("slow_accept", seconds=60)]
    timers = f"read_timeout {SQUID:g} seconds"
    with FaultProxy(seaweed, never) as silent, proxies.squid(place("squid"), timers) as (port, path):
        walked = walk(place("root"), silent.url, path, proxy=f"http://127.0.0.1:{port}", **PATIENT)
    never_answered(walked, "read_timeout", SQUID, measured, "squid")


def never_answered(walked, setting, seconds, measured, name):
    failure = walked.stage("head")["failure"]
    measured(f"{name}: the storage never answers", f"{setting} {seconds:g} s", f"{failure['seconds']:.2f} s", "504")
    assert failure["code"] == 504 and failure["seconds"] == pytest.approx(seconds, rel=SHARE)
    assert [stage["stage"] for stage in walked.facts["stages"] if stage["status"] == "failed"] == ["head"]
    line = walked.line("stage head")
    assert line["agrees"] and line["bound"]["setting"] == setting
    assert walked.findings["PROBE-07"].status == "fail" and "504" in walked.findings["PROBE-07"].observed


def test_a_silence_shorter_than_the_timer_survives(seaweed, place):
    faults = [Fault("stall", after_bytes=STALL_AT, seconds=1.0, request="^GET .*call")]
    with FaultProxy(seaweed, faults) as silent, REVERSE["nginx"](place, f"127.0.0.1:{silent.port}") as (port, path):
        walked = walk(place("root"), f"http://127.0.0.1:{port}", path, paced_seconds=1.0, rate=RATE)
    assert walked.findings["PROBE-10"].status == "pass"
    assert walked.findings["PROBE-12"].status == "pass"


def test_a_timer_that_the_audit_does_not_know_is_a_disagreement(seaweed, place, measured):
    faults = [Fault("reset", after_seconds=1.0, request="^GET .*call")]
    slow = FaultProxy(seaweed, [Fault("trickle", rate=RATE, request="^GET .*call")]).start()
    with FaultProxy(f"127.0.0.1:{slow.port}", faults) as hidden:
        walked = walk(place("root"), hidden.url, None, paced_seconds=2.0, rate=RATE, bounds=[LONG])
        done = hidden.events("reset")[-1]
    slow.stop()
    failure = walked.facts["transfer"]["failure"]
    measured("fault proxy: reset by the clock, unknown to the ladder", "survives", f"{failure['seconds']:.2f} s",
             f"{failure['byte_offset']} of {done['body_bytes']}")  # fmt: skip
    assert (failure["ended_by"], failure["errno"]) == ("reset", "ECONNRESET")
    assert failure["seconds"] == pytest.approx(done["seconds"], abs=0.1)
    assert walked.findings["PROBE-12"].status == "fail"
    assert "predicted to survive, seen reset" in walked.findings["PROBE-12"].observed


@pytest.mark.parametrize("offset", [1, 99_999, 150_001])
@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_the_byte_at_which_the_storages_side_ends(kind, offset, seaweed, place, measured):
    faults = [Fault(kind, after_bytes=offset, connections=(4,))]
    with FaultProxy(seaweed, faults) as proxy:
        walked = walk(place("root"), proxy.url, None, paced_seconds=1.0, rate=RATE)
    failure = walked.facts["transfer"]["failure"]
    measured(f"fault proxy: {kind} at a byte", f"byte {offset}", failure["ended_by"], str(failure["byte_offset"]))
    assert failure["byte_offset"] == offset
    assert failure["ended_by"] == {"reset": "reset", "cut": "closed"}[kind]


def test_a_502_names_stage_and_code(seaweed, place):
    with FaultProxy(seaweed, [Fault("status", status=502, request="^GET .*call")]) as proxy:
        walked = walk(place("root"), proxy.url, None)
    assert walked.stage("head")["status"] == "ok"
    assert walked.stage("get")["failure"]["code"] == 502
    assert walked.findings["PROBE-08"].status == "fail"
