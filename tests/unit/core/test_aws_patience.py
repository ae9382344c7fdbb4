# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a step waits in vain, on a clock of the test's own: silence is bounded, work is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import botocore.awsrequest
import botocore.endpoint
import botocore.exceptions
import botocore.httpsession
import pytest
from ansible.module_utils.edge import aws
from ansible.module_utils.edge.aws import Account, AccountKey, account_of
from ansible.module_utils.edge.aws_patience import LATE_SECONDS, OPERATION_SECONDS, STEP_SECONDS, Patience
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.run import Run

KEY = AccountKey(None, None, None, "eu-west-2")
VERSIONING = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Network:
    """Answers in the place of every service; `delay` says how late, for a request's URL."""

    def __init__(self, clock: Clock, delay: Callable[[str], float]) -> None:
        self.clock, self.delay = clock, delay
        self.asked: list[str] = []

    def send(self, request: Any) -> Any:
        self.asked.append(request.url)
        delay = self.delay(request.url)
        if delay >= aws.READ_TIMEOUT:
            self.clock.now += aws.READ_TIMEOUT
            raise botocore.exceptions.ReadTimeoutError(endpoint_url=request.url)
        self.clock.now += delay
        body = b'{"Statement": [{}]}' if "policy" in request.url else VERSIONING
        answer = botocore.awsrequest.AWSResponse(request.url, 200, {}, None)
        answer._content = body
        return answer


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Network, Account]]:
    def make(delay: Callable[[str], float]) -> tuple[Network, Account]:
        clock = Clock()
        made = Network(clock, delay)
        monkeypatch.setattr(botocore.httpsession.URLLib3Session, "send", lambda _self, request: made.send(request))
        monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda seconds: setattr(clock, "now", clock.now + seconds))
        session = boto3.session.Session("key", "secret", region_name="eu-west-2")
        return made, Account(KEY, session, patience=Patience(clock))

    return make


def ask(account: Account, operation: str, bucket: str = "b") -> Any:
    return account.read("s3", operation, resource=f"the thing of {bucket}", Bucket=bucket)


def test_an_operation_that_is_silent_is_waited_for_a_minute_and_the_others_go_on(network: Any) -> None:
    made, account = network(lambda url: 60.0 if "policy" in url else 0.1)
    begun = made.clock.now
    for bucket in ("a", "b", "c", "d"):
        found = ask(account, "get_bucket_policy", bucket)
        assert isinstance(found, Unread) and found.state == "unreachable"
        assert f"no longer than {OPERATION_SECONDS:.0f} s for one" in found.message
        assert f"the thing of {bucket}" in found.message
        assert ask(account, "get_bucket_versioning", bucket)["Status"] == "Enabled"
    assert OPERATION_SECONDS <= made.clock.now - begun < OPERATION_SECONDS + 30
    assert sum("policy" in url for url in made.asked) == 2


def test_a_step_waits_three_minutes_in_all_and_says_so(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "MOST_SILENCES", 99)
    made, account = network(lambda url: 60.0)
    begun = made.clock.now
    operations = ("get_bucket_policy", "get_bucket_versioning", "get_bucket_encryption", "get_bucket_replication",
                  "get_bucket_lifecycle_configuration", "get_public_access_block")  # fmt: skip
    found = [ask(account, operation) for operation in operations]
    assert {answer.state for answer in found} == {"unreachable"}
    assert f"no longer than {STEP_SECONDS:.0f} s in all; nothing more was asked" in found[-1].message
    assert STEP_SECONDS <= made.clock.now - begun < STEP_SECONDS + 30
    assert not any("publicAccessBlock" in url for url in made.asked)


def test_work_is_not_bounded(network: Any) -> None:
    """An hour of answers, and of calls that time out once and then are answered."""
    late = iter([60.0, 0.5] * 3 + [3.0] * 1000)
    made, account = network(lambda url: next(late))
    begun = made.clock.now
    for number in range(1000):
        assert ask(account, "get_bucket_versioning", f"b{number}")["Status"] == "Enabled"
    assert made.clock.now - begun > 3000


def test_answers_that_come_late_count_for_what_they_are_late(network: Any) -> None:
    made, account = network(lambda url: LATE_SECONDS + 15.0)
    answers = [ask(account, "get_bucket_versioning", f"b{number}") for number in range(20)]
    good = [answer for answer in answers if not isinstance(answer, Unread)]
    assert len(good) == STEP_SECONDS / 15.0
    assert all("in vain for answers of AWS" in answer.message for answer in answers[len(good) :])


def test_throttling_is_no_silence_of_the_step() -> None:
    clock = Clock()
    patience = Patience(clock)
    for _ in range(10):
        begun, clock.now = clock.now, clock.now + 50.0
        patience.in_vain("throttled", begun, of_step=False)
        patience.answered("throttled")
    assert patience.spent("throttled") is None and patience.spent("other") is None
    begun, clock.now = clock.now, clock.now + OPERATION_SECONDS
    patience.in_vain("throttled", begun, of_step=False)
    assert patience.spent("throttled") is not None and patience.spent("other") is None


def test_seconds_in_which_several_wait_count_once() -> None:
    clock = Clock()
    patience = Patience(clock)
    clock.now += 30.0
    for number in range(8):
        patience.in_vain(number, 1000.0)
    assert patience.spent(0) is None
    clock.now += STEP_SECONDS - 31.0
    patience.in_vain(0, 1000.0)
    assert "this step" not in str(patience.spent(9))
    clock.now += 1.0
    patience.in_vain(0, 1000.0)
    assert "this step" in str(patience.spent(9))


def test_handles_of_one_step_wait_together_and_the_next_step_begins_anew() -> None:
    run = Run(None)
    first, second = account_of(run, KEY), account_of(run, AccountKey(None, None, None, "eu-west-1"))
    assert first._patience is second._patience
    run.of_step.clear()
    assert account_of(run, KEY)._patience is not first._patience
