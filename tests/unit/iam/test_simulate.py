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


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"sessionPolicy": NOTHING["policy"]}, "Allowed"),
        ({"permissionBoundaries": [NOTHING["policy"]]}, "ImplicitlyDenied"),
        ({"endpointPolicies": [NOTHING["policy"]]}, "ImplicitlyDenied"),
        ({"vpcEndpointPolicies": [document(allow("s3:GetObject"))]}, "Allowed"),
        ({"vpcEndpointPolicies": [document(allow("s3:*"), deny())]}, "ExplicitlyDenied"),
        ({"resourcePolicies": [document(deny(principal="*"))]}, "ExplicitlyDenied"),
    ],
)
def test_other_names_of_a_layer_are_not_overlooked(more: dict[str, object], expected: str) -> None:
    assert RESULTS[simulate(case(**more)).outcome] == expected


def test_the_session_policy_of_a_session_counts_under_either_name() -> None:
    session = {**case()["request"], "principal": f"arn:aws:sts::{HOME}:assumed-role/Export/one"}  # type: ignore[dict-item]
    for name in ("sessionPolicy", "sessionPolicies"):
        assert RESULTS[simulate(case(request=session, **{name: NOTHING["policy"]})).outcome] == "ImplicitlyDenied"


def test_one_layer_under_two_names_is_an_error() -> None:
    with pytest.raises(RequestError, match="sessionPolicies and sessionPolicy: one layer under two names"):
        simulate(case(sessionPolicies=[NOTHING], sessionPolicy=NOTHING))


def test_an_anonymous_request() -> None:
    nobody = {**case()["request"], "principal": {"type": "Anonymous"}}  # type: ignore[dict-item]
    public = document(allow("s3:GetObject", OBJECT, principal="*"))
    assert RESULTS[simulate(case(request=nobody)).outcome] == "ImplicitlyDenied"
    assert RESULTS[simulate(case(request=nobody, resourcePolicy=public)).outcome] == "Allowed"


@pytest.mark.parametrize(
    ("complete", "unset", "expected"),
    [
        (False, None, "Unknown"),
        (True, None, "ImplicitlyDenied"),
        (True, "unknown", "Unknown"),
        (False, "no_match", "ImplicitlyDenied"),
    ],
)
def test_a_variable_without_a_value_matches_nothing_where_the_context_is_complete(
    complete: bool, unset: str | None, expected: str
) -> None:
    request = {**case()["request"], "contextComplete": complete}  # type: ignore[dict-item]
    home = document(allow("s3:GetObject", "arn:aws:s3:::recordings/${aws:PrincipalTag/team}/*"))
    request["resource"] = {"resource": "arn:aws:s3:::recordings/red/a.wav", "accountId": HOME}
    assert RESULTS[simulate(case(request=request, identityPolicies=[home]), unset).outcome] == expected


@pytest.mark.parametrize("name", ["s3:", "s3:   ", "s3: GetObject", "s3:GetObject "])
def test_a_name_that_no_action_has_covers_none(name: str) -> None:
    assert RESULTS[simulate(case(identityPolicies=[document(allow(name))])).outcome] == "ImplicitlyDenied"
    spared = {"Effect": "Allow", "NotAction": name, "Resource": "*"}
    assert RESULTS[simulate(case(identityPolicies=[document(spared)])).outcome] == "Allowed"


@pytest.mark.parametrize("name", ["s?:GetObject", "*:GetObject", "GetObject"])
def test_an_action_whose_service_cannot_be_told_is_an_error(name: str) -> None:
    with pytest.raises(PolicyError):
        simulate(case(identityPolicies=[document(allow(name))]))
