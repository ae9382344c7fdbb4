# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fix, made: the calls pass, nothing else does, and the caller keeps what it had."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible.module_utils.edge.iam.changes import Change
from ansible.module_utils.edge.iam.fixes import LOCKED_OUT, Fixer
from ansible.module_utils.edge.iam.scene import ALLOWED
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.unit.iam.edges import (
    ACCOUNT,
    ARN,
    DENIED,
    ENDPOINT,
    IDENTITY,
    KEY,
    KEY_POLICY,
    OTHER,
    PERIMETER,
    ROLE,
    case,
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

FULL = named("FullAWSAccess", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])


def fix_of(check: str, held: Any = None, way: Any = None) -> dict[str, Any]:
    finding = judged(held, way)[check]
    assert finding.status == "fail" and finding.fix is not None, finding
    return dict(finding.fix)


def made(held: Any, fix: dict[str, Any]) -> dict[str, Any]:
    """The facts after converge has made a fix, by its own parameters alone."""
    for change in (fix, *fix.get("then", ())):
        held = _one(held, change)
    return held


def _one(held: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    action = change["action"]
    if action == "grant_identity_statement":
        policies = [item for item in held["principal"]["policies"] if item["name"] != change["policy"]]
        old = [item for item in held["principal"]["policies"] if item["name"] == change["policy"]]
        statements = [*(old[0]["document"]["Statement"] if old else []), change["statement"]]
        return facts(
            **{**held, "principal": {**held["principal"], "policies": [*policies, named(change["policy"], statements)]}}
        )
    if action == "grant_boundary_statement":
        limit = held["principal"]["boundary"]
        grown = named(limit["name"], [*limit["document"]["Statement"], change["statement"]])
        return facts(**{**held, "principal": {**held["principal"], "boundary": grown}})
    name = {"grant_bucket_statement": "bucket_policy", "grant_key_statement": "key_policy"}.get(action, "bucket_policy")
    statements = list((held[name] or {"Statement": []})["Statement"])
    if action == "except_from_deny":
        statements[change["index"]] = change["statement"]
    else:
        statements.append(change["statement"])
    return facts(**{**held, name: document(statements)})


def test_the_missing_write_is_granted_on_the_prefix_and_nowhere_else() -> None:
    fix = fix_of("IAM-04", identity(without(IDENTITY, "s3:PutObject")))
    assert fix["action"] == "grant_identity_statement"
    assert (fix["policy"], fix["principal"]) == ("edgepath-export", ROLE)
    assert fix["statement"] == {
        "Sid": "EdgepathWriting",
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": f"{ARN}/calls/*",
    }
    assert fix["summary"] == f"add s3:PutObject on {ARN}/calls/* to the inline policy edgepath-export"
    assert fix["proof"] == {
        "calls": {"PutObject": ALLOWED},
        "plan": "every call of the plan is allowed once all fixes are made",
        "adds": [],
        "caller": "not concerned: no policy of the bucket or the key is changed",
        "proven": True,
    }


def test_listing_is_granted_on_the_bucket_itself() -> None:
    fix = fix_of("IAM-02", identity(without(IDENTITY, "s3:ListBucket")))
    assert fix["statement"]["Resource"] == ARN


def test_one_statement_has_one_content_whichever_check_asks() -> None:
    found = judged(identity([IDENTITY[2]]))
    statements: dict[str, Any] = {}
    for finding in found.values():
        for change in [finding.fix, *finding.fix.get("then", ())] if finding.fix else []:
            known = statements.setdefault(change["statement"]["Sid"], change["statement"])
            assert known == change["statement"]
    assert set(statements) == {"EdgepathListing", "EdgepathReading", "EdgepathWriting", "EdgepathTidying"}


def test_what_was_granted_on_objects_is_granted_on_the_bucket() -> None:
    objects = {**IDENTITY[0], "Action": [*IDENTITY[0]["Action"], "s3:ListBucket", "s3:GetBucketLocation"]}
    held = identity([objects, *without(IDENTITY[1:], "s3:ListBucket")])
    fix = fix_of("IAM-12", held)
    assert [(change["statement"]["Sid"], change["statement"]["Action"]) for change in (fix, *fix["then"])] == [
        ("EdgepathListing", ["s3:ListBucket"]),
        ("EdgepathBucket", ["s3:GetBucketLocation"]),
    ]
    assert judged(made(held, fix))["IAM-12"].status == "pass"


def test_the_key_is_granted_through_s3_alone() -> None:
    fix = fix_of("IAM-06", identity(without(IDENTITY, "kms:Decrypt")))
    assert fix["statement"] == {
        "Sid": "EdgepathKey",
        "Effect": "Allow",
        "Action": ["kms:Decrypt"],
        "Resource": KEY,
        "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-2.amazonaws.com"}},
    }


def test_a_key_policy_that_ignores_identity_policies_gets_the_statement_itself() -> None:
    lonely = document([{**KEY_POLICY[0], "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"}}])
    fix = fix_of("IAM-06", facts(key_policy=lonely))
    assert (fix["action"], fix["key"], fix["statement"]["Principal"]) == ("grant_key_statement", KEY, {"AWS": ROLE})
    assert fix["statement"]["Resource"] == "*"
    assert fix["proof"]["proven"] is True


def test_a_boundary_grows_by_what_the_plan_needs() -> None:
    limit = named("limit", without(IDENTITY, "s3:PutObject"))
    fix = fix_of("IAM-04", facts(principal={"boundary": limit}))
    assert (fix["action"], fix["policy_arn"]) == ("grant_boundary_statement", limit["arn"])


def test_another_accounts_bucket_gets_a_statement_for_the_role() -> None:
    fix = fix_of("IAM-04", facts(bucket_account=OTHER, bucket_policy=None))
    assert (fix["action"], fix["bucket"]) == ("grant_bucket_statement", "acme-recordings")
    assert fix["statement"]["Principal"] == {"AWS": ROLE}


def test_the_endpoints_policy_names_the_role_by_its_condition_key() -> None:
    closed = egress(
        endpoint_policy={
            "id": ENDPOINT,
            "document": document([{**PERIMETER[0], "Effect": "Allow", "Action": "s3:Get*", "Condition": {}}]),
        }
    )
    fix = fix_of("IAM-08", facts(), closed)
    assert (fix["action"], fix["endpoint"]) == ("grant_endpoint_statement", ENDPOINT)
    for change in (fix, *fix["then"]):
        assert change["statement"]["Condition"] == {"ArnEquals": {"aws:PrincipalArn": ROLE}}


def test_two_layers_that_both_refuse_are_both_changed() -> None:
    limit = named("limit", without(IDENTITY, "s3:PutObject"))
    held = identity(without(IDENTITY, "s3:PutObject"))
    held["principal"]["boundary"] = limit
    fix = fix_of("IAM-04", held)
    assert {fix["action"], *(change["action"] for change in fix["then"])} == {
        "grant_identity_statement", "grant_boundary_statement"
    }  # fmt: skip


# Exceptions.


@pytest.mark.parametrize(
    ("condition", "way", "expected"),
    [
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-other"}}, egress(),
         {"StringNotEquals": {"aws:SourceVpce": ["vpce-other", ENDPOINT]}}),
        ({"StringNotEquals": {"aws:SourceVpc": ["vpc-other"]}}, egress(),
         {"StringNotEquals": {"aws:SourceVpc": ["vpc-other", "vpc-0abc"]}}),
        ({"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}}, nat(),
         {"NotIpAddress": {"aws:SourceIp": ["198.51.100.0/24", "203.0.113.7"]}}),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/other"}}, nat(),
         {"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/other", ROLE]}}),
        ({"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}}, egress(),
         {"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}, "StringNotEquals": {"aws:SourceVpce": ENDPOINT}}),
    ],
)  # fmt: skip
def test_a_perimeter_gets_the_edges_own_mark_as_an_exception(condition: Any, way: Any, expected: Any) -> None:
    held = facts(bucket_policy=document([PERIMETER[0], {**PERIMETER[1], "Condition": condition}]))
    fix = fix_of("IAM-07", held, way)
    assert (fix["action"], fix["policy"], fix["index"]) == ("except_from_deny", "bucket policy", 1)
    assert fix["statement"]["Condition"] == expected
    assert fix["summary"].startswith("except ") and fix["summary"].endswith("from statement Endpoint of bucket policy")
    assert fix["proof"]["proven"] is True and fix["proof"]["caller"] == "keeps what it may do to these policies"
    assert judged(made(held, fix), way)["IAM-07"].status == "pass"


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"s3:authType": "REST-HEADER"}},
        {"Bool": {"aws:ViaAWSService": "false"}},
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-other"}},
    ],
)
def test_a_denial_that_is_no_perimeter_gets_no_exception(condition: Any) -> None:
    held = facts(bucket_policy=document([{**PERIMETER[1], "Condition": condition}]))
    finding = judged(held)["IAM-07"]
    assert finding.status == "fail" and finding.fix is None


def test_what_only_the_organisation_can_change_is_left_to_it() -> None:
    deny = named("deny", [{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}])
    organisation = {"id": "o-1", "management": False, "scps": [[FULL, deny]], "rcps": []}
    finding = judged(facts(organisation=organisation))["IAM-04"]
    assert finding.status == "fail" and finding.fix is None


def test_what_cannot_be_cured_does_not_hide_what_can() -> None:
    deny = named("deny", [{"Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*"}])
    organisation = {"id": "o-1", "management": False, "scps": [[FULL, deny]], "rcps": []}
    fix = fix_of("IAM-04", identity(without(IDENTITY, "s3:PutObject"), organisation=organisation))
    assert fix["proof"]["plan"].startswith("with all fixes made, ListObjectsV2 still fails")


def test_a_fix_that_cannot_be_proven_says_so() -> None:
    fix = fix_of("IAM-04", identity(without(IDENTITY, "s3:PutObject")), egress(endpoint_policy=DENIED.to_fact()))
    assert fix["proof"]["calls"] == {"PutObject": "unknown"} and fix["proof"]["proven"] is False


def test_a_change_that_would_lock_out_the_caller_is_told() -> None:
    fixer = Fixer(case())
    admin = [*PERIMETER, {"Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketPolicy", "Resource": ARN}]
    assert fixer._caller([Change("resource", "bucket policy", admin[-1])]) == LOCKED_OUT


# Whatever is missing.

ACTIONS = sorted({action for statement in IDENTITY for action in statement["Action"]} - {"s3:GetObject"})


@pytest.mark.parametrize("missing", [*itertools.combinations(ACTIONS, 1), *itertools.combinations(ACTIONS, 2), ACTIONS])
def test_whatever_is_missing_the_fixes_together_cure_every_failure(missing: tuple[str, ...]) -> None:
    held = identity(without(IDENTITY, *missing))
    found = judged(held)
    for finding in [finding for finding in found.values() if finding.status == "fail"]:
        assert finding.fix is not None and finding.fix["proof"]["adds"] == []
        held = made(held, dict(finding.fix))
    assert {finding.status for finding in judged(held).values()} == {"pass", "not_applicable"}


@settings(max_examples=examples(40))
@given(st.data())
def test_a_proven_fix_is_true_when_made(data: st.DataObject) -> None:
    """Whatever is taken away in whatever layer: each fix that says proven cures its own check."""
    gone = data.draw(st.lists(st.sampled_from(ACTIONS), unique=True, max_size=4))
    limited = data.draw(st.lists(st.sampled_from(ACTIONS), unique=True, max_size=2))
    held = identity(without(IDENTITY, *gone))
    held["principal"]["boundary"] = named("limit", without(IDENTITY, *limited))
    if data.draw(st.booleans()):
        held["bucket_policy"] = document(
            [PERIMETER[0], {**PERIMETER[1], "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-x"}}}]
        )
    on = edge(prefix="calls/")
    for finding in judged(held, on=on).values():
        if finding.status == "fail" and finding.fix is not None and finding.fix["proof"]["proven"]:
            assert judged(made(held, dict(finding.fix)), on=on)[finding.check].status == "pass", finding
