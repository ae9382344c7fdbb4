# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check: what passes it, what fails it and where it then stands, and what leaves it open."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.finding import Finding, Unread
from ansible.module_utils.edge.iam.catalogue import CATALOGUE
from ansible.module_utils.edge.iam.checks import judge

from tests.unit.iam.edges import (
    ACCOUNT,
    ARN,
    BUCKET,
    DENIED,
    ENDPOINT,
    IDENTITY,
    KEY,
    KEY_POLICY,
    OTHER,
    PERIMETER,
    ROLE,
    document,
    edge,
    egress,
    facts,
    identity,
    judged,
    named,
    nat,
    without,
)

QUIET = {"IAM-19", "IAM-24", "IAM-25"}  # no organisation, no refusal, no lock asked for


def statuses(found: dict[str, Finding]) -> dict[str, str]:
    return {check: finding.status for check, finding in found.items()}


def failing(found: dict[str, Finding]) -> set[str]:
    return {check for check, finding in found.items() if finding.status == "fail"}


def test_a_healthy_edge_passes_every_check() -> None:
    expected = {check: "not_applicable" if check in QUIET else "pass" for check in CATALOGUE}
    assert statuses(judged()) == expected


def test_the_catalogue_is_whole() -> None:
    assert list(CATALOGUE) == [f"IAM-{number:02d}" for number in range(1, len(CATALOGUE) + 1)]
    blocking = {check for check, held in CATALOGUE.items() if held.effect == "blocks"}
    assert blocking == {
        "IAM-01",
        "IAM-02",
        "IAM-03",
        "IAM-04",
        "IAM-05",
        "IAM-06",
        "IAM-07",
        "IAM-08",
        "IAM-09",
        "IAM-14",
    }


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["s3:ListBucket"], {"IAM-02", "IAM-22"}),
        (["s3:ListBucketVersions"], {"IAM-02"}),
        (["s3:GetObjectVersion"], {"IAM-03", "IAM-21"}),
        (["s3:GetObject"], set()),  # the export asks for versions, and for nothing else
        (["s3:PutObject"], {"IAM-04", "IAM-05"}),
        (["s3:AbortMultipartUpload"], {"IAM-20"}),
        (["s3:ListMultipartUploadParts"], {"IAM-20"}),
        (["kms:Decrypt"], {"IAM-03", "IAM-05", "IAM-06", "IAM-20"}),
        (["kms:GenerateDataKey"], {"IAM-04", "IAM-05", "IAM-06"}),
    ],
)
def test_an_action_that_is_missing_fails_the_calls_that_need_it(actions: list[str], expected: set[str]) -> None:
    assert failing(judged(identity(without(IDENTITY, *actions)))) == expected


def test_without_versions_get_object_is_what_counts() -> None:
    held = identity(without(IDENTITY, "s3:GetObject"))
    held["asks"] = {"versions": False}
    assert failing(judged(held)) == {"IAM-03", "IAM-21"}


def test_the_first_call_that_fails_is_named_in_words() -> None:
    finding = judged(identity(without(IDENTITY, "kms:Decrypt")))["IAM-05"]
    assert finding.observed == (
        "a small PutObject works; UploadPart fails: kms:Decrypt is not granted by any identity policy"
    )
    assert (finding.hop, finding.resource) == ("identity_policy", KEY)


def test_list_bucket_on_objects_grants_nothing_and_is_named() -> None:
    objects = {**IDENTITY[0], "Action": [*IDENTITY[0]["Action"], "s3:ListBucket", "s3:GetBucketLocation"]}
    found = judged(identity([objects, *without(IDENTITY[1:], "s3:ListBucket")]))
    assert failing(found) == {"IAM-02", "IAM-12", "IAM-22"}
    assert "s3:ListBucket, s3:GetBucketLocation granted on acme-recordings/*" in found["IAM-12"].observed


def test_an_action_that_is_granted_on_the_bucket_as_well_is_not_misplaced() -> None:
    objects = {**IDENTITY[0], "Action": [*IDENTITY[0]["Action"], "s3:ListBucket"]}
    assert failing(judged(identity([objects, *IDENTITY[1:]]))) == set()


@pytest.mark.parametrize(
    ("held", "way", "hop", "check"),
    [
        (identity(without(IDENTITY, "s3:PutObject")), egress(), "identity_policy", "IAM-04"),
        (facts(principal={"boundary": named("limit", [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}])}),
         egress(), "identity_policy", "IAM-04"),
        (facts(), egress(endpoint_policy={"id": ENDPOINT, "document": document(
            [{"Effect": "Allow", "Principal": "*", "Action": "s3:Get*", "Resource": "*"}])}),
         "endpoint_policy", "IAM-04"),
        (facts(), nat(), "bucket_policy", "IAM-04"),
        (facts(key_policy=document([{**KEY_POLICY[0], "Action": "kms:Describe*"}])), egress(), "key", "IAM-05"),
    ],
)  # fmt: skip
def test_a_failure_stands_on_the_hop_of_the_layer_that_decided(held: Any, way: Any, hop: str, check: str) -> None:
    assert (judged(held, way)[check].status, judged(held, way)[check].hop) == ("fail", hop)


# IAM-01


def test_a_role_that_does_not_exist_blocks() -> None:
    found = judged(facts(principal=None))
    assert found["IAM-01"].status == "fail"
    assert {finding.status for check, finding in found.items() if check not in ("IAM-01", "IAM-17", "IAM-24")} == {
        "unknown"
    }


def test_an_instance_without_a_profile_signs_nothing() -> None:
    held = facts(principal_arn=None, principal_from=None, principal=None)
    assert judged(held, egress(role_arn=None))["IAM-01"].status == "fail"


def test_keys_in_the_settings_may_be_what_signs() -> None:
    held = facts(principal_arn=None, principal=None, static_keys=[{"file": "/etc/s.yaml", "setting": "accessKey"}])
    finding = judged(held, egress(role_arn=None))["IAM-01"]
    assert finding.status == "unknown" and "set edge_role_arn" in finding.observed


def test_outside_aws_a_principal_that_nobody_names_is_not_known() -> None:
    held = facts(principal_arn=None, principal=None)
    assert judged(held, {"in_aws": False, "route": None})["IAM-01"].status == "unknown"


# Layers.


def test_a_deny_is_named_with_its_statement() -> None:
    finding = judged(way=nat())["IAM-07"]
    assert finding.status == "fail" and finding.hop == "bucket_policy"
    assert finding.observed.startswith("statement Endpoint of the bucket policy denies HeadObject, GetObject")


@pytest.mark.parametrize("hidden", ["bucket_policy", "principal.boundary", "principal.policies"])
def test_a_hidden_policy_could_deny(hidden: str) -> None:
    held = facts()
    if "." in hidden:
        held["principal"][hidden.split(".")[1]] = DENIED.to_fact()
    else:
        held[hidden] = DENIED.to_fact()
    finding = judged(held)["IAM-07"]
    assert finding.status == "unknown" and finding.permissions == ("iam:GetRolePolicy",)


def test_an_endpoint_with_the_default_policy_lets_everything_through() -> None:
    assert judged(way=egress(endpoint_policy=None))["IAM-08"].status == "pass"


def test_without_an_endpoint_its_policy_is_no_question() -> None:
    assert judged(way=nat())["IAM-08"].status == "not_applicable"


def test_an_account_principal_at_a_gateway_endpoint_means_the_root_user_alone() -> None:
    policy = document([{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3:*", "Resource": "*"}])
    gateway = egress(endpoint_policy={"id": ENDPOINT, "document": policy})
    interface = {**gateway, "route": {"kind": "interface_endpoint", "id": ENDPOINT}}
    assert judged(way=gateway)["IAM-08"].status == "fail"
    assert judged(way=interface)["IAM-08"].status == "pass"


def test_a_bucket_of_another_account_must_grant_too() -> None:
    found = judged(facts(bucket_account=OTHER))
    assert {"IAM-02", "IAM-03", "IAM-04", "IAM-05", "IAM-09"} <= failing(found)
    assert found["IAM-09"].hop == "bucket_policy"


def test_a_bucket_whose_owner_is_not_known_is_open() -> None:
    hidden = Unread("denied", "s3:ListAllMyBuckets", "buckets", "AccessDenied", ("s3:ListAllMyBuckets",))
    found = judged(facts(bucket_account=hidden.to_fact()))
    assert found["IAM-09"].status == "unknown" and found["IAM-09"].permissions == ("s3:ListAllMyBuckets",)


def test_where_both_sides_allow_the_owner_does_not_matter() -> None:
    grant = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}
    held = facts(bucket_account=DENIED.to_fact(), bucket_policy=document([*PERIMETER, grant]))
    assert judged(held)["IAM-04"].status == "pass"


# The key.


def test_the_managed_key_serves_its_own_account_and_no_other() -> None:
    managed = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    nothing = dict.fromkeys(("key", "key_policy", "key_grants"))
    held = {**identity(without(IDENTITY, "kms:Decrypt", "kms:GenerateDataKey")), "encryption": managed, **nothing}
    assert failing(judged(held)) == set()
    assert judged({**held, "bucket_account": OTHER})["IAM-06"].status == "fail"


def test_a_key_that_does_not_exist_refuses_every_write() -> None:
    found = judged(facts(key=None, key_policy=None, key_grants=None))
    assert {"IAM-04", "IAM-05", "IAM-06"} <= failing(found)


def test_without_a_key_its_check_asks_nothing() -> None:
    plain = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    held = {**identity(without(IDENTITY, "kms:Decrypt", "kms:GenerateDataKey")), "encryption": plain, "key": None}
    assert judged(held)["IAM-06"].status == "not_applicable"
    assert failing(judged(held)) == set()


def test_a_key_policy_without_a_root_statement_ignores_identity_policies() -> None:
    lonely = [{**KEY_POLICY[0], "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"}}]
    finding = judged(facts(key_policy=document(lonely)))["IAM-06"]
    assert (finding.status, finding.hop) == ("fail", "key")


def test_a_grant_opens_the_key() -> None:
    lonely = [{**KEY_POLICY[0], "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"}}]
    grant = {
        "GrantId": "g",
        "GranteePrincipal": ROLE,
        "Operations": ["Decrypt", "GenerateDataKey"],
        "Constraints": None,
    }
    assert judged(facts(key_policy=document(lonely), key_grants=[grant]))["IAM-06"].status == "pass"
    hidden = Unread("denied", "kms:ListGrants", KEY, "AccessDenied", ("kms:ListGrants",))
    finding = judged(facts(key_policy=document(lonely), key_grants=hidden.to_fact()))["IAM-06"]
    assert (finding.status, finding.permissions) == ("unknown", ("kms:ListGrants",))


# Hygiene.


@pytest.mark.parametrize(
    ("statement", "check", "witness"),
    [
        ({"Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}, "IAM-10", ("s3:DeleteBucket", ARN)),
        ({"Action": "s3:DeleteObject", "Resource": f"{ARN}/calls/*"}, "IAM-10",
         ("s3:DeleteObject", f"{ARN}/calls/edgepath-witness")),
        ({"Action": "s3:GetObject", "Resource": f"{ARN}/*"}, "IAM-10", ("s3:GetObject", f"{ARN}/edgepath-witness")),
    ],
)  # fmt: skip
def test_what_goes_beyond_the_plan_has_a_witness(
    statement: dict[str, Any], check: str, witness: tuple[str, str]
) -> None:
    finding = judged(identity([*IDENTITY, {"Effect": "Allow", **statement}]))[check]
    assert finding.status == "fail"
    assert witness in [(item["action"], item["on"]) for item in finding.evidence]


def test_a_wildcard_that_a_boundary_narrows_is_no_witness() -> None:
    wide = [*IDENTITY, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
    assert judged(identity(wide))["IAM-11"].status == "pass"  # the boundary names the bucket
    assert judged(identity(wide, boundary=None), egress(endpoint_policy=None))["IAM-11"].status == "fail"


def test_a_bucket_named_by_a_wildcard_is_a_witness() -> None:
    wide = [*IDENTITY, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-*/*"}]
    finding = judged(identity(wide, boundary=None), egress(endpoint_policy=None))["IAM-11"]
    assert [item["on"] for item in finding.evidence] == ["arn:aws:s3:::acme-x/edgepath-witness"]


def test_a_deleted_principal_is_a_dead_grant() -> None:
    gone = {
        "Effect": "Allow",
        "Principal": {"AWS": "AROAEXAMPLEEXAMPLE999"},
        "Action": "s3:GetObject",
        "Resource": f"{ARN}/*",
    }
    finding = judged(facts(bucket_policy=document([*PERIMETER, gone])))["IAM-13"]
    assert finding.status == "fail" and "AROAEXAMPLEEXAMPLE999" in finding.observed


def test_an_instance_that_may_not_take_on_its_role_has_no_credentials() -> None:
    trust = document(
        [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    )
    finding = judged(facts(principal={"trust": trust}))["IAM-14"]
    assert finding.status == "fail"
    assert finding.fix is not None and finding.fix["statement"]["Principal"] == {"Service": "ec2.amazonaws.com"}


@pytest.mark.parametrize(
    ("principal", "condition", "status"),
    [
        ("*", None, "fail"),
        ({"AWS": "*"}, None, "fail"),
        ({"AWS": f"arn:aws:iam::{OTHER}:root"}, None, "fail"),
        ({"AWS": OTHER}, None, "fail"),
        ({"AWS": OTHER}, {"StringEquals": {"sts:ExternalId": "an-organisation"}}, "pass"),
        ({"AWS": OTHER}, {"StringLike": {"sts:ExternalId": "*"}}, "fail"),
        ({"AWS": OTHER}, {"StringNotEquals": {"sts:ExternalId": "x"}}, "fail"),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/deploy"}, None, "pass"),
        ({"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"}, None, "pass"),
    ],
)
def test_strangers_need_an_external_id(principal: Any, condition: Any, status: str) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    assert judged(facts(principal={"trust": document([statement])}))["IAM-15"].status == status


@pytest.mark.parametrize(
    ("seconds", "minutes", "status"),
    [(3600, 30, "pass"), (3600, 240, "fail"), (14400, 240, "pass"), (None, 240, "fail")],
)
def test_a_session_that_is_not_renewed_must_outlive_the_export(seconds: Any, minutes: float, status: str) -> None:
    held = facts(principal_from="edge_role_arn", principal={"max_session_seconds": seconds})
    on = edge(payload={"longest_minutes": minutes, "pace": 1})
    finding = judged(held, egress(role_arn=None), on)["IAM-16"]
    assert finding.status == status
    if status == "fail":
        assert finding.fix is not None and finding.fix["seconds"] == 14400


def test_static_keys_are_told_by_their_place_and_never_by_value() -> None:
    finding = judged(facts(static_keys=[{"file": "/opt/s.yaml", "setting": "secretAccessKey"}]))["IAM-17"]
    assert (finding.status, finding.observed) == ("fail", "secretAccessKey in /opt/s.yaml")


def test_without_settings_there_is_nothing_to_look_into() -> None:
    assert judged(facts(static_keys=None))["IAM-17"].status == "not_applicable"


def test_a_statement_with_an_end_is_judged_by_the_time_of_the_audit() -> None:
    for end, status in (("2026-11-22T09:00:00Z", "fail"), ("2026-11-22T11:00:00Z", "pass")):
        timed = [{**each, "Condition": {"DateLessThan": {"aws:CurrentTime": end}}} for each in IDENTITY]
        assert judged(identity(timed))["IAM-04"].status == status
    by_epoch = [{**each, "Condition": {"NumericLessThan": {"aws:EpochTime": "1000000000"}}} for each in IDENTITY]
    assert judged(identity(by_epoch))["IAM-04"].status == "fail"


def test_a_users_active_keys_are_long_lived_keys() -> None:
    user = f"arn:aws:iam::{ACCOUNT}:user/export"
    keys = [{"ends_with": "WXYZ", "status": "Active", "created": "2020-01-01T00:00:00+00:00"},
            {"ends_with": "ABCD", "status": "Inactive", "created": "2019-01-01T00:00:00+00:00"}]  # fmt: skip
    principal = {"kind": "user", "arn": user, "id": "AIDAEXAMPLE", "trust": None, "access_keys": keys}
    finding = judged(facts(principal_arn=user, principal_from="edge_role_arn", principal=principal))["IAM-17"]
    assert finding.status == "fail" and "2020-01-01" in finding.observed and "ABCD" not in finding.observed


def test_both_ways_are_compared() -> None:
    healthy = judged()["IAM-18"]
    assert healthy.status == "pass" and "through NAT" in healthy.observed and "Endpoint" in healthy.observed
    astray = judged(way=nat())["IAM-18"]
    assert astray.status == "pass"  # a new endpoint would not be the one that the policy names
    address = [{**PERIMETER[1], "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}]
    assert judged(facts(bucket_policy=document(address)), nat())["IAM-18"].status == "pass"
    assert judged(facts(bucket_policy=document(address)), nat("198.51.100.1"))["IAM-18"].status == "pass"


def test_a_way_that_decides_against_the_edge_is_named() -> None:
    inside = [{**PERIMETER[1], "Condition": {"Null": {"aws:SourceVpce": "true"}}}]
    finding = judged(facts(bucket_policy=document(inside)), nat())["IAM-18"]
    assert finding.status == "fail" and "vpce-0edgepathwitness the plan is allowed" in finding.observed


def test_addresses_that_lead_another_way_are_judged_as_well() -> None:
    way = egress()
    way["routes"] = [way["route"], nat()["route"]]
    finding = judged(way=way)["IAM-18"]
    assert finding.status == "fail" and "where other addresses lead" in finding.observed


def test_head_bucket_needs_listing_without_a_condition() -> None:
    listing = {**IDENTITY[1], "Condition": {"StringLike": {"s3:prefix": "calls/*"}}}
    found = judged(identity([IDENTITY[0], listing, IDENTITY[2]]))
    assert (found["IAM-02"].status, found["IAM-22"].status) == ("pass", "fail")
    assert "403, not 404" in found["IAM-22"].observed


def test_an_invalid_policy_is_an_error_and_no_answer() -> None:
    held = facts(bucket_policy={"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps", "Action": "s3:*"}]})
    found = judged(held)
    assert found["IAM-23"].status == "fail" and "bucket policy" in found["IAM-23"].observed
    assert found["IAM-04"].status == "unknown"


# Organisations.


def test_refused_organisation_policies_leave_one_check_open_and_no_other() -> None:
    refused = Unread(
        "denied", "organizations:ListPoliciesForTarget", "o", "AccessDenied", ("organizations:ListPoliciesForTarget",)
    )
    found = judged(facts(organisation=refused.to_fact()))
    assert {check for check, finding in found.items() if finding.status == "unknown"} == {"IAM-19"}
    assert "assumes that they allow" in found["IAM-19"].observed


def test_organisation_policies_that_merely_failed_to_come_leave_everything_open() -> None:
    throttled = Unread("throttled", "organizations:DescribeOrganization", "o", "slow down")
    found = judged(facts(organisation=throttled.to_fact()))
    assert {"IAM-02", "IAM-03", "IAM-04", "IAM-05", "IAM-07", "IAM-19"} <= {
        check for check, finding in found.items() if finding.status == "unknown"
    }


@pytest.mark.parametrize(
    ("levels", "status"),
    [
        ([[named("FullAWSAccess", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])]], "pass"),
        ([[named("a", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])],
          [named("b", [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}])]], "fail"),
        ([[named("c", [{"Effect": "Allow", "Action": "*", "Resource": "*"},
                       {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}])]], "fail"),
        ([[{"name": "d", "document": DENIED.to_fact()}]], "unknown"),
    ],
)  # fmt: skip
def test_every_level_of_the_organisation_must_allow(levels: Any, status: str) -> None:
    organisation = {"id": "o-1", "management": False, "scps": levels, "rcps": []}
    assert judged(facts(organisation=organisation))["IAM-04"].status == status


# Storage that is not Amazon's.


def test_storage_without_policies_is_judged_by_a_probe_alone() -> None:
    on = edge(storage_kind="s3_compatible", storage_endpoint="http://objects.test:9000", instance_id=None)
    held = facts(principal_arn=None, principal_from=None, principal=None)
    found = judged(held, {"in_aws": False, "route": None, "endpoint_policy": None}, on)
    meaningless = {check for check, finding in found.items() if finding.status == "not_applicable"}
    assert meaningless == {"IAM-08", "IAM-14", "IAM-15", "IAM-16", "IAM-19", "IAM-24"}
    assert found["IAM-17"].status == "pass"
    assert "only a probe can tell" in found["IAM-04"].observed and found["IAM-04"].reason == "not_collected"


def test_without_a_bucket_nothing_is_decided() -> None:
    found = judged(on=edge(bucket=None))
    assert found["IAM-04"].status == "unknown" and "edge_bucket is not set" in found["IAM-04"].observed


def test_unread_facts_leave_every_check_open() -> None:
    assert {finding.status for finding in judge(edge(), DENIED.to_fact(), {})} == {"unknown"}


def test_locks_are_judged_where_the_export_is_told_to_lock() -> None:
    assert judged(facts(asks={"legal_hold": True}))["IAM-25"].status == "fail"
    granted = [*IDENTITY, {"Effect": "Allow", "Action": "s3:PutObjectLegalHold", "Resource": f"{ARN}/calls/*"}]
    assert judged({**identity(granted), "asks": {"versions": True, "legal_hold": True}})["IAM-25"].status == "pass"


def test_a_condition_on_a_header_that_only_the_export_knows_is_open_and_names_it() -> None:
    header = {**PERIMETER[1], "Sid": "Encrypted", "Action": "s3:PutObject",
              "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}}  # fmt: skip
    finding = judged(facts(bucket_policy=document([header])))["IAM-04"]
    assert finding.status == "unknown" and "s3:x-amz-server-side-encryption" in finding.observed


@pytest.mark.parametrize(("least", "status"), [("1.2", "pass"), ("1.3", "unknown")])
def test_the_version_of_tls_is_at_least_what_s3_takes(least: str, status: str) -> None:
    tls = {**PERIMETER[0], "Condition": {"NumericLessThan": {"s3:TlsVersion": least}}}
    assert judged(facts(bucket_policy=document([tls])))["IAM-04"].status == status


def test_a_statement_that_names_the_roles_id_and_instance_is_decided() -> None:
    by_id = {**PERIMETER[1], "Condition": {"StringNotLike": {"aws:userId": "AROAEXAMPLEEXAMPLE123:*"}}}
    assert judged(facts(bucket_policy=document([by_id])))["IAM-04"].status == "pass"
    other = {**PERIMETER[1], "Condition": {"StringNotLike": {"aws:userId": "AROASOMEBODYELSE12345:*"}}}
    assert judged(facts(bucket_policy=document([other])))["IAM-04"].status == "fail"


def test_every_recording_key_that_is_named_must_be_readable() -> None:
    on = edge(recording_keys=["calls/a.wav", "archive/b.wav"])
    finding = judged(on=on)["IAM-03"]
    assert finding.status == "fail" and finding.resource == f"arn:aws:s3:::{BUCKET}/archive/b.wav"
