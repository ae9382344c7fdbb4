# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented inventory by tag, as amazon.aws reads it of EC2."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest

from .conftest import BIN, ROOT

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("retrieving")]

EXAMPLE = ROOT / "inventories/example_ec2"


@pytest.fixture
def tagged(lab_environment: dict[str, str]) -> dict[str, str]:
    """Two of the lab's instances are edges by their tags, the second without a name; ``{"named", "nameless"}``."""
    state = json.loads((Path(lab_environment["EDGEPATH_LAB_DIR"]) / "lab.json").read_text(encoding="utf-8"))
    operator = state["credentials"]["operator"]
    ec2 = boto3.client("ec2", region_name=state["region"], endpoint_url=state["endpoints"]["aws"],
                       aws_access_key_id=operator["access_key_id"],
                       aws_secret_access_key=operator["secret_access_key"])  # fmt: skip
    ids = {name: state["hosts"][name]["edge_instance_id"] for name in ("healthy", "london", "walled")}
    tags = {
        "healthy": {"Role": "recording-edge", "Name": "london-1", "Site": "london", "RecordingBucket": "euw2-one"},
        "london": {"Role": "recording-edge"},
        "walled": {"Role": "web-server", "Name": "web-1"},
    }
    for name, wanted in tags.items():
        ec2.delete_tags(Resources=[ids[name]], Tags=[{"Key": "Name"}])
        ec2.create_tags(Resources=[ids[name]], Tags=[{"Key": key, "Value": value} for key, value in wanted.items()])
    return {"named": ids["healthy"], "nameless": ids["london"], "url": state["endpoints"]["aws"]}


def inventory(environment: dict[str, str], url: str, *arguments: str) -> Any:
    variables = {**os.environ, **environment, "PATH": f"{BIN}:{os.environ['PATH']}", "AWS_ENDPOINT_URL": url}
    command = ["ansible-inventory", "-i", str(EXAMPLE), *arguments]
    answer = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "parse" not in answer.stderr, answer.stderr
    return trusted(json.loads(answer.stdout))


def trusted(value: Any) -> Any:
    """Without the mark that ansible-inventory puts on text which came from outside."""
    if isinstance(value, dict):
        return value.get("__ansible_unsafe") or {key: trusted(item) for key, item in value.items()}
    return [trusted(item) for item in value] if isinstance(value, list) else value


def test_edges_are_found_by_their_tag(lab_environment: dict[str, str], tagged: dict[str, str]) -> None:
    listed = inventory(lab_environment, tagged["url"], "--list")
    assert sorted(listed["edges"]["hosts"]) == sorted(["london-1", tagged["nameless"]])
    assert listed["site_london"]["hosts"] == ["london-1"]
    assert listed["site_unknown"]["hosts"] == [tagged["nameless"]]
    variables = listed["_meta"]["hostvars"]["london-1"]
    assert variables["edge_instance_id"] == tagged["named"]
    assert variables["edge_region"] == "eu-west-2"
    assert variables["edge_bucket"] == "euw2-one"
    assert variables["ansible_host"] == variables["ec2_private_ip_address"]
    # What all edges share comes of group_vars, and yields to what the instance's tags say.
    assert variables["edge_payload"]["longest_minutes"] == 240
    assert listed["_meta"]["hostvars"][tagged["nameless"]]["edge_bucket"] == "example-recordings"


@pytest.mark.parametrize("playbook", ["probe.yml", "retrieve.yml", "rollback.yml", "merge.yml", "schedule.yml"])
def test_nothing_ends_well_without_its_nodes(tmp_path: Path, playbook: str) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("all: {hosts: {edge-1: {}}}", encoding="utf-8")
    answer = subprocess.run(
        [BIN / "ansible-playbook", "-i", str(path), playbook],
        cwd=ROOT, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert f"the inventory has no {'control node' if playbook == 'schedule.yml' else 'edge'}" in answer.stdout
