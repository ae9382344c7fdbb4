# SPDX-License-Identifier: GPL-3.0-or-later
"""When a connection is too slow, and when to give up."""

from __future__ import annotations

import random

from ansible.module_utils.edge.retrieve.progress import Progress, amount, clock, line
from ansible.module_utils.edge.retrieve.watchdog import PROGRESS_BYTES, Attempts, Watchdog
from hypothesis import given
from hypothesis import strategies as st


def test_nothing_is_too_slow_before_a_window_is_over() -> None:
    dog = Watchdog(0.0, window=10.0, least=100.0)
    assert not any(dog.too_slow(second, 1) for second in range(1, 10))
    assert dog.too_slow(10.0, 1)


def test_a_good_start_does_not_excuse_a_trickle() -> None:
    dog = Watchdog(0.0, window=10.0, least=100.0)
    assert not dog.too_slow(1.0, 1_000_000)
    verdicts = [dog.too_slow(float(second), 1) for second in range(2, 15)]
    assert not any(verdicts[:8])
    assert verdicts[-1]


@given(st.lists(st.floats(0.01, 2.0), min_size=1, max_size=200))
def test_a_steady_rate_above_the_least_is_never_too_slow(steps: list[float]) -> None:
    dog, now = Watchdog(0.0, window=5.0, least=1000.0), 0.0
    for step in steps:
        now += step
        assert not dog.too_slow(now, int(1000 * step) + 1 + 2000)


@given(st.floats(0.01, 2.0))
def test_a_steady_rate_far_below_the_least_is_found(step: float) -> None:
    dog = Watchdog(0.0, window=5.0, least=1000.0)
    found = [number * step for number in range(1, 1000) if dog.too_slow(number * step, int(500 * step))]
    assert 5.0 <= found[0] <= 10.0


def test_waits_are_jittered_and_bounded() -> None:
    attempts = Attempts(limit=20, base=1.0, cap=4.0, random=random.Random(1))
    waits = [attempts.after(0) for _ in range(19)]
    limits = [1.0, 2.0, *[4.0] * 17]
    assert all(wait is not None and 0 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))
    assert len(set(waits)) > 15
    assert attempts.after(0) is None


def test_progress_begins_the_count_again() -> None:
    attempts = Attempts(limit=3)
    for _ in range(50):
        assert attempts.after(PROGRESS_BYTES) is not None
    assert attempts.after(PROGRESS_BYTES - 1) is not None
    assert attempts.after(0) is None


def test_rate_and_time_left() -> None:
    progress = Progress(1000, now=0.0)
    progress.add(0, 500)
    assert progress.state(0.0)["eta_seconds"] is None
    progress.add(100)
    state = progress.state(2.0)
    assert state == {"bytes": 600, "total": 1000, "bytes_per_second": 50.0, "eta_seconds": 8.0}
    assert line(state) == "600 B of 1000 B (60 %), 50 B/s, 0:00:08 left"
    progress.add(400)
    assert progress.state(3.0)["eta_seconds"] == 0.0


def test_the_rate_is_that_of_the_last_seconds() -> None:
    progress = Progress(10**9, now=0.0)
    for second in range(1, 60):
        progress.add(1_000_000 if second < 30 else 1000)
        state = progress.state(float(second))
    assert 900 <= state["bytes_per_second"] <= 1100


def test_bytes_thrown_away_and_an_empty_whole() -> None:
    progress = Progress(0, now=0.0)
    assert line(progress.state(1.0)) == "0 B of 0 B (100 %), 0 B/s, 0:00:00 left"
    again = Progress(100, now=0.0)
    again.add(100)
    again.add(0, -100)
    assert again.state(1.0)["bytes"] == 0
    assert "no end in sight" in line(Progress(5, 0.0).state(1.0))


def test_units() -> None:
    assert [amount(value) for value in (0, 1023, 1024, 5 * 2**20, 3 * 2**40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "3.0 TiB",
    ]
    assert clock(3725.4) == "1:02:05"
