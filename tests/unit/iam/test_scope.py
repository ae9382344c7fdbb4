# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies beyond the plan: each witness is allowed by the engine, and what is tried covers the policies."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.iam.scope import ON_BUCKET, ON_OBJECT, beyond, elsewhere
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.iam.edges import ARN, IDENTITY, KEY, KEY_POLICY, case, document, egress, facts, identity, named

PLANNED = frozenset({"s3:GetObject", "s3:PutObject"})


def scope_of(statements: list[dict[str, Any]], **changes: Any) -> set[tuple[str, str]]:
    held = case(identity(statements, boundary=None, **changes), egress(endpoint_policy=None))
    found = beyond(held.scene, held.bucket_arn, "calls/", PLANNED, KEY)
    return {(witness.action, witness.resource) for witness in found.witnesses}


def others(statements: list[dict[str, Any]]) -> list[str]:
    held = case(identity(statements, boundary=None), egress(endpoint_policy=None))
    return list(dict.fromkeys(witness.resource for witness in elsewhere(held.scene, held.bucket_arn).witnesses))


def allow(action: Any, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def test_the_least_policy_has_no_witness() -> None:
    assert scope_of(IDENTITY) == set()
    assert others(IDENTITY) == []


@pytest.mark.parametrize("action", ON_BUCKET)
def test_every_action_on_the_bucket_is_tried(action: str) -> None:
    assert scope_of([allow(action, ARN)]) == {(action, ARN)}


@pytest.mark.parametrize("action", ON_OBJECT)
def test_every_action_on_objects_is_tried_below_the_prefix(action: str) -> None:
    assert scope_of([allow(action, f"{ARN}/calls/*")]) == {(action, f"{ARN}/calls/edgepath-witness")}


def test_the_plans_own_actions_are_tried_beside_the_prefix() -> None:
    assert scope_of([allow("s3:PutObject", f"{ARN}/*")]) == {("s3:PutObject", f"{ARN}/edgepath-witness")}
    assert scope_of([allow("s3:PutObject", f"{ARN}/calls/*")]) == set()


def test_what_an_explicit_deny_takes_away_is_no_witness() -> None:
    deny = {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}
    assert scope_of([allow(["s3:DeleteObject", "s3:PutObjectAcl"], "*"), deny]) == {
        ("s3:PutObjectAcl", f"{ARN}/calls/edgepath-witness")
    }


def test_the_key_is_part_of_the_scope() -> None:
    assert scope_of([allow("kms:*", KEY)]) == {
        ("kms:ScheduleKeyDeletion", KEY), ("kms:DisableKey", KEY), ("kms:PutKeyPolicy", KEY)
    }  # fmt: skip
    narrow = document([{**KEY_POLICY[0], "Action": "kms:Decrypt"}])
    assert scope_of([allow("kms:*", KEY)], key_policy=narrow) == set()


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("*", ["arn:aws:s3:::edgepath-witness-bucket", "arn:aws:s3:::edgepath-witness-bucket/edgepath-witness"]),
        ("arn:aws:s3:::acme-*", ["arn:aws:s3:::acme-x"]),
        ("arn:aws:s3:::other/*", ["arn:aws:s3:::other/edgepath-witness"]),
        (f"{ARN}*", ["arn:aws:s3:::acme-recordingsx", "arn:aws:s3:::acme-recordingsx/edgepath-witness"]),
        (f"{ARN}/*", []),
    ],
)
def test_other_buckets_are_taken_from_the_policies_own_patterns(resource: str, expected: list[str]) -> None:
    found = others([allow("s3:*", resource)])
    assert [name for name in expected if name not in found] == []
    assert bool(found) == bool(expected)


def test_a_hidden_policy_leaves_answers_open() -> None:
    held = case(facts(principal={"policies": [named("export", IDENTITY), {"name": "hidden", "document": None}]}))
    found = beyond(held.scene, held.bucket_arn, "calls/", PLANNED, None)
    assert found.open and not found.witnesses


ACTIONS = st.lists(st.sampled_from(["s3:*", "s3:Put*", "s3:DeleteObject", "s3:Get*", "s3:ListBucket", "*"]), min_size=1)
PLACES = st.lists(
    st.sampled_from(["*", ARN, f"{ARN}/*", f"{ARN}/calls/*", "arn:aws:s3:::acme-*", "arn:aws:s3:::x/*"]), min_size=1
)


@given(st.lists(st.tuples(ACTIONS, PLACES), max_size=4), ACTIONS, PLACES)
def test_a_further_allow_never_takes_a_witness_away(held: list[Any], actions: list[str], places: list[str]) -> None:
    statements = [allow(*each) for each in held]
    assert scope_of(statements) <= scope_of([*statements, allow(actions, places)])
