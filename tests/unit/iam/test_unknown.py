# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not known: it makes the answer unknown where it could change it, and nowhere else."""

from __future__ import annotations

import json

import pytest
from ansible.module_utils.edge.iam.engine import PRESENT, UNKNOWN, UnreadablePolicy

from tests.unit.iam.builders import HOME, OBJECT, OTHER, SESSION, USER, allow, ask, deny, outcome, policy

EVERYTHING = policy(allow("*"), name="everything")
NOTHING = policy(allow("ec2:*"), name="nothing-of-s3")
REFUSAL = policy(deny(), name="refusal")
LOST = UnreadablePolicy("lost", "could not be read: AccessDenied (needs iam:GetRolePolicy)")


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        # A deny could hide in an unreadable policy beside an allow.
        ({"identity": [EVERYTHING, LOST]}, "unknown"),
        ({"identity": [LOST]}, "unknown"),
        ({"identity": EVERYTHING, "boundary": LOST}, "unknown"),
        ({"identity": EVERYTHING, "session": LOST}, "unknown"),
        ({"identity": EVERYTHING, "resource": LOST}, "unknown"),
        ({"identity": EVERYTHING, "endpoint": LOST}, "unknown"),
        ({"identity": EVERYTHING, "scps": [[EVERYTHING], [LOST]]}, "unknown"),
        ({"identity": EVERYTHING, "rcps": [[LOST]]}, "unknown"),
        ({"identity": NOTHING, "resource": LOST}, "unknown"),
        # An explicit deny elsewhere stays one.
        ({"identity": [REFUSAL, LOST]}, "explicit_deny"),
        ({"identity": REFUSAL, "resource": LOST, "scps": [[LOST]]}, "explicit_deny"),
        # Whatever the lost policy says, another layer withholds.
        ({"identity": LOST, "scps": [[NOTHING]]}, "implicit_deny"),
        ({"identity": LOST, "boundary": NOTHING}, "implicit_deny"),
        ({"identity": LOST, "endpoint": policy(allow("ec2:*", principal="*"))}, "implicit_deny"),
        ({"identity": NOTHING, "boundary": LOST}, "implicit_deny"),
    ],
)
def test_a_policy_that_could_not_be_read(layers, expected):
    decision = ask(**layers)
    assert decision.outcome == expected
    if expected == "unknown":
        assert [(flip.policy, flip.key) for flip in decision.flips] == [("lost", None)]
        assert "iam:GetRolePolicy" in decision.explain()


def test_the_layer_in_doubt_is_named():
    assert ask(identity=EVERYTHING, endpoint=LOST).layer == "endpoint"
    assert ask(identity=EVERYTHING, scps=[[LOST]]).layer == "scp"
    assert ask(identity=LOST).layer == "identity"


def test_a_lost_boundary_still_counts_as_a_boundary_for_not_principal():
    bucket = policy(deny(not_principal={"AWS": USER}))
    assert outcome(USER, identity=EVERYTHING, resource=bucket, boundary=LOST) == "explicit_deny"


def test_a_lost_policy_of_another_account():
    stranger = SESSION.replace(HOME, OTHER)
    assert outcome(stranger, identity=EVERYTHING, resource=LOST) == "unknown"
    assert outcome(stranger, identity=NOTHING, resource=LOST) == "implicit_deny"


@pytest.mark.parametrize(
    ("operator", "value", "unknown", "present"),
    [
        ("StringEquals", "a", "unknown", "unknown"),
        ("StringNotEquals", "a", "unknown", "unknown"),
        ("StringLike", "*", "unknown", "allow"),
        ("StringLikeIfExists", "*", "allow", "allow"),
        ("StringNotLike", "*", "unknown", "implicit_deny"),
        ("ForAllValues:StringLike", "*", "allow", "allow"),
        ("Null", "true", "unknown", "implicit_deny"),
        ("Null", "false", "unknown", "allow"),
        ("Null", ["true", "false"], "allow", "allow"),
        ("NumericLessThan", "1", "unknown", "unknown"),
        ("IpAddress", "192.0.2.0/24", "unknown", "unknown"),
        ("ForAnyValue:StringEquals", "a", "unknown", "unknown"),
    ],
)
def test_an_unknown_value_through_the_operators(operator, value, unknown, present):
    grant = policy(allow(condition={operator: {"s3:prefix": value}}))
    assert outcome(USER, identity=grant, context={"s3:prefix": UNKNOWN}) == unknown
    assert outcome(USER, identity=grant, context={"s3:prefix": PRESENT}) == present


def test_an_unknown_key_does_not_matter_beside_a_condition_that_fails():
    grant = policy(allow(condition={"StringEquals": {"s3:prefix": "a", "aws:SourceVpce": "v"}}))
    assert outcome(USER, identity=grant, context={"s3:prefix": UNKNOWN, "aws:SourceVpce": "w"}) == "implicit_deny"
    assert outcome(USER, identity=[grant, EVERYTHING], context={"s3:prefix": UNKNOWN}) == "allow"
    elsewhere = policy(allow(resource="arn:aws:s3:::other/*", condition={"StringEquals": {"s3:prefix": "a"}}))
    assert outcome(USER, identity=elsewhere, context={"s3:prefix": UNKNOWN}) == "implicit_deny"


def test_flips_name_the_values_and_what_each_would_make_of_the_request():
    fence = policy(
        deny(principal="*", condition={"StringNotEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}}, Sid="Fence")
    )
    decision = ask(USER, identity=EVERYTHING, resource=fence, context={"aws:sourcevpce": UNKNOWN})
    assert {(flip.key, flip.value): str(flip.outcome) for flip in decision.flips} == {
        ("aws:SourceVpce", "vpce-1"): "allow",
        ("aws:SourceVpce", "vpce-2"): "allow",
        ("aws:SourceVpce", "edgepath-any-other-value"): "explicit_deny",
        ("aws:SourceVpce", None): "explicit_deny",
    }
    assert "aws:SourceVpce in statement Fence of policy policy (resource)" in decision.explain()


@pytest.mark.parametrize(
    ("operator", "value", "flipping"),
    [
        ("IpAddress", "203.0.113.0/24", "203.0.113.0"),
        ("NumericLessThan", "100", "-1"),
        ("Bool", "true", "true"),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("StringLike", "home/*", "home/x"),
        ("ArnLike", "arn:aws:iam::*:role/R", "arn:aws:iam::x:role/R"),
        ("Null", "false", "edgepath-any-value"),
    ],
)
def test_flips_suit_the_operator(operator, value, flipping):
    grant = policy(allow(condition={operator: {"aws:thing": value}}))
    decision = ask(USER, identity=grant, context={"aws:thing": UNKNOWN})
    assert {flip.value: str(flip.outcome) for flip in decision.flips}[flipping] == "allow"
    assert {str(flip.outcome) for flip in decision.flips} == {"allow", "implicit_deny"}


def test_two_unknown_keys_that_only_settle_it_together_are_both_named():
    grant = policy(allow(condition={"StringEquals": {"s3:prefix": "a", "aws:SourceVpce": "v"}}))
    decision = ask(USER, identity=grant, context={"s3:prefix": UNKNOWN, "aws:SourceVpce": UNKNOWN})
    assert {flip.key for flip in decision.flips} == {"s3:prefix", "aws:SourceVpce"}


def test_a_canonical_user_could_be_anybody_of_any_account():
    fence = policy(deny(principal={"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}))
    assert outcome(USER, identity=EVERYTHING, resource=fence) == "unknown"
    assert outcome("*", resource=policy(allow(principal="*"), deny(principal={"CanonicalUser": "79a5"}))) == "allow"


def test_a_role_of_which_no_session_is_named():
    fence = policy(deny(principal={"AWS": SESSION}))
    role = f"arn:aws:iam::{HOME}:role/Export"
    decision = ask(role, identity=EVERYTHING, resource=fence)
    assert decision.outcome == "unknown"
    assert "names this principal" in decision.flips[0].reason
    assert outcome(SESSION, identity=EVERYTHING, resource=fence) == "explicit_deny"


def test_the_decision_as_data_and_as_a_sentence():
    decision = ask(USER, identity=policy(allow(Sid="Read"), name="Reader"), boundary=EVERYTHING, scps=[[EVERYTHING]])
    data = json.loads(json.dumps(decision.to_dict()))
    assert data["outcome"] == "allow"
    assert data["statement"] == {"policy": "Reader", "index": 0, "sid": "Read", "layer": "identity", "effect": "Allow"}
    assert data["passed"] == ["scp", "identity", "boundary"]
    assert (
        decision.explain()
        == f"s3:GetObject on {OBJECT} by {USER} is allowed by statement Read of policy Reader (identity)."
    )
    assert decision.allowed is True
    json.dumps(ask(USER, identity=LOST).to_dict())
    assert ask(USER, identity=LOST).allowed is None
    assert ask(USER).allowed is False
