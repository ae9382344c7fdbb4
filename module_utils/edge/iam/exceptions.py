# SPDX-License-Identifier: GPL-3.0-or-later
"""The exception that a perimeter statement lacks: an edge's endpoint, network, address or role among its values. Pure.

A Deny that asks for something other than who or where (TLS, encryption headers) gets no exception: there the request
must change, not the policy. Source: AWS IAM User Guide, "Data perimeters on AWS", "Conditions: negated operators".
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from .changes import Change, Place, statements_of
from .decision import Decision
from .documents import LAYERS, Documents
from .network import Network

# What may be excepted, the narrowest first, and the operators whose values are the exceptions.
_STRINGS = ("StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase")
_ARNS = ("ArnNotEquals", "ArnNotLike", *_STRINGS)
_OPERATORS = {
    "aws:sourcevpce": _STRINGS,
    "aws:sourcevpc": _STRINGS,
    "aws:sourceip": ("NotIpAddress",),
    "aws:principalarn": _ARNS,
}


def exceptions(documents: Documents, decision: Decision, network: Network, place: Place) -> Iterator[Change]:
    """The changes that could take the denial from the edge's requests, the narrowest first."""
    ref = decision.statement
    if ref is None or ref.layer not in LAYERS:
        return
    document = next((item.document for item in documents.of(ref.layer) if item.name == ref.policy), None)
    listed = statements_of(document)
    if ref.index >= len(listed) or not isinstance(listed[ref.index], Mapping):
        return
    statement = listed[ref.index]
    for key, value in _values(network, place):
        changed = _excepted(statement, key, value)
        if changed is not None:
            yield Change(ref.layer, ref.policy, changed, ref.index, value)
    beside = _beside(statement, network)
    if beside is not None:
        yield Change(ref.layer, ref.policy, beside, ref.index, str(network.endpoint))


def _values(network: Network, place: Place) -> Iterator[tuple[str, str]]:
    """What tells the edge's requests from others, by condition key."""
    for key in ("aws:SourceVpce", "aws:SourceVpc", "aws:SourceIp"):
        value = network.context.get(key)
        if isinstance(value, str):
            yield key.lower(), value
    yield "aws:principalarn", place.principal


def _excepted(statement: Mapping[str, Any], key: str, value: str) -> dict[str, Any] | None:
    """The statement with one value more in the first negated test of a key, or None where it has none."""
    block = statement.get("Condition")
    for operator, tests in block.items() if isinstance(block, Mapping) else ():
        base = str(operator).rpartition(":")[2]
        base = base[: -len("IfExists")] if base.endswith("IfExists") else base
        if base not in _OPERATORS[key] or not isinstance(tests, Mapping):
            continue
        for name, given in tests.items():
            if str(name).lower() == key:
                changed = copy.deepcopy(dict(statement))
                values = list(given) if isinstance(given, (list, tuple)) else [given]
                changed["Condition"][operator][name] = [*values, value]
                return changed
    return None


def _beside(statement: Mapping[str, Any], network: Network) -> dict[str, Any] | None:
    """The statement with a second exception beside its own addresses: through an endpoint no address is seen."""
    block = statement.get("Condition")
    if network.kind != "endpoint" or not isinstance(block, Mapping):
        return None
    keys = {str(name).lower() for tests in block.values() if isinstance(tests, Mapping) for name in tests}
    if "aws:sourceip" not in keys or "aws:sourcevpce" in keys:
        return None
    changed = copy.deepcopy(dict(statement))
    changed["Condition"].setdefault("StringNotEquals", {})["aws:SourceVpce"] = network.endpoint
    return changed
