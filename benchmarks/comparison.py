# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit costs beside Prowler and Cloud Custodian, on the same account: moto's, of the embedded lab.

The lab's account holds nothing but what its edges use. OTHERS (0,50) is how many buckets and roles of others there are
besides, as an account that is in use has: each number is measured by itself. EDGES is how many edges there are besides
the lab's own (0), instances that share a role and a bucket.

Each runs the checks that are nearest to ours (network, bucket, role); ours are all of its steps in AWS, though most of
them have no counterpart there. Wall time, processor time and API calls, each tool in turn in one run; the calls are
counted by moto's own log. Targets: at most a fifth of Prowler's processor time and calls, no more wall time than
Custodian's.

The two are no part of this project's environment. Make one for each, and name them; without it they are left out:
    python -m venv P && P/bin/pip install prowler;  python -m venv C && C/bin/pip install c7n
    PROWLER=P/bin/prowler CUSTODIAN=C/bin/custodian python benchmarks/comparison.py
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = int(os.environ.get("ROUNDS", "3"))
EDGES = os.environ.get("EDGES", "0")
OTHERS = [int(count) for count in os.environ.get("OTHERS", "0,50").split(",")]
VERSION = "2012-10-17"
DOMAINS = ["egress", "iam", "bucket"]
PROWLER_CHECKS = (
    "ec2_securitygroup_allow_ingress_from_internet_to_all_ports", "vpc_endpoint_connections_trust_boundaries",
    "s3_bucket_object_versioning", "s3_bucket_default_encryption", "s3_bucket_level_public_access_block",
    "iam_inline_policy_no_administrative_privileges", "kms_cmk_are_used",
)  # fmt: skip
OPEN = {"type": "egress", "Cidr": {"value": "0.0.0.0/0"}}
UNVERSIONED = {"type": "value", "key": "Versioning.Status", "value": "Enabled", "op": "ne"}
ALL_POWERFUL = {"type": "has-specific-managed-policy", "value": "AdministratorAccess"}
CUSTODIAN_POLICIES = {
    "policies": [
        {"name": "groups", "resource": "aws.security-group", "filters": [OPEN]},
        {"name": "routes", "resource": "aws.route-table"},
        {"name": "buckets", "resource": "aws.s3", "filters": [UNVERSIONED]},
        {"name": "roles", "resource": "aws.iam-role", "filters": [ALL_POWERFUL]},
        {"name": "keys", "resource": "aws.kms-key"},
    ]
}


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    calls: int


def measured(commands: Sequence[Sequence[str]], log: Path, environment: dict[str, str], allowed: Sequence[int]) -> Cost:
    """What these commands cost, one after another."""
    before, lines, start = _children(), _requests(log), time.perf_counter()
    for command in commands:
        answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if answer.returncode not in allowed:
            sys.exit(
                f"{' '.join(command)[:200]} ended with {answer.returncode}:\n"
                f"{answer.stdout[-1500:]}{answer.stderr[-1500:]}"
            )
    return Cost(time.perf_counter() - start, _children() - before, _requests(log) - lines)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _requests(log: Path) -> int:
    return sum('" HTTP/1.' in line or 'HTTP/1.1"' in line for line in log.read_text(errors="replace").splitlines())


def ours(directory: Path, state: dict[str, object]) -> list[list[str]]:
    """The steps of the audit that read AWS, for all edges of the lab, in one playbook as in the audit."""
    names = {
        "region": "eu-west-2",
        "audit_role_arn": "arn:aws:iam::123456789012:role/edgepath-audit",
        "storage_endpoint": "s3.eu-west-2.amazonaws.com",
    }
    own = ("instance_id", "interface_id", "aws_endpoint_url", "bucket", "role_arn")
    edges = [
        {**names, "bucket": f"euw2-recordings-{name}", "prefix": "exports/", "name": name,
         **{key: held[f"edge_{key}"] for key in own if f"edge_{key}" in held}}
        for name, held in state["hosts"].items()  # type: ignore[attr-defined]
        if name not in ("harbour", "blind")
    ]  # fmt: skip
    (directory / "run.json").write_text(json.dumps({"edges": edges, "errors": {}}), encoding="utf-8")
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [{"edge_path_audit": {"run_dir": str(directory), "domains": DOMAINS}}],
    }
    (directory / "steps.yml").write_text(json.dumps([play]), encoding="utf-8")  # JSON is YAML
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    here = f"ansible_python_interpreter={sys.executable}"
    return [[ansible, "-i", "localhost,", "-c", "local", "-e", here, str(directory / "steps.yml")]]


def add_others(environment: dict[str, str], first: int, last: int) -> None:
    """Buckets and roles that no edge uses."""
    given = {
        "region_name": environment["AWS_DEFAULT_REGION"],
        "endpoint_url": environment["AWS_ENDPOINT_URL"],
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
    }
    s3, iam = boto3.client("s3", **given), boto3.client("iam", **given)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}
    for number in range(first, last):
        place = {"LocationConstraint": environment["AWS_DEFAULT_REGION"]}
        s3.create_bucket(Bucket=f"others-{number:04d}", CreateBucketConfiguration=place)
        name = f"others-{number:04d}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": VERSION, "Statement": [trust]}))
        policy = json.dumps({"Version": VERSION, "Statement": [allow]})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)


def compare(directory: Path) -> None:
    state = json.loads((Path(os.environ["EDGEPATH_LAB_DIR"]) / "lab.json").read_text(encoding="utf-8"))
    log = Path(os.environ["EDGEPATH_LAB_DIR"]) / "log/moto.log"
    operator = state["credentials"]["operator"]
    theirs = {
        **os.environ, "AWS_ENDPOINT_URL": state["endpoints"]["aws"], "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_ACCESS_KEY_ID": operator["access_key_id"], "AWS_SECRET_ACCESS_KEY": operator["secret_access_key"],
    }  # fmt: skip
    (directory / "policies.json").write_text(json.dumps(CUSTODIAN_POLICIES), encoding="utf-8")
    tools = {"edgepath": (ours(directory, state), dict(os.environ), (0,))}
    prowler, custodian = found("PROWLER", "prowler"), found("CUSTODIAN", "custodian")
    if prowler:
        command = [
            prowler,
            "aws",
            "--region",
            "eu-west-2",
            "--checks",
            *PROWLER_CHECKS,
            "--output-formats",
            "json-ocsf",
            "--output-directory",
            str(directory / "prowler"),
            "--no-banner",
            "--no-color",
        ]
        tools["Prowler"] = ([command], theirs, (0, 3))
    if custodian:
        command = [custodian, "run", "--region", "eu-west-2", "--cache-period", "0", "-s", str(directory / "c7n"),
                   str(directory / "policies.json")]  # fmt: skip
        tools["Custodian"] = ([command], theirs, (0,))
    there = 0
    for others in OTHERS:
        add_others(theirs, there, others)
        there = others
        print(f"with {others} buckets and {others} roles of others")
        in_turn(tools, log)


def in_turn(tools: dict[str, tuple[list[list[str]], dict[str, str], tuple[int, ...]]], log: Path) -> None:
    """Each tool ROUNDS times, in turn; its medians, and the ratios."""
    costs: dict[str, list[Cost]] = {name: [] for name in tools}
    for _ in range(ROUNDS):
        for name, (commands, environment, allowed) in tools.items():
            costs[name].append(measured(commands, log, environment, allowed))
    middle = {name: middle_of(held) for name, held in costs.items()}
    for name, cost in middle.items():
        print(f"  {name:<10} wall {cost.wall:6.1f} s   cpu {cost.cpu:6.1f} s   calls {cost.calls:5.0f}")
    own = middle["edgepath"]
    if "Prowler" in middle:
        judge("processor time / Prowler's", own.cpu / middle["Prowler"].cpu, 0.2)
        judge("calls / Prowler's", own.calls / max(1, middle["Prowler"].calls), 0.2)
    if "Custodian" in middle:
        judge("wall time / Custodian's", own.wall / middle["Custodian"].wall, 1.0)


def middle_of(held: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, part) for cost in held) for part in ("wall", "cpu", "calls")))


def judge(what: str, ratio: float, target: float) -> None:
    print(f"{what}: {ratio:.2f} (target {target:g}: {'reached' if ratio <= target else 'MISSED'})")


def found(variable: str, name: str) -> str | None:
    program = os.environ.get(variable) or shutil.which(name)
    if program is None:
        print(f"  {name} is not installed; left out (name it in {variable})")
    return program


def main() -> None:
    if "EDGEPATH_LAB_DIR" in os.environ:
        with tempfile.TemporaryDirectory() as directory:
            compare(Path(directory))
        return
    with tempfile.TemporaryDirectory() as directory:
        lab = [sys.executable, "-m", "lab", "run", "--dir", f"{directory}/lab", "--edges", EDGES, "--"]
        subprocess.run([*lab, sys.executable, __file__], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
