# SPDX-License-Identifier: GPL-3.0-or-later
"""Counting pieces of a log is the same as reading its lines, and nothing that a log holds raises."""

from __future__ import annotations

import random
from collections import Counter

from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.log.classes import classify
from ansible.module_utils.edge.log.window import iso, parse_time
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.log.logs import WINDOW, counts, every, lines, log_of

BUSY = every(5, "2026-11-20T01:00:00Z", "2026-11-20T04:00:00Z")
STAMPS = st.integers(int(parse_time("2026-11-20T00:00:00Z")), int(parse_time("2026-11-20T00:20:00Z")))
TEXTS = st.sampled_from(
    [
        "INFO tick",
        "INFO part 7 stored",
        "connection reset by peer",
        "status=503 x",
        "status=200 x",
        "read timed out",
        "",
    ]
)


@given(moments=st.lists(STAMPS, min_size=1, max_size=300), texts=st.lists(TEXTS, min_size=1, max_size=20))
def test_counting_pieces_is_reading_lines(tmp_path_factory, moments, texts):
    """Against the plain way: split, read each line, one class a line."""
    moments = sorted(moments)
    written = [f"{iso(at)} {texts[number % len(texts)]}" for number, at in enumerate(moments)]
    fact = log_of(
        tmp_path_factory.mktemp("log"),
        lines(*written),
        {"start": "2026-11-20T00:05:00Z", "end": "2026-11-20T00:10:00Z"},
    )
    low, high = parse_time("2026-11-20T00:04:50Z"), parse_time("2026-11-20T00:10:10Z")
    inside = [line for at, line in zip(moments, written) if low <= at <= high]
    expected: dict[str, int] = {}
    for line in inside:
        name = classify(line.encode())
        if name:
            expected[name] = expected.get(name, 0) + 1
    if fact["covers"] == "none":
        assert not inside or moments[0] > high - 10
    else:
        assert fact["lines_in_window"] == len(inside)
        assert counts(fact) == expected
    gaps = [min(b, high - 10) - max(a, low + 10) for a, b in zip(moments, [*moments[1:], high - 10])]
    longest = max(gaps)
    assert (fact["silence"] or {}).get("seconds", 0) == (longest if longest >= 60 and fact["covers"] != "none" else 0)


@given(st.binary(max_size=3000), st.booleans())
def test_any_bytes_are_read_or_unread(tmp_path_factory, junk, stamped):
    text = BUSY[:2000].encode() + b"\n" + junk if stamped else junk
    fact = log_of(tmp_path_factory.mktemp("log"), text, WINDOW)
    assert isinstance(fact, (dict, Unread))
    assert stamped is False or isinstance(fact, dict)


def test_a_log_of_ever_new_words_is_counted_like_any_other(tmp_path):
    """Half a megabyte, so that reading goes over to searching for words, and lines are cut between blocks."""
    draw = random.Random(20261120)
    texts = ["INFO part stored", "connection reset by peer", "GET / HTTP/1.1 503 0", "read_timeout=30", "status=200"]
    start = int(parse_time("2026-11-20T02:00:00Z"))
    written = [
        f"{iso(start + at // 100)} {''.join(draw.choices('ghijklmnopqrstuvwxyz', k=40))} {draw.choice(texts)}"
        for at in range(6000)
    ]
    expected = Counter(name for name in (classify(line.encode()) for line in written) if name)
    fact = log_of(tmp_path, lines(*written))
    assert fact["lines"] == 6000
    assert counts(fact) == dict(expected)
    assert set(expected) == {"reset", "throttling"}
    assert [sample["line"] for sample in fact["classes"]["reset"]["samples"]] == [
        number for number, line in enumerate(written, start=1) if "reset" in line
    ][:5]
