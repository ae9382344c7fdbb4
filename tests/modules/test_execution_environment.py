# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment's definitions render, and hold what the project needs. No image is built here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "execution-environment"
DEFINITIONS = {"usual": "execution-environment.yml", "debian": "debian/execution-environment.yml"}


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_requirements_are_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["postgresql"]]
    assert lines((HOME / "requirements.txt").read_text(encoding="utf-8")) == wanted


@pytest.mark.parametrize("name", DEFINITIONS)
def test_ansible_builder_renders_it(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-builder")), "create", "-f", str(HOME / DEFINITIONS[name]),
         "-c", str(tmp_path), "--output-filename", "Containerfile"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    made = (tmp_path / "Containerfile").read_text(encoding="utf-8")
    assert "ansible-core>=2.19,<2.22" in made
    build = tmp_path / "_build"
    assert (build / "lock/requirements.lock").read_bytes() == (ROOT / "requirements.lock").read_bytes()
    assert lines((build / "requirements.txt").read_text()) == lines((HOME / "requirements.txt").read_text())
    # The step that makes constraints of the lock, run here: a version for each package of the lock, no hash.
    [step] = re.findall(r"^RUN (sed .*) > /etc/pip-constraints.txt$", made, re.M)
    constraints = subprocess.run(
        step.replace("/tmp/requirements.lock", str(build / "lock/requirements.lock")),
        shell=True, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "--hash" not in constraints
    locked = re.findall(r"^[A-Za-z0-9._-]+==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M)
    assert len(constraints.splitlines()) == len(locked)
    assert re.search(r"^ansible-core==2\.\d+\.\d+ ; python", constraints, re.M)
