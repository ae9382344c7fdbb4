# SPDX-License-Identifier: GPL-3.0-or-later
"""Two questions to a bucket policy: is plain HTTP denied to everyone, and is everyone outside a perimeter denied.

Both are decided by the policy engine, for principals that may do anything else: what is not said of a request (every
other condition key that the policy asks for) is unknown, so that only a denial that holds whatever it is counts.
Whether the export itself is allowed is the iam domain's question. Sources: Amazon S3 User Guide, "Enforcing encryption
in transit" (aws:SecureTransport); AWS whitepaper "Building a Data Perimeter on AWS" (keys of identity, resource and
network perimeters).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..iam.context import UNKNOWN, ContextInput
from ..iam.engine import Outcome, Policy, PolicyError, PolicySet, Request, decide, endpoint_context, internet_context

PERIMETER_KEYS = {
    "aws:sourcevpce", "aws:sourcevpc", "aws:vpcsourceip", "aws:sourceip", "aws:principalorgid", "aws:principalorgpaths",
    "aws:principalaccount", "aws:principalarn", "aws:sourceorgid", "aws:sourceaccount", "aws:vpceaccount",
    "aws:vpceorgid", "aws:vpceorgpaths",
}  # fmt: skip
# Accounts and places of nobody: RFC 5737 keeps the address for documentation.
_SOMEONE, _STRANGER = "000000000000", "999999999999"
_OUTSIDE = "192.0.2.255"
_NAME = "edgepath-witness"
_EVERYTHING = Policy.parse(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "everything"
)
_DENIED = (Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY)


class PolicyShapeError(ValueError):
    """The document is not a policy; the message says why."""


def statements(document: Any) -> list[Mapping[str, Any]]:
    """The statements of a policy document; PolicyShapeError where it has none that can be read."""
    held = document.get("Statement") if isinstance(document, Mapping) else None
    if isinstance(held, Mapping):
        held = [held]
    if not isinstance(held, (list, tuple)) or not all(isinstance(item, Mapping) for item in held):
        raise PolicyShapeError("the policy holds no list of statements")
    return list(held)


def witnesses(bucket: str, prefix: str) -> list[tuple[str, str]]:
    """The calls that stand for the export: an action, and the ARN that it is judged on."""
    arn = f"arn:aws:s3:::{bucket}"
    return [
        ("s3:PutObject", f"{arn}/{prefix}recording"),
        ("s3:GetObject", f"{arn}/{prefix}recording"),
        ("s3:ListBucket", arn),
    ]


def plain_http_allowed(
    document: Any, bucket: str, prefix: str, account: str | None = None, role: str | None = None
) -> list[tuple[str, str]]:
    """The witnesses that somebody may get over plain HTTP; empty where TLS is enforced.

    account: the bucket's owner; role: who exports.
    """
    policy = _compiled(document)
    owner = account or _SOMEONE
    unknown: dict[str, ContextInput] = dict.fromkeys(_keys(policy), UNKNOWN)
    plain = {**unknown, "aws:SecureTransport": False, "s3:TlsVersion": None}
    callers = list(dict.fromkeys(_callers(policy, owner, role)))
    policies = PolicySet(identity=[_EVERYTHING], resource=policy)
    return [
        (action, arn)
        for action, arn in witnesses(bucket, prefix)
        if any(_outcome(policies, caller, action, arn, owner, plain) not in _DENIED for caller in callers)
    ]


def perimeters(document: Any, bucket: str, prefix: str, account: str | None = None) -> list[tuple[str, str]]:
    """The perimeters around reading: (statement, condition key) of each Deny that meets everyone outside.

    Outside a network: over the internet, and through the endpoint of a stranger. Outside an identity perimeter: a
    stranger's role, of another organisation and of none.
    """
    action, arn = witnesses(bucket, prefix)[1]
    owner = account or _SOMEONE
    found: list[tuple[str, str]] = []
    for number, item in enumerate(statements(document), start=1):
        policy = _compiled({**document, "Statement": [item]})
        (statement,) = policy.statements or (None,)
        keys = [one.shown for one in statement.conditions if one.key in PERIMETER_KEYS] if statement else []
        if not keys or statement is None or statement.allows:
            continue
        policies = PolicySet(identity=[_EVERYTHING], resource=policy)
        if any(
            all(
                _outcome(policies, caller, action, arn, owner, context) is Outcome.EXPLICIT_DENY
                for caller, context in outside
            )
            for outside in (_outside_network(owner), _outside_identity())
        ):
            found += [(statement.sid or f"statement {number}", key) for key in keys]
    return found


def _outside_network(owner: str) -> list[tuple[str, dict[str, ContextInput]]]:
    caller = f"arn:aws:iam::{owner}:role/{_NAME}"
    strange: dict[str, ContextInput] = {
        **endpoint_context(f"vpce-0{_NAME}", f"vpc-0{_NAME}", _OUTSIDE),
        "aws:VpceAccount": _STRANGER,
        "aws:VpceOrgID": "o-stranger",
        "aws:VpceOrgPaths": ["o-stranger/r-0/ou-0/"],
    }
    inside: dict[str, ContextInput] = dict.fromkeys(("aws:PrincipalOrgID", "aws:PrincipalOrgPaths"), UNKNOWN)
    return [(caller, {**inside, **way}) for way in (internet_context(_OUTSIDE), strange)]


def _outside_identity() -> list[tuple[str, dict[str, ContextInput]]]:
    caller = f"arn:aws:iam::{_STRANGER}:role/{_NAME}"
    network = ("aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp")
    unknown: dict[str, ContextInput] = dict.fromkeys(network, UNKNOWN)
    member: dict[str, ContextInput] = {
        "aws:PrincipalOrgID": "o-stranger",
        "aws:PrincipalOrgPaths": ["o-stranger/r-0/ou-0/"],
    }
    return [(caller, {**unknown, **organisation}) for organisation in (member, {})]


def _compiled(document: Any) -> Policy:
    # The empty list stands for no policy at all, which AWS does not store as one.
    if not statements(document):
        return Policy("bucket policy", "2012-10-17", ())
    try:
        policy = Policy.parse(document, "bucket policy", lenient=True)
        PolicySet(resource=policy)
    except PolicyError as error:
        raise PolicyShapeError(str(error)) from None
    return policy


def _keys(policy: Policy) -> Iterator[str]:
    """The context keys that the policy asks for, by condition or by variable."""
    for statement in policy.statements:
        yield from (condition.key for condition in statement.conditions)
        yield from (variable.key for template in statement.resources.dynamic for variable in template.variables)


def _callers(policy: Policy, owner: str, role: str | None) -> Iterator[str]:
    """Who might be let in: somebody of the bucket's own account, who exports, a stranger, nobody, and those named."""
    yield f"arn:aws:iam::{owner}:role/{_NAME}"
    if role is not None:
        yield role
    yield f"arn:aws:iam::{_STRANGER}:role/{_NAME}"
    yield "*"
    for statement in policy.statements:
        entries: Sequence[Any] = (*(statement.grantees or ()), *(statement.not_grantees or ()))
        for entry in entries:
            if entry.kind in ("role", "user", "session", "service"):
                yield entry.text
            elif entry.kind == "account" and entry.account:
                yield f"arn:aws:iam::{entry.account}:role/{_NAME}"


def _outcome(
    policies: PolicySet, caller: str, action: str, arn: str, owner: str, context: Mapping[str, ContextInput]
) -> Outcome:
    return decide(Request(caller, action, arn, owner, context), policies).outcome
