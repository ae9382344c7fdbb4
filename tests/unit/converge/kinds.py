# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of cloud object that converge writes: what makes one in moto, and another state for it.

A kind that is missing here fails a test of test_cloud_faults.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import boto3
from ansible.module_utils.edge.converge.cloud import objects
from ansible.module_utils.edge.converge.cloud.api import Cloud
from ansible.module_utils.edge.converge.model import CLOUD, ObjectChange, Ref
from ansible.module_utils.edge.targets import Edge

REGION = "eu-west-2"
ACCOUNT = "123456789012"
EDGE = Edge.from_mapping({"name": "london", "region": REGION, "bucket": "recordings", "prefix": "exports/"})
AT_ONCE = (0.0,)
HTTPS = {"protocol": "tcp", "from": 443, "to": 443, "owner": None, "description": None}
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::recordings/*"}],
}
LATER = {
    **DOCUMENT,
    "Statement": [*DOCUMENT["Statement"], {"Sid": "B", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Clients(boto3.session.Session):
    """Makes each client once: that is what costs time, and what they talk to is made anew for each test."""

    made: ClassVar[dict[Any, Any]] = {}

    def client(self, name: str, *given: Any, **more: Any) -> Any:
        key = (name, more.get("region_name"))
        if key not in self.made:
            self.made[key] = super().client(name, *given, **more)
        return self.made[key]


SHARED = Clients("testing", "testing", region_name=REGION)


def _vpc(session: Any) -> str:
    return str(session.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def _group(session: Any) -> str:
    made = session.client("ec2").create_security_group(GroupName="edge", Description="Edge", VpcId=_vpc(session))
    return str(made["GroupId"])


def _acl(session: Any) -> str:
    return str(session.client("ec2").create_network_acl(VpcId=_vpc(session))["NetworkAcl"]["NetworkAclId"])


def _table(session: Any, vpc: str) -> str:
    return str(session.client("ec2").create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"])


def _endpoint(session: Any) -> str:
    vpc = _vpc(session)
    made = session.client("ec2").create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[_table(session, vpc)],
        PolicyDocument=json.dumps(DOCUMENT),
    )
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def _bucket(session: Any, lock: bool = False) -> str:
    session.client("s3").create_bucket(
        Bucket="recordings", CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectLockEnabledForBucket=lock
    )
    return "recordings"


def _role(session: Any) -> str:
    made = session.client("iam").create_role(
        RoleName="edge", Path="/edges/", Description="Exports", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    return str(made["Role"]["Arn"])


def _policy(session: Any) -> str:
    made = session.client("iam").create_policy(PolicyName="limit", PolicyDocument=json.dumps(DOCUMENT))
    return str(made["Policy"]["Arn"])


def _key(session: Any) -> str:
    return str(session.client("kms").create_key(Policy=json.dumps(DOCUMENT))["KeyMetadata"]["Arn"])


def _disabled(session: Any) -> str:
    key = _key(session)
    session.client("kms").disable_key(KeyId=key.rpartition("/")[2])
    return key


def _held(session: Any) -> str:
    bucket = _bucket(session, lock=True)
    session.client("s3").put_object(Bucket=bucket, Key="exports/a/b.opus", Body=b"OggS")
    # Where none was ever placed S3 says NoSuchObjectLockConfiguration, and moto an answer without its field.
    session.client("s3").put_object_legal_hold(Bucket=bucket, Key="exports/a/b.opus", LegalHold={"Status": "OFF"})
    return f"{bucket}/exports/a/b.opus"


def _suspended(session: Any) -> str:
    bucket = _bucket(session)
    given = {"Status": "Suspended"}
    session.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=given)
    return bucket


def add(*items: Any) -> Callable[[Any], Any]:
    return lambda before: sorted([*(before or []), *items], key=lambda item: json.dumps(item, sort_keys=True))


def entry(number: int, egress: bool, **more: Any) -> dict[str, Any]:
    made = {"number": number, "egress": egress, "protocol": "6", "from": 443, "to": 443, "icmp": None}
    return {**made, "action": "allow", "cidr": "52.95.148.0/23", **more}


ABORT = {
    "ID": "tidy",
    "Status": "Enabled",
    "Filter": {"Prefix": "exports/"},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
EXPIRY = {
    "ID": "old",
    "Status": "Enabled",
    "Filter": {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}]}},
    "Expiration": {"Date": "2031-01-01T00:00:00+00:00"},
}
AES = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
BLOCKS = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
OPEN = {"enabled": True, "mode": None, "days": None, "years": None}

# kind, what makes the object and names it, its state afterwards
CASES: list[tuple[str, Callable[[Any], str], Callable[[Any], Any]]] = [
    (
        "security_group_egress",
        _group,
        add(
            {**HTTPS, "kind": "cidr", "source": "52.95.148.0/23", "description": "S3"},
            {**HTTPS, "kind": "prefix_list", "source": "pl-7ca54015"},
        ),
    ),
    ("security_group_egress", _group, lambda before: []),
    ("security_group_ingress", _group, add({**HTTPS, "kind": "cidr", "source": "10.0.0.0/16"})),
    ("network_acl", _acl, add(entry(90, True), entry(90, False, **{"from": 1024, "to": 65535}))),
    ("vpc_attribute", lambda session: f"{_vpc(session)}/enableDnsHostnames", lambda before: not before),
    ("endpoint_route_tables", _endpoint, lambda before: []),
    ("endpoint_policy", _endpoint, lambda before: LATER),
    ("bucket_versioning", _suspended, lambda before: {**before, "status": "Enabled"}),
    ("bucket_lifecycle", _bucket, lambda before: {"Rules": [EXPIRY, ABORT]}),
    ("bucket_encryption", _bucket, lambda before: AES),
    (
        "bucket_policy",
        _bucket,
        lambda before: {**DOCUMENT, "Statement": [{**DOCUMENT["Statement"][0], "Principal": "*"}]},
    ),
    ("public_access_block", _bucket, lambda before: BLOCKS),
    (
        "object_lock",
        lambda session: _bucket(session, True),
        lambda before: {**before, "mode": "GOVERNANCE", "days": 30},
    ),
    ("object_legal_hold", _held, lambda before: True),
    ("inline_policy", lambda session: f"{_role(session)}/edgepath-export", lambda before: LATER),
    ("managed_policy", _policy, lambda before: LATER),
    ("trust_policy", _role, lambda before: {**before, "Statement": [{**before["Statement"][0], "Sid": "Instance"}]}),
    ("max_session_duration", _role, lambda before: 14400),
    ("key_policy", _key, lambda before: LATER),
    ("key_state", _disabled, lambda before: "Enabled"),
]
NAMES = [f"{kind}-{number}" for number, (kind, _, _) in enumerate(CASES)]


def read(kind: str, name: str) -> Any:
    ref = Ref(CLOUD, kind, name)
    state = objects.read(EDGE, [ref], Cloud(EDGE, SHARED))[ref.key]
    return json.loads(json.dumps(state))  # as the journal keeps it


def write(kind: str, name: str, before: Any, after: Any) -> None:
    objects.write(EDGE, ObjectChange(Ref(CLOUD, kind, name), before, after), Cloud(EDGE, SHARED), AT_ONCE)
