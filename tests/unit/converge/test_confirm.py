# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service makes of a change is the change; what it does not make of it is none."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.converge.cloud.ec2 import rule
from ansible.module_utils.edge.converge.confirm import made, same
from ansible.module_utils.edge.converge.model import CLOUD, ObjectChange, Ref

AES = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
KMS = {
    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"},
    "BucketKeyEnabled": True,
}
ABORT = {"ID": "tidy", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
EXPIRES = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 1}}
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def _policy(**more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", **more}]}


def _without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


# kind, before, wanted, what the service says then
MADE: list[tuple[str, Any, Any, Any]] = [
    ("bucket_encryption", None, [AES], [{**AES, "BucketKeyEnabled": False}]),
    ("bucket_encryption", None, [AES], [{**AES, "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}}]),
    ("bucket_lifecycle", None, {"Rules": [_without(ABORT, "ID")]}, {"Rules": [{**ABORT, "ID": "made-by-s3"}]}),
    ("bucket_lifecycle", None, {"Rules": [{**ABORT, "Filter": {"Prefix": ""}}]}, {"Rules": [{**ABORT, "Filter": {}}]}),
    ("bucket_lifecycle", {"Rules": [EXPIRES]}, {"Rules": [EXPIRES, ABORT]}, {"Rules": [ABORT, EXPIRES]}),
    ("bucket_lifecycle", {"Rules": [EXPIRES]}, {"Rules": [ABORT]}, {"Rules": [ABORT], "Later": "all"}),
    ("public_access_block", None, {BLOCKS[0]: True}, {BLOCKS[0]: True, **dict.fromkeys(BLOCKS[1:], False)}),
    ("bucket_versioning", {"status": None, "mfa_delete": None}, {"status": "Enabled", "mfa_delete": None},
     {"status": "Enabled", "mfa_delete": "Disabled"}),
    ("bucket_policy", None, _policy(Principal={"AWS": "123456789012"}),
     _policy(Principal={"AWS": "arn:aws:iam::123456789012:root"})),
    ("trust_policy", None, _policy(Principal={"AWS": ["arn:aws-cn:iam::123456789012:root"]}),
     _policy(Principal={"AWS": "123456789012"})),
    ("bucket_policy", None, _policy(Principal="*"), _policy(Principal={"AWS": ["*"]})),
    ("bucket_policy", None, _policy(Resource="*"), _policy(Resource=["*"])),
    ("key_policy", None, _without(_policy(Resource="*"), "Version"), {**_policy(Resource="*"), "Id": "key-default"}),
    ("max_session_duration", 3600, 7200, 7200),
]  # fmt: skip
NOT_MADE: list[tuple[str, Any, Any, Any]] = [
    ("bucket_encryption", None, [AES], None),
    ("bucket_encryption", [AES], [KMS], [AES]),
    ("bucket_encryption", None, [KMS], [{**KMS, "BucketKeyEnabled": False}]),
    ("bucket_encryption", None, [AES], [AES, AES]),
    ("bucket_lifecycle", {"Rules": [EXPIRES]}, {"Rules": [_without(EXPIRES, "Expiration")]}, {"Rules": [EXPIRES]}),
    ("bucket_lifecycle", {"Rules": [EXPIRES]}, {"Rules": [EXPIRES, ABORT]}, {"Rules": [EXPIRES]}),
    ("bucket_lifecycle", {"Rules": [EXPIRES]}, {"Rules": [EXPIRES, ABORT]}, {"Rules": [ABORT]}),
    ("bucket_lifecycle", None, {"Rules": [ABORT]}, {"Rules": [{**ABORT, "Status": "Disabled"}]}),
    ("public_access_block", None, {BLOCKS[0]: True}, dict.fromkeys(BLOCKS, False)),
    ("bucket_versioning", None, {"status": "Enabled", "mfa_delete": None}, {"status": None, "mfa_delete": None}),
    ("bucket_policy", None, _policy(Principal={"AWS": "123456789012"}), _policy(Principal={"AWS": "210987654321"})),
    ("bucket_policy", None, _policy(Principal={"AWS": "123456789012"}),
     _policy(Principal={"AWS": "arn:aws:iam::123456789012:role/x"})),
    ("bucket_policy", _policy(Condition={"Bool": {"a": "b"}}), _policy(), _policy(Condition={"Bool": {"a": "b"}})),
    ("object_lock", {"mode": "GOVERNANCE", "days": 1}, {"mode": None, "days": None}, {"mode": "GOVERNANCE", "days": 1}),
    ("max_session_duration", 3600, 7200, 3600),
]  # fmt: skip


def _change(kind: str, before: Any, after: Any) -> ObjectChange:
    return ObjectChange(Ref(CLOUD, kind, "x"), before, after)


@pytest.mark.parametrize(("kind", "before", "wanted", "found"), MADE)
def test_what_the_service_makes_of_a_change_is_the_change(kind: str, before: Any, wanted: Any, found: Any) -> None:
    assert made(_change(kind, before, wanted), found)
    assert not made(_change(kind, before, wanted), before)


@pytest.mark.parametrize(("kind", "before", "wanted", "found"), NOT_MADE)
def test_what_was_not_made_is_not_taken_for_it(kind: str, before: Any, wanted: Any, found: Any) -> None:
    assert not made(_change(kind, before, wanted), found)


def test_a_state_of_another_form_is_itself_alone() -> None:
    for kind in ("bucket_policy", "bucket_lifecycle", "bucket_encryption", "public_access_block", "file", "unheard_of"):
        assert same(kind, {"odd": 1}, {"odd": 1}) and not same(kind, {"odd": 1}, {"odd": 2})
        assert not same(kind, None, {"odd": 1}) and same(kind, None, None) and not same(kind, 7, None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (("6", 443, 443, "cidr", "10.1.2.3/16"), ("tcp", 443, "10.1.0.0/16")),
        (("tcp", 443, 443, "cidr", "2001:DB8:0:0::/32"), ("tcp", 443, "2001:db8::/32")),
        (("-1", -1, -1, "cidr", "10.0.0.0/8"), ("-1", None, "10.0.0.0/8")),
        (("tcp", 443, 443, "prefix_list", "pl-1"), ("tcp", 443, "pl-1")),
    ],
)
def test_a_rule_is_written_as_ec2_will_tell_it(given: Any, kept: Any) -> None:
    found = rule(*given)
    assert (found["protocol"], found["from"], found["source"]) == kept
