# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calls an export makes, what each asks for, and how the edge's real way shows in the request."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.iam.context import PRESENT, UNKNOWN
from ansible.module_utils.edge.iam.network import network_of, other_ways
from ansible.module_utils.edge.iam.plan import Asked, Target, export_plan

from tests.unit.iam.edges import ACCOUNT, ARN, DENIED, ENDPOINT, KEY, egress, nat

TARGET = Target("acme-recordings", "calls/", ("calls/a.wav",), "eu-west-2", ACCOUNT, True, KEY)
PLAIN = Target("acme-recordings", "calls/", ("calls/a.wav",), "eu-west-2", ACCOUNT)
OBJECT = f"{ARN}/calls/a.wav"
ALWAYS = ["ListObjectsV2", "HeadObject", "GetObject", "PutObject", "CreateMultipartUpload", "UploadPart",
          "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts", "GetObjectAttributes",
          "HeadBucket"]  # fmt: skip


def calls(asked: Asked) -> list[str]:
    return [step.call for step in export_plan(TARGET, asked)]


def asks(call: str, target: Target = TARGET, asked: Asked | None = None) -> list[tuple[str, str | None]]:
    step = next(step for step in export_plan(target, asked or Asked()) if step.call == call)
    return [(ask.action, ask.resource) for ask in step.asks]


def test_a_plain_export_makes_these_calls_in_this_order() -> None:
    assert calls(Asked()) == ALWAYS


def test_versions_add_their_listing() -> None:
    assert calls(Asked(versions=True))[:4] == ["ListObjectsV2", "ListObjectVersions", "HeadObject", "GetObject"]


def test_locks_are_asked_for_only_where_the_export_is_told_to_lock() -> None:
    assert calls(Asked(legal_hold=True))[-1] == "PutObjectLegalHold"
    assert calls(Asked(legal_hold=False, retention=True))[-1] == "PutObjectRetention"
    assert calls(Asked(legal_hold=False, retention=False)) == ALWAYS


def test_an_unread_setting_leaves_calls_in_doubt() -> None:
    steps = export_plan(TARGET, Asked(versions=DENIED))
    doubted = [step.call for step in steps if step.doubt is not None]
    assert doubted == ["ListObjectVersions", "HeadObject", "GetObject", "HeadObject", "GetObject",
                       "GetObjectAttributes", "GetObjectAttributes"]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("ListObjectsV2", [("s3:ListBucket", ARN)]),
        ("HeadBucket", [("s3:ListBucket", ARN)]),
        ("HeadObject", [("s3:GetObject", OBJECT)]),
        ("GetObject", [("s3:GetObject", OBJECT), ("kms:Decrypt", KEY)]),
        ("PutObject", [("s3:PutObject", OBJECT), ("kms:GenerateDataKey", KEY)]),
        ("CreateMultipartUpload", [("s3:PutObject", OBJECT), ("kms:GenerateDataKey", KEY)]),
        ("UploadPart", [("s3:PutObject", OBJECT), ("kms:Decrypt", KEY)]),
        ("CompleteMultipartUpload", [("s3:PutObject", OBJECT), ("kms:Decrypt", KEY)]),
        ("AbortMultipartUpload", [("s3:AbortMultipartUpload", OBJECT)]),
        ("ListParts", [("s3:ListMultipartUploadParts", OBJECT), ("kms:Decrypt", KEY)]),
        ("GetObjectAttributes", [("s3:GetObject", OBJECT), ("s3:GetObjectAttributes", OBJECT)]),
    ],
)
def test_what_a_call_asks_for_with_a_key(call: str, expected: list[tuple[str, str]]) -> None:
    assert asks(call) == expected


def test_a_request_for_a_version_asks_for_the_version_instead() -> None:
    versions = Asked(versions=True)
    assert asks("GetObject", PLAIN, versions) == [("s3:GetObjectVersion", OBJECT)]
    assert asks("HeadObject", PLAIN, versions) == [("s3:GetObjectVersion", OBJECT)]
    assert asks("GetObjectAttributes", PLAIN, versions) == [
        ("s3:GetObjectVersion", OBJECT),
        ("s3:GetObjectVersionAttributes", OBJECT),
    ]


def test_without_a_key_no_call_asks_for_one() -> None:
    assert not [ask for step in export_plan(PLAIN, Asked()) for ask in step.asks if ask.target == "key"]


def context(call: str, action: str, target: Target = TARGET) -> Any:
    step = next(step for step in export_plan(target, Asked()) if step.call == call)
    return next(ask.context for ask in step.asks if ask.action == action)


def test_listing_names_its_prefix_and_head_bucket_does_not() -> None:
    assert context("ListObjectsV2", "s3:ListBucket")["s3:prefix"] == "calls/"
    assert "s3:prefix" not in context("HeadBucket", "s3:ListBucket")


def test_the_key_is_asked_by_s3_in_the_name_of_the_caller() -> None:
    asked = context("UploadPart", "kms:Decrypt")
    assert asked["kms:ViaService"] == "s3.eu-west-2.amazonaws.com"
    assert asked["kms:CallerAccount"] == ACCOUNT
    assert asked["kms:EncryptionContext:aws:s3:arn"] == OBJECT


def test_with_a_bucket_key_the_encryption_context_is_the_bucket() -> None:
    target = Target("acme-recordings", "", ("a",), "eu-west-2", ACCOUNT, True, KEY, bucket_key=True)
    assert context("UploadPart", "kms:Decrypt", target)["kms:EncryptionContext:aws:s3:arn"] == ARN


def test_headers_that_only_the_export_knows_are_unknown() -> None:
    assert context("PutObject", "s3:PutObject")["s3:x-amz-server-side-encryption"] is UNKNOWN


# The way.


def test_through_an_endpoint_there_is_no_source_address() -> None:
    way = network_of(egress())
    assert (way.kind, way.gateway, way.endpoint) == ("endpoint", True, ENDPOINT)
    assert way.context["aws:SourceVpce"] == ENDPOINT
    assert way.context["aws:SourceVpc"] == "vpc-0abc"
    assert way.context["aws:VpcSourceIp"] == "10.0.0.5"
    assert way.context["aws:SourceIp"] is None


def test_an_interface_endpoint_is_no_gateway() -> None:
    assert not network_of(egress(route={"kind": "interface_endpoint", "id": ENDPOINT})).gateway


def test_over_nat_the_public_address_is_seen() -> None:
    way = network_of(nat())
    assert way.context["aws:SourceIp"] == "203.0.113.7"
    assert way.context["aws:SourceVpce"] is None


def test_an_address_that_is_not_known_is_there_all_the_same() -> None:
    assert network_of(nat(None)).context["aws:SourceIp"] is PRESENT


@pytest.mark.parametrize(
    "held",
    [
        DENIED,
        egress(route=DENIED),
        egress(route=DENIED.to_fact()),
        egress(route=None),
        egress(route={"kind": "transit_gateway", "id": "tgw-1"}),
        None,
    ],
)
def test_a_way_that_is_not_known_leaves_every_key_open(held: Any) -> None:
    way = network_of(held)
    assert way.kind == "unknown"
    assert set(way.context.values()) == {UNKNOWN}


def test_the_other_ways_are_those_of_the_other_addresses() -> None:
    way = egress()
    way["routes"] = [way["route"], nat()["route"]]
    assert [other.kind for other in other_ways(way)] == ["internet"]
    assert other_ways(Unread("error", "x", "y", "z")) == []
