# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a bucket in which nothing is wrong, and the edge that goes with them."""

from __future__ import annotations

import copy
from typing import Any

from ansible.module_utils.edge.bucket.checks import judge
from ansible.module_utils.edge.finding import Finding
from ansible.module_utils.edge.targets import Edge

ACCOUNT = "123456789012"
KEY_ARN = f"arn:aws:kms:eu-west-2:{ACCOUNT}:key/1111"
KEY = "calls/2026/a.wav"

EDGE: dict[str, Any] = {
    "name": "london-1",
    "region": "eu-west-2",
    "bucket": "acme-recordings",
    "prefix": "calls/",
    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/edge",
    "export_config_path": "/etc/export.yml",
    "export_config_keys": {"versions": "export.versions"},
    "recording_keys": [KEY],
}

ENTRY: dict[str, Any] = {
    "key": KEY,
    "version_id": "v1",
    "created": "2026-11-01T10:30:00+00:00",
    "size": 10_000_000,
    "storage_class": "STANDARD",
    "current": True,
    "marker": False,
    "noncurrent_since": None,
    "newer_noncurrent": 0,
    "only_version": True,
    "restored": False,
}

NOTHING: dict[str, Any] = {"count": 0, "first": []}

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Tls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::acme-recordings", "arn:aws:s3:::acme-recordings/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "Endpoint",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": ["s3:GetObject*", "s3:PutObject*"],
            "Resource": "arn:aws:s3:::acme-recordings/*",
            "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}},
        },
    ],
}

FACTS: dict[str, Any] = {
    "bucket": "acme-recordings",
    "prefix": "calls/",
    "observed": "2026-11-22T12:00:00+00:00",
    "owner": {"account": ACCOUNT, "owned": True},
    "export_account": ACCOUNT,
    "location": {"exists": True, "region": "eu-west-2", "moved": False},
    "versioning": "Enabled",
    "mfa_delete": None,
    "object_lock": {"enabled": True, "mode": "COMPLIANCE", "days": 365, "years": None},
    "lifecycle": {
        "Rules": [
            {
                "ID": "tidy",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    },
    "replication": {
        "Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Destination": {"Bucket": "arn:aws:s3:::copy"}}]
    },
    "encryption": {"algorithm": "aws:kms", "key_id": KEY_ARN},
    "key": {"Arn": KEY_ARN, "KeyState": "Enabled", "Enabled": True, "KeyManager": "CUSTOMER", "DeletionDate": None},
    "public_access_block": {
        "bucket": dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
        "account": None,
    },
    "bucket_policy": POLICY,
    "request_payment": {"payer": "BucketOwner", "exempt": None},
    "sample": {
        "truncated": False,
        "versions": 1,
        "markers": 0,
        "keys": 1,
        "storage_classes": {"STANDARD": 1},
        "archived": NOTHING,
        "hidden": NOTHING,
        "several": NOTHING,
        "below": {"": 1},
        "oldest": [ENTRY],
    },
    "keys": [
        {
            "key": KEY,
            "versions": [ENTRY],
            "head": {"VersionId": "v1", "ContentLength": 10_000_000},
            "legal_hold": True,
            "retain_until": "2027-11-01T10:30:00+00:00",
            "tags": None,
        }
    ],
    "export_config": {"path": "/etc/export.yml", "key": "export.versions", "value": True},
}


def facts(**changes: Any) -> dict[str, Any]:
    """The good facts with some of them changed."""
    return {**copy.deepcopy(FACTS), **copy.deepcopy(changes)}


def edge(**changes: Any) -> Edge:
    return Edge.from_mapping({**EDGE, **changes})


def findings(of: dict[str, Any], **edge_changes: Any) -> dict[str, Finding]:
    """The findings by check."""
    found = judge(edge(**edge_changes), of, {})
    table = {finding.check: finding for finding in found}
    assert len(table) == len(found)
    return table
