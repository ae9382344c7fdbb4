# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through its main(), against moto's server as AWS and SeaweedFS as S3-compatible storage."""

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
from ansible.module_utils.testing import patch_module_args

from lab import servers
from lab.process import Server, free_ports

MODULE = importlib.import_module("edge_bucket_audit")
ROLE = "arn:aws:iam::123456789012:role/edge"
ELSEWHERE = "arn:aws:iam::999999999999:role/edge"
KEY = "calls/a.wav"
ALL_BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
SECONDS = 60.0
READ_FOR_TESTS = botocore.config.Config(
    connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
)


def client(service: str, url: str, region: str = "eu-west-2") -> Any:
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=READ_FOR_TESTS,
    )


def serving(url: str) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            client("s3", url).list_buckets()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return False
        return True

    return ask


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    log = tmp_path_factory.mktemp("moto") / "moto.log"
    server = Server("moto", command, log, {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"})
    url = f"http://127.0.0.1:{port}"
    try:
        server.wait(serving(url), SECONDS)
        yield url
    finally:
        server.stop()


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    ports = servers.object_store_ports()
    home = tmp_path_factory.mktemp("seaweedfs")
    (home / "data").mkdir()
    weed = Path(sys.executable).with_name("weed")
    options = [f"-dir={home / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-volume.max=200",
               "-master.volumeSizeLimitMB=128", "-s3.iam.readOnly=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
               "-master.telemetry=false", *(f"-{name}={port}" for name, port in ports.items())]  # fmt: skip
    command = [str(weed), "-logtostderr=true", f"-config_dir={servers.settings(home / 'data')}", "server", *options]
    server = Server("SeaweedFS", command, home / "weed.log")
    server.sockets = servers.sockets(ports)
    url = f"http://127.0.0.1:{ports['s3.port']}"

    def writable() -> bool:
        try:
            s3 = client("s3", url)
            s3.create_bucket(Bucket="probe")
            s3.put_object(Bucket="probe", Key="k", Body=b"x")
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            return "BucketAlreadyExists" in str(error)
        return True

    try:
        server.wait(writable, SECONDS)
        yield url
    finally:
        server.stop()


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")

    def run(*edges: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        with patch_module_args({"edges": list(edges), **parameters}), pytest.raises(SystemExit) as ended:
            MODULE.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert ended.value.code == 0, result
        return result

    return run


def edge(url: str, bucket: str, **changes: Any) -> dict[str, Any]:
    return {"name": "london-1", "region": "eu-west-2", "aws_endpoint_url": url, "bucket": bucket, "prefix": "calls/",
            "role_arn": ROLE, **changes}  # fmt: skip


def compatible(url: str, bucket: str, **changes: Any) -> dict[str, Any]:
    return {"name": "on-prem", "storage_kind": "s3_compatible", "storage_endpoint": url, "bucket": bucket,
            "prefix": "calls/", **changes}  # fmt: skip


def statuses(result: dict[str, Any]) -> dict[str, str]:
    assert len(result["findings"]) == 26
    return {finding["check"]: finding["status"] for finding in result["findings"]}


def finding(result: dict[str, Any], check: str) -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in result["findings"] if item["check"] == check)
    return found


def make(s3: Any, bucket: str, region: str = "eu-west-2", lock: bool = False) -> None:
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=lock, **where)


def policy(bucket: str) -> str:
    arn = f"arn:aws:s3:::{bucket}"
    both = [arn, f"{arn}/*"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": both}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {**deny, "Sid": "Tls", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
                {**deny, "Sid": "Perimeter", "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}},
            ],
        }
    )


def encrypt(s3: Any, bucket: str, key: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_a_good_bucket_in_aws(aws: str, audit: Callable[..., dict[str, Any]]) -> None:
    s3, bucket = client("s3", aws), "acme-good"
    make(s3, bucket, lock=True)
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 90}}
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
    )
    tidy = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}  # fmt: skip
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [tidy]})
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=ALL_BLOCKED)
    encrypt(s3, bucket, client("kms", aws).create_key()["KeyMetadata"]["Arn"])
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"OggS", ObjectLockLegalHoldStatus="ON")
    held = statuses(audit(edge(aws, bucket, recording_keys=[KEY])))
    assert [held[f"BUCKET-{number}"] for number in ("09", "16", "17", "18")] == ["pass"] * 4
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket))
    found = statuses(audit(edge(aws, bucket)))
    assert {check for check, status in found.items() if status == "fail"} == {"BUCKET-19"}
    assert {check for check, status in found.items() if status == "unknown"} == set()
    # moto denies objects by the policy without its conditions: a recording that may not be looked at is unknown.
    blind = statuses(audit(edge(aws, bucket, recording_keys=[KEY])))
    assert [blind[f"BUCKET-{number}"] for number in ("09", "16")] == ["unknown"] * 2


def test_a_bad_bucket_in_aws(aws: str, audit: Callable[..., dict[str, Any]]) -> None:
    s3, kms, bucket = client("s3", aws), client("kms", aws), "acme-bad"
    make(s3, bucket)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.schedule_key_deletion(KeyId=key.rpartition("/")[2], PendingWindowInDays=7)
    encrypt(s3, bucket, key)
    rules = [
        {"ID": "month", "Status": "Enabled", "Filter": {"Prefix": "calls/"}, "Expiration": {"Days": 30}},
        {"ID": "cold", "Status": "Enabled", "Filter": {"Prefix": ""},
         "Transitions": [{"Days": 7, "StorageClass": "GLACIER"}]},
    ]  # fmt: skip
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"OggS", StorageClass="GLACIER")
    result = audit(edge(aws, bucket, recording_keys=[KEY, "calls/none.wav"]))
    found = statuses(result)
    failing = {"05", "07", "09", "10", "13", "15", "16", "18", "19", "21", "22", "23", "24"}
    assert {check[-2:] for check, status in found.items() if status == "fail"} == failing
    assert "PendingDeletion" in finding(result, "BUCKET-21")["observed"]
    assert "is deleted for good" in finding(result, "BUCKET-10")["observed"]
    assert finding(result, "BUCKET-10")["fix"]["rules"] == ["month"]
    assert "calls/none.wav has no versions" in finding(result, "BUCKET-18")["observed"]


@pytest.mark.parametrize(("state", "fix"), [("disable_key", "enable_key"), (None, None)])
def test_the_state_of_the_key(
    aws: str, audit: Callable[..., dict[str, Any]], state: str | None, fix: str | None
) -> None:
    s3, kms, bucket = client("s3", aws), client("kms", aws), f"acme-key-{state or 'good'}".replace("_", "-")
    make(s3, bucket)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    encrypt(s3, bucket, key)
    if state is not None:
        getattr(kms, state)(KeyId=key.rpartition("/")[2])
    found = finding(audit(edge(aws, bucket)), "BUCKET-21")
    assert found["status"] == ("fail" if state else "pass")
    assert found["resource"] == key
    assert found.get("fix", {}).get("action") == fix


def test_a_key_that_does_not_exist_blocks(aws: str, audit: Callable[..., dict[str, Any]]) -> None:
    s3, bucket = client("s3", aws), "acme-no-key"
    make(s3, bucket)
    encrypt(s3, bucket, "arn:aws:kms:eu-west-2:123456789012:key/00000000-0000-0000-0000-000000000000")
    assert "no such key" in finding(audit(edge(aws, bucket)), "BUCKET-21")["observed"]


def test_another_region_blocks(aws: str, audit: Callable[..., dict[str, Any]]) -> None:
    make(client("s3", aws, "us-east-1"), "acme-virginia", "us-east-1")
    found = finding(audit(edge(aws, "acme-virginia")), "BUCKET-02")
    assert found["status"] == "fail"
    assert found["fix"]["endpoint"] == "s3.us-east-1.amazonaws.com"


def test_an_absent_bucket(aws: str, audit: Callable[..., dict[str, Any]]) -> None:
    found = statuses(audit(edge(aws, "acme-nowhere")))
    assert found.pop("BUCKET-01") == "fail"
    assert set(found.values()) == {"not_applicable"}


def test_delete_markers_and_several_versions(aws: str, audit: Callable[..., dict[str, Any]]) -> None:
    s3, bucket = client("s3", aws), "acme-versions"
    make(s3, bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key=KEY, Body=body)
    s3.delete_object(Bucket=bucket, Key=KEY)
    result = audit(edge(aws, bucket, recording_keys=[KEY]))
    assert "1 given and 1 sampled" in finding(result, "BUCKET-17")["observed"]
    assert "2 versions" in finding(result, "BUCKET-18")["observed"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert "suspended" in finding(audit(edge(aws, bucket)), "BUCKET-05")["observed"]


def test_fifty_buckets(aws: str, audit: Callable[..., dict[str, Any]]) -> None:
    s3 = client("s3", aws)
    names = [f"acme-many-{number}" for number in range(50)]
    for name in names:
        make(s3, name)
    result = audit(*(edge(aws, name, name=name) for name in names))
    assert len(result["findings"]) == 50 * 26
    # moto names no region in ListBuckets, so each bucket costs a HeadBucket, and has no block of the whole account.
    assert sum(result["calls"].values()) <= 50 * 7 + 2


def test_edges_that_share_a_bucket_cost_no_more_than_one(aws: str, audit: Callable[..., dict[str, Any]]) -> None:
    make(client("s3", aws), "acme-shared")
    one = audit(edge(aws, "acme-shared"))["calls"]
    many = audit(*(edge(aws, "acme-shared", name=f"e{number}") for number in range(20)))["calls"]
    assert many == one


def test_a_run_directory_takes_the_step(aws: str, audit: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    make(client("s3", aws), "acme-run")
    result = audit(edge(aws, "acme-run"), run_dir=str(tmp_path))
    assert "findings" not in result
    step = json.loads((tmp_path / "bucket.json").read_text())
    assert len(step["findings"]) == 26
    assert step["facts"]["london-1"]["versioning"] is None


def test_nothing_answers(audit: Callable[..., dict[str, Any]]) -> None:
    (port,) = free_ports(1)
    found = statuses(audit(compatible(f"http://127.0.0.1:{port}", "acme-off")))
    assert found["BUCKET-01"] == found["BUCKET-05"] == found["BUCKET-10"] == "unknown"
    # What needs no answer of the storage is judged all the same.
    assert {check for check, status in found.items() if status == "pass"} == set()


def test_compatible_storage_with_lock_and_hold(storage: str, audit: Callable[..., dict[str, Any]]) -> None:
    s3, bucket = client("s3", storage), "locked"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"OggS", ObjectLockLegalHoldStatus="ON")
    s3.put_object(Bucket=bucket, Key="calls/free.wav", Body=b"OggS")
    result = audit(compatible(storage, bucket, recording_keys=[KEY, "calls/free.wav"]))
    found = statuses(result)
    assert [found[f"BUCKET-{number}"] for number in ("01", "05", "07", "18", "25")] == ["pass"] * 5
    assert [found[f"BUCKET-{number}"] for number in ("02", "03", "22")] == ["not_applicable"] * 3
    assert found["BUCKET-08"] == "fail"
    assert finding(result, "BUCKET-09")["fix"]["keys"] == ["calls/free.wav"]
    assert statuses(audit(compatible(storage, bucket, recording_keys=[KEY])))["BUCKET-09"] == "pass"


def test_compatible_storage_with_versions_and_lifecycle(storage: str, audit: Callable[..., dict[str, Any]]) -> None:
    s3, bucket = client("s3", storage), "versions"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key=KEY, Body=body)
    s3.put_object(Bucket=bucket, Key="calls/gone.wav", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="calls/gone.wav")
    rule = {"ID": "month", "Status": "Enabled", "Filter": {"Prefix": "calls/"}, "Expiration": {"Days": 30}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    result = audit(compatible(storage, bucket, recording_keys=[KEY]))
    assert "hidden by a delete marker" in finding(result, "BUCKET-10")["observed"]
    assert "calls/gone.wav" in finding(result, "BUCKET-17")["observed"]
    assert "2 versions" in finding(result, "BUCKET-18")["observed"]
    assert finding(result, "BUCKET-07")["fix"]["after"] == []


def test_compatible_storage_without_the_bucket(storage: str, audit: Callable[..., dict[str, Any]]) -> None:
    assert statuses(audit(compatible(storage, "nowhere")))["BUCKET-01"] == "fail"
