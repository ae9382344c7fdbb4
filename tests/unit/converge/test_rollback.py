# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runs a rollback undoes, in which order, and that one that is killed is ended by the next."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.converge import journal as journals
from ansible.module_utils.edge.converge.execute import finish, perform
from ansible.module_utils.edge.converge.journal import Journal
from ansible.module_utils.edge.converge.model import NODE, ObjectChange, Ref
from ansible.module_utils.edge.converge.work import as_found, undo

EDGE = "london"
BEFORE = {"sysctl:a": "1", "sysctl:b": "1", "sysctl:c": "1"}
AFTER = dict.fromkeys(BEFORE, "2")


def _begin(runs: Path, number: int) -> str:
    run_dir = str(runs / f"2026112{number}T000000Z-00000{number}")
    os.mkdir(run_dir)
    journals.set_state(run_dir, "converging")
    return run_dir


def _changed(runs: Path, number: int, name: str, state: str = "complete", edge: str = EDGE) -> str:
    run_dir = _begin(runs, number)
    _change(run_dir, name, edge)
    journals.set_state(run_dir, state)
    return run_dir


def _change(run_dir: str, name: str, edge: str = EDGE) -> None:
    entry = Journal(run_dir, edge).begin("dns", ObjectChange(Ref(NODE, "sysctl", name), "1", "2"))
    Journal.mark(entry, "done")


def _undone(runs: Path, edges: Any = None) -> list[str]:
    return [os.path.basename(run_dir)[7] for run_dir in journals.runs_to_undo(str(runs), edges)]


@pytest.mark.parametrize("link", ["latest", "latest-partial", "newest", "20301231T000000Z-ffffff"])
def test_a_link_is_no_run(tmp_path: Path, link: str) -> None:
    """The newest change stood, and an old interrupted one was undone under the name of a link to it."""
    old = _changed(tmp_path, 1, "a", "converging")
    new = _changed(tmp_path, 2, "b")
    (tmp_path / link).symlink_to(os.path.basename(old))
    assert list(journals.runs_to_undo(str(tmp_path))) == [new, old]


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    run_dir = _changed(tmp_path, 1, "a")
    (tmp_path / "converge.lock").write_text("{}")
    (tmp_path / "zz").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    assert list(journals.runs_to_undo(str(tmp_path))) == [run_dir]


def test_the_newest_is_the_one_that_changed_something_last(tmp_path: Path) -> None:
    """Its audit may have begun before another run's: the lock is taken only after it."""
    first, second = _begin(tmp_path, 1), _begin(tmp_path, 2)
    _change(second, "a")
    _change(first, "b")
    for run_dir in (first, second):
        journals.close(run_dir)
    assert _undone(tmp_path) == ["1"]
    assert journals.newest_first([second, first]) == [first, second]


CASES: list[tuple[list[tuple[str, list[str]]], list[str]]] = [
    # [(state, edges whose rollback was begun)] of runs 1, 2 ..., and which are undone
    ([("complete", []), ("complete", [])], ["2"]),
    ([("complete", []), ("converging", [])], ["2"]),
    ([("converging", []), ("complete", [])], ["2", "1"]),
    ([("converging", []), ("complete", []), ("converging", [])], ["3"]),
    ([("complete", [EDGE]), ("converging", [])], ["2", "1"]),
    ([("complete", [EDGE]), ("complete", [])], ["2", "1"]),
    ([("complete", []), ("complete", [EDGE]), ("converging", [])], ["3", "2"]),
    ([("complete", ["walled"]), ("converging", [])], ["2"]),
    ([("rolled back", [EDGE]), ("converging", [])], ["2"]),
]


@pytest.mark.parametrize(("held", "undone"), CASES)
def test_which_runs_are_undone(tmp_path: Path, held: list[tuple[str, list[str]]], undone: list[str]) -> None:
    for number, (state, undoing) in enumerate(held, 1):
        journals.begin_undoing([_changed(tmp_path, number, "a", state)], undoing)
    assert _undone(tmp_path, [EDGE]) == undone


def test_a_rollback_that_ended_is_none_that_was_killed_whatever_stands(tmp_path: Path) -> None:
    run_dir = _changed(tmp_path, 1, "a")
    journals.begin_undoing([run_dir], [EDGE, "walled"])
    journals.end_undoing([run_dir], "walled")
    assert journals.state_of(run_dir) == {"state": "complete", "undoing": [EDGE]}
    journals.end_undoing([run_dir], EDGE)
    assert journals.state_of(run_dir) == {"state": "complete"}
    assert journals.edges_of(run_dir) == {EDGE}


# Killed at any step, in any of the three.


def _converge(runs: Path, number: int, world: Any) -> None:
    run_dir = _begin(runs, number)
    finish(world, journals.interrupted(str(runs), run_dir, EDGE, "dns"), check=False)
    changes = [
        ObjectChange(Ref(NODE, *key.split(":")), state, AFTER[key], ("DNS-01",), reloads=("a.service",))
        for key, state in world.states.items()
        if state != AFTER[key]
    ]
    perform(world, Journal(run_dir, EDGE), "dns", changes)
    journals.close(run_dir)


def _rollback(runs: Path, world: Any) -> list[Any]:
    chosen = list(journals.runs_to_undo(str(runs), [EDGE]))
    journals.begin_undoing(chosen, [EDGE])
    entries = journals.of_domain(chosen[::-1], EDGE, "dns", only=False)
    begun = [place for place, entry in enumerate(entries) if entry.state == "begun"]
    changes = [entry.change for entry in entries]
    undoing = undo(as_found(changes, begun, world.states), world.states, {})
    for change in undoing.changes:
        world.write(change)
    world.reload(["a.service"])
    lost = {change.ref.key for change, _ in undoing.lost}
    journals.forget(entry for entry in entries if entry.change.ref.key not in lost)
    journals.end_undoing(chosen, EDGE)
    return undoing.lost


ROLLBACK_STEPS = 8  # of these three objects


@pytest.mark.parametrize("converge_dies_at", [None, 1, 3, 5, 9])
@pytest.mark.parametrize("rollback_dies_at", range(1, ROLLBACK_STEPS + 1))
def test_a_killed_rollback_and_a_killed_converge_after_it_are_undone_whole(
    rollback_dies_at: int, converge_dies_at: int | None, tmp_path: Path, world_of: Any, killed: Any
) -> None:
    world = world_of(BEFORE)
    _converge(tmp_path, 1, world)
    world.steps, world.dies_at = 0, rollback_dies_at
    with pytest.raises(killed):
        _rollback(tmp_path, world)
    world.steps, world.dies_at = 0, converge_dies_at
    if converge_dies_at is not None:
        with contextlib.suppress(killed):
            _converge(tmp_path, 2, world)
    world.dies_at = None
    assert _rollback(tmp_path, world) == []
    assert world.states == BEFORE and world.loaded == BEFORE
    assert list(journals.runs_to_undo(str(tmp_path))) == []


def test_a_rollback_takes_no_more_steps_than_are_tried(tmp_path: Path, world_of: Any) -> None:
    world = world_of(BEFORE)
    _converge(tmp_path, 1, world)
    world.steps = 0
    _rollback(tmp_path, world)
    assert world.steps == ROLLBACK_STEPS
