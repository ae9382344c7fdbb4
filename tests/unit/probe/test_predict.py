# SPDX-License-Identifier: GPL-3.0-or-later
"""Which silence starts which timer, and when an observation agrees, disagrees, or proves nothing."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.finding import Bound
from ansible.module_utils.edge.probe import predict
from hypothesis import given
from hypothesis import strategies as st


def bound(setting, seconds=350.0, kind="idle", hop="proxy", reset_by="data"):
    return Bound(kind, hop, setting, "a file:1", seconds, reset_by=reset_by)


NAT = bound("NAT gateway idle timeout", hop="gateway", reset_by="packets")
SEND = bound("send_timeout", 60.0)
READ = bound("read_timeout", 900.0)


@pytest.mark.parametrize(
    ("one", "tunnel", "modes"),
    [
        (NAT, False, ("held",)),
        (SEND, False, ("reader",)),
        (READ, False, ("reader",)),
        (READ, True, ("held",)),
        (bound("read_timeout", hop="export"), False, ()),
        (bound("timeout client"), False, ("reader", "sender")),
        (bound("timeout server"), False, ("sender",)),
        (bound("timeout tunnel"), False, ("held",)),
        (bound("proxy_timeout"), False, ("held",)),
        (bound("proxy_read_timeout"), False, ()),
        (bound("client_lifetime", kind="total"), False, ()),
        (SEND, True, ()),
    ],
)
def test_what_starts_a_timer(one, tunnel, modes):
    assert predict.exercised_by(one, tunnel) == modes
    assert predict.why_not(one, tunnel)


def pause(seconds, outcome, second=None, mode="held"):
    return {"mode": mode, "seconds": seconds, "outcome": outcome, "second": second, "failure": None}


@pytest.mark.parametrize(
    ("seen", "agrees"),
    [
        (pause(332.5, "survived"), True),
        (pause(367.5, "cut"), True),
        (pause(367.5, "cut", 351.0), True),
        (pause(367.5, "cut", 120.0), False),
        (pause(332.5, "cut"), False),
        (pause(332.5, "cut", 20.0), False),
        (pause(367.5, "survived"), False),
        (pause(367.5, "closed", 20.0), None),
        (pause(367.5, "closed", 350.2), True),
        (pause(367.5, "failed"), None),
        (pause(350.2, "survived"), None),
        (pause(349.9, "cut"), None),
    ],
)
def test_a_silence_beside_its_prediction(seen, agrees):
    line = predict.compare_pause(seen, [NAT, SEND, READ], False)
    assert line["agrees"] is agrees
    assert line["agrees"] is not None or line["because"]


def transfer(failure=None, **more):
    return {"status": "failed" if failure else "ok", "bytes": 1_000_000, "rate": 100_000.0, "seconds": 10.0,
            "longest_gap_seconds": 0.1, "failure": failure, **more}  # fmt: skip


def failure(ended_by="closed", seconds=1000.0, age=900.0, code=None):
    return {"ended_by": ended_by, "seconds": seconds, "last_byte_age": age, "byte_offset": 1, "code": code,
            "errno": None, "error_text": ""}  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "setting", "agrees"),
    [
        (transfer(), None, True),
        (transfer(failure()), "read_timeout", True),
        (transfer(failure(age=895.0)), "read_timeout", True),
        (transfer(failure(age=500.0)), None, False),
        (transfer(failure(age=893.0), bytes=10**8), "read_timeout", True),
        (transfer(failure("timeout")), None, None),
        (transfer(failure("limit")), None, None),
        (transfer(longest_gap_seconds=1000.0), "read_timeout", False),
        (transfer(failure(seconds=86400.0, age=0.0), bytes=10**9), "client_lifetime", True),
        (transfer(seconds=90_000.0, bytes=10**9), None, True),
        (transfer(seconds=95_000.0, bytes=10**9), "client_lifetime", False),
        (transfer(seconds=95_000.0, bytes=10**5), "client_lifetime", None),
    ],
)
def test_a_transfer_beside_its_prediction(seen, setting, agrees):
    bounds = [READ, bound("client_lifetime", 86400.0, "total"), bound("read_timeout", 7200.0, hop="export")]
    (line, *_) = predict.compare_transfer(seen, bounds)
    assert line["agrees"] is agrees
    assert (line["bound"] or {}).get("setting") == setting


def test_bytes_that_wait_for_a_slow_reader_widen_the_silence():
    late = transfer(failure(seconds=1000.0, age=850.0), bytes=10**7, rate=100_000.0)
    assert predict.compare_transfer(late, [READ])[0]["agrees"] is True
    quick = transfer(failure(seconds=1000.0, age=850.0), bytes=10**5, rate=100_000.0)
    assert predict.compare_transfer(quick, [READ])[0]["agrees"] is False


@pytest.mark.parametrize(
    ("seen", "agrees"),
    [(failure("answer", 900.1, 900.0, 504), True), (failure("answer", 5.0, 5.0, 504), None),
     (failure("answer", 900.1, 900.0, 403), "none"), (failure("refused", 0.0, None), "none"), (None, "none")],
)  # fmt: skip
def test_a_stage_beside_its_prediction(seen, agrees):
    line = predict.compare_stage({"stage": "head", "failure": seen}, [READ])
    assert (line["agrees"] if line else "none") == agrees


def test_brackets():
    pauses = [pause(1.0, "survived"), pause(2.0, "survived"), pause(3.0, "cut"), pause(9.0, "cut"),
              pause(4.0, "closed", 2.5, "reader"), pause(4.0, "failed", None, "sender")]  # fmt: skip
    assert predict.brackets(pauses, [], False) == {"held": (2.0, 3.0)}


def test_a_rungs_own_fields_are_left_aside():
    rung = {**NAT.to_dict(), "check": "TIMEOUTS-09", "on_path": None, "longest_minutes": 1.0}
    assert predict.bounds_of([rung]) == [NAT]


@given(
    st.floats(1.0, 10_000.0),
    st.lists(st.tuples(st.sampled_from(["send_timeout", "timeout client", "read_timeout"]), st.floats(1.0, 10_000.0))),
)
def test_the_tightest_bound_is_met_first(seconds, settings):
    bounds = [bound(setting, limit) for setting, limit in settings]
    met = predict.silence("reader", seconds, bounds, False)
    shorter = [limit for _, limit in settings if limit < seconds]
    assert (met.seconds if met else None) == min(shorter, default=None)
