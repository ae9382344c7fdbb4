# SPDX-License-Identifier: GPL-3.0-or-later
"""A hop shows the worst that was found at it, and its tightest bound."""

from __future__ import annotations

import itertools

import pytest
from ansible.module_utils.edge.finding import HOPS, STATUSES, Bound, Check, Finding, catalogue
from ansible.module_utils.edge.path import Hop, hops, on_path

CHECKS = catalogue(
    [
        *(Check(f"P-{number}", "on the path", "high", "proxy", "blocks", "", "") for number in range(1, 6)),
        Check("P-9", "wrong, and harmless", "high", "proxy", "none", "", ""),
    ]
)
# Worst first, as the report promises; what is waived is known to fail and is told as such.
WORST = ("fail", "unknown", "waived", "pass", "not_applicable")


def found(check: str, status: str, bound: Bound | None = None, hop: str = "proxy") -> Finding:
    reason = "denied" if status == "unknown" else None
    return Finding(check, status, "london", hop, "r", "e", "o", reason=reason, bound=bound)


def idle(seconds: float, setting: str = "read_timeout") -> Bound:
    return Bound("idle", "proxy", setting, "file", seconds=seconds)


def test_every_status_has_its_place() -> None:
    assert set(WORST) == set(STATUSES)


@pytest.mark.parametrize(("worse", "better"), list(itertools.combinations(WORST, 2)))
def test_the_worse_of_two_is_shown_with_its_checks(worse: str, better: str) -> None:
    for findings in ([found("P-1", better), found("P-2", worse)], [found("P-2", worse), found("P-1", better)]):
        (hop,) = hops(findings, CHECKS)
        assert hop.to_dict() == {"hop": "proxy", "status": worse, "checks": ["P-2"], "bound": None}


def test_the_worst_of_all() -> None:
    for number, word in enumerate(WORST):
        (hop,) = hops([found(f"P-{place}", each) for place, each in enumerate(WORST[number:], start=1)], CHECKS)
        assert (hop.status, hop.checks) == (word, ("P-1",))


def test_what_shares_the_worst_is_named_once_and_in_order() -> None:
    (hop,) = hops([found("P-3", "fail"), found("P-1", "fail"), found("P-3", "fail"), found("P-2", "pass")], CHECKS)
    assert hop.checks == ("P-1", "P-3")


@pytest.mark.parametrize("status", STATUSES)
def test_what_stops_no_transfer_turns_no_hop(status: str) -> None:
    (hop,) = hops([found("P-9", status), found("P-1", "pass")], CHECKS)
    assert (hop.status, hop.checks) == ("pass", ("P-1",))
    (alone,) = hops([found("P-9", status)], CHECKS)
    assert (alone.status, alone.checks) == ("not_applicable", ())


@pytest.mark.parametrize("order", list(itertools.permutations((900, 60, 3600))))
def test_the_tightest_bound_is_shown(order: tuple[float, ...]) -> None:
    """Of a finding that passes as well: what bounds the hop bounds it whether or not it is wrong."""
    words = ("fail", "pass", "unknown")
    (hop,) = hops([found("P-1", word, idle(each)) for word, each in zip(words, order)], CHECKS)
    assert hop.bound == idle(60)


@pytest.mark.parametrize("seconds", [0.25, 0.5, 60])
def test_a_bound_of_what_stops_no_transfer_is_a_bound(seconds: float) -> None:
    (hop,) = hops([found("P-9", "fail", idle(seconds)), found("P-1", "pass", idle(90))], CHECKS)
    assert hop.bound == idle(seconds)
    assert hop.to_dict()["bound"] == idle(seconds).to_dict()


def test_a_least_throughput_is_no_time() -> None:
    rate = Bound("rate", "proxy", "low_speed", "file", bytes_per_second=1.0)
    assert hops([found("P-1", "pass", rate)], CHECKS)[0].bound is None
    assert hops([found("P-1", "pass", rate), found("P-2", "pass", idle(900))], CHECKS)[0].bound == idle(900)


def test_the_path_is_in_the_order_in_which_a_connection_meets_it() -> None:
    path = hops([found("P-1", "pass", hop=name) for name in reversed(HOPS)], CHECKS)
    assert [hop.name for hop in path] == list(HOPS)
    assert [hop.name for hop in hops([found("P-1", "pass", hop="key"), found("P-1", "pass", hop="name")], CHECKS)] == [
        "name", "key",
    ]  # fmt: skip
    assert hops([], CHECKS) == []


def test_on_the_path_is_what_changes_what_gets_through() -> None:
    effects = {effect: on_path(Check("C", "", "low", "proxy", effect, "", "")) for effect in
               ("blocks", "truncates", "partial", "none")}  # fmt: skip
    assert effects == {"blocks": True, "truncates": True, "partial": True, "none": False}


def test_a_hop_does_not_change() -> None:
    assert Hop.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_all_that_share_the_worst_are_named_in_order() -> None:
    (hop,) = hops([found(f"P-{number}", "fail") for number in range(5, 0, -1)], CHECKS)
    assert hop.checks == ("P-1", "P-2", "P-3", "P-4", "P-5")
