# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that converge and rollback must be allowed behind AWS' API, told from their own source.

Every operation is taken that a kind of object names together with its service. What the audit reads is not repeated:
the identity that changes has the audit's policy as well.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import audit_policy

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils")]

from edge.converge.actions import ACTIONS  # noqa: E402
from edge.converge.cloud.api import write_permission  # noqa: E402

KINDS = ROOT / "module_utils/edge/converge/cloud"
OPERATION = re.compile(
    r"(authorize|cancel|create|delete|describe|disable|enable|get|list|modify|put|replace|revoke|set|update)_[a-z0-9_]+"
)
# What stands in an f-string such as f"put_{kind}_policy".
WORDS = ("role", "user", "egress", "ingress")
PARTS = {"Network": "ec2", "Identities": "iam", "Keys": "kms", "Buckets": "s3"}


def permissions() -> list[str]:
    """The IAM actions that converge can ask for beyond the audit's."""
    found = {action for path in KINDS.glob("*.py") for action in _of(path)}
    # Reads of single recordings are in no policy that every audit has.
    asked = {name for name in audit_policy.permissions() if not audit_policy.OF_A_RECORDING.fullmatch(name)}
    return sorted(found - asked)


def _of(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = set(_texts(tree))
    for service in sorted(texts & set(PARTS.values())):
        for text in sorted(texts):
            if OPERATION.fullmatch(text) and text in audit_policy.known_operations(service):
                yield write_permission(service, text)


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [[str(part.value)] if isinstance(part, ast.Constant) else WORDS for part in node.values]
            yield from ("".join(choice) for choice in itertools.product(*parts[:6]))


def document() -> dict[str, Any]:
    """A policy of these actions, a statement a service."""
    wanted = permissions()
    statements = [
        {
            "Sid": f"EdgepathConverge{part}",
            "Effect": "Allow",
            "Action": [action for action in wanted if action.startswith(f"{service}:")],
            "Resource": "*",
        }
        for part, service in PARTS.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def documents() -> dict[Path, str]:
    return {audit_policy.POLICIES / "converge.json": json.dumps(document(), indent=2) + "\n"}


def table() -> Iterator[str]:
    """The actions as rows of a table: what each needs before it is done."""
    yield "| action | consent | disturbs transfers | by hand |"
    yield "| --- | --- | --- | --- |"
    for name, action in sorted(ACTIONS.items()):
        yield f"| `{name}` | {action.consent} | {action.disruptive} | {action.manual} |"
