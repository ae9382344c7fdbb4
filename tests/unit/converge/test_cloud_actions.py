# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions that change cloud objects: applied twice they change nothing more, and what others made stays."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from ansible.module_utils.edge.converge import actions_bucket, actions_egress, actions_iam, actions_vpc
from ansible.module_utils.edge.converge.cloud import documents, objects
from ansible.module_utils.edge.converge.model import Refused
from ansible.module_utils.edge.targets import Edge
from hypothesis import given, settings
from hypothesis import strategies as st

NAMED = {"name": "london", "region": "eu-west-2", "bucket": "recordings", "prefix": "exports/"}
EDGE = Edge.from_mapping(NAMED)
ACTIONS = {
    action.name: action
    for module in (actions_vpc, actions_egress, actions_iam, actions_bucket)
    for action in module.ACTIONS
}
ROLE = "arn:aws:iam::123456789012:role/edge"
CALLER = {"arn": "arn:aws:iam::123456789012:user/operator", "account": "123456789012"}
PROVEN = {"proven": True, "calls": {"PutObject": "allowed"}, "adds": [], "caller": "keeps what it may do"}
BUCKET_ARN = "arn:aws:s3:::recordings"
VERSION = "2012-10-17"


def document(*statements: Mapping[str, Any]) -> Any:
    return documents.normal({"Version": VERSION, "Statement": list(statements)})


def apply(fix: Mapping[str, Any], states: Mapping[str, Any], edge: Edge = EDGE) -> dict[str, Any]:
    """All states of a fix's objects afterwards."""
    action = ACTIONS[fix["action"]]
    given = {ref.key: copy.deepcopy(states.get(ref.key)) for ref in action.refs(edge, fix)}
    before = copy.deepcopy(given)
    wanted = {**given, **action.desired(edge, fix, given)}
    assert given == before, "the given states were changed in place"
    return wanted


def grant(**more: Any) -> dict[str, Any]:
    statement = {
        "Sid": "EdgepathWriting",
        "Effect": "Allow",
        "Action": ["s3:AbortMultipartUpload", "s3:PutObject"],
        "Resource": f"{BUCKET_ARN}/exports/*",
    }
    fix = {"action": "grant_identity_statement", "policy": "edgepath-export", "principal": ROLE}
    return {**fix, "statement": statement, "proof": PROVEN, **more}


INLINE = f"inline_policy:{ROLE}/edgepath-export"
SIZES = f"inline_policy_sizes:{ROLE}"
BY_BUCKET = {
    "action": "grant_bucket_statement",
    "policy": "bucket policy",
    "principal": ROLE,
    "bucket": "recordings",
    "statement": {**grant()["statement"], "Principal": {"AWS": ROLE}},
    "proof": PROVEN,
}
RULE = {
    "action": "authorize_security_group_egress",
    "group_id": "sg-1",
    "protocol": "tcp",
    "from_port": 443,
    "to_port": 443,
    "prefix_list_ids": ["pl-1"],
    "weight": {"now": 2, "adds": 1, "limit": 60},
}
ENTRY = {
    "network_acl_id": "acl-1",
    "egress": True,
    "rule_number": 90,
    "protocol": "6",
    "from_port": 443,
    "to_port": 443,
    "rule_action": "allow",
    "cidr": "52.95.148.0/23",
}
ABORT = {"action": "add_abort_rule", "bucket": "recordings", "days": 7, "prefix": "exports/"}
LOCK_OFF = {"enabled": False, "mode": None, "days": None, "years": None}
TLS = {
    "action": "add_policy_statement",
    "bucket": "recordings",
    "statement": {
        "Sid": "DenyPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [BUCKET_ARN, f"{BUCKET_ARN}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    },
}

# fix, states before
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (RULE, {"security_group_egress:sg-1": []}),
    (
        {**RULE, "action": "authorize_security_group_ingress", "prefix_list_ids": [], "source_group_id": "sg-2"},
        {"security_group_ingress:sg-1": []},
    ),
    (
        {"action": "create_network_acl_entries", "entries": [ENTRY, {**ENTRY, "egress": False}]},
        {"network_acl:acl-1": []},
    ),
    (
        {"action": "associate_gateway_endpoint", "vpc_endpoint_id": "vpce-1", "route_table_id": "rtb-2"},
        {"endpoint_route_tables:vpce-1": ["rtb-1"]},
    ),
    (
        {"action": "create_gateway_endpoint", "vpc_id": "vpc-1", "service_name": "s3", "route_table_ids": ["rtb-1"]},
        {"gateway_endpoint:vpc-1/s3": None},
    ),
    (
        {"action": "create_gateway_endpoint", "vpc_id": "vpc-1", "service_name": "s3", "route_table_ids": ["rtb-1"]},
        {"gateway_endpoint:vpc-1/s3": [["rtb-2"]]},
    ),
    (
        {"action": "set_vpc_attribute", "vpc_id": "vpc-1", "attribute": "enableDnsSupport", "value": True},
        {"vpc_attribute:vpc-1/enableDnsSupport": False},
    ),
    (grant(), {INLINE: None, SIZES: {}}),
    (grant(), {INLINE: document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}), SIZES: {}}),
    (BY_BUCKET, {"bucket_policy:recordings": None, "caller:caller": CALLER}),
    ({"action": "set_max_session_duration", "role": ROLE, "seconds": 14400}, {f"max_session_duration:{ROLE}": 3600}),
    (
        {
            "action": "allow_assume_role",
            "role": ROLE,
            "statement": {
                "Sid": "EdgepathInstance",
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            },
        },
        {f"trust_policy:{ROLE}": document({"Effect": "Deny", "Principal": "*", "Action": "sts:TagSession"})},
    ),
    (
        {"action": "enable_versioning", "bucket": "recordings"},
        {"bucket_versioning:recordings": {"status": None, "mfa_delete": None}},
    ),
    (
        {"action": "enable_object_lock", "bucket": "recordings"},
        {"bucket_versioning:recordings": {"status": None, "mfa_delete": None}, "object_lock:recordings": LOCK_OFF},
    ),
    (
        {"action": "put_legal_hold", "bucket": "recordings", "keys": ["a"]},
        {"object_lock:recordings": {**LOCK_OFF, "enabled": True}, "object_legal_hold:recordings/a": False},
    ),
    (ABORT, {"bucket_lifecycle:recordings": None}),
    (ABORT, {"bucket_lifecycle:recordings": {"Rules": [{"ID": "x", "Prefix": "", "Expiration": {"Days": 1}}]}}),
    (
        {"action": "put_encryption", "bucket": "recordings", "algorithm": "AES256"},
        {"bucket_encryption:recordings": None},
    ),
    ({"action": "enable_key", "key_id": "k"}, {"key_state:k": "Disabled"}),
    ({"action": "cancel_key_deletion", "key_id": "k"}, {"key_state:k": "PendingDeletion"}),
    (
        {"action": "put_public_access_block", "bucket": "recordings", "settings": {"BlockPublicAcls": True}},
        {"public_access_block:recordings": {"BlockPublicAcls": False, "BlockPublicPolicy": False}},
    ),
    (TLS, {"bucket_policy:recordings": None, "caller:caller": CALLER}),
    (
        {"action": "set_request_payer", "bucket": "recordings", "payer": "BucketOwner"},
        {"request_payment:recordings": "Requester"},
    ),
]


@pytest.mark.parametrize(("fix", "states"), CASES, ids=[f"{fix['action']}-{n}" for n, (fix, _) in enumerate(CASES)])
def test_a_fix_changes_something_once_and_is_taken_back(fix: dict[str, Any], states: dict[str, Any]) -> None:
    once = apply(fix, states)
    assert once != {key: states.get(key) for key in once}
    assert apply(fix, once) == once
    for key, after in once.items():
        merge = objects.MERGE.get(key.partition(":")[0])
        if (
            merge is not None
            and after != states[key]
            and states[key] not in (LOCK_OFF, {"status": None, "mfa_delete": None})
        ):
            expected = "Disabled" if states[key] == "PendingDeletion" else states[key]
            assert merge(states[key], after, after) == expected


PRESENT = {
    "bucket_lifecycle": {"Rules": [{"ID": "x"}]},
    "bucket_policy": document({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}),
    "endpoint_policy": document({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}),
    "key_policy": document({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}),
    "inline_policy": document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}),
    "managed_policy": document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}),
    "gateway_endpoint": [["rtb-1"]],
}
NEVER_ABSENT = {"object_lock"}


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}


OTHER = {"Sid": "EdgepathWriting", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::another/*"}
DENY_ALL = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
MANY = [
    {
        "protocol": "tcp",
        "from": n,
        "to": n,
        "kind": "cidr",
        "source": "192.0.2.0/24",
        "owner": None,
        "description": None,
    }
    for n in range(60)
]
FULL = [
    {
        "number": n,
        "egress": True,
        "protocol": "6",
        "from": 1,
        "to": n,
        "icmp": None,
        "action": "allow",
        "cidr": "192.0.2.0/24",
    }
    for n in range(1, 21)
]
WIDE = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}


@pytest.mark.parametrize(
    ("fix", "states", "why"),
    [
        (without(RULE, "group_id"), {}, "does not say group_id"),
        ({"action": "create_gateway_endpoint", "summary": "x"}, {}, "does not say route_table_ids"),
        ({**RULE, "prefix_list_ids": [], "cidrs": ["0.0.0.0/0"]}, {}, "never made by a program"),
        (RULE, {"security_group_egress:sg-1": MANY}, "would weigh 61, and AWS takes 60"),
        ({**RULE, "weight": {"now": 60, "adds": 1}}, {"security_group_egress:sg-1": []}, "would weigh 61"),
        (
            {"action": "create_network_acl_entries", "entries": [{**ENTRY, "cidr": "0.0.0.0/0"}]},
            {"network_acl:acl-1": []},
            "only by open_network_acl_entries",
        ),
        ({"action": "create_network_acl_entries", "entries": [ENTRY]}, {"network_acl:acl-1": FULL}, "21 entries out"),
        (
            {"action": "create_network_acl_entries", "entries": [{**ENTRY, "rule_number": 5}]},
            {"network_acl:acl-1": FULL},
            "number 5 of acl-1 was given away",
        ),
        (
            {"action": "create_network_acl_entries", "entries": [ENTRY]},
            {"network_acl:acl-1": None},
            "not there any more",
        ),
        (grant(proof={**PROVEN, "caller": "locked out"}), {INLINE: None, SIZES: {}}, "lock out"),
        (
            grant(proof={**PROVEN, "proven": False, "calls": {"PutObject": "unknown"}}),
            {INLINE: None, SIZES: {}},
            "could not prove that PutObject",
        ),
        (without(grant(), "proof"), {INLINE: None, SIZES: {}}, "does not say proof"),
        (grant(), {INLINE: None, SIZES: {"other": 10_200}}, "characters, and AWS takes 10240"),
        (grant(), {INLINE: document(DENY_ALL), SIZES: {}}, "has changed since the audit"),
        (grant(statement={**grant()["statement"], "Action": "s3:*"}), {INLINE: None, SIZES: {}}, "would also allow"),
        (grant(policy_arn="arn:aws:iam::aws:policy/AmazonS3FullAccess"), {}, "belongs to AWS"),
        (
            {**BY_BUCKET, "statement": {**BY_BUCKET["statement"], "Principal": "*"}},
            {"bucket_policy:recordings": None, "caller:caller": CALLER},
            "to arn:aws:iam::123456789012:role/edgepath-witness",
        ),
        (
            {
                "action": "grant_endpoint_statement",
                "policy": "endpoint vpce-1",
                "endpoint": "vpce-1",
                "principal": ROLE,
                "statement": BY_BUCKET["statement"],
                "proof": PROVEN,
            },
            {"endpoint_policy:vpce-1": None},
            "not there any more",
        ),
        (
            {**TLS, "statement": {**TLS["statement"], "Condition": {"Bool": {"aws:SecureTransport": "true"}}}},
            {"bucket_policy:recordings": None, "caller:caller": CALLER},
            "would take s3:PutBucketPolicy from",
        ),
        (
            {"action": "enable_versioning", "bucket": "recordings"},
            {"bucket_versioning:recordings": {"status": "Suspended", "mfa_delete": "Enabled"}},
            "the root user",
        ),
        (
            {"action": "set_default_retention", "bucket": "recordings"},
            {"object_lock:recordings": {**LOCK_OFF, "enabled": True}},
            "set retention_mode in edge_profile",
        ),
        (
            {"action": "set_default_retention", "bucket": "recordings"},
            {"object_lock:recordings": LOCK_OFF},
            "enable_object_lock comes first",
        ),
        (
            {"action": "exclude_from_expiration", "bucket": "recordings", "rules": ["x"], "prefix": "exports/"},
            {"bucket_lifecycle:recordings": {"Rules": [WIDE]}},
            "acts on more than exports/",
        ),
        (
            {"action": "put_encryption", "bucket": "recordings", "algorithm": "aws:kms"},
            {},
            "set kms_key_id in edge_profile",
        ),
        ({"action": "enable_key", "key_id": "k"}, {"key_state:k": "PendingDeletion"}, "is PendingDeletion by now"),
        ({"action": "add_perimeter", "bucket": "recordings"}, {"caller:caller": CALLER}, "set perimeter_org_id"),
    ],
)
def test_a_fix_is_refused_with_its_reason(fix: dict[str, Any], states: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        apply(fix, states)


def test_a_statement_of_another_edge_stays_beside_ours() -> None:
    once = apply(grant(), {INLINE: document(OTHER), SIZES: {}})[INLINE]
    assert documents.statement(OTHER) in once["Statement"]
    ours = [item for item in once["Statement"] if item["Resource"] == f"{BUCKET_ARN}/exports/*"]
    assert len(ours) == 1 and ours[0]["Sid"].startswith("EdgepathWriting") and ours[0]["Sid"] != "EdgepathWriting"


def test_our_own_statement_takes_the_actions_that_it_lacks() -> None:
    held = document({**grant()["statement"], "Action": "s3:ListMultipartUploadParts"})
    (statement,) = apply(grant(), {INLINE: held, SIZES: {}})[INLINE]["Statement"]
    assert statement["Action"] == ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]


def test_nothing_is_granted_twice() -> None:
    held = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    assert apply(grant(), {INLINE: held, SIZES: {}})[INLINE] == held


def exception(**more: Any) -> dict[str, Any]:
    statement = {
        "Sid": "Perimeter",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"{BUCKET_ARN}/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": ["vpce-1", "vpce-2"]}},
    }
    fix = {"action": "except_from_deny", "policy": "bucket policy", "principal": ROLE, "bucket": "recordings"}
    return {
        **fix,
        "layer": "resource",
        "index": 0,
        "excepts": "vpce-2",
        "statement": statement,
        "proof": PROVEN,
        **more,
    }


def perimeter(*values: str) -> Any:
    test = {"StringNotEquals": {"aws:SourceVpce": list(values)}}
    return document({**exception()["statement"], "Condition": test})


def test_an_exception_is_added_to_the_values_of_today() -> None:
    key = "bucket_policy:recordings"
    after = apply(exception(), {key: perimeter("vpce-9"), "caller:caller": CALLER})[key]
    assert after == perimeter("vpce-9", "vpce-2")
    assert apply(exception(), {key: after, "caller:caller": CALLER})[key] == after
    assert documents.merge(perimeter("vpce-9"), after, after) == perimeter("vpce-9")


def test_no_exception_in_a_statement_that_somebody_rewrote() -> None:
    held = perimeter("vpce-1")
    held["Statement"][0]["Action"] = "s3:*"
    with pytest.raises(Refused, match="statement Perimeter of bucket policy has changed since the audit"):
        apply(exception(), {"bucket_policy:recordings": held, "caller:caller": CALLER})


WIDE_STATEMENT = {"Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
NARROW_STATEMENT = {**WIDE_STATEMENT, "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::r/*"}


def narrowing(statement: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "action": "narrow_statement" if statement else "remove_statement",
        "policy": "export",
        "principal": ROLE,
        "layer": "identity",
        "index": 0,
        "taken": WIDE_STATEMENT,
        "statement": statement,
        "proof": {"calls": {"PutObject": "allowed"}, "adds": [], "proven": True},
        **more,
    }


LOGS = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}


@pytest.mark.parametrize("statement", [NARROW_STATEMENT, {}])
def test_a_wide_statement_is_narrowed_where_it_stands(statement: dict[str, Any]) -> None:
    key = f"inline_policy:{ROLE}/export"
    held = document(LOGS, WIDE_STATEMENT)
    found = apply(narrowing(statement), {key: held})[key]["Statement"]
    assert found == document(LOGS, *([NARROW_STATEMENT] if statement else []))["Statement"]
    again = {key: {**held, "Statement": found}}
    assert apply(narrowing(statement), again)[key]["Statement"] == found


def test_no_statement_is_narrowed_that_changed_or_that_is_all_there_is() -> None:
    key = f"inline_policy:{ROLE}/export"
    with pytest.raises(Refused, match="has changed since the audit"):
        apply(narrowing(NARROW_STATEMENT), {key: document({**WIDE_STATEMENT, "Action": "s3:Get*"})})
    with pytest.raises(Refused, match="nothing would be left"):
        apply(narrowing({}), {key: document(WIDE_STATEMENT)})
    with pytest.raises(Refused, match="could not prove"):
        apply(narrowing(NARROW_STATEMENT, proof={"proven": False, "calls": {}}), {key: document(WIDE_STATEMENT)})


def test_deleted_principals_go_and_the_living_stay() -> None:
    dead = "AROAEXAMPLEEXAMPLEEX1"
    held = document(
        {
            "Sid": "Both",
            "Effect": "Allow",
            "Principal": {"AWS": [dead, ROLE]},
            "Action": "s3:GetObject",
            "Resource": "*",
        },
        {"Sid": "Dead", "Effect": "Allow", "Principal": {"AWS": dead}, "Action": "s3:GetObject", "Resource": "*"},
    )
    fix = {
        "action": "remove_dead_principals",
        "bucket": "recordings",
        "key": None,
        "role": ROLE,
        "principals": [{"policy": "bucket policy", "id": dead}],
    }
    key = "bucket_policy:recordings"
    (left,) = apply(fix, {key: held, "caller:caller": CALLER})[key]["Statement"]
    assert (left["Sid"], left["Principal"]) == ("Both", {"AWS": ROLE})


def test_a_rule_loses_what_harms_and_keeps_the_rest() -> None:
    inner = {**WIDE, "Filter": {"Prefix": "exports/"}}
    tidy = {**inner, "ID": "y", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
    fix = {
        "action": "exclude_from_expiration",
        "bucket": "recordings",
        "rules": ["x", "y"],
        "prefix": "exports/",
        "elements": ["Expiration"],
    }
    key = "bucket_lifecycle:recordings"
    one, two = apply(fix, {key: {"Rules": [inner, tidy]}})[key]["Rules"]
    assert one == {**inner, "Status": "Disabled"}
    assert two == without(tidy, "Expiration")


def test_a_perimeter_of_the_organisation() -> None:
    edge = Edge.from_mapping({**NAMED, "profile": {"perimeter_org_id": "o-1"}})
    fix = {"action": "add_perimeter", "bucket": "recordings"}
    (statement,) = apply(fix, {"caller:caller": CALLER}, edge)["bucket_policy:recordings"]["Statement"]
    assert statement["Resource"] == f"{BUCKET_ARN}/exports/*"


@pytest.mark.parametrize("kind", sorted(objects.MERGE))
def test_what_somebody_deleted_is_not_made_again(kind: str) -> None:
    """None tells work.undo that nothing can be put back where there was something before."""
    samples = {**{key.partition(":")[0]: state for _, states in CASES for key, state in states.items()}, **PRESENT}
    before = samples[kind]
    assert before is not None
    if kind in NEVER_ABSENT:
        return
    try:
        assert objects.MERGE[kind](before, before, None) is None
    except Refused as why:
        assert "somebody changed" in str(why)


# What others made, whatever it is, stays; and a rollback takes away ours alone.

rules = st.lists(
    st.builds(
        lambda port, source, told: {
            "protocol": "tcp",
            "from": port,
            "to": port,
            "kind": "cidr",
            "source": source,
            "owner": None,
            "description": told,
        },
        st.integers(1, 4),
        st.sampled_from(["192.0.2.0/24", "198.51.100.0/24", "10.0.0.0/8"]),
        st.none(),
    ),
    max_size=8,
    unique_by=str,
)
statements = st.lists(
    st.builds(
        lambda sid, action, place: {
            "Sid": sid,
            "Effect": "Allow",
            "Action": action,
            "Resource": f"arn:aws:s3:::{place}/*",
        },
        st.sampled_from(["A", "B", "EdgepathWriting"]),
        st.lists(st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:ListBucket"]), min_size=1, unique=True),
        st.sampled_from(["recordings/exports", "another", "third"]),
    ),
    max_size=4,
    unique_by=lambda item: item["Sid"],
)


@settings(max_examples=60)
@given(rules, rules)
def test_rules_of_others_survive_and_ours_are_taken_back(held: list[Any], later: list[Any]) -> None:
    key = "security_group_egress:sg-1"
    before = objects.MERGE["security_group_egress"]([], [], held)
    after = apply(RULE, {key: before})[key]
    assert apply(RULE, {key: after})[key] == after
    assert all(rule in after for rule in before)
    current = objects.MERGE["security_group_egress"]([], [], [*after, *(item for item in later if item not in after)])
    back = objects.MERGE["security_group_egress"](before, after, current)
    assert all(rule["source"] != "pl-1" for rule in back)
    assert all(rule in back for rule in [*before, *later])


@settings(max_examples=60)
@given(statements, statements)
def test_statements_of_others_survive_and_ours_are_taken_back(held: list[Any], later: list[Any]) -> None:
    before = document(*held) if held else None
    after = apply(grant(), {INLINE: before, SIZES: {}})[INLINE]
    assert apply(grant(), {INLINE: after, SIZES: {}})[INLINE] == after
    known = [documents.text(item) for item in after["Statement"]]
    added = [item for item in document(*later)["Statement"] if documents.text(item) not in known]
    added = [{**item, "Sid": f"Later{item['Sid']}"} for item in added]
    back = documents.merge(before, after, {**after, "Statement": [*after["Statement"], *added]})
    assert (back or document())["Statement"] == [*(before or document())["Statement"], *added]


def _granted(*actions: str) -> dict[str, Any]:
    return {"Sid": "Edgepath", "Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:s3:::b/*"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_edges_that_share_a_statement_go_back_in_any_order(order: tuple[int, ...]) -> None:
    """Each edge gives the statement an action more; whichever goes back first takes its own alone."""
    states: list[Any] = [{"Version": "2012-10-17", "Statement": []}]
    for action in ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"):
        states.append(documents.with_statement(states[-1], _granted(action)))
    assert [len(state["Statement"]) for state in states] == [0, 1, 1, 1]
    current = states[-1]
    for edge in order:
        current = documents.merge(states[edge], states[edge + 1], current)
        if edge != order[-1]:
            assert len(current["Statement"]) == 1, "another edge's part went with it"
    assert current == states[0]


@pytest.mark.parametrize(
    "now",
    [
        _granted("s3:*"),
        {**_granted("s3:GetObject"), "Effect": "Deny"},
        {"Sid": "Edgepath", "NotAction": "s3:GetObject"},
    ],
)
def test_a_statement_that_means_something_else_by_now_is_left(now: dict[str, Any]) -> None:
    before = {"Version": "2012-10-17", "Statement": []}
    after = documents.with_statement(before, _granted("s3:GetObject"))
    with pytest.raises(Refused, match="somebody changed statement Edgepath"):
        documents.merge(before, after, {**before, "Statement": [documents.statement(now)]})


KEY, OTHER_KEY = "arn:aws:kms:eu-west-2:1:key/mine", "arn:aws:kms:eu-west-2:1:key/new"
ENCRYPTION = "bucket_encryption:recordings"


def _default(algorithm: str, key: str | None = None, **more: Any) -> list[dict[str, Any]]:
    named = {"KMSMasterKeyID": key} if key else {}
    return [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, **named}, **more}]


def _encrypted(now: Any, profile: dict[str, Any] | None = None, **fix: Any) -> Any:
    edge = Edge.from_mapping({"name": "london", "bucket": "recordings", "profile": profile or {}})
    asked = {"action": "put_encryption", "bucket": "recordings", **fix}
    return ACTIONS["put_encryption"].desired(edge, asked, {ENCRYPTION: now})[ENCRYPTION]


@pytest.mark.parametrize(
    ("now", "fix", "then"),
    [
        (None, {"algorithm": "AES256"}, _default("AES256")),
        (_default("AES256"), {"algorithm": "AES256"}, _default("AES256")),
        (_default("aws:kms", KEY), {"key_id": KEY}, _default("aws:kms", OTHER_KEY, BucketKeyEnabled=True)),
        (_default("aws:kms", OTHER_KEY), {"key_id": KEY}, _default("aws:kms", OTHER_KEY)),
        (_default("aws:kms:dsse", KEY), {"key_id": KEY}, _default("aws:kms:dsse", OTHER_KEY)),
        (_default("aws:kms", KEY, Blocked=1), {"key_id": KEY},
         _default("aws:kms", OTHER_KEY, BucketKeyEnabled=True, Blocked=1)),
        (_default("AES256"), {}, _default("aws:kms", OTHER_KEY, BucketKeyEnabled=True)),
    ],
)  # fmt: skip
def test_encryption_is_set_or_gets_another_key(now: Any, fix: dict[str, Any], then: Any) -> None:
    assert _encrypted(now, {"kms_key_id": OTHER_KEY}, **fix) == then


@pytest.mark.parametrize(
    ("now", "fix", "profile", "why"),
    [
        (_default("aws:kms", KEY), {"algorithm": "AES256"}, {}, "with aws:kms by now, which is more than AES256"),
        (_default("aws:kms"), {"algorithm": "AES256"}, {}, "which is more than AES256"),
        (_default("aws:kms:dsse", KEY), {"algorithm": "AES256"}, {}, "with aws:kms:dsse by now"),
        (_default("aws:next", KEY), {"algorithm": "AES256"}, {}, "which does more is not known"),
        (_default("aws:next", KEY), {"key_id": KEY}, {"kms_key_id": OTHER_KEY}, "which does more is not known"),
        (
            _default("aws:kms", "another"),
            {"key_id": KEY},
            {"kms_key_id": OTHER_KEY},
            "is not encrypted with .*mine any",
        ),
        (_default("aws:kms", KEY), {"key_id": KEY}, {}, "set kms_key_id in edge_profile"),
        (_default("aws:kms", KEY), {"key_id": KEY}, {"kms_key_id": "alias/aws/s3"}, "AWS' own key"),
        (_default("aws:kms", KEY), {"key_id": KEY}, {"kms_key_id": "arn:aws:kms:eu-west-2:1:alias/aws/s3"}, "own key"),
        ([*_default("AES256"), *_default("aws:kms", KEY)], {"algorithm": "AES256"}, {}, "has 2 rules"),
    ],
)
def test_encryption_is_never_lowered(now: Any, fix: dict[str, Any], profile: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        _encrypted(now, profile, **fix)
