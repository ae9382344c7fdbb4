# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugins over a world in memory: what a killed run left untold waits for the end of live transfers, too."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.edge.converge import journal
from ansible.module_utils.edge.converge.journal import Journal
from ansible.module_utils.edge.converge.model import NODE, NotWritten, ObjectChange, Ref
from ansible.module_utils.edge.converge.work import Outcome
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.run import write_json

PLUGINS = Path(__file__).parents[3] / "action_plugins"
CHANGE = ObjectChange(
    Ref(NODE, "file", "/etc/a"), {"content": "MQ=="}, {"content": "Mg=="}, ("X-1",),
    disruptive=("open connections are dropped",), reloads=("squid",),
)  # fmt: skip
LIVE = [{"peer": "52.1.2.3:443"}]


class World:
    def __init__(self, states: dict[str, Any]) -> None:
        self.states = states
        self.reloaded: list[str] = []
        self.live: Any = LIVE
        self.error: Exception | None = None
        self.deaf = False

    def of(self, edge: Any) -> World:
        self.edge = edge
        return self

    def read(self, refs: Any) -> Any:
        return {ref.key: self.states[ref.key] for ref in refs}, self.transfers() if refs else []

    def transfers(self) -> Any:
        if self.live is None:
            raise AnsibleConnectionFailure("no route to host")
        return self.live

    def absence(self, _ref: Any) -> str:
        return ""

    def predicted(self, states: Any, _refs: Any) -> Any:
        return states

    def write(self, change: ObjectChange) -> None:
        if self.error is not None:
            raise self.error
        if not self.deaf:
            self.states[change.ref.key] = change.after

    def reload(self, units: list[str]) -> list[str]:
        self.reloaded += units
        return []


def _plugin(name: str, world: World, monkeypatch: pytest.MonkeyPatch, check: bool = False) -> Any:
    spec = importlib.util.spec_from_file_location(f"tested_{name}", PLUGINS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(module, "EdgeWorld", lambda edge, *_: world.of(edge), raising=False)
    monkeypatch.setattr(module.ActionBase, "run", lambda *_: {})
    plugin = object.__new__(module.ActionModule)
    plugin._task = SimpleNamespace(check_mode=check, diff=False)
    plugin._templar = SimpleNamespace(template=lambda value: value)
    plugin._display = SimpleNamespace(warning=lambda _: None)
    return plugin


def _given(plugin: Any, variables: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    given = {"during_transfer": False, "only": False, "domain": "dns", **given}
    plugin.validate_argument_spec = lambda _: (None, given)
    return dict(plugin.run(None, {"inventory_hostname": "london", **(variables or {})}))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run that was killed before it told squid, and one that begins."""
    for name in ("1", "2"):
        write_json(str(tmp_path / name / "run.json"), {"edges": [{"name": "london"}]})
        write_json(str(tmp_path / name / "plan.json"), {"items": []})
    journal.set_state(str(tmp_path / "1"), "converging")
    Journal.mark(Journal(str(tmp_path / "1"), "london").begin("dns", CHANGE), "written")
    return tmp_path


def test_programs_are_not_told_late_in_the_midst_of_a_transfer(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({CHANGE.ref.key: CHANGE.after})
    plugin = _plugin("edge_converge", world, monkeypatch)
    stopped = _given(plugin, run_dir=str(runs / "2"))
    assert stopped["failed"] and "a transfer is live" in stopped["msg"] and world.reloaded == []
    world.live = []
    assert _given(plugin, run_dir=str(runs / "2"))["told"] == [CHANGE.ref.key] and world.reloaded == ["squid"]
    world.live = LIVE
    assert _given(plugin, run_dir=str(runs / "2"))["told"] == [], "once is enough"


def test_rollback_does_not_tell_programs_in_the_midst_of_a_transfer(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World({CHANGE.ref.key: CHANGE.before})  # a rollback that was killed had put it back
    plugin = _plugin("edge_rollback", world, monkeypatch)
    assert "a transfer is live" in _given(plugin, runs=[str(runs / "1")])["msg"] and world.reloaded == []
    world.live = []
    assert not _given(plugin, runs=[str(runs / "1")]).get("failed") and world.reloaded == ["squid"]
    assert list(journal.runs_to_undo(str(runs))) == []


def test_what_cannot_be_put_back_is_told_and_stands(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({CHANGE.ref.key: {"content": "Mw=="}})
    done = _given(_plugin("edge_rollback", world, monkeypatch), runs=[str(runs / "1")])
    assert not done.get("failed"), "the other domains are put back all the same; the playbook fails at its end"
    assert "somebody changed it" in done["lost"][0] and world.reloaded == []
    assert list(journal.runs_to_undo(str(runs))) == [str(runs / "1")]


def test_an_edge_that_is_lost_fails_so_that_no_further_one_is_touched(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World({CHANGE.ref.key: CHANGE.after})
    world.live = None
    failed = _given(_plugin("edge_converge", world, monkeypatch), run_dir=str(runs / "2"))
    assert failed["failed"] and "cannot be reached any more: no route to host" in failed["msg"]
    with pytest.raises(AnsibleConnectionFailure):
        _given(_plugin("edge_converge", world, monkeypatch, check=True), run_dir=str(runs / "2"))


def test_rollback_changes_the_account_as_whom_the_inventory_names_now(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(str(runs / "1" / "run.json"), {"edges": [{"name": "london", "converge_profile": "then"}]})
    role = "arn:aws:iam::111122223333:role/now"
    for variables, expected in (({}, ("then", None)), ({"edge_converge_role_arn": role}, (None, role))):
        world = World({CHANGE.ref.key: {"content": "Mw=="}})
        _given(_plugin("edge_rollback", world, monkeypatch), variables, runs=[str(runs / "1")])
        assert (world.edge.converge_profile, world.edge.converge_role_arn) == expected


def _converging(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plugin with CHANGE as what its plan comes to."""
    plugin = _plugin("edge_converge", world, monkeypatch)
    module = sys.modules[type(plugin).__module__]
    monkeypatch.setattr(module, "refs_of", lambda *_: [CHANGE.ref])
    monkeypatch.setattr(module, "work_out", lambda *_: Outcome([CHANGE], []))
    return plugin


@pytest.mark.parametrize(
    ("error", "failed", "held"),
    [
        (NotWritten("/etc/a was changed meanwhile"), False, ["X-1 file:/etc/a: /etc/a was changed meanwhile"]),
        (EdgepathError("cannot write /etc/a"), True, []),
    ],
)
def test_what_is_left_fails_nothing_and_what_fails_does(
    runs: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, failed: bool, held: list[str]
) -> None:
    world = World({CHANGE.ref.key: CHANGE.before})
    world.live, world.error = [], error
    told = _given(_converging(world, monkeypatch), run_dir=str(runs / "2"))
    assert (bool(told.get("failed")), told["held"], told["changes"]) == (failed, held, [])


def test_what_was_made_is_told_where_it_was_made(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({CHANGE.ref.key: CHANGE.before})
    world.live = []
    told = _given(_converging(world, monkeypatch), run_dir=str(runs / "2"))
    assert [change["object"] for change in told["changes"]] == [CHANGE.ref.key] and told["changed"]


def test_what_a_rollback_wrote_and_does_not_see_is_not_put_back(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({CHANGE.ref.key: CHANGE.after})
    world.live, world.deaf = [], True
    journal.begin_undoing([str(runs / "1")], ["london"])
    told = _given(_plugin("edge_rollback", world, monkeypatch), runs=[str(runs / "1")])
    assert told["changes"] == [] and "is not what was written" in told["lost"][0]
    assert list(journal.runs_to_undo(str(runs))) == [str(runs / "1")]
    assert journal.state_of(str(runs / "1")) == {"state": "converging"}, "it ended, though nothing was put back"


def _opened(runs: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> dict[str, Any]:
    plugin = _plugin("edge_converge_session", World({}), monkeypatch)
    monkeypatch.setattr(sys.modules[type(plugin).__module__].lock, "take", lambda *_: None)
    given = {"state": "opened", "purpose": "rollback", "run_dir": None, "limited": False, **given}
    plugin.validate_argument_spec = lambda _: (None, {"runs_dir": str(runs), "edges": ["london"], **given})
    return dict(plugin.run(None, {}))


def test_a_rollback_tells_of_edges_that_the_inventory_does_not_know(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal.mark(Journal(str(runs / "1"), "gone").begin("dns", CHANGE), "done")
    told = _opened(runs, monkeypatch)
    assert told["runs"] == [str(runs / "1")]
    assert told["missing"] == [
        "edge gone: run 1 changed it, and the inventory does not know it; nothing of it is put back"
    ]
    assert _opened(runs, monkeypatch, limited=True)["missing"] == []
    assert journal.state_of(str(runs / "1")) == {"state": "converging", "undoing": ["london"]}


def test_a_link_that_is_named_leads_to_its_run(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runs / "latest").symlink_to("1")
    assert _opened(runs, monkeypatch, run_dir=str(runs / "latest"))["runs"] == [str(runs / "1")]
