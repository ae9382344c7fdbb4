# SPDX-License-Identifier: GPL-3.0-or-later
"""The two questions to a bucket policy, and documents that are none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible.module_utils.edge.bucket.policy import PolicyShapeError, perimeters, plain_http_allowed, statements

from tests.unit.bucket.builders import POLICY

TLS: dict[str, Any] = POLICY["Statement"][0]  # type: ignore[assignment,index]
ALL = ["s3:PutObject", "s3:GetObject", "s3:ListBucket"]


def allowed(*items: dict[str, Any]) -> list[str]:
    return [action for action, _ in plain_http_allowed({"Statement": list(items)}, "acme-recordings", "calls/")]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, []),
        ({"Principal": {"AWS": "*"}}, []),
        ({"Principal": {"AWS": ["*"]}}, []),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, ALL),
        # Some are spared.
        ({"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::000000000000:user/dana"}}, ALL),
        ({"Principal": None, "NotPrincipal": {"AWS": "*"}}, ALL),
        ({"Effect": "Allow"}, ALL),
        ({"Action": "S3:*"}, []),
        ({"Action": "*"}, []),
        ({"Action": ["s3:Get*", "s3:Put*"]}, ["s3:ListBucket"]),
        ({"Resource": "arn:aws:s3:::acme-recordings/*"}, ["s3:ListBucket"]),
        ({"Resource": "arn:aws:s3:::acme-recordings*"}, []),
        ({"Resource": "arn:aws:s3:::ACME-recordings*"}, ALL),
        ({"Resource": "*"}, []),
        ({"Condition": {"Bool": {"aws:SecureTransport": False}}}, []),
        ({"Condition": {"Bool": {"aws:securetransport": ["false"]}}}, []),
        ({"Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}}}, []),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, ALL),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:SourceVpc": "v"}}}, ALL),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false"}}}, ALL),
        # Denied to all by all ways, and so by plain HTTP too.
        ({"Condition": {"Null": {"aws:SecureTransport": "false"}}}, []),
        ({"Condition": {"StringEquals": {"aws:SecureTransport": "false"}}}, []),
        ({"Condition": {"StringNotEqualsIgnoreCase": {"aws:SecureTransport": "TRUE"}}}, []),
        ({"Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}}, ALL),
        ({"Condition": {"NumericLessThanIfExists": {"s3:TlsVersion": "1.2"}}}, []),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}, "ArnNotEquals": {"aws:PrincipalArn": "arn:x"}}}, ALL),
        ({"Condition": {"Bool": {"aws:SecureTransport": ["false", "true"]}}}, []),
    ],
)
def test_tls(changes: dict[str, Any], left: list[str]) -> None:
    item = {name: value for name, value in {**TLS, **changes}.items() if value is not None}
    assert allowed(item) == left


def test_whoever_is_spared_by_name_must_be_let_in_to_count() -> None:
    stranger = "arn:aws:iam::444455556666:role/partner"
    spared = {key: value for key, value in TLS.items() if key != "Principal"} | {
        "NotPrincipal": {"AWS": [stranger, "arn:aws:iam::444455556666:root"]}
    }
    grant = {"Effect": "Allow", "Principal": {"AWS": stranger}, "Action": "s3:GetObject",
             "Resource": "arn:aws:s3:::acme-recordings/*"}  # fmt: skip
    assert allowed(spared) == []
    assert allowed(spared, grant) == ["s3:GetObject"]
    insisting = {**grant, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    assert allowed(spared, insisting) == []


def test_a_policy_that_lets_nobody_in_over_http_needs_no_denial() -> None:
    """The account's own principals are let in by their own policies, whatever an Allow of the bucket asks for."""
    secure = {**TLS, "Effect": "Allow", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    assert allowed(secure) == ALL


@pytest.mark.parametrize("action", ["s?:*", "GetObject"])
def test_a_policy_that_cannot_be_evaluated_is_said_so(action: str) -> None:
    with pytest.raises(PolicyShapeError):
        allowed({**TLS, "Action": action})


def test_tls_by_exclusion() -> None:
    item = {key: value for key, value in TLS.items() if key not in ("Action", "Resource")}
    assert allowed({**item, "NotAction": "iam:*", "NotResource": "arn:aws:s3:::other/*"}) == []
    assert allowed({**item, "NotAction": "s3:List*", "Resource": "*"}) == ["s3:ListBucket"]


def test_several_statements_together_can_cover() -> None:
    parts = [{**TLS, "Action": action} for action in ("s3:Get*", "s3:Put*", "s3:List*")]
    assert allowed(*parts) == []
    assert allowed(*parts[:2]) == ["s3:ListBucket"]


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, ["aws:SourceVpce"]),
        ({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}, ["aws:PrincipalOrgID"]),
        # Who is of no organisation has no such key, and ForAnyValue of nothing is false.
        ({"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-1/*"}}, []),
        ({"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": "o-1/*"}}, ["aws:PrincipalOrgPaths"]),
        ({"StringNotLike": {"aws:SourceVpc": "*"}}, []),
        ({"Null": {"aws:SourceVpce": "true"}}, []),
        (
            {
                "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1"},
                "NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
            ["aws:SourceVpc", "aws:SourceIp"],
        ),
        ({"StringNotEquals": {"aws:PrincipalAccount": ["000000000000"]}}, ["aws:PrincipalAccount"]),
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}, "StringEquals": {"aws:PrincipalTag/team": "x"}}, []),
        ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, ["aws:SourceIp"]),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, []),
        ({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, []),
        ({}, []),
    ],
)
def test_perimeters(condition: dict[str, Any], keys: list[str]) -> None:
    item = {**copy.deepcopy(TLS), "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": item}
    assert [key for _, key in perimeters(document, "acme-recordings", "calls/")] == keys


@pytest.mark.parametrize("document", [None, [], {}, {"Statement": "x"}, {"Statement": [1]}])
def test_what_is_no_policy_is_said_so(document: Any) -> None:
    with pytest.raises(PolicyShapeError):
        statements(document)


def test_a_hostile_pattern_costs_no_more_than_its_length() -> None:
    hostile = {**TLS, "Resource": "*a" * 40 + "*"}
    assert allowed(hostile) == ALL
