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
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, ALL),
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
        ({"Condition": {"Null": {"aws:SecureTransport": "false"}}}, ALL),
    ],
)
def test_tls(changes: dict[str, Any], left: list[str]) -> None:
    assert allowed({**TLS, **changes}) == left


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
        ({"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-1/*"}}, ["aws:PrincipalOrgPaths"]),
        ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, ["aws:SourceIp"]),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, []),
        ({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, []),
        ({}, []),
    ],
)
def test_perimeters(condition: dict[str, Any], keys: list[str]) -> None:
    item = {**copy.deepcopy(TLS), "Condition": condition}
    assert [key for _, key in perimeters({"Statement": item}, "acme-recordings", "calls/")] == keys


@pytest.mark.parametrize("document", [None, [], {}, {"Statement": "x"}, {"Statement": [1]}])
def test_what_is_no_policy_is_said_so(document: Any) -> None:
    with pytest.raises(PolicyShapeError):
        statements(document)


def test_a_hostile_pattern_costs_no_more_than_its_length() -> None:
    hostile = {**TLS, "Resource": "*a" * 40 + "*"}
    assert allowed(hostile) == ALL
