# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic between a recording's length and a bound in time."""

from __future__ import annotations

import math

import pytest
from ansible.module_utils.edge.finding import Bound, EdgepathError
from ansible.module_utils.edge.payload import CODEC_BYTES_PER_SECOND, Payload
from hypothesis import given
from hypothesis import strategies as st


def bound(kind: str = "idle", seconds: float = 900.0, **fields: object) -> Bound:
    if kind == "rate":
        return Bound("rate", "gateway", "least rate", "test", bytes_per_second=seconds)
    return Bound(kind, "proxy", "read_timeout", "test", seconds=seconds, **fields)


# Bytes per second of audio, and megabytes of 45 minutes of it.
@pytest.mark.parametrize(
    ("codec", "channels", "rate", "megabytes"),
    [
        ("g711", 1, 8000, 21.6),
        ("g711", 2, 16000, 43.2),
        ("pcm16_8k", 2, 32000, 86.4),
        ("pcm16_16k", 2, 64000, 172.8),
        ("opus_24k", 2, 6000, 16.2),
    ],
)
def test_size_of_45_minutes(codec: str, channels: int, rate: float, megabytes: float) -> None:
    payload = Payload(longest_minutes=45, codec=codec, channels=channels)
    assert payload.bytes_per_second == rate
    assert payload.longest_bytes / 1e6 == pytest.approx(megabytes)


def test_fifteen_minutes_at_three_times_real_time_cut_at_45_minutes() -> None:
    assert Payload(pace=3).survives(bound("idle", 900)) == 45.0
    assert Payload(pace=3).survives(bound("total", 900)) == 45.0


def test_an_idle_bound_does_not_cut_a_stream() -> None:
    assert Payload(pace=3, delivery="streamed").survives(bound("idle")) == math.inf
    assert Payload(pace=3, delivery="streamed").survives(bound("total")) == 45.0


@pytest.mark.parametrize(
    ("reset_by", "keepalive", "minutes"),
    [
        ("packets", None, 350 / 60),
        ("packets", 60, math.inf),
        ("packets", 350, 350 / 60),  # the probe comes when the flow is forgotten
        ("packets", 7200, 350 / 60),
        ("data", 60, 350 / 60),  # a probe carries no data
    ],
)
def test_keepalive_restarts_only_timers_that_count_packets(
    reset_by: str, keepalive: float | None, minutes: float
) -> None:
    assert Payload(pace=1).survives(bound("idle", 350, reset_by=reset_by), keepalive) == pytest.approx(minutes)


def test_a_rate_bound_cuts_all_or_nothing() -> None:
    payload = Payload(codec="g711", channels=1, pace=2)
    assert payload.survives(bound("rate", 16000)) == math.inf
    assert payload.survives(bound("rate", 16001)) == 0.0


@given(
    seconds=st.floats(1, 1e6),
    more=st.floats(0, 1e6),
    pace=st.floats(0.1, 100),
    kind=st.sampled_from(["idle", "total"]),
    keepalive=st.none() | st.floats(1, 1e5),
    reset_by=st.sampled_from(["packets", "data"]),
)
def test_a_longer_bound_never_cuts_earlier(
    seconds: float, more: float, pace: float, kind: str, keepalive: float | None, reset_by: str
) -> None:
    payload = Payload(pace=pace)
    short = payload.survives(bound(kind, seconds, reset_by=reset_by), keepalive)
    long = payload.survives(bound(kind, seconds + more, reset_by=reset_by), keepalive)
    assert long >= short > 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"pace": 0}, "edge_payload.pace must be a positive number"),
        ({"pace": "fast"}, "edge_payload.pace must be a number"),
        ({"pace": True}, "edge_payload.pace must be a positive number"),
        ({"longest_minutes": math.inf}, "edge_payload.longest_minutes must be a positive number"),
        ({"channels": 3}, "edge_payload.channels must be 1 or 2"),
        ({"codec": "mp3"}, "edge_payload.codec 'mp3' is not known"),
        ({"delivery": "pigeon"}, "edge_payload.delivery must be buffered or streamed"),
        ({"speed": 3}, "edge_payload: unknown key speed"),
    ],
)
def test_wrong_payload_is_named(data: dict[str, object], message: str) -> None:
    with pytest.raises(EdgepathError, match=message):
        Payload.from_mapping(data)


def test_every_codec_has_a_rate() -> None:
    assert all(rate > 0 for rate in CODEC_BYTES_PER_SECOND.values())


@pytest.mark.parametrize("seconds", [0, -1, None, math.nan])
def test_a_bound_needs_a_positive_limit(seconds: float | None) -> None:
    with pytest.raises(ValueError, match="positive limit"):
        Bound("idle", "proxy", "read_timeout", "test", seconds=seconds)
