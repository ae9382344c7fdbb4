# SPDX-License-Identifier: GPL-3.0-or-later
"""Two questions to a bucket policy: is plain HTTP denied to everyone, and is everyone outside a perimeter denied.

Both are asked of statements, per action and resource, not of the text. Whether the export itself is allowed is the
iam domain's question. Sources: Amazon S3 User Guide, "Enforcing encryption in transit" (aws:SecureTransport);
AWS whitepaper "Building a Data Perimeter on AWS" (keys of identity, resource and network perimeters).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PERIMETER_KEYS = {
    "aws:sourcevpce", "aws:sourcevpc", "aws:vpcsourceip", "aws:sourceip", "aws:principalorgid", "aws:principalorgpaths",
    "aws:principalaccount", "aws:principalarn", "aws:sourceorgid", "aws:sourceaccount", "aws:vpceaccount",
    "aws:vpceorgid", "aws:vpceorgpaths",
}  # fmt: skip
_NEGATED = (
    "stringnotequals",
    "stringnotequalsignorecase",
    "stringnotlike",
    "notipaddress",
    "arnnotequals",
    "arnnotlike",
)


class PolicyShapeError(ValueError):
    """The document is not a policy; the message says why."""


def statements(document: Any) -> list[Mapping[str, Any]]:
    """The statements of a policy document; PolicyShapeError where it has none that can be read."""
    held = document.get("Statement") if isinstance(document, Mapping) else None
    if isinstance(held, Mapping):
        held = [held]
    if not isinstance(held, (list, tuple)) or not all(isinstance(item, Mapping) for item in held):
        raise PolicyShapeError("the policy holds no list of statements")
    return list(held)


def witnesses(bucket: str, prefix: str) -> list[tuple[str, str]]:
    """The calls that stand for the export: an action, and the ARN that it is judged on."""
    arn = f"arn:aws:s3:::{bucket}"
    return [
        ("s3:PutObject", f"{arn}/{prefix}recording"),
        ("s3:GetObject", f"{arn}/{prefix}recording"),
        ("s3:ListBucket", arn),
    ]


def plain_http_allowed(document: Any, bucket: str, prefix: str) -> list[tuple[str, str]]:
    """The witnesses that no statement denies over plain HTTP; empty where TLS is enforced."""
    denying = [item for item in statements(document) if _denies_everyone(item) and _is_plain_http(item)]
    return [call for call in witnesses(bucket, prefix) if not any(_covers(item, *call) for item in denying)]


def perimeters(document: Any, bucket: str, prefix: str) -> list[tuple[str, str]]:
    """The perimeters around reading: (statement, condition key) of each Deny for everyone outside."""
    read = witnesses(bucket, prefix)[1]
    found: list[tuple[str, str]] = []
    for number, item in enumerate(statements(document), start=1):
        if _denies_everyone(item) and _covers(item, *read):
            name = item.get("Sid") if isinstance(item.get("Sid"), str) and item.get("Sid") else f"statement {number}"
            found += [(str(name), key) for key in _negated_keys(item) if key.lower() in PERIMETER_KEYS]
    return found


def _denies_everyone(item: Mapping[str, Any]) -> bool:
    principal = item.get("Principal")
    if isinstance(principal, Mapping):
        principal = principal.get("AWS")
    return item.get("Effect") == "Deny" and "*" in _texts(principal)


def _is_plain_http(item: Mapping[str, Any]) -> bool:
    """Whether the only condition is that the request came without TLS: a second one would leave a way around."""
    tests = _conditions(item)
    if len(tests) != 1:
        return False
    operator, key, values = tests[0]
    insecure = [value.lower() for value in values] == ["false"]
    return operator in ("bool", "boolifexists") and key.lower() == "aws:securetransport" and insecure


def _negated_keys(item: Mapping[str, Any]) -> list[str]:
    operators = {f"{name}{suffix}" for name in _NEGATED for suffix in ("", "ifexists")}
    return [key for operator, key, _ in _conditions(item) if operator in operators]


def _conditions(item: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """(operator in lower case without its set prefix, key, values) of every test."""
    block = item.get("Condition")
    found: list[tuple[str, str, list[str]]] = []
    for operator, tests in block.items() if isinstance(block, Mapping) else ():
        for key, values in tests.items() if isinstance(tests, Mapping) else ():
            found.append((str(operator).lower().split(":")[-1], str(key), _texts(values)))
    return found


def _covers(item: Mapping[str, Any], action: str, resource: str) -> bool:
    if "NotAction" in item:
        acts = not _any_match(_texts(item["NotAction"]), action, re.IGNORECASE)
    else:
        acts = _any_match(_texts(item.get("Action")), action, re.IGNORECASE)
    if "NotResource" in item:
        return acts and not _any_match(_texts(item["NotResource"]), resource)
    return acts and _any_match(_texts(item.get("Resource")), resource)


def _any_match(patterns: Iterable[str], text: str, flags: int = 0) -> bool:
    return any(_matches(pattern, text, flags) for pattern in patterns)


def _matches(pattern: str, text: str, flags: int) -> bool:
    """Whether a pattern with ``*`` and ``?`` matches the whole text. Runs of ``*`` are one, so that none multiplies."""
    parts = re.split(r"(\*+|\?)", pattern)
    expression = "".join(".*" if part.startswith("*") else "." if part == "?" else re.escape(part) for part in parts)
    return re.fullmatch(expression, text, flags | re.DOTALL) is not None


def _texts(value: Any) -> list[str]:
    """A policy element's one or several values as text; booleans as JSON writes them."""
    values: Sequence[Any] = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in values]
