# SPDX-License-Identifier: GPL-3.0-or-later
"""A module of the controller runs from the tree with Ansible's own Python, and travels where anything is different."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.module_utils.edge.here import Here
from ansible.plugins.action import ActionBase

ROOT = Path(__file__).resolve().parents[2]


def _action(transport="local", become=None, in_background=0, delegate_to=None, said=None):
    action = object.__new__(Here)
    action._connection = SimpleNamespace(transport=transport, become=become)
    own = {} if said is None else {"ansible_python_interpreter": said}
    action._task = SimpleNamespace(async_val=in_background, delegate_to=delegate_to, get_vars=lambda: own)
    action._templar = SimpleNamespace(template=lambda value: value)
    return action


@pytest.fixture
def travelled(monkeypatch):
    monkeypatch.setattr(ActionBase, "_configure_module", lambda *_: ("travelled", "path"))


HERE = {"ansible_python_interpreter": sys.executable}
ANOTHER = {"ansible_python_interpreter": "/usr/bin/another"}


@pytest.mark.parametrize(
    ("action", "variables"),
    [
        (_action(transport="ssh"), HERE),
        (_action(become=object()), HERE),
        (_action(in_background=60), HERE),
        (_action(), {}),
        (_action(), {"ansible_python_interpreter": "/usr/bin/another-python"}),
        (
            _action(delegate_to="elsewhere"),
            {**HERE, "ansible_delegated_vars": {"elsewhere": {"ansible_python_interpreter": "/usr/bin/another"}}},
        ),
        (_action(delegate_to="elsewhere", said=sys.executable), {"ansible_delegated_vars": {"elsewhere": ANOTHER}}),
        (_action(delegate_to="localhost", said="/usr/bin/another"), {"ansible_delegated_vars": {"localhost": ANOTHER}}),
        (_action(said=sys.executable), ANOTHER),
    ],
    ids=["another host", "another user", "in the background", "unknown", "another Python", "delegated"]
    + ["its own elsewhere", "its own by another Python", "its own, not delegated"],
)
def test_travels_where_anything_is_different(travelled, action, variables):
    assert action._configure_module("edge_log_audit", {}, variables) == ("travelled", "path")


@pytest.mark.parametrize(
    ("action", "variables"),
    [
        (_action(), HERE),
        (_action(delegate_to="localhost"), {"ansible_delegated_vars": {"localhost": HERE}}),
        # `-e ansible_python_interpreter=...` means the edges, and not the step that says whose it is.
        (_action(delegate_to="localhost", said=sys.executable), {"ansible_delegated_vars": {"localhost": ANOTHER}}),
    ],
    ids=["local", "delegated", "its own"],
)
@pytest.mark.parametrize("name", ["edge_log_audit", "ansible.legacy.edge_log_audit"])
def test_runs_from_the_tree_and_answers_as_a_module(tmp_path, action, variables, name):
    edges = [{"name": "london-1", "bucket": "acme-recordings", "region": "eu-west-2"}]
    built, path = action._configure_module(name, {"edges": edges, "_ansible_check_mode": True}, variables)
    assert Path(path) == ROOT / "library/edge_log_audit.py"
    assert built.shebang == f"#!{sys.executable}"
    # In a directory whose files would take the place of Python's own, were it on the path.
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the working directory')", encoding="utf-8")
    done = subprocess.run(
        [sys.executable], input=built.b_module_data, capture_output=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {finding["edge"] for finding in answer["findings"]} == {"london-1"}


def test_a_module_that_fails_says_its_own_sentence(tmp_path):
    built, _ = _action()._configure_module("edge_log_audit", {"run_dir": str(tmp_path / "none")}, HERE)
    done = subprocess.run([sys.executable], input=built.b_module_data, capture_output=True, timeout=60, check=False)
    answer = json.loads(done.stdout)
    assert answer["failed"] is True
    assert answer["msg"].startswith(f"cannot read {tmp_path}/none/run.json")


@pytest.mark.parametrize("path", sorted(ROOT.glob("action_plugins/edge_*.py")), ids=lambda path: path.stem)
def test_every_action_has_its_module(path):
    assert (ROOT / "library" / path.name).exists()


def test_this_ansible_runs_what_was_built():
    """Of its own insides Ansible promises nothing: each release is tried."""
    edges = [{"name": "london-1", "bucket": "acme-recordings", "region": "eu-west-2"}]
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("ansible"), "localhost", "-i", "localhost,", "-c", "local"),
            *("-e", f"ansible_python_interpreter={sys.executable}"),
            *("-m", "edge_log_audit", "-a", json.dumps({"edges": edges})),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"edge": "london-1"' in done.stdout


@pytest.mark.parametrize(("said", "kept"), [(sys.executable, False), (None, True), ("/usr/bin/another", True)])
def test_only_a_step_of_its_own_stays_the_user_who_runs_ansible(monkeypatch, said, kept):
    """`-e ansible_become=true` means the edges; a playbook of somebody's own may become another user here."""
    action = _action(become="sudo", delegate_to="localhost", said=said)
    action._connection.has_native_async = False
    action._connection._shell = SimpleNamespace(tmpdir=None)
    action._connection.set_become_plugin = lambda plugin: setattr(action._connection, "become", plugin)
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(ActionBase, "_execute_module", lambda *_, **__: {"become": action._connection.become})
    monkeypatch.setattr(ActionBase, "_remove_tmp_path", lambda *_: None)
    assert action.run(task_vars={}) == {"become": "sudo" if kept else None}
