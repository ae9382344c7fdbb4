# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers and the history through the playbooks that people type, on two edges of the lab."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import BIN, ROOT, Audit

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("retrieving")]

WAIVER = {
    "check": "TIMEOUTS-04",
    "scope": {"edges": "lon*", "groups": "on_aws"},
    "reason": "the proxy is replaced in March",
    "approver": "A. Auditor",
    "ticket": "OPS-7",
    "expires": "2099-01-31",
}


def waivers(path: Path, **changed: Any) -> tuple[str, str]:
    path.write_text(json.dumps({"edge_waivers": [{**WAIVER, **changed}]}), encoding="utf-8")
    return "-e", f"@{path}"


def latest(runs: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((runs / "latest" / "report.json").read_text(encoding="utf-8"))
    return report


def ask(runs: Path, environment: dict[str, str], *arguments: str) -> str:
    answer = subprocess.run(
        ["ansible-playbook", "history.yml", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **environment, "PATH": f"{BIN}:{os.environ['PATH']}", "EDGEPATH_RUNS_DIR": str(runs),
             "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def test_the_history_is_where_the_edges_variables_say(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("edges: {hosts: {edge-1: {}}}", encoding="utf-8")
    (tmp_path / "group_vars").mkdir()
    kept = tmp_path / "kept.sqlite"
    (tmp_path / "group_vars" / "edges.yml").write_text(f"edge_history_url: {kept}", encoding="utf-8")
    answer = subprocess.run(
        ["ansible-playbook", "-i", str(tmp_path / "hosts.yml"), "history.yml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    assert answer.returncode == 2
    assert f"there is no history at {kept} yet" in answer.stdout + answer.stderr


def test_a_waiver_that_is_wrong_ends_the_run_before_anything_is_read(
    audit: Callable[..., Audit], tmp_path: Path
) -> None:
    result = audit(*waivers(tmp_path / "w.json", check="TIMEOUTS-99", expires="soon"), EDGEPATH_RUNS_DIR=str(tmp_path))
    assert result.status == 2
    assert "there is no check 'TIMEOUTS-99'; did you mean TIMEOUTS-" in result.output
    assert "expires must be a day such as 2027-01-31, not 'soon'" in result.output
    assert "edge_facts" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["w.json"]


def test_a_finding_is_waived_and_reopens_and_the_history_tells_so(
    audit: Callable[..., Audit], lab_environment: dict[str, str], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    two = ("--limit", "london,healthy")
    result = audit(*two, *waivers(tmp_path / "w.json"), EDGEPATH_RUNS_DIR=str(runs))
    assert result.status == 0, result.output
    first = latest(runs)
    assert first["edges"]["london"]["verdict"] == "truncates"
    [waived] = [item for item in first["edges"]["london"]["findings"] if item["status"] == "waived"]
    assert waived["waiver"]["ticket"] == "OPS-7"
    assert [item["state"] for item in first["waivers"]] == ["active"]
    assert "waiver OPS-7: 1 finding accepted, TIMEOUTS-04, until 2099-01-31" in result.output

    result = audit(*two, *waivers(tmp_path / "w.json", expires="2026-01-31"), EDGEPATH_RUNS_DIR=str(runs))
    assert result.status == 2
    assert "waiver OPS-7 of TIMEOUTS-04 (edge_waivers of " in result.output
    assert "expired after 2026-01-31 (UTC): 1 finding counts again" in " ".join(result.output.split())
    second = latest(runs)
    [reopened] = [item for item in second["edges"]["london"]["findings"] if item["check"] == "TIMEOUTS-04"]
    assert (reopened["status"], reopened["change"]) == ("fail", "changed")
    assert reopened["first_seen"] == first["run"]["started"]
    others = [item for edge in second["edges"].values() for item in edge["findings"] if item is not reopened]
    assert {item["change"] for item in others if "change" in item} <= {"unchanged"}
    assert second["history"]["since"] == first["run"]["id"]
    page = (runs / "latest" / "report.html").read_text(encoding="utf-8")
    assert f"Changes since run {first['run']['id']}" in page

    assert first["run"]["id"] in ask(runs, lab_environment)
    assert "TIMEOUTS-04 (high): fail since" in ask(runs, lab_environment, "-e", "edge_history_edge=london")
    compared = ask(runs, lab_environment, "-e", f"edge_diff_from={first['run']['id']}")
    assert "2 edges in both: 0 new, 0 fixed, 1 changed" in compared
    assert "london: TIMEOUTS-04 (high), waived -> fail" in compared


def test_a_history_that_cannot_be_kept_costs_no_report(audit: Callable[..., Audit], tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    result = audit(
        "--limit", "healthy", "-e", f"edge_history_url={tmp_path}/file/h.sqlite", EDGEPATH_RUNS_DIR=str(runs)
    )
    assert result.status == 2
    assert latest(runs)["edges"]["healthy"]["verdict"] == "clear"
    assert (runs / "latest" / "report.html").exists()
    (failed,) = (line for line in result.output.splitlines() if line.startswith("fatal: [healthy]"))
    assert "set edge_history_url" in failed
    assert "the run is not in the history" in " ".join(result.output.split())
