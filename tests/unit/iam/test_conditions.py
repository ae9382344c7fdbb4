# SPDX-License-Identifier: GPL-3.0-or-later
"""Condition operators and how several values combine: AWS IAM User Guide, "Condition operators", "Set operators"."""

from __future__ import annotations

import base64

import pytest
from ansible.module_utils.edge.iam.engine import UNKNOWN, endpoint_context, internet_context

from tests.unit.iam.builders import ROLE, SESSION, USER, allow, ask, deny, outcome, policy

VPCE = "aws:SourceVpce"


def holds(operator: str, values: object, actual: object = None, key: str = "s3:prefix") -> bool | None:
    """Whether a condition on `key` holds for the context value `actual` (None: absent); None where it is unknown."""
    granted = ask(
        USER,
        identity=policy(allow(condition={operator: {key: values}})),
        context={} if actual is None else {key: actual},
    )
    return granted.allowed


ARN = "arn:aws:sns:eu-west-1:111122223333:topic"
MATCHES = [
    ("StringEquals", "home/", "home/", True),
    ("StringEquals", "home/", "Home/", False),
    ("StringEquals", "ho*", "home", False),
    ("StringEquals", "ho*", "ho*", True),
    ("StringNotEquals", "home", "work", True),
    ("StringNotEquals", "home", "home", False),
    ("StringEqualsIgnoreCase", "HOME", "home", True),
    ("StringNotEqualsIgnoreCase", "HOME", "home", False),
    ("StringLike", "ho?e/*", "home/x", True),
    ("StringLike", "ho?e/*", "HOME/x", False),
    ("StringLike", "a*", "b", False),
    ("StringLike", "a*c", "a\nb/c", True),
    ("StringNotLike", "ho*", "home", False),
    ("StringNotLike", "ho*", "work", True),
    ("stringlike", "ho*", "home", True),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", 10, 10, True),
    ("NumericEquals", "10", "ten", False),
    ("NumericNotEquals", "10", "11", True),
    ("NumericNotEquals", "10", "10", False),
    ("NumericLessThan", "10", "9.99", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "9", "10", True),
    ("NumericGreaterThanEquals", "10", "9", False),
    ("NumericGreaterThanEquals", "-1", "0", True),
    ("DateEquals", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", True),
    ("DateEquals", "2026-03-01T02:00:00+02:00", "2026-03-01T00:00:00Z", True),
    ("DateEquals", "2026-03-01", "2026-03-01T00:00:00Z", True),
    ("DateEquals", "2026", "2026-01-01T00:00:00Z", True),
    ("DateEquals", "1767225600", "2026-01-01T00:00:00Z", True),
    ("DateNotEquals", "2026-03-01", "2026-03-02", True),
    ("DateLessThan", "2026-03-01T00:00:00Z", "2026-02-28T23:59:59.999Z", True),
    ("DateLessThanEquals", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", True),
    ("DateGreaterThan", "2026-03-01T00:00:00Z", "2026-03-01T00:00:01Z", True),
    ("DateGreaterThanEquals", "2026-03-01T00:00:00Z", "yesterday", False),
    ("Bool", "true", "true", True),
    ("Bool", "true", True, True),
    ("Bool", True, "TRUE", True),
    ("Bool", "false", "true", False),
    ("BinaryEquals", "QmluYXJ5", b"Binary", True),
    ("BinaryEquals", "QmluYXJ5", base64.b64encode(b"binary").decode(), False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.77", True),
    ("IpAddress", "203.0.113.7/24", "203.0.113.77", True),
    ("IpAddress", "203.0.113.7", "203.0.113.77", False),
    ("IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", True),
    ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
    ("IpAddress", "203.0.113.0/24", "not an address", False),
    ("NotIpAddress", "203.0.113.0/24", "198.51.100.1", True),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.1", False),
    ("ArnEquals", ARN, ARN, True),
    ("ArnEquals", "arn:aws:sns:*:*:top?c", ARN, True),
    ("ArnLike", "arn:aws:sns:*:*:topic", ARN, True),
    ("ArnLike", "arn:aws:s3:*:111122223333:x", ARN, False),
    ("ArnNotEquals", ARN, ARN, False),
    ("ArnNotLike", "arn:aws:sns:*:*:other", ARN, True),
    ("ArnLike", "arn:aws:sns:*:*:*", "not an arn", False),
]


@pytest.mark.parametrize(("operator", "policy_value", "actual", "expected"), MATCHES)
def test_operators(operator, policy_value, actual, expected):
    assert holds(operator, policy_value, actual) is expected


@pytest.mark.parametrize(("operator", "policy_value", "actual", "expected"), MATCHES)
def test_if_exists_changes_nothing_where_the_key_is_there(operator, policy_value, actual, expected):
    assert holds(operator + "IfExists", policy_value, actual) is expected


# 9. A missing key: positive false, negated true, ...IfExists true, Null:true means absent.


@pytest.mark.parametrize(
    ("operator", "expected"),
    [(name, "Not" in name) for name in sorted({row[0] for row in MATCHES})],
)
def test_a_missing_key(operator, expected):
    value = {"N": "1", "D": "2026-01-01", "I": "192.0.2.1", "B": "true", "A": ARN}.get(operator[0].upper(), "x")
    value = "eA==" if operator.startswith("Binary") else "192.0.2.1" if operator == "NotIpAddress" else value
    assert holds(operator, value) is expected
    assert holds(operator + "IfExists", value) is True


@pytest.mark.parametrize(
    ("wanted", "actual", "expected"),
    [("true", None, True), ("true", "x", False), ("false", None, False), ("false", "x", True), (True, None, True)],
)
def test_null(wanted, actual, expected):
    assert holds("Null", wanted, actual) is expected


def test_a_deny_by_endpoint_fires_off_the_endpoint_and_a_deny_by_transport_does_not_fire_on_a_missing_key():
    grant = policy(allow())
    by_endpoint = policy(deny(principal="*", condition={"StringNotEquals": {VPCE: "vpce-1"}}))
    assert outcome(identity=grant, resource=by_endpoint) == "explicit_deny"
    assert outcome(identity=grant, resource=by_endpoint, context={VPCE: "vpce-1"}) == "allow"
    by_transport = policy(deny(principal="*", condition={"Bool": {"aws:SecureTransport": "false"}}))
    assert outcome(identity=grant, resource=by_transport) == "allow"
    assert outcome(identity=grant, resource=by_transport, context={"aws:SecureTransport": False}) == "explicit_deny"


# 10 and 11. Set operators and several values. The table of the guide: request {PostDateTime, UserName}.


@pytest.mark.parametrize(
    ("operator", "values", "actual", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAllValues:StringEquals", ["a"], [], True),
        ("ForAllValues:StringEquals", ["a"], "", True),
        ("ForAllValues:StringLike", ["a*"], ["ab", "ac"], True),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], True),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "a"], False),
        ("ForAllValues:StringNotEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
        ("ForAnyValue:StringEquals", ["a"], None, False),
        ("ForAnyValue:StringEquals", ["a"], [], False),
        ("ForAnyValue:StringNotEquals", ["a"], None, False),
        ("ForAnyValue:StringNotEquals", ["a"], ["a", "b"], True),
        ("ForAnyValue:StringNotEquals", ["a"], ["a"], False),
        ("ForAllValues:StringEqualsIfExists", ["a"], None, True),
        ("ForAnyValue:StringEqualsIfExists", ["a"], None, False),
        ("ForAnyValue:StringEquals", ["a"], "a", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", ["a", "b"], "c", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("NumericNotEquals", ["1", "2"], "3", True),
        ("StringEquals", ["a", "b"], ["a", "b"], False),
        ("StringNotEquals", ["x"], ["a", "b"], False),
        ("StringEqualsIfExists", ["a"], ["a", "b"], False),
        ("StringEquals", ["a"], ["a"], True),
        ("Null", "false", ["a", "b"], True),
    ],
)
def test_several_values(operator, values, actual, expected):
    assert holds(operator, values, actual) is expected


def test_all_conditions_of_a_statement_must_hold():
    both = policy(
        allow(condition={"StringEquals": {"s3:prefix": "a", VPCE: "v"}, "Bool": {"aws:SecureTransport": "true"}})
    )
    whole = {"s3:prefix": "a", VPCE: "v", "aws:SecureTransport": "true"}
    assert outcome(identity=both, context=whole) == "allow"
    for key in whole:
        assert outcome(identity=both, context={**whole, key: "z"}) == "implicit_deny"


# 12. The network keys of the path, and aws:PrincipalArn of a session.


def test_through_an_endpoint_the_source_address_is_absent():
    by_address = policy(allow(condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}))
    assert outcome(identity=by_address, context=internet_context("198.51.100.7")) == "allow"
    assert outcome(identity=by_address, context=endpoint_context("vpce-1", "vpc-1")) == "implicit_deny"
    by_range = policy(allow(), deny(condition={"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}}))
    assert outcome(identity=by_range, context=internet_context("198.51.100.7")) == "allow"
    assert outcome(identity=by_range, context=endpoint_context("vpce-1")) == "explicit_deny"
    assert outcome(identity=by_range, context=internet_context(None)) == "unknown"


@pytest.mark.parametrize(
    ("principal", "key", "value"),
    [
        (SESSION, "aws:PrincipalArn", ROLE),
        (SESSION, "aws:PrincipalType", "AssumedRole"),
        (SESSION, "aws:PrincipalAccount", "111122223333"),
        (SESSION, "aws:PrincipalIsAWSService", "false"),
        (SESSION, "aws:ResourceAccount", "111122223333"),
        (SESSION, "s3:ResourceAccount", "111122223333"),
        (USER, "aws:PrincipalArn", USER),
        (USER, "aws:username", "dana"),
        (USER, "AWS:UserName", "dana"),
        (USER, "aws:PrincipalType", "User"),
        ("arn:aws:iam::111122223333:root", "aws:PrincipalType", "Account"),
        ("arn:aws:iam::111122223333:root", "aws:userid", "111122223333"),
        ("arn:aws:sts::111122223333:federated-user/dana", "aws:userid", "111122223333:dana"),
        ("arn:aws:sts::111122223333:federated-user/dana", "aws:PrincipalType", "FederatedUser"),
        ("*", "aws:PrincipalType", "Anonymous"),
        ("*", "aws:userid", "anonymous"),
        ("lambda.amazonaws.com", "aws:PrincipalServiceName", "lambda.amazonaws.com"),
        ("lambda.amazonaws.com", "aws:PrincipalIsAWSService", "true"),
    ],
)
def test_keys_that_follow_from_principal_and_resource(principal, key, value):
    fence = policy(allow(principal="*"), deny(principal="*", condition={"StringNotEquals": {key: value}}))
    assert outcome(principal, resource=fence) == "allow"
    # What the caller of the library says goes before what is derived.
    assert outcome(principal, resource=fence, context={key: value + "x"}) == "explicit_deny"


@pytest.mark.parametrize(
    ("principal", "expected"),
    [(USER, "implicit_deny"), (SESSION, "allow"), (ROLE, "allow"), ("arn:aws:iam::111122223333:root", "implicit_deny")],
)
def test_temporary_credentials_have_a_time_of_issue(principal, expected):
    grant = policy(allow(principal={"AWS": principal}, condition={"Null": {"aws:TokenIssueTime": "false"}}))
    refusal = policy(deny(principal="*", condition={"Null": {"aws:TokenIssueTime": "true"}}))
    wanted = "explicit_deny" if expected == "implicit_deny" else expected
    assert outcome(principal, resource=[grant, refusal]) == wanted


def test_the_path_of_a_role_comes_from_its_issuer_or_its_principal_arn():
    role = "arn:aws:iam::111122223333:role/app/Export"
    grant = policy(allow(condition={"ArnEquals": {"aws:PrincipalArn": role}}))
    assert outcome(identity=grant) == "implicit_deny"
    assert outcome(identity=grant, issuer=role) == "allow"
    assert outcome(identity=grant, context={"aws:PrincipalArn": role}) == "allow"
    by_role = policy(allow(principal={"AWS": role}))
    assert outcome(resource=by_role) == "allow"
    assert outcome(resource=by_role, issuer=role) == "allow"
    assert outcome(resource=by_role, issuer=ROLE) == "implicit_deny"


def test_keys_are_case_insensitive_and_values_are_not():
    grant = policy(allow(condition={"StringEquals": {"AWS:sourceVPCE": "vpce-1"}}))
    assert outcome(identity=grant, context={"aws:SourceVpce": "vpce-1"}) == "allow"
    assert outcome(identity=grant, context={"aws:SourceVpce": "VPCE-1"}) == "implicit_deny"


def test_a_family_of_keys_can_be_unknown_while_its_named_members_are_known():
    grant = policy(allow(condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}))
    assert outcome(identity=grant, context={"aws:PrincipalTag/*": UNKNOWN}) == "unknown"
    known = {"aws:PrincipalTag/*": UNKNOWN, "aws:PrincipalTag/Team": "a"}
    assert outcome(identity=grant, context=known) == "allow"
    assert outcome(identity=grant, context={"aws:ResourceTag/*": UNKNOWN}) == "implicit_deny"
