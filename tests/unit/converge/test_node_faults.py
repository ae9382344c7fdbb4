# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of object on an edge while its answer is odd, another, or refused: nothing is changed on it or lost."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.edge.converge import node as nodes
from ansible.module_utils.edge.converge import on_node
from ansible.module_utils.edge.converge.execute import Done, Stopped, perform
from ansible.module_utils.edge.converge.journal import Journal
from ansible.module_utils.edge.converge.model import NODE, ObjectChange, Ref
from ansible.module_utils.edge.converge.node import Node
from ansible.module_utils.edge.converge.words import outcome, parted
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.run import read_json
from ansible.module_utils.edge.targets import Edge

DENIED = Unread("denied", "read", "x", "permission denied", ("read x",)).to_fact()


def _file(text: str, **more: Any) -> dict[str, Any]:
    return {"content": base64.b64encode(text.encode()).decode(), "mode": "0644", "owner": "root", **more}


# kind: name, before, after, what somebody else makes of it
STATES: dict[str, tuple[str, Any, Any, Any]] = {
    "file": ("/etc/a", _file("1", mtime=5), _file("2"), _file("3")),
    "sysctl": ("net.x", "1", "2", "3"),
    "firewall_rules": ("inet f o", ["a"], ["b", "a"], ["c"]),
}
# What is no state of any kind that is written.
GARBLED: dict[str, Any] = {
    "a page": "<html></html>\0", "a number": 7, "nothing in it": {}, "half a file": {"content": "!", "mode": "0644"},
    "no mode": {"content": "MQ=="}, "rules that are none": [1], "a truth": True,
}  # fmt: skip
MISSING = object()
each_kind = pytest.mark.parametrize("kind", STATES)
# Any word is a sysctl's value: it is compared with what was read.
ODD = [
    (kind, odd)
    for kind in STATES
    for odd in (*GARBLED, "missing", "denied")
    if not (kind == "sysctl" and isinstance(GARBLED.get(odd), str))
]


class Edgeside:
    """What the modules on an edge answer: a state in memory, and what goes wrong."""

    def __init__(self, kind: str) -> None:
        self.ref = Ref(NODE, kind, STATES[kind][0])
        self.state = self.before = STATES[kind][1]
        self.after = STATES[kind][2]
        self.writes: list[str] = []
        self.told: list[Any] = []  # what is answered in place of the next states
        self.broken = self.deaf = False
        context = SimpleNamespace(no_log=False)
        plugin = SimpleNamespace(
            _execute_module=self._module,
            _play_context=context,
            _connection=SimpleNamespace(_play_context=context),
            _task=SimpleNamespace(copy=lambda: SimpleNamespace(args={})),
            _shared_loader_obj=SimpleNamespace(action_loader=SimpleNamespace(get=self._action)),
            _loader=None,
            _templar=None,
        )
        self.node = Node(plugin, {}, Edge("london"), {"name": "london"})

    def _module(self, module_name: str, module_args: Any, **_: Any) -> dict[str, Any]:
        if module_name == "edge_node_objects":
            state = self.told.pop(0) if self.told else self.state
            return {"states": {} if state is MISSING else {self.ref.key: state}, "transfers": []}
        argv = module_args.get("argv") or []
        if argv[:4] == ["nft", "-n", "-a", "list"]:
            return {"stdout": "\n".join(f'{rule} comment "edgepath" # handle 1' for rule in self.state)}
        return self._wrote(" ".join(argv) or module_name)

    def _action(self, name: str, **_: Any) -> Any:
        return SimpleNamespace(run=lambda **_: self._wrote(name))

    def _wrote(self, what: str) -> dict[str, Any]:
        self.writes.append(what)
        if self.broken:
            return {"failed": True, "msg": "no"}
        if not self.deaf:
            self.state = self.after
        return {}

    # execute.World

    def read(self, refs: Any) -> Any:
        return self.node.read(refs)

    def absence(self, ref: Ref) -> str:
        return "ENOENT"

    def write(self, change: ObjectChange) -> None:
        self.node.write(change)

    def reload(self, units: Any) -> list[str]:
        return []

    def converge(self, directory: Path, **more: Any) -> Done:
        change = ObjectChange(self.ref, **{"before": self.before, "after": self.after, "because": ("X-1",), **more})
        self.journal = Journal(str(directory), "london")
        return perform(self, self.journal, "dns", [change])


def test_every_kind_is_tried_and_has_a_look() -> None:
    assert set(nodes._LOOKS) == set(on_node._READERS)
    assert set(STATES) == set(on_node._READERS) - {"service", "program"}, "which are only looked at"


@pytest.mark.parametrize(("kind", "odd"), ODD)
def test_what_is_told_oddly_is_unread_now_and_left_later(kind: str, odd: str, tmp_path: Path) -> None:
    edge = Edgeside(kind)
    answer = {"missing": MISSING, "denied": DENIED, **GARBLED}[odd]
    edge.told = [answer]
    assert unread(edge.read([edge.ref])[0][edge.ref.key]) is not None
    edge.told = [answer]
    done = edge.converge(tmp_path)
    assert done.changes == [] and "is not changed" in done.left[0][1]
    assert edge.writes == [] and edge.state == edge.before
    assert [entry.state for entry in edge.journal.entries()] == ["left"]


@each_kind
@pytest.mark.parametrize("now", ["another", "absent"])
def test_what_somebody_changed_meanwhile_is_left(kind: str, now: str, tmp_path: Path) -> None:
    edge = Edgeside(kind)
    edge.state = other = STATES[kind][3] if now == "another" else None
    done = edge.converge(tmp_path)
    assert done.changes == [] and "somebody else meanwhile; it is left as it is" in done.left[0][1]
    assert edge.writes == [] and edge.state == other


@each_kind
def test_a_write_that_fails_is_told_and_one_that_does_nothing_as_well(kind: str, tmp_path: Path) -> None:
    for number, (broken, words) in enumerate([(True, "no"), (False, "is not what was written")]):
        edge = Edgeside(kind)
        edge.broken, edge.deaf = broken, True
        (tmp_path / str(number)).mkdir()
        with pytest.raises(Stopped, match=words):
            edge.converge(tmp_path / str(number))
        assert edge.writes and edge.state == edge.before
        assert [entry.state for entry in edge.journal.entries()] == ["begun"]


@each_kind
def test_a_change_that_cannot_be_read_again_is_told(kind: str, tmp_path: Path) -> None:
    edge = Edgeside(kind)
    edge.told = [edge.before, DENIED]
    with pytest.raises(Stopped, match="cannot be read again: permission denied; its former state is saved"):
        edge.converge(tmp_path)
    assert edge.state == edge.after


@each_kind
def test_a_change_is_made_where_nothing_is_odd(kind: str, tmp_path: Path) -> None:
    edge = Edgeside(kind)
    assert edge.converge(tmp_path).changes and edge.writes
    (entry,) = edge.journal.entries()
    assert (entry.state, entry.change.before, entry.change.after) == ("done", edge.before, edge.state)


def test_a_file_that_is_absent_is_made_on_the_kernels_word(tmp_path: Path) -> None:
    edge = Edgeside("file")
    edge.state = edge.before = None
    assert edge.converge(tmp_path).changes
    assert read_json(edge.journal.entries()[0].path)["change"]["before"] == {"absent": "ENOENT"}


def test_a_file_gets_its_time_back_and_what_a_converge_writes_is_of_now(tmp_path: Path) -> None:
    edge = Edgeside("file")
    edge.converge(tmp_path)
    assert not [what for what in edge.writes if what.startswith("touch")]
    edge.before, edge.after = edge.state, _file("1", mtime=1_700_000_000_123_456_789)
    edge.write(ObjectChange(edge.ref, edge.before, edge.after))
    assert edge.writes[-1] == "touch -c -m -d @1700000000.123456789 /etc/a"
    # A rollback that was killed between the bytes and their time.
    edge.state, edge.writes = _file("1", mtime=9), []
    edge.write(ObjectChange(edge.ref, edge.before, edge.after))
    assert edge.writes == ["touch -c -m -d @1700000000.123456789 /etc/a"]


def test_touch_takes_a_time_to_the_nanosecond(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("1")
    assert os.system(f"touch -c -m -d @1700000000.123456789 {path}") == 0
    assert path.stat().st_mtime_ns == 1_700_000_000_123_456_789


def test_a_file_of_several_names_is_told_beforehand() -> None:
    ref = Ref(NODE, "file", "/etc/a")
    one, two = (ObjectChange(ref, _file("1", **more), _file("2")) for more in ({}, {"links": 2}))
    assert parted([one]) == [] == parted([ObjectChange(ref, None, _file("2"))])
    assert "has 2 names (hard links)" in parted([one, two])[0]


TOLD = {"london": {"changed": ["file:/etc/a [X-1]"], "held": [], "lost": ["sysctl:x: somebody changed it"]}}


@pytest.mark.parametrize(
    ("check", "purpose", "heading", "word"),
    [
        (False, "converge", "1 object changed; 1 not put back", "    changed      file"),
        (True, "converge", "1 object would change; nothing was changed; 1 not put back", "    would        file"),
        (False, "rollback", "1 object put back; 1 not put back", "    put back     file"),
        (True, "rollback", "1 object would be put back; nothing was changed; 1 not put back", "    would        file"),
    ],
)
def test_a_rollback_says_what_it_put_back(check: bool, purpose: str, heading: str, word: str) -> None:
    lines = list(outcome(TOLD, check, purpose))
    assert lines[0] == f"edgepath: {heading}"
    assert any(line.startswith(word) for line in lines)
    assert "    not put back sysctl:x: somebody changed it" in lines
