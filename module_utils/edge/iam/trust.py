# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may assume a role that its owner did not mean: everybody, or another account without an external id. Pure.

Source: AWS IAM User Guide, "The confused deputy problem", "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Condition keys that tie a request to someone or something known.
_TIES = (
    "sts:externalid", "aws:principalorgid", "aws:principalarn", "aws:principalaccount", "aws:sourcearn",
    "aws:sourceaccount", "aws:principalorgpaths",
)  # fmt: skip
_POSITIVE = ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "StringEqualsIgnoreCase")


def strangers(document: Any, account: str) -> list[dict[str, Any]]:
    """{"principal", "statement", "why"} for each grant to somebody outside the account that no condition ties down."""
    found: list[dict[str, Any]] = []
    for number, statement in enumerate(_statements(document)):
        if statement.get("Effect") != "Allow" or _tied(statement):
            continue
        label = statement.get("Sid") or f"number {number}"
        for name in _principals(statement):
            why = _why(name, account)
            if why is not None:
                found.append({"principal": name, "statement": str(label), "why": f"statement {label}: {why}"})
    return found


def _why(name: str, account: str) -> str | None:
    if name == "*":
        return "everybody may assume the role"
    owner = name if name.isdigit() else name.split(":")[4] if name.count(":") >= 5 else ""
    if owner and owner.isdigit() and owner != account:
        return f"{name} of another account may assume the role without an external id"
    return None


def _tied(statement: Mapping[str, Any]) -> bool:
    block = statement.get("Condition")
    for operator, keys in block.items() if isinstance(block, Mapping) else ():
        name = str(operator).rpartition(":")[2]
        if name in _POSITIVE and isinstance(keys, Mapping):
            for key, values in keys.items():
                given = values if isinstance(values, (list, tuple)) else [values]
                if str(key).lower() in _TIES and given and all(str(value).strip("*") for value in given):
                    return True
    return False


def _principals(statement: Mapping[str, Any]) -> Iterator[str]:
    held = statement.get("Principal", "*" if "NotPrincipal" in statement else None)
    values = held.get("AWS", ()) if isinstance(held, Mapping) else held
    for value in values if isinstance(values, (list, tuple)) else [values]:
        if isinstance(value, str):
            yield value


def _statements(document: Any) -> Iterator[Mapping[str, Any]]:
    held = document.get("Statement") if isinstance(document, Mapping) else None
    for item in held if isinstance(held, (list, tuple)) else [held]:
        if isinstance(item, Mapping):
            yield item
