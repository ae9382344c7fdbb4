# SPDX-License-Identifier: GPL-3.0-or-later
"""NotPrincipal: AWS IAM User Guide, "AWS JSON policy elements: NotPrincipal"."""

from __future__ import annotations

import pytest

from tests.unit.iam.builders import FEDERATED, HOME, OTHER, ROLE, ROOT, SESSION, USER, allow, deny, outcome, policy

EVERYTHING = policy(allow("*"))
ALLOW, EXPLICIT = "allow", "explicit_deny"


@pytest.mark.parametrize(
    ("principal", "spared", "expected"),
    [
        (SESSION, [ROOT, ROLE, SESSION], ALLOW),
        (SESSION, [HOME, ROLE, SESSION], ALLOW),
        (SESSION, [ROLE, SESSION], EXPLICIT),
        (SESSION, [ROOT, SESSION], EXPLICIT),
        (SESSION, [ROOT, ROLE], EXPLICIT),
        (SESSION, [ROOT], EXPLICIT),
        (SESSION, [ROOT, ROLE, SESSION + "x"], EXPLICIT),
        (ROLE, [ROOT, ROLE], ALLOW),
        (USER, [ROOT, USER], ALLOW),
        (USER, [USER], ALLOW),
        (USER, [ROOT], EXPLICIT),
        (USER, [USER.lower().replace("dana", "DANA")], EXPLICIT),
        (ROOT, [ROOT], ALLOW),
        (ROOT, [OTHER], EXPLICIT),
        (FEDERATED, [FEDERATED, ROOT], ALLOW),
        (USER, ["*"], ALLOW),
    ],
)
def test_whom_a_deny_spares(principal, spared, expected):
    bucket = policy(deny(not_principal={"AWS": spared}), allow(principal="*"))
    assert outcome(principal, identity=EVERYTHING, resource=bucket) == expected


@pytest.mark.parametrize("principal", [USER, SESSION, ROLE])
def test_a_principal_with_a_boundary_is_always_denied(principal):
    bucket = policy(deny(not_principal={"AWS": [ROOT, ROLE, SESSION, USER]}))
    assert outcome(principal, identity=EVERYTHING, resource=bucket) == ALLOW
    assert outcome(principal, identity=EVERYTHING, resource=bucket, boundary=EVERYTHING) == EXPLICIT


@pytest.mark.parametrize(
    ("principal", "expected"), [("lambda.amazonaws.com", ALLOW), ("ec2.amazonaws.com", EXPLICIT), ("*", EXPLICIT)]
)
def test_services_and_the_anonymous(principal, expected):
    bucket = policy(deny(not_principal={"Service": "lambda.amazonaws.com"}), allow(principal="*"))
    assert outcome(principal, resource=bucket) == expected


@pytest.mark.parametrize(("principal", "expected"), [(USER, "implicit_deny"), (SESSION, ALLOW), ("*", ALLOW)])
def test_with_allow_everybody_else_is_granted(principal, expected):
    bucket = policy(allow(not_principal={"AWS": USER}))
    assert "anonymous" in str(bucket.warnings[0])
    assert outcome(principal, resource=bucket) == expected
