# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to be judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from .arn import is_account
from .arn import resource_account as resource_account_of
from .context import PRESENT, Context, ContextInput, ContextValue
from .errors import RequestError
from .principal import Caller, parse_principal
from .reserved import SERVICES

_OF_AWS = tuple(f"arn:{partition}:iam::aws:" for partition in ("aws", "aws-cn", "aws-us-gov"))
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_.-]+")


@dataclass(frozen=True, init=False)
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
    Read from these: caller (the principal), owner (the resource's account or None), lowered (the action in lower case),
    special (whether it is of a service that keeps something for itself, or has keys).
    Raises RequestError.
    """

    principal: str
    action: str
    resource: str
    resource_account: str | None
    context: Mapping[str, ContextInput]
    issuer: str | None
    caller: Caller = field(init=False, repr=False, compare=False)
    owner: str | None = field(init=False, repr=False, compare=False)
    lowered: str = field(init=False, repr=False, compare=False)
    special: bool = field(init=False, repr=False, compare=False)
    _view: Context | None = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        principal: str,
        action: str,
        resource: str = "*",
        resource_account: str | None = None,
        context: Mapping[str, ContextInput] | None = None,
        issuer: str | None = None,
    ) -> None:
        if not isinstance(resource, str) or not resource:
            raise RequestError("resource: an ARN or *")
        if context is not None and not isinstance(context, Mapping):
            raise RequestError("context: a mapping of condition keys to values")
        role = _given_role(principal, context) if context and issuer is None else issuer
        try:
            caller, lowered, special = _read(principal, action, resource_account, role)
        except TypeError:
            raise RequestError("principal, action, resource account and issuer are strings") from None
        owner = resource_account or resource_account_of(resource)
        if owner is None and (resource == "*" or resource.startswith(_OF_AWS)):
            # What AWS itself manages is asked for in the caller's own account.
            owner = caller.account
        # Straight into the instance: a request is built for each decision, and eleven setters cost a third of one.
        fields = self.__dict__
        fields["principal"] = principal
        fields["action"] = action
        fields["resource"] = resource
        fields["resource_account"] = resource_account
        fields["context"] = context or {}
        fields["issuer"] = issuer
        fields["caller"] = caller
        fields["owner"] = owner
        fields["lowered"] = lowered
        fields["special"] = special
        fields["_view"] = None
        if context:
            # Read now, so that a bad value is told here and not where some policy first asks for it.
            fields["_view"] = Context(context, self._derived())

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


@lru_cache(maxsize=4096)
def _read(principal: str, action: str, account: str | None, issuer: str | None) -> tuple[Caller, str, bool]:
    """The caller, the action in lower case, and whether its service is one of SERVICES. Raises RequestError."""
    if not isinstance(action, str) or _ACTION.fullmatch(action) is None:
        raise RequestError(f"action {_shown(action)}: an action is SERVICE:NAME, without wildcards")
    if not isinstance(principal, str) or not isinstance(issuer, (str, type(None))):
        raise RequestError("principal, issuer: an ARN, an account id, a service name or *")
    if account is not None and not (isinstance(account, str) and is_account(account)):
        raise RequestError(f"resource account {_shown(account)}: an account id is twelve digits")
    lowered = action.lower()
    return parse_principal(principal, issuer), lowered, lowered.startswith(SERVICES)


def _given_role(principal: str, context: Mapping[str, ContextInput]) -> str | None:
    """A session ARN lacks the role's path; aws:PrincipalArn, where the context gives it, has it."""
    if not isinstance(principal, str) or ":assumed-role/" not in principal:
        return None
    for key, value in context.items():
        if isinstance(key, str) and key.lower() == "aws:principalarn" and isinstance(value, str):
            return value if value.rpartition("/")[2] == principal.split("/")[1] else None
    return None


def _shown(value: object) -> str:
    return repr(value[:120]) if isinstance(value, str) else f"({type(value).__name__})"
