# SPDX-License-Identifier: GPL-3.0-or-later
"""Shards merged into one report: nothing lost, nothing twice, nothing older than what is known."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.module_utils.edge.catalogue import all_checks, asked
from ansible.module_utils.edge.finding import EdgepathError, Finding
from ansible.module_utils.edge.merge import Shards, age_limit, merged, warnings
from ansible.module_utils.edge.missing import policies
from ansible.module_utils.edge.payload import Payload
from ansible.module_utils.edge.report import Gate, build
from hypothesis import given
from hypothesis import strategies as st

NAMES = [f"edge-{number}" for number in range(8)]
START = datetime(2026, 11, 23, 3, 0, tzinfo=timezone.utc)
ROLE = "arn:aws:iam::123456789012:role/edgepath-audit"


def findings(name: str, failing: int = 0, denied: bool = False) -> list[Finding]:
    made = []
    for number, check in enumerate(asked().values()):
        status = "fail" if number < failing else "unknown" if denied and number == failing else "pass"
        reason = "denied" if status == "unknown" else None
        permissions = ("ec2:DescribeVpcs",) if status == "unknown" else ()
        made.append(Finding(check.id, status, name, check.hop, name, check.title, "seen", reason=reason,
                            permissions=permissions))  # fmt: skip
    return made


def shard(identifier: str, edges: dict[str, list[Finding]], minutes: int = 0, **run: Any) -> dict[str, Any]:
    """report.json of a run over these edges that ended so many minutes after START."""
    finished = (START + timedelta(minutes=minutes)).isoformat()
    about = {"id": identifier, "started": START.isoformat(), "finished": finished, "version": "1", "commit": "abc",
             "caller": "a@b", "inputs_sha256": identifier, **run}  # fmt: skip
    report = build(about, edges, {name: Payload() for name in edges}, all_checks(), Gate())
    report["coverage"]["missing_policies"] = policies(edges, dict.fromkeys(edges, ROLE))
    return report


def merge(*reports: dict[str, Any], expected: list[str], oldest: datetime | None = None) -> dict[str, Any]:
    shards = Shards(oldest=oldest)
    for number, report in enumerate(reports):
        shards.add(report, f"shard-{number}")
    run = {"id": "m", "started": "", "finished": "", "version": "1", "commit": None, "caller": "a@b"}
    return {**merged(shards, run, expected, Gate()), "said": warnings(shards, expected)}


@given(st.lists(st.sampled_from(range(4)), min_size=len(NAMES), max_size=len(NAMES)), st.permutations(range(4)))
def test_any_cut_in_any_order_is_the_whole(parts: list[int], order: list[int]) -> None:
    every = {name: findings(name, failing=number % 3, denied=number == 5) for number, name in enumerate(NAMES)}
    whole = shard("whole", every)
    cut = {part: {name: every[name] for name, at in zip(NAMES, parts, strict=True) if at == part} for part in order}
    result = merge(*(shard(f"run-{part}", edges) for part, edges in cut.items() if edges), expected=NAMES)
    assert result["edges"] == whole["edges"]
    assert result["coverage"] == whole["coverage"]
    assert result["checks"] == whole["checks"]
    assert result["run"]["scope"]["partial"] is False
    assert sum(run["edges"] for run in result["run"]["merged"]) == len(NAMES)


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_same_edge_twice_is_the_newest(newest_first: bool) -> None:
    old = shard("1", {"a": findings("a", failing=3), "b": findings("b")}, minutes=1)
    new = shard("2", {"a": findings("a")}, minutes=5)
    result = merge(*([new, old] if newest_first else [old, new]), expected=["a", "b"])
    assert result["edges"]["a"] == new["edges"]["a"]
    assert result["coverage"]["expected"] == 2 * len(asked())


def test_the_same_report_twice_counts_once() -> None:
    one = shard("1", {"a": findings("a", failing=1)})
    result = merge(one, copy.deepcopy(one), expected=["a"])
    assert len(result["run"]["merged"]) == 1
    assert result["coverage"]["expected"] == len(asked())


def test_an_edge_that_no_shard_tells_of_is_unknown_and_fails() -> None:
    result = merge(shard("1", {"a": findings("a")}), expected=["a", "lost"])
    lost = result["edges"]["lost"]
    assert (lost["verdict"], lost["failed"]) == ("unknown", True)
    assert {item["check"] for item in lost["findings"]} == set(asked())
    assert {item["reason"] for item in lost["findings"]} == {"not_collected"}
    assert result["coverage"]["expected"] - result["coverage"]["judged"] == len(asked())
    assert result["run"]["scope"] == {
        "inventory": 2, "edges": 1, "left_out": ["lost"], "steps_left_out": [], "partial": True
    }  # fmt: skip
    assert any("lost" in text for text in result["said"])


def test_a_report_that_is_too_old_leaves_its_edges_unknown() -> None:
    old, new = shard("1", {"a": findings("a")}, minutes=0), shard("2", {"b": findings("b")}, minutes=120)
    result = merge(old, new, expected=["a", "b"], oldest=age_limit(START + timedelta(hours=2), 1))
    assert (result["edges"]["a"]["verdict"], result["edges"]["b"]["verdict"]) == ("unknown", "clear")
    assert age_limit(START, 0) is None


def test_what_a_superseded_report_was_denied_is_not_told() -> None:
    denied = shard("1", {"a": findings("a", denied=True)}, minutes=1)
    again = shard("2", {"a": findings("a")}, minutes=2)
    result = merge(denied, again, expected=["a"])
    assert result["coverage"]["missing_permissions"] == result["coverage"]["missing_policies"] == []
    kept = merge(denied, expected=["a"])
    assert [(item["reader"], item["edges"]) for item in kept["coverage"]["missing_policies"]] == [(ROLE, ["a"])]


def test_edges_beyond_the_inventory_and_mixed_versions_are_said() -> None:
    result = merge(shard("1", {"a": findings("a")}), shard("2", {"z": findings("z")}, version="2"), expected=["a"])
    assert "z" in result["edges"]
    assert any("not in the inventory: z" in text for text in result["said"])
    assert any("different versions" in text for text in result["said"])


def test_a_step_that_a_shard_left_out_makes_the_whole_partial() -> None:
    scope = {"inventory": 1, "edges": 1, "left_out": [], "steps_left_out": ["iam"], "partial": True}
    result = merge(shard("1", {"a": findings("a")}, scope=scope), expected=["a"])
    assert result["run"]["scope"]["steps_left_out"] == ["iam"] and result["run"]["scope"]["partial"]


def test_waivers_of_shards_are_one_register() -> None:
    entry = {"check": "EGRESS-01", "reason": "r", "expires": "2027-01-01"}
    one, two = shard("1", {"a": findings("a")}), shard("2", {"b": findings("b")})
    one["waivers"] = [{**entry, "state": "elsewhere", "findings": 0, "days_left": 39, "ending": False}]
    two["waivers"] = [{**entry, "state": "active", "findings": 2, "days_left": 38, "ending": True}]
    [held] = merge(one, two, expected=["a", "b"])["waivers"]
    assert (held["state"], held["findings"], held["days_left"], held["ending"]) == ("active", 2, 38, True)


def test_what_a_shards_history_added_is_left_to_the_fleets_own() -> None:
    one = shard("1", {"a": findings("a")})
    one["edges"]["a"]["findings"][0]["change"] = "new"
    one["history"] = {"since": None}
    result = merge(one, expected=["a"])
    assert "change" not in result["edges"]["a"]["findings"][0] and "history" not in result


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({}, "is no report"),
        ([], "is no report"),
        ({"schema": 2}, "its schema is 2"),
        ({"schema": 1, "run": {"finished": "yesterday"}}, "is no report"),
        ({"schema": 1, "run": {"finished": START.isoformat(), "id": "1"}, "edges": {}}, "is no report"),
    ],
)
def test_what_is_no_report_is_said(broken: Any, message: str) -> None:
    with pytest.raises(EdgepathError, match=message):
        Shards().add(broken, "x/report.json")
