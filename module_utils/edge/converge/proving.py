# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of a policy put before the policy engine with the document as it stands now, before it is made. Pure.

The audit has proved a fix against all layers. Between audit and change somebody may have edited the very document, so
that one layer is asked again: the change must let the calls through, and nothing else, and not lock out who makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..iam.arn import parse_arn
from ..iam.context import ContextInput
from ..iam.decision import Outcome
from ..iam.documents import Documents, Named
from ..iam.engine import Request, RequestError, decide
from ..iam.network import UNKNOWN_KEYS
from .cloud.documents import Document, listed
from .model import Refused

_EVERYTHING = Named(
    "everything", {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
_DENIES = (Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY)
_WITNESS = "edgepath-witness"
# For a bucket of another account its policy must allow as well, so that the policy alone decides.
_ELSEWHERE = "000000000000"
# What no statement of an export allows: if a change allowed one of them, it would allow too much.
_NEVER = (
    "s3:DeleteBucket", "s3:PutBucketPolicy", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention",
    "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion",
)  # fmt: skip
_STRANGER_SEES: dict[str, ContextInput] = {
    "aws:SecureTransport": True,
    "aws:SourceVpce": "vpce-0edgepathstranger",
    "aws:SourceVpc": "vpc-0edgepathstranger",
    "aws:SourceIp": "203.0.113.77",
}

Asked = tuple[str, str, str]  # principal, action, resource


def stranger(principal: str) -> str:
    """Another role of the same account."""
    return ":".join([*principal.split(":")[:5], f"role/{_WITNESS}"])


def samples(statement: Mapping[str, Any], principal: str, key: str | None) -> list[Asked]:
    """Requests that a statement is about: each action on a thing that its resources match."""
    resources = [_sample(str(item), key) for item in listed(statement.get("Resource", "*"))]
    if any("*" in str(action) for action in listed(statement["Action"])):
        raise Refused("the statement would also allow actions that nobody has named; make this change by hand")
    return [(principal, str(action), item) for action in listed(statement["Action"]) for item in resources]


def _sample(pattern: str, key: str | None) -> str:
    if pattern == "*" and key is not None:
        return key
    return pattern.replace("*", _WITNESS).replace("?", "x")


def _beyond(asked: Iterable[Asked]) -> Iterator[Asked]:
    """What a statement about these must leave as it was."""
    for principal, action, resource in asked:
        yield stranger(principal), action, resource
        if resource.startswith("arn:aws:s3:::"):
            bucket, slash, _ = resource[len("arn:aws:s3:::") :].partition("/")
            yield principal, action, f"arn:aws:s3:::{bucket}-{_WITNESS}{slash}{_WITNESS if slash else ''}"
        for other in _NEVER:
            if other.split(":")[0] == action.split(":")[0] and other != action:
                yield principal, other, resource


def _documents(layer: str, name: str, document: Document | None, account: str) -> Documents:
    held = () if document is None else (Named(name, document),)
    if layer == "key_policy":
        return Documents(key_policy=held)
    # A key whose policy leaves it to the account, so that the account's own policies decide.
    root = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
    key = Named("key policy", {"Version": "2012-10-17", "Statement": root})
    return Documents(identity=(_EVERYTHING,), key_policy=(key,)).put(layer, held)


def outcome(
    layer: str, name: str, document: Document | None, asked: Asked, context: Mapping[str, ContextInput]
) -> Outcome:
    """What one layer alone says of a request. Refused where the engine cannot be asked."""
    principal, action, resource = asked
    own = parse_arn(principal)
    owner = _ELSEWHERE if layer == "resource" else own.account if own is not None else None
    try:
        request = Request(principal, action, resource, owner, context)
        account = own.account if own is not None else _ELSEWHERE
        return decide(request, _documents(layer, name, document, account).compile()).outcome
    except RequestError as error:
        raise Refused(f"the policy engine cannot decide {action} on {resource}: {error}") from None


def context_of(statement: Mapping[str, Any]) -> dict[str, ContextInput]:
    """What the edge's own requests carry: TLS, what the statement asks for, and an origin that is not known here."""
    known: dict[str, ContextInput] = {}
    block = statement.get("Condition")
    for operator, tests in block.items() if isinstance(block, Mapping) else ():
        if not str(operator).startswith(("StringEquals", "ArnEquals")):
            continue
        known.update({key: listed(value)[0] for key, value in tests.items() if key.lower() != "aws:principalarn"})
    return _seen(known)


def _seen(known: Mapping[str, ContextInput]) -> dict[str, ContextInput]:
    """A request with TLS that carries what is known, and of whose origin nothing else is."""
    told = {key.lower() for key in known}
    unknown = {key: value for key, value in UNKNOWN_KEYS.items() if key.lower() not in told}
    return {"aws:SecureTransport": True, **unknown, **known}


def grant_is_needed(layer: str, name: str, document: Document | None, asked: Iterable[Asked], context: Any) -> bool:
    """Whether the document as it stands leaves one of the requests without its allowance."""
    return any(outcome(layer, name, document, each, context) is not Outcome.ALLOW for each in asked)


def check_grant(
    layer: str, name: str, before: Document | None, after: Document, asked: list[Asked], context: Any
) -> None:
    """Refused where the change does not let the requests through, or lets others through."""
    for each in asked:
        if outcome(layer, name, after, each, context) in _DENIES:
            raise Refused(
                f"{name} has changed since the audit: even with the statement it does not let {each[1]} on {each[2]} "
                "through; audit again"
            )
    for each in _beyond(asked):
        was, would = (outcome(layer, name, document, each, context) for document in (before, after))
        # A policy of the role itself, or its boundary, says nothing of others.
        about_others = each[0] != asked[0][0] and layer in ("identity", "boundary")
        if was in _DENIES and would not in _DENIES and not about_others:
            raise Refused(f"the change of {name} would also allow {each[1]} on {each[2]} to {each[0]}")


def check_exception(
    layer: str, name: str, before: Document, after: Document, asked: list[Asked], own: Mapping[str, ContextInput]
) -> None:
    """Refused where the denial stays for the edge, or falls for strangers."""
    context = _seen(own)
    for each in asked:
        if outcome(layer, name, after, each, context) is Outcome.EXPLICIT_DENY:
            raise Refused(f"{name} denies {each[1]} on {each[2]} even with the exception; audit again")
        other = (stranger(each[0]), each[1], each[2])
        was, would = (outcome(layer, name, document, other, _STRANGER_SEES) for document in (before, after))
        if was is Outcome.EXPLICIT_DENY and would is not Outcome.EXPLICIT_DENY:
            raise Refused(f"the exception in {name} would let strangers through as well")


def keeps(
    caller: Mapping[str, Any] | None,
    layer: str,
    name: str,
    before: Document | None,
    after: Document,
    asks: Iterable[tuple[str, str]],
) -> None:
    """Refused where whoever converges could change the policy before, and could not afterwards."""
    if caller is None:
        return
    context = _seen({})
    for action, resource in asks:
        found = []
        for document in (before, after):
            policies = Documents(identity=(_EVERYTHING,)).put(
                layer, () if document is None else (Named(name, document),)
            )
            try:
                request = Request(str(caller["arn"]), action, resource, str(caller["account"]), context)
                found.append(decide(request, policies.compile()).outcome)
            except RequestError:
                return
        if found[0] not in _DENIES and found[1] in _DENIES:
            raise Refused(f"the change of {name} would take {action} from {caller['arn']}, who makes it")
