# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to be judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .arn import is_account, resource_account
from .context import PRESENT, Context, ContextInput, ContextValue
from .errors import RequestError
from .principal import Caller, parse_principal

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Request:
    """Who wants to do what to which resource.

    principal: see principal.parse_principal for the forms. action: "s3:GetObject", no wildcards. resource: an ARN,
    taken literally (an object key may hold * ? and newlines), or "*" for actions without a resource.
    resource_account: the account that owns the resource; taken from the ARN where it names one, from the principal for
    the resource "*", else unknown: then both the same-account and the cross-account rule are tried.
    context: condition keys to values (str, bool, number, bytes, a list of these), None for a key known to be absent,
    UNKNOWN or PRESENT for one that is not known; a key that is not there is absent. What follows from principal and
    resource (aws:PrincipalArn, aws:PrincipalAccount, aws:PrincipalType, aws:username, aws:userid, aws:ResourceAccount,
    s3:ResourceAccount ...) is added unless given. "aws:PrincipalTag/*" answers for every tag not given by name.
    issuer: for a session the ARN of its role with the path; for a federated user the ARN of the user who federated.
    Read from these: caller (the principal), owner (the resource's account or None), lowered (the action in lower case).
    Raises RequestError.
    """

    principal: str
    action: str
    resource: str = "*"
    resource_account: str | None = None
    context: Mapping[str, ContextInput] = field(default_factory=dict)
    issuer: str | None = None
    caller: Caller = field(init=False, repr=False, compare=False)
    owner: str | None = field(init=False, repr=False, compare=False)
    lowered: str = field(init=False, repr=False, compare=False)
    _view: Context | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        caller = parse_principal(self.principal, self.issuer or self._given_role())
        owner = self.resource_account or resource_account(self.resource)
        if owner is None and self.resource == "*":
            owner = caller.account
        object.__setattr__(self, "caller", caller)
        object.__setattr__(self, "owner", owner)
        object.__setattr__(self, "lowered", self.action.lower())
        # Read now, so that a bad value is told here and not where some policy first asks for it.
        object.__setattr__(self, "_view", Context(self.context, self._derived()) if self.context else None)

    def _check(self) -> None:
        if not isinstance(self.action, str) or _ACTION.fullmatch(self.action) is None:
            raise RequestError(f"action {_shown(self.action)}: an action is SERVICE:NAME, without wildcards")
        if not isinstance(self.resource, str) or not self.resource:
            raise RequestError("resource: an ARN or *")
        if not isinstance(self.principal, str):
            raise RequestError("principal: an ARN, an account id, a service name or *")
        if self.resource_account is not None and not (
            isinstance(self.resource_account, str) and is_account(self.resource_account)
        ):
            raise RequestError(f"resource account {_shown(self.resource_account)}: an account id is twelve digits")
        if not isinstance(self.context, Mapping):
            raise RequestError("context: a mapping of condition keys to values")

    def _given_role(self) -> str | None:
        # A session ARN lacks the role's path; aws:PrincipalArn, where the caller gives it, has it.
        if not self.context or ":assumed-role/" not in self.principal:
            return None
        for key, value in self.context.items():
            if isinstance(key, str) and key.lower() == "aws:principalarn" and isinstance(value, str):
                return value if value.rpartition("/")[2] == self.principal.split("/")[1] else None
        return None

    def view(self) -> Context:
        """The whole request context, derived keys included."""
        return Context({}, self._derived()) if self._view is None else self._view

    def _derived(self) -> dict[str, ContextValue]:
        derived: dict[str, ContextValue] = dict(self.caller.derived)
        owner = self.owner
        if owner is not None or self.resource != "*":
            account: ContextValue = (owner,) if owner is not None else PRESENT
            derived["aws:resourceaccount"] = account
            if self.lowered[:3] == "s3:":
                derived["s3:resourceaccount"] = account
        return derived


def _shown(value: object) -> str:
    return repr(value[:120]) if isinstance(value, str) else f"({type(value).__name__})"
