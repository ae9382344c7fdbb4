# SPDX-License-Identifier: GPL-3.0-or-later
"""How many calls of AWS the audit of 50 buckets and 50 roles makes, permissions and buckets together; target: 300.

    python benchmarks/iam_calls.py

Starts moto's server on loopback. Four rows: permissions alone, with the account's details readable and refused; and
both domains, for buckets without versions and for buckets with versions, object lock and replication. Each setting of a
bucket is a call of its own in S3, so that the last row is the most that buckets can cost. Where the whole account
blocks public access, no bucket is asked for its own block: each row states its sum for such an account as well. moto's
ListBuckets does not tell the buckets' regions, as that of AWS does; the region is put in, lest each be asked for it.
Exits 0 whatever it finds; each row says whether it reached the target.
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
from edge.bucket.facts import gather as read_buckets  # noqa: E402
from edge.finding import Unread  # noqa: E402
from edge.iam.facts import gather as read_permissions  # noqa: E402
from edge.run import Run, Step  # noqa: E402
from edge.targets import Edge  # noqa: E402

PAIRS = 50
MOST = 300
ACCOUNT = "123456789012"
REGION = "eu-west-2"
DETAILS = "iam:GetAccountAuthorizationDetails"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def seed(url: str) -> None:
    """50 roles, each with an inline and two managed policies, one of them shared; 50 plain buckets and 50 with all."""
    iam, s3, kms = (boto3.client(name, region_name=REGION, endpoint_url=url) for name in ("iam", "s3", "kms"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    shared = iam.create_policy(PolicyName="shared", PolicyDocument=document(allow))["Policy"]["Arn"]
    for number in range(PAIRS):
        name = f"edge-{number:03d}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(allow))
        own = iam.create_policy(PolicyName=f"{name}-export", PolicyDocument=document(allow))["Policy"]["Arn"]
        for arn in (shared, own):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        for kind in ("plain", "full"):
            _bucket(s3, f"{kind}-{number:03d}", key, full=kind == "full")


def _bucket(s3: Any, name: str, key: str, full: bool) -> None:
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=full)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}  # fmt: skip
    s3.put_bucket_policy(Bucket=name, Policy=document(deny))
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=rules)


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
def as_on_aws(refuse: str | None = None) -> Iterator[None]:
    """Puts the region into the answer of ListBuckets, and refuses one permission."""
    real = aws.Account.read

    def read(self: aws.Account, service: str, operation: str, *arguments: Any, **parameters: Any) -> Any:
        if refuse is not None and aws.permission_of(service, operation) == refuse:
            self.calls[refuse] += 1
            return Unread("denied", refuse, "account", "refused", (refuse,))
        answer = real(self, service, operation, *arguments, **parameters)
        return [{**item, "BucketRegion": REGION} for item in answer] if operation == "list_buckets" else answer

    aws.Account.read = read  # type: ignore[method-assign]
    try:
        yield
    finally:
        aws.Account.read = real  # type: ignore[method-assign]


def alone(url: str) -> Counter[str]:
    with tempfile.TemporaryDirectory() as directory:
        return Counter(read_permissions(edges(url, "plain"), Run(directory))[1])


def report(title: str, calls: Counter[str]) -> None:
    total, blocks = sum(calls.values()), calls["s3:GetBucketPublicAccessBlock"]
    reached = " and ".join(
        f"{count} ({'reached' if count <= MOST else 'missed'})" for count in sorted({total, total - blocks})
    )
    print(f"{title}: {reached} calls, target {MOST}; {total / PAIRS:.1f} a pair")
    for permission, count in calls.most_common():
        print(f"    {permission:42} {count:4}")


def main() -> int:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    seed(url)
    with as_on_aws():
        report("permissions alone", alone(url))
        report("permissions and buckets without versions", both(url, "plain"))
        report("permissions and buckets with versions, lock and replication", both(url, "full"))
    with as_on_aws(refuse=DETAILS):
        report("permissions alone, the account's details refused", alone(url))
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
