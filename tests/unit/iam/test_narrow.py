# SPDX-License-Identifier: GPL-3.0-or-later
"""What is too wide, narrowed where it stands: as data, decided again, or told why not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.finding import Finding
from ansible.module_utils.edge.iam.checks import judge

from tests.unit.iam.edges import ACCOUNT, ARN, IDENTITY, document, edge, egress, facts, identity, named

OPEN = egress(endpoint_policy=None)
KMS = [item for item in IDENTITY if "kms:" in str(item["Action"])]


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def judged(held: dict[str, Any]) -> dict[str, Finding]:
    return {item.check: item for item in judge(edge(), held, {"egress": OPEN})}


def role(*statements: dict[str, Any]) -> dict[str, Any]:
    return identity([*statements], boundary=None)


def applied(statements: list[dict[str, Any]], fix: dict[str, Any]) -> list[dict[str, Any]]:
    """As converge makes the changes, one after the other."""
    held = list(statements)
    for change in (fix, *fix.get("then", ())):
        assert change["policy"] == "export"
        if change["action"] == "narrow_statement":
            assert held[change["index"]] == change["taken"]
            held[change["index"]] = change["statement"]
        elif change["action"] == "remove_statement":
            assert held.pop(change["index"]) == change["taken"]
        else:
            held.append(change["statement"])
    return held


@pytest.mark.parametrize(
    "statements",
    [
        [allow("s3:*"), *KMS],
        [allow("s3:*", Sid="All"), *KMS],
        [allow(["s3:*"], [ARN, f"{ARN}/*"]), *KMS],
        [allow(["s3:*", "logs:PutLogEvents"], Sid="Mixed"), *KMS],
        [allow(["logs:PutLogEvents", "s3:DeleteObject"]), *IDENTITY],
        [*IDENTITY, allow("s3:DeleteObject", f"{ARN}/*")],
        [*IDENTITY, allow("s3:GetObject", "arn:aws:s3:::acme-*/*")],
        [allow("s3:Get*"), allow(["s3:Put*", "s3:List*", "s3:Abort*"], "arn:aws:s3:::*"), *KMS],
        [allow("s3:*", Condition={"Bool": {"aws:SecureTransport": "true"}}), *KMS],
        [allow("s3:*"), allow("kms:*")],
    ],
)
def test_after_the_change_the_plan_is_allowed_and_nothing_else(statements: list[dict[str, Any]]) -> None:
    before = judged(role(*statements))
    wide = [before[check] for check in ("IAM-10", "IAM-11") if before[check].status == "fail"]
    assert wide
    left = statements
    for _ in range(4):
        found = judged(role(*left))
        fix = next((found[check].fix for check in ("IAM-10", "IAM-11") if found[check].status == "fail"), None)
        if fix is None:
            break
        assert fix["proof"]["proven"] and fix["summary"]
        left = applied(left, dict(fix))
    after = judged(role(*left))
    assert (after["IAM-10"].status, after["IAM-11"].status) == ("pass", "pass")
    for check in ("IAM-02", "IAM-03", "IAM-04", "IAM-05"):
        assert after[check].status == before[check].status
    assert before["IAM-04"].status == "pass"
    others = [item for item in left if "logs:PutLogEvents" in item["Action"]]
    assert len(others) == sum("logs:PutLogEvents" in item["Action"] for item in statements)


def test_the_fix_says_in_words_what_it_does() -> None:
    fix = judged(role(*IDENTITY, allow("s3:DeleteObject", f"{ARN}/*", Sid="Tidy")))["IAM-10"].fix
    assert fix is not None
    assert fix["action"] == "remove_statement" and fix["principal"].endswith(":role/edge-export")
    assert fix["summary"] == "take out statement Tidy of export, of which the export needs nothing"
    fix = judged(role(allow("s3:*", Sid="All"), *KMS))["IAM-11"].fix
    assert fix is not None
    assert fix["summary"].startswith("narrow statement All of export to s3:AbortMultipartUpload, ")
    assert set(fix["statement"]["Resource"]) == {ARN, f"{ARN}/calls/*"}


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ([allow("*")], "allows other services too"),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "is written by exclusion"),
        ([*IDENTITY, {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::x/*"}],
         "is written by exclusion"),
    ],
)  # fmt: skip
def test_where_there_is_no_fix_the_reason_is_told(statements: list[dict[str, Any]], why: str) -> None:
    finding = judged(role(*statements))["IAM-11"]
    assert finding.status == "fail" and finding.fix is None
    assert "No change is proposed: " in finding.observed and why in finding.observed


def test_what_aws_manages_is_not_narrowed() -> None:
    held = facts()
    held["principal"] = {**held["principal"], "boundary": None}
    full = {**named("AmazonS3FullAccess", [allow("s3:*")]), "arn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}
    held["principal"]["policies"] = [*held["principal"]["policies"], full]
    finding = judged(held)["IAM-11"]
    assert finding.fix is None and "AmazonS3FullAccess belongs to AWS" in finding.observed


def test_what_the_bucket_s_policy_allows_is_not_the_role_s_to_narrow() -> None:
    grant = allow("s3:DeleteObject", f"{ARN}/*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/edge-export"})
    finding = judged({**role(*IDENTITY), "bucket_policy": document([grant])})["IAM-10"]
    assert finding.status == "fail" and finding.fix is None
    assert "the resource layer allows it" in finding.observed
