# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service decides by itself, whatever the policies say."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.iam.engine import Outcome, Policy, PolicySet, Request, decide

from tests.unit.iam.builders import HOME, USER, allow, deny

SSO_ROLE = f"arn:aws:iam::{HOME}:role/aws-reserved/sso.amazonaws.com/eu-west-2/AWSReservedSSO_Admin_0123456789abcdef"
AWS_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"
ALIAS = f"arn:aws:kms:eu-west-2:{HOME}:alias/"


def policy(*statements: dict[str, object]) -> Policy:
    return Policy.parse({"Version": "2012-10-17", "Statement": list(statements)})


EVERYTHING = policy(allow("*"))
NOTHING = policy(deny("*"))


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("iam:DeletePolicy", AWS_POLICY, Outcome.IMPLICIT_DENY),
        ("IAM:createpolicyversion", AWS_POLICY, Outcome.IMPLICIT_DENY),
        ("iam:TagPolicy", AWS_POLICY, Outcome.IMPLICIT_DENY),
        ("iam:GetPolicyVersion", AWS_POLICY, Outcome.ALLOW),
        ("iam:ListEntitiesForPolicy", AWS_POLICY, Outcome.ALLOW),
        ("iam:DeletePolicy", f"arn:aws:iam::{HOME}:policy/AdministratorAccess", Outcome.ALLOW),
        ("iam:PassRole", SSO_ROLE, Outcome.IMPLICIT_DENY),
        ("iam:AttachRolePolicy", SSO_ROLE, Outcome.IMPLICIT_DENY),
        ("iam:UpdateAssumeRolePolicy", SSO_ROLE, Outcome.IMPLICIT_DENY),
        ("iam:GetRole", SSO_ROLE, Outcome.ALLOW),
        ("iam:SimulatePrincipalPolicy", SSO_ROLE, Outcome.ALLOW),
        ("iam:PassRole", f"arn:aws:iam::{HOME}:role/reserved/x", Outcome.ALLOW),
        ("kms:DeleteAlias", ALIAS + "aws/s3", Outcome.IMPLICIT_DENY),
        ("kms:CreateAlias", ALIAS + "aws/s3", Outcome.IMPLICIT_DENY),
        ("kms:UpdateAlias", ALIAS + "awsome", Outcome.ALLOW),
        ("sts:GetCallerIdentity", "*", Outcome.ALLOW),
    ],
)
def test_an_administrator_meets_what_aws_keeps(action: str, resource: str, expected: Outcome) -> None:
    assert decide(Request(USER, action, resource), PolicySet(identity=[EVERYTHING])).outcome is expected


def test_the_service_is_named_as_the_one_that_decided() -> None:
    decision = decide(Request(USER, "iam:DeletePolicy", AWS_POLICY), PolicySet(identity=[EVERYTHING]))
    assert (decision.layer, decision.statement, decision.passed) == ("service", None, ())
    assert "denied by the service itself (nobody can change a policy that AWS manages)" in decision.explain()


@pytest.mark.parametrize(
    "layers", [{"identity": [NOTHING]}, {"identity": []}, {"identity": [NOTHING], "scps": [[NOTHING]]}]
)
def test_asking_who_one_is_needs_no_permission_and_cannot_be_denied(layers: dict[str, list[Policy]]) -> None:
    assert decide(Request(USER, "sts:GetCallerIdentity"), PolicySet(**layers)).outcome is Outcome.ALLOW  # type: ignore[arg-type]


def test_an_explicit_deny_of_what_is_reserved_stays_the_answer() -> None:
    decision = decide(Request(USER, "kms:DeleteAlias", ALIAS + "aws/s3"), PolicySet(identity=[NOTHING]))
    assert (decision.outcome, decision.layer) == (Outcome.EXPLICIT_DENY, "identity")
