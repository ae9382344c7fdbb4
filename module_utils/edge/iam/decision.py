# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer of the engine, with its reasons."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from .statement import Statement

# Policies of which a resource has one, and which bear no name.
UNNAMED = ("bucket policy", "endpoint policy", "key policy", "trust policy")


class Outcome(str, enum.Enum):
    """What becomes of a request. UNKNOWN: what is not known could turn it from allowed to denied."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit_deny"
    IMPLICIT_DENY = "implicit_deny"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return str(self.value)


def policy_words(policy: str, layer: str) -> str:
    """A policy in words: what has no name of its own (``bucket policy``) is called by its kind."""
    return f"the {policy}" if policy in UNNAMED else f"policy {policy} ({layer})"


@dataclass(frozen=True)
class StatementRef:
    """The statement that decided; `index` counts from 0 in its policy, `layer` is a layer name as in Decision."""

    policy: str
    index: int
    sid: str | None
    layer: str
    effect: str

    @classmethod
    def of(cls, statement: Statement, layer: str) -> StatementRef:
        """The reference to a statement of a layer."""
        effect = "Allow" if statement.allows else "Deny"
        return cls(statement.policy, statement.index, statement.sid, layer, effect)

    def __str__(self) -> str:
        name = self.sid if self.sid else f"number {self.index}"
        return f"statement {name} of {policy_words(self.policy, self.layer)}"


@dataclass(frozen=True)
class Flip:
    """What an unknown answer hangs on.

    For a context key: `key` as the policy writes it, `value` one value (None: the key absent), and the `outcome` the
    request would then have ("unknown" where that alone does not settle it). For a policy that could not be read: `key`
    is None, `policy` its name. `policy` and `layer` say where the question arises; `reason` is one clause.
    """

    policy: str
    layer: str
    reason: str
    key: str | None = None
    value: str | None = None
    outcome: Outcome = Outcome.UNKNOWN


@dataclass(frozen=True)
class Decision:
    """The answer to one request.

    outcome: an Outcome. layer: the layer that decided: scp, rcp, endpoint, resource, key_policy, trust_policy, grant,
    identity, boundary, session, root (the account's root user, whom no implicit deny of its own account stops), or
    service (the service itself, whatever the policies say).
    statement: the allowing or denying statement; None for an implicit deny. passed: the layers that allowed the
    request, in evaluation order. flips: for unknown, what would settle it. action, resource, principal: of the request.
    detail: a clause on why, where the layer alone does not tell.
    """

    outcome: Outcome
    layer: str
    statement: StatementRef | None
    passed: tuple[str, ...]
    flips: tuple[Flip, ...]
    action: str
    resource: str
    principal: str
    detail: str = ""

    @property
    def allowed(self) -> bool | None:
        """True, False, or None where it is unknown."""
        if self.outcome is Outcome.UNKNOWN:
            return None
        return self.outcome is Outcome.ALLOW

    def about(self, action: str, resource: str, principal: str) -> Decision:
        """The same decision for another request that the same statements settle."""
        copy = object.__new__(Decision)
        fields = copy.__dict__
        fields.update(self.__dict__)
        fields["action"] = action
        fields["resource"] = resource
        fields["principal"] = principal
        return copy

    def explain(self) -> str:
        """One sentence of plain English."""
        request = f"{self.action} on {self.resource} by {self.principal}"
        detail = f" ({self.detail})" if self.detail else ""
        if self.outcome is Outcome.ALLOW:
            by = self.statement if self.statement is not None else f"the {self.layer} layer"
            return f"{request} is allowed by {by}{detail}."
        if self.outcome is Outcome.EXPLICIT_DENY:
            return f"{request} is denied by {self.statement}{detail}."
        if self.outcome is Outcome.IMPLICIT_DENY:
            if self.layer == "service":
                return f"{request} is denied by the service itself{detail}."
            return f"{request} is denied because no {self.layer} statement allows it{detail}."
        hangs = "; ".join(dict.fromkeys(flip.reason for flip in self.flips)) or "the facts given"
        return f"{request} is unknown: it hangs on {hangs}."

    def to_dict(self) -> dict[str, Any]:
        """The decision as JSON-ready data."""
        statement = self.statement
        return {
            "outcome": self.outcome.value,
            "layer": self.layer,
            "statement": None if statement is None else dict(vars(statement)),
            "passed": list(self.passed),
            "flips": [{**vars(flip), "outcome": flip.outcome.value} for flip in self.flips],
            "action": self.action,
            "resource": self.resource,
            "principal": self.principal,
            "detail": self.detail,
            "explanation": self.explain(),
        }
