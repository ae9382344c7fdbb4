# SPDX-License-Identifier: GPL-3.0-or-later
"""A converge that is killed at any step: the next one completes, rollback restores."""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.converge import journal as journals
from ansible.module_utils.edge.converge.execute import Stopped, finish, perform, stopped_by
from ansible.module_utils.edge.converge.journal import Journal
from ansible.module_utils.edge.converge.model import NODE, ObjectChange, Ref
from ansible.module_utils.edge.converge.work import undo
from ansible.module_utils.edge.finding import EdgepathError, Unread
from ansible.module_utils.edge.run import read_json, write_json


def _file(text: str) -> dict[str, Any]:
    return {"content": base64.b64encode(text.encode()).decode(), "mode": "0644", "owner": "root", "group": "root"}


BEFORE = {"file:/etc/a": _file("old a"), "file:/etc/b": None, "sysctl:net.x": "7200"}
AFTER = {"file:/etc/a": _file("new a"), "file:/etc/b": _file("new b"), "sysctl:net.x": "60"}


def _changes(states: dict[str, Any]) -> list[ObjectChange]:
    found = []
    for key, after in AFTER.items():
        kind, _, name = key.partition(":")
        reloads = ("a.service",) if kind == "file" else ()
        if states.get(key) != after:
            found.append(ObjectChange(Ref(NODE, kind, name), states.get(key), after, ("DNS-01",), reloads=reloads))
    return found


def _name(runs: Path, number: int) -> str:
    return str(runs / f"2026112{number}T000000Z-00000{number}")


def _run(runs: Path, number: int) -> str:
    directory = _name(runs, number)
    os.mkdir(directory)
    journals.set_state(directory, "converging")
    return directory


def _converge(runs: Path, number: int, world: Any) -> str:
    run_dir = _run(runs, number)
    finish(world, journals.interrupted(str(runs), run_dir, "london", "dns"), check=False)
    perform(world, Journal(run_dir, "london"), "dns", _changes(world.states))
    journals.set_state(run_dir, "complete")
    return run_dir


def _rollback(runs: Path, world: Any) -> list[tuple[ObjectChange, str]]:
    directories = sorted(journals.runs_to_undo(str(runs)))
    entries = journals.of_domain(directories, "london", "dns", only=False)
    undoing = undo([entry.change for entry in entries], world.states, {})
    for change in undoing.changes:
        world.write(change)
    world.reload(["a.service"])
    journals.forget(entries)
    return undoing.lost


STEPS = 11  # a whole converge of these three objects takes so many steps of the world


@pytest.mark.parametrize("dies_at", range(1, STEPS + 1))
def test_a_killed_converge_is_completed_by_the_next_and_undone_by_rollback(
    dies_at: int, tmp_path: Path, world_of: Any, killed: Any
) -> None:
    world = world_of(BEFORE)
    world.dies_at = dies_at
    with pytest.raises(killed):
        _converge(tmp_path, 1, world)
    world.dies_at = None
    _converge(tmp_path, 2, world)
    assert world.states == AFTER
    assert world.loaded["file:/etc/a"] == AFTER["file:/etc/a"], "a program was left with its old configuration"
    assert _rollback(tmp_path, world) == []
    assert world.states == BEFORE and world.loaded == BEFORE
    assert list(journals.runs_to_undo(str(tmp_path))) == []


@pytest.mark.parametrize("dies_at", range(1, STEPS + 1))
def test_a_killed_converge_can_be_rolled_back_at_once(dies_at: int, tmp_path: Path, world_of: Any, killed: Any) -> None:
    world = world_of(BEFORE)
    world.dies_at = dies_at
    with pytest.raises(killed):
        _converge(tmp_path, 1, world)
    world.dies_at = None
    assert _rollback(tmp_path, world) == []
    assert world.states == BEFORE and world.loaded == BEFORE


def test_a_whole_converge_takes_no_more_steps_than_are_tried(tmp_path: Path, world_of: Any) -> None:
    world = world_of(BEFORE)
    _converge(tmp_path, 1, world)
    assert world.steps == STEPS


def test_the_former_bytes_lie_on_disk_before_the_file_is_written(tmp_path: Path, world_of: Any, killed: Any) -> None:
    world = world_of(BEFORE)
    world.dies_at = 2  # within the first write
    with pytest.raises(killed):
        _converge(tmp_path, 1, world)
    kept = next(tmp_path.glob("*/before/london/files/etc/a"))
    assert kept.read_text() == "old a"
    assert oct(kept.stat().st_mode & 0o777) == "0o600"


def test_an_object_that_does_not_take_the_change_ends_the_converge(tmp_path: Path, world_of: Any) -> None:
    world = world_of(BEFORE)
    world.write = lambda change: None
    with pytest.raises(EdgepathError, match="is not what was written"):
        _converge(tmp_path, 1, world)


def test_what_was_written_before_a_failure_is_told_to_its_programs(tmp_path: Path, world_of: Any) -> None:
    world = world_of(BEFORE)
    changes = _changes(world.states)
    world.states["file:/etc/b"] = _file("somebody was faster")
    run_dir = _run(tmp_path, 1)
    world.write = _failing_at(world, "sysctl:net.x")
    changes[2] = replace(changes[2], because=("DNS-02",))
    with pytest.raises(Stopped, match=r"net\.x cannot be written") as stopped:
        perform(world, Journal(run_dir, "london"), "dns", changes)
    assert [change.ref.name for change in stopped.value.done.changes] == ["/etc/a"]
    assert [(change.ref.name, why) for change, why in stopped.value.done.left] == [
        ("/etc/b", "file:/etc/b was changed by somebody else")
    ]
    assert world.loaded["file:/etc/a"] == AFTER["file:/etc/a"]
    assert [entry.state for entry in Journal(run_dir, "london").entries()] == ["done", "left", "begun"]
    assert _rollback(tmp_path, world) == [], "what was never written is nobody's to put back"
    assert world.states["file:/etc/b"] == _file("somebody was faster")


def test_a_failure_to_tell_programs_does_not_hide_the_first(tmp_path: Path, world_of: Any) -> None:
    def reload(units: Any) -> list[str]:
        raise EdgepathError("a.service could not be reloaded")

    world = world_of(BEFORE)
    changes = _changes(world.states)
    world.write = _failing_at(world, "sysctl:net.x")
    world.reload = reload
    run_dir = _run(tmp_path, 1)
    with pytest.raises(EdgepathError, match=r"net\.x cannot be written; and a\.service could not be reloaded"):
        perform(world, Journal(run_dir, "london"), "dns", changes)
    assert [entry.state for entry in Journal(run_dir, "london").entries()] == ["written", "written", "begun"]


def _failing_at(world: Any, key: str) -> Any:
    write = world.write

    def failing(change: ObjectChange) -> None:
        if change.ref.key == key:
            raise EdgepathError(f"{key} cannot be written")
        write(change)

    return failing


def test_what_was_changed_meanwhile_is_left_with_the_rest_of_its_fix_and_the_others_are_made(
    tmp_path: Path, world_of: Any
) -> None:
    world = world_of({**BEFORE, "sysctl:net.y": "1"})
    changes = _changes(world.states)
    changes[0] = replace(changes[0], because=("DNS-02",))
    world.states["file:/etc/b"] = _file("somebody was faster")
    run_dir = _run(tmp_path, 1)
    done = perform(world, Journal(run_dir, "london"), "dns", changes)
    assert [change.ref.name for change in done.changes] == ["/etc/a"]
    assert [change.ref.name for change, _ in done.left] == ["/etc/b", "net.x"]
    assert "is left as it is with file /etc/b, which DNS-01 would change with it" in done.left[1][1]
    assert world.states["file:/etc/b"] == _file("somebody was faster") and world.states["sysctl:net.x"] == "7200"
    assert not list(tmp_path.glob("*/before/london/files/etc/b"))
    journals.close(run_dir)
    assert journals.state_of(run_dir) == {"state": "complete"}, "what was left is nothing unfinished"


def test_an_absence_that_nobody_tells_of_is_not_filled(tmp_path: Path, world_of: Any) -> None:
    world = world_of(BEFORE)
    world.absence = lambda ref: ""
    run_dir = _run(tmp_path, 1)
    done = perform(world, Journal(run_dir, "london"), "dns", _changes(world.states)[1:2])
    assert done.changes == [] and "nobody says that it is absent" in done.left[0][1]
    assert world.states == BEFORE and not list(tmp_path.glob("*/before/**/*.json"))


def test_the_journal_holds_a_state_or_the_word_for_its_absence(tmp_path: Path, world_of: Any) -> None:
    run_dir = _converge(tmp_path, 1, world_of(BEFORE))
    raw = [read_json(str(path))["change"]["before"] for path in sorted(Path(run_dir).glob("before/london/*.json"))]
    assert raw == [BEFORE["file:/etc/a"], {"absent": "ENOENT"}, "7200"]
    held = [entry.change.before for entry in Journal(run_dir, "london").entries()]
    assert held == list(BEFORE.values())


def test_the_first_saved_bytes_of_a_run_stay_whatever_it_saves_later(tmp_path: Path) -> None:
    """They are what is copied back by hand: the state before the run, not one that the run itself had made."""
    journal = Journal(_run(tmp_path, 1), "london")
    for old, new in (("first", "second"), ("second", "third")):
        Journal.mark(journal.begin("dns", ObjectChange(Ref(NODE, "file", "/etc/a"), _file(old), _file(new))), "done")
    assert next(tmp_path.glob("*/before/london/files/etc/a")).read_text() == "first"
    changes = [entry.change for entry in journal.entries()]
    assert [change.after for change in undo(changes, {"file:/etc/a": _file("third")}, {}).changes] == [_file("first")]


def test_a_run_with_unfinished_entries_is_not_complete(tmp_path: Path, world_of: Any, killed: Any) -> None:
    world = world_of(BEFORE)
    run_dir = _run(tmp_path, 1)
    world.dies_at = STEPS - 1  # where the edge is lost before its programs are told
    with pytest.raises(killed):
        perform(world, Journal(run_dir, "london"), "dns", _changes(world.states))
    journals.close(run_dir)
    world.dies_at = None
    _converge(tmp_path, 2, world)
    assert world.loaded["file:/etc/a"] == AFTER["file:/etc/a"]
    journals.close(run_dir)
    assert journals.state_of(run_dir) == {"state": "complete"}


def test_rollback_of_some_edges_undoes_their_newest_converge(tmp_path: Path) -> None:
    for number, edge in ((1, "london"), (2, "walled")):
        change = ObjectChange(Ref(NODE, "sysctl", "x"), "1", "2")
        Journal.mark(Journal(_run(tmp_path, number), edge).begin("dns", change), "done")
        journals.close(_name(tmp_path, number))
    assert list(journals.runs_to_undo(str(tmp_path))) == [_name(tmp_path, 2)]
    assert list(journals.runs_to_undo(str(tmp_path), ["london"])) == [_name(tmp_path, 1)]
    assert list(journals.runs_to_undo(str(tmp_path), ["patchy"])) == []


def test_the_journal_is_its_owners_alone_and_in_order_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000])
    monkeypatch.setattr(journals.time, "time_ns", lambda: next(clock))
    journal = Journal(_run(tmp_path, 1), "london")
    umask = os.umask(0o022)
    try:
        for text in ("1", "2"):
            journal.begin("dns", ObjectChange(Ref(NODE, "file", "/etc/a/b"), _file(text), _file("3")))
    finally:
        os.umask(umask)
    before = Path(_name(tmp_path, 1)) / "before"
    open_to_others = [path for path in (before, *before.rglob("*")) if path.stat().st_mode & 0o077]
    assert open_to_others == []
    assert [entry.change.before for entry in journal.entries()] == [_file("1"), _file("2")]


def test_two_converges_are_two_rollbacks(tmp_path: Path, world_of: Any) -> None:
    world = world_of(BEFORE)
    _converge(tmp_path, 1, world)
    world.states["sysctl:net.x"] = "75"
    _converge(tmp_path, 2, world)
    assert _rollback(tmp_path, world) == []
    assert world.states == {**AFTER, "sysctl:net.x": "75"}
    (lost,) = _rollback(tmp_path, world)
    assert "somebody changed it since" in lost[1], "75 was never ours; it must be left and told"
    assert world.states == {**BEFORE, "sysctl:net.x": "75"}


def test_an_object_of_several_domains_goes_back_whole_with_the_last(tmp_path: Path, world_of: Any) -> None:
    world = world_of({"file:/e": _file("1")})
    run_dir = _run(tmp_path, 1)
    ref = Ref(NODE, "file", "/e")
    for domain, old, new in (("dns", "1", "2"), ("bucket", "2", "3"), ("timeouts", "3", "4")):
        perform(world, Journal(run_dir, "london"), domain, [ObjectChange(ref, _file(old), _file(new))])
    assert journals.of_domain([run_dir], "london", "dns", only=False) == []
    whole = journals.of_domain([run_dir], "london", "timeouts", only=False)
    (change,) = undo([entry.change for entry in whole], world.states, {}).changes
    assert change.after == _file("1")
    assert len(journals.of_domain([run_dir], "london", "bucket", only=True)) == 1


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    run_dir = _run(tmp_path, 1)
    directory = os.path.join(run_dir, "before", "london")
    write_json(os.path.join(directory, "1.json"), {"state": "done"})
    with pytest.raises(EdgepathError, match=r"before/london/1\.json is no entry of a journal"):
        Journal(run_dir, "london").entries()


DISRUPTIVE = ObjectChange(Ref(NODE, "file", "/e"), "1", "2", disruptive=("open connections are dropped",))


@pytest.mark.parametrize(
    ("change", "transfers", "words"),
    [
        (DISRUPTIVE, [{"peer": "52.1.2.3:443", "process": "squid", "unit": None}], "peer 52.1.2.3:443, process squid"),
        (DISRUPTIVE, Unread("denied", "read", "/proc", "no permission").to_fact(), "cannot be told"),
        (DISRUPTIVE, [], None),
        (ObjectChange(Ref(NODE, "file", "/e"), "1", "2"), [{"peer": "x"}], None),
    ],
)
def test_a_live_transfer_stops_what_would_disturb_it(change: ObjectChange, transfers: Any, words: str | None) -> None:
    said = stopped_by([change], transfers)
    assert (said is None) if words is None else (words in str(said) and "edge_converge_during_transfer" in str(said))
