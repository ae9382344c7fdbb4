# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks under the settings that people have: their directories, inventories, callbacks and Pythons."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from .conftest import BIN, ROOT, Audit

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("retrieving")]

INVENTORY = str(ROOT / "inventories/lab")

# Chosen for standard output, it writes one document there, as ansible.posix.json does.
ONE_DOCUMENT = '''
import json
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: one_document
type: stdout
short_description: One document
"""


class CallbackModule(CallbackBase):
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "one_document"

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps({"hosts": sorted(stats.processed)}))
'''


@pytest.fixture(scope="session")
def shims(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH that begins with launchers of Pythons that are not switched on, as pyenv leaves them."""
    directory = tmp_path_factory.mktemp("shims")
    for minor in range(8, 16):
        name = f"python3.{minor}"
        shim = directory / name
        shim.write_text(f"#!/bin/sh\necho 'shim: {name}: command not found' >&2\nexit 127\n", encoding="ascii")
        shim.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def play(cwd: Path | str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """ansible-playbook with nothing of the project's ansible.cfg, unless it is started there."""
    command = [str(BIN / "ansible-playbook"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, "ANSIBLE_NOCOLOR": "1", **environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_an_audit_under_everything_at_once(lab_environment: dict[str, str], tmp_path: Path, shims: str) -> None:
    """From another directory, with settings that replace all that ansible.cfg says, and a localhost behind SSH."""
    nowhere = str(tmp_path / "nowhere")
    own = {
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit",
        "JUNIT_OUTPUT_DIR": str(tmp_path / "junit"),
        "ANSIBLE_STRATEGY": "free",
        "ANSIBLE_GATHERING": "implicit",
        "ANSIBLE_INJECT_FACT_VARS": "true",
        "ANSIBLE_PIPELINING": "false",
        "ANSIBLE_ROLES_PATH": nowhere,
        "ANSIBLE_LIBRARY": nowhere,
        "ANSIBLE_MODULE_UTILS": nowhere,
        "ANSIBLE_CALLBACK_PLUGINS": nowhere,
        "PATH": shims,
        "EDGEPATH_RUNS_DIR": str(tmp_path / "runs"),
    }
    (tmp_path / "more.yml").write_text(
        json.dumps({"all": {"hosts": {"localhost": {"ansible_connection": "ssh", "ansible_port": 9}}}}), "utf-8"
    )
    sources = ("-i", INVENTORY, "-i", str(tmp_path / "more.yml"))
    # An ordinary user would need sudo without a password; root becomes root without any.
    become = ("--become",) if os.geteuid() == 0 else ()
    done = play(
        tmp_path, str(ROOT / "audit.yml"), *sources, "--limit", "healthy,london", *become, **lab_environment, **own
    )
    assert done.returncode == 2, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert "TRUNCATES london recordings over 45 min" in said
    assert "CLEAR healthy recordings of up to 240 minutes" in said
    assert "shim:" not in done.stdout + done.stderr
    report = json.loads((tmp_path / "runs/latest/report.json").read_text("utf-8"))
    assert {name: edge["verdict"] for name, edge in report["edges"].items()} == {
        "healthy": "clear",
        "london": "truncates",
    }


def test_standard_output_stays_one_document(audit: Callable[..., Audit], tmp_path: Path) -> None:
    (tmp_path / "one_document.py").write_text(ONE_DOCUMENT, encoding="utf-8")
    plugins = f"{ROOT / 'callback_plugins'}:{tmp_path}"
    # An interpreter that is given with -e is the edges', here one that is there and has no libraries.
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {BIN / "python"} -S "$@"\n', encoding="ascii")
    bare.chmod(0o755)
    result = audit(
        "--limit", "healthy", "-e", f"ansible_python_interpreter={bare}",
        ANSIBLE_CALLBACK_PLUGINS=plugins, ANSIBLE_STDOUT_CALLBACK="one_document", ANSIBLE_CALLBACKS_ENABLED="none_such",
    )  # fmt: skip
    assert result.status == 0, result.output
    stdout, _, stderr = result.output.partition("\n")
    assert json.loads(stdout) == {"hosts": ["healthy"]}
    assert "CLEAR healthy recordings of up to 240 minutes" in " ".join(stderr.split())


HOSTS = {"edges": {"hosts": {"edge-1": {}}}, "control": {"hosts": {"control-1": {"ansible_connection": "local"}}}}
NOT_ONE = ("-i", "hosts.yml", "--limit", "control-1")
# Without sudo: that is not what is asked here.
NOWHERE = ("-e", "edge_schedule_project_dir=/nowhere", "-e", "ansible_become=false")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("audit.yml", "-i", "localhost,"), "the inventory has no edge: name the edges in its group edges"),
        (("audit.yml",), "the inventory has no edge: name the edges in its group edges"),
        (("audit.yml", *NOT_ONE), "--limit control-1 leaves no host of the group edges"),
        (("probe.yml", *NOT_ONE), "--limit control-1 leaves no host of the group edges"),
        (
            ("audit.yml", "-i", "hosts.yml", "-i", "broken.yml"),
            "broken.yml; an audit of what is left would be taken for one of the fleet",
        ),
        (
            ("audit.yml", "-i", "hosts.yml", "--start-at-task", "Report | Decide the verdict on each edge"),
            "an audit begins with its first step; leave out --start-at-task",
        ),
        (
            ("audit.yml", "-i", "hosts.yml", "--start-at-task", "Report | Fail the edges that do not hold"),
            "nothing is judged yet; leave out --start-at-task",
        ),
        (
            ("schedule.yml", "-i", "hosts.yml", "--limit", "edge-1"),
            "--limit edge-1 leaves no host of the group control",
        ),
        (("schedule.yml", "-i", "hosts.yml", *NOWHERE, "--check"), "control-1: there is no /nowhere/.venv/bin"),
    ],
)
def test_what_is_no_audit_says_so_in_a_sentence(
    tmp_path: Path, shims: str, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "hosts.yml").write_text(json.dumps(HOSTS), "utf-8")
    (tmp_path / "broken.yml").write_text("{edges: [", "utf-8")
    done = play(
        tmp_path, str(ROOT / arguments[0]), *arguments[1:], PATH=shims, EDGEPATH_RUNS_DIR=str(tmp_path / "runs")
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in " ".join(done.stdout.split())
    assert "shim:" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


PLAYBOOKS = sorted([*ROOT.glob("playbooks/*.yml"), ROOT / "awx/define.yml"])


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_every_play_takes_its_hosts_in_step(path: Path) -> None:
    """Under another strategy a step of `run_once` would judge before all edges are read."""
    plays = [item for item in yaml.safe_load(path.read_text("utf-8")) if "hosts" in item]
    assert [item["strategy"] for item in plays] == ["ansible.builtin.linear"] * len(plays)


def delegated(tasks: list[dict[str, object]], role: str) -> list[tuple[str, dict[str, object]]]:
    return [(f"{role}: {task['name']}", task) for task in tasks if task.get("delegate_to") == "localhost"]


STEPS = [
    step
    for path in sorted(ROOT.glob("roles/*/tasks/*.yml"))
    for step in delegated(yaml.safe_load(path.read_text("utf-8")), path.parents[1].name)
    if "edge_converge_session" not in step[1]  # an action alone, which runs in Ansible's own process
]


@pytest.mark.parametrize("task", [task for _, task in STEPS], ids=[name for name, _ in STEPS])
def test_every_step_of_the_controller_runs_as_ansible_does(task: dict[str, object]) -> None:
    assert task["become"] is False
    assert task["vars"] == {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }


def test_the_definition_of_awx_runs_as_ansible_does() -> None:
    [awx] = yaml.safe_load((ROOT / "awx/define.yml").read_text("utf-8"))
    assert (awx["connection"], awx["become"]) == ("local", False)
    assert awx["vars"]["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"
