# SPDX-License-Identifier: GPL-3.0-or-later
"""Short ways to write the policies and requests of the IAM tests."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.edge.iam.engine import Decision, Policy, PolicySet, Request, decide

HOME = "111122223333"
OTHER = "444455556666"
BUCKET = "arn:aws:s3:::recordings"
OBJECT = f"{BUCKET}/2026/a.wav"
USER = f"arn:aws:iam::{HOME}:user/teams/dana"
ROLE = f"arn:aws:iam::{HOME}:role/Export"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/Export/i-0abc"
FEDERATED = f"arn:aws:sts::{HOME}:federated-user/dana"
ROOT = f"arn:aws:iam::{HOME}:root"
KEY = f"arn:aws:kms:eu-west-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
GET = "s3:GetObject"


def statement(effect: str, action: Any = GET, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement; `principal=` and `condition=` become its elements, other names are taken as they are."""
    body: dict[str, Any] = {"Effect": effect, "Action": action, "Resource": resource}
    for name, value in more.items():
        body[{"principal": "Principal", "not_principal": "NotPrincipal", "condition": "Condition"}.get(name, name)] = (
            value
        )
    return {name: value for name, value in body.items() if value is not None}


def allow(action: Any = GET, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """An Allow statement."""
    return statement("Allow", action, resource, **more)


def deny(action: Any = GET, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A Deny statement."""
    return statement("Deny", action, resource, **more)


def policy(*statements: dict[str, Any], name: str = "policy", version: str = "2012-10-17") -> Policy:
    """A parsed policy of these statements."""
    return Policy.parse({"Version": version, "Statement": list(statements)}, name)


def ask(
    principal: str = SESSION,
    action: str = GET,
    on: str = OBJECT,
    owner: str | None = HOME,
    context: dict[str, Any] | None = None,
    issuer: str | None = None,
    **layers: Any,
) -> Decision:
    """Decide one request on the resource `on` against these layers of a PolicySet."""
    return decide(Request(principal, action, on, owner, context or {}, issuer), PolicySet(**layers))


def outcome(*arguments: Any, **layers: Any) -> str:
    """As `ask`, the outcome alone."""
    return str(ask(*arguments, **layers).outcome)
