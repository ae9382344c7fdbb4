# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that an edge needs, and which of them are its storage."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.dns.names import names_of, storage_domain
from ansible.module_utils.edge.dns.plan import plan, signs_of_life
from ansible.module_utils.edge.targets import Edge


def edge(**values):
    return Edge.from_mapping({"name": "london-1", "region": "eu-west-2", **values})


def storage(found):
    return [item["name"] for item in found if item["storage"]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"bucket": "rec"}, ["s3.eu-west-2.amazonaws.com", "rec.s3.eu-west-2.amazonaws.com"]),
        ({}, ["s3.eu-west-2.amazonaws.com"]),
        ({"bucket": "rec.london"}, ["s3.eu-west-2.amazonaws.com"]),
        ({"bucket": "rec", "storage_endpoint": "rec.s3.eu-west-2.amazonaws.com"}, ["rec.s3.eu-west-2.amazonaws.com"]),
        (
            {"bucket": "rec", "storage_endpoint": "https://s3.dualstack.eu-west-2.amazonaws.com"},
            ["s3.dualstack.eu-west-2.amazonaws.com", "rec.s3.dualstack.eu-west-2.amazonaws.com"],
        ),
        ({"bucket": "rec", "storage_endpoint": "http://127.0.0.1:8333"}, []),
        ({"bucket": "rec", "storage_endpoint": "https://[2001:db8::1]:8333"}, []),
        (
            {"bucket": "rec", "storage_kind": "s3_compatible", "storage_endpoint": "https://Minio.Corp.example:9000"},
            ["minio.corp.example"],
        ),
    ],
)
def test_storage_names(values, expected):
    assert storage(names_of(edge(**values))) == expected


def test_names_beside_the_storage():
    found = {item["name"]: item["purpose"] for item in names_of(edge(dns_names=["lms.corp.example", "not a name", ""]))}
    assert found == {
        "s3.eu-west-2.amazonaws.com": "storage",
        "s3.dualstack.eu-west-2.amazonaws.com": "dualstack",
        "sts.eu-west-2.amazonaws.com": "sts",
        "kms.eu-west-2.amazonaws.com": "kms",
        "s3.amazonaws.com": "global",
        "api.euw2.pure.cloud": "platform",
        "lms.corp.example": "configured",
    }


def test_china_has_its_own_domain():
    found = {item["purpose"]: item["name"] for item in names_of(edge(region="cn-north-1"))}
    assert found["sts"] == "sts.cn-north-1.amazonaws.com.cn"
    assert "global" not in found


@pytest.mark.parametrize(
    ("values", "domain"),
    [
        ({}, "eu-west-2.amazonaws.com"),
        ({"bucket": "rec", "storage_endpoint": "rec.s3.eu-west-2.amazonaws.com"}, "eu-west-2.amazonaws.com"),
        ({"storage_endpoint": "minio.corp.example"}, "corp.example"),
        ({"storage_endpoint": "minio"}, None),
        ({"storage_endpoint": "http://10.0.0.1"}, None),
    ],
)
def test_made_up_names_avoid_the_wildcard_of_bucket_names(values, domain):
    assert storage_domain(edge(**values)) == domain


def test_the_plan_asks_all_names_over_all_transports():
    names = names_of(edge(bucket="rec"))
    queries = plan(names, ["x.invalid"], "udp")
    assert {(item["name"], item["type"]) for item in queries if item["kind"] == "answer"} == {
        (item["name"], kind) for item in names for kind in ("A", "AAAA")
    }
    assert [(item["transport"], item["edns"]) for item in queries if item["kind"] == "probe"] == [
        ("tcp", None), ("udp", 1232), ("udp", 4096),
    ]  # fmt: skip
    assert all(item["transport"] == "tcp" for item in plan(names, [], "tcp") if item["kind"] == "answer")
    assert signs_of_life(plan([], [], "udp"))[0]["name"] == "."
