# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole case as one JSON object in, a decision out: for test tables and for use without the classes of the engine.

    {"request": {"principal": "arn:...",                                               # {"type": "Anonymous"} as well
                 "action": "s3:GetObject",
                 "resource": {"resource": "arn:...", "accountId": "111122223333"},      # "arn" for "resource" as well
                 "contextVariables": {"aws:SourceVpce": "vpce-1"},                     # "context" as well
                 "contextComplete": true},
     "identityPolicies": [{"name": "p", "policy": {...}}],                              # a bare document as well
     "permissionBoundaryPolicies": [...], "sessionPolicies": [...], "vpcEndpointPolicies": [...],
     "resourcePolicy": {...},
     "serviceControlPolicies": [{"orgIdentifier": "r-1", "policies": [...]}], "resourceControlPolicies": [...]}

An absent or empty list means that there is no such policy; an organisation's level with an empty list of policies
allows nothing. A single policy may stand for a list, and "sessionPolicy", "permissionBoundaries" and "endpointPolicies"
are taken for the names above; a layer under two names is an error. Policies are parsed leniently: what AWS stores, this
reads. A statement of an endpoint's policy that names no principal speaks of all.
"""

from __future__ import annotations

from collections.abc import Mapping
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
# A layer's name in a case, and the others by which cases are known to call it.
_ALIASES = {
    "identityPolicies": ("identityPolicy",),
    "permissionBoundaryPolicies": ("permissionBoundaries", "permissionBoundaryPolicy", "permissionsBoundary"),
    "sessionPolicies": ("sessionPolicy",),
    "vpcEndpointPolicies": ("endpointPolicies", "vpcEndpointPolicy"),
    "resourcePolicy": ("resourcePolicies",),
}


def simulate(case: Mapping[str, Any], unset_variable: str | None = None, endpoint_type: str = "interface") -> Decision:
    """Judge one case. RESULTS names the outcome in the words of simulators. Raises PolicyError, RequestError.

    unset_variable: see PolicySet; without it "no_match" where the request's "contextComplete" is true (a variable
    without a value matches no resource, says the User Guide), else "unknown": the key
    may only have been left out of the case.
    """
    return decide(read_request(case), read_policies(case, unset_variable, endpoint_type))


def read_request(case: Mapping[str, Any]) -> Request:
    """The request of a case."""
    given = _request(case)
    resource = given.get("resource", "*")
    account = None
    if isinstance(resource, Mapping):
        account = resource.get("accountId")
        resource = resource.get("resource", resource.get("arn", "*"))
    context = given.get("contextVariables") or given.get("context") or {}
    return Request(_principal(given), given.get("action", ""), resource, account or None, context)


def _request(case: Mapping[str, Any]) -> Mapping[str, Any]:
    given = case.get("request")
    if not isinstance(given, Mapping):
        raise RequestError("request: an object with principal, action and resource")
    return given


def _principal(given: Mapping[str, Any]) -> Any:
    held = given.get("principal", "")
    if isinstance(held, Mapping) and str(held.get("type")).lower() == "anonymous":
        return "*"
    return held


def read_policies(
    case: Mapping[str, Any], unset_variable: str | None = None, endpoint_type: str = "interface"
) -> PolicySet:
    """The policies of a case, compiled."""
    complete = _request(case).get("contextComplete") is True
    resource = _policies(case, "resourcePolicy")
    return PolicySet(
        identity=_policies(case, "identityPolicies"),
        boundary=_policies(case, "permissionBoundaryPolicies"),
        session=_policies(case, "sessionPolicies"),
        resource=resource or None,
        endpoint=_policies(case, "vpcEndpointPolicies"),
        scps=_levels(case, "serviceControlPolicies"),
        rcps=_levels(case, "resourceControlPolicies"),
        endpoint_type=endpoint_type,
        unset_variable=unset_variable or ("no_match" if complete else "unknown"),
    )


def _policies(holder: Mapping[str, Any], key: str) -> list[Policy]:
    names = [name for name in (key, *_ALIASES.get(key, ())) if holder.get(name)]
    if len(names) > 1:
        raise RequestError(f"{' and '.join(names)}: one layer under two names")
    given = holder[names[0]] if names else []
    items = list(given) if isinstance(given, (list, tuple)) else [given]
    read = _for_all if key == "vpcEndpointPolicies" else _as_given
    return [_parse(item, key if item is given else f"{key}[{index}]", read) for index, item in enumerate(items)]


def _levels(case: Mapping[str, Any], key: str) -> list[list[Policy]]:
    return [_policies(level, "policies") for level in case.get(key) or []]


def _parse(item: Any, name: str, read: Any) -> Policy:
    if isinstance(item, Mapping) and "policy" in item:
        return Policy.parse(read(item["policy"]), str(item.get("name", name)), lenient=True)
    return Policy.parse(read(item), name, lenient=True)


def _as_given(document: Any) -> Any:
    return document


def _for_all(document: Any) -> Any:
    """The document with a principal in each statement that lacks one."""
    held = document.get("Statement") if isinstance(document, Mapping) else None
    if held is None:
        return document
    statements = held if isinstance(held, (list, tuple)) else [held]
    filled = [
        {"Principal": "*", **item}
        if isinstance(item, Mapping) and not {"Principal", "NotPrincipal"} & set(item)
        else item
        for item in statements
    ]
    return {**document, "Statement": filled}
