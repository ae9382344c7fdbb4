# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of cloud object against moto: read, write, read, write back; denied calls; compare and set."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import boto3
import pytest
from ansible.module_utils.edge.converge.cloud import objects
from ansible.module_utils.edge.converge.cloud.api import Cloud
from ansible.module_utils.edge.converge.model import CLOUD, ObjectChange, Ref
from ansible.module_utils.edge.finding import EdgepathError, unread
from ansible.module_utils.edge.targets import Edge
from botocore.stub import Stubber
from moto import mock_aws

pytestmark = pytest.mark.xdist_group("moto")
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


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.session.Session]:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield SHARED


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
    # Where a version was never on hold, S3 says so; moto's answer has nothing in it, which is none.
    off = {"Status": "OFF"}
    session.client("s3").put_object_legal_hold(Bucket=bucket, Key="exports/a/b.opus", LegalHold=off)
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
