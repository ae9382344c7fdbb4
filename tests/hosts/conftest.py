# SPDX-License-Identifier: GPL-3.0-or-later
"""One node of the lab for all of these tests, and the audit's visit of it over real SSH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml

from lab.hosts import observe, podman, site

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
NAME = "london"
VARIABLES = yaml.safe_load((ROOT / "molecule/shared/inventory/group_vars/edges.yml").read_text(encoding="utf-8"))


class Node:
    """The node. run: a shell command's output, as root."""

    def __init__(self, directory: Path, state: dict[str, Any]) -> None:
        self.directory, self.place = directory, state
        self.host = testinfra.get_host(f"ssh://{NAME}", ssh_config=str(directory / "ssh_config"))

    def run(self, command: str) -> str:
        done = self.host.run(command)
        assert done.rc == 0, f"{command}: {done.stderr}"
        return str(done.stdout)

    def put(self, path: str, text: str) -> None:
        self.run(f"mkdir -p {Path(path).parent} && cat > {path} <<'EOF'\n{text}\nEOF")

    def state(self) -> dict[str, Any]:
        """All of it that stays, temporary directories and home directories included."""
        left = self.run("find /tmp /var/tmp /root /home /dev/shm -xdev -mindepth 1 -not -name '.bash_history' | sort")
        return {**observe.node_state(self.run), "left": left}

    def facts(self, user: str, become: bool, sections: list[str], **variables: Any) -> dict[str, Any]:
        """edge_facts as that user over SSH, by Ansible's own command line."""
        own = {key.removeprefix("edge_"): value for key, value in VARIABLES.items() if key.startswith("edge_")}
        own.update(name=NAME, bucket="euw2-recordings-london", proxy_config_paths=["/etc/squid/squid.conf"])
        own.pop("converge_role_arn", None)
        own.pop("report_formats", None)
        arguments = {"edge": {**own, **variables}, "sections": sections}
        ssh = self.place["ssh"]
        command = [
            str(BIN / "ansible"), NAME, "-i", f"{NAME},", "-m", "edge_facts", "-a", json.dumps(arguments), "-u", user,
            *(["--become"] if become else []), "--private-key", ssh["key"],
            f"--ssh-common-args=-o UserKnownHostsFile={ssh['known_hosts']} -o IdentitiesOnly=yes",
            "-e", f"ansible_host={self.place['hosts'][NAME]['address']}",
            "-e", f"ansible_control_path_dir={ssh['control']}",
        ]  # fmt: skip
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal", "ANSIBLE_NOCOLOR": "1"}
        environment["PATH"] = f"{BIN}:{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
        return answer["edge_facts"]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    try:
        podman.require()
    except podman.CannotRun as reason:
        pytest.skip(str(reason))
    directory = tmp_path_factory.mktemp("hosts")
    try:
        yield Node(directory, site.up(directory, [site.Node.parse(f"{NAME}=squid")]))
    finally:
        site.down(directory)


@pytest.fixture(scope="session", params=["root", "auditor"], ids=["root", "sudo"])
def visit(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """The audit's visit, as root, and as a user who may sudo."""
    seen: Node = request.getfixturevalue("node")
    become = request.param != "root"
    return lambda *sections, **variables: seen.facts(request.param, become, list(sections), **variables)
