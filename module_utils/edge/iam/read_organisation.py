# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the organisation's policies over an account, which only its management account or a delegate may read.

Source: AWS Organizations API Reference, DescribeOrganization, ListParents, ListPoliciesForTarget, DescribePolicy.
"""

from __future__ import annotations

from typing import Any

from ..aws import Account
from ..finding import Unread

_TYPES = {"scps": "SERVICE_CONTROL_POLICY", "rcps": "RESOURCE_CONTROL_POLICY"}
# An organisation's tree is at most the root, five levels of units, and the account (AWS Organizations quotas).
_MOST_LEVELS = 7


def read_organisation(account: Account, account_id: str) -> Any:
    """None where the account is in no organisation, an Unread where its policies are not visible, else
    {"id", "management": bool, "scps": [[{"name", "document": text | unread}], ...], "rcps": [...]}, root first.

    The management account has no levels: no policy of the organisation reaches it.
    """
    described = account.read("organizations", "describe_organization", "Organization", resource="the organisation")
    if described is None or isinstance(described, Unread):
        return described
    found = {"id": described.get("Id"), "management": described.get("MasterAccountId") == account_id}
    if found["management"]:
        return {**found, "scps": [], "rcps": []}
    targets = _targets(account, account_id)
    if isinstance(targets, Unread):
        return targets
    documents: dict[str, Any] = {}
    for name, kind in _TYPES.items():
        levels = [_level(account, target, kind, documents) for target in targets]
        denied = next((level for level in levels if isinstance(level, Unread)), None)
        if denied is not None and all(isinstance(level, Unread) for level in levels):
            return denied
        # A level without any policy means that the policy type is not switched on: the last one cannot be detached.
        found[name] = [marked for marked in map(_marked, levels) if marked]
    return found


def _targets(account: Account, account_id: str) -> Any:
    """The ids from the root to the account, or Unread."""
    chain = [account_id]
    while len(chain) < _MOST_LEVELS:
        parents = account.read(
            "organizations", "list_parents", "Parents", resource=f"the parent of {chain[0]}", ChildId=chain[0]
        )
        if isinstance(parents, Unread):
            return parents
        if not parents:
            # Every account and unit has a parent; a chain that ends below the root would hide policies.
            message = f"cannot read the parent of {chain[0]}: the answer names none"
            return Unread("error", "organizations:ListParents", chain[0], message)
        chain.insert(0, parents[0]["Id"])
        if parents[0].get("Type") == "ROOT":
            break
    return chain


def _level(account: Account, target: str, kind: str, documents: dict[str, Any]) -> Any:
    listed = account.read(
        "organizations",
        "list_policies_for_target",
        "Policies",
        resource=f"the {kind.lower().replace('_', ' ')} policies of {target}",
        TargetId=target,
        Filter=kind,
    )
    if not isinstance(listed, list):
        return listed
    level = []
    for item in listed:
        if item["Id"] not in documents:
            answer = account.read(
                "organizations", "describe_policy", "Policy", resource=f"policy {item['Name']}", PolicyId=item["Id"]
            )
            documents[item["Id"]] = answer["Content"] if isinstance(answer, dict) else answer
        held = documents[item["Id"]]
        if held is None:
            held = Unread("error", "organizations:DescribePolicy", item["Id"], f"policy {item['Name']} is gone")
        level.append({"name": item["Name"], "document": held.to_fact() if isinstance(held, Unread) else held})
    return level


def _marked(level: Any) -> list[dict[str, Any]]:
    """A level as it stands in facts: one whose list was refused holds one policy that cannot be read."""
    if isinstance(level, Unread):
        return [{"name": level.resource, "document": level.to_fact()}]
    return list(level or [])
