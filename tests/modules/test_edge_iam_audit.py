# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through its main(), against moto's server as AWS."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest
from ansible.module_utils.edge.aws import Account, permission_of
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.iam.catalogue import CATALOGUE
from ansible.module_utils.edge.run import Run, Step, write_json
from ansible.module_utils.testing import patch_module_args

from lab.process import Server, free_ports
from tests.unit.iam.edges import document, egress

MODULE = importlib.import_module("edge_iam_audit")
ACCOUNT = "123456789012"
BUCKET = "acme-recordings"
ARN = f"arn:aws:s3:::{BUCKET}"
ENDPOINT = "vpce-0123456789abcdef0"
SECONDS = 60.0
CONFIG = botocore.config.Config(
    connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
)
TRUST = document([{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}])
PERIMETER = document(
    [
        {
            "Sid": "Endpoint",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"{ARN}/*",
            "Condition": {"StringNotEquals": {"aws:SourceVpce": ENDPOINT}},
        }
    ]
)


def client(service: str, url: str) -> Any:
    return boto3.client(service, region_name="eu-west-2", endpoint_url=url, aws_access_key_id="testing",
                        aws_secret_access_key="testing", config=CONFIG)  # fmt: skip


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server("moto", command, tmp_path_factory.mktemp("moto") / "moto.log")
    url = f"http://127.0.0.1:{port}"

    def serving() -> bool:
        try:
            client("s3", url).list_buckets()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return False
        return True

    try:
        server.wait(serving, SECONDS)
        seed(url)
        yield url
    finally:
        server.stop()


def seed(url: str) -> None:
    iam, s3, kms = client("iam", url), client("s3", url), client("kms", url)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(PERIMETER))
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    policy = document([{"Sid": "Root", "Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}])
    key = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
    )
    objects = ["s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    keyed = ["kms:GenerateDataKey", "kms:Decrypt"]
    roles = {
        "edge-good": ([*objects, "s3:PutObject"], ARN, keyed),
        "edge-mute": (objects, ARN, keyed),
        "edge-listless": ([*objects, "s3:PutObject", "s3:ListBucket"], f"{ARN}/*", keyed),
        "edge-keyless": ([*objects, "s3:PutObject"], ARN, keyed[:1]),
    }
    for name, (allowed, listed, on_key) in roles.items():
        statements = [
            {"Sid": "Objects", "Effect": "Allow", "Action": allowed, "Resource": f"{ARN}/calls/*"},
            {"Sid": "Bucket", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": listed},
            {"Sid": "Key", "Effect": "Allow", "Action": on_key, "Resource": key},
        ]
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        made = iam.create_policy(PolicyName=f"{name}-export", PolicyDocument=json.dumps(document(statements)))
        iam.attach_role_policy(RoleName=name, PolicyArn=made["Policy"]["Arn"])


@pytest.fixture
def audit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Runs the module for edges in a run in which egress found the way through the endpoint."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")

    def run(*edges: dict[str, Any], way: Any = None) -> dict[str, Any]:
        directory = str(tmp_path)
        held = egress(endpoint_policy=None, role_arn=None) if way is None else way
        write_json(f"{directory}/run.json", {"edges": list(edges)})
        Run(directory).store(Step("egress", facts={edge["name"]: held for edge in edges}))
        with patch_module_args({"run_dir": directory}), pytest.raises(SystemExit) as ended:
            MODULE.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert ended.value.code == 0, result
        assert "findings" not in result
        stored = Run(directory).step("iam")
        return {**result, "findings": stored["findings"], "facts": stored["facts"]}

    return run


def edge(url: str, role: str, **changes: Any) -> dict[str, Any]:
    """An edge with a role of the account; its longest export ends within a session."""
    return {
        "name": role,
        "region": "eu-west-2",
        "aws_endpoint_url": url,
        "bucket": BUCKET,
        "prefix": "calls/",
        "instance_id": "i-0123456789abcdef0",
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
        "payload": {"longest_minutes": 60},
        **changes,
    }


def of(result: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    found = {item["check"]: item for item in result["findings"] if item["edge"] == name}
    assert set(found) == set(CATALOGUE)
    return found


def failing(result: dict[str, Any], name: str) -> set[str]:
    return {check for check, item in of(result, name).items() if item["status"] == "fail"}


# Nothing was read on the edge, so nothing is known of keys in its settings.
OPEN = {"IAM-17"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("edge-good", set()),
        ("edge-mute", {"IAM-04", "IAM-05"}),
        ("edge-listless", {"IAM-02", "IAM-12", "IAM-22"}),
        ("edge-keyless", {"IAM-03", "IAM-05", "IAM-06", "IAM-20"}),
        ("edge-nobody", {"IAM-01"}),
    ],
)
def test_each_role_fails_where_it_must(aws: str, audit: Any, role: str, expected: set[str]) -> None:
    result = audit(edge(aws, role))
    assert result["changed"] is False and result["errors"] == {}
    assert failing(result, role) == expected
    if role != "edge-nobody":
        assert {check for check, item in of(result, role).items() if item["status"] == "unknown"} == OPEN


def test_the_call_that_fails_is_named(aws: str, audit: Any) -> None:
    found = of(audit(edge(aws, "edge-keyless")), "edge-keyless")["IAM-05"]
    assert found["observed"].startswith("a small PutObject works; UploadPart fails: kms:Decrypt is not granted")
    assert found["fix"]["statement"]["Action"] == ["kms:Decrypt"] and found["fix"]["proof"]["proven"] is True


def test_off_the_endpoint_the_bucket_policy_stands_in_the_way(aws: str, audit: Any) -> None:
    route = {"kind": "nat_gateway", "id": "nat-1", "source_ip": "203.0.113.7"}
    way = egress(route=route, routes=[route], endpoint_policy=None, role_arn=None)
    found = of(audit(edge(aws, "edge-good"), way=way), "edge-good")
    assert (found["IAM-04"]["status"], found["IAM-04"]["hop"]) == ("fail", "bucket_policy")
    assert "fix" not in found["IAM-07"]  # the policy is right, and the way is wrong


def test_many_edges_share_what_is_read(aws: str, audit: Any) -> None:
    fleet = [edge(aws, "edge-good", name=f"edge-{number}") for number in range(20)]
    calls = audit(*fleet)["calls"]
    assert calls["s3:GetBucketPolicy"] == calls["iam:GetRole"] == calls["kms:GetKeyPolicy"] == 1


def test_without_a_run_the_way_is_not_known(
    aws: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with patch_module_args({"edges": [edge(aws, "edge-mute")]}), pytest.raises(SystemExit):
        MODULE.main()
    result = json.loads(capsys.readouterr().out)
    found = {item["check"]: item["status"] for item in result["findings"]}
    assert (found["IAM-04"], found["IAM-02"]) == ("fail", "unknown")
    assert result["edge_facts"]["edge-mute"]["principal_arn"].endswith("edge-mute")


PERMISSIONS = (
    "sts:GetCallerIdentity", "iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetPolicy",
    "iam:GetPolicyVersion", "s3:ListAllMyBuckets", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration",
    "kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants", "organizations:DescribeOrganization",
)  # fmt: skip
ORDER = {"fail": 0, "unknown": 0, "not_applicable": 1, "pass": 2}


@pytest.mark.parametrize("permission", PERMISSIONS)
@pytest.mark.parametrize("role", ["edge-good", "edge-keyless"])
def test_no_denied_call_makes_the_report_greener(
    aws: str, audit: Any, monkeypatch: pytest.MonkeyPatch, role: str, permission: str
) -> None:
    before = of(audit(edge(aws, role)), role)
    real = Account.read

    def read(self: Account, service: str, operation: str, *arguments: Any, **parameters: Any) -> Any:
        if permission_of(service, operation) == permission:
            return Unread(
                "denied", permission, "it", f"cannot read it: AccessDenied (needs {permission})", (permission,)
            )
        return real(self, service, operation, *arguments, **parameters)

    monkeypatch.setattr(Account, "read", read)
    after = of(audit(edge(aws, role)), role)
    for check, item in after.items():
        assert ORDER[item["status"]] <= ORDER[before[check]["status"]], (check, item)
        assert not (before[check]["status"] == "pass" and item["status"] == "fail"), (check, item)
    told = {name for item in after.values() for name in item["permissions"]}
    # Grants matter only where the key's policy does not allow, its description only where the bucket names no ARN.
    assert permission in told or permission in ("kms:ListGrants", "kms:DescribeKey")


def test_storage_of_another_kind_is_left_to_a_probe(aws: str, audit: Any) -> None:
    on_prem = {"name": "on-prem", "storage_kind": "s3_compatible", "storage_endpoint": aws, "bucket": BUCKET}
    found = of(
        audit(on_prem, way={"in_aws": False, "role_arn": None, "route": None, "endpoint_policy": None}), "on-prem"
    )
    assert found["IAM-04"]["reason"] == "not_collected" and "only a probe can tell" in found["IAM-04"]["observed"]
    assert found["IAM-14"]["status"] == "not_applicable"


def test_a_bad_edge_does_not_keep_the_others_from_being_judged(aws: str, audit: Any) -> None:
    result = audit(edge(aws, "edge-good"), {"name": "bad", "bucket": "Not A Bucket"})
    assert "bad" in result["errors"] and failing(result, "edge-good") == set()
