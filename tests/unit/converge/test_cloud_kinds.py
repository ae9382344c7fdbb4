# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of cloud object against moto: read, write, read, write back; denied calls; compare and set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible.module_utils.edge.converge.cloud import objects
from ansible.module_utils.edge.converge.cloud.api import Cloud
from ansible.module_utils.edge.converge.model import CLOUD, ObjectChange, Ref
from ansible.module_utils.edge.finding import EdgepathError, unread
from ansible.module_utils.edge.targets import Edge
from botocore.stub import Stubber
from moto import mock_aws

from tests.unit.converge.kinds import (
    ABORT,
    AES,
    AT_ONCE,
    BLOCKS,
    CASES,
    DOCUMENT,
    EDGE,
    HTTPS,
    LATER,
    NAMES,
    OPEN,
    REGION,
    SHARED,
    _bucket,
    _group,
    _key,
    _policy,
    _role,
    _table,
    _vpc,
    read,
    write,
)

pytestmark = pytest.mark.xdist_group("moto")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.session.Session]:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield SHARED


@pytest.mark.parametrize(("kind", "make", "then"), CASES, ids=NAMES)
def test_an_object_is_written_once_and_put_back(
    aws: Any, monkeypatch: pytest.MonkeyPatch, kind: str, make: Any, then: Any
) -> None:
    name = make(aws)
    before = read(kind, name)
    assert unread(before) is None
    after = then(before)
    assert after != before

    with pytest.raises(EdgepathError, match=f"edge london: {kind} .* somebody changed it a moment ago; run again"):
        write(kind, name, {"somebody": "else"}, after)
    assert read(kind, name) == before

    write(kind, name, before, after)
    assert read(kind, name) == after
    with monkeypatch.context() as patch:
        patch.setattr(Cloud, "put", lambda *given, **more: pytest.fail("it was written again"))
        write(kind, name, before, after)

    write(kind, name, after, before)
    assert read(kind, name) == before
    merge = objects.MERGE.get(kind)
    assert merge is None or merge(before, after, after) == before


def test_a_gateway_endpoint_is_created_taken_further_and_deleted(aws: Any) -> None:
    vpc = _vpc(aws)
    one, two = sorted([_table(aws, vpc), _table(aws, vpc)])
    name = f"{vpc}/com.amazonaws.{REGION}.s3"
    assert read("gateway_endpoint", name) is None
    write("gateway_endpoint", name, None, [[one]])
    write("gateway_endpoint", name, [[one]], None)
    write("gateway_endpoint", name, None, [[one]])
    write("gateway_endpoint", name, [[one]], [[one, two]])
    assert read("gateway_endpoint", name) == [[one, two]]
    merge = objects.MERGE["gateway_endpoint"]
    assert merge(None, [[one]], [[one, two]]) == [[two]]
    assert merge(None, [[one]], [[one]]) is None


def test_versioning_goes_back_to_suspended_where_it_had_never_been_enabled() -> None:
    never, now = ({"status": status, "mfa_delete": None} for status in (None, "Enabled"))
    assert objects.MERGE["bucket_versioning"](never, now, now) == {"status": "Suspended", "mfa_delete": None}


def test_a_lock_stays_and_its_retention_goes_back() -> None:
    closed = {**OPEN, "enabled": False}
    assert objects.MERGE["object_lock"](closed, OPEN, OPEN) == OPEN


def test_a_deletion_of_a_key_is_never_scheduled_again(aws: Any) -> None:
    key = _key(aws)
    aws.client("kms").schedule_key_deletion(KeyId=key.rpartition("/")[2], PendingWindowInDays=7)
    assert read("key_state", key) == "PendingDeletion"
    write("key_state", key, "PendingDeletion", "Enabled")
    assert read("key_state", key) == "Enabled"
    assert objects.MERGE["key_state"]("PendingDeletion", "Enabled", "Enabled") == "Disabled"
    assert objects.MERGE["key_state"]("PendingDeletion", "Enabled", "Disabled") == "Disabled", "killed before enabling"
    with pytest.raises(EdgepathError, match="from Enabled to PendingDeletion"):
        write("key_state", key, "Enabled", "PendingDeletion")


def test_a_managed_policy_goes_back_to_the_version_that_it_had(aws: Any) -> None:
    arn = _policy(aws)
    for _ in range(4):
        write("managed_policy", arn, DOCUMENT, LATER)
        write("managed_policy", arn, LATER, DOCUMENT)
    versions = aws.client("iam").list_policy_versions(PolicyArn=arn)["Versions"]
    assert {item["VersionId"]: item["IsDefaultVersion"] for item in versions} == {"v1": True, "v2": False}


def test_no_version_of_a_managed_policy_is_deleted_to_make_room(aws: Any) -> None:
    arn = _policy(aws)
    for number in range(4):
        text = json.dumps({**DOCUMENT, "Id": str(number)})
        aws.client("iam").create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=False)
    with pytest.raises(EdgepathError, match="it has 5 versions.*delete one of"):
        write("managed_policy", arn, DOCUMENT, LATER)
    assert read("managed_policy", arn) == DOCUMENT


def test_statements_are_one_state_however_they_are_written(aws: Any) -> None:
    bucket = _bucket(aws)
    given = {"Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["s3:PutObject", "s3:GetObject"]}
    condition = {"Bool": {"aws:SecureTransport": False}}
    text = {"Statement": {**given, "Resource": ["arn:aws:s3:::recordings/*"], "Condition": condition}}
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(text))
    (statement,) = read("bucket_policy", bucket)["Statement"]
    assert statement["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert statement["Resource"] == "arn:aws:s3:::recordings/*"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    ("kind", "make", "more"),
    [("bucket_policy", _bucket, {"Principal": "*"}), ("inline_policy", lambda aws: f"{_role(aws)}/export", {})],
)
def test_a_policy_whose_last_statement_goes_is_removed(aws: Any, kind: str, make: Any, more: dict[str, Any]) -> None:
    """Two edges shared it, and the one that had made it went back first: an empty policy AWS would refuse."""
    name = make(aws)
    held = {**DOCUMENT, "Statement": [{**DOCUMENT["Statement"][0], **more}]}
    write(kind, name, None, held)
    held = read(kind, name)
    write(kind, name, held, {**held, "Statement": []})
    assert read(kind, name) is None


# Denied: the message names operation, object and permission, and what cannot be read is not written.


@pytest.mark.parametrize(
    ("kind", "name", "service", "operation", "given", "permission"),
    [
        ("bucket_versioning", "b", "s3", "get_bucket_versioning", {}, "s3:GetBucketVersioning"),
        ("bucket_lifecycle", "b", "s3", "get_bucket_lifecycle_configuration", {}, "s3:GetLifecycleConfiguration"),
        ("security_group_egress", "sg-1", "ec2", "describe_security_group_rules", {}, "ec2:DescribeSecurityGroupRules"),
        ("trust_policy", "arn:aws:iam::1:role/x", "iam", "get_role", {}, "iam:GetRole"),
        ("key_policy", "k", "kms", "get_key_policy", {}, "kms:GetKeyPolicy"),
    ],
)
def test_what_may_not_be_read_names_the_permission(
    aws: Any, kind: str, name: str, service: str, operation: str, given: Any, permission: str
) -> None:
    cloud = Cloud(EDGE, SHARED)
    with Stubber(cloud._client(service, None)) as stub:
        for _ in range(2):
            stub.add_client_error(operation, "AccessDenied", "no", 403)
        ref = Ref(CLOUD, kind, name)
        gone = unread(objects.read(EDGE, [ref], cloud)[ref.key])
        assert gone is not None and gone.permissions == (permission,)
        with pytest.raises(EdgepathError, match=f"is not changed, it cannot be read: .*{permission}"):
            objects.write(EDGE, ObjectChange(ref, None, {}), cloud, AT_ONCE)


@pytest.mark.parametrize(
    ("kind", "make", "after", "service", "operation", "permission"),
    [
        ("bucket_encryption", _bucket, AES, "s3", "put_bucket_encryption", "s3:PutEncryptionConfiguration"),
        ("public_access_block", _bucket, BLOCKS, "s3", "put_public_access_block", "s3:PutBucketPublicAccessBlock"),
        ("bucket_lifecycle", _bucket, {"Rules": [ABORT]}, "s3", "put_bucket_lifecycle_configuration",
         "s3:PutLifecycleConfiguration"),
        ("max_session_duration", _role, 7200, "iam", "update_role", "iam:UpdateRole"),
        ("security_group_egress", _group, [], "ec2", "revoke_security_group_egress", "ec2:RevokeSecurityGroupEgress"),
    ],
)  # fmt: skip
def test_what_may_not_be_written_names_the_permission(
    aws: Any, monkeypatch: pytest.MonkeyPatch, kind: str, make: Any, after: Any, service: str, operation: str,
    permission: str,
) -> None:  # fmt: skip
    name = make(aws)
    before = read(kind, name)
    cloud = Cloud(EDGE, SHARED)
    client = cloud._client(service, None)

    def refused(**given: Any) -> Any:
        code = "UnauthorizedOperation" if service == "ec2" else "AccessDenied"
        raise client.exceptions.ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    monkeypatch.setattr(client, operation, refused)
    with pytest.raises(EdgepathError, match=f"edge london: cannot change .*{permission}: .*needs {permission}"):
        objects.write(EDGE, ObjectChange(Ref(CLOUD, kind, name), before, after), cloud, AT_ONCE)
    assert read(kind, name) == before


def test_rules_come_before_others_go(aws: Any) -> None:
    cloud = Cloud(EDGE, SHARED)
    # moto does not revoke a rule of IPv6.
    one, two = ({**HTTPS, "kind": "cidr", "source": source} for source in ("192.0.2.0/24", "2001:db8::/32"))
    tcp = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    comes = {**tcp, "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}
    goes = {**tcp, "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    item = {"SecurityGroupRuleId": "sgr-1", "IsEgress": True, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    client = cloud._client("ec2", None)
    with Stubber(client) as stub:
        stub.add_response(
            "describe_security_group_rules", {"SecurityGroupRules": [{**item, "CidrIpv4": one["source"]}]}
        )
        stub.add_response("authorize_security_group_egress", {}, {"GroupId": "sg-1", "IpPermissions": [comes]})
        stub.add_response("revoke_security_group_egress", {}, {"GroupId": "sg-1", "IpPermissions": [goes]})
        stub.add_response(
            "describe_security_group_rules", {"SecurityGroupRules": [{**item, "CidrIpv6": two["source"]}]}
        )
        ref = Ref(CLOUD, "security_group_egress", "sg-1")
        objects.write(EDGE, ObjectChange(ref, [one], [two]), cloud, AT_ONCE)
        stub.assert_no_pending_responses()


def test_a_write_waits_until_it_is_seen(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([3600, 3600, 3600, 7200])
    kind = objects.KINDS["max_session_duration"]
    late = objects.Kind(lambda cloud, name: next(answers), lambda *given: None, kind.merge)
    monkeypatch.setitem(objects.KINDS, "max_session_duration", late)
    change = ObjectChange(Ref(CLOUD, "max_session_duration", "arn"), 3600, 7200)
    objects.write(EDGE, change, Cloud(EDGE, SHARED), (0.0,) * 9)
    assert next(answers, "all asked") == "all asked"


def test_the_changing_identity_is_its_own() -> None:
    base = {"name": "x", "region": REGION, "aws_profile": "audit", "audit_role_arn": "arn:aws:iam::1:role/audit"}
    cases = [
        ({}, ("audit", "arn:aws:iam::1:role/audit")),
        ({"converge_role_arn": "arn:aws:iam::1:role/change"}, ("audit", "arn:aws:iam::1:role/change")),
        ({"converge_profile": "change"}, ("change", None)),
    ]
    for more, expected in cases:
        key = Cloud(Edge.from_mapping({**base, **more})).key
        assert (key.profile, key.role_arn) == expected


def test_who_pays_is_changed(aws: Any) -> None:
    """moto does not keep who pays."""
    cloud = Cloud(EDGE, SHARED)
    owner, other = ({"Payer": name} for name in ("BucketOwner", "Requester"))
    given = {"Bucket": "recordings", "RequestPaymentConfiguration": owner}
    with Stubber(cloud._client("s3", None)) as stub:
        stub.add_response("get_bucket_request_payment", other)
        stub.add_response("put_bucket_request_payment", {}, given)
        stub.add_response("get_bucket_request_payment", owner)
        change = ObjectChange(Ref(CLOUD, "request_payment", "recordings"), "Requester", "BucketOwner")
        objects.write(EDGE, change, cloud, AT_ONCE)
        stub.assert_no_pending_responses()
