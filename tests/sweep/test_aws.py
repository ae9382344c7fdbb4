# SPDX-License-Identifier: GPL-3.0-or-later
"""Every AWS call of the audit denied, throttled, cut, held back and answered by somebody else in turn.

Nothing turns greener, nothing that passed fails, nothing breaks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from lab.lies import Asked, told

from .conftest import ALL, FEW, TWO, World
from .greener import complaints
from .replay import Answer, Call, Wire

pytestmark = [pytest.mark.lab]

ROOT = Path(__file__).resolve().parents[2]
POLICY = json.loads((ROOT / "docs/policies/audit.json").read_text(encoding="utf-8"))
ASKED_ALWAYS = ("sts:AssumeRole", "sts:GetCallerIdentity")
PERMISSIONS = [
    *ASKED_ALWAYS,
    *(action for statement in POLICY["Statement"] for action in statement["Action"]),
]
# What no edge of the lab leads to. The facts that they would give have tables of cases of their own in tests/unit.
NOT_IN_THE_LAB = {
    "config:BatchGetResourceConfig": "moto has no AWS Config that records buckets",
    "config:DescribeConfigurationRecorderStatus": "only a fleet of many buckets leads there",
    "ec2:DescribeDhcpOptions": "every VPC of the lab has Amazon's own options",
    "iam:GetGroupPolicy": "edges export as roles",
    "iam:GetRolePolicy": "the roles of the lab have managed policies",
    "iam:GetUser": "edges export as roles",
    "iam:GetUserPolicy": "edges export as roles",
    "iam:ListAccessKeys": "edges export as roles",
    "iam:ListAttachedGroupPolicies": "edges export as roles",
    "iam:ListAttachedUserPolicies": "edges export as roles",
    "iam:ListGroupPolicies": "edges export as roles",
    "iam:ListGroupsForUser": "edges export as roles",
    "iam:ListUserPolicies": "edges export as roles",
    "organizations:DescribePolicy": "the account is in no organisation",
    "organizations:ListParents": "the account is in no organisation",
    "organizations:ListPoliciesForTarget": "the account is in no organisation",
    "s3:GetAccountPublicAccessBlock": "only AWS itself is asked for it",
}
JSON_TARGET = "X-Amz-Target"
# Each shape once for each operation; tests/unit/core/test_aws_answers.py has all of them.
LIED = (
    "404 without body", "404 with HTML", "404 with ragged HTML", "200 without body", "200 with HTML",
    "200 of another type", "200 with nothing in it", "redirect", "expired",
)  # fmt: skip

Disturbed = Callable[..., "tuple[dict[str, Any], Wire]"]


def refusal(status: int, code: str) -> Callable[[Any, Call], Answer]:
    """An error in the format of the service that was asked."""

    def answer(request: Any, call: Call) -> Answer:
        if request.headers.get(JSON_TARGET):
            body = json.dumps({"__type": code, "message": "no"}).encode()
            return Answer(status, {"Content-Type": "application/x-amz-json-1.1"}, body)
        own = {("ec2", "AccessDenied"): "UnauthorizedOperation", ("s3", "Throttling"): "SlowDown"}
        name = own.get((call.service, code), code)
        error = f"<Error><Code>{name}</Code><Message>no</Message></Error>"
        if call.service == "ec2":
            body = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
        elif call.service in ("iam", "sts", "route53"):
            body = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
        else:
            body = error
        return Answer(status, {"Content-Type": "text/xml"}, b"" if request.method == "HEAD" else body.encode())

    return answer


def cut(request: Any, call: Call) -> Answer:
    return Answer(failure=botocore.exceptions.ConnectionClosedError(endpoint_url=request.url))


def held_back(request: Any, call: Call) -> Answer:
    return Answer(failure=botocore.exceptions.ReadTimeoutError(endpoint_url=request.url))


def truncated(request: Any, call: Call) -> Answer:
    """An answer whose body ends in the middle of its first element."""
    kind = "application/x-amz-json-1.1" if request.headers.get(JSON_TARGET) else "text/xml"
    return Answer(200, {"Content-Type": kind}, b'{"a' if "json" in kind else b"<Answer><requestId>1")


def lie(kind: str) -> Callable[[Any, Call], Answer]:
    """What a proxy, a load balancer or a login page answers in the service's place."""

    def answer(request: Any, call: Call) -> Answer:
        reply = told(kind, Asked(request.method, call.service, _text(request.headers.get(JSON_TARGET))))
        return Answer(reply.status, dict(reply.headers), b"" if request.method == "HEAD" else reply.body)

    return answer


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


FAULTS: dict[str, tuple[Callable[[Any, Call], Answer], tuple[str, ...]]] = {
    "denied": (refusal(403, "AccessDenied"), ALL),
    "throttled": (refusal(429, "Throttling"), FEW),
    "cut": (cut, FEW),
    "held back": (held_back, FEW),
    "truncated": (truncated, FEW),
    **{kind: (lie(kind), TWO) for kind in LIED},
}


def test_the_list_is_what_the_lab_asks_and_what_it_cannot(world: World) -> None:
    asked = {permission for calls in world.calls.values() for permission in calls}
    assert asked <= set(PERMISSIONS), "the audit made a call that its policy does not allow"
    assert set(PERMISSIONS) - asked == set(NOT_IN_THE_LAB)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("permission", [name for name in PERMISSIONS if name not in NOT_IN_THE_LAB])
def test_no_fault_makes_the_report_greener(world: World, disturbed: Disturbed, permission: str, fault: str) -> None:
    answer, names = FAULTS[fault]
    names = next((some for some in (names, FEW) if permission in world.asked.get(some, ())), ALL)
    report, wire = disturbed(names, lambda call: call.permission == permission, answer)
    assert wire.hit, "the call was never made"
    assert complaints(world.report, report) == []
