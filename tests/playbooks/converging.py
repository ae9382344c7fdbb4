# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of its own for tests that change it, and its whole state: the nodes' files and the account's objects."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# What of a node the audit's own lab changes by itself.
_VOLATILE = ("proc",)


@dataclass
class World:
    directory: Path
    environment: dict[str, str]
    state: dict[str, Any]
    runs: Path

    def play(self, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        command = ["ansible-playbook", *arguments]
        return subprocess.run(
            command, cwd=cwd, env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["ansible-playbook", *arguments],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip

    def root(self, edge: str) -> Path:
        return Path(self.state["hosts"][edge]["edge_root"])

    def client(self, service: str) -> Any:
        keys = self.state["credentials"]["operator"]
        return boto3.client(
            service,
            endpoint_url=self.state["endpoints"]["aws"],
            region_name=self.state["region"],
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
        )

    def files(self) -> dict[str, str]:
        """Every file of every node with its bytes' digest, mode and owner."""
        found = {}
        for base in sorted((self.directory / "edges").rglob("*")):
            relative = base.relative_to(self.directory / "edges")
            if base.is_file() and relative.parts[1] not in _VOLATILE:
                stat = base.stat()
                digest = hashlib.sha256(base.read_bytes()).hexdigest()
                found[str(relative)] = f"{digest} {stat.st_mode:o} {stat.st_uid}:{stat.st_gid}"
        return found

    def times(self, names: Iterable[str]) -> dict[str, int]:
        """When these files were changed last, in nanoseconds."""
        base = self.directory / "edges"
        return {name: (base / name).stat().st_mtime_ns for name in names if (base / name).exists()}

    def account(self) -> dict[str, Any]:
        """What converge may change in the account, read by nobody else's code."""
        ec2, iam, s3 = self.client("ec2"), self.client("iam"), self.client("s3")
        rules = [
            {key: value for key, value in rule.items() if key not in ("SecurityGroupRuleId", "Tags")}
            for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]
        ]
        policies = {}
        for role in iam.list_roles()["Roles"]:
            name = role["RoleName"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                policies[f"{name}/{policy}"] = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        versioning = {
            bucket["Name"]: s3.get_bucket_versioning(Bucket=bucket["Name"]).get("Status")
            for bucket in s3.list_buckets()["Buckets"]
        }
        return {
            "rules": sorted(json.dumps(rule, sort_keys=True) for rule in rules),
            "policies": policies,
            "versioning": versioning,
            "endpoints": sorted(item["VpcEndpointId"] for item in ec2.describe_vpc_endpoints()["VpcEndpoints"]),
        }


def _lab(*arguments: str) -> str:
    command = [sys.executable, "-m", "lab", *arguments]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@contextmanager
def world_in(place: Path) -> Iterator[World]:
    directory = place / "lab"
    _lab("up", "--dir", str(directory))
    try:
        lines = _lab("env", "--dir", str(directory)).splitlines()
        pairs = (line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
        runs = place / "runs"
        environment = {
            **os.environ,
            **{name: value.strip("'\"") for name, value in pairs},
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "EDGEPATH_RUNS_DIR": str(runs),
            "ANSIBLE_NOCOLOR": "1",
        }
        state = json.loads((directory / "lab.json").read_text())
        yield World(directory, environment, state, runs)
    finally:
        _lab("down", "--dir", str(directory))


def told(output: str) -> dict[str, list[str]]:
    """The objects by edge of what a converge or a rollback said at its end that it changed, or would change."""
    _, _, rest = output.rpartition("\nedgepath: ")
    found: dict[str, list[str]] = {}
    edge = ""
    for line in rest.splitlines()[1:]:
        if line.startswith("    "):
            word, what = line[4:17].strip(), line[17:]
            if word in ("would", "changed", "put back"):
                found.setdefault(edge, []).append(what.strip().partition(" [")[0])
        elif line.startswith("  "):
            edge = line.strip()
    return found
