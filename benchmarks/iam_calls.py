# SPDX-License-Identifier: GPL-3.0-or-later
"""How many calls of AWS the audit of 50 buckets and 50 roles makes, permissions and buckets together; target: 300.

    python benchmarks/iam_calls.py

Starts moto's server on loopback, with three kinds of bucket: plain (never versioned), kept (versions, a lifecycle that
expires, SSE-KMS) and full (all of that, object lock with a default retention, and replication). Each setting of a
bucket is a call of its own in S3, so each kind is audited four times: in an account in which AWS Config records the
buckets and in one in which it does not, with the block of public access on the account and on each bucket. Two more
rows are of permissions alone, with the account's details readable and refused.

What moto lacks is put into its answers: the buckets' regions in ListBuckets, the block of the whole account, and what
AWS Config records, in the form of its resource schema, from the settings as they were made here. Exits 0 whatever it
finds; each row says whether it reached the target.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils"), str(ROOT)]
os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", MOTO_EC2_LOAD_DEFAULT_AMIS="false")

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

from edge import aws  # noqa: E402
from edge.bucket import reader  # noqa: E402
from edge.bucket.facts import gather as read_buckets  # noqa: E402
from edge.finding import Unread  # noqa: E402
from edge.iam.facts import gather as read_permissions  # noqa: E402
from edge.run import Run, Step  # noqa: E402
from edge.targets import Edge  # noqa: E402

PAIRS = 50
MOST = 300
COPIES = "arn:aws:s3:::copies"
ACCOUNT = "123456789012"
REGION = "eu-west-2"
KINDS = {
    "plain": "never versioned",
    "kept": "versions and a lifecycle, SSE-KMS",
    "full": "versions, lock, replication and a lifecycle, SSE-KMS",
}
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
DETAILS = "iam:GetAccountAuthorizationDetails"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def seed(url: str) -> None:
    """50 roles, each with an inline and two managed policies, one of them shared; 50 buckets of each kind."""
    iam, s3, kms = (boto3.client(name, region_name=REGION, endpoint_url=url) for name in ("iam", "s3", "kms"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    shared = iam.create_policy(PolicyName="shared", PolicyDocument=document(allow))["Policy"]["Arn"]
    _bucket(s3, "copies", key, "kept")
    for number in range(PAIRS):
        name = f"edge-{number:03d}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(allow))
        own = iam.create_policy(PolicyName=f"{name}-export", PolicyDocument=document(allow))["Policy"]["Arn"]
        for arn in (shared, own):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        for kind in KINDS:
            _bucket(s3, f"{kind}-{number:03d}", key, kind)


def _bucket(s3: Any, name: str, key: str, kind: str) -> None:
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=kind == "full")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}  # fmt: skip
    s3.put_bucket_policy(Bucket=name, Policy=document(deny))
    default = {"SSEAlgorithm": "AES256"} if kind == "plain" else {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=rules)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, True))
    if kind == "plain":
        return
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    expire = {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""},
              "NoncurrentVersionExpiration": {"NoncurrentDays": 365}}  # fmt: skip
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [expire]})
    if kind == "full":
        retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": retention}
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
        rule = {"ID": "copy", "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""},
                "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": COPIES}}  # fmt: skip
        copying = {"Role": f"arn:aws:iam::{ACCOUNT}:role/edge-000", "Rules": [rule]}
        s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=copying)


def recorded(name: str) -> dict[str, Any]:
    """The configuration item of a bucket that `_bucket` made, as AWS Config would hold it."""
    kind = name.partition("-")[0]
    default = {"sseAlgorithm": "AES256" if kind == "plain" else "aws:kms"}
    parts: dict[str, Any] = {
        "BucketVersioningConfiguration": {
            "status": "Off" if kind == "plain" else "Enabled",
            "isMfaDeleteEnabled": None,
        },
        "ServerSideEncryptionConfiguration": {"rules": [{"applyServerSideEncryptionByDefault": default}]},
        "PublicAccessBlockConfiguration": {f"{block[0].lower()}{block[1:]}": True for block in BLOCKS},
        "IsRequesterPaysEnabled": "false",
    }
    if kind != "plain":
        default["kmsMasterKeyID"] = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/recorded"
    if kind == "full":
        retention = {"defaultRetention": {"mode": "COMPLIANCE", "days": 365}}
        parts["ObjectLockConfiguration"] = {"objectLockEnabled": "Enabled", "rule": retention}
    return {
        "resourceId": name,
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-11-20T02:00:00+00:00",
        "recordingFrequency": "CONTINUOUS",
        "supplementaryConfiguration": {part: json.dumps(value) for part, value in parts.items()},
    }


def edges(url: str, kind: str) -> list[Edge]:
    return [
        Edge(
            f"edge-{number:03d}",
            region=REGION,
            aws_endpoint_url=url,
            bucket=f"{kind}-{number:03d}",
            prefix="calls/",
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/edge-{number:03d}",
        )
        for number in range(PAIRS)
    ]


def both(url: str, kind: str) -> Counter[str]:
    """The calls of both domains in one run, the second taking what the first has read."""
    fleet = edges(url, kind)
    with tempfile.TemporaryDirectory() as directory:
        run = Run(directory)
        facts, calls = read_permissions(fleet, run)
        run.store(Step("iam", facts=facts))
        return Counter(calls) + Counter(read_buckets(fleet, Run(directory))[1])


@contextmanager
def as_on_aws(refuse: str | None = None, config: bool = False, blocked: bool = False) -> Iterator[None]:
    """Answers what moto does not. refuse: a permission; config: whether AWS Config records; blocked: the account."""
    real = aws.Account.read

    def read(self: aws.Account, service: str, operation: str, *arguments: Any, **parameters: Any) -> Any:
        permission = aws.permission_of(service, operation)
        if service == "config":
            self.calls[permission] += 1
            if operation == "batch_get_resource_config":
                return [recorded(key["resourceId"]) for key in parameters["resourceKeys"]]
            return [{"recording": True, "lastStatus": "SUCCESS"}] if config else []
        if refuse == permission:
            self.calls[refuse] += 1
            return Unread("denied", refuse, "account", "refused", (refuse,))
        answer = real(self, service, operation, *arguments, **parameters)
        return [{**item, "BucketRegion": REGION} for item in answer] if operation == "list_buckets" else answer

    def block(account: aws.Account, _account_id: Any) -> Any:
        account.calls[reader.ACCOUNT_BLOCK] += 1
        return dict.fromkeys(BLOCKS, True) if blocked else None

    kept = reader.Owner._access_block
    aws.Account.read = read  # type: ignore[method-assign]
    reader.Owner._access_block = staticmethod(block)  # type: ignore[method-assign]
    try:
        yield
    finally:
        aws.Account.read = real  # type: ignore[method-assign]
        reader.Owner._access_block = staticmethod(kept)  # type: ignore[method-assign]


def alone(url: str) -> Counter[str]:
    with tempfile.TemporaryDirectory() as directory:
        return Counter(read_permissions(edges(url, "plain"), Run(directory))[1])


def report(title: str, calls: Counter[str], detailed: bool) -> None:
    total = sum(calls.values())
    print(
        f"{'reached' if total <= MOST else 'MISSED '}  {total:4} calls "
        f"(target {MOST}), {total / PAIRS:.1f} a pair: {title}"
    )
    for permission, count in calls.most_common() if detailed else ():
        print(f"             {permission:42} {count:4}")


def main() -> int:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    seed(url)
    for kind, words in KINDS.items():
        for config in (True, False):
            for blocked in (True, False):
                how = f"Config {'records' if config else 'does not'}, the {'account' if blocked else 'bucket'} blocks"
                with as_on_aws(config=config, blocked=blocked):
                    report(f"{words}; {how}", both(url, kind), detailed=not blocked)
    with as_on_aws():
        report("permissions alone", alone(url), detailed=True)
    with as_on_aws(refuse=DETAILS):
        report("permissions alone, the account's details refused", alone(url), detailed=True)
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
