# SPDX-License-Identifier: GPL-3.0-or-later
"""What grants the permissions that an audit was denied: for each identity that reads, a policy ready to paste. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .finding import Finding
from .targets import Edge

# The identity that reads where the inventory names none.
CONTROLLER = "the controller's own credentials"
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z]+")


def reader(edge: Edge) -> str:
    """The identity that reads AWS for an edge, as an operator knows it."""
    return edge.audit_role_arn or (f"profile {edge.aws_profile}" if edge.aws_profile else CONTROLLER)


def policies(findings: Mapping[str, Iterable[Finding]], readers: Mapping[str, str]) -> list[dict[str, Any]]:
    """``[{"reader", "edges", "policy"}]``, with no more in each policy than what that identity was denied.

    findings: by edge.  readers: by edge, the identity that reads for it.  No resources are named: what was being judged
    need not be what the call is authorised on.
    """
    denied: dict[str, tuple[set[str], set[str]]] = {}
    for name, of_edge in findings.items():
        # Permissions on the edge itself (a file's) are no actions of IAM.
        lacking = {action for item in of_edge for action in item.permissions if _ACTION.fullmatch(action)}
        if lacking:
            actions, edges = denied.setdefault(readers.get(name, CONTROLLER), (set(), set()))
            actions.update(lacking)
            edges.add(name)
    return [
        {"reader": identity, "edges": sorted(edges), "policy": _document(actions)}
        for identity, (actions, edges) in sorted(denied.items())
    ]


def _document(actions: Iterable[str]) -> dict[str, Any]:
    statement = {"Sid": "EdgepathAuditMissing", "Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
