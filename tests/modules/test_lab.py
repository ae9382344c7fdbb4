# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded lab, run for real: what it serves, whom it refuses, and that nothing of it stays."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import dns.message
import dns.query
import dns.rcode
import pytest
from botocore.exceptions import ClientError

from lab import lifecycle, policies, seed, world
from lab.process import process_start

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]
PATIENCE = 60.0


def lab(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False, **options)


def until(question: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("lab") / "one"
    up = lab("up", "--dir", str(path), "--edges", "2")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "lab ready in" in up.stdout
    assert path.stat().st_mode & 0o077 == 0, "others may look into a directory that holds keys"
    servers = json.loads((path / "lab.json").read_text())["servers"].values()
    yield path
    down = lab("down", "--dir", str(path))
    assert down.returncode == 0, down.stdout + down.stderr
    assert not path.exists()
    assert [process_start(pid) for pid in servers] == [None] * len(servers)


@pytest.fixture(scope="module")
def state(directory: Path) -> dict[str, Any]:
    found = lifecycle.running(directory)
    assert found is not None
    return found


def reader(state: dict[str, Any], role: str) -> Callable[[str], Any]:
    """Makes clients with the credentials that the auditor gets for a role."""
    url = state["endpoints"]["aws"]
    sts = seed.client("sts", url, state["credentials"]["auditor"])
    got = sts.assume_role(RoleArn=world.role_arn(role), RoleSessionName="test")["Credentials"]
    session = boto3.session.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], world.REGION)
    return lambda service: session.client(service, endpoint_url=url)


def code_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "allowed"


# --- What it serves


def test_the_managed_prefix_list_holds_the_regions_real_prefixes(state: dict[str, Any]) -> None:
    ec2 = reader(state, policies.AUDIT_ROLE)("ec2")
    named = [{"Name": "prefix-list-name", "Values": [f"com.amazonaws.{world.REGION}.s3"]}]
    (found,) = ec2.describe_managed_prefix_lists(Filters=named)["PrefixLists"]
    entries = ec2.get_managed_prefix_list_entries(PrefixListId=found["PrefixListId"])["Entries"]
    assert found["OwnerId"] == "AWS"
    assert sorted(entry["Cidr"] for entry in entries) == sorted(world.PREFIXES["ipv4"])
    assert (len(world.PREFIXES["ipv4"]), len(world.PREFIXES["ipv6"])) == (13, 12)


def within(addresses: tuple[str, ...], prefixes: list[str]) -> int:
    networks = [ipaddress.ip_network(prefix) for prefix in prefixes]
    return sum(any(ipaddress.ip_address(address) in network for network in networks) for address in addresses)


def test_the_addresses_lie_where_the_edges_need_them() -> None:
    earlier = world.PREFIXES["earlier"]
    pinned = {edge.name: edge.egress for edge in world.EDGES if edge.egress != "list"}
    assert within(world.S3_ADDRESSES, world.PREFIXES["ipv4"]) == 8
    assert within(world.S3_ADDRESSES_V6, world.PREFIXES["ipv6"]) == 2
    assert within(world.S3_ADDRESSES, earlier[pinned["walled"]]) == 0
    assert within(world.S3_ADDRESSES, earlier[pinned["patchy"]]) == 6
    assert within((world.FORMER_S3_ADDRESS,), world.PREFIXES["ipv4"]) == 0
    assert within((world.FORMER_S3_ADDRESS,), earlier["2019-05-31-21-59-04"]) == 1


@pytest.mark.parametrize("transport", [dns.query.udp, dns.query.tcp])
@pytest.mark.parametrize("server", world.NAME_SERVERS)
def test_names_resolve_as_amazons_do(state: dict[str, Any], server: str, transport: Callable[..., Any]) -> None:
    def ask(name: str, kind: str) -> Any:
        query = dns.message.make_query(name, kind)
        return transport(query, server, port=state["endpoints"]["dns_port"], timeout=60)

    def addresses(name: str, kind: str) -> set[str]:
        return {item.to_text() for each in ask(name, kind).answer for item in each if each.rdtype.name == kind}

    endpoint = "s3.eu-west-2.amazonaws.com"
    assert addresses(endpoint, "A") == set(world.S3_ADDRESSES)
    assert {each.ttl for each in ask(endpoint, "A").answer} == {5}
    assert addresses(f"euw2-recordings-london.{endpoint}", "A") == set(world.S3_ADDRESSES)
    assert addresses(endpoint, "AAAA") == set()
    assert addresses("s3.dualstack.eu-west-2.amazonaws.com", "AAAA") == set(world.S3_ADDRESSES_V6)
    assert addresses(world.OBJECT_STORE_NAME, "A") == {"127.0.0.1"}
    assert ask("no-such-name.eu-west-2.amazonaws.com", "A").rcode() == dns.rcode.NXDOMAIN


def test_every_edge_has_its_instance_its_rules_and_its_role(state: dict[str, Any]) -> None:
    ec2 = reader(state, policies.AUDIT_ROLE)("ec2")
    for edge in world.AWS_EDGES:
        identifier = state["hosts"][edge.name]["edge_instance_id"]
        (reservation,) = ec2.describe_instances(InstanceIds=[identifier])["Reservations"]
        (instance,) = reservation["Instances"]
        assert instance["IamInstanceProfile"]["Arn"].endswith(f"/edge-{edge.name}")
        (interface,) = instance["NetworkInterfaces"]
        groups = [group["GroupId"] for group in interface["Groups"]]
        (group,) = ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]
        lists = {item["PrefixListId"] for rule in group["IpPermissionsEgress"] for item in rule["PrefixListIds"]}
        ranges = {item["CidrIp"] for rule in group["IpPermissionsEgress"] for item in rule["IpRanges"]}
        assert lists == ({state["network"]["prefix_list"]} if edge.egress == "list" else set())
        assert set(world.PREFIXES["earlier"].get(edge.egress, [])) <= ranges
        assert "0.0.0.0/0" not in ranges


def test_the_edges_subnet_reaches_storage_through_the_gateway_endpoint(state: dict[str, Any]) -> None:
    ec2 = reader(state, policies.AUDIT_ROLE)("ec2")
    of_subnet = [{"Name": "association.subnet-id", "Values": [state["network"]["subnet"]]}]
    (table,) = ec2.describe_route_tables(Filters=of_subnet)["RouteTables"]
    routes = {
        route.get("DestinationPrefixListId") or route.get("DestinationCidrBlock"): route for route in table["Routes"]
    }
    assert routes[state["network"]["prefix_list"]]["GatewayId"] == state["network"]["endpoint"]
    assert routes["0.0.0.0/0"]["NatGatewayId"] == state["network"]["nat_gateway"]


def test_the_object_store_holds_versions_and_parts(state: dict[str, Any]) -> None:
    s3 = seed.client("s3", state["endpoints"]["object_store"], state["credentials"]["auditor"])
    versions = s3.list_object_versions(Bucket=world.OBJECT_STORE_BUCKET)["Versions"]
    keys = [version["Key"] for version in versions]
    assert any(keys.count(key) == 2 for key in keys)
    (long,) = [version for version in versions if version["Key"].endswith("-long.wav")]
    assert long["ETag"].strip('"').endswith("-3")
    refused = code_of(lambda: s3.put_object(Bucket=world.OBJECT_STORE_BUCKET, Key="x", Body=b"x"))
    assert refused == "AccessDenied"


def test_trees_are_complete(state: dict[str, Any]) -> None:
    for name, variables in state["hosts"].items():
        root = Path(variables["edge_root"])
        texts = {path: path.read_text() for path in root.rglob("*") if path.is_file()}
        assert (root / "etc/resolv.conf").read_text().count("nameserver 127.0.53.") == 2
        assert not [path for path, text in texts.items() if "$" in text], name
    assert "3128" in (Path(state["hosts"]["london"]["edge_root"]) / "opt/edge/export.yaml").read_text()
    assert world.FORMER_S3_ADDRESS in (Path(state["hosts"]["stale"]["edge_root"]) / "etc/hosts").read_text()


# --- Whom it refuses

READS: dict[str, tuple[str, Callable[[Any, dict[str, Any]], Any]]] = {
    "ec2:DescribeManagedPrefixLists": ("ec2", lambda c, s: c.describe_managed_prefix_lists()),
    "ec2:DescribeNetworkAcls": ("ec2", lambda c, s: c.describe_network_acls()),
    "ec2:GetManagedPrefixListEntries": (
        "ec2",
        lambda c, s: c.get_managed_prefix_list_entries(PrefixListId=s["network"]["prefix_list"]),
    ),
    "iam:GetPolicyVersion": (
        "iam",
        lambda c, s: c.get_policy_version(
            PolicyArn=f"arn:aws:iam::{world.ACCOUNT}:policy/recording-export-blind", VersionId="v1"
        ),
    ),
    "iam:GetRolePolicy": (
        "iam",
        lambda c, s: c.get_role_policy(RoleName=policies.AUDIT_ROLE, PolicyName="read-the-path"),
    ),
    "kms:GetKeyPolicy": ("kms", lambda c, s: c.get_key_policy(KeyId=s["key_arn"], PolicyName="default")),
    "s3:GetBucketPolicy": ("s3", lambda c, s: c.get_bucket_policy(Bucket="euw2-recordings-blind")),
    "s3:GetLifecycleConfiguration": (
        "s3",
        lambda c, s: c.get_bucket_lifecycle_configuration(Bucket="euw2-recordings-blind"),
    ),
}
OWN_CODES = {
    "ec2": "UnauthorizedOperation",
    "iam": "AccessDenied",
    "kms": "AccessDeniedException",
    "s3": "AccessDenied",
}


def test_every_denial_of_the_blind_role_is_tried() -> None:
    assert sorted(READS) == sorted(policies.BLIND_TO)


@pytest.mark.parametrize("permission", sorted(READS))
def test_the_blind_role_is_denied_what_the_other_reads(state: dict[str, Any], permission: str) -> None:
    service, read = READS[permission]
    seeing, blind = (reader(state, role)(service) for role in (policies.AUDIT_ROLE, policies.BLIND_AUDIT_ROLE))
    assert code_of(lambda: read(seeing, state)) == "allowed"
    assert code_of(lambda: read(blind, state)) == OWN_CODES[service]


def test_the_blind_role_still_reads_the_rest(state: dict[str, Any]) -> None:
    clients = reader(state, policies.BLIND_AUDIT_ROLE)
    assert code_of(lambda: clients("ec2").describe_security_groups()) == "allowed"
    assert code_of(lambda: clients("iam").get_role(RoleName="edge-blind")) == "allowed"
    assert code_of(lambda: clients("s3").get_bucket_encryption(Bucket="euw2-recordings-blind")) == "allowed"


def test_nobody_reads_without_the_right_to(state: dict[str, Any]) -> None:
    url = state["endpoints"]["aws"]
    auditor = seed.client("ec2", url, state["credentials"]["auditor"])
    stranger = seed.client("ec2", url)
    audit = reader(state, policies.AUDIT_ROLE)
    assert code_of(auditor.describe_instances) == "UnauthorizedOperation"
    assert code_of(stranger.describe_instances) == "AuthFailure"
    assert code_of(lambda: audit("iam").create_user(UserName="x")) == "AccessDenied"
    assert code_of(lambda: audit("s3").get_object(Bucket="euw2-recordings-london", Key="x")) == "AccessDenied"


# --- The inventory


def inventory(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("ansible-inventory")
    return subprocess.run(
        [str(program), *arguments],
        cwd=ROOT,
        env={**os.environ, "EDGEPATH_LAB_DIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_the_inventory_lists_the_edges(directory: Path, state: dict[str, Any]) -> None:
    listed = json.loads(inventory(directory, "-i", "inventories/lab", "--list").stdout)
    hosts = {*listed["on_aws"]["hosts"], *listed["s3_compatible"]["hosts"]}
    assert hosts == {*(edge.name for edge in world.EDGES), "fleet-001", "fleet-002"}
    variables = listed["_meta"]["hostvars"]
    assert len({variables[host]["edge_root"] for host in hosts}) == len(hosts)
    assert variables["fleet-002"]["edge_interface_id"].startswith("eni-")
    assert variables["harbour"]["edge_storage_endpoint"].startswith(f"http://{world.OBJECT_STORE_NAME}:")
    for edge in world.AWS_EDGES:
        # The name is written in the inventory for people to read, and in the lab that makes the bucket.
        bucket = variables[edge.name]["edge_bucket"].replace("{{ inventory_hostname }}", edge.name)
        assert bucket == edge.bucket
        assert variables[edge.name]["edge_aws_endpoint_url"] == state["endpoints"]["aws"]


def test_without_a_lab_the_inventory_says_so(tmp_path: Path) -> None:
    answer = inventory(tmp_path, "-i", "inventories/lab", "--list")
    assert "the lab is not running; start it with" in answer.stderr
    assert "the lab is not running" in json.loads(answer.stdout)["_meta"]["hostvars"]["london"]["edge_root"]


def test_the_example_inventory_is_valid(tmp_path: Path) -> None:
    from ansible.module_utils.edge.targets import edges_from, from_variables

    listed = json.loads(inventory(tmp_path, "-i", "inventories/example", "--list").stdout)
    given = [from_variables(name, listed["_meta"]["hostvars"][name]) for name in listed["edges"]["hosts"]]
    edges, errors = edges_from(given)
    assert not errors
    assert [edge.name for edge in edges] == ["london-1", "london-2"]


# --- That nothing of it stays


def test_run_hands_on_its_environment_and_the_commands_status(tmp_path: Path) -> None:
    path = tmp_path / "lab"
    script = "import json, os, sys; print(json.dumps(dict(os.environ))); sys.exit(7)"
    hostile = {**os.environ, "AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "x", "HTTP_PROXY": "http://127.0.0.1:9"}
    done = lab("run", "--dir", str(path), "--", sys.executable, "-c", script, env=hostile)
    assert done.returncode == 7, done.stderr
    given = json.loads(done.stdout.splitlines()[-1])
    assert given["EDGEPATH_LAB_DIR"] == str(path)
    assert given["AWS_ACCESS_KEY_ID"].startswith("AKIA")
    assert given["AWS_EC2_METADATA_DISABLED"] == "true"
    assert "127.0.0.1" in given["NO_PROXY"]
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(given)
    assert not path.exists()


def test_a_killed_lab_leaves_no_process_and_a_second_runs_beside_the_first(directory: Path, tmp_path: Path) -> None:
    path = tmp_path / "lab"
    note = tmp_path / "pid"
    script = f"echo $$ > {note}; kill -KILL $PPID; exec sleep 600"
    done = lab("run", "--dir", str(path), "--", "sh", "-c", script)
    assert done.returncode == -signal.SIGKILL
    left = json.loads((path / "lab.json").read_text())
    for pid in (*left["servers"].values(), int(note.read_text())):
        until(lambda pid=pid: process_start(pid) is None)
    assert lifecycle.running(path) is None
    assert lifecycle.running(directory) is not None
    swept = lab("down", "--dir", str(path))
    assert "removed what a killed lab had left" in swept.stdout
    assert not path.exists()


def test_a_signal_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lab"
    command = [sys.executable, "-m", "lab", "run", "--dir", str(path), "--", "true"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "name server ready" in process.stdout.readline()
    process.terminate()
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    process.stdout.close()
    assert not path.exists()


def test_one_directory_holds_one_lab(directory: Path) -> None:
    again = lab("up", "--dir", str(directory))
    assert again.returncode == 1
    assert "a lab runs in" in again.stderr
    assert lifecycle.running(directory) is not None


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    refused = lab("up", "--dir", str(tmp_path))
    assert refused.returncode == 1
    assert "holds files that are not the lab's" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert lab("down", "--dir", str(tmp_path)).stdout.startswith("no lab runs in")


def test_env_speaks_to_a_shell(directory: Path) -> None:
    said = lab("env", "--dir", str(directory)).stdout
    assert f"export EDGEPATH_LAB_DIR={directory}" in said
    assert "export AWS_SECRET_ACCESS_KEY=" in said
