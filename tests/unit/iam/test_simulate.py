# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole case as one JSON object."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.iam.engine import PolicyError, RequestError
from ansible.module_utils.edge.iam.simulate import RESULTS, simulate

from tests.unit.iam.builders import HOME, OBJECT, OTHER, USER, allow, deny


def document(*statements: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def case(**more: object) -> dict[str, object]:
    request = {
        "principal": USER,
        "action": "s3:GetObject",
        "resource": {"resource": OBJECT, "accountId": HOME},
        "contextVariables": {"aws:SourceVpce": "vpce-1"},
    }
    return {"request": request, "identityPolicies": [{"name": "everything", "policy": document(allow("*"))}], **more}


NOTHING = {"name": "nothing", "policy": document(allow("ec2:*"))}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "Allowed"),
        ({"identityPolicies": []}, "ImplicitlyDenied"),
        ({"identityPolicies": [document(allow("*"))]}, "Allowed"),
        ({"resourcePolicy": document(deny(principal="*"))}, "ExplicitlyDenied"),
        ({"permissionBoundaryPolicies": [NOTHING]}, "ImplicitlyDenied"),
        ({"permissionBoundaryPolicies": []}, "Allowed"),
        ({"serviceControlPolicies": [{"orgIdentifier": "r-1", "policies": [NOTHING]}]}, "ImplicitlyDenied"),
        ({"serviceControlPolicies": [{"orgIdentifier": "r-1", "policies": []}]}, "ImplicitlyDenied"),
        (
            {"resourceControlPolicies": [{"orgIdentifier": "r-1", "policies": [document(deny(principal="*"))]}]},
            "ExplicitlyDenied",
        ),
        ({"vpcEndpointPolicies": [document(allow("ec2:*", principal="*"))]}, "ImplicitlyDenied"),
        ({"identityPolicies": [document(allow(condition={"StringEquals": {"aws:sourcevpce": "vpce-1"}}))]}, "Allowed"),
    ],
)
def test_cases(more, expected):
    assert RESULTS[simulate(case(**more)).outcome] == expected


def test_the_account_of_the_resource_counts():
    for name in ("resource", "arn"):
        request = {"principal": USER, "action": "s3:GetObject", "resource": {name: OBJECT, "accountId": OTHER}}
        assert RESULTS[simulate(case(request=request)).outcome] == "ImplicitlyDenied"


def test_the_policy_that_decided_keeps_its_name():
    assert simulate(case()).statement.policy == "everything"


def test_errors():
    with pytest.raises(PolicyError, match="identityPolicies"):
        simulate(case(identityPolicies=[{"Statement": 7}]))
    with pytest.raises(RequestError):
        simulate({})
