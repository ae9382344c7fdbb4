# SPDX-License-Identifier: GPL-3.0-or-later
"""Time of death: failures as they are reported, and the culprit that must come first."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.timeouts.death import rank
from ansible.module_utils.edge.timeouts.hypotheses import TABLE, TIMINGS
from hypothesis import given
from hypothesis import strategies as st

SQUID = {"kind": "idle", "hop": "proxy", "setting": "read_timeout", "check": "TIMEOUTS-04", "seconds": 900.0,
         "origin": "default of Squid", "on_path": True}  # fmt: skip
EXPORT = {**SQUID, "hop": "export", "check": "TIMEOUTS-01", "seconds": 900.0, "origin": "/etc/edge/export.yaml:2"}
NAT = {**SQUID, "hop": "gateway", "check": "TIMEOUTS-09", "seconds": 350.0, "setting": "NAT gateway idle timeout"}
RUNTIME = {
    **SQUID,
    "kind": "total",
    "hop": "export",
    "check": "TIMEOUTS-03",
    "seconds": 1800.0,
    "setting": "RuntimeMaxSec",
}
RESET = "STREAM_TERMINATION_ERROR: Audio stream handshake failed; connection reset by peer"


@pytest.mark.parametrize(
    ("observed", "ladder", "first"),
    [
        # The incident: 15:00, a reset, 502.
        ({"duration_seconds": 900, "error_text": RESET, "code": 502}, [SQUID], "proxy-progress-timer"),
        ({"duration_seconds": 900.9, "error_text": RESET, "code": 502}, None, "proxy-progress-timer"),
        # 15:24, no reset: nobody ended it, the kernel gave up.
        ({"duration_seconds": 924.6, "errno": "ETIMEDOUT"}, [SQUID], "retransmissions"),
        ({"duration_seconds": 930, "errno": 110, "reset_by": "none"}, None, "retransmissions"),
        (
            {"duration_seconds": 4000, "errno": 110, "last_byte_age": 926, "reset_by": "none"},
            [SQUID],
            "retransmissions",
        ),
        ({"duration_seconds": 600, "errno": 110, "last_byte_age": 103, "reset_by": "none"}, None, "retransmissions-8"),
        # The gateway forgot the flow: a reset at the next packet, whenever that comes.
        ({"duration_seconds": 620, "errno": 104, "last_byte_age": 420, "reset_by": "gateway"}, [NAT], "gateway-idle"),
        ({"duration_seconds": 900, "errno": 104, "last_byte_age": 900}, [NAT], "gateway-idle"),
        # The export gave up by itself.
        (
            {"duration_seconds": 900, "error_text": "read timed out", "reset_by": "local"},
            [EXPORT],
            "export-read-timeout",
        ),
        ({"duration_seconds": 1800, "error_text": "killed by SIGTERM"}, [RUNTIME, SQUID], "service-runtime-limit"),
        # Credentials.
        ({"duration_seconds": 900, "code": 403, "error_text": "ExpiredToken"}, None, "short-credentials"),
        ({"duration_seconds": 3600, "code": 403, "error_text": "Request has expired"}, None, "credentials-hour"),
        # Others by their second and words.
        ({"duration_seconds": 15, "code": 504, "error_text": "upstream request timeout"}, None, "envoy-route-timeout"),
        ({"duration_seconds": 60, "code": 504, "error_text": "504 Gateway Time-out"}, None, "nginx-timer"),
        ({"duration_seconds": 20, "code": 400, "error_text": "RequestTimeout"}, None, "storage-idle-client"),
        (
            {"duration_seconds": 60, "error_text": "Read timeout on endpoint URL", "reset_by": "none"},
            None,
            "client-read-timeout",
        ),
        ({"duration_seconds": 0.1, "errno": "ECONNREFUSED"}, None, "partial-egress"),
        ({"duration_seconds": 5, "error_text": "Connect timeout on endpoint URL"}, None, "partial-egress"),
        # A fresh last byte and a reset: no timer at all.
        (
            {"duration_seconds": 137, "errno": 104, "last_byte_age": 0.2, "reset_by": "peer"},
            [SQUID, NAT],
            "path-changed",
        ),
    ],
)
def test_the_first_culprit(observed, ladder, first):
    ranked = rank(observed, ladder)
    assert ranked[0]["hypothesis"] == first, [(item["hypothesis"], item["score"]) for item in ranked[:4]]
    assert ranked[0]["for"] and ranked[0]["source"]


def scores(observed, ladder=None):
    return {item["hypothesis"]: item for item in rank(observed, ladder)}


def test_fifteen_minutes_and_fifteen_twenty_four_are_told_apart():
    early = scores({"duration_seconds": 900, "errno": "ETIMEDOUT"})
    late = scores({"duration_seconds": 924.6, "errno": "ETIMEDOUT"})
    assert early["retransmissions"]["score"] < 0 < late["retransmissions"]["score"]
    assert any("before 924.6 s could pass" in words for words in early["retransmissions"]["against"])
    assert any("fits 924.6 s" in words for words in late["retransmissions"]["for"])
    reset = scores({"duration_seconds": 924.6, "errno": "ECONNRESET", "code": 502})
    assert reset["proxy-progress-timer"]["against"] and reset["retransmissions"]["against"]


def test_what_the_ladder_holds_counts_for_and_what_it_lacks_against():
    observed = {"duration_seconds": 900, "error_text": RESET, "code": 502}
    with_it = scores(observed, [SQUID])["proxy-progress-timer"]
    without = scores(observed, [])["proxy-progress-timer"]
    unjudged = scores(observed, None)["proxy-progress-timer"]
    assert with_it["score"] > unjudged["score"] > without["score"]
    assert "the ladder of this path holds no such bound" in without["against"]
    assert with_it["check"] == "TIMEOUTS-04"
    doubtful = scores(observed, [{**SQUID, "on_path": None}])["proxy-progress-timer"]
    assert unjudged["score"] < doubtful["score"] < with_it["score"]


def test_a_transfer_that_lived_longer_than_a_total_limit_clears_it():
    item = scores({"duration_seconds": 2000, "code": 502}, None)["worker-limit"]
    assert item["against"] == ["it lived 2000 s, longer than 900 s allows"]


def test_a_fresh_last_byte_clears_the_idle_timers():
    ranked = scores({"duration_seconds": 900, "errno": 104, "last_byte_age": 1})
    assert ranked["proxy-progress-timer"]["score"] < ranked["path-changed"]["score"]
    assert any("last byte was 1 s old" in words for words in ranked["proxy-progress-timer"]["against"])


def test_the_table_is_sound():
    assert len({item.id for item in TABLE}) == len(TABLE)
    assert all(item.timing in TIMINGS and item.source for item in TABLE)
    assert all(item.seconds is not None or item.settings or item.timing == "any" for item in TABLE)


_observed = st.fixed_dictionaries(
    {},
    optional={
        "duration_seconds": st.one_of(st.none(), st.floats(), st.text(max_size=5), st.integers()),
        "error_text": st.one_of(st.none(), st.text(max_size=30)),
        "code": st.one_of(st.none(), st.integers(), st.text(max_size=4)),
        "errno": st.one_of(st.none(), st.integers(), st.text(max_size=10)),
        "last_byte_age": st.one_of(st.none(), st.floats(), st.text(max_size=5)),
        "reset_by": st.one_of(st.none(), st.text(max_size=6)),
    },
)


@given(_observed, st.one_of(st.none(), st.lists(st.sampled_from([SQUID, EXPORT, NAT, RUNTIME]), max_size=4)))
def test_any_observation_is_ranked_in_order(observed, ladder):
    ranked = rank(observed, ladder)
    assert [item["rank"] for item in ranked] == list(range(1, len(ranked) + 1))
    assert [item["score"] for item in ranked] == sorted((item["score"] for item in ranked), reverse=True)
    assert rank(observed, ladder) == ranked
