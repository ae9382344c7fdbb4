# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that takes a request and never answers is unreachable: that these tests end is what they test."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from ansible.module_utils.edge import aws
from ansible.module_utils.edge.finding import Unread


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a listener that never says a word; the kernel takes the connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(("service", "operation"), [("ec2", "describe_vpcs"), ("s3", "list_buckets")])
def test_a_silent_service_is_unreachable(
    silent: str, monkeypatch: pytest.MonkeyPatch, service: str, operation: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(aws, "READ_TIMEOUT", 0.2)
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 2)
    answer = aws.Account(aws.AccountKey(None, None, silent, "eu-west-2")).read(service, operation)
    assert isinstance(answer, Unread) and answer.state == "unreachable"


def test_a_silent_service_is_not_asked_for_ever(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(aws, "READ_TIMEOUT", 0.1)
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 1)
    account = aws.Account(aws.AccountKey(None, None, silent, "eu-west-2"))
    answers = [account.read("ec2", "describe_vpcs") for _ in range(aws.MOST_SILENCES + 5)]
    assert {answer.state for answer in answers} == {"unreachable"}
    assert account.calls["ec2:DescribeVpcs"] == aws.MOST_SILENCES
    assert "was not asked again" in answers[-1].message
    # Another service has done nothing wrong.
    account.read("iam", "list_roles")
    assert account.calls["iam:ListRoles"] == 1


def test_every_client_has_limits() -> None:
    config = aws.client_config(None)
    assert 0 < config.connect_timeout <= 10 and 0 < config.read_timeout <= 60
    assert config.retries["total_max_attempts"] <= 10
