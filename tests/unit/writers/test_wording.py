# SPDX-License-Identifier: GPL-3.0-or-later
"""Lengths of time, commands and the policy for what was denied."""

from __future__ import annotations

import shlex

import pytest
from ansible.module_utils.edge.writers.wording import commands, exact, limit, policy, span
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25 s"), (1, "1 s"), (45, "45 s"), (60, "1 min"), (90, "90 s"), (350, "5 min 50 s"), (900, "15 min"),
        (3600, "1 h"), (4800, "80 min"), (7200, "2 h"), (86400, "1 d"), (100000, "27 h 46 min"), (432000, "5 d"),
    ],
)  # fmt: skip
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (45, "45 s"),
        (350, "350 s (5 min 50 s)"),
        (900, "900 s (15 min)"),
        (604800, "604,800 s (7 d)"),
        (0.012, "0.012 s"),
    ],
)
def test_exact(seconds: float, text: str) -> None:
    assert exact(seconds) == text


def test_limit() -> None:
    assert limit({"kind": "idle", "seconds": 900.0}) == "idle 900 s"
    assert limit({"kind": "total", "seconds": 604800.0}) == "total 7 d"
    assert limit({"kind": "rate", "bytes_per_second": 1024.0}) == "at least 1,024 bytes/s"


def test_only_playbooks_that_exist_are_shown() -> None:
    assert commands("london-1", ["audit.yml"]) == [("Ask again", "ansible-playbook audit.yml --limit london-1")]
    ((_, command),) = commands("london-1", ["audit.yml"], ["inventories/production", "my hosts"])
    assert command == "ansible-playbook -i inventories/production -i 'my hosts' audit.yml --limit london-1"
    shown = [command for _, command in commands("london-1", ["audit.yml", "converge.yml", "rollback.yml"])]
    assert shown == [
        "ansible-playbook audit.yml --limit london-1",
        "ansible-playbook converge.yml --limit london-1 --check --diff",
        "ansible-playbook converge.yml --limit london-1",
        "ansible-playbook rollback.yml --limit london-1",
    ]


@given(st.text(min_size=1))
def test_a_shell_takes_the_edge_as_one_word(edge: str) -> None:
    ((_, command),) = commands(edge, ["audit.yml"])
    assert shlex.split(command) == ["ansible-playbook", "audit.yml", "--limit", edge]


def test_the_policy_allows_what_was_denied_and_nothing_else() -> None:
    missing = [
        {"permission": "s3:GetBucketPolicy", "resource": "arn:aws:s3:::b", "edges": ["a"]},
        {"permission": "ec2:DescribeSubnets", "resource": "Subnets", "edges": ["a"]},
        {"permission": "ec2:DescribeSubnets", "resource": "Subnets of vpc-1", "edges": ["b"]},
        {"permission": "read /etc/squid/squid.conf", "resource": "/etc/squid/squid.conf", "edges": ["a"]},
    ]
    actions = ["ec2:DescribeSubnets", "s3:GetBucketPolicy"]
    statement = {"Sid": "EdgepathAudit", "Effect": "Allow", "Action": actions, "Resource": "*"}
    assert policy(missing) == {"Version": "2012-10-17", "Statement": [statement]}


def test_no_policy_where_no_aws_permission_was_missing() -> None:
    assert policy([]) is None
    assert policy([{"permission": "read a file", "resource": "/etc/hosts", "edges": ["a"]}]) is None
