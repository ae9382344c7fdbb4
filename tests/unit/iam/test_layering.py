# SPDX-License-Identifier: GPL-3.0-or-later
"""How the layers combine: AWS IAM User Guide, "Policy evaluation logic" and its tables."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.iam.engine import Policy, PolicyError, PolicySet, Request, decide

from tests.unit.iam.builders import (
    FEDERATED,
    HOME,
    OBJECT,
    OTHER,
    ROLE,
    ROOT,
    SESSION,
    USER,
    allow,
    ask,
    deny,
    outcome,
    policy,
)

ALLOW, EXPLICIT, IMPLICIT = "allow", "explicit_deny", "implicit_deny"
EVERYTHING = policy(allow("*"), name="everything")
NOTHING = policy(allow("ec2:*"), name="nothing-of-s3")
REFUSAL = policy(deny(), name="refusal")
STRANGER = f"arn:aws:sts::{OTHER}:assumed-role/Reader/s1"


def bucket(principal: object, **more: object) -> Policy:
    return policy(allow(principal=principal, **more), name="bucket")


# 1. An explicit deny in any layer wins; the root user is exempt from implicit deny.


@pytest.mark.parametrize(
    ("layer", "policies"),
    [
        ("identity", {"identity": [EVERYTHING, REFUSAL]}),
        ("boundary", {"boundary": [EVERYTHING, REFUSAL]}),
        ("session", {"session": [EVERYTHING, REFUSAL]}),
        ("resource", {"resource": policy(deny(principal="*"))}),
        ("endpoint", {"endpoint": policy(allow("*", principal="*"), deny(principal="*"))}),
        ("scp", {"scps": [[EVERYTHING], [EVERYTHING, REFUSAL]]}),
        ("rcp", {"rcps": [[policy(deny(principal="*"))]]}),
    ],
)
def test_an_explicit_deny_in_any_layer_wins(layer, policies):
    decision = ask(**{"identity": EVERYTHING, **policies})
    assert (decision.outcome, decision.layer, decision.statement.effect) == (EXPLICIT, layer, "Deny")


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ({}, ALLOW),
        ({"resource": policy(deny(principal="*"))}, EXPLICIT),
        ({"resource": policy(deny(principal={"AWS": ROOT}))}, EXPLICIT),
        ({"resource": policy(deny(principal={"AWS": USER}))}, ALLOW),
        ({"scps": [[NOTHING]]}, IMPLICIT),
        ({"scps": [[EVERYTHING, REFUSAL]]}, EXPLICIT),
        ({"endpoint": policy(allow("ec2:*", principal="*"))}, IMPLICIT),
        # Identity policies and boundaries cannot be attached to root, so what is given there has no say.
        ({"identity": REFUSAL, "boundary": NOTHING}, ALLOW),
    ],
)
def test_the_root_user_is_exempt_from_implicit_deny_alone(layers, expected):
    assert outcome(ROOT, **layers) == expected


def test_an_account_id_is_its_root_user():
    assert outcome(HOME) == ALLOW
    assert outcome(OTHER) == IMPLICIT
    assert outcome(OTHER, resource=bucket({"AWS": OTHER})) == ALLOW


# 2. Same account: the form of the principal in the bucket policy decides what still limits.
# Columns: the outcome while the identity policy, the boundary, the session policy in turn do not mention S3.


@pytest.mark.parametrize(
    ("caller", "entry", "identity", "boundary", "session"),
    [
        (USER, {"AWS": USER}, ALLOW, ALLOW, None),
        (SESSION, {"AWS": SESSION}, ALLOW, ALLOW, ALLOW),
        (SESSION, {"AWS": ROLE}, ALLOW, IMPLICIT, IMPLICIT),
        (ROLE, {"AWS": ROLE}, ALLOW, IMPLICIT, IMPLICIT),
        (FEDERATED, {"AWS": FEDERATED}, ALLOW, ALLOW, ALLOW),
        (FEDERATED, {"AWS": f"arn:aws:iam::{HOME}:user/dana"}, ALLOW, IMPLICIT, IMPLICIT),
        (USER, "*", ALLOW, ALLOW, None),
        (SESSION, "*", ALLOW, ALLOW, ALLOW),
        (SESSION, {"AWS": "*"}, ALLOW, ALLOW, ALLOW),
        (USER, {"AWS": HOME}, IMPLICIT, IMPLICIT, None),
        (SESSION, {"AWS": ROOT}, IMPLICIT, IMPLICIT, IMPLICIT),
        (SESSION, {"AWS": [ROLE, SESSION]}, ALLOW, ALLOW, ALLOW),
    ],
)
def test_which_implicit_denies_limit_a_grant_in_the_same_account(caller, entry, identity, boundary, session):
    grant = bucket(entry)
    silent = {"identity": NOTHING}
    passed = {"session": EVERYTHING} if caller == FEDERATED else {}
    assert outcome(caller, resource=grant, **silent, **passed) == identity
    assert outcome(caller, resource=grant, boundary=NOTHING, **silent, **passed) == boundary
    if session is not None:
        assert outcome(caller, resource=grant, session=NOTHING, **silent) == session


def test_everybody_narrowed_by_principal_arn_is_not_limited_by_the_boundary():
    grant = bucket("*", condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})
    assert outcome(resource=grant, boundary=NOTHING, session=NOTHING) == ALLOW
    other = SESSION.replace("Export", "Import")
    assert outcome(other, resource=grant, identity=NOTHING) == IMPLICIT


@pytest.mark.parametrize("limit", ["boundary", "session"])
def test_a_limited_grant_to_a_role_names_the_layer_that_withholds(limit):
    decision = ask(resource=bucket({"AWS": ROLE}), **{limit: NOTHING})
    assert (decision.outcome, decision.layer) == (IMPLICIT, limit)


def test_a_federated_user_has_nothing_of_its_user_without_a_session_policy():
    assert outcome(FEDERATED, identity=EVERYTHING) == IMPLICIT
    assert outcome(FEDERATED, identity=EVERYTHING, session=EVERYTHING) == ALLOW
    assert outcome(FEDERATED, identity=NOTHING, session=EVERYTHING) == IMPLICIT


@pytest.mark.parametrize("layer", ["boundary", "session"])
def test_boundary_and_session_policy_intersect_with_the_identity_policy(layer):
    assert outcome(identity=EVERYTHING, **{layer: EVERYTHING}) == ALLOW
    assert outcome(identity=EVERYTHING, **{layer: NOTHING}) == IMPLICIT
    assert outcome(identity=NOTHING, **{layer: EVERYTHING}) == IMPLICIT


def test_either_side_is_enough_in_the_same_account():
    assert outcome(USER, identity=EVERYTHING, resource=bucket({"AWS": ROLE})) == ALLOW
    assert outcome(USER, identity=NOTHING, resource=bucket({"AWS": USER})) == ALLOW


# 3. Another account: both sides must allow; an account principal satisfies the resource side.


@pytest.mark.parametrize("entry", [{"AWS": OTHER}, {"AWS": f"arn:aws:iam::{OTHER}:root"}, {"AWS": STRANGER}, "*"])
def test_both_accounts_must_allow(entry):
    grant = bucket(entry)
    assert outcome(STRANGER, identity=EVERYTHING, resource=grant) == ALLOW
    assert outcome(STRANGER, identity=NOTHING, resource=grant) == IMPLICIT
    assert outcome(STRANGER, identity=EVERYTHING) == IMPLICIT
    assert outcome(STRANGER, identity=EVERYTHING, resource=grant, boundary=NOTHING) == IMPLICIT
    assert outcome(STRANGER, identity=EVERYTHING, resource=grant, session=NOTHING) == IMPLICIT


def test_the_silent_side_is_named():
    assert ask(STRANGER, identity=EVERYTHING).layer == "resource"
    assert ask(STRANGER, identity=NOTHING, resource=bucket("*")).layer == "identity"


def test_a_gate_that_withholds_is_named_and_nothing_else_is():
    decision = ask(STRANGER, identity=EVERYTHING, scps=[[NOTHING]])
    assert (decision.outcome, decision.layer, decision.detail) == (IMPLICIT, "scp", "")


def test_an_unknown_owner_is_unknown_only_where_the_two_rules_differ():
    assert outcome(identity=EVERYTHING, owner=None) == "unknown"
    assert [flip.key for flip in ask(identity=EVERYTHING, owner=None).flips] == ["aws:ResourceAccount"]
    assert outcome(identity=EVERYTHING, resource=bucket("*"), owner=None) == ALLOW
    assert outcome(identity=NOTHING, owner=None) == IMPLICIT


def test_one_set_of_policies_serves_resources_of_several_accounts():
    policies = PolicySet(identity=EVERYTHING)
    outcomes = [
        str(decide(Request(SESSION, "s3:GetObject", OBJECT, owner), policies).outcome) for owner in (HOME, OTHER, HOME)
    ]
    assert outcomes == [ALLOW, IMPLICIT, ALLOW]


def test_the_owner_is_read_from_an_arn_that_names_it():
    queue = f"arn:aws:sqs:eu-west-1:{OTHER}:q"
    assert outcome(SESSION, "sqs:SendMessage", queue, None, identity=EVERYTHING) == IMPLICIT
    assert outcome(SESSION, "s3:ListAllMyBuckets", "*", None, identity=EVERYTHING) == ALLOW


# 4. An account principal delegates and grants nothing by itself (keys: see test_kms_and_trust.py).


def test_the_own_account_as_principal_only_delegates():
    grant = bucket({"AWS": HOME})
    assert outcome(USER, resource=grant) == IMPLICIT
    assert outcome(USER, resource=grant, identity=EVERYTHING) == ALLOW
    assert outcome(ROOT, resource=grant) == ALLOW


# 6. The id of a deleted role is a dead grant.


@pytest.mark.parametrize("principal", [SESSION, ROLE, USER, ROOT.replace(HOME, OTHER)])
def test_a_dead_grant_reaches_nobody_and_is_reported(principal):
    dead = bucket({"AWS": ["AROAEXAMPLEID1234567", "AIDAEXAMPLEID1234567"]})
    assert dead.dead_grants == ("AROAEXAMPLEID1234567", "AIDAEXAMPLEID1234567")
    assert "dead grant" in str(dead.warnings[0])
    assert outcome(principal, resource=dead, context={"aws:userid": "AROAEXAMPLEID1234567:i-0abc"}) == IMPLICIT


# 7. SCP: every level needs an Allow; service-linked roles are exempt. RCP: on the resource owner's side.


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([], ALLOW),
        ([[EVERYTHING], [EVERYTHING], [EVERYTHING]], ALLOW),
        ([[EVERYTHING], [NOTHING], [EVERYTHING]], IMPLICIT),
        ([[EVERYTHING], [NOTHING, policy(allow("s3:*"))], [EVERYTHING]], ALLOW),
        ([[EVERYTHING], []], IMPLICIT),
        ([[EVERYTHING], [REFUSAL, EVERYTHING]], EXPLICIT),
    ],
)
def test_every_level_of_the_organisation_must_allow(levels, expected):
    decision = ask(identity=EVERYTHING, scps=levels)
    assert decision.outcome == expected
    assert expected == ALLOW or decision.layer == "scp"


def test_an_scp_grants_nothing():
    assert outcome(identity=NOTHING, scps=[[EVERYTHING]]) == IMPLICIT


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{HOME}:role/aws-service-role/s3.amazonaws.com/AWSServiceRoleForS3",
        f"arn:aws:sts::{HOME}:assumed-role/AWSServiceRoleForS3/s",
    ],
)
def test_service_linked_roles_are_exempt_from_scp_and_rcp(principal):
    layers = {"scps": [[REFUSAL]], "rcps": [[policy(deny(principal="*"))]]}
    assert outcome(principal, identity=EVERYTHING, **layers) == ALLOW


@pytest.mark.parametrize("principal", ["*", "logging.s3.amazonaws.com"])
def test_scps_do_not_reach_anonymous_and_service_principals_and_rcps_do(principal):
    grant = bucket("*")
    assert outcome(principal, resource=grant, scps=[[REFUSAL]]) == ALLOW
    assert outcome(principal, resource=grant, rcps=[[policy(deny(principal="*"))]]) == EXPLICIT


def test_an_rcp_reaches_principals_of_other_accounts():
    perimeter = policy(
        deny(principal="*", condition={"StringNotEquals": {"aws:PrincipalAccount": HOME}}), name="perimeter"
    )
    layers = {"identity": EVERYTHING, "resource": bucket("*"), "rcps": [[perimeter]]}
    assert outcome(SESSION, **layers) == ALLOW
    assert outcome(STRANGER, **layers) == EXPLICIT


# 8. Endpoint policy: full access by default; at a gateway an account principal means the root user alone.


@pytest.mark.parametrize(
    ("principal", "entry", "kind", "expected"),
    [
        (SESSION, {"AWS": HOME}, "interface", ALLOW),
        (SESSION, {"AWS": HOME}, "gateway", IMPLICIT),
        (SESSION, {"AWS": ROOT}, "gateway", IMPLICIT),
        (ROOT, {"AWS": HOME}, "gateway", ALLOW),
        (SESSION, "*", "gateway", ALLOW),
    ],
)
def test_principals_of_an_endpoint_policy(principal, entry, kind, expected):
    endpoint = policy(allow("*", principal=entry), name="endpoint")
    decision = ask(principal, identity=EVERYTHING, endpoint=endpoint, endpoint_type=kind)
    assert decision.outcome == expected
    assert expected == ALLOW or decision.layer == "endpoint"


def test_a_gateway_endpoint_lets_a_principal_arn_through():
    endpoint = policy(allow("*", principal="*", condition={"ArnLike": {"aws:PrincipalArn": ROLE}}))
    layers = {"identity": EVERYTHING, "endpoint": endpoint, "endpoint_type": "gateway"}
    assert outcome(SESSION, **layers) == ALLOW
    assert outcome(USER, **layers) == IMPLICIT


def test_without_an_endpoint_policy_access_is_full():
    assert outcome(identity=EVERYTHING, endpoint=None) == ALLOW


# Policies that do not fit their layer.


@pytest.mark.parametrize(
    "layers",
    [
        {"identity": policy(allow(principal="*"))},
        {"scps": [[policy(allow(not_principal="*"))]]},
        {"boundary": policy(allow(resource=None))},
        {"resource": policy(allow())},
        {"endpoint": policy(allow())},
        {"rcps": [[policy(deny())]]},
    ],
)
def test_a_policy_in_the_wrong_layer_is_an_error(layers):
    with pytest.raises(PolicyError, match=r"\$\.Statement\[0\]"):
        ask(**layers)


def test_anonymous_requests_need_the_bucket_policy_alone():
    assert outcome("*", resource=bucket("*")) == ALLOW
    assert outcome("*", resource=bucket({"AWS": "*"})) == ALLOW
    assert outcome("*", resource=bucket({"AWS": HOME})) == IMPLICIT
    assert outcome("*", identity=EVERYTHING) == IMPLICIT


def test_service_principals_need_the_resource_policy_alone():
    grant = bucket({"Service": ["logging.s3.amazonaws.com", "delivery.logs.amazonaws.com"]})
    assert outcome("logging.s3.amazonaws.com", resource=grant) == ALLOW
    assert outcome("lambda.amazonaws.com", resource=grant) == IMPLICIT
