# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy documents of the lab's account."""

from __future__ import annotations

import json
from typing import Any

from .process import PROJECT
from .world import ACCOUNT, REGION, role_arn

Document = dict[str, Any]

AUDIT_ROLE = "edgepath-audit"
BLIND_AUDIT_ROLE = "edgepath-audit-blind"
CONVERGE_ROLE = "edgepath-converge"
PREFIX = "exports/"

_OBJECT_READS = ("s3:GetObject", "s3:GetObjectVersion")
_OBJECT_WRITES = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
_BUCKET_READS = ("s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation", "s3:GetEncryptionConfiguration")

# The very policy that the documentation hands out: what it leaves out, no test of the lab can read.
_AUDIT: list[Document] = json.loads((PROJECT / "docs/policies/audit.json").read_text(encoding="utf-8"))["Statement"]
# And what it hands out for converge, which may read what the audit reads.
_CHANGES = (PROJECT / "docs/policies/converge.json").read_text(encoding="utf-8")
_CONVERGE: list[Document] = json.loads(_CHANGES)["Statement"]
# What the other audit role is kept from: half of what decides whether an export gets through.
BLIND_TO = (
    "ec2:DescribeManagedPrefixLists",
    "ec2:DescribeNetworkAcls",
    "ec2:GetManagedPrefixListEntries",
    "iam:GetPolicyVersion",
    "iam:GetRolePolicy",
    "kms:GetKeyPolicy",
    "s3:GetBucketPolicy",
    "s3:GetLifecycleConfiguration",
)


def document(*statements: Document) -> str:
    """A policy document of these statements, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _statement(sid: str, effect: str, actions: Any, resources: Any = None, **more: Any) -> Document:
    given: Document = {"Sid": sid, "Effect": effect, **more, "Action": actions}
    return given if resources is None else {**given, "Resource": resources}


def bucket_arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}"


def trust_service(service: str) -> str:
    """Trust policy of a role that a service takes on."""
    principal = {"Service": service}
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def trust_user(user: str) -> str:
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{user}"}
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def auditor() -> str:
    """The base credentials may do one thing: take on a role of edgepath's."""
    roles = [role_arn("edgepath-audit*"), role_arn(CONVERGE_ROLE)]
    return document(_statement("TakeOnRoles", "Allow", "sts:AssumeRole", roles))


def operator() -> str:
    """For tests: everything, in a lab."""
    return document(_statement("Everything", "Allow", "*", "*"))


def audit() -> str:
    return document(*_AUDIT)


def converge() -> str:
    return document(*_AUDIT, *_CONVERGE)


def audit_blind() -> str:
    return document(
        *_AUDIT,
        _statement("NotTheseThough", "Deny", list(BLIND_TO), "*"),
    )


def export(bucket: str, key_arn: str) -> str:
    """Exactly what an export of recordings needs."""
    return document(
        _statement("Recordings", "Allow", [*_OBJECT_READS, *_OBJECT_WRITES], f"{bucket_arn(bucket)}/{PREFIX}*"),
        _statement("Bucket", "Allow", list(_BUCKET_READS), bucket_arn(bucket)),
        _statement("Key", "Allow", ["kms:Decrypt", "kms:GenerateDataKey"], key_arn),
    )


def export_denied(bucket: str, key_arn: str) -> str:
    """A policy with the two mistakes that are made most: no write, and listing granted on the objects."""
    return document(
        _statement("Recordings", "Allow", [*_OBJECT_READS, *_BUCKET_READS], f"{bucket_arn(bucket)}/*"),
        _statement("Key", "Allow", ["kms:Decrypt", "kms:GenerateDataKey"], key_arn),
    )


def boundary(key_arn: str) -> str:
    """The most that an edge's role can ever have."""
    recordings = [bucket_arn("euw2-recordings-*"), bucket_arn("euw2-recordings-*/*")]
    return document(
        _statement("Recordings", "Allow", "s3:*", recordings),
        _statement("Key", "Allow", ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], key_arn),
    )


def endpoint() -> str:
    """Policy of the gateway endpoint: the recordings' buckets, for anyone whom their own policies let in."""
    recordings = [bucket_arn("euw2-recordings-*"), bucket_arn("euw2-recordings-*/*")]
    return document(_statement("Recordings", "Allow", "s3:*", recordings, Principal="*"))


def bucket(name: str, endpoint_id: str) -> str:
    """Encrypted transport alone; objects through the gateway endpoint alone."""
    both = [bucket_arn(name), f"{bucket_arn(name)}/*"]
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    elsewhere = {"StringNotEquals": {"aws:SourceVpce": endpoint_id}}
    objects = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    return document(
        _statement("EncryptedTransport", "Deny", "s3:*", both, Principal="*", Condition=insecure),
        _statement("ThroughTheEndpoint", "Deny", objects, both[1], Principal="*", Condition=elsewhere),
    )


def replication(copies: str) -> str:
    """What S3 needs to copy new recordings to another bucket."""
    reads = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
    settings = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    return document(
        _statement("Source", "Allow", settings, bucket_arn("euw2-recordings-*")),
        _statement("Versions", "Allow", reads, bucket_arn("euw2-recordings-*/*")),
        _statement("Copies", "Allow", ["s3:ReplicateObject", "s3:ReplicateTags"], f"{bucket_arn(copies)}/*"),
    )


def key(roles: list[str]) -> str:
    """Key policy: the account administers it, the edges' roles use it through S3."""
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    users = {"AWS": [role_arn(role) for role in roles]}
    through = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    actions = ["kms:Decrypt", "kms:GenerateDataKey"]
    return document(
        _statement("Administration", "Allow", "kms:*", "*", Principal=root),
        _statement("Export", "Allow", actions, "*", Principal=users, Condition=through),
    )
