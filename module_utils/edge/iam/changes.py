# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to policies, as data and as documents: one statement more, or one exception more in a statement. Pure.

Source: AWS IAM User Guide, "IAM JSON policy elements reference"; Amazon VPC, "Gateway endpoints" (a gateway endpoint's
policy names a role by the condition key aws:PrincipalArn).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .documents import Documents, Named
from .plan import LIST, LOCK, MULTIPART, PROBE, READ, TIDY, VERIFY, WRITE
from .s3_calls import KEY

# The inline policy that holds what is granted to the role, and the names of its statements.
POLICY = "edgepath-export"
_SIDS = {LIST: "Listing", PROBE: "Listing", READ: "Reading", VERIFY: "Reading", WRITE: "Writing", MULTIPART: "Writing",
         TIDY: "Tidying", LOCK: "Locking"}  # fmt: skip
# The action that adds a statement to a layer.
_ACTIONS = {
    "identity": "grant_identity_statement",
    "boundary": "grant_boundary_statement",
    "resource": "grant_bucket_statement",
    "endpoint": "grant_endpoint_statement",
    "key_policy": "grant_key_statement",
}


@dataclass(frozen=True)
class Place:
    """Whom and what a change concerns. principal: the role or user; region: of the bucket, for kms:ViaService.

    arns: of managed policies by name.  endpoint: the id of the VPC endpoint on the way.
    """

    principal: str
    bucket_arn: str
    prefix: str
    region: str
    key_arn: str | None
    endpoint: str | None
    arns: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """One statement to be added to a layer, or to take another's place there (replaces: its index).

    excepts: what an exception lets through, in words.  taken: the wide statement whose place a narrower one takes, or,
    with an empty statement, none.
    """

    layer: str
    policy: str
    statement: Mapping[str, Any]
    replaces: int | None = None
    excepts: str = ""
    taken: Mapping[str, Any] | None = None

    @property
    def action(self) -> str:
        if self.taken is not None:
            return "narrow_statement" if self.statement else "remove_statement"
        return "except_from_deny" if self.replaces is not None else _ACTIONS[self.layer]

    @property
    def name(self) -> tuple[Any, ...]:
        """What makes two changes one: the same statement of the same policy."""
        return (self.layer, self.policy, self.statement.get("Sid") if self.replaces is None else self.replaces)

    def apply(self, documents: Documents) -> Documents:
        """The documents with this change made."""
        held = documents.of(self.layer)
        target = next((item for item in held if item.name == self.policy), None)
        if target is None:
            document = {"Version": "2012-10-17", "Statement": [self.statement]}
            return documents.put(self.layer, (*held, Named(self.policy, document)))
        changed = Named(target.name, self._changed(target.document))
        return documents.put(self.layer, tuple(changed if item is target else item for item in held))

    def _changed(self, document: Any) -> dict[str, Any]:
        whole = copy.deepcopy(dict(load(document)))
        statements = whole.get("Statement")
        listed = statements if isinstance(statements, list) else [statements]
        if self.replaces is not None and not self.statement:
            del listed[self.replaces]
        elif self.replaces is not None:
            listed[self.replaces] = dict(self.statement)
        else:
            listed.append(dict(self.statement))
        whole["Statement"] = listed
        return whole

    def to_dict(self, place: Place) -> dict[str, Any]:
        """As converge takes it: {"action", "policy", "statement", ...}."""
        where: dict[str, tuple[str, str | None]] = {
            "identity": ("principal", place.principal),
            "boundary": ("principal", place.principal),
            "resource": ("bucket", place.bucket_arn.rpartition(":")[2]),
            "endpoint": ("endpoint", place.endpoint),
            "key_policy": ("key", place.key_arn),
        }
        name, value = where[self.layer]
        data: dict[str, Any] = {
            "action": self.action,
            "policy": self.policy,
            "principal": place.principal,
            name: value,
        }
        if self.policy in place.arns and self.layer in ("identity", "boundary"):
            data["policy_arn"] = place.arns[self.policy]
        if self.replaces is not None:
            data.update(layer=self.layer, index=self.replaces)
            data.update({"excepts": self.excepts} if self.taken is None else {"taken": dict(self.taken)})
        return {**data, "statement": dict(self.statement)}

    def describe(self) -> str:
        """The change in one clause."""
        where = {
            "identity": f"to the inline policy {self.policy}",
            "boundary": f"to the permission boundary {self.policy}",
            "resource": "to the bucket policy",
            "endpoint": f"to the policy of {self.policy}",
            "key_policy": "to the key policy",
        }[self.layer]
        if self.taken is not None:
            return self._narrowed()
        if self.replaces is not None:
            return f"except {self.excepts} from statement {self.statement.get('Sid') or self.replaces} of {self.policy}"
        actions = self.statement["Action"]
        names = ", ".join(actions if isinstance(actions, (list, tuple)) else [actions])
        return f"add {names} on {_shown(self.statement['Resource'])} {where}"

    def _narrowed(self) -> str:
        taken = self.taken or {}
        which = f"statement {taken.get('Sid') or self.replaces} of {self.policy}"
        if not self.statement:
            return f"take out {which}, of which the export needs nothing"
        return f"narrow {which} to {_shown(self.statement['Action'])} on {_shown(self.statement['Resource'])}"


def _shown(resource: Any) -> str:
    return ", ".join(resource) if isinstance(resource, (list, tuple)) else str(resource)


def load(document: Any) -> Mapping[str, Any]:
    """A document as a mapping; {} where it is none."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return {}
    return document if isinstance(document, Mapping) else {}


def statements_of(document: Any) -> list[Any]:
    held = load(document).get("Statement")
    return held if isinstance(held, list) else [held]


def sid_of(purpose: str, target: str) -> str:
    """The name of the statement that grants what a call of this purpose asks of this kind of target."""
    return f"Edgepath{'Key' if target == KEY else _SIDS[purpose]}"


def grant(layer: str, policy: str, sid: str, target: str, actions: Sequence[str], place: Place) -> Change:
    """The statement that allows these actions, and nothing else, in a layer."""
    resource = {"bucket": place.bucket_arn, "object": f"{place.bucket_arn}/{place.prefix}*"}.get(target, place.key_arn)
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resource}
    condition: dict[str, Any] = {}
    if target == KEY:
        condition["StringEquals"] = {"kms:ViaService": f"s3.{place.region}.amazonaws.com"}
    if layer in ("resource", "key_policy"):
        statement["Principal"] = {"AWS": place.principal}
    if layer == "endpoint":
        statement["Principal"] = "*"
        condition["ArnEquals"] = {"aws:PrincipalArn": place.principal}
    if layer == "key_policy":
        # In a key policy the resource is the key itself.
        statement["Resource"] = "*"
    if condition:
        statement["Condition"] = condition
    return Change(layer, policy, statement)
