# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixes that the checks propose, as they propose them, through the actions that apply them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.converge import plan
from ansible.module_utils.edge.converge.actions import ACTIONS
from ansible.module_utils.edge.converge.cloud import documents
from ansible.module_utils.edge.converge.model import Ref, Refused
from ansible.module_utils.edge.iam.changes import _ACTIONS as GRANTS
from ansible.module_utils.edge.targets import Edge

from tests.unit.iam.edges import (
    ACCOUNT,
    ARN,
    ENDPOINT,
    IDENTITY,
    KEY_POLICY,
    OTHER,
    PERIMETER,
    document,
    egress,
    facts,
    identity,
    judged,
    named,
    nat,
    without,
)

EDGE = Edge.from_mapping({"name": "london", "region": "eu-west-2", "bucket": "acme-recordings", "prefix": "calls/"})
CALLER = {"arn": f"arn:aws:iam::{ACCOUNT}:user/operator", "account": ACCOUNT}
DOMAINS = Path(__file__).resolve().parents[3] / "module_utils/edge"


def proposed(tree: ast.AST) -> Iterator[str]:
    """The names of actions that a module's source writes into fixes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "action" and isinstance(value, ast.Constant):
                    yield str(value.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fix":
            yield from (str(given.value) for given in node.args[:1] if isinstance(given, ast.Constant))


def test_every_action_that_a_check_proposes_has_its_applier() -> None:
    found = set(GRANTS.values())
    for domain in plan.ORDER:
        for path in (DOMAINS / domain).glob("*.py"):
            found |= {name for name in proposed(ast.parse(path.read_text(encoding="utf-8"))) if ":" not in name}
    assert len(found) > 40
    assert found <= set(ACTIONS)


class World:
    """A world of the iam domain, read and written as converge reads and writes AWS."""

    def __init__(self, held: dict[str, Any], way: Any) -> None:
        self.held, self.way = held, way if way is not None else egress()

    def state(self, ref: Ref) -> Any:
        principal = self.held["principal"]
        if ref.kind == "caller":
            return CALLER
        if ref.kind == "inline_policy_sizes":
            return {item["name"]: documents.size(item["document"]) for item in principal["policies"]}
        if ref.kind == "inline_policy":
            name = ref.name.rpartition("/")[2]
            return next((documents.normal(x["document"]) for x in principal["policies"] if x["name"] == name), None)
        if ref.kind == "managed_policy":
            return documents.normal(principal["boundary"]["document"])
        if ref.kind == "endpoint_policy":
            return documents.normal(self.way["endpoint_policy"]["document"])
        return documents.normal(self.held[ref.kind])

    def put(self, ref: Ref, state: Any) -> None:
        principal = dict(self.held["principal"])
        if ref.kind == "inline_policy":
            name = ref.name.rpartition("/")[2]
            others = [item for item in principal["policies"] if item["name"] != name]
            principal["policies"] = [*others, {"name": name, "arn": None, "document": state}]
        elif ref.kind == "managed_policy":
            principal["boundary"] = {**principal["boundary"], "document": state}
        elif ref.kind == "endpoint_policy":
            held = {**self.way["endpoint_policy"], "document": state}
            self.way = {**self.way, "endpoint_policy": held}
        else:
            self.held = {**self.held, ref.kind: state}
        self.held = {**self.held, "principal": principal}

    def converge(self, fix: dict[str, Any]) -> None:
        for part in plan._flat(fix):
            action = ACTIONS[part["action"]]
            refs = {ref.key: ref for ref in action.refs(EDGE, part)}
            wanted = action.desired(EDGE, part, {key: self.state(ref) for key, ref in refs.items()})
            for key, state in wanted.items():
                self.put(refs[key], state)
            again = action.desired(EDGE, part, {key: self.state(ref) for key, ref in refs.items()})
            assert all(again[key] == wanted[key] for key in wanted)


def perimeter(**condition: Any) -> dict[str, Any]:
    return facts(bucket_policy=document([PERIMETER[0], {**PERIMETER[1], "Condition": condition}]))


LIMIT = named("limit", without(IDENTITY, "s3:PutObject"))
LONELY = document([{**KEY_POLICY[0], "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"}}])
CLOSED = egress(
    endpoint_policy={
        "id": ENDPOINT,
        "document": document([{**PERIMETER[0], "Effect": "Allow", "Action": "s3:Get*", "Condition": {}}]),
    }
)
DEAD = {"Sid": "Gone", "Effect": "Allow", "Principal": {"AWS": "AROAEXAMPLEEXAMPLE999"}, "Action": "s3:GetObject"}

WORLDS = {
    "a write": ("IAM-04", identity(without(IDENTITY, "s3:PutObject")), None),
    "all": ("IAM-04", identity([IDENTITY[2]]), None),
    "a listing": ("IAM-02", identity(without(IDENTITY, "s3:ListBucket")), None),
    "the key": ("IAM-06", identity(without(IDENTITY, "kms:Decrypt")), None),
    "a key policy": ("IAM-06", facts(key_policy=LONELY), None),
    "a boundary": ("IAM-04", facts(principal={"boundary": LIMIT}), None),
    "another account": ("IAM-04", facts(bucket_account=OTHER, bucket_policy=None), None),
    "an endpoint": ("IAM-08", facts(), CLOSED),
    "another endpoint": ("IAM-07", perimeter(StringNotEquals={"aws:SourceVpce": "vpce-other"}), None),
    "another vpc": ("IAM-07", perimeter(StringNotEquals={"aws:SourceVpc": ["vpc-other"]}), None),
    "another address": ("IAM-07", perimeter(NotIpAddress={"aws:SourceIp": "198.51.100.0/24"}), nat()),
    "another role": ("IAM-07", perimeter(ArnNotLike={"aws:PrincipalArn": "arn:aws:iam::*:role/other"}), nat()),
    "an address for an endpoint": ("IAM-07", perimeter(NotIpAddress={"aws:SourceIp": "198.51.100.0/24"}), None),
    "the dead": ("IAM-13", facts(bucket_policy=document([*PERIMETER, {**DEAD, "Resource": f"{ARN}/*"}])), None),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_fix_as_proposed_cures_what_it_was_proposed_for(name: str) -> None:
    check, held, way = WORLDS[name]
    found = judged(held, way)[check]
    assert found.status == "fail" and found.fix is not None
    world = World(held, way)
    world.converge(dict(found.fix))
    assert judged(world.held, world.way)[check].status == "pass"


def test_a_document_that_was_changed_after_the_audit_is_asked_again() -> None:
    check, held, way = WORLDS["a write"]
    found = judged(held, way)[check]
    world = World(held, way)
    deny = named("edgepath-export", [{"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}])
    world.held["principal"]["policies"].append({**deny, "arn": None})
    with pytest.raises(Refused, match="edgepath-export has changed since the audit"):
        world.converge(dict(found.fix or {}))


def test_a_wide_statement_is_narrowed_where_it_still_stands() -> None:
    wide = {"Sid": "Wide", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    narrow = {"Sid": "Narrow", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{ARN}/calls/*"}
    other = {"Sid": "Other", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    fix = {
        "action": "narrow_statement", "policy": "wide", "principal": "arn:aws:iam::1:role/x", "layer": "identity",
        "policy_arn": "arn:aws:iam::1:policy/wide", "index": 0, "taken": wide, "statement": narrow,
        "proof": {"proven": True},
    }  # fmt: skip
    key = "managed_policy:arn:aws:iam::1:policy/wide"

    def wanted(fix: dict[str, Any], *held: Any) -> Any:
        return ACTIONS[fix["action"]].desired(EDGE, fix, {key: document(list(held))})[key]["Statement"]

    assert wanted(fix, other, wide) == [other, narrow]
    assert wanted(fix, other, narrow) == [other, narrow]
    assert wanted({**fix, "action": "remove_statement", "statement": {}}, other, wide) == [other]
    with pytest.raises(Refused, match="statement Wide of wide has changed since the audit"):
        wanted(fix, other, {**wide, "Action": "s3:Get*"})
    with pytest.raises(Refused, match="nothing would be left"):
        wanted({**fix, "action": "remove_statement", "statement": {}}, wide)
