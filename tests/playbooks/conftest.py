# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all playbook tests, and the playbook as a user runs it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Audit:
    """What a run of the playbook left: exit status, terminal output, report."""

    status: int
    output: str
    run_dir: Path | None

    @property
    def report(self) -> dict[str, Any]:
        assert self.run_dir is not None, self.output
        return json.loads((self.run_dir / "report.json").read_text(encoding="utf-8"))


def run_lab(*arguments: str) -> str:
    command = [sys.executable, "-m", "lab", *arguments]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def exported(text: str) -> dict[str, str]:
    pairs = (line.removeprefix("export ").split("=", 1) for line in text.splitlines() if line.startswith("export "))
    return {name: value.strip("'\"") for name, value in pairs}


@pytest.fixture(scope="session")
def lab_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    directory = tmp_path_factory.mktemp("lab") / "lab"
    run_lab("up", "--dir", str(directory))
    try:
        yield exported(run_lab("env", "--dir", str(directory)))
    finally:
        run_lab("down", "--dir", str(directory))


@pytest.fixture(scope="session")
def audit(lab_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Audit]:
    """Runs `ansible-playbook audit.yml`, or another playbook, with the arguments given."""

    def play(*arguments: str, playbook: str = "audit.yml", **environment: str) -> Audit:
        runs = tmp_path_factory.mktemp("runs")
        variables = {
            **os.environ,
            **lab_environment,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "EDGEPATH_RUNS_DIR": str(runs),
            "ANSIBLE_NOCOLOR": "1",
            **environment,
        }
        answer = subprocess.run(
            ["ansible-playbook", playbook, *arguments],
            cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        latest = runs / "latest"
        return Audit(answer.returncode, answer.stdout + answer.stderr, latest.resolve() if latest.exists() else None)

    return play


@pytest.fixture(scope="session")
def whole(audit: Callable[..., Audit], lab_environment: dict[str, str]) -> Audit:
    """The audit of all edges of the lab, with the trees of the edges hashed before and after."""
    trees = Path(lab_environment["EDGEPATH_LAB_DIR"]) / "edges"
    before = digest(trees)
    result = audit()
    assert digest(trees) == before, "the audit changed an edge"
    return result


def digest(tree: Path) -> str:
    summed = hashlib.sha256()
    for path in sorted(tree.rglob("*")):
        summed.update(str(path.relative_to(tree)).encode())
        summed.update(str(path.lstat().st_mode).encode())
        if path.is_file() and not path.is_symlink():
            summed.update(path.read_bytes())
    return summed.hexdigest()
