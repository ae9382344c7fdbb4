# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read, how often, and what becomes of each refusal; against answers in the form of the AWS API."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ansible.module_utils.edge.aws import permission_of
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.iam import facts as iam_facts
from ansible.module_utils.edge.iam.checks import judge
from ansible.module_utils.edge.iam.read_node import from_node, settings_with_keys
from ansible.module_utils.edge.iam.read_organisation import read_organisation
from ansible.module_utils.edge.iam.read_principal import DETAILS_FROM, PrincipalReader
from ansible.module_utils.edge.iam.recorded import FLEET
from ansible.module_utils.edge.run import Run, Step, facts_path, write_json
from ansible.module_utils.edge.targets import Edge

from tests.unit.iam.edges import (
    ACCOUNT,
    BOUNDARY,
    BUCKET,
    EDGE,
    IDENTITY,
    KEY,
    KEY_POLICY,
    OTHER,
    PERIMETER,
    ROLE,
    TRUST,
    document,
    egress,
)

POLICY = f"arn:aws:iam::{ACCOUNT}:policy/export"
LIMIT = f"arn:aws:iam::{ACCOUNT}:policy/limit"
SHARED = "arn:aws:iam::aws:policy/ReadOnly"
USER = f"arn:aws:iam::{ACCOUNT}:user/people/export"
MANAGED = {
    POLICY: document(IDENTITY),
    LIMIT: document(BOUNDARY),
    SHARED: document([{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]),
}
INLINE = document([{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}])
TREE = {ACCOUNT: ("ou-1", "ORGANIZATIONAL_UNIT"), "ou-1": ("r-1", "ROOT")}


def name_of(arn: str) -> str:
    return arn.rpartition("/")[2]


class Aws:
    """An account that answers as AWS does, and refuses what it is told to. Stands in for aws.Account."""

    refused: dict[str, str]
    organisation: str  # "none", "member" (refuses), "delegate" or "manager"

    def __init__(self, key: Any = None, session: Any = None) -> None:
        self.key = key
        self.calls: Counter[str] = Counter()

    def read_all(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]

    def identity(self) -> Any:
        return self.read("sts", "get_caller_identity", resource="caller")

    def read(
        self, service: str, operation: str, result_key: str | None = None, *, resource: str = "", **given: Any
    ) -> Any:
        permission = permission_of(service, operation)
        self.calls[permission] += 1
        state = self.refused.get(permission)
        if state is not None:
            return Unread(state, permission, resource, f"cannot read {resource}: {state}", (permission,))
        answer = copy.deepcopy(getattr(self, operation)(**given))
        return answer if answer is None or isinstance(answer, Unread) or result_key is None else answer[result_key]

    def get_caller_identity(self) -> Any:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/audit/edgepath-audit"}

    def _role(self, name: str) -> dict[str, Any]:
        return {"RoleName": name, "RoleId": "AROAEXAMPLEEXAMPLE123", "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
                "AssumeRolePolicyDocument": document(TRUST), "Tags": [{"Key": "site", "Value": "london"}],
                "PermissionsBoundary": {"PermissionsBoundaryArn": LIMIT}}  # fmt: skip

    def get_role(self, RoleName: str) -> Any:
        return {"Role": {**self._role(RoleName), "MaxSessionDuration": 7200}} if RoleName.startswith("edge") else None

    def list_roles(self) -> Any:
        return {"Roles": [{"RoleName": f"edge-{number}", "MaxSessionDuration": 7200} for number in range(60)]}

    def list_role_policies(self, RoleName: str) -> Any:
        return {"PolicyNames": ["logs"]}

    def get_role_policy(self, RoleName: str, PolicyName: str) -> Any:
        return {"PolicyDocument": INLINE}

    def list_attached_role_policies(self, RoleName: str) -> Any:
        return {"AttachedPolicies": [{"PolicyName": name_of(arn), "PolicyArn": arn} for arn in (POLICY, SHARED)]}

    def get_policy(self, PolicyArn: str) -> Any:
        return {"Policy": {"Arn": PolicyArn, "DefaultVersionId": "v3"}}

    def get_policy_version(self, PolicyArn: str, VersionId: str) -> Any:
        assert VersionId == "v3"
        return {"PolicyVersion": {"Document": MANAGED[PolicyArn]}}

    def get_account_authorization_details(self, Filter: Any, MaxItems: int, Marker: str = "") -> Any:
        first = int(Marker or 0)
        roles = []
        for number in range(first, min(first + 25, 60)):
            role = {
                **self._role(f"edge-{number}"),
                "RolePolicyList": [{"PolicyName": "logs", "PolicyDocument": INLINE}],
            }
            role["AttachedManagedPolicies"] = self.list_attached_role_policies("")["AttachedPolicies"]
            roles.append(role)
        old = {"VersionId": "v2", "Document": document([])}
        policies = [] if first else [
            {"Arn": arn, "DefaultVersionId": "v3", "PolicyVersionList": [old, {"VersionId": "v3", "Document": text}]}
            for arn, text in MANAGED.items()
        ]  # fmt: skip
        page = {"RoleDetailList": roles, "Policies": policies, "IsTruncated": first + 25 < 60}
        return {**page, "Marker": str(first + 25)} if page["IsTruncated"] else page

    def get_user(self, UserName: str) -> Any:
        return {"User": {"UserName": UserName, "UserId": "AIDAEXAMPLEEXAMPLE123", "Arn": USER, "Path": "/people/"}}

    def list_user_policies(self, UserName: str) -> Any:
        return {"PolicyNames": []}

    def list_attached_user_policies(self, UserName: str) -> Any:
        return {"AttachedPolicies": []}

    def list_groups_for_user(self, UserName: str) -> Any:
        return {"Groups": [{"GroupName": "exporters"}]}

    def list_group_policies(self, GroupName: str) -> Any:
        return {"PolicyNames": ["logs"]}

    def get_group_policy(self, GroupName: str, PolicyName: str) -> Any:
        return {"PolicyDocument": INLINE}

    def list_attached_group_policies(self, GroupName: str) -> Any:
        return {"AttachedPolicies": [{"PolicyName": "export", "PolicyArn": POLICY}]}

    def list_access_keys(self, UserName: str) -> Any:
        return {
            "AccessKeyMetadata": [
                {"AccessKeyId": "AKIAEXAMPLEEXAMPLEQQQ", "Status": "Active", "CreateDate": "2024-01-01"}
            ]
        }

    def list_buckets(self, endpoint_url: Any) -> Any:
        return {"Buckets": [{"Name": name} for name in (BUCKET, *(f"{BUCKET}-{number}" for number in range(60)))]}

    def get_bucket_policy(self, Bucket: str, endpoint_url: Any) -> Any:
        return {"Policy": json.dumps(document(PERIMETER)).replace(BUCKET, Bucket)}

    def get_bucket_encryption(self, Bucket: str, endpoint_url: Any) -> Any:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}}
        return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}

    def describe_key(self, KeyId: str) -> Any:
        return {
            "KeyMetadata": {
                "Arn": KEY,
                "AWSAccountId": ACCOUNT,
                "KeyState": "Enabled",
                "KeyManager": "CUSTOMER",
                "Extra": 1,
            }
        }

    def get_key_policy(self, KeyId: str, PolicyName: str) -> Any:
        return {"Policy": json.dumps(document(KEY_POLICY))}

    def list_grants(self, KeyId: str) -> Any:
        return {
            "Grants": [
                {"GrantId": "g", "GranteePrincipal": ROLE, "Operations": ["Decrypt"], "Name": "n", "CreationDate": 1}
            ]
        }

    def describe_configuration_recorder_status(self) -> Any:
        return {"ConfigurationRecordersStatus": []}

    def describe_organization(self) -> Any:
        if self.organisation == "none":
            return None
        return {"Organization": {"Id": "o-1", "MasterAccountId": ACCOUNT if self.organisation == "manager" else OTHER}}

    def _may_look(self, what: str) -> Any:
        permission = f"organizations:{what}"
        return (
            None
            if self.organisation == "delegate"
            else Unread("denied", permission, "o", "AccessDenied", (permission,))
        )

    def list_parents(self, ChildId: str) -> Any:
        parent, kind = TREE[ChildId]
        return self._may_look("ListParents") or {"Parents": [{"Id": parent, "Type": kind}]}

    def list_policies_for_target(self, TargetId: str, Filter: str) -> Any:
        held = [{"Id": "p-Full", "Name": "FullAWSAccess"}] if Filter == "SERVICE_CONTROL_POLICY" else []
        return self._may_look("ListPoliciesForTarget") or {"Policies": held}

    def describe_policy(self, PolicyId: str) -> Any:
        return {"Policy": {"Content": json.dumps(document([{"Effect": "Allow", "Action": "*", "Resource": "*"}]))}}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> type[Aws]:
    """The class of which each account handle is made; what is set on it holds for all of them."""

    class Cloud(Aws):
        refused: dict[str, str] = {}
        organisation = "none"

    monkeypatch.setattr(iam_facts, "account_of", lambda _run, key: Cloud(key))
    return Cloud


def run_of(tmp_path: Any, edges: Sequence[Edge], way: Any = None) -> Run:
    """A run in which egress has been judged and the edges were visited."""
    run = Run(str(tmp_path))
    run.store(Step("egress", facts={edge.name: egress() if way is None else way for edge in edges}))
    config = {"path": "/etc/export.yml", "text": "export:\n  versions: true\n"}
    for edge in edges:
        section = {"export_config": config, "recording_storage": None, "process": None}
        write_json(facts_path(str(tmp_path), edge.name), {"timeouts": section})
    return Run(str(tmp_path))


def edges(count: int, **changes: Any) -> list[Edge]:
    return [
        Edge.from_mapping({**EDGE, "name": f"edge-{number}", "bucket": f"{BUCKET}-{number}",
                           "role_arn": f"arn:aws:iam::{ACCOUNT}:role/edge-{number}", **changes})
        for number in range(count)
    ]  # fmt: skip


def statuses(edge: Edge, facts: Any, way: Any = None) -> dict[str, str]:
    found = judge(edge, facts, {"egress": egress() if way is None else way})
    return {finding.check: finding.status for finding in found}


# What is read.


def test_the_facts_of_one_edge(cloud: type[Aws], tmp_path: Any) -> None:
    (edge,) = edges(1)
    facts, calls = iam_facts.gather([edge], run_of(tmp_path, [edge]))
    held = facts["edge-0"]
    assert held["principal_arn"] == f"arn:aws:iam::{ACCOUNT}:role/edge-0"
    assert [item["name"] for item in held["principal"]["policies"]] == ["logs", "export", "ReadOnly"]
    assert held["principal"]["policies"][1]["document"] == MANAGED[POLICY]
    assert held["principal"]["boundary"]["document"] == MANAGED[LIMIT]
    assert (held["principal"]["max_session_seconds"], held["principal"]["tags"]) == (7200, {"site": "london"})
    assert held["bucket_account"] == ACCOUNT and held["organisation"] is None
    assert held["key"] == {"Arn": KEY, "AWSAccountId": ACCOUNT, "KeyState": "Enabled", "Enabled": None,
                           "KeyManager": "CUSTOMER", "DeletionDate": None}  # fmt: skip
    assert held["key_grants"] == [
        {"GrantId": "g", "GranteePrincipal": ROLE, "Operations": ["Decrypt"], "Constraints": None}
    ]
    assert held["asks"] == {"versions": True, "legal_hold": None, "retention": None}
    assert json.loads(json.dumps(facts)) == facts
    assert max(calls.values()) == 3  # the three managed policies


def test_the_role_of_the_instance_profile_is_taken_where_none_is_named(cloud: type[Aws], tmp_path: Any) -> None:
    edge = Edge.from_mapping(EDGE)
    facts, _ = iam_facts.gather([edge], run_of(tmp_path, [edge]))
    assert (facts["london-1"]["principal_arn"], facts["london-1"]["principal_from"]) == (ROLE, "instance_profile")


def test_what_edges_share_is_read_once(cloud: type[Aws], tmp_path: Any) -> None:
    fleet = edges(40, bucket=BUCKET, role_arn=ROLE)
    facts, calls = iam_facts.gather(fleet, run_of(tmp_path, fleet))
    assert len(facts) == 40 and sum(calls.values()) == sum(iam_facts.gather(fleet[:1], Run(str(tmp_path)))[1].values())
    assert facts["edge-0"]["principal"] is facts["edge-39"]["principal"]


def test_many_roles_cost_pages_and_not_calls(cloud: type[Aws], tmp_path: Any) -> None:
    fleet = edges(50)
    facts, calls = iam_facts.gather(fleet, run_of(tmp_path, fleet))
    assert calls["iam:GetAccountAuthorizationDetails"] == 3 and "iam:GetRole" not in calls
    assert calls["s3:GetBucketPolicy"] == 50 and calls["kms:DescribeKey"] == 1
    assert sum(calls.values()) <= 115
    assert {unread(held["principal"]) for held in facts.values()} == {None}


def test_both_ways_of_reading_roles_say_the_same(cloud: type[Aws], tmp_path: Any) -> None:
    arns = [f"arn:aws:iam::{ACCOUNT}:role/edge-{number}" for number in range(DETAILS_FROM)]
    by_pages = PrincipalReader(cloud(), ACCOUNT).read(arns)  # type: ignore[arg-type]
    cloud.refused = {"iam:GetAccountAuthorizationDetails": "denied"}
    assert PrincipalReader(cloud(), ACCOUNT).read(arns) == by_pages  # type: ignore[arg-type]


def test_a_role_that_the_pages_do_not_hold_is_asked_for(cloud: type[Aws]) -> None:
    arns = [
        f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("edge-0", "edge-1", "edge-2", "edge-3", "edge-new", "gone")
    ]
    found = PrincipalReader(cloud(), ACCOUNT).read(arns)  # type: ignore[arg-type]
    assert found[arns[4]]["arn"] == arns[4] and found[arns[5]] is None


def test_a_user_brings_its_groups_and_the_age_of_its_keys(cloud: type[Aws]) -> None:
    found = PrincipalReader(cloud(), ACCOUNT).read([USER])[USER]  # type: ignore[arg-type]
    assert [item["name"] for item in found["policies"]] == ["logs", "export"]
    assert found["access_keys"] == [{"ends_with": "EQQQ", "status": "Active", "created": "2024-01-01"}]


@pytest.mark.parametrize(
    ("arn", "word"),
    [
        ("edge-export", "is not the ARN"),
        (f"arn:aws:iam::{OTHER}:role/edge", f"the audit reads account {ACCOUNT}"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/bob", "neither a role nor a user"),
    ],
)
def test_what_is_no_principal_of_this_account_is_not_guessed_at(cloud: type[Aws], arn: str, word: str) -> None:
    gone = unread(PrincipalReader(cloud(), ACCOUNT).read([arn])[arn])  # type: ignore[arg-type]
    assert gone is not None and word in gone.message


def test_a_sessions_arn_stands_for_its_role(cloud: type[Aws]) -> None:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/edge-1/i-1"
    assert PrincipalReader(cloud(), ACCOUNT).read([arn])[arn]["arn"].endswith(":role/edge-1")  # type: ignore[arg-type]


def test_storage_without_a_role_is_not_asked_for_one(cloud: type[Aws], tmp_path: Any) -> None:
    edge = Edge.from_mapping({"name": "on-prem", "storage_kind": "s3_compatible", "storage_endpoint": "http://o.test",
                              "bucket": BUCKET})  # fmt: skip
    facts, calls = iam_facts.gather([edge], run_of(tmp_path, [edge], {"in_aws": False, "role_arn": None}))
    assert set(calls) == {"s3:GetBucketPolicy", "s3:GetEncryptionConfiguration"}
    assert facts["on-prem"]["principal_arn"] is None and facts["on-prem"]["organisation"] is None


def test_storage_of_another_kind_with_a_role_is_read_like_aws(cloud: type[Aws], tmp_path: Any) -> None:
    edge = Edge.from_mapping({"name": "on-prem", "storage_kind": "s3_compatible", "storage_endpoint": "http://o.test",
                              "bucket": BUCKET, "role_arn": ROLE, "aws_endpoint_url": "http://o.test"})  # fmt: skip
    facts, calls = iam_facts.gather([edge], run_of(tmp_path, [edge], {"in_aws": False, "role_arn": None}))
    assert facts["on-prem"]["bucket_account"] == ACCOUNT and facts["on-prem"]["principal"]["arn"] == ROLE
    assert "organizations:DescribeOrganization" not in calls and "kms:DescribeKey" not in calls


def test_an_edge_without_a_bucket_does_not_keep_others_from_being_read(cloud: type[Aws], tmp_path: Any) -> None:
    fleet = [*edges(1), Edge.from_mapping({"name": "bare", "region": "eu-west-2"})]
    facts, _ = iam_facts.gather(fleet, run_of(tmp_path, fleet))
    gone = unread(facts["bare"]["bucket_policy"])
    assert gone is not None and "edge_bucket is not set" in gone.message
    assert statuses(fleet[0], facts["edge-0"])["IAM-04"] == "fail"  # the policy names another bucket


# Organisations.


def test_the_levels_of_the_organisation_from_the_root_down(cloud: type[Aws]) -> None:
    cloud.organisation = "delegate"
    found = read_organisation(cloud(), ACCOUNT)  # type: ignore[arg-type]
    assert [[policy["name"] for policy in level] for level in found["scps"]] == [["FullAWSAccess"]] * 3
    assert found["rcps"] == [] and found["management"] is False


def test_the_management_account_has_no_levels(cloud: type[Aws]) -> None:
    cloud.organisation = "manager"
    assert read_organisation(cloud(), ACCOUNT) == {"id": "o-1", "management": True, "scps": [], "rcps": []}  # type: ignore[arg-type]


def test_a_member_may_not_look(cloud: type[Aws]) -> None:
    cloud.organisation = "member"
    gone = unread(read_organisation(cloud(), ACCOUNT))  # type: ignore[arg-type]
    assert gone is not None and gone.permissions == ("organizations:ListParents",)


# Refusals.

# Refused, these leave IAM-19 open and no other check: an ordinary member account meets that for ever.
ORGANISATION = (
    "organizations:DescribeOrganization",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
)
ORDER = {"fail": 0, "unknown": 0, "not_applicable": 1, "pass": 2}


@pytest.mark.parametrize("count", [1, DETAILS_FROM])
@pytest.mark.parametrize("state", ["denied", "throttled", "error"])
@pytest.mark.parametrize("missing", [(), ("s3:PutObject",), ("kms:Decrypt",)])
def test_no_refused_call_makes_anything_greener(
    cloud: type[Aws], tmp_path: Any, monkeypatch: pytest.MonkeyPatch, count: int, state: str, missing: tuple[str, ...]
) -> None:
    wide = [
        {"Effect": "Allow", "Action": [name for name in statement["Action"] if name not in missing], "Resource": "*"}
        for statement in IDENTITY
    ]
    for arn in (POLICY, LIMIT):
        monkeypatch.setitem(MANAGED, arn, document(wide))
    cloud.organisation = "delegate"
    fleet = edges(count)
    run = run_of(tmp_path, fleet, egress(endpoint_policy=None))
    facts, calls = iam_facts.gather(fleet, run)
    way = egress(endpoint_policy=None)
    before = statuses(fleet[0], facts["edge-0"], way)
    assert before["IAM-04"] == ("fail" if "s3:PutObject" in missing else "pass")
    assert before["IAM-05"] == ("fail" if missing else "pass")
    for permission in calls:
        cloud.refused = {permission: state}
        after = statuses(fleet[0], iam_facts.gather(fleet, run)[0]["edge-0"], way)
        for check, status in after.items():
            assert ORDER[status] <= ORDER[before[check]], (permission, check, before[check], status)
            assert not (before[check] == "pass" and status == "fail"), (permission, check)
        if permission in ORGANISATION and state == "denied":
            assert after["IAM-19"] == "unknown" and after["IAM-04"] == before["IAM-04"]


def test_a_fleet_s_encryption_comes_from_aws_config_where_that_records_it(cloud: type[Aws], tmp_path: Any) -> None:
    default = {"sseAlgorithm": "aws:kms", "kmsMasterKeyID": KEY}
    parts = {"ServerSideEncryptionConfiguration": {"rules": [{"applyServerSideEncryptionByDefault": default}]}}

    def records(self: Any, resourceKeys: Any) -> Any:
        found = [
            {"resourceId": key["resourceId"], "configurationItemStatus": "OK", "configurationItemCaptureTime": "then",
             "supplementaryConfiguration": {name: json.dumps(value) for name, value in parts.items()}}
            for key in resourceKeys[1:]
        ]  # fmt: skip
        return {"baseConfigurationItems": found}

    running = {"ConfigurationRecordersStatus": [{"recording": True, "lastStatus": "SUCCESS"}]}
    cloud.describe_configuration_recorder_status = lambda self: running  # type: ignore[attr-defined]
    cloud.batch_get_resource_config = records  # type: ignore[attr-defined]
    fleet = edges(FLEET)
    run = run_of(tmp_path, fleet)
    facts, calls = iam_facts.gather(fleet, run)
    # The one bucket that is not recorded is asked for.
    assert (calls["s3:GetEncryptionConfiguration"], calls["config:BatchGetResourceConfig"]) == (1, 1)
    of_s3, of_config = (name for name in ("edge-24", "edge-0"))
    assert {facts[name]["recorded"] is None for name in (of_s3, of_config)} == {True, False}
    told = [finding for name in (of_s3, of_config) for edge in fleet if edge.name == name
            for finding in judge(edge, facts[name], {"egress": egress()}) if finding.check == "IAM-06"]  # fmt: skip
    assert {finding.status for finding in told} == {"pass"}
    assert sum(item.get("captured") == "then" for finding in told for item in finding.evidence) == 1
    cloud.refused = {"config:DescribeConfigurationRecorderStatus": "denied"}
    assert iam_facts.gather(fleet, run)[1]["s3:GetEncryptionConfiguration"] == FLEET


def test_the_refusals_of_the_edge_s_log_come_with_the_visit(cloud: type[Aws], tmp_path: Any) -> None:
    told, silent = edges(2, log_path="/var/log/edge.log")
    run = run_of(tmp_path, [told, silent])
    line = f"User: {ROLE} is not authorized to perform: s3:PutObject"
    seen = {"access_denied": {"count": 1, "samples": [{"text": line}]}}
    write_json(facts_path(str(tmp_path), told.name), {"log": {"log": {"classes": seen}, "journal": None}})
    facts, _ = iam_facts.gather([told, silent], run)
    assert facts[told.name]["denials"] == [line]
    # The visit to the other edge brought no log.
    assert unread(facts[silent.name]["denials"]) is not None
    (without_log,) = edges(1)
    assert iam_facts.gather([without_log], run)[0][without_log.name]["denials"] is None


def test_everything_refused_is_everything_unknown(cloud: type[Aws], tmp_path: Any) -> None:
    (edge,) = edges(1)
    cloud.refused = dict.fromkeys(iam_facts.gather([edge], run_of(tmp_path, [edge]))[1], "denied")
    found = statuses(edge, iam_facts.gather([edge], run_of(tmp_path, [edge]))[0]["edge-0"])
    assert {check for check, status in found.items() if status != "unknown"} == {"IAM-17", "IAM-24"}


# What the edge's own files say.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "recordingStorage:\n  accessKeyId: REDACTED\n  secretAccessKey: REDACTED\n",
            ["accessKeyId", "secretAccessKey"],
        ),
        ("aws_access_key_id = REDACTED\n", ["aws_access_key_id"]),
        ('{"storage": {"access_key": "REDACTED", "bucket": "b"}}', ["access_key"]),
        ("access-key: REDACTED", ["access-key"]),
        ("accessKeyId:\nsecretAccessKey: null\n", []),
        ('accessKeyId: ""\n', []),
        ("# accessKeyId: old\n", []),
        ("bucket: b\nkey: exports/\n", []),
        ("", []),
        (None, []),
    ],
)
def test_keys_in_settings_are_told_by_name(text: Any, expected: list[str]) -> None:
    assert settings_with_keys(text) == expected


def section(**changes: Any) -> dict[str, Any]:
    return {"export_config": None, "recording_storage": None, "process": None, **changes}


def test_keys_in_the_environment_of_the_process_count_too() -> None:
    environment = {"environment": {"AWS_ACCESS_KEY_ID": "REDACTED", "PATH": "/bin"}}
    found = from_node(Edge.from_mapping(EDGE), section(process=environment))["static_keys"]
    assert [item["setting"] for item in found] == ["AWS_ACCESS_KEY_ID"]


def test_where_no_file_is_named_none_can_hold_keys() -> None:
    assert from_node(Edge.from_mapping(EDGE), section())["static_keys"] is None


@pytest.mark.parametrize("name", ["recording_storage", "export_config", "process"])
def test_a_file_that_was_not_read_may_hold_keys(name: str) -> None:
    gone = Unread("denied", "read", "/x", "permission denied")
    held = from_node(Edge.from_mapping(EDGE), section(**{name: gone.to_fact()}))["static_keys"]
    assert unread(held) == gone


@pytest.mark.parametrize(
    ("text", "expected"),
    [("export:\n  versions: true\n", True), ("export:\n  versions: no\n", False), ("export: {}\n", None)],
)
def test_what_the_export_is_told(text: str, expected: Any) -> None:
    config = {"path": "/etc/export.yml", "text": text}
    assert from_node(Edge.from_mapping(EDGE), section(export_config=config))["asks"]["versions"] is expected


def test_a_configuration_that_is_no_yaml_says_nothing() -> None:
    config = {"path": "/etc/export.yml", "text": "export: [\n"}
    gone = unread(from_node(Edge.from_mapping(EDGE), section(export_config=config))["asks"]["versions"])
    assert gone is not None and gone.state == "error"
