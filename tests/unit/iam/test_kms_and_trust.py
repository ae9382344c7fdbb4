# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, grants and trust: AWS KMS Developer Guide, "Key policies", "Grants"; AWS STS API Reference, AssumeRole."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.iam.engine import UNKNOWN, Grant
from ansible.module_utils.edge.iam.s3_calls import CALLS, permissions_for, status_of_missing_object

from tests.unit.iam.builders import (
    HOME,
    KEY,
    OBJECT,
    OTHER,
    ROLE,
    ROOT,
    SESSION,
    USER,
    allow,
    ask,
    deny,
    outcome,
    policy,
)

ALLOW, IMPLICIT = "allow", "implicit_deny"
EVERYTHING = policy(allow("*"), name="everything")
NOTHING = policy(allow("ec2:*"), name="nothing-of-kms")
DECRYPT = "kms:Decrypt"
STRANGER = f"arn:aws:sts::{OTHER}:assumed-role/Reader/s1"
TARGET = f"arn:aws:iam::{HOME}:role/Target"


def key_policy(principal: object, **more: object) -> object:
    return policy(allow("kms:*", principal=principal, **more), name="key")


# 4. A key policy with neither a root statement nor a direct grant: IAM policies are ignored for that key.


@pytest.mark.parametrize(
    ("entry", "identity", "expected"),
    [
        ({"AWS": ROOT}, EVERYTHING, ALLOW),
        ({"AWS": ROOT}, NOTHING, IMPLICIT),
        ({"AWS": ROLE}, NOTHING, ALLOW),
        ({"AWS": SESSION}, NOTHING, ALLOW),
        ({"AWS": USER}, EVERYTHING, IMPLICIT),
        ("*", NOTHING, ALLOW),
    ],
)
@pytest.mark.parametrize("where", ["key_policy", "resource"])
def test_the_key_policy_decides_whether_iam_counts(entry, identity, expected, where):
    assert outcome(SESSION, DECRYPT, KEY, identity=identity, **{where: key_policy(entry)}) == expected


def test_a_key_without_its_policy_is_closed_even_to_root():
    assert ask(SESSION, DECRYPT, KEY, identity=EVERYTHING).layer == "key_policy"
    assert outcome(ROOT, DECRYPT, KEY) == IMPLICIT
    assert outcome(ROOT, DECRYPT, KEY, key_policy=key_policy({"AWS": SESSION})) == IMPLICIT
    assert outcome(ROOT, DECRYPT, KEY, key_policy=key_policy({"AWS": HOME})) == ALLOW


def test_the_key_policy_is_for_keys_alone():
    layers = {"identity": EVERYTHING, "key_policy": policy(deny("*", principal="*"))}
    assert outcome(SESSION, "kms:ListKeys", "*", **layers) == ALLOW
    assert outcome(SESSION, "s3:GetObject", **layers) == ALLOW
    assert outcome(SESSION, DECRYPT, KEY, **layers) == "explicit_deny"


def test_a_key_of_another_account_needs_both_sides():
    for entry in ({"AWS": OTHER}, {"AWS": STRANGER}):
        layers = {"key_policy": key_policy(entry)}
        assert outcome(STRANGER, DECRYPT, KEY, identity=EVERYTHING, **layers) == ALLOW
        assert outcome(STRANGER, DECRYPT, KEY, identity=NOTHING, **layers) == IMPLICIT
    assert outcome(STRANGER, DECRYPT, KEY, identity=EVERYTHING, key_policy=key_policy({"AWS": HOME})) == IMPLICIT


@pytest.mark.parametrize(
    ("grant", "context", "expected"),
    [
        (Grant(ROLE, ["Decrypt"]), {}, ALLOW),
        (Grant(SESSION, ["GenerateDataKey", "Decrypt"]), {}, ALLOW),
        (Grant(ROLE, ["Encrypt"]), {}, IMPLICIT),
        (Grant(USER, ["Decrypt"]), {}, IMPLICIT),
        (Grant(ROLE, ["Decrypt"], key=KEY + "0"), {}, IMPLICIT),
        (Grant(ROLE, ["Decrypt"], {"a": "b"}), {}, IMPLICIT),
        (Grant(ROLE, ["Decrypt"], {"a": "b"}), {"kms:EncryptionContext:a": "b"}, ALLOW),
        (Grant(ROLE, ["Decrypt"], {"a": "b"}), {"kms:EncryptionContext:a": UNKNOWN}, "unknown"),
        (Grant(ROLE, ["Decrypt"], None, {"a": "b"}), {"kms:EncryptionContext:a": "b"}, "unknown"),
        (
            Grant(ROLE, ["Decrypt"], None, {"a": "b"}),
            {"kms:EncryptionContext:a": "b", "kms:EncryptionContextKeys": ["a"]},
            ALLOW,
        ),
        (
            Grant(ROLE, ["Decrypt"], None, {"a": "b"}),
            {"kms:EncryptionContext:a": "b", "kms:EncryptionContextKeys": ["a", "c"]},
            IMPLICIT,
        ),
    ],
)
def test_grants(grant, context, expected):
    decision = ask(SESSION, DECRYPT, KEY, key_policy=key_policy({"AWS": USER}), grants=[grant], context=context)
    assert decision.outcome == expected
    assert expected != ALLOW or decision.layer == "grant"
    assert expected != "unknown" or decision.flips


def test_a_grant_yields_to_a_deny_and_to_a_boundary():
    layers = {"grants": [Grant(ROLE, ["Decrypt"])], "key_policy": key_policy({"AWS": USER})}
    assert outcome(SESSION, DECRYPT, KEY, identity=policy(deny("kms:*")), **layers) == "explicit_deny"
    assert outcome(SESSION, DECRYPT, KEY, boundary=NOTHING, **layers) == IMPLICIT
    assert outcome(SESSION, DECRYPT, KEY, scps=[[NOTHING]], **layers) == IMPLICIT


def test_a_grant_reaches_into_another_account():
    layers = {"grants": [Grant(f"arn:aws:iam::{OTHER}:role/Reader", ["Decrypt"])]}
    assert outcome(STRANGER, DECRYPT, KEY, key_policy=key_policy({"AWS": HOME}), **layers) == ALLOW


# A role's trust policy is required even in the same account.


@pytest.mark.parametrize(
    ("entry", "identity", "expected"),
    [
        (None, EVERYTHING, IMPLICIT),
        ({"AWS": ROOT}, EVERYTHING, ALLOW),
        ({"AWS": ROOT}, NOTHING, IMPLICIT),
        ({"AWS": USER}, NOTHING, ALLOW),
        ({"AWS": ROLE}, EVERYTHING, IMPLICIT),
    ],
)
def test_who_may_assume_a_role(entry, identity, expected):
    trust = None if entry is None else policy({"Effect": "Allow", "Principal": entry, "Action": "sts:AssumeRole"})
    assert outcome(USER, "sts:AssumeRole", TARGET, identity=identity, resource=trust) == expected


def test_a_role_of_another_account_needs_both_sides():
    trust = policy({"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole"})
    assert outcome(STRANGER, "sts:AssumeRole", TARGET, identity=EVERYTHING, resource=trust) == ALLOW
    assert outcome(STRANGER, "sts:AssumeRole", TARGET, identity=NOTHING, resource=trust) == IMPLICIT


def test_root_assumes_no_role():
    trust = policy({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:AssumeRole"})
    decision = ask(ROOT, "sts:AssumeRole", TARGET, resource=trust)
    assert decision.outcome == IMPLICIT
    assert "root user" in decision.explain()


@pytest.mark.parametrize(
    ("principal", "entry", "action", "expected"),
    [
        ("ec2.amazonaws.com", {"Service": "ec2.amazonaws.com"}, "sts:AssumeRole", ALLOW),
        ("accounts.google.com", {"Federated": "accounts.google.com"}, "sts:AssumeRoleWithWebIdentity", ALLOW),
        ("accounts.google.com", {"Service": "ec2.amazonaws.com"}, "sts:AssumeRoleWithWebIdentity", IMPLICIT),
        (
            f"arn:aws:iam::{HOME}:saml-provider/idp",
            {"Federated": f"arn:aws:iam::{HOME}:saml-provider/idp"},
            "sts:AssumeRoleWithSAML",
            ALLOW,
        ),
    ],
)
def test_services_and_identity_providers(principal, entry, action, expected):
    trust = policy({"Effect": "Allow", "Principal": entry, "Action": action})
    assert outcome(principal, action, TARGET, resource=trust) == expected


# 17, 18 and 19. What an S3 call asks for.


@pytest.mark.parametrize(
    ("call", "options", "expected"),
    [
        ("HeadBucket", {}, ["s3:ListBucket bucket"]),
        ("ListObjectsV2", {}, ["s3:ListBucket bucket"]),
        ("ListObjectVersions", {}, ["s3:ListBucketVersions bucket"]),
        ("GetObject", {}, ["s3:GetObject object"]),
        ("GetObject", {"version": True}, ["s3:GetObjectVersion object"]),
        ("HeadObject", {}, ["s3:GetObject object"]),
        ("HeadObject", {"version": True}, ["s3:GetObjectVersion object"]),
        ("GetObject", {"encrypted": True}, ["s3:GetObject object", "kms:Decrypt key"]),
        ("PutObject", {"encrypted": True}, ["s3:PutObject object", "kms:GenerateDataKey key"]),
        ("CreateMultipartUpload", {"encrypted": True}, ["s3:PutObject object", "kms:GenerateDataKey key"]),
        ("UploadPart", {"encrypted": True}, ["s3:PutObject object", "kms:Decrypt key"]),
        ("UploadPartCopy", {"encrypted": True}, ["s3:PutObject object", "kms:Decrypt key"]),
        ("CompleteMultipartUpload", {"encrypted": True}, ["s3:PutObject object", "kms:Decrypt key"]),
        ("ListParts", {"encrypted": True}, ["s3:ListMultipartUploadParts object", "kms:Decrypt key"]),
        ("UploadPart", {}, ["s3:PutObject object"]),
        ("AbortMultipartUpload", {"encrypted": True}, ["s3:AbortMultipartUpload object"]),
        ("PutObjectLegalHold", {}, ["s3:PutObjectLegalHold object"]),
    ],
)
def test_the_permissions_of_a_call(call, options, expected):
    assert [f"{wanted.action} {wanted.target}" for wanted in permissions_for(call, **options)] == expected


def test_every_call_has_permissions():
    assert all(permissions_for(call, version, True) for call in CALLS for version in (True, False))
    with pytest.raises(KeyError):
        permissions_for("DropBucket")


def test_a_large_export_with_a_key_fails_in_the_middle_where_a_small_one_works():
    writer = policy(allow(["s3:PutObject", "kms:GenerateDataKey"]))
    layers = {"identity": writer, "key_policy": key_policy({"AWS": ROOT})}

    def works(call: str) -> bool:
        resources = {"key": KEY, "object": OBJECT}
        wanted = permissions_for(call, encrypted=True)
        return all(ask(SESSION, one.action, resources[one.target], **layers).allowed for one in wanted)

    assert [works(call) for call in ("PutObject", "CreateMultipartUpload", "UploadPart")] == [True, True, False]


def test_a_missing_object_is_403_to_those_who_may_not_list():
    assert (status_of_missing_object(True), status_of_missing_object(False)) == (404, 403)
