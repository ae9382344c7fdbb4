# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of edge_schedule as they are rendered, and what the mode `pull` does to a real repository."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles/edge_schedule"
BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}


def render(directory: Path, kind: str, **variables: Any) -> str:
    said = json.dumps({**variables, "ansible_python_interpreter": sys.executable})
    done = subprocess.run(
        [str(BIN / "ansible"), "localhost", "-i", "localhost,", "-c", "local", "-m", "ansible.builtin.template",
         "-a", json.dumps({"src": str(ROLE / f"templates/edgepath.{kind}.j2"), "dest": str(directory / f"x.{kind}")}),
         "-e", f"@{ROLE / 'defaults/main.yml'}", "-e", f"@{ROLE / 'vars/main.yml'}", "-e", said],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return (directory / f"x.{kind}").read_text()


def command(unit: str, key: str) -> list[str]:
    [line] = re.findall(f"^{key}=(.*)$", unit, re.M)
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]


def test_what_an_inventory_says_stays_within_its_words(tmp_path: Path) -> None:
    arguments = ["--limit", "a b", "-e", 'x={"y": "$HOME 5%"}']
    unit = render(tmp_path, "service", edge_schedule_arguments=arguments, edge_schedule_credentials={"ssh_key": "/k"},
                  edge_schedule_environment={"HTTPS_PROXY": "http://h:1/%20"})  # fmt: skip
    assert command(unit, "ExecStart") == [
        "/opt/edgepath/.venv/bin/ansible-playbook", "--inventory", "/opt/edgepath/inventories/production", *arguments,
        "audit.yml",
    ]  # fmt: skip
    assert 'Environment="HTTPS_PROXY=http://h:1/%%20"' in unit
    assert "LoadCredential=ssh_key:/k" in unit
    assert "ExecStartPre" not in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="not run: systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/ansible-playbook").write_text("#!/bin/sh\n")
    (tmp_path / ".venv/bin/ansible-playbook").chmod(0o755)
    variables = {"edge_schedule_name": "x", "edge_schedule_project_dir": str(tmp_path)}
    for kind in ("service", "timer"):
        render(tmp_path, kind, **variables)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / "x.timer"), str(tmp_path / "x.service")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stderr  # what other units of the machine are told is theirs
    timer = configparser.ConfigParser(delimiters="=", comment_prefixes="#", interpolation=None)
    timer.read(tmp_path / "x.timer")
    assert (timer["Timer"]["Persistent"], timer["Timer"]["Unit"]) == ("true", "x.service")


def git(directory: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.net", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="not run: git is not installed")
def test_each_run_takes_what_the_branch_holds(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    variables = {"edge_schedule_mode": "pull", "edge_schedule_home": str(tmp_path),
                 "edge_schedule_pull_url": f"file://{source}", "edge_schedule_venv": str(BIN.parent)}  # fmt: skip
    unit = render(tmp_path, "service", **variables)
    checkout = tmp_path / "checkout"
    assert f"WorkingDirectory=-{checkout}\n" in unit
    fetch = command(unit, "ExecStartPre")
    for said in ("one", "two"):
        (source / "audit.yml").write_text(said)
        git(source, "add", "audit.yml")
        git(source, "commit", "-q", "-m", said)
        if checkout.exists():
            (checkout / "audit.yml").write_text("edited by hand")
        done = subprocess.run(fetch, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout
        assert (checkout / "audit.yml").read_text() == said
    # A commit that nobody signed is refused where signatures are asked for.
    signed = command(render(tmp_path, "service", **variables, edge_schedule_pull_verify=True), "ExecStartPre")
    done = subprocess.run(signed, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=120, check=False)
    assert done.returncode != 0
