# SPDX-License-Identifier: GPL-3.0-or-later
"""What is an answer of AWS, and which answer says that a thing is not there. Tables, and who reads them; no I/O.

Between the audit and a service stand proxies and load balancers that answer in its place: 404 without a body, a page of
HTML, a login. An SDK makes a code of the status ("404"), and an empty answer of an empty body. Here an answer counts
only in the service's own form, with what its API always sends; absence only by the operation's own error code.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class NotAnAnswer(ValueError):
    """What came back is no answer of the service that was asked."""


# The operation's own word for "it is not there". NoSuchBucket tells of the bucket, and counts where that was asked for;
# of a bucket's setting it would contradict all other answers about the bucket.
# Sources: Amazon S3 API Reference, "Error responses" and the operations' own pages; the error shapes of the service
# models of IAM, KMS and Organizations.
ABSENT: dict[str, frozenset[str]] = {
    "HeadBucket": frozenset({"404", "NoSuchBucket"}),
    "GetBucketVersioning": frozenset({"NoSuchBucket"}),
    "GetBucketPolicy": frozenset({"NoSuchBucketPolicy"}),
    "GetBucketEncryption": frozenset({"ServerSideEncryptionConfigurationNotFoundError"}),
    "GetBucketLifecycleConfiguration": frozenset({"NoSuchLifecycleConfiguration"}),
    "GetBucketReplication": frozenset({"ReplicationConfigurationNotFoundError"}),
    "GetObjectLockConfiguration": frozenset({"ObjectLockConfigurationNotFoundError"}),
    "GetPublicAccessBlock": frozenset({"NoSuchPublicAccessBlockConfiguration"}),
    "HeadObject": frozenset({"404", "NoSuchKey", "NoSuchVersion"}),
    "GetObjectLegalHold": frozenset({"NoSuchObjectLockConfiguration", "NoSuchKey", "NoSuchVersion"}),
    "GetObjectRetention": frozenset({"NoSuchObjectLockConfiguration", "NoSuchKey", "NoSuchVersion"}),
    "GetObjectTagging": frozenset({"NoSuchTagSet", "NoSuchKey", "NoSuchVersion"}),
    "DescribeKey": frozenset({"NotFoundException"}),
    "GetKeyPolicy": frozenset({"NotFoundException"}),
    "ListGrants": frozenset({"NotFoundException"}),
    "DescribeOrganization": frozenset({"AWSOrganizationsNotInUseException"}),
    **dict.fromkeys(
        (
            "GetRole", "GetUser", "GetPolicy", "GetPolicyVersion", "GetInstanceProfile",
            "GetRolePolicy", "GetUserPolicy", "GetGroupPolicy",
            "ListRolePolicies", "ListUserPolicies", "ListGroupPolicies",
            "ListAttachedRolePolicies", "ListAttachedUserPolicies", "ListAttachedGroupPolicies",
            "ListAccessKeys", "ListGroupsForUser", "ListPolicyVersions",
        ),
        frozenset({"NoSuchEntity"}),
    ),
}  # fmt: skip
# EC2 says so of an id, and only to who asked for that id: what a filter does not find is an empty list. The reference
# writes ID and Id by turns, so that letter case does not count (EC2 API Reference, "Error codes").
ABSENT_IDS: dict[str, tuple[str, str]] = {
    "DescribeInstances": ("InstanceIds", "InvalidInstanceID.NotFound"),
    "DescribeNetworkAcls": ("NetworkAclIds", "InvalidNetworkAclID.NotFound"),
    "DescribeNetworkInterfaces": ("NetworkInterfaceIds", "InvalidNetworkInterfaceID.NotFound"),
    "DescribeRouteTables": ("RouteTableIds", "InvalidRouteTableID.NotFound"),
    "DescribeSecurityGroupRules": ("SecurityGroupRuleIds", "InvalidSecurityGroupRuleId.NotFound"),
    "DescribeSecurityGroups": ("GroupIds", "InvalidGroup.NotFound"),
    "DescribeSubnets": ("SubnetIds", "InvalidSubnetID.NotFound"),
    "DescribeVpcAttribute": ("VpcId", "InvalidVpcID.NotFound"),
    "DescribeVpcEndpoints": ("VpcEndpointIds", "InvalidVpcEndpointId.NotFound"),
    "DescribeVpcs": ("VpcIds", "InvalidVpcID.NotFound"),
    "GetManagedPrefixListEntries": ("PrefixListId", "InvalidPrefixListID.NotFound"),
}
# Codes of S3-compatible storage, beside those of S3: SeaweedFS (weed/s3api/s3err) and Alibaba OSS (its error codes).
ABSENT_ELSEWHERE: dict[str, frozenset[str]] = {
    "GetObjectLegalHold": frozenset({"NoSuchObjectLegalHold", "NoSuchObjectLegalHoldConfiguration"}),
    "GetObjectRetention": frozenset({"NoSuchObjectRetention"}),
}

# The root element of an answer in XML, where it is not named after the operation (Amazon S3 API Reference, "Response
# Syntax" of each operation). Emulators name all after the operation, which is as good a witness.
ROOTS = {
    "GetBucketEncryption": "ServerSideEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketReplication": "ReplicationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetObjectLegalHold": "LegalHold",
    "GetObjectLockConfiguration": "ObjectLockConfiguration",
    "GetObjectRetention": "Retention",
    "GetObjectTagging": "Tagging",
    "GetPublicAccessBlock": "PublicAccessBlockConfiguration",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjectsV2": "ListBucketResult",
}
# The protocols in which an answer may have no body; the others name the request in it.
_MARKED = ("rest-xml", "json")
_AFTER_THE_OPERATION = ("Response", "Result", "Output")

# What an answer always holds, beside what the service's model itself calls required (API references of the services).
# "A[].B": each item of the list A has B; "A[+].B": and there is at least one; "A|B": one of the two.
ALWAYS: dict[str, tuple[str, ...]] = {
    # Every bucket has had a default since January 2023 (S3 User Guide, "Setting default server-side encryption").
    "GetBucketEncryption": (
        "ServerSideEncryptionConfiguration.Rules[+].ApplyServerSideEncryptionByDefault.SSEAlgorithm",
    ),
    "GetBucketLifecycleConfiguration": ("Rules[+].Status",),
    "GetBucketReplication": ("ReplicationConfiguration.Rules[+].Status",),
    "GetBucketRequestPayment": ("Payer",),
    "GetObjectLegalHold": ("LegalHold.Status",),
    "GetObjectLockConfiguration": ("ObjectLockConfiguration.ObjectLockEnabled",),
    "GetObjectRetention": ("Retention.Mode", "Retention.RetainUntilDate"),
    "GetPublicAccessBlock": tuple(
        f"PublicAccessBlockConfiguration.{name}"
        for name in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    ),
    "HeadBucket": ("BucketRegion",),
    "HeadObject": ("ETag", "LastModified", "ContentLength"),
    "ListBuckets": ("Buckets[].Name",),
    "ListMultipartUploads": ("IsTruncated", "Bucket"),
    "ListObjectVersions": ("IsTruncated", "Name", "MaxKeys"),
    "ListObjectsV2": ("IsTruncated", "Name"),
    "DescribeKey": ("KeyMetadata.Arn", "KeyMetadata.KeyState", "KeyMetadata.Enabled"),
    "GetKeyPolicy": ("Policy",),
    "ListGrants": ("Grants[].Operations", "Truncated"),
    "DescribeOrganization": ("Organization.Id", "Organization.MasterAccountId"),
    "DescribePolicy": ("Policy.Content",),
    "ListParents": ("Parents[].Id",),
    "ListPoliciesForTarget": ("Policies[].Id", "Policies[].Name"),
    "BatchGetResourceConfig": ("baseConfigurationItems",),
    "DescribeConfigurationRecorderStatus": ("ConfigurationRecordersStatus",),
    "GetCallerIdentity": ("Account", "Arn", "UserId"),
    "AssumeRole": ("Credentials",),
    "GetAccountAuthorizationDetails": (
        "RoleDetailList[].RoleName", "RoleDetailList[].Arn", "Policies[].Arn", "Policies[].PolicyVersionList",
        "IsTruncated",
    ),
    "GetPolicy": ("Policy.Arn", "Policy.DefaultVersionId"),
    "GetPolicyVersion": ("PolicyVersion.Document",),
    "GetRole": ("Role.AssumeRolePolicyDocument",),
    "ListAccessKeys": ("IsTruncated",),
    "ListGroupsForUser": ("IsTruncated",),
    "ListInstanceProfiles": ("IsTruncated",),
    "ListPolicyVersions": ("Versions[].VersionId",),
    "ListRoles": ("IsTruncated",),
    **{f"List{kind}Policies": ("PolicyNames", "IsTruncated") for kind in ("Role", "User", "Group")},
    **{
        f"ListAttached{kind}Policies": ("AttachedPolicies[].PolicyName", "AttachedPolicies[].PolicyArn", "IsTruncated")
        for kind in ("Role", "User", "Group")
    },
    "DescribeVpcAttribute": ("EnableDnsSupport|EnableDnsHostnames.Value",),
    "DescribeDhcpOptions": ("DhcpOptions[].DhcpOptionsId",),
    "DescribeEgressOnlyInternetGateways": ("EgressOnlyInternetGateways[].EgressOnlyInternetGatewayId",),
    "DescribeInstances": ("Reservations[].Instances[].InstanceId",),
    "DescribeInternetGateways": ("InternetGateways[].InternetGatewayId",),
    "DescribeManagedPrefixLists": ("PrefixLists[].PrefixListId", "PrefixLists[].PrefixListName"),
    "DescribeNatGateways": ("NatGateways[].NatGatewayId",),
    "DescribeNetworkAcls": ("NetworkAcls[].NetworkAclId", "NetworkAcls[].Entries"),
    "DescribeNetworkInterfaces": ("NetworkInterfaces[].NetworkInterfaceId", "NetworkInterfaces[].VpcId"),
    "DescribeRouteTables": ("RouteTables[].RouteTableId", "RouteTables[].Routes"),
    "DescribeSecurityGroupRules": ("SecurityGroupRules[].IpProtocol",),
    "DescribeSecurityGroups": ("SecurityGroups[].GroupId",),
    "DescribeSubnets": ("Subnets[].SubnetId",),
    "DescribeVpcEndpoints": ("VpcEndpoints[].VpcEndpointId", "VpcEndpoints[].ServiceName"),
    "DescribeVpcs": ("Vpcs[].VpcId",),
    "GetManagedPrefixListEntries": ("Entries[].Cidr",),
}  # fmt: skip
# What is required by the model, and says nothing that is asked here: emulators of the control plane leave it out.
NOT_ASKED: dict[str, frozenset[str]] = {"ListHostedZonesByVPC": frozenset({"MaxItems"})}
# What storage other than AWS' own may leave out: SeaweedFS and MinIO have no regions to tell of.
LEFT_OUT_ELSEWHERE: dict[str, frozenset[str]] = {"HeadBucket": frozenset({"BucketRegion"})}

# An answer to HEAD has no body, nor has one to most writes. S3 marks each of its answers with these (S3 API Reference,
# "Common response headers"), the services that speak JSON with x-amzn-requestid.
MARKS = frozenset({"x-amz-request-id", "x-amz-id-2", "x-amz-bucket-region"})
# Likewise of others: moto; Google Cloud Storage; Alibaba OSS. SeaweedFS, MinIO and Ceph send x-amz-request-id.
MARKS_ELSEWHERE = MARKS | {"x-amzn-requestid", "x-guploader-uploadid", "x-oss-request-id"}
# Host names of AWS (AWS General Reference, "Service endpoints"): commercial, China, dual-stack, isolated.
_OF_AWS = re.compile(r"\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws|api\.amazonwebservices\.com\.cn|c2s\.ic\.gov)$")
# SDKs ask again after these by themselves, whatever the body (botocore, "Retries").
RETRIED = frozenset({500, 502, 503, 504})
_ROOT = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)", re.DOTALL)
_CODE = re.compile(r"[A-Za-z][\w.:#/-]*")


@dataclass(frozen=True)
class Came:
    """What came back, and for what. protocol: as the service's model names it.  head: the request was HEAD.
    bodiless, text: the operation's answer has no body by its model, or a text of its own; on_aws: asked of AWS itself.
    """

    operation: str
    protocol: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    head: bool = False
    bodiless: bool = False
    text: bool = False
    on_aws: bool = True


def is_of_aws(host: str) -> bool:
    """Whether a name is one of AWS' own service endpoints."""
    return _OF_AWS.search(f".{host.lower().rstrip('.')}") is not None


def absent(operation: str, code: str, parameters: Mapping[str, Any], on_aws: bool = True) -> bool:
    """Whether this error is the operation's own word that what was asked for does not exist."""
    if code in ABSENT.get(operation, ()):
        return True
    if not on_aws and code in ABSENT_ELSEWHERE.get(operation, ()):
        return True
    named, own = ABSENT_IDS.get(operation, ("", ""))
    return bool(parameters.get(named)) and code.lower() == own.lower()


def flaw(came: Came) -> str | None:
    """Why this is no answer of the service that was asked; None where it is one, be it an error."""
    if came.head:
        return _unmarked(came, MARKS if came.on_aws else MARKS_ELSEWHERE)
    if came.status >= 300:
        return None if speaks(came) else f"{_told(came)}, without an error of the service's own"
    if came.bodiless and came.protocol in _MARKED:
        return _bodiless_flaw(came)
    if came.text:
        return _text_flaw(came)
    return _json_flaw(came) if came.protocol == "json" else _xml_flaw(came)


def speaks(came: Came) -> bool:
    """Whether an error has the form that the service gives its errors, with a code."""
    if came.protocol == "json":
        held = _loaded(came.body)
        code = held.get("__type") if isinstance(held, dict) else None
        return isinstance(code, str) and _CODE.match(code) is not None
    try:
        root = ElementTree.fromstring(came.body)
    except (ElementTree.ParseError, ValueError, LookupError):
        return False
    at = {"Error": "./{*}Code", "ErrorResponse": "./{*}Error/{*}Code", "Response": "./{*}Errors/{*}Error/{*}Code"}
    path = at.get(root.tag.rpartition("}")[2])
    code = root.findtext(path) if path is not None else None
    return code is not None and _CODE.match(code.strip()) is not None


def lacks(operation: str, page: Mapping[str, Any], shape: Any = None, on_aws: bool = True) -> str | None:
    """The first of what an answer always holds that this one does not. shape: the answer's, of the service's model."""
    spared = NOT_ASKED.get(operation, frozenset())
    spared |= frozenset() if on_aws else LEFT_OUT_ELSEWHERE.get(operation, frozenset())
    by_table = (path for path in ALWAYS.get(operation, ()) if not _holds(page, path))
    by_model = _required(shape, page, "") if shape is not None else iter(())
    return next((path for path in (*by_table, *by_model) if path not in spared), None)


def _required(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What the model calls required and the answer does not hold, in all that it does hold."""
    if shape.type_name == "list" and isinstance(value, list):
        for item in value:
            yield from _required(shape.member, item, f"{path}[]")
    if shape.type_name != "structure" or not isinstance(value, Mapping):
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{path}.{name}".lstrip(".")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _required(member, value[name], f"{path}.{name}")


def unfinished(page: Mapping[str, Any]) -> bool:
    """Whether the last page that was handed over says that more follow."""
    return page.get("IsTruncated") is True or page.get("Truncated") is True


def _holds(value: Any, path: str) -> bool:
    step, _, rest = path.partition(".")
    name, mark = (step[:-2], "[]") if step.endswith("[]") else (step.removesuffix("[+]"), step[-3:])
    found = [value[each] for each in name.split("|") if isinstance(value, Mapping) and value.get(each) is not None]
    if not found:
        return False
    if not step.endswith(("[]", "[+]")):
        return not rest or _holds(found[0], rest)
    items = found[0]
    if not isinstance(items, list) or (mark == "[+]" and not items):
        return False
    return not rest or all(_holds(item, rest) for item in items)


def _bodiless_flaw(came: Came) -> str | None:
    """An answer without a body counts by its marks alone, as one to HEAD does."""
    if came.body.lstrip()[:1] == b"<" and not str(_root(came.body)).startswith(came.operation):
        return f"{_told(came)} where no body is sent"
    return _unmarked(came, MARKS_ELSEWHERE)


def _unmarked(came: Came, witnesses: frozenset[str]) -> str | None:
    if witnesses & {name.lower() for name in came.headers}:
        return None
    return f"{_told(came)}, without a mark of the service ({', '.join(sorted(witnesses))})"


def _text_flaw(came: Came) -> str | None:
    """A text of its own is sent by one operation that is asked here, and it is a policy."""
    held = _loaded(came.body)
    if isinstance(held, dict) and held.get("Statement"):
        return None
    return f"{_told(came)} where a policy is sent"


def _json_flaw(came: Came) -> str | None:
    return None if isinstance(_loaded(came.body), dict) else f"{_told(came)} where JSON is sent"


def _xml_flaw(came: Came) -> str | None:
    due = [came.operation + end for end in _AFTER_THE_OPERATION]
    due = [ROOTS[came.operation], *due] if came.operation in ROOTS else due
    if _root(came.body) not in due:
        return f"{_told(came)} where <{due[0]}> is sent"
    # EC2 and the services of the query protocol name the request in each answer, at its end.
    named = {"ec2": b"requestId>", "query": b"RequestId>"}.get(came.protocol)
    return f"{_told(came)} without the request's id" if named is not None and named not in came.body else None


def _root(body: bytes) -> str | None:
    match = _ROOT.match(body)
    return match[1].decode() if match else None


def _loaded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _told(came: Came) -> str:
    """What came, and from whom as far as it says: ``HTTP 404 with <html> (server nginx)``."""
    root = _root(came.body)
    kind = f"with <{root}>" if root else "with a body that is neither XML" if came.body.strip() else "without a body"
    kind = "with HTML" if root in ("html", "HTML") or came.body.lstrip()[:9].lower() == b"<!doctype" else kind
    kind = "with JSON" if _loaded(came.body) is not None else kind.replace(" is neither XML", " is not the service's")
    server = next((value for name, value in came.headers.items() if name.lower() == "server"), "")
    return f"HTTP {came.status} {kind}" + (f" (server {server[:40]})" if server else "")
