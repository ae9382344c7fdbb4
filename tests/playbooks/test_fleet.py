# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in shards: through ansible-runner on other machines, merged into one report; a part never hides the whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import BIN, ROOT, Audit

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("playbooks")]

# What a shard needs of the project; the lab stands for its inventory.
SHIPPED = ("ansible.cfg", "audit.yml", "playbooks", "roles", "library", "module_utils", "action_plugins",
           "callback_plugins", "filter_plugins", "doc_fragments", "inventories", "lab/data")  # fmt: skip
SECONDS = 420


def private_data(directory: Path, limit: str, environment: dict[str, str]) -> Path:
    """ansible-runner's private data directory of one shard (its documentation, "Input directory hierarchy")."""
    project = directory / "project"
    for name in SHIPPED:
        source, target = ROOT / name, project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    settings = {
        "env/envvars": {**environment, "ANSIBLE_CONFIG": "ansible.cfg"},
        # What lies below the artifacts is what a worker sends back.
        "env/extravars": {"edge_runs_dir": "{{ lookup('env', 'AWX_ISOLATED_DATA_DIR') }}/runs", "edge_history_url": ""},
    }
    (directory / "env").mkdir()
    for name, values in settings.items():
        (directory / name).write_text(json.dumps(values), encoding="utf-8")
    (directory / "env/cmdline").write_text(f"-i inventories/lab --limit {limit}", encoding="utf-8")
    return directory


def shard(directory: Path, limit: str, environment: dict[str, str]) -> Path:
    """transmit | worker | process, as three machines would run them; the directory of what came back."""
    sent = private_data(directory / "sent", limit, environment)
    received, far = directory / "received", directory / "far"
    for path in (received, far):
        path.mkdir()
    runner = [sys.executable, "-m", "ansible_runner"]
    own = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}

    def step(*arguments: str, given: bytes = b"") -> bytes:
        answer = subprocess.run([*runner, *arguments], input=given, env=own, capture_output=True, timeout=SECONDS,
                                check=False, cwd=far)  # fmt: skip
        assert answer.stdout, answer.stderr.decode()
        return answer.stdout

    transmitted = step("transmit", str(sent), "-p", "audit.yml", "-i", "shard")
    worked = step("worker", "--private-data-dir", str(far), given=transmitted)
    subprocess.run([*runner, "process", str(received)], input=worked, env=own, capture_output=True, timeout=SECONDS,
                   check=False)  # fmt: skip
    return received


def merge(environment: dict[str, str], runs: Path, *reports: Path) -> tuple[subprocess.CompletedProcess[str], Any]:
    variables = {**os.environ, **environment, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1",
                 "EDGEPATH_RUNS_DIR": str(runs)}  # fmt: skip
    given = json.dumps({"edge_merge_reports": [str(path) for path in reports]})
    answer = subprocess.run(["ansible-playbook", "-i", "inventories/lab", "merge.yml", "-e", given], cwd=ROOT,
                            env=variables, capture_output=True, text=True, timeout=SECONDS, check=False)  # fmt: skip
    latest = runs / "latest/report.json"
    return answer, json.loads(latest.read_text(encoding="utf-8")) if latest.exists() else None


def test_shards_through_ansible_runner_are_one_report(lab_environment: dict[str, str], tmp_path: Path) -> None:
    came_back = [
        shard(tmp_path / limit.replace(",", "-"), limit, lab_environment) for limit in ("healthy,london", "harbour")
    ]
    reports = [path for directory in came_back for path in directory.rglob("report.json") if "latest" not in str(path)]
    told = [path.read_text("utf-8")[-2000:] for directory in came_back for path in directory.rglob("stdout")]
    assert len(reports) == 2, "\n".join(told)
    answer, report = merge(lab_environment, tmp_path / "runs", *came_back)
    verdicts = {name: edge["verdict"] for name, edge in report["edges"].items()}
    assert {name: verdicts[name] for name in ("healthy", "london", "harbour")} == {
        "healthy": "clear", "london": "truncates", "harbour": "unknown"
    }  # fmt: skip
    lost = {"walled", "patchy", "denied", "stale", "blind"}
    assert {verdicts[name] for name in lost} == {"unknown"}
    assert set(report["run"]["scope"]["left_out"]) == lost
    assert sorted(run["edges"] for run in report["run"]["merged"]) == [1, 2]
    assert len(report["edges"]) == len(verdicts) == 8
    assert report["coverage"]["expected"] == sum(len(edge["findings"]) for edge in report["edges"].values())
    assert answer.returncode == 2
    assert "5 edges of the inventory are in no report and unknown" in " ".join(
        answer.stdout.split() + answer.stderr.split()
    )
    assert "TRUNCATES   london" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr


def test_nothing_to_merge_is_an_error(lab_environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer, report = merge(lab_environment, tmp_path / "runs", tmp_path / "empty")
    assert answer.returncode == 2 and report is None
    assert "holds no report.json" in " ".join((answer.stdout + answer.stderr).split())


def test_a_partial_run_leaves_latest_to_the_whole_one(whole: Audit, audit: Callable[..., Audit]) -> None:
    assert whole.run_dir is not None
    runs = whole.run_dir.parent
    result = audit("--limit", "healthy", EDGEPATH_RUNS_DIR=str(runs))
    assert result.status == 0
    assert (runs / "latest").resolve() == whole.run_dir
    partial = json.loads((runs / "latest-partial/report.json").read_text(encoding="utf-8"))
    assert partial["run"]["scope"]["partial"] and list(partial["edges"]) == ["healthy"]
    assert "partial run: 1 of 8 edges" in result.output
    assert whole.report["run"]["scope"]["partial"] is False


def test_the_audit_makes_no_call_beyond_its_policy(whole: Audit) -> None:
    """The lab authorises every request, and its audit role has this very policy: nothing was denied but to `blind`."""
    assert whole.run_dir is not None
    document = json.loads((ROOT / "docs/policies/audit.json").read_text(encoding="utf-8"))
    allowed = {action for statement in document["Statement"] for action in statement["Action"]}
    made: set[str] = set()
    for name in ("dns", "egress", "iam", "bucket", "timeouts", "log"):
        made |= set(json.loads((whole.run_dir / f"{name}.json").read_text(encoding="utf-8"))["calls"])
    assert made - {"sts:AssumeRole", "sts:GetCallerIdentity"} <= allowed
    denied = {name for item in whole.report["coverage"]["missing_permissions"] for name in item["edges"]}
    assert denied == {"blind"}
    [ready] = whole.report["coverage"]["missing_policies"]
    assert ready["reader"].endswith(":role/edgepath-audit-blind") and ready["edges"] == ["blind"]
    assert "s3:GetBucketPolicy" in ready["policy"]["Statement"][0]["Action"]
