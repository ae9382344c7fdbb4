# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a statement names: the Principal and NotPrincipal elements, and in which form they reach a caller.

Source: AWS IAM User Guide, "Principal", "NotPrincipal", "Policy evaluation logic" (the form of the named principal
decides which implicit denies still limit a grant in the same account); Amazon VPC, "Principals for gateway endpoints".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .arn import is_account, parse_arn
from .principal import Caller, Kind
from .truth import MAYBE, NO, YES

# How a statement reaches the caller, weakest first.
FORM_NONE = 0
FORM_ACCOUNT = 1  # through the account: delegates to the account's own IAM policies
FORM_LIMITED = 2  # through the role or the federating user: boundary and session policy still limit
FORM_DIRECT = 3  # the caller itself, or everybody: no implicit deny elsewhere limits

# Unique ids of roles, users and groups: AWS shows them in place of an ARN that no longer exists.
_ID_PREFIXES = ("AROA", "AIDA", "AGPA")


@dataclass(frozen=True)
class Grantee:
    """One entry of a Principal element; `kind` is any, account, user, role, session, federated, service, provider,
    canonical, dead (the id of a deleted user or role) or other (an AWS-internal identity)."""

    kind: str
    text: str
    account: str = ""
    name: str = ""

    def form(self, caller: Caller, gateway: bool = False) -> tuple[int, int]:
        """The form in which this entry reaches the caller, and how certain that is (NO, MAYBE, YES)."""
        if self.kind == "any":
            return FORM_DIRECT, YES
        if self.kind == "account":
            return self._as_account(caller, gateway)
        if self.kind in ("user", "federated"):
            if self.text == caller.arn:
                return FORM_DIRECT, YES
            behind = caller.kind is Kind.FEDERATED and self.kind == "user" and self.text == caller.issuer
            return (FORM_LIMITED, YES) if behind else (FORM_NONE, NO)
        if self.kind == "role":
            return (FORM_LIMITED, YES) if self._is_role_of(caller) else (FORM_NONE, NO)
        if self.kind == "session":
            return self._as_session(caller)
        if self.kind in ("service", "provider"):
            wanted = Kind.SERVICE if self.kind == "service" else Kind.PROVIDER
            named = self.text == caller.arn or (self.text == "*" and caller.kind is wanted)
            return (FORM_DIRECT, YES) if named else (FORM_NONE, NO)
        if self.kind == "canonical" and caller.account is not None:
            # A canonical id names an account, and nothing here tells which one.
            return FORM_ACCOUNT, MAYBE
        return FORM_NONE, NO

    def _as_account(self, caller: Caller, gateway: bool) -> tuple[int, int]:
        if caller.account != self.account:
            return FORM_NONE, NO
        if caller.kind is Kind.ROOT:
            return FORM_DIRECT, YES
        return (FORM_NONE, NO) if gateway else (FORM_ACCOUNT, YES)

    def _as_session(self, caller: Caller) -> tuple[int, int]:
        if self.text == caller.arn:
            return FORM_DIRECT, YES
        unnamed = caller.kind is Kind.ROLE and caller.account == self.account and caller.name == self.name
        return (FORM_DIRECT, MAYBE) if unnamed else (FORM_NONE, NO)

    def _is_role_of(self, caller: Caller) -> bool:
        if not caller.is_role or caller.account != self.account:
            return False
        # A role's name is unique in its account, so where the path is not known the name decides.
        return self.text == caller.issuer if caller.exact_issuer else self.name == caller.name


def read_grantee(map_key: str, text: str) -> Grantee | None:
    """The entry `text` under "AWS", "Service", "Federated" or "CanonicalUser"; None where AWS would not store it."""
    if map_key == "AWS":
        return _read_aws(text)
    if map_key == "Service":
        return Grantee("service", text) if text == "*" or ("." in text and ":" not in text) else None
    kind = {"Federated": "provider", "CanonicalUser": "canonical"}[map_key]
    return Grantee(kind, text) if text else None


def _read_aws(text: str) -> Grantee | None:
    if text == "*":
        return Grantee("any", text)
    if is_account(text):
        return Grantee("account", text, text)
    if text.startswith(_ID_PREFIXES) and text.isalnum() and text.isupper():
        return Grantee("dead", text)
    arn = parse_arn(text)
    if arn is None or "*" in text or "?" in text:
        return None
    kind, _, name = arn.resource.partition("/")
    if arn.service == "iam":
        return _read_entity(text, arn.account, kind, name)
    if arn.service != "sts" or not name:
        return None
    if kind == "assumed-role" and name.count("/") == 1:
        return Grantee("session", text, arn.account, name.partition("/")[0])
    return Grantee("federated", text, arn.account, name) if kind == "federated-user" else None


def _read_entity(text: str, account: str, kind: str, name: str) -> Grantee | None:
    if kind == "root" and not name:
        return Grantee("account", text, account) if is_account(account) else None
    if kind not in ("user", "role") or not name:
        return None
    # AWS's own identities (CloudFront's) have a word in place of the account.
    return Grantee(kind if is_account(account) else "other", text, account, name.rpartition("/")[2])


def reach(entries: Sequence[Grantee], caller: Caller, gateway: bool) -> tuple[tuple[int, int], ...]:
    """How a Principal element reaches the caller: the forms worth weighing, each with its certainty.

    The strongest certain form comes alone, after any stronger ones that are uncertain; empty where nobody is named.
    """
    certain = FORM_NONE
    uncertain = set()
    for entry in entries:
        form, truth = entry.form(caller, gateway)
        if truth == YES:
            certain = max(certain, form)
        elif truth == MAYBE:
            uncertain.add(form)
    forms = [(form, MAYBE) for form in sorted(uncertain) if form > certain]
    if certain:
        forms.append((certain, YES))
    return tuple(forms)


def spared(entries: Sequence[Grantee], caller: Caller) -> int:
    """Whether NotPrincipal with Deny spares the caller.

    A session is spared only where its account, its role and the session itself are all listed; anybody else where the
    principal itself is listed. A caller with a boundary is never spared: the layer that knows of it sees to that.
    """
    listed = {"any": NO, "account": NO, "role": NO, "session": NO, "itself": NO}
    for entry in entries:
        form, truth = entry.form(caller)
        kind = "account" if entry.kind == "canonical" else entry.kind
        if kind in listed:
            listed[kind] = max(listed[kind], truth)
        if form == FORM_DIRECT and kind != "any":
            listed["itself"] = max(listed["itself"], truth)
    if listed["any"] == YES:
        return YES
    if caller.kind is Kind.SESSION:
        return min(listed["account"], listed["role"], listed["session"])
    if caller.kind is Kind.ROLE:
        # The session that will call is not named, so its own entry cannot be asked for.
        return min(listed["account"], listed["role"])
    return listed["itself"]
