# SPDX-License-Identifier: GPL-3.0-or-later
"""Clock offsets: of HTTP dates, SNTP answers and journals."""

from __future__ import annotations

import struct
from email.utils import formatdate

import pytest
from ansible.module_utils.edge.evidence import clock
from ansible.module_utils.edge.finding import EdgepathError
from hypothesis import given
from hypothesis import strategies as st

NTP = 2208988800


def packet(arrived: float, left: float, first: int = 0x24, stratum: int = 2, sent: float = 1000.0) -> bytes:
    def stamp(seconds: float) -> bytes:
        return struct.pack(">II", int(seconds) + NTP, int(seconds % 1 * 2**32))

    return bytes([first, stratum]) + bytes(22) + stamp(sent) + stamp(arrived) + stamp(left)


@given(offset=st.floats(-4000, 4000), moments=st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 5)), min_size=1))
def test_dates_hold_the_true_offset(offset, moments):
    dates = clock.Dates()
    for moment, duration in moments:
        served = int(1.7e9 + moment + duration / 2 + offset)
        dates.add(formatdate(served, usegmt=True), 1.7e9 + moment, 1.7e9 + moment + duration, "storage")
    found = dates.offset("storage")
    assert found is not None
    assert abs(found["offset_seconds"] - offset) <= found["uncertainty_seconds"] + 0.002
    assert found["answers"] == len(moments)
    assert "problem" not in found


def test_dates_grow_sharper_with_each_answer():
    dates = clock.Dates()
    for tenth in range(10):
        dates.add(formatdate(1000, usegmt=True), 1000 + tenth / 10, 1000 + tenth / 10, "storage")
    found = dates.offset("storage")
    assert found is not None
    # The first says at most 1 s ahead, the last at least 0.9 s behind: what all say is 0 to 0.1 s.
    assert (found["offset_seconds"], found["uncertainty_seconds"]) == (pytest.approx(0.05), pytest.approx(0.05))


def test_dates_that_contradict_each_other_say_so():
    dates = clock.Dates()
    for served in (1000, 1060):
        dates.add(formatdate(served, usegmt=True), 1000.0, 1000.1, "storage")
    found = dates.offset("storage")
    assert found is not None
    assert "contradict" in found["problem"]
    assert found["offset_seconds"] - found["uncertainty_seconds"] <= 1
    assert found["offset_seconds"] + found["uncertainty_seconds"] >= 59


def test_no_dates():
    assert clock.Dates().offset("storage") is None


def test_http_date():
    found = clock.from_http_date("Mon, 23 Nov 2026 03:15:10 GMT", 1795403700.0, 1795403701.0, "storage")
    assert found == {"source": "HTTP Date of storage", "offset_seconds": 10.0, "uncertainty_seconds": 1.0}


def test_sntp():
    # This clock is 5 s behind; 0.2 s there, 0.1 s back, 0.5 s in the server.
    found = clock.from_sntp(packet(1005.25, 1005.75), 1000.0, 1000.75, "time.example")
    assert found["offset_seconds"] == pytest.approx(5.125, abs=0.001)
    assert found["uncertainty_seconds"] == pytest.approx(0.125, abs=0.001)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        packet(1, 1, sent=0.0)[:40],
        packet(1, 1, first=0x23, sent=0.0),
        packet(1, 1, stratum=0, sent=0.0),
        packet(1, 1, first=0xE4, sent=0.0),
        packet(1, 1, sent=77.0),
    ],
)
def test_answers_that_tell_no_time(raw):
    with pytest.raises(EdgepathError):
        clock.from_sntp(raw, 0.0, 1.0, "time.example")


def test_a_date_that_is_none():
    with pytest.raises(EdgepathError, match="cannot be read"):
        clock.from_http_date("yesterday", 0.0, 1.0, "storage")


def test_a_journal():
    events = [{"clock_offset_seconds": 1}, {"clock_offset_seconds": "x"}, {}, {"clock_offset_seconds": 2.0}]
    found = clock.from_events(events)
    assert found is not None
    assert (found["offset_seconds"], found["least_seconds"], found["most_seconds"]) == (1.5, 1, 2.0)
    assert clock.from_events([{"clock_offset_seconds": True}]) is None


def test_a_journal_with_measurements():
    rough = {"type": "clock", "source": "HTTP Date of s", "offset_seconds": 0.4, "uncertainty_seconds": 0.5}
    sharp = {"type": "clock", "source": "SNTP of t", "offset_seconds": 0.31, "uncertainty_seconds": 0.01}
    unread = {"type": "clock", "source": "SNTP of t", "unread": "no answer"}
    found = clock.from_events([rough, {"clock_offset_seconds": 1}, sharp, unread])
    assert found is not None
    assert (found["source"], found["offset_seconds"]) == ("SNTP of t", 0.31)
    assert [item["source"] for item in found["measurements"]] == ["HTTP Date of s", "SNTP of t"]
