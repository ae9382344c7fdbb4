# SPDX-License-Identifier: GPL-3.0-or-later
"""Timestamps: formats told and detected, no year, the hour that clocks show twice and the one that they skip."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta, timezone

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.log.stamps import Clock, choose, detect
from ansible.module_utils.edge.log.window import Window, iso, parse_time
from hypothesis import given
from hypothesis import strategies as st

LONDON = zoneinfo.ZoneInfo("Europe/London")
WRITTEN = parse_time("2026-11-21T00:00:00Z")


def told(line: str, given_format: str | None = None, zone=timezone.utc, written: float = WRITTEN):
    block = f"\n{line}".encode()
    format_ = choose(given_format, block)
    if format_ is None:
        return None
    match = format_.stamp.match(block)
    if match is None:
        return None
    at = Clock(zone, written).read(match, None)
    return format_.name, None if at is None else iso(at)


@pytest.mark.parametrize(
    ("line", "name", "time"),
    [
        ("2026-11-20T02:03:41.225Z INFO x", "iso8601", "2026-11-20T02:03:41.225Z"),
        ("2026-11-20 02:03:41,225 INFO x", "iso8601", "2026-11-20T02:03:41.225Z"),
        ("2026/11/20 02:03:41 x", "iso8601", "2026-11-20T02:03:41.000Z"),
        ("2026-11-20T03:03:41+01:00 x", "iso8601", "2026-11-20T02:03:41.000Z"),
        ("2026-11-19 21:03:41 -0500 x", "iso8601", "2026-11-20T02:03:41.000Z"),
        ("[2026-11-20T02:03:41Z] x", "iso8601", "2026-11-20T02:03:41.000Z"),
        ("\ufeff2026-11-20T02:03:41Z x", "iso8601", "2026-11-20T02:03:41.000Z"),
        ("\x1b[32m2026-11-20T02:03:41Z x", "iso8601", "2026-11-20T02:03:41.000Z"),
        ("<34>1 2026-11-20T02:03:41Z host app", "iso8601", "2026-11-20T02:03:41.000Z"),
        ("WARN  2026-11-20 02:03:41 x", "iso8601", "2026-11-20T02:03:41.000Z"),
        ("20 Nov 2026 02:03:41,225 INFO x", "log4j", "2026-11-20T02:03:41.225Z"),
        ("Nov 20 02:03:41 host app[1]: x", "syslog", "2026-11-20T02:03:41.000Z"),
        ("<13>Nov  2 02:03:41 host app: x", "syslog", "2026-11-02T02:03:41.000Z"),
        ("Nov 20 2026 02:03:41 x", "syslog", "2026-11-20T02:03:41.000Z"),
        ("1795140221.225 x", "epoch", "2026-11-20T02:03:41.225Z"),
        ("1795140221225 x", "epoch", "2026-11-20T02:03:41.225Z"),
        ("1795140221 x", "epoch", "2026-11-20T02:03:41.000Z"),
        ("1795140221225001 x", "epoch", "2026-11-20T02:03:41.225Z"),
    ],
)
def test_detected(line, name, time):
    assert told(line) == (name, time)
    assert told(line, "log4j" if "," in line else name)[1] == time


@pytest.mark.parametrize(
    ("line", "pattern", "time"),
    [
        ("20.11.2026 02:03:41 x", "%d.%m.%Y %H:%M:%S", "2026-11-20T02:03:41.000Z"),
        ("11/20/26 02:03:41 PM x", "%m/%d/%y %I:%M:%S %p", "2026-11-20T14:03:41.000Z"),
        ("12:03:41 AM 20 November 2026 x", "%I:%M:%S %p %d %B %Y", "2026-11-20T00:03:41.000Z"),
        ("20/Nov/2026:02:03:41 +0100 x", "%d/%b/%Y:%H:%M:%S %z", "2026-11-20T01:03:41.000Z"),
        ("Fri Nov 20 02:03:41.5 2026 x", "%a %b %d %H:%M:%S.%f %Y", "2026-11-20T02:03:41.500Z"),
        ("1795140221 x", "%s", "2026-11-20T02:03:41.000Z"),
    ],
)
def test_told_as_a_pattern(line, pattern, time):
    assert told(line, pattern) == (pattern, time)


@pytest.mark.parametrize(
    "wrong", ["isodate", "%Q", "%H:%M", "%Y-%m-%d", "%Y %Y-%m-%d %H:%M", "%m %b %d %H:%M", "%", "", "%Y-%m-%d %H:%M %"]
)
def test_a_wrong_format_is_named(wrong):
    with pytest.raises(EdgepathError, match="edge_log_format"):
        choose(wrong, b"\n2026-11-20T02:03:41Z x")


@pytest.mark.parametrize(
    "line", ["", "at java.base/Thread.run", "12345 items", "99999999999 x", "2026 was good", "Nov x"]
)
def test_no_timestamp(line):
    assert told(line) is None


@pytest.mark.parametrize(
    "line", ["2026-02-30T02:03:41Z x", "2026-13-01 00:00:00 x", "Feb 30 02:03:41 x", "0000-01-01T00:00:00Z x"]
)
def test_no_such_day(line):
    assert told(line)[1] is None


@pytest.mark.parametrize(
    ("line", "written", "time"),
    [
        ("Dec 31 23:59:59 x", "2027-01-02T00:00:00Z", "2026-12-31T23:59:59.000Z"),
        ("Jan  1 00:00:01 x", "2027-01-02T00:00:00Z", "2027-01-01T00:00:01.000Z"),
        ("Feb 29 12:00:00 x", "2026-03-01T00:00:00Z", "2024-02-29T12:00:00.000Z"),
        ("Nov 21 00:00:30 x", "2026-11-21T00:00:00Z", "2026-11-21T00:00:30.000Z"),
    ],
)
def test_the_year_is_that_of_the_file(line, written, time):
    assert told(line, written=parse_time(written))[1] == time


def sequence(lines, zone, written=WRITTEN):
    """The times of lines in their order, each knowing the one before."""
    block = "".join(f"\n{line}" for line in lines).encode()
    format_ = detect(block)
    clock, previous, times = Clock(zone, written), None, []
    for match in format_.stamp.finditer(block):
        previous = clock.read(match, previous)
        times.append(previous)
    return times


def test_the_year_turns_while_reading():
    times = sequence(
        ["Dec 31 23:59:59 a", "Jan  1 00:00:00 b", "Dec 31 23:59:59 late", "Jan  1 00:00:02 c"],
        timezone.utc,
        parse_time("2027-01-02T00:00:00Z"),
    )
    assert [iso(at) for at in times] == [
        "2026-12-31T23:59:59.000Z", "2027-01-01T00:00:00.000Z", "2026-12-31T23:59:59.000Z", "2027-01-01T00:00:02.000Z",
    ]  # fmt: skip


def test_the_hour_that_clocks_show_twice():
    """The end of summer time in London, 2026-10-25 01:00 UTC."""
    stamps = [
        f"2026-10-25 {hour}:{minute:02d}:00 x" for hour in ("00", "01", "01", "02") for minute in range(0, 60, 10)
    ]
    times = sequence(stamps, LONDON)
    assert iso(times[0]) == "2026-10-24T23:00:00.000Z"
    assert {later - earlier for earlier, later in zip(times, times[1:])} == {600.0}


def test_the_hour_that_clocks_skip():
    """The start of summer time in London, 2026-03-29 01:00 UTC."""
    times = sequence(["2026-03-29 00:59:59 a", "2026-03-29 02:00:00 b"], LONDON)
    assert [iso(at) for at in times] == ["2026-03-29T00:59:59.000Z", "2026-03-29T01:00:00.000Z"]


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.integers(0, 400))
def test_a_log_in_local_time_goes_on_through_any_night(start, step):
    """Whatever the clocks do: lines `step` minutes apart are read as so far apart (but where an hour is told twice and
    the step leaps over the proof of it)."""
    first = start.replace(tzinfo=timezone.utc, second=0, microsecond=0)
    moments = [first + timedelta(minutes=step * at) for at in range(4)]
    stamps = [f"{moment.astimezone(LONDON):%Y-%m-%d %H:%M:%S} x" for moment in moments]
    ambiguous = any(moment.astimezone(LONDON).fold for moment in moments)
    times = sequence(stamps, LONDON)
    if not ambiguous:
        assert times == [moment.timestamp() for moment in moments]
    assert all(abs(at - moment.timestamp()) in (0.0, 3600.0) for at, moment in zip(times, moments))


@given(st.binary(max_size=400))
def test_any_bytes_are_a_format_or_none(junk):
    block = b"\n" + junk
    format_ = detect(block)
    if format_ is not None:
        clock, previous = Clock(LONDON, WRITTEN), None
        for match in format_.stamp.finditer(block):
            previous = clock.read(match, previous)
            assert previous is None or isinstance(previous, float)


@given(st.floats(0, 4e9), st.sampled_from(["", "Z", " +0000", "+05:30", "-03:00"]))
def test_iso_8601_returns(at, offset):
    shift = {"+05:30": 19800, "-03:00": -10800}.get(offset, 0)
    text = iso(at + shift).replace("Z", "")
    assert told(f"{text}{offset} x")[1] == iso(at + shift - shift)[:19] + told(f"{text}{offset} x")[1][19:]
    assert parse_time(f"{text}{offset}") == pytest.approx(at, abs=0.002)


@pytest.mark.parametrize(
    ("given_window", "message"),
    [
        ({"start": "2026-11-20T02:00:00Z"}, "edge_window.end None is not a time"),
        ({"start": "yesterday", "end": "2026-11-20T02:00:00Z"}, "edge_window.start 'yesterday' is not a time"),
        ({"start": "2026-11-31T02:00:00Z", "end": "2026-12-01T02:00:00Z"}, "edge_window.start"),
        ({"start": "2026-11-20T03:00:00Z", "end": "2026-11-20T02:00:00Z"}, "must be later"),
        ({"begin": 1}, "unknown key begin"),
        ({"start": 5, "end": []}, "edge_window.start 5"),
    ],
)
def test_a_wrong_window_is_named(given_window, message):
    with pytest.raises(EdgepathError, match=message.replace(".", r"\.")):
        Window.from_mapping(given_window)
