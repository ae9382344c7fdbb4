# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service decides by itself, whatever the policies say: what AWS reserves, and what needs no permission. Pure.

Sources: AWS STS API Reference, GetCallerIdentity (no permission is needed, and an explicit deny has no effect); AWS IAM
User Guide, "Managed policies and inline policies" (AWS managed policies cannot be changed); AWS IAM Identity Center
User Guide, "Permission sets" (the roles below aws-reserved are its own); AWS KMS Developer Guide, "Aliases"
(alias/aws/ is AWS's).
"""

from __future__ import annotations

import re
from dataclasses import replace

from .decision import Decision, Outcome

ALWAYS = frozenset({"sts:getcalleridentity"})
# Only these services have something reserved: all other requests are not looked at.
SERVICES = ("iam:", "kms:", "sts:")

_CHANGES = re.compile(r"iam:(?:add|attach|create|delete|detach|pass|put|remove|set|tag|untag|update)[a-z]*\Z")
_AWS_POLICY = re.compile(r"arn:[^:]+:iam::aws:policy/.+", re.DOTALL)
_RESERVED_ROLE = re.compile(r"arn:[^:]+:iam::[^:]*:role/aws-reserved/.+", re.DOTALL | re.IGNORECASE)
_AWS_ALIAS = re.compile(r"arn:[^:]+:kms:[^:]*:[^:]*:alias/aws/.+", re.DOTALL)
_ALIAS_CHANGES = frozenset({"kms:createalias", "kms:deletealias", "kms:updatealias"})


def settle(decision: Decision, action: str) -> Decision:
    """The decision as the service takes it. action: in lower case. An explicit deny of a reserved thing stays one."""
    if action in ALWAYS:
        return replace(
            decision, outcome=Outcome.ALLOW, layer="service", statement=None, flips=(), detail="it needs no permission"
        )
    why = _reserved(action, decision.resource)
    if why is None or decision.outcome in (Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY):
        return decision
    return replace(
        decision, outcome=Outcome.IMPLICIT_DENY, layer="service", statement=None, passed=(), flips=(), detail=why
    )


def _reserved(action: str, resource: str) -> str | None:
    if action in _ALIAS_CHANGES:
        return "AWS keeps the aliases below alias/aws/ itself" if _AWS_ALIAS.match(resource) else None
    if _CHANGES.match(action) is None:
        return None
    if _AWS_POLICY.match(resource):
        return "nobody can change a policy that AWS manages"
    return "the roles below aws-reserved belong to AWS" if _RESERVED_ROLE.match(resource) else None
