# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that an audit must be allowed, told from its own source: every AWS operation that a domain names.

The source is read, not run, so that a call which is made in rare cases alone is in the policy too. An operation that is
named in the source is taken for every service that the same file reads and that has such an operation (botocore's
service models).
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils")]

from edge.aws import permission_of  # noqa: E402

DOMAINS = ("dns", "egress", "iam", "bucket", "timeouts", "log")
POLICIES = ROOT / "docs/policies"
SERVICES = ("config", "ec2", "iam", "kms", "organizations", "route53", "s3")
# Its operations have the names of S3's, so that it counts only where one call names both service and operation.
ALWAYS_TOGETHER = ("s3control",)
# What an f-string such as f"get_{kind}_policy" can hold: the kinds of IAM entity that have policies.
ENTITIES = ("role", "user", "group")
OPERATION = re.compile(r"(batch_get|describe|get|list|head)_[a-z0-9_]+")
# Reads of single recordings: asked only where edge_recording_keys names some, and so a policy of their own.
OF_A_RECORDING = re.compile(r"s3:GetObject.*")
# What the expansion of f-strings yields and no audit asks: groups are known from their user.
NEVER_ASKED = {"iam:GetGroup"}
# Each part of the policy can be left out: what needs it is unknown then, and the rest is judged.
PARTS = {
    "Network": ("ec2", "route53"),
    "Identities": ("iam", "organizations"),
    "Keys": ("kms",),
    "Buckets": ("s3", "config"),
}


def permissions() -> dict[str, set[str]]:
    """The IAM actions that an audit can ask for, each with the domains that ask: ``{"ec2:DescribeVpcs": {"dns"}}``."""
    found: dict[str, set[str]] = {}
    for domain in DOMAINS:
        for path in sorted((ROOT / "module_utils/edge" / domain).glob("*.py")):
            for service, operation in operations(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(permission_of(service, operation), set()).add(domain)
    return {action: domains for action, domains in sorted(found.items()) if action not in NEVER_ASKED}


def operations(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The (service, operation) pairs that a module's source names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            words = [arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant)]
            if len(words) == 2 and words[0] in ALWAYS_TOGETHER and words[1] in known_operations(words[0]):
                yield words[0], words[1]
    texts = set(_texts(tree))
    services = [name for name in SERVICES if name in texts]
    for text in sorted(texts):
        if OPERATION.fullmatch(text):
            yield from ((service, text) for service in services if text in known_operations(service))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [[part.value] if isinstance(part, ast.Constant) else ENTITIES for part in node.values]
            yield from ("".join(map(str, choice)) for choice in itertools.product(*parts))


_KNOWN: dict[str, frozenset[str]] = {}


def known_operations(service: str) -> frozenset[str]:
    """The SDK's names of a service's operations."""
    if service not in _KNOWN:
        model = botocore.session.get_session().get_service_model(service)
        _KNOWN[service] = frozenset(xform_name(name) for name in model.operation_names)
    return _KNOWN[service]


def document(actions: Iterable[str]) -> dict[str, Any]:
    """A policy document of these actions, a statement a part."""
    wanted = sorted(set(actions))
    homeless = [action for action in wanted if not any(action.split(":")[0] in services for services in PARTS.values())]
    if homeless:
        raise ValueError(f"{', '.join(homeless)}: no part of the policy has this service; add it to PARTS")
    statements = [
        {
            "Sid": f"EdgepathAudit{part}",
            "Effect": "Allow",
            "Action": [action for action in wanted if action.split(":")[0] in services],
            "Resource": "*",
        }
        for part, services in PARTS.items()
    ]
    return {"Version": "2012-10-17", "Statement": [statement for statement in statements if statement["Action"]]}


def documents() -> dict[Path, str]:
    """The policy files: the whole, the whole without each part that some sites will not grant, and what is extra."""
    asked = permissions()
    recordings = {action for action in asked if OF_A_RECORDING.fullmatch(action)}
    whole = set(asked) - recordings
    made = {
        "audit": whole,
        "audit-without-bucket": {action for action in whole if asked[action] != {"bucket"}},
        "audit-without-iam": {action for action in whole if asked[action] != {"iam"}},
        "recordings": recordings,
    }
    return {POLICIES / f"{name}.json": json.dumps(document(actions), indent=2) + "\n" for name, actions in made.items()}


def table() -> Iterator[str]:
    """The permissions as rows of a table: action, and the steps of the audit that ask for it."""
    yield "| permission | asked by |"
    yield "| --- | --- |"
    for action, domains in sorted(permissions().items()):
        note = " (only for `edge_recording_keys`)" if OF_A_RECORDING.fullmatch(action) else ""
        yield f"| `{action}` | {', '.join(sorted(domains))}{note} |"
