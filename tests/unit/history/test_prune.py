# SPDX-License-Identifier: GPL-3.0-or-later
"""What is forgotten, and that what is kept says the same as before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.history import query
from ansible.module_utils.edge.history.prune import prune
from ansible.module_utils.edge.history.record import record
from ansible.module_utils.edge.history.schema import edges as edges_table
from ansible.module_utils.edge.history.schema import findings, metadata, runs, transitions
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, select

from tests.unit.history import made
from tests.unit.history.test_record import EDGES, RUNS

ALL = {"london": [("X-1", "a", "fail")]}


def filled(many: Any) -> Any:
    engine = create_engine("sqlite://")
    connection = engine.connect()
    metadata.create_all(connection)
    for number, edges in enumerate(many):
        record(connection, made.report(number, edges))
    return connection


def ids(connection: Any) -> list[str]:
    return [item["id"] for item in query.newest_runs(connection, 100)]


@pytest.mark.parametrize(
    ("days", "number", "left"),
    [(0, 0, 6), (0, 2, 2), (0, 1, 1), (0, 99, 6), (3, 0, 3), (100, 0, 6), (3, 2, 2), (1, 5, 1)],
)
def test_age_and_number(days: int, number: int, left: int) -> None:
    connection = filled([ALL] * 6)
    now = made.START + timedelta(days=5, hours=1)
    assert prune(connection, now, days, number) == 6 - left
    assert ids(connection) == [f"run-{each:04}" for each in range(5, 5 - left, -1)]


def test_the_newest_run_of_every_edge_stays_however_old() -> None:
    connection = filled([{"paris": [("X-1", "a", "fail")], "london": []}, *[ALL] * 5])
    prune(connection, made.START + timedelta(days=999), 3, 2)
    assert ids(connection) == ["run-0005", "run-0000"]
    assert query.of_edge(connection, "paris", None, 9)["verdicts"][0]["verdict"] == "blocked"
    told = record(connection, made.report(9, {"paris": [("X-1", "a", "fail")]}))
    assert set(told.changes.values()) == {"unchanged"}


def test_what_was_gone_before_the_oldest_run_is_forgotten_whole() -> None:
    lives = [{"london": [("X-1", "a", "fail"), ("X-1", "b", "fail")]}, *[{"london": [("X-1", "a", "fail")]}] * 4]
    connection = filled(lives)
    count = select(func.count()).select_from(findings)
    assert connection.execute(count).scalar() == 2
    prune(connection, made.START, 0, 2)
    assert connection.execute(count).scalar() == 1
    assert connection.execute(select(func.count()).select_from(transitions)).scalar() == 1
    [finding] = query.of_edge(connection, "london", None, 9)["findings"]
    assert finding["first_seen"] == made.START.isoformat()


def without(item: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != key}


def unseen(diff: dict[str, Any]) -> dict[str, Any]:
    """A comparison without what only the forgotten tells: when a finding was first seen, and that it was ever there."""

    def told(item: Any) -> Any:
        if not isinstance(item, dict):
            return item
        return {**without(item, "first_seen"), **({"was": "absent"} if item.get("was") == "gone" else {})}

    return {name: [told(item) for item in value] if isinstance(value, list) else value for name, value in diff.items()}


@settings(max_examples=25)
@given(RUNS, RUNS, st.integers(1, 6))
def test_what_is_kept_says_the_same_as_before(first: Any, later: Any, number: int) -> None:
    whole, pruned = filled(first), filled(first)
    prune(pruned, made.START, 0, number)
    for place, edges in enumerate(later, len(first)):
        told = [record(each, made.report(place, edges)) for each in (pruned, whole)]
        # What was forgotten whole and comes again is first seen then.
        assert told[0].changes == told[1].changes
        assert [without(item, "first_seen") for item in told[0].gone] == [
            without(item, "first_seen") for item in told[1].gone
        ]
        prune(pruned, made.START, 0, number)
    kept = ids(pruned)
    newest = {row.last_seq for row in pruned.execute(select(edges_table))}
    assert len(kept) <= number + len(newest)
    for old in kept:
        for new in kept:
            if old < new:
                assert unseen(query.diff(pruned, old, new)) == unseen(query.diff(whole, old, new))
    lately = [item for item in query.newest_runs(whole, 100) if item["id"] in kept]
    assert query.newest_runs(pruned, 100) == lately
    assert pruned.execute(select(func.count()).select_from(runs)).scalar() == len(kept)
    for edge in EDGES:
        try:
            one = query.of_edge(whole, edge, None, 100)
        except EdgepathError:
            continue
        again = query.of_edge(pruned, edge, None, 100)
        open_now = [[item for item in each["findings"] if item["status"] != "gone"] for each in (one, again)]
        keys = ("check", "resource", "status", "observed", "since", "last_seen")
        shown = [[[item[key] for key in keys] for item in each if item["status"] in made.VERDICT] for each in open_now]
        assert shown[0] == shown[1]
