# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole case as one JSON object in, a decision out: for test tables and for use without the classes of the engine.

    {"request": {"principal": "arn:...", "action": "s3:GetObject",
                 "resource": {"resource": "arn:...", "accountId": "111122223333"},      # "arn" for "resource" as well
                 "contextVariables": {"aws:SourceVpce": "vpce-1"}},
     "identityPolicies": [{"name": "p", "policy": {...}}],                              # a bare document as well
     "permissionBoundaryPolicies": [...], "sessionPolicies": [...], "vpcEndpointPolicies": [...],
     "resourcePolicy": {...},
     "serviceControlPolicies": [{"orgIdentifier": "r-1", "policies": [...]}], "resourceControlPolicies": [...]}

An absent or empty list means that there is no such policy; an organisation's level with an empty list of policies
allows nothing. Policies are parsed leniently: what AWS stores, this reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .decision import Decision, Outcome
from .engine import decide
from .errors import RequestError
from .layers import PolicySet
from .policy import Policy
from .request import Request

RESULTS = {
    Outcome.ALLOW: "Allowed",
    Outcome.EXPLICIT_DENY: "ExplicitlyDenied",
    Outcome.IMPLICIT_DENY: "ImplicitlyDenied",
    Outcome.UNKNOWN: "Unknown",
}


def simulate(case: Mapping[str, Any], unset_variable: str = "unknown", endpoint_type: str = "interface") -> Decision:
    """Judge one case. RESULTS names the outcome in the words of simulators. Raises PolicyError, RequestError."""
    return decide(read_request(case), read_policies(case, unset_variable, endpoint_type))


def read_request(case: Mapping[str, Any]) -> Request:
    """The request of a case."""
    given = case.get("request")
    if not isinstance(given, Mapping):
        raise RequestError("request: an object with principal, action and resource")
    resource = given.get("resource", "*")
    account = None
    if isinstance(resource, Mapping):
        account = resource.get("accountId")
        resource = resource.get("resource", resource.get("arn", "*"))
    context = given.get("contextVariables") or {}
    return Request(given.get("principal", ""), given.get("action", ""), resource, account or None, context)


def read_policies(
    case: Mapping[str, Any], unset_variable: str = "unknown", endpoint_type: str = "interface"
) -> PolicySet:
    """The policies of a case, compiled."""
    resource = case.get("resourcePolicy")
    return PolicySet(
        identity=_policies(case, "identityPolicies"),
        boundary=_policies(case, "permissionBoundaryPolicies"),
        session=_policies(case, "sessionPolicies"),
        resource=_parse(resource, "resourcePolicy") if resource else None,
        endpoint=_policies(case, "vpcEndpointPolicies"),
        scps=_levels(case, "serviceControlPolicies"),
        rcps=_levels(case, "resourceControlPolicies"),
        endpoint_type=endpoint_type,
        unset_variable=unset_variable,
    )


def _policies(holder: Mapping[str, Any], key: str) -> list[Policy]:
    given: Sequence[Any] = holder.get(key) or []
    return [_parse(item, f"{key}[{index}]") for index, item in enumerate(given)]


def _levels(case: Mapping[str, Any], key: str) -> list[list[Policy]]:
    return [_policies(level, "policies") for level in case.get(key) or []]


def _parse(item: Any, name: str) -> Policy:
    if isinstance(item, Mapping) and "policy" in item:
        return Policy.parse(item["policy"], str(item.get("name", name)), lenient=True)
    return Policy.parse(item, name, lenient=True)
