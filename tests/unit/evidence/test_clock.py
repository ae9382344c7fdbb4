# SPDX-License-Identifier: GPL-3.0-or-later
"""Clock offsets: of HTTP dates, SNTP answers and journals."""

from __future__ import annotations

import struct

import pytest
from ansible.module_utils.edge.evidence import clock
from ansible.module_utils.edge.finding import EdgepathError

NTP = 2208988800


def packet(arrived: float, left: float, first: int = 0x24, stratum: int = 2) -> bytes:
    def stamp(seconds: float) -> bytes:
        return struct.pack(">II", int(seconds) + NTP, int(seconds % 1 * 2**32))

    return bytes([first, stratum]) + bytes(30) + stamp(arrived) + stamp(left)


def test_http_date():
    found = clock.from_http_date("Mon, 23 Nov 2026 03:15:10 GMT", 1795403700.0, 1795403701.0, "storage")
    assert found == {"source": "HTTP Date of storage", "offset_seconds": 10.0, "uncertainty_seconds": 1.0}


def test_sntp():
    # This clock is 5 s behind; 0.2 s there, 0.1 s back, 0.5 s in the server.
    found = clock.from_sntp(packet(1005.25, 1005.75), 1000.0, 1000.75, "time.example")
    assert found["offset_seconds"] == pytest.approx(5.125, abs=0.001)
    assert found["uncertainty_seconds"] == pytest.approx(0.125, abs=0.001)


@pytest.mark.parametrize(
    "raw", [b"", packet(1, 1)[:40], packet(1, 1, first=0x23), packet(1, 1, stratum=0), packet(1, 1, first=0xE4)]
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
