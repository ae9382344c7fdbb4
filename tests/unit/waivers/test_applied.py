# SPDX-License-Identifier: GPL-3.0-or-later
"""What a waiver changes and what it leaves: the gate, never the verdict; and what the register says of it."""

from __future__ import annotations

import fnmatch
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.module_utils.edge.finding import Check, Finding, catalogue
from ansible.module_utils.edge.payload import Payload
from ansible.module_utils.edge.report import Gate
from ansible.module_utils.edge.verdict import VERDICTS, decide
from ansible.module_utils.edge.waivers import Waiver
from ansible.module_utils.edge.waivers_apply import apply, warnings
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 23, 3, 15, tzinfo=timezone.utc)
CHECKS = catalogue(
    Check(f"X-{number}", "title", severity, "bucket", effect, "cure", "source")
    for number, (severity, effect) in enumerate(
        [("critical", "blocks"), ("high", "truncates"), ("high", "partial"), ("medium", "none")]
    )
)


def finding(check: str = "X-0", status: str = "fail", edge: str = "london", resource: str = "arn:b") -> Finding:
    reason = "denied" if status == "unknown" else None
    return Finding(check, status, edge, "bucket", resource, "expected", "observed", reason=reason)


def waiver(check: str = "X-0", days: int = 60, accepts: tuple[str, ...] = ("fail",), **fields: Any) -> Waiver:
    ends = NOW + timedelta(days=days)
    values: dict[str, Any] = {
        "scope": {"resource": fields.pop("resource", "*")},
        "reason": "why", "approver": "who", "ticket": "T-1", "timezone": "UTC",
        "expires": (ends - timedelta(days=1)).date().isoformat(), "ends": ends.isoformat(),
        "hosts": ("london",), "origin": "edge_waivers[0]",
    }  # fmt: skip
    return Waiver(check=check, accepts=accepts, **{**values, **fields})


def one(item: Finding, *waivers: Waiver, **options: Any) -> tuple[Finding, list[dict[str, Any]]]:
    applied, register = apply({item.edge: [item]}, waivers, NOW, **options)
    return applied[item.edge][0], register


def fails(item: Finding) -> bool:
    return bool(Gate("info").failures(decide("london", [item], CHECKS, Payload()), CHECKS))


def test_a_failing_finding_is_waived_and_still_fails_for_the_verdict() -> None:
    plain = decide("london", [finding()], CHECKS, Payload())
    got, [entry] = one(finding(), waiver())
    assert got.status == "waived"
    assert got.waiver == {"reason": "why", "approver": "who", "ticket": "T-1", "expires": "2027-01-21",
                          "timezone": "UTC", "state": "active"}  # fmt: skip
    assert decide("london", [got], CHECKS, Payload()).verdict == plain.verdict == "blocked"
    assert fails(finding())
    assert not fails(got)
    assert (entry["state"], entry["findings"], entry["ending"]) == ("active", 1, False)


def test_an_unknown_finding_stays_unknown_and_passes_the_gate_only_where_that_is_accepted() -> None:
    got, [entry] = one(finding(status="unknown"), waiver())
    assert got.waiver is None
    assert fails(got)
    assert entry["state"] == "unjudged"
    got, [entry] = one(finding(status="unknown"), waiver(accepts=("unknown",)))
    assert got.status == "unknown"
    assert got.accepted
    assert not fails(got)
    assert decide("london", [got], CHECKS, Payload()).verdict == "unknown"
    assert entry["state"] == "active"


def test_to_accept_unknown_is_not_to_accept_failing() -> None:
    got, [entry] = one(finding(), waiver(accepts=("unknown",)))
    assert (got.status, got.waiver, entry["state"]) == ("fail", None, "unneeded")


def test_an_expired_waiver_reopens_the_finding_with_a_note() -> None:
    got, [entry] = one(finding(), waiver(days=0))
    assert got.status == "fail"
    assert got.waiver is not None
    assert got.waiver["state"] == "expired"
    assert fails(got)
    assert (entry["state"], entry["findings"], entry["ending"]) == ("expired", 1, False)
    got, _ = one(finding(status="unknown"), waiver(days=-1, accepts=("unknown",)))
    assert fails(got)


def test_it_holds_to_the_last_second() -> None:
    held = waiver(ends=(NOW + timedelta(seconds=1)).isoformat())
    ended = waiver(ends=NOW.isoformat())
    assert one(finding(), held)[0].status == "waived"
    assert one(finding(), ended)[0].status == "fail"


def test_of_several_the_one_that_holds_decides() -> None:
    got, register = one(
        finding(), waiver(days=-3, ticket="old"), waiver(days=9, ticket="b"), waiver(days=90, ticket="c")
    )
    assert got.waiver is not None
    assert got.waiver["ticket"] == "c"
    assert [entry["state"] for entry in register] == ["expired", "active", "active"]


@pytest.mark.parametrize(
    ("item", "partial", "state"),
    [
        (finding(status="pass"), False, "unneeded"),
        (finding(status="not_applicable"), False, "unneeded"),
        (finding(resource="arn:other"), False, "unmatched"),
        (finding(resource="arn:other"), True, "elsewhere"),
        (finding(edge="paris"), False, "unmatched"),
        (finding(edge="paris"), True, "elsewhere"),
        (finding(check="X-1"), False, "unmatched"),
        (finding(status="unknown", resource="london"), False, "unjudged"),
    ],
)
def test_what_became_of_a_waiver_that_accepts_nothing(item: Finding, partial: bool, state: str) -> None:
    got, [entry] = one(item, waiver(resource="arn:b"), partial=partial)
    assert got == item
    assert entry["state"] == state


@pytest.mark.parametrize(
    ("given_waiver", "said"),
    [
        (waiver(days=31), None),
        (waiver(days=30), "ends in 30 days"),
        (waiver(days=1), "ends in 1 day,"),
        (waiver(ends=(NOW + timedelta(hours=5)).isoformat()), "ends today"),
        (waiver(days=0), "1 finding counts again; cure, renew it, or take it out"),
        (waiver(days=-5, resource="nothing"), "expired after 2026-11-17 (UTC): nothing fails for want of it"),
        (waiver(resource="nothing"), "matches nothing that this inventory has"),
    ],
)
def test_what_a_person_must_do_is_warned_about(given_waiver: Waiver, said: str | None) -> None:
    _, register = one(finding(), given_waiver, warn_days=30)
    messages = warnings(register)
    assert messages == [] if said is None else said in messages[0]
    assert all(message.startswith("waiver T-1 of X-0 (edge_waivers[0]) ") for message in messages)


STATUSES = ("pass", "fail", "unknown", "not_applicable")
FINDINGS = st.lists(
    st.builds(finding, st.sampled_from(sorted(CHECKS)), st.sampled_from(STATUSES), st.sampled_from(["london", "paris"]),
              st.text("ab*?/[", min_size=1, max_size=5)), max_size=8,
)  # fmt: skip
WAIVERS = st.lists(
    st.builds(waiver, st.sampled_from(sorted(CHECKS)), st.integers(-3, 3),
              st.sampled_from([("fail",), ("unknown",), ("fail", "unknown")]),
              resource=st.text("ab*?/", min_size=1, max_size=5),
              hosts=st.sampled_from([(), ("london",), ("london", "paris")])), max_size=4,
)  # fmt: skip


@given(FINDINGS, WAIVERS)
def test_matching_equals_a_naive_reading(findings: list[Finding], waivers: list[Waiver]) -> None:
    by_edge: dict[str, list[Finding]] = {"london": [], "paris": []}
    for item in findings:
        by_edge[item.edge].append(item)
    applied, register = apply(by_edge, waivers, NOW)
    for edge, before in by_edge.items():
        for was, now in zip(before, applied[edge], strict=True):
            held = [
                each for each in waivers
                if each.check == was.check and edge in each.hosts and was.status in each.accepts
                and fnmatch.fnmatchcase(was.resource, each.scope["resource"])
            ]  # fmt: skip
            accepted = any(each.end > NOW for each in held)
            assert now.accepted == accepted
            assert now.status == ("waived" if accepted and was.status == "fail" else was.status)
            assert (now.waiver is None) == (not held)
        verdicts = [VERDICTS.index(decide(edge, each, CHECKS, Payload()).verdict) for each in (before, applied[edge])]
        assert verdicts[0] == verdicts[1], "a waiver changed a verdict"
    assert sum(entry["findings"] for entry in register) >= sum(
        item.waiver is not None for of_edge in applied.values() for item in of_edge
    )
