# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS answers: absent, denied, throttled, unreachable and broken are facts of their own."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from ansible.module_utils.edge import aws
from ansible.module_utils.edge.aws import Account, AccountKey, Opened, account_of, by_account, permission_of
from ansible.module_utils.edge.finding import EdgepathError, Unread
from ansible.module_utils.edge.run import Run
from ansible.module_utils.edge.targets import Edge
from botocore.stub import Stubber

from lab.lying_proxy import Lie, LyingProxy

KEY = AccountKey(None, None, "http://127.0.0.1:9", "eu-west-2")


@pytest.fixture
def account() -> Account:
    session = boto3.session.Session("key", "secret", region_name="eu-west-2")
    return Account(KEY, session)


def answer(account: Account, service: str, operation: str, **reply: Any) -> Any:
    stubber = Stubber(account._client(service, None))
    if "code" in reply:
        stubber.add_client_error(operation, reply["code"], reply.get("message", "no"), reply.get("status", 400))
    else:
        stubber.add_response(operation, reply["answer"])
    stubber.activate()
    return stubber


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("NoSuchBucketPolicy", None),
        ("404", "error"),
        ("NoSuchEntity", "error"),
        ("InvalidSubnetID.NotFound", "error"),
        ("NoSuchBucket", "error"),
        ("UnauthorizedOperation", "denied"),
        ("AccessDenied", "denied"),
        ("Client.AccessDenied", "denied"),
        ("ExpiredToken", "denied"),
        ("RequestLimitExceeded", "throttled"),
        ("SlowDown", "throttled"),
        ("InternalError", "error"),
        ("SomethingNew", "error"),
    ],
)
def test_every_error_has_one_meaning(account: Account, code: str, state: str | None) -> None:
    aws_error = answer(account, "s3", "get_bucket_policy", code=code)
    with aws_error:
        read = account.read("s3", "get_bucket_policy", resource="bucket b", Bucket="b")
    assert (read.state if isinstance(read, Unread) else read) == state
    if state == "denied":
        assert read.permissions == ("s3:GetBucketPolicy",)
        assert "bucket b" in read.message


@pytest.mark.parametrize("code", ["NoSuchEntity", "AccessDenied", "ExpiredToken", "Throttling"])
def test_a_role_that_cannot_be_assumed_ends_in_no_other_identity(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    asked: list[str] = []

    class Session:
        def __init__(self, **_: Any) -> None: ...

        def client(self, service: str, **_: Any) -> Any:
            asked.append(service)
            client = real.client(service)
            stubber = Stubber(client)
            stubber.add_client_error("assume_role", code, "no")
            stubber.activate()
            return client

    real = boto3.session.Session("key", "secret", region_name="eu-west-2")
    monkeypatch.setattr(aws.boto3.session, "Session", Session)
    handle = Account(AccountKey(None, "arn:aws:iam::123456789012:role/gone", None, "eu-west-2"))
    for _ in range(2):
        read = handle.read("s3", "list_buckets", "Buckets")
        assert isinstance(read, Unread) and "sts:AssumeRole" in (read.operation, *read.permissions)
    assert asked == ["sts"] and handle.calls == {"sts:AssumeRole": 1}


@pytest.mark.parametrize(("minutes", "again"), [(60, False), (5, True), (-5, True), (None, False)])
def test_steps_share_a_session_that_lasts(minutes: int | None, again: bool) -> None:
    run = Run(None)
    first = account_of(run, KEY)
    first._opened.expires = minutes and datetime.now(timezone.utc) + timedelta(minutes=minutes)
    second = account_of(run, KEY)
    assert (second._opened is not first._opened) == again
    assert second.calls is not first.calls
    assert account_of(run, AccountKey(None, None, None, "eu-west-1"))._opened is not second._opened


def test_secrets_of_a_session_are_in_no_representation() -> None:
    assert "hunter2" not in repr(Opened(credentials={"aws_secret_access_key": "hunter2"}))


def test_expired_credentials_say_what_to_do(account: Account) -> None:
    with answer(account, "s3", "get_bucket_policy", code="ExpiredToken", message="The token has expired"):
        read = account.read("s3", "get_bucket_policy", Bucket="b")
    assert "renew the audit's credentials" in read.message


def test_a_list_cut_in_the_middle_is_no_list(account: Account) -> None:
    stubber = Stubber(account._client("ec2", None))
    stubber.add_response("describe_subnets", {"Subnets": [{"SubnetId": "subnet-1"}], "NextToken": "more"})
    stubber.add_client_error("describe_subnets", "RequestLimitExceeded", http_status_code=503)
    with stubber:
        read = account.read("ec2", "describe_subnets", "Subnets")
    assert isinstance(read, Unread)
    assert read.state == "throttled"


def test_all_pages_are_walked_and_counted(account: Account) -> None:
    stubber = Stubber(account._client("ec2", None))
    stubber.add_response("describe_subnets", {"Subnets": [{"SubnetId": "subnet-1"}], "NextToken": "more"})
    stubber.add_response("describe_subnets", {"Subnets": [{"SubnetId": "subnet-2"}]})
    with stubber:
        read = account.read("ec2", "describe_subnets", "Subnets")
    assert [subnet["SubnetId"] for subnet in read] == ["subnet-1", "subnet-2"]
    assert account.calls == {"ec2:DescribeSubnets": 2}


def test_a_list_whose_tokens_lead_round_in_a_circle_has_no_end(account: Account) -> None:
    stubber = Stubber(account._client("ec2", None))
    for token in ("a", "b", "a", "b"):
        stubber.add_response("describe_subnets", {"Subnets": [{"SubnetId": f"subnet-{token}"}], "NextToken": token})
    with stubber:
        read = account.read("ec2", "describe_subnets", "Subnets")
    assert isinstance(read, Unread) and "lead round in a circle" in read.message


def test_empty_pages_on_the_way_are_no_circle(account: Account) -> None:
    stubber = Stubber(account._client("ec2", None))
    for token in ("a", "b"):
        stubber.add_response("describe_subnets", {"Subnets": [], "NextToken": token})
    stubber.add_response("describe_subnets", {"Subnets": [{"SubnetId": "subnet-1"}]})
    with stubber:
        assert account.read("ec2", "describe_subnets", "Subnets") == [{"SubnetId": "subnet-1"}]


@pytest.mark.parametrize(
    ("service", "operation", "key", "page"),
    [
        ("iam", "list_roles", "Roles", {"Roles": [], "IsTruncated": True}),
        ("kms", "list_grants", "Grants", {"Grants": [], "Truncated": True}),
    ],
)
def test_more_to_come_and_no_word_where_is_no_end(
    account: Account, service: str, operation: str, key: str, page: dict[str, Any]
) -> None:
    asked = {"KeyId": "1"} if service == "kms" else {}
    with answer(account, service, operation, answer=page):
        read = account.read(service, operation, key, **asked)
    assert isinstance(read, Unread) and "more follow, and not where" in read.message
    whole = {name: value if name == key else False for name, value in page.items()}
    with answer(account, service, operation, answer=whole):
        assert account.read(service, operation, key, **asked) == []


def test_a_garbled_answer_to_assume_role_is_named_and_ends_in_no_other_identity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with LyingProxy("http://127.0.0.1:9", [Lie("200 with HTML")]) as proxy:
        monkeypatch.setattr(aws, "MAX_ATTEMPTS", 1)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        handle = Account(AccountKey(None, "arn:aws:iam::123456789012:role/r", proxy.url, "eu-west-2"))
        for _ in range(2):
            read = handle.read("s3", "list_buckets", "Buckets")
            assert isinstance(read, Unread) and read.operation == "sts:AssumeRole" and read.state == "error"
            assert "HTTP 200 with HTML" in read.message
        assert len(proxy.log) == 1


def test_an_answer_without_what_it_promises_is_an_error_not_an_empty_list(account: Account) -> None:
    with answer(account, "ec2", "describe_subnets", answer={}):
        read = account.read("ec2", "describe_subnets", "Subnets")
    assert isinstance(read, Unread)
    assert read.state == "error"
    assert "incomplete" in read.message


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    monkeypatch.setattr(aws, "MAX_ATTEMPTS", 1)
    read = account.read("ec2", "describe_subnets", "Subnets")
    assert isinstance(read, Unread)
    assert read.state == "unreachable"


def test_missing_profile_is_denied_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    read = Account(AccountKey("nobody", None, None, "eu-west-2")).read("ec2", "describe_subnets", "Subnets")
    assert isinstance(read, Unread)
    assert read.state == "denied"
    assert "nobody" in read.message


def test_no_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "BOTO3_ERROR", "No module named 'boto3'")
    with pytest.raises(EdgepathError, match="boto3 is missing on the controller"):
        Account(KEY)


@pytest.mark.parametrize(
    ("service", "operation", "permission"),
    [
        ("ec2", "describe_subnets", "ec2:DescribeSubnets"),
        ("s3", "list_objects_v2", "s3:ListBucket"),
        ("s3", "get_bucket_encryption", "s3:GetEncryptionConfiguration"),
        ("iam", "get_role", "iam:GetRole"),
        ("sts", "get_caller_identity", "sts:GetCallerIdentity"),
    ],
)
def test_permission_names(service: str, operation: str, permission: str) -> None:
    assert permission_of(service, operation) == permission


def test_edges_of_one_identity_share_an_account() -> None:
    edges = [
        Edge("a", region="eu-west-2"),
        Edge("b", region="eu-west-2"),
        Edge("c", region="eu-west-1"),
        Edge("d", region="eu-west-2", audit_role_arn="arn:aws:iam::1:role/r"),
    ]
    assert [[edge.name for edge in group] for group in by_account(edges).values()] == [["a", "b"], ["c"], ["d"]]
