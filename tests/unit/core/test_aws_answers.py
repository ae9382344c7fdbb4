# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as an answer, and as absence: every operation that is read, against every way of not being answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from ansible.module_utils.edge import aws
from ansible.module_utils.edge import aws_answers as answers
from ansible.module_utils.edge.aws import Account, AccountKey
from ansible.module_utils.edge.finding import Unread

from lab.lies import LIES
from lab.lying_proxy import Lie, LyingProxy

BUCKET, KEY_ID = {"Bucket": "recordings"}, {"KeyId": "1"}
OBJECT = {**BUCKET, "Key": "a.opus"}
VPC = {"VpcId": "vpc-1", "Attribute": "enableDnsSupport"}
ROLE = {"RoleName": "r"}
# All that the audit and converge read: service, operation, the key of a list, parameters.
READS: list[tuple[str, str, str | None, dict[str, Any]]] = [
    ("s3", "list_buckets", "Buckets", {}),
    ("s3", "head_bucket", None, BUCKET),
    ("s3", "get_bucket_versioning", None, BUCKET),
    ("s3", "get_bucket_policy", None, BUCKET),
    ("s3", "get_bucket_encryption", "ServerSideEncryptionConfiguration", BUCKET),
    ("s3", "get_bucket_lifecycle_configuration", None, BUCKET),
    ("s3", "get_object_lock_configuration", None, BUCKET),
    ("s3", "get_bucket_replication", None, BUCKET),
    ("s3", "get_public_access_block", None, BUCKET),
    ("s3", "get_bucket_request_payment", None, BUCKET),
    ("s3", "list_object_versions", None, BUCKET),
    ("s3", "list_objects_v2", None, BUCKET),
    ("s3", "list_multipart_uploads", None, BUCKET),
    ("s3", "head_object", None, OBJECT),
    ("s3", "get_object_legal_hold", None, OBJECT),
    ("s3", "get_object_retention", None, OBJECT),
    ("s3", "get_object_tagging", None, OBJECT),
    ("kms", "describe_key", "KeyMetadata", KEY_ID),
    ("kms", "get_key_policy", "Policy", {**KEY_ID, "PolicyName": "default"}),
    ("kms", "list_grants", "Grants", KEY_ID),
    ("organizations", "describe_organization", "Organization", {}),
    ("organizations", "list_parents", "Parents", {"ChildId": "123456789012"}),
    ("organizations", "list_policies_for_target", "Policies",
     {"TargetId": "123456789012", "Filter": "SERVICE_CONTROL_POLICY"}),
    ("organizations", "describe_policy", "Policy", {"PolicyId": "p-12345678"}),
    ("config", "batch_get_resource_config", "baseConfigurationItems",
     {"resourceKeys": [{"resourceType": "AWS::S3::Bucket", "resourceId": "b"}]}),
    ("config", "describe_configuration_recorder_status", "ConfigurationRecordersStatus", {}),
    ("route53", "list_hosted_zones_by_vpc", None, {"VPCId": "vpc-1", "VPCRegion": "eu-west-2"}),
    ("sts", "get_caller_identity", None, {}),
    ("iam", "get_account_authorization_details", None, {}),
    ("iam", "get_role", "Role", ROLE),
    ("iam", "get_user", "User", {"UserName": "u"}),
    ("iam", "get_policy", "Policy", {"PolicyArn": "arn:aws:iam::123456789012:policy/x"}),
    ("iam", "get_policy_version", "PolicyVersion",
     {"PolicyArn": "arn:aws:iam::123456789012:policy/x", "VersionId": "v1"}),
    ("iam", "get_role_policy", "PolicyDocument", {**ROLE, "PolicyName": "p"}),
    ("iam", "list_role_policies", "PolicyNames", ROLE),
    ("iam", "list_attached_role_policies", "AttachedPolicies", ROLE),
    ("iam", "list_access_keys", "AccessKeyMetadata", {"UserName": "u"}),
    ("iam", "list_groups_for_user", "Groups", {"UserName": "u"}),
    ("iam", "list_roles", "Roles", {}),
    ("iam", "list_instance_profiles", "InstanceProfiles", {}),
    ("iam", "get_instance_profile", None, {"InstanceProfileName": "i"}),
    ("ec2", "describe_vpc_attribute", None, VPC),
    ("ec2", "get_managed_prefix_list_entries", "Entries", {"PrefixListId": "pl-1"}),
    *(("ec2", f"describe_{name}", key, {}) for name, key in (
        ("instances", "Reservations"), ("instance_types", "InstanceTypes"), ("vpcs", "Vpcs"), ("subnets", "Subnets"),
        ("network_interfaces", "NetworkInterfaces"), ("network_acls", "NetworkAcls"), ("route_tables", "RouteTables"),
        ("security_groups", "SecurityGroups"), ("security_group_rules", "SecurityGroupRules"),
        ("dhcp_options", "DhcpOptions"), ("nat_gateways", "NatGateways"), ("vpc_endpoints", "VpcEndpoints"),
        ("internet_gateways", "InternetGateways"), ("managed_prefix_lists", "PrefixLists"),
        ("egress_only_internet_gateways", "EgressOnlyInternetGateways"),
    )),
]  # fmt: skip
STATES = {"expired": "denied", "denied": "denied", "throttled": "throttled"}
MODELS = {service: botocore.session.get_session().get_service_model(service) for service, *_ in READS}
MODELS["s3control"] = botocore.session.get_session().get_service_model("s3control")
BY_NAME = {name: model.operation_model(name) for model in reversed(MODELS.values()) for name in model.operation_names}


def api_name(operation: str) -> str:
    found = [name for name in BY_NAME if name.lower() == operation.replace("_", "")]
    assert len(found) == 1, operation
    return found[0]


@pytest.fixture(scope="module")
def proxy() -> Iterator[LyingProxy]:
    with LyingProxy("http://127.0.0.1:9") as standing:
        yield standing


@pytest.fixture(scope="module")
def opened(proxy: LyingProxy) -> aws.Opened:
    """The clients, made once. One attempt: what is asked again is botocore's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, "MAX_ATTEMPTS", 1)
        handle = Account(AccountKey(None, None, proxy.url, "eu-west-2"), boto3.session.Session("key", "secret"))
        for service in dict.fromkeys(service for service, *_ in READS):
            handle._client(service, None)
    return handle._opened


@pytest.fixture
def account(opened: aws.Opened, proxy: LyingProxy) -> Account:
    return Account(AccountKey(None, None, proxy.url, "eu-west-2"), opened=opened)


def read(account: Account, case: tuple[str, str, str | None, dict[str, Any]]) -> Any:
    service, operation, key, parameters = case
    return account.read(service, operation, key, resource="it", **parameters)


@pytest.mark.parametrize("kind", LIES)
def test_nothing_is_absent_or_read_that_somebody_else_answered(proxy: LyingProxy, account: Account, kind: str) -> None:
    proxy.tell(Lie(kind))
    for case in READS:
        found = read(account, case)
        assert isinstance(found, Unread), (case, found)
        # Of a HEAD's status alone, nothing can be told that the service did not mark as its own.
        head = case[1].startswith("head_")
        due = STATES.get(kind, "error")
        assert found.state == ("error" if head and kind == "throttled" else due) or head, (case, found)
        assert found.message.startswith("cannot read it: ")
        account._patience.answered((case[0], None, case[1]))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("404 without body", "the answer is not the service's: HTTP 404 without a body"),
        ("404 with ragged HTML", "the answer is not the service's: HTTP 404 with HTML (server nginx)"),
        ("200 without body", "HTTP 200 without a body where <VersioningConfiguration> is sent"),
        ("200 with HTML", "HTTP 200 with HTML (server nginx) where <VersioningConfiguration> is sent"),
        ("200 of another type", "500: neither an answer nor an error of the service's own came back"),
        ("redirect", "HTTP 302 with HTML (server nginx), without an error of the service's own"),
        ("expired", "ExpiredToken: The provided token has expired.; renew the audit's credentials"),
        ("502 with HTML", "502: neither an answer nor an error of the service's own came back"),
    ],
)
def test_the_message_says_what_came(proxy: LyingProxy, account: Account, kind: str, said: str) -> None:
    proxy.tell(Lie(kind))
    assert said in read(account, ("s3", "get_bucket_versioning", None, BUCKET)).message


@pytest.mark.parametrize("case", READS, ids=lambda case: f"{case[0]}.{case[1]}")
def test_absent_is_the_operation_s_own_word_and_no_other_s(
    proxy: LyingProxy, account: Account, case: tuple[str, str, str | None, dict[str, Any]]
) -> None:
    name = api_name(case[1])
    own = answers.ABSENT.get(name, frozenset()) | answers.ABSENT_ELSEWHERE.get(name, frozenset())
    asked_by, code_of_id = answers.ABSENT_IDS.get(name, ("", ""))
    own |= {code_of_id} if asked_by in case[3] else set()
    every = {code for codes in answers.ABSENT.values() for code in codes} | {
        row[1] for row in answers.ABSENT_IDS.values()
    }
    head = case[1].startswith("head_")
    for code in sorted(every | own | {"NoSuchUpload", "ResourceNotFoundException"}):
        marked = Lie("reply", status=404, headers=(("x-amz-request-id", "1"),))
        proxy.tell(marked if head else Lie("error", status=404, code=code))
        found = read(account, case)
        if head or code in own:
            assert found is None, (code, found)
        else:
            assert isinstance(found, Unread) and found.state == "error" and code in found.message, (code, found)


XML = (("Content-Type", "application/xml"), ("x-amz-request-id", "1"))
RESULT = (
    '<{0}Response xmlns="x"><{0}Result>{1}</{0}Result>'
    "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{0}Response>"
)


@pytest.mark.parametrize(
    ("case", "body", "due"),
    [
        (("s3", "get_bucket_versioning", None, BUCKET), "<VersioningConfiguration xmlns='x'/>", {}),
        (("s3", "get_bucket_versioning", None, BUCKET),
         "<?xml version='1.0'?>\n<!-- hi -->\n"
         "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
         {"Status": "Suspended"}),
        (("s3", "get_bucket_versioning", None, BUCKET), "<s3:VersioningConfiguration xmlns:s3='x'/>", {}),
        (("s3", "get_bucket_versioning", None, BUCKET), "<GetBucketVersioningOutput/>", {}),
        (("s3", "list_buckets", "Buckets", {}),
         "<ListAllMyBucketsResult><Owner/><Buckets/></ListAllMyBucketsResult>", []),
        (("s3", "get_object_tagging", None, OBJECT), "<Tagging><TagSet/></Tagging>", {"TagSet": []}),
        (("s3", "list_object_versions", None, BUCKET),
         "<ListVersionsResult><Name>recordings</Name><MaxKeys>9</MaxKeys><IsTruncated>false</IsTruncated>"
         "</ListVersionsResult>",
         {"Name": "recordings", "MaxKeys": 9, "IsTruncated": False}),
        (("s3", "get_bucket_policy", None, BUCKET), '{"Statement": [{"Effect": "Deny"}]}',
         {"Policy": '{"Statement": [{"Effect": "Deny"}]}'}),
        (("iam", "list_role_policies", "PolicyNames", ROLE),
         RESULT.format("ListRolePolicies", "<PolicyNames/><IsTruncated>false</IsTruncated>"), []),
        (("ec2", "describe_vpcs", "Vpcs", {}),
         "<DescribeVpcsResponse><requestId>1</requestId><vpcSet/></DescribeVpcsResponse>", []),
        (("kms", "list_grants", "Grants", KEY_ID), '{"Grants": [], "Truncated": false}', []),
        (("config", "describe_configuration_recorder_status", "ConfigurationRecordersStatus", {}),
         '{"ConfigurationRecordersStatus": []}', []),
    ],
)  # fmt: skip
def test_what_is_empty_by_the_service_s_word_stays_empty(
    proxy: LyingProxy, account: Account, case: Any, body: str, due: Any
) -> None:
    """And the content's name does not matter: KMS' JSON came as text/html from an emulator."""
    for headers in (XML, (("Content-Type", "text/html"), ("x-amzn-requestid", "1"))):
        proxy.tell(Lie("reply", status=200, headers=headers, body=body))
        found = read(account, case)
        if isinstance(found, dict):
            found = {name: value for name, value in found.items() if name in due}
        assert found == due


@pytest.mark.parametrize(
    ("case", "body"),
    [
        (("s3", "get_bucket_encryption", None, BUCKET), "<ServerSideEncryptionConfiguration/>"),
        (("s3", "get_bucket_encryption", None, BUCKET),
         "<ServerSideEncryptionConfiguration><Rule><BucketKeyEnabled>true</BucketKeyEnabled></Rule>"
         "</ServerSideEncryptionConfiguration>"),
        (("s3", "get_bucket_replication", None, BUCKET),
         "<ReplicationConfiguration><Role>r</Role></ReplicationConfiguration>"),
        (("s3", "get_public_access_block", None, BUCKET),
         "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"),
        (("s3", "get_object_lock_configuration", None, BUCKET), "<ObjectLockConfiguration/>"),
        (("s3", "get_bucket_lifecycle_configuration", None, BUCKET), "<LifecycleConfiguration/>"),
        (("s3", "list_buckets", "Buckets", {}), "<ListAllMyBucketsResult/>"),
        (("s3", "list_object_versions", None, BUCKET),
         "<ListVersionsResult><Name>recordings</Name></ListVersionsResult>"),
        (("s3", "get_bucket_policy", None, BUCKET), "{}"),
        (("s3", "get_bucket_policy", None, BUCKET), '{"Version": "2012-10-17", "Statement": []}'),
        (("s3", "get_bucket_versioning", None, BUCKET), "<PublicAccessBlockConfiguration/>"),
        (("iam", "list_role_policies", "PolicyNames", ROLE), RESULT.format("ListRolePolicies", "<PolicyNames/>")),
        (("iam", "list_role_policies", "PolicyNames", ROLE), RESULT.format("ListUserPolicies", "<PolicyNames/>")),
        (("ec2", "describe_vpcs", "Vpcs", {}), "<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>"),
        (("ec2", "describe_vpcs", "Vpcs", {}), "<DescribeVpcsResponse><requestId>1</requestId></DescribeVpcsResponse>"),
        (("ec2", "describe_vpcs", "Vpcs", {}),
         "<DescribeVpcsResponse><requestId>1</requestId><vpcSet><item><state>a</state></item></vpcSet></DescribeVpcsResponse>"),
        (("ec2", "describe_vpc_attribute", None, VPC),
         "<DescribeVpcAttributeResponse><requestId>1</requestId><vpcId>vpc-1</vpcId></DescribeVpcAttributeResponse>"),
        (("kms", "list_grants", "Grants", KEY_ID), '{"Grants": []}'),
        (("kms", "describe_key", "KeyMetadata", KEY_ID), '{"KeyMetadata": {"Arn": "a", "KeyState": "Enabled"}}'),
        (("kms", "describe_key", "KeyMetadata", KEY_ID), "[]"),
    ],
)  # fmt: skip
def test_a_shell_without_what_is_always_in_it_is_no_answer(
    proxy: LyingProxy, account: Account, case: Any, body: str
) -> None:
    proxy.tell(Lie("reply", status=200, headers=XML, body=body))
    found = read(account, case)
    assert isinstance(found, Unread) and found.state == "error", found


def held(path: str) -> dict[str, Any]:
    """The smallest answer that holds this path."""
    first, _, rest = path.partition(".")
    name = first.split("[")[0].split("|")[0]
    inside = held(rest) if rest else "x"
    return {name: [inside] if "[" in first else inside}


def merged(*parts: Any) -> Any:
    if all(isinstance(part, dict) for part in parts):
        names = dict.fromkeys(name for part in parts for name in part)
        return {name: merged(*(part[name] for part in parts if name in part)) for name in names}
    if all(isinstance(part, list) for part in parts):
        return [merged(*(part[0] for part in parts))]
    return next((part for part in parts if part != "x"), parts[0])


@pytest.mark.parametrize("operation", answers.ALWAYS)
def test_each_field_of_the_table_is_missed(operation: str) -> None:
    paths = answers.ALWAYS[operation]
    assert answers.lacks(operation, merged(*map(held, paths))) is None
    for path in paths:
        others = [held(other) for other in paths if other != path]
        assert answers.lacks(operation, merged(*others) if others else {}) == path


def shape_at(shape: Any, path: str) -> None:
    """KeyError where the model has no such path."""
    first, _, rest = path.partition(".")
    for name in first.split("[")[0].split("|"):
        member = shape.members[name]
        assert (member.type_name == "list") == ("[" in first) or not rest, path
        member = member.member if "[" in first else member
        if rest:
            shape_at(member, rest)


def test_the_tables_name_what_the_services_models_have() -> None:
    for table in (answers.ABSENT, answers.ABSENT_ELSEWHERE, answers.ROOTS, answers.ALWAYS, answers.LEFT_OUT_ELSEWHERE):
        assert set(table) <= set(BY_NAME)
    for operation, paths in answers.ALWAYS.items():
        for path in paths:
            shape_at(BY_NAME[operation].output_shape, path)
    for operation, (parameter, code) in answers.ABSENT_IDS.items():
        assert parameter in BY_NAME[operation].input_shape.members
        assert code.endswith(".NotFound")
    modelled = {error for name in answers.ABSENT for shape in BY_NAME[name].error_shapes for error in
                (shape.name, shape.metadata.get("error", {}).get("code"))}  # fmt: skip
    for service in ("kms", "organizations", "iam"):
        for name in set(answers.ABSENT) & set(MODELS[service].operation_names) - set(MODELS["s3"].operation_names):
            assert answers.ABSENT[name] <= modelled


@pytest.mark.parametrize(
    ("host", "due"),
    [
        ("s3.eu-west-2.amazonaws.com", True),
        ("bucket.vpce-1-a.s3.eu-west-2.vpce.amazonaws.com", True),
        ("ec2.cn-north-1.amazonaws.com.cn", True),
        ("s3.dualstack.eu-west-2.amazonaws.com.", True),
        ("ec2.eu-west-2.api.aws", True),
        ("127.0.0.1", False),
        ("amazonaws.com.example.net", False),
        ("notamazonaws.com", False),
        ("objects.harbour.test", False),
    ],
)
def test_which_names_are_of_aws(host: str, due: bool) -> None:
    assert answers.is_of_aws(host) is due


@pytest.mark.parametrize(("on_aws", "header", "due"), [
    (True, "x-amz-request-id", True), (True, "X-Amz-Id-2", True), (True, "x-amzn-RequestId", False),
    (True, "x-amz-cf-id", False), (False, "x-amzn-RequestId", True), (False, "Server", False),
    (False, "X-Amz-Request-Id", True), (False, "x-guploader-uploadid", True),
])  # fmt: skip
@pytest.mark.parametrize("status", [200, 403, 404])
def test_an_answer_to_head_bears_the_service_s_mark(on_aws: bool, header: str, due: bool, status: int) -> None:
    came = answers.Came("HeadBucket", "rest-xml", status, {header: "1"}, b"", head=True, on_aws=on_aws)
    assert (answers.flaw(came) is None) is due


def test_a_region_may_be_missing_elsewhere_and_not_at_aws() -> None:
    assert answers.lacks("HeadBucket", {}, on_aws=False) is None
    assert answers.lacks("HeadBucket", {}, on_aws=True) == "BucketRegion"


def test_what_the_model_requires_is_missed_deep_inside() -> None:
    shape = BY_NAME["GetBucketReplication"].output_shape
    rule = {"Status": "Enabled", "Destination": {"Bucket": "b"}}
    whole = {"ReplicationConfiguration": {"Role": "r", "Rules": [rule]}}
    assert answers.lacks("GetBucketReplication", whole, shape) is None
    rule["Destination"] = {}
    assert answers.lacks("GetBucketReplication", whole, shape) == "ReplicationConfiguration.Rules[].Destination.Bucket"


WRITTEN = (("x-amz-request-id", "1"),)


@pytest.mark.parametrize(("headers", "body", "status", "due"), [
    (WRITTEN, "", 204, True), (WRITTEN, "", 200, True), ((), "", 200, False), ((), "", 204, False),
    (WRITTEN, "<html></html>", 200, False), (WRITTEN, "<PutBucketPolicyResponse/>", 200, True),
])  # fmt: skip
def test_a_write_is_confirmed_by_the_service_alone(
    proxy: LyingProxy, opened: aws.Opened, headers: Any, body: str, status: int, due: bool
) -> None:
    proxy.tell(Lie("reply", status=status, headers=headers, body=body))
    client = opened.clients["s3", proxy.url]
    if due:
        client.put_bucket_policy(**BUCKET, Policy="{}")
    else:
        with pytest.raises(answers.NotAnAnswer):
            client.put_bucket_policy(**BUCKET, Policy="{}")


def test_the_services_speak_the_protocols_that_are_judged() -> None:
    """A release of botocore that speaks another one with them is seen here first."""
    assert {model.resolved_protocol for model in MODELS.values()} == {"rest-xml", "query", "ec2", "json"}
