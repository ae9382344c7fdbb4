# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks: the principal of a request, in any form AWS names it, and the context keys that follow from it.

Source: AWS IAM User Guide, "Principal", "Principal key values", "AWS global condition context keys".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .arn import Arn, is_account, parse_arn
from .context import PRESENT, ContextValue
from .errors import RequestError


class Kind(enum.Enum):
    """The kinds of principal. ROLE is a role of which no session is named: it stands for any of its sessions."""

    USER = "user"
    ROLE = "role"
    SESSION = "session"
    FEDERATED = "federated user"
    ROOT = "root"
    SERVICE = "service"
    PROVIDER = "identity provider"
    ANONYMOUS = "anonymous"


# These identity providers are named by domain, as a service principal is.
_WEB_PROVIDERS = frozenset(
    {"cognito-identity.amazonaws.com", "accounts.google.com", "graph.facebook.com", "www.amazon.com"}
)
_TYPES = {
    Kind.USER: "User",
    Kind.ROLE: "AssumedRole",
    Kind.SESSION: "AssumedRole",
    Kind.FEDERATED: "FederatedUser",
    Kind.ROOT: "Account",
    Kind.ANONYMOUS: "Anonymous",
}


@dataclass(frozen=True, eq=False)
class Caller:
    """The principal of a request.

    `arn` is its text as given; `account` its account id, None for anonymous, service and provider; `name` the user,
    role or federated name; `issuer` the ARN behind a session (the role, or the user who federated); `exact_issuer` says
    that the issuer was given and not guessed, so its path is known; `derived` the context keys that follow.
    """

    kind: Kind
    arn: str
    account: str | None
    name: str
    issuer: str | None
    exact_issuer: bool
    service_linked: bool
    derived: Mapping[str, ContextValue]

    @property
    def is_role(self) -> bool:
        """Whether a role's permissions are used."""
        return self.kind in (Kind.ROLE, Kind.SESSION)


ANONYMOUS = Caller(
    Kind.ANONYMOUS,
    "*",
    None,
    "",
    None,
    False,
    False,
    {"aws:principaltype": ("Anonymous",), "aws:userid": ("anonymous",)},
)


@lru_cache(maxsize=4096)
def parse_principal(text: str, issuer: str | None = None) -> Caller:
    """Read a principal.

    text: an ARN (user, role, assumed-role session, federated user, root, SAML or OIDC provider), an account id (its
    root user), a service such as "lambda.amazonaws.com", or "*" for an anonymous request.
    issuer: for a session, the ARN of the role with its path; for a federated user, the ARN of the user who federated.
    Without it the path is taken to be "/", and the federating user to have the federated name.
    Raises RequestError.
    """
    if text == "*":
        return ANONYMOUS
    if is_account(text):
        text = f"arn:aws:iam::{text}:root"
    arn = parse_arn(text)
    if arn is None:
        return _domain(text)
    kind, _, name = arn.resource.partition("/")
    if arn.service == "iam" and kind in ("saml-provider", "oidc-provider") and name:
        return Caller(Kind.PROVIDER, text, None, name, None, False, False, {"aws:federatedprovider": (text,)})
    if not is_account(arn.account):
        raise RequestError(f"principal {text}: the account {arn.account!r} is not twelve digits")
    if arn.service == "iam":
        return _entity(text, arn, kind, name)
    if arn.service == "sts" and kind == "assumed-role":
        return _session(text, arn, name, issuer)
    if arn.service == "sts" and kind == "federated-user" and name:
        behind = issuer or f"arn:{arn.partition}:iam::{arn.account}:user/{name}"
        derived = _derive(Kind.FEDERATED, arn.account, text)
        derived["aws:userid"] = (f"{arn.account}:{name}",)
        derived["aws:tokenissuetime"] = PRESENT
        return Caller(Kind.FEDERATED, text, arn.account, name, behind, issuer is not None, False, derived)
    raise RequestError(
        f"principal {text}: not a user, role, assumed-role session, federated user, root, identity provider or *"
    )


def _domain(text: str) -> Caller:
    if "." not in text or any(char in text for char in ":/*? \t\n"):
        raise RequestError(f"principal {text[:200]!r}: neither an ARN, an account id, a service name nor *")
    if text in _WEB_PROVIDERS or ".amazonaws.com" not in text:
        return Caller(Kind.PROVIDER, text, None, text, None, False, False, {"aws:federatedprovider": (text,)})
    derived: dict[str, ContextValue] = {
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (text,),
        "aws:principalservicenameslist": (text,),
    }
    return Caller(Kind.SERVICE, text, None, text, None, False, False, derived)


def _entity(text: str, arn: Arn, kind: str, name: str) -> Caller:
    if arn.resource == "root":
        derived = _derive(Kind.ROOT, arn.account, text)
        derived["aws:userid"] = (arn.account,)
        return Caller(Kind.ROOT, text, arn.account, "root", None, False, False, derived)
    friendly = name.rpartition("/")[2]
    if not friendly or kind not in ("user", "role"):
        raise RequestError(f"principal {text}: an IAM principal is user/NAME, role/NAME or root")
    if kind == "user":
        derived = _derive(Kind.USER, arn.account, text)
        derived["aws:username"] = (friendly,)
        return Caller(Kind.USER, text, arn.account, friendly, None, False, False, derived)
    derived = _derive(Kind.ROLE, arn.account, text)
    derived["aws:tokenissuetime"] = PRESENT
    return Caller(Kind.ROLE, text, arn.account, friendly, text, True, _is_service_linked(text), derived)


def _session(text: str, arn: Arn, name: str, issuer: str | None) -> Caller:
    role, _, session = name.partition("/")
    if not role or not session:
        raise RequestError(f"principal {text}: an assumed-role session is assumed-role/ROLE/SESSION")
    behind = issuer or f"arn:{arn.partition}:iam::{arn.account}:role/{role}"
    if behind.rpartition("/")[2] != role:
        raise RequestError(f"principal {text}: its issuer {behind} is another role")
    derived = _derive(Kind.SESSION, arn.account, behind)
    derived["aws:tokenissuetime"] = PRESENT
    linked = _is_service_linked(behind)
    return Caller(Kind.SESSION, text, arn.account, role, behind, issuer is not None, linked, derived)


def _derive(kind: Kind, account: str, principal_arn: str) -> dict[str, ContextValue]:
    return {
        "aws:principalarn": (principal_arn,),
        "aws:principalaccount": (account,),
        "aws:principaltype": (_TYPES[kind],),
        "aws:principalisawsservice": ("false",),
        # Every signed request has one; its value is an id that the ARN does not show.
        "aws:userid": PRESENT,
    }


def _is_service_linked(role: str) -> bool:
    """The path is reserved for service-linked roles; a session ARN shows only the name, which always begins alike."""
    resource = role.split(":", 5)[5]
    return resource.startswith(("role/aws-service-role/", "role/AWSServiceRoleFor"))
