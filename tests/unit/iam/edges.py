# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of an edge whose every call is allowed, what egress left for it, and short ways to change them."""

from __future__ import annotations

import copy
from typing import Any

from ansible.module_utils.edge.finding import Finding, Unread
from ansible.module_utils.edge.iam.case import Case
from ansible.module_utils.edge.iam.checks import judge
from ansible.module_utils.edge.targets import Edge

ACCOUNT = "123456789012"
OTHER = "999999999999"
BUCKET = "acme-recordings"
ARN = f"arn:aws:s3:::{BUCKET}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/edge-export"
KEY = f"arn:aws:kms:eu-west-2:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ENDPOINT = "vpce-0123456789abcdef0"
INSTANCE = "i-0123456789abcdef0"
DENIED = Unread("denied", "iam:GetRolePolicy", "policy", "cannot read policy: AccessDenied", ("iam:GetRolePolicy",))

EDGE: dict[str, Any] = {
    "name": "london-1",
    "instance_id": INSTANCE,
    "region": "eu-west-2",
    "bucket": BUCKET,
    "prefix": "calls/",
    "export_config_path": "/etc/export.yml",
    "export_config_keys": {"versions": "export.versions"},
}
IDENTITY: list[dict[str, Any]] = [
    {
        "Sid": "Recordings",
        "Effect": "Allow",
        "Action": [
            "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
        ],
        "Resource": f"{ARN}/calls/*",
    },
    {"Sid": "Bucket", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketVersions"], "Resource": ARN},
    {"Sid": "Key", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": KEY},
]  # fmt: skip
BOUNDARY: list[dict[str, Any]] = [
    {"Effect": "Allow", "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]},
    {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": KEY},
]
PERIMETER: list[dict[str, Any]] = [
    {
        "Sid": "Tls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [ARN, f"{ARN}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    },
    {
        "Sid": "Endpoint",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
        "Resource": f"{ARN}/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": [ENDPOINT]}},
    },
]
KEY_POLICY: list[dict[str, Any]] = [
    {
        "Sid": "Root",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
]
TRUST = [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]


def document(statements: Any) -> dict[str, Any]:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": copy.deepcopy(statements)}


def named(name: str, statements: Any) -> dict[str, Any]:
    """A policy as facts hold it."""
    return {"name": name, "arn": f"arn:aws:iam::{ACCOUNT}:policy/{name}", "document": document(statements)}


def edge(**changes: Any) -> Edge:
    """The edge; changes are its variables without their prefix."""
    return Edge.from_mapping({**EDGE, **changes})


def facts(**changes: Any) -> dict[str, Any]:
    """The facts in which nothing is wrong; `principal` and `asks` are merged, the rest replaced."""
    base: dict[str, Any] = {
        "observed": "2026-11-22T10:00:00+00:00",
        "caller": {"account": ACCOUNT, "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/audit/edgepath-audit"},
        "principal_arn": ROLE,
        "principal_from": "instance_profile",
        "principal": {
            "kind": "role",
            "arn": ROLE,
            "id": "AROAEXAMPLEEXAMPLE123",
            "policies": [named("export", IDENTITY)],
            "boundary": named("limit", BOUNDARY),
            "trust": document(TRUST),
            "max_session_seconds": 3600,
            "tags": {},
            "access_keys": None,
        },
        "organisation": None,
        "bucket_account": ACCOUNT,
        "bucket_policy": document(PERIMETER),
        "encryption": {
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
                 "BucketKeyEnabled": True}
            ]
        },
        "key": {"Arn": KEY, "AWSAccountId": ACCOUNT, "KeyState": "Enabled", "KeyManager": "CUSTOMER"},
        "key_policy": document(KEY_POLICY),
        "key_grants": [],
        "asks": {"versions": True, "legal_hold": None, "retention": None},
        "static_keys": [],
    }  # fmt: skip
    for name, value in changes.items():
        merged = name in ("principal", "asks") and isinstance(value, dict)
        base[name] = {**base[name], **value} if merged else value
    return base


def egress(**changes: Any) -> dict[str, Any]:
    """What the egress step left: the way through a gateway endpoint."""
    route = {"kind": "gateway_endpoint", "id": ENDPOINT, "source_ip": None, "state": "allow"}
    return {
        "in_aws": True,
        "route": route,
        "routes": [route],
        "endpoint_policy": {
            "id": ENDPOINT,
            "document": document(
                [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}]
            ),
        },
        "vpc_id": "vpc-0abc",
        "private_addresses": ["10.0.0.5"],
        "role_arn": ROLE,
        **changes,
    }


def nat(address: str | None = "203.0.113.7", **changes: Any) -> dict[str, Any]:
    """What the egress step left: the way through a NAT gateway."""
    route = {"kind": "nat_gateway", "id": "nat-0abc", "source_ip": address, "state": "allow"}
    return egress(route=route, routes=[route], endpoint_policy=None, **changes)


def judged(held: Any = None, way: Any = None, on: Edge | None = None) -> dict[str, Finding]:
    """The findings by check."""
    found = judge(on or edge(), facts() if held is None else held, {"egress": egress() if way is None else way})
    return {finding.check: finding for finding in found}


def case(held: Any = None, way: Any = None, on: Edge | None = None) -> Case:
    return Case.of(on or edge(), facts() if held is None else held, {"egress": egress() if way is None else way})


def without(statements: list[dict[str, Any]], *actions: str) -> list[dict[str, Any]]:
    """The statements without some actions."""
    kept = copy.deepcopy(statements)
    for statement in kept:
        statement["Action"] = [name for name in statement["Action"] if name not in actions]
    return [statement for statement in kept if statement["Action"]]


def identity(statements: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Facts whose principal has one policy of these statements; `boundary` is the principal's, the rest are facts."""
    limit = {"boundary": changes.pop("boundary")} if "boundary" in changes else {}
    return facts(principal={"policies": [named("export", statements)], **limit}, **changes)
