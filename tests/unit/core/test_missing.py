# SPDX-License-Identifier: GPL-3.0-or-later
"""What was denied, as a policy for each identity that reads."""

from __future__ import annotations

from ansible.module_utils.edge.finding import Finding
from ansible.module_utils.edge.missing import CONTROLLER, policies, reader
from ansible.module_utils.edge.targets import Edge


def denied(edge: str, *permissions: str) -> Finding:
    return Finding("T-01", "unknown", edge, "route", "x", "", "", reason="denied", permissions=permissions)


def test_each_identity_gets_what_it_was_denied_and_no_more() -> None:
    found = policies(
        {
            "a": [denied("a", "ec2:DescribeVpcs"), denied("a", "iam:GetRole", "ec2:DescribeVpcs")],
            "b": [denied("b", "s3:GetBucketPolicy")],
            "c": [denied("c", "kms:DescribeKey")],
            "d": [Finding("T-01", "pass", "d", "route", "x", "", "")],
        },
        {"a": "arn:one", "b": "arn:one", "c": CONTROLLER},
    )
    assert [(item["reader"], item["edges"]) for item in found] == [("arn:one", ["a", "b"]), (CONTROLLER, ["c"])]
    [statement] = found[0]["policy"]["Statement"]
    assert statement["Action"] == ["ec2:DescribeVpcs", "iam:GetRole", "s3:GetBucketPolicy"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "*")


def test_permissions_on_the_edge_itself_are_no_actions() -> None:
    assert policies({"a": [denied("a", "read /etc/squid/squid.conf", "CAP_NET_ADMIN")]}, {}) == []


def test_the_reader_is_named_as_an_operator_knows_it() -> None:
    role = "arn:aws:iam::123456789012:role/edgepath-audit"
    assert reader(Edge("a", audit_role_arn=role)) == role
    assert reader(Edge("a", aws_profile="recordings")) == "profile recordings"
    assert reader(Edge("a")) == CONTROLLER


def test_the_policy_is_one_that_iam_takes() -> None:
    [found] = policies({"a": [denied("a", "ec2:DescribeVpcs")]}, {})
    assert found == {
        "reader": "the controller's own credentials",
        "edges": ["a"],
        "policy": {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "EdgepathAuditMissing", "Effect": "Allow", "Action": ["ec2:DescribeVpcs"], "Resource": "*"}
            ],
        },
    }


def test_readers_and_edges_stand_in_order_whatever_the_inventory_has() -> None:
    names = [f"edge-{number:02}" for number in range(30, 0, -1)]
    readers = {name: f"arn:{'z' if number % 2 else 'a'}" for number, name in enumerate(names)}
    found = policies({name: [denied(name, "s3:GetBucketPolicy")] for name in ["edge-99", *names]},
                     {**readers, "edge-99": "arn:z"})  # fmt: skip
    assert [item["reader"] for item in found] == ["arn:a", "arn:z"]
    assert all(item["edges"] == sorted(item["edges"]) for item in found)
    assert sum(len(item["edges"]) for item in found) == 31
