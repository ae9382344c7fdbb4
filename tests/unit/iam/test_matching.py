# SPDX-License-Identifier: GPL-3.0-or-later
"""Matching of actions, resources and policy variables: AWS IAM User Guide, pages of Action, Resource and variables."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.iam.engine import UNKNOWN, Policy

from tests.unit.iam.builders import BUCKET, GET, HOME, OBJECT, OTHER, SESSION, USER, allow, ask, deny, outcome, policy

ALLOW, IMPLICIT = "allow", "implicit_deny"

# 14 and 15.


@pytest.mark.parametrize(
    ("pattern", "action", "matches"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:GetObject", "S3:GETOBJECT", True),
        ("s3:Get*", "s3:GetObjectVersion", True),
        ("s3:get*", "s3:GetObject", True),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:GetObject", "s3:GetObjectVersion", False),
        ("s3:*Object*", "s3:PutObjectTagging", True),
        ("*", "s3:GetObject", True),
        ("*:*", "s3:GetObject", True),
        ("s3:*", "s3express:CreateSession", False),
        ("iam:*AccessKey*", "iam:ListAccessKeys", True),
        (["ec2:*", "s3:ListBucket"], "s3:ListBucket", True),
    ],
)
def test_actions(pattern, action, matches):
    assert outcome(USER, action, identity=policy(allow(pattern))) == (ALLOW if matches else IMPLICIT)
    inverse = {"Effect": "Allow", "NotAction": pattern, "Resource": "*"}
    assert outcome(USER, action, identity=policy(inverse)) == (IMPLICIT if matches else ALLOW)


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("*", OBJECT, True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/1/test/object.jpg", True),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test/3/object.jpg", True),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1///test///object.jpg", True),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b//test/object.jpg", True),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/test/", True),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1-test/object.jpg", False),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/test/object.jpg", False),
        ("arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test.jpg", False),
        ("arn:aws:s3:::b/a.c", "arn:aws:s3:::b/abc", False),
        ("arn:aws:s3:::b/a?c", "arn:aws:s3:::b/abc", True),
        ("arn:aws:s3:::b/a?c", "arn:aws:s3:::b/ac", False),
        ("arn:aws:s3:::b/k", "arn:aws:s3:::b/K", False),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/line\nbreak", True),
        ("arn:aws:s3:::b/line?break", "arn:aws:s3:::b/line\nbreak", True),
        ("arn:aws:s3:::b/x", "arn:aws:s3:::b/x\n", False),
        ("arn:aws:s3:::b/a", "arn:aws:s3:::b/*", False),
        ("arn:aws:s3:::b/a*", "arn:aws:s3:::b/*", False),
        ("arn:aws:s3:::b/*.wav", "arn:aws:s3:::b/2026-01-01T10:00:00.wav", True),
        ("arn:aws:s3:::b/[a-z]+(x)", "arn:aws:s3:::b/[a-z]+(x)", True),
        ("arn:aws:ec2:*:111122223333:instance/*", "arn:aws:ec2:eu-west-1:111122223333:instance/i-1", True),
        ("arn:aws:ec2:eu-*-1:111122223333:instance/*", "arn:aws:ec2:eu-west-1:111122223333:instance/i-1", True),
        # A star inside a segment stays in it; at the end of a segment it may cross the colon.
        ("arn:aws:ec2:e*t-1:1:x", "arn:aws:ec2:e:1:t-1:1:x", False),
        ("arn:aws:ec2:e?w:1:x", "arn:aws:ec2:e:w:1:x", False),
        ("arn:aws:logs:*", "arn:aws:logs:eu-west-1:111122223333:log-group:g:*", True),
        ("arn:aws:ec2:*:instance/*", "arn:aws:ec2:eu-west-1:111122223333:instance/i-1", True),
        ("arn:*:s3:::b", "arn:aws-cn:s3:::b", True),
        ("arn:aws:s3:::b", "arn:aws-cn:s3:::b", False),
        ("arn:aws:s3:::*", "*", False),
    ],
)
def test_resources(pattern, resource, matches):
    assert outcome(USER, GET, resource, identity=policy(allow(resource=pattern))) == (ALLOW if matches else IMPLICIT)
    inverse = {"Effect": "Allow", "Action": "*", "NotResource": pattern}
    assert outcome(USER, GET, resource, identity=policy(inverse)) == (IMPLICIT if matches else ALLOW)


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        # The example of the guide: StringLike crosses colons, ArnLike does not.
        (
            "arn:aws:someservice:*:111122223333:finance/*",
            "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
            {"StringLike": True, "ArnLike": False},
        ),
        ("arn:aws:iam::*:role/a", "arn:aws:iam::111122223333:role/a", {"StringLike": True, "ArnLike": True}),
        ("arn:aws:iam::*", "arn:aws:iam::111122223333:role/a", {"StringLike": True, "ArnLike": False}),
        ("arn:aws:iam::1*3:role/a/b/*", "arn:aws:iam::123:role/a/b/c/d", {"StringLike": True, "ArnLike": True}),
        ("*", "arn:aws:iam::123:role/a", {"StringLike": True, "ArnLike": True}),
    ],
)
def test_arn_operators_match_segment_by_segment(pattern, value, matches):
    for operator, expected in matches.items():
        # Parsed leniently: a pattern that can never match is stored by AWS all the same.
        body = {"Version": "2012-10-17", "Statement": [allow(condition={operator: {"aws:SourceArn": pattern}})]}
        grant = Policy.parse(body, lenient=True)
        assert (outcome(USER, identity=grant, context={"aws:SourceArn": value}) == ALLOW) is expected


# 13. Policy variables.


def home(text: str, **more: object) -> object:
    return policy(allow(resource=f"arn:aws:s3:::b/{text}"), **more)


@pytest.mark.parametrize(
    ("pattern", "key", "context", "expected"),
    [
        ("${aws:username}/*", "dana/x", {}, ALLOW),
        ("${aws:username}/*", "erin/x", {}, IMPLICIT),
        ("${AWS:UserName}/*", "dana/x", {}, ALLOW),
        ("${aws:PrincipalTag/team}", "blue", {"aws:PrincipalTag/team": "blue"}, ALLOW),
        ("${aws:PrincipalTag/team, 'none'}", "none", {}, ALLOW),
        ("${aws:PrincipalTag/team, 'none'}", "blue", {"aws:PrincipalTag/team": "blue"}, ALLOW),
        ("${aws:PrincipalTag/team, 'none'}", "none", {"aws:PrincipalTag/team": "blue"}, IMPLICIT),
        ("${aws:PrincipalTag/team,'a*'}", "abc", {}, IMPLICIT),
        ("${aws:PrincipalTag/team}", "anything", {"aws:PrincipalTag/team": "*"}, IMPLICIT),
        ("${aws:PrincipalTag/team}", "*", {"aws:PrincipalTag/team": "*"}, ALLOW),
        ("a${*}c", "a*c", {}, ALLOW),
        ("a${*}c", "abc", {}, IMPLICIT),
        ("a${?}c", "a?c", {}, ALLOW),
        ("a${$}{x}", "a${x}", {}, ALLOW),
        ("a${unclosed", "a${unclosed", {}, ALLOW),
        ("${}", "${}", {}, ALLOW),
    ],
)
def test_variables_in_resources(pattern, key, context, expected):
    assert outcome(USER, GET, f"arn:aws:s3:::b/{key}", identity=home(pattern), context=context) == expected


def test_variables_need_the_newer_version():
    old = home("${aws:username}", version="2008-10-17")
    assert outcome(USER, GET, "arn:aws:s3:::b/dana", identity=old) == IMPLICIT
    assert outcome(USER, GET, "arn:aws:s3:::b/${aws:username}", identity=old) == ALLOW


@pytest.mark.parametrize("effect", ["Resource", "NotResource"])
def test_a_variable_without_a_value_leaves_the_statement_undecided(effect):
    statement = {"Effect": "Allow", "Action": GET, effect: "arn:aws:s3:::b/${aws:username}/*"}
    decision = ask(SESSION, GET, "arn:aws:s3:::b/dana/x", identity=policy(statement))
    assert decision.outcome == "unknown"
    assert decision.flips[0].key == "aws:username"


def test_a_variable_without_a_value_does_not_matter_where_nothing_it_could_be_would_match():
    assert outcome(SESSION, GET, "arn:aws:s3:::other/x", identity=home("${aws:username}/*")) == IMPLICIT
    several = policy(allow(resource=["arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/shared/*"]))
    assert outcome(SESSION, GET, "arn:aws:s3:::b/shared/x", identity=several) == ALLOW


def test_the_literal_reading_of_the_guide_can_be_chosen():
    wanted = {"identity": home("${aws:username}/*"), "unset_variable": "no_match"}
    assert outcome(SESSION, GET, "arn:aws:s3:::b/dana/x", **wanted) == IMPLICIT
    inverse = policy({"Effect": "Allow", "Action": GET, "NotResource": "arn:aws:s3:::b/${aws:username}/*"})
    assert outcome(SESSION, GET, "arn:aws:s3:::b/d/x", identity=inverse, unset_variable="no_match") == ALLOW


@pytest.mark.parametrize(
    ("operator", "value", "prefix", "expected"),
    [
        ("StringEquals", "home/${aws:username}", "home/dana", ALLOW),
        ("StringEqualsIgnoreCase", "HOME/${aws:username}", "home/DANA", ALLOW),
        ("StringLike", "home/${aws:username}/*", "home/dana/x", ALLOW),
        ("StringLike", "${s3:missing}*", "anything", IMPLICIT),
        ("StringEquals", "${s3:missing}", "", IMPLICIT),
        ("StringNotEquals", "${s3:missing}", "x", ALLOW),
        ("StringNotLike", "${aws:username}*", "dana/x", IMPLICIT),
        ("ArnLike", "arn:aws:iam::${aws:PrincipalAccount}:user/*", f"arn:aws:iam::{HOME}:user/x", ALLOW),
        ("ArnEquals", "${aws:PrincipalArn}", USER, ALLOW),
        ("ArnNotLike", "${s3:missing}", USER, ALLOW),
        ("Bool", "${s3:flag}", "true", ALLOW),
    ],
)
def test_variables_in_conditions(operator, value, prefix, expected):
    grant = policy(allow(condition={operator: {"s3:prefix": value}}))
    assert outcome(USER, identity=grant, context={"s3:prefix": prefix, "s3:flag": "true"}) == expected


def test_a_key_with_several_values_is_no_variable():
    grant = policy(allow(condition={"StringEquals": {"s3:prefix": "${aws:TagKeys}"}}))
    assert outcome(USER, identity=grant, context={"s3:prefix": "a", "aws:TagKeys": ["a", "b"]}) == IMPLICIT


def test_an_unknown_variable_in_conditions_matters_where_it_could_match():
    unknown = {"aws:PrincipalTag/team": UNKNOWN, "s3:prefix": "home/blue"}
    for operator, value, expected in (
        ("StringEquals", "home/${aws:PrincipalTag/team}", "unknown"),
        ("StringEquals", "work/${aws:PrincipalTag/team}", IMPLICIT),
        ("StringNotEquals", "work/${aws:PrincipalTag/team}", ALLOW),
        ("StringEqualsIgnoreCase", "HOME/${aws:PrincipalTag/team}", "unknown"),
        ("StringLike", "${aws:PrincipalTag/team}/${aws:username}", IMPLICIT),
        ("StringLike", "${aws:PrincipalTag/team}${aws:PrincipalAccount, 'x'}", IMPLICIT),
        ("StringLike", "${aws:PrincipalTag/team}/${s3:prefix}", IMPLICIT),
        ("StringLike", "${aws:PrincipalTag/team}${s3:none, 'blue'}", "unknown"),
        ("ArnLike", "arn:aws:iam::${aws:PrincipalTag/team}:x", "unknown"),
        ("ArnNotLike", "arn:aws:iam::${aws:PrincipalTag/team}:x", "unknown"),
    ):
        grant = policy(allow(condition={operator: {"s3:prefix": value}}))
        assert outcome(USER, identity=grant, context=unknown) == expected, (operator, value)


def test_a_variable_whose_value_is_not_known():
    grant = home("${aws:PrincipalTag/team}/*")
    unknown = {"aws:PrincipalTag/team": UNKNOWN}
    assert outcome(USER, GET, "arn:aws:s3:::b/blue/x", identity=grant, context=unknown) == "unknown"
    assert outcome(USER, GET, "arn:aws:s3:::c/blue/x", identity=grant, context=unknown) == IMPLICIT


# 17. Bucket actions are judged on the bucket's ARN.


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        (f"{BUCKET}/*", BUCKET, IMPLICIT),
        (f"{BUCKET}*", BUCKET, ALLOW),
        (f"{BUCKET}*", BUCKET + "-of-others", ALLOW),
        (BUCKET, BUCKET, ALLOW),
        (BUCKET, OBJECT, IMPLICIT),
    ],
)
def test_list_permissions_on_the_bucket(pattern, resource, expected):
    assert outcome(USER, "s3:ListBucket", resource, identity=policy(allow("s3:*", pattern))) == expected


def test_an_explicit_deny_with_not_action_and_not_resource():
    fence = policy(
        allow("*"), {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::b/*"}, deny("s3:Put*")
    )
    assert outcome(USER, GET, OBJECT, identity=fence) == ALLOW
    assert outcome(USER, "ec2:DescribeInstances", "*", identity=fence) == "explicit_deny"
    assert outcome(USER, "s3:PutObject", OBJECT, identity=fence) == "explicit_deny"


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("arn:aws:s3", OBJECT, True),
        ("arn:aws:s3:", OBJECT, True),
        ("arn:aws:sqs", OBJECT, False),
        ("arn:aws", OBJECT, True),
        ("arn:aws:sqs:eu-west-1", f"arn:aws:sqs:eu-west-1:{HOME}:q", True),
        ("arn:aws:sqs:eu-west-1", f"arn:aws:sqs:eu-west-2:{HOME}:q", False),
        (f"arn:aws:sqs:*:{HOME}", f"arn:aws:sqs:eu-west-2:{HOME}:q", True),
        (f"arn:aws:sqs:*:{OTHER}", f"arn:aws:sqs:eu-west-2:{HOME}:q", False),
        (f"arn:aws:sqs:eu-west-1:{HOME}", f"arn:aws:sqs:eu-west-1:{HOME}:q:r", True),
    ],
)
def test_an_arn_that_is_not_whole_is_completed_in_an_identity_policy(
    pattern: str, resource: str, matches: bool
) -> None:
    """AWS adds a `*` for each segment that is missing; a bucket's policy is not completed."""
    expected = "allow" if matches else "implicit_deny"
    assert outcome(USER, "s3:GetObject", resource, identity=[policy(allow("s3:GetObject", pattern))]) == expected
    inverted = {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": pattern}
    turned = "implicit_deny" if matches else "allow"
    assert outcome(USER, "s3:GetObject", resource, identity=[policy(inverted)]) == turned
    granting = Policy.parse(
        {"Version": "2012-10-17", "Statement": allow("s3:GetObject", pattern, principal="*")}, "bucket", lenient=True
    )
    assert outcome(USER, "s3:GetObject", resource, resource=granting) == "implicit_deny"


def test_an_arn_that_is_not_whole_is_worth_a_warning() -> None:
    found = Policy.parse({"Version": "2012-10-17", "Statement": allow("s3:GetObject", "arn:aws:s3")}, "wide")
    assert "stands for everything" in str(found.warnings[0])
