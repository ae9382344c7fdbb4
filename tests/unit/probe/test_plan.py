# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan keeps every limit, says what it leaves out, and refuses what it cannot keep."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.finding import Bound, EdgepathError
from ansible.module_utils.edge.probe import options as given_options
from ansible.module_utils.edge.probe import plan
from hypothesis import given
from hypothesis import strategies as st

DEFAULTS = {name: option.get("default") for name, option in given_options.OPTIONS.items()}
NAT = Bound("idle", "gateway", "NAT gateway idle timeout", "nat-1", 350.0, reset_by="packets")
SQUID = Bound("idle", "proxy", "read_timeout", "squid.conf:1", 900.0)
BODY = Bound("idle", "proxy", "client_body_timeout", "nginx.conf:1", 60.0)
SERVER = Bound("idle", "proxy", "proxy_read_timeout", "nginx.conf:2", 60.0)
LIFETIME = Bound("total", "proxy", "client_lifetime", "squid.conf:2", 86400.0)
RATE = Bound("rate", "proxy", "least rate", "x", bytes_per_second=10.0)


def make(bounds, tunnel=False, rate=96_000.0, **options):
    return plan.make(bounds, tunnel, rate, {**DEFAULTS, **options})


def test_the_default_plan_around_a_nat_gateway():
    made = make([NAT])
    assert [(pause["mode"], pause["seconds"]) for pause in made["pauses"]] == [("held", 332.5), ("held", 367.5)]
    assert made["paced"]["bytes"] == 5_760_000 and made["paced"]["patience"] == pytest.approx(386.5)
    assert made["at_most"]["seconds"] <= DEFAULTS["max_seconds"]
    assert made["at_most"]["cost_usd"] < 0.01
    assert made["lines"][0].startswith("at most ")


def test_what_cannot_be_tried_is_named_with_the_reason():
    made = make([SQUID, BODY, SERVER, LIFETIME, RATE], max_seconds=600.0)
    reasons = {item["bound"]["setting"]: item["reason"] for item in made["not_exercised"]}
    assert "max_seconds" in reasons["read_timeout"]
    assert "write is off" in reasons["client_body_timeout"]
    assert "only silence of the storage" in reasons["proxy_read_timeout"]
    assert "longer than it" in reasons["client_lifetime"] and "rate" in reasons["least rate"]
    assert all(f"not tried: {setting}" in "\n".join(made["lines"]) for setting in reasons)


def test_writing_tries_the_uploads_bounds():
    made = make([BODY], write=True)
    assert {pause["mode"] for pause in made["pauses"]} == {"sender"}
    assert made["steps"][-1]["step"] == "write"


def test_a_proxys_total_bound_lengthens_the_paced_transfer():
    short = Bound("total", "proxy", "route timeout", "envoy.yaml", 100.0)
    assert make([short], paced_seconds=60.0)["paced"]["seconds"] > 110.0
    assert make([short], paced_seconds=60.0, max_bytes=10**7)["paced"]["seconds"] == 60.0


@pytest.mark.parametrize(
    ("options", "words"),
    [({"max_seconds": 10.0}, "raise max_seconds"), ({"max_bytes": 1000}, "max_bytes"), ({"max_cost_usd": 1e-6}, "USD")],
)
def test_a_limit_that_cannot_be_kept_is_refused(options, words):
    with pytest.raises(EdgepathError, match=words):
        make([NAT], **options)


BOUNDS = st.builds(
    lambda setting, seconds: Bound("idle", "proxy", setting, "x", seconds),
    st.sampled_from(["send_timeout", "timeout client", "timeout server", "timeout tunnel", "read_timeout"]),
    st.floats(0.5, 2000.0),
)


@given(
    st.lists(BOUNDS, max_size=6), st.booleans(), st.booleans(), st.floats(1000.0, 1e6), st.floats(170.0, 3000.0),
    st.integers(3_000_000, 10**8), st.floats(0.0, 500.0),
)  # fmt: skip
def test_no_plan_passes_its_limits(bounds, tunnel, write, rate, seconds, size, paced):
    limits = {"max_seconds": seconds, "max_bytes": size, "max_cost_usd": 1000.0}
    made = make(bounds, tunnel, rate, write=write, paced_seconds=paced, **limits)
    most = made["at_most"]
    assert most["bytes"] <= size + 1 and most["seconds"] <= seconds + 0.1
    longest = sum(step["seconds"] for step in made["steps"]) + max((p["seconds"] for p in made["pauses"]), default=0.0)
    longest += made["paced"]["seconds"] + made["paced"]["patience"] if made["paced"] else 0.0
    assert longest <= seconds + 0.1
    named = {item["bound"]["setting"] for item in made["not_exercised"]}
    # Two bounds of the same seconds share a silence.
    tried = {pause["seconds"] for pause in made["pauses"]}
    for bound in bounds:
        wanted = {round(bound.seconds * factor, 3) for factor in DEFAULTS["pause_factors"]}
        assert bound.setting in named or wanted <= tried


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 0.0}, {"rate": float("nan")}, {"max_seconds": -1.0}, {"max_seconds": float("inf")}, {"max_bytes": 0},
     {"paced_seconds": -1.0}, {"pause_factors": [0.0]}, {"pause_factors": [float("inf")]},
     {"bounds": [{"kind": "idle"}]}, {"bounds": [{}] * 101},
     {"bounds": [{"kind": "idle", "hop": "proxy", "setting": "x", "origin": "y", "seconds": -1}]}],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(EdgepathError):
        given_options.validated({**DEFAULTS, **wrong})


def test_a_fast_transfer_leaves_bytes_for_the_silences():
    made = make([NAT], rate=43_200_000.0)
    assert [pause["seconds"] for pause in made["pauses"]] == [332.5, 367.5]
    assert made["at_most"]["bytes"] <= DEFAULTS["max_bytes"]
    assert made["paced"]["bytes"] > 0.9 * DEFAULTS["max_bytes"]
