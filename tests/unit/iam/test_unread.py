# SPDX-License-Identifier: GPL-3.0-or-later
"""No fact that could not be read makes a check greener, fails one that passed, or raises."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.edge.finding import Unread

from tests.unit.iam.edges import (
    ACCOUNT,
    ARN,
    IDENTITY,
    KEY_POLICY,
    OTHER,
    PERIMETER,
    ROLE,
    document,
    egress,
    facts,
    identity,
    judged,
    named,
    nat,
    without,
)

# A refusal to read the organisation's policies is what an ordinary member account meets for ever; only a failure of
# another kind leaves everything open. See test_checks.
GONE = Unread("throttled", "aws:Read", "something", "cannot read something: Throttling")
SCPS = [[named("Full", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])]]
NO_PUT = [[named("NoPut", [{"Effect": "Allow", "NotAction": "s3:PutObject", "Resource": "*"}])]]
WIDE = [*IDENTITY, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
DEAD = {
    "Effect": "Allow",
    "Principal": {"AWS": "AROAEXAMPLEEXAMPLE999"},
    "Action": "s3:GetObject",
    "Resource": f"{ARN}/*",
}
SPLIT = egress()
SPLIT["routes"] = [SPLIT["route"], nat()["route"]]
CASES: dict[str, tuple[Any, Any]] = {
    "healthy": (facts(), egress()),
    "no write": (identity(without(IDENTITY, "s3:PutObject")), egress()),
    "no key": (identity(without(IDENTITY, "kms:Decrypt")), egress()),
    "no listing": (identity(without(IDENTITY, "s3:ListBucket", "s3:ListBucketVersions")), egress()),
    "no versions": (identity(without(IDENTITY, "s3:GetObjectVersion")), egress()),
    "no objects": (identity(without(IDENTITY, "s3:GetObject"), asks={"versions": False}), egress()),
    "nat": (facts(), nat()),
    "split": (facts(), SPLIT),
    "closed endpoint": (facts(), egress(endpoint_policy={"id": "vpce-1", "document": document(
        [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3:*", "Resource": "*"}])})),
    "another account": (facts(bucket_account=OTHER), egress()),
    "closed key": (facts(key_policy=document(
        [{**KEY_POLICY[0], "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"}}])), egress()),
    "no such key": (facts(key=None, key_policy=None, key_grants=None), egress()),
    "narrow boundary": (facts(principal={"boundary": named("limit", without(IDENTITY, "s3:PutObject"))}), egress()),
    "wide": (identity(WIDE, boundary=None), egress(endpoint_policy=None)),
    "dead grant": (facts(bucket_policy=document([*PERIMETER, DEAD])), egress()),
    "trust": (facts(principal={"trust": document(
        [{"Effect": "Allow", "Principal": "*", "Action": "sts:TagSession"}])}), egress()),
    "long": (facts(principal_from="edge_role_arn", principal={"max_session_seconds": 900}), egress(role_arn=None)),
    "given role": (facts(principal_from="edge_role_arn"), egress(role_arn=ROLE)),
    "keys": (facts(static_keys=[{"file": "/x", "setting": "accessKey"}]), egress()),
    "nobody": (facts(principal_arn=None, principal_from=None, principal=None), egress(role_arn=None)),
    "no such role": (facts(principal=None), egress()),
    "organisation": (facts(organisation={"id": "o-1", "management": False, "scps": SCPS, "rcps": []}), egress()),
    "forbidden": (facts(organisation={"id": "o-1", "management": False, "scps": [*SCPS, *NO_PUT], "rcps": []}),
                  egress()),
    "by organisation": (facts(bucket_policy=document([{**PERIMETER[1], "Condition": {
        "StringNotEquals": {"aws:PrincipalOrgID": "o-2"}}}]),
        organisation={"id": "o-1", "management": True, "scps": [], "rcps": []}), egress()),
    "by tag": (facts(principal={"tags": {"team": "a"}}, bucket_policy=document([{**PERIMETER[1], "Condition": {
        "StringNotEquals": {"aws:PrincipalTag/team": "b"}}}])), egress()),
    "invalid": (facts(bucket_policy={"Statement": "nonsense"}), egress()),
    "locks": (facts(asks={"legal_hold": True, "retention": True}), egress()),
    "refusal": (facts(denials=["An error occurred (AccessDenied) when calling the PutObject operation: Access Denied"]),
                egress()),
}  # fmt: skip
# One answer of one call each: these are read, or not, as a whole.
WHOLE = {"document", "trust", "encryption", "key", "bucket_policy", "key_policy", "tags", "caller"}


def places(held: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place at which a fact may not have been read."""
    if at:
        yield at
    if at and at[-1] in WHOLE:
        return
    for key, value in held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else ():
        yield from places(value, (*at, key))


def replaced(held: Any, at: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(held)
    inner = changed
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = GONE.to_fact()
    return changed


def variants(name: str) -> Iterator[tuple[str, Any, Any]]:
    held, way = CASES[name]
    for at in places(held):
        yield f"facts {at}", replaced(held, at), way
    for at in places(way):
        yield f"egress {at}", held, replaced(way, at)
    yield "egress", held, GONE


@pytest.mark.parametrize("name", list(CASES))
def test_nothing_unread_makes_a_check_greener_or_fails_it(name: str) -> None:
    before = judged(*CASES[name])
    wrong = []
    for where, held, way in variants(name):
        after = judged(held, way)
        assert set(after) == set(before)
        for check, finding in after.items():
            was, now = before[check].status, finding.status
            greener = was in ("fail", "unknown") and now in ("pass", "not_applicable")
            if greener or (was == "pass" and now == "fail"):
                wrong.append((where, check, before[check].observed, finding.observed))
    assert wrong == []


@pytest.mark.parametrize("state", ["denied", "throttled", "unreachable", "error", "not_collected"])
def test_an_unknown_finding_says_what_was_not_read(state: str) -> None:
    gone = Unread(state, "s3:GetBucketPolicy", "b", "cannot read the policy of bucket b", ("s3:GetBucketPolicy",))
    finding = judged(facts(bucket_policy=gone.to_fact()))["IAM-04"]
    assert finding.status == "unknown" and "cannot read the policy of bucket b" in finding.observed
    assert finding.permissions == ("s3:GetBucketPolicy",)
