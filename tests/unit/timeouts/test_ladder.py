# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of the ladder: what every set of bounds must obey."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from ansible.module_utils.edge.finding import Bound, Unread
from ansible.module_utils.edge.payload import CODEC_BYTES_PER_SECOND, Payload
from ansible.module_utils.edge.timeouts import ladder
from ansible.module_utils.edge.timeouts.ladder import Keepalive, Rung
from hypothesis import given
from hypothesis import strategies as st

BECAUSE = Unread("denied", "read", "x", "x: permission denied")
SECONDS = st.floats(min_value=1, max_value=1e6)
BOUNDS = st.one_of(
    st.builds(Bound, st.sampled_from(["idle", "total"]), st.sampled_from(["export", "proxy", "gateway"]), st.just("s"),
              st.just("o"), SECONDS, st.none(), st.sampled_from(["data", "packets"])),
    st.builds(Bound, st.just("rate"), st.just("bucket"), st.just("r"), st.just("o"), st.none(), st.floats(1, 1e6)),
)  # fmt: skip
KEEPALIVES = st.builds(Keepalive, st.sampled_from([True, False, None]), st.one_of(st.none(), SECONDS), st.just("k"))
RUNGS = st.builds(Rung, st.sampled_from(["A", "B", "C"]), BOUNDS, KEEPALIVES, st.sampled_from([True, None]))
PAYLOADS = st.builds(
    Payload, st.floats(1, 600), st.sampled_from(sorted(CODEC_BYTES_PER_SECOND)), st.sampled_from([1, 2]),
    st.floats(0.1, 20), st.sampled_from(["buffered", "streamed"]),
)  # fmt: skip


@given(st.lists(RUNGS, max_size=6), RUNGS, PAYLOADS)
def test_a_further_bound_never_lengthens(rungs, another, payload):
    assert ladder.longest([*rungs, another], payload) <= ladder.longest(rungs, payload)
    assert ladder.longest_at_worst([*rungs, another], payload) <= ladder.longest_at_worst(rungs, payload)


@given(st.lists(RUNGS, max_size=6), PAYLOADS)
def test_the_worst_is_never_better_than_the_best(rungs, payload):
    assert ladder.longest_at_worst(rungs, payload) <= ladder.longest(rungs, payload)


@given(st.lists(RUNGS, min_size=1, max_size=6), st.floats(1, 10), PAYLOADS)
def test_a_longer_bound_never_shortens(rungs, factor, payload):
    first = rungs[0]
    limit = "bytes_per_second" if first.bound.kind == "rate" else "seconds"
    # A higher least throughput is the stricter one.
    scale = 1 / factor if first.bound.kind == "rate" else factor
    raised = replace(first, bound=replace(first.bound, **{limit: getattr(first.bound, limit) * scale}))
    assert ladder.longest([raised, *rungs[1:]], payload) >= ladder.longest(rungs, payload)


@given(st.lists(RUNGS, max_size=6), PAYLOADS)
def test_bounds_in_seconds_do_not_tell_codecs_apart(rungs, payload):
    timed = [rung for rung in rungs if rung.bound.kind != "rate"]
    assert len(set(ladder.by_codec(timed, payload).values())) == 1


@given(st.lists(RUNGS, max_size=6), PAYLOADS)
def test_learning_more_never_leaves_the_range(rungs, payload):
    """However the unknown turns out, the longest recording lies between the worst and the best that were told."""
    for on_path in (True, False):
        for on in (True, False):
            known = [
                replace(
                    rung,
                    on_path=True,
                    keepalive=replace(rung.keepalive, on=on if rung.keepalive.on is None else rung.keepalive.on),
                )
                for rung in rungs
                if rung.on_path or on_path
            ]
            told = [rung for rung in known if rung.keepalive.seconds is not None or not rung.keepalive.on]
            if len(told) == len(known):
                longest = ladder.longest(known, payload)
                assert ladder.longest_at_worst(rungs, payload) <= longest <= ladder.longest(rungs, payload)


@given(st.lists(RUNGS, min_size=1, max_size=6), st.one_of(st.none(), SECONDS), PAYLOADS)
def test_what_if_is_the_same_as_doing_it(rungs, seconds, payload):
    changed = [rung for rung in rungs if rung.check == rungs[0].check]
    after, limiter = ladder.what_if(rungs, changed, seconds, payload)
    done = [rung for rung in rungs if rung.check != rungs[0].check]
    if seconds is not None:
        done.append(Rung("A", Bound("total", "export", "s", "o", seconds)))
    assert after == ladder.longest(done, payload)
    assert limiter is None or limiter in "ABC"


@pytest.mark.parametrize(("minutes", "pace", "seconds"), [(240, 3, 6000), (45, 3, 1140), (60, 1, 4500), (1, 10, 60)])
def test_what_a_bound_should_be(minutes, pace, seconds):
    """The longest transfer and a quarter more, in whole minutes."""
    payload = Payload(longest_minutes=minutes, pace=pace)
    assert ladder.needed_seconds(payload) == seconds
    assert payload.survives(Bound("total", "export", "s", "o", seconds)) >= minutes


@pytest.mark.parametrize(
    ("on", "seconds", "expected"),
    [
        (True, 60.0, (math.inf, math.inf)),
        (True, 900.0, (17.5, 17.5)),
        (False, 60.0, (17.5, 17.5)),
        (None, 60.0, (17.5, math.inf)),
        (True, None, (17.5, math.inf)),
        (None, 900.0, (17.5, 17.5)),
    ],
)
def test_keepalive_against_a_gateway_that_forgets_after_350_seconds(on, seconds, expected):
    bound = Bound("idle", "gateway", "NAT", "nat-1", 350.0, reset_by="packets")
    assert Rung("A", bound, Keepalive(on, seconds, "k")).range(Payload(pace=3)) == expected


def test_broken_order():
    outer = Rung("A", Bound("total", "export", "a", "o", 100.0))
    inner = Rung("B", Bound("idle", "proxy", "b", "o", 200.0))
    assert ladder.broken_order([(outer, inner)]) == [(outer, inner)]
    assert ladder.broken_order([(inner, outer)]) == []
