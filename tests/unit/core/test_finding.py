# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that all parts speak: what says nothing true is refused, and what is said survives in files."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.finding import (
    EFFECTS,
    HOPS,
    REASONS,
    SEVERITIES,
    STATUSES,
    Asker,
    Bound,
    Check,
    EdgepathError,
    Finding,
    Unread,
    catalogue,
    unread,
)

CHECK = Check("T-01", "the title", "high", "proxy", "blocks", "cure", "source")
ASK = Asker(
    "london", {"T-01": CHECK, "T-02": Check("T-02", "other", "low", "key", "none", "", "")}, {"T-02": "as told"}
)
LOST = Unread("denied", "ec2:DescribeVpcs", "vpc-1", "cannot read vpc-1", ("ec2:DescribeVpcs",))


def test_the_words_and_their_order_are_those_of_the_report() -> None:
    assert STATUSES == ("pass", "fail", "unknown", "not_applicable", "waived")
    assert REASONS == ("denied", "error", "unreachable", "not_collected")
    assert SEVERITIES == ("info", "low", "medium", "high", "critical")
    assert EFFECTS == ("blocks", "truncates", "partial", "none")
    assert HOPS == (
        "export", "kernel", "name", "address", "host_firewall", "proxy", "security_group", "network_acl", "route",
        "gateway", "endpoint_policy", "bucket_policy", "identity_policy", "key", "bucket",
    )  # fmt: skip


@pytest.mark.parametrize(("place", "word"), [(2, "grave"), (3, "cable"), (4, "slows")])
def test_a_check_speaks_in_known_words(place: int, word: str) -> None:
    given = ["T-01", "title", "high", "proxy", "blocks", "cure", "source"]
    Check(*given)
    given[place] = word
    with pytest.raises(ValueError, match="check T-01: severity, effect or hop"):
        Check(*given)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "idle", "seconds": 900.0},
        {"kind": "total", "seconds": 0.5},
        {"kind": "rate", "bytes_per_second": 1.0},
        {"kind": "idle", "seconds": 1.0, "reset_by": "packets"},
    ],
)
def test_a_bound_is_kept_as_it_is(given: dict[str, Any]) -> None:
    bound = Bound(hop="proxy", setting="read_timeout", origin="squid.conf:3", **given)
    assert Bound.from_dict(bound.to_dict()) == bound
    assert bound.to_dict() == {"hop": "proxy", "setting": "read_timeout", "origin": "squid.conf:3", "reset_by": "data",
                               **given}  # fmt: skip
    assert bound.reset_by == given.get("reset_by", "data")


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "idle"},
        {"kind": "idle", "seconds": 0},
        {"kind": "total", "seconds": -1.0},
        {"kind": "idle", "bytes_per_second": 9.0},
        {"kind": "rate", "seconds": 9.0},
        {"kind": "rate", "bytes_per_second": 0.0},
        {"kind": "idle", "seconds": float("nan")},
    ],
)
def test_a_bound_that_bounds_nothing_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="bound x: a .* bound needs a positive limit"):
        Bound(hop="proxy", setting="x", origin="o", **given)


@pytest.mark.parametrize("given", [{"kind": "size"}, {"kind": "idle", "reset_by": "hope"}])
def test_a_bound_speaks_in_known_words(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="bound x: kind or reset_by"):
        Bound(hop="proxy", setting="x", origin="o", seconds=1, **given)


def test_a_setting_is_called_by_its_program_where_that_is_known() -> None:
    assert Bound("idle", "proxy", "read_timeout", "o", seconds=1, program="Squid").called == "Squid's read_timeout"
    assert Bound("idle", "proxy", "read_timeout", "o", seconds=1).called == "read_timeout"
    bound = Bound("idle", "proxy", "x", "o", seconds=1, program="Squid", source="man")
    assert (bound.to_dict()["program"], bound.to_dict()["source"]) == ("Squid", "man")


def test_a_finding_leaves_out_what_it_does_not_have() -> None:
    least = Finding("T-01", "pass", "london", "proxy", "r", "e", "")
    assert least.to_dict() == {
        "check": "T-01", "status": "pass", "edge": "london", "hop": "proxy", "resource": "r", "expected": "e",
        "observed": "", "evidence": [], "permissions": [],
    }  # fmt: skip
    assert Finding.from_dict(least.to_dict()) == least
    zero = Finding("T-01", "fail", "london", "proxy", "r", "e", "o", share=0.0, longest_minutes=0.0)
    assert (zero.to_dict()["share"], zero.to_dict()["longest_minutes"]) == (0.0, 0.0)


def test_a_finding_survives_with_all_that_it_has() -> None:
    bound = Bound("idle", "proxy", "read_timeout", "o", seconds=900)
    full = Finding("T-01", "unknown", "london", "proxy", "r", "e", "o", reason="denied", message="m",
                   evidence=({"operation": "read"},), bound=bound, fix={"action": "set"}, share=0.5,
                   longest_minutes=45.0, permissions=("ec2:DescribeVpcs",), waiver={"state": "active"})  # fmt: skip
    data = full.to_dict()
    assert (data["bound"], data["evidence"], data["permissions"]) == (
        bound.to_dict(), [{"operation": "read"}], ["ec2:DescribeVpcs"],
    )  # fmt: skip
    assert Finding.from_dict(data) == full


@pytest.mark.parametrize(
    ("waiver", "accepted"), [(None, False), ({"state": "active"}, True), ({"state": "expired"}, False)]
)
def test_accepted_is_what_a_waiver_accepts_that_holds(waiver: dict[str, str] | None, accepted: bool) -> None:
    assert Finding("T-01", "fail", "london", "proxy", "r", "e", "o", waiver=waiver).accepted is accepted


@pytest.mark.parametrize(
    ("state", "reason"),
    [("denied", "denied"), ("throttled", "error"), ("unreachable", "unreachable"), ("error", "error"),
     ("not_collected", "not_collected"), ("anything new", "error")],
)  # fmt: skip
def test_every_state_of_what_was_not_read_has_its_reason(state: str, reason: str) -> None:
    assert Unread(state, "read", "r", "m").reason == reason


def test_what_was_not_read_travels_as_data() -> None:
    fact = LOST.to_fact()
    assert fact == {"$unread": {"state": "denied", "operation": "ec2:DescribeVpcs", "resource": "vpc-1",
                                "message": "cannot read vpc-1", "permissions": ["ec2:DescribeVpcs"]}}  # fmt: skip
    assert unread(fact) == LOST
    assert unread(LOST) is LOST

    class Facts(dict):  # type: ignore[type-arg]
        """A mapping that is no dict by its type."""

    assert unread(Facts(fact)) == LOST
    assert unread(Facts()) is None
    del fact["$unread"]["permissions"]
    assert unread(fact) == Unread("denied", "ec2:DescribeVpcs", "vpc-1", "cannot read vpc-1")


@pytest.mark.parametrize("fact", [None, {}, [], "", "$unread", 0, {"a": 1}])
def test_absent_is_not_unread(fact: Any) -> None:
    assert unread(fact) is None


def test_a_judge_states_only_what_differs() -> None:
    for status, say in (("pass", ASK.passed), ("fail", ASK.failed), ("not_applicable", ASK.not_applicable)):
        assert say("T-01", "r", "o", share=0.5) == Finding(
            "T-01", status, "london", "proxy", "r", "the title", "o", share=0.5
        )
    assert ASK.passed("T-02", "r", "o").expected == "as told"
    assert ASK.failed("T-01", "r", "o", hop="route", expected="mine") == Finding(
        "T-01", "fail", "london", "route", "r", "mine", "o"
    )


def test_what_was_not_read_is_unknown_with_what_was_missing() -> None:
    assert ASK.unknown("T-01", "r", LOST, share=0.5) == Finding(
        "T-01", "unknown", "london", "proxy", "r", "the title", "cannot read vpc-1", reason="denied",
        permissions=("ec2:DescribeVpcs",), share=0.5,
        evidence=({"operation": "ec2:DescribeVpcs", "resource": "vpc-1", "state": "denied"},),
    )  # fmt: skip


def test_two_checks_of_one_id_are_refused() -> None:
    assert catalogue([CHECK]) == {"T-01": CHECK}
    with pytest.raises(ValueError, match="T-01 is declared twice"):
        catalogue([CHECK, CHECK])


@pytest.mark.parametrize("kind", [Check, Bound, Finding, Unread, Asker])
def test_what_was_said_does_not_change(kind: type) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_an_error_is_its_message() -> None:
    assert str(EdgepathError("cannot read /etc/hosts")) == "cannot read /etc/hosts"
