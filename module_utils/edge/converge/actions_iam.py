# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of the domain iam are applied. Pure.

A statement is put into the document as it stands, beside those of others, and the policy engine is asked again before
(see proving.py). Source: AWS IAM User Guide, "IAM and AWS STS quotas"; Amazon S3 User Guide, "Bucket policies"; AWS KMS
Developer Guide, "Resource quotas"; AWS PrivateLink Guide, "Control access using endpoint policies".
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from ..targets import Edge
from . import proving
from .asked import cloud, need, there
from .cloud import documents
from .cloud.documents import Document, listed
from .model import Action, Ref, Refused, State

Fix = Mapping[str, Any]
States = Mapping[str, State]

# Characters of a document, without white space for those of IAM.
INLINE_ROLE, INLINE_USER, MANAGED, TRUST = 10_240, 2_048, 6_144, 2_048
BUCKET, ENDPOINT, KEY = 20_480, 20_480, 32_768
_LIMITS = {
    "managed_policy": MANAGED,
    "trust_policy": TRUST,
    "bucket_policy": BUCKET,
    "endpoint_policy": ENDPOINT,
    "key_policy": KEY,
}
_CALLER = cloud("caller", "caller")
_TAKES = "it takes permissions away that other programs, or other roles with this policy, may use"
_LAYERS = {
    "grant_identity_statement": "identity",
    "grant_boundary_statement": "boundary",
    "grant_bucket_statement": "resource",
    "grant_endpoint_statement": "endpoint",
    "grant_key_statement": "key_policy",
}


def _layer(fix: Fix) -> str:
    return _LAYERS.get(str(fix.get("action"))) or str(need(fix, "layer"))


def target(fix: Fix) -> Ref:
    """The object that holds the document of a fix."""
    layer = _layer(fix)
    if layer in ("identity", "boundary"):
        arn = fix.get("policy_arn")
        if arn is None and layer == "boundary":
            arn = need(fix, "policy_arn")
        if arn is None:
            return cloud("inline_policy", f"{need(fix, 'principal')}/{need(fix, 'policy')}")
        if ":iam::aws:" in str(arn):
            raise Refused(f"{arn} belongs to AWS, nobody else can change it: attach another policy by hand")
        return cloud("managed_policy", arn)
    kind, name = {
        "resource": ("bucket_policy", "bucket"),
        "endpoint": ("endpoint_policy", "endpoint"),
        "key_policy": ("key_policy", "key"),
    }[layer]
    return cloud(kind, need(fix, name))


def _refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    ref = target(fix)
    if ref.kind == "inline_policy":
        return [ref, cloud("inline_policy_sizes", need(fix, "principal"))]
    return [ref, _CALLER] if ref.kind in ("bucket_policy", "key_policy") else [ref]


def _proved(fix: Fix) -> None:
    """The audit's own proof; the engine had all layers and all calls before it there."""
    proof = need(fix, "proof")
    if proof.get("caller") == "locked out":
        raise Refused(f"{need(fix, 'policy')} would lock out the one who changes it; make this change by hand")
    if proof.get("adds"):
        first = proof["adds"][0]
        raise Refused(f"the change would also allow {first.get('action')} on {first.get('on')}; make it by hand")
    if not proof.get("proven"):
        open_calls = [call for call, state in (proof.get("calls") or {}).items() if state != "allowed"]
        raise Refused(f"the policy engine could not prove that {', '.join(open_calls) or 'the calls'} would be allowed")


def _fitting(ref: Ref, document: Document, states: States, fix: Fix) -> Document:
    if ref.kind != "inline_policy":
        return documents.limited(document, _LIMITS[ref.kind], f"{ref.kind} {ref.name}")
    sizes = states[cloud("inline_policy_sizes", fix["principal"]).key] or {}
    spent = sum(size for name, size in sizes.items() if name != fix["policy"])
    most = INLINE_USER if ":user/" in str(fix["principal"]) else INLINE_ROLE
    what = f"the inline policies of {fix['principal']}"
    return documents.limited(document, most, what, spent)


def _keep_caller(ref: Ref, before: Document | None, after: Document, states: States) -> None:
    if ref.kind == "bucket_policy":
        asks = [(action, f"arn:aws:s3:::{ref.name}") for action in ("s3:PutBucketPolicy", "s3:GetBucketPolicy")]
        proving.keeps(states[_CALLER.key], "resource", "the bucket policy", before, after, asks)
    elif ref.kind == "key_policy":
        proving.keeps(
            states[_CALLER.key], "key_policy", "the key policy", before, after, [("kms:PutKeyPolicy", ref.name)]
        )


def _grant(_edge: Edge, fix: Fix, states: States) -> States:
    ref, layer, statement = target(fix), _layer(fix), need(fix, "statement")
    present = states[ref.key]
    if ref.kind in ("managed_policy", "endpoint_policy", "key_policy"):
        # An endpoint without a policy lets everything through; one with our statement alone would not.
        there(present, ref)
    _proved(fix)
    name = str(need(fix, "policy"))
    asked = proving.samples(statement, str(need(fix, "principal")), fix.get("key"))
    context = proving.context_of(statement)
    if not proving.grant_is_needed(layer, name, present, asked, context):
        return {ref.key: present}
    wanted = documents.with_statement(present, statement)
    proving.check_grant(layer, name, present, wanted, asked, context)
    _keep_caller(ref, present, wanted, states)
    return {ref.key: _fitting(ref, wanted, states, fix)}


# Exceptions from a Deny.


def _except(_edge: Edge, fix: Fix, states: States) -> States:
    ref, layer = target(fix), _layer(fix)
    present = there(states[ref.key], ref)
    _proved(fix)
    given, value = documents.statement(need(fix, "statement")), str(need(fix, "excepts"))
    index = _same_statement(present["Statement"], given, fix)
    wanted: Document = copy.deepcopy(present)
    own = _add_value(wanted["Statement"][index], given, value)
    if wanted == present:
        return {ref.key: present}
    asked = proving.samples(given, str(need(fix, "principal")), fix.get("key"))
    proving.check_exception(layer, str(fix["policy"]), present, wanted, asked, own)
    _keep_caller(ref, present, wanted, states)
    return {ref.key: _fitting(ref, wanted, states, fix)}


def _same_statement(held: Sequence[Mapping[str, Any]], given: Mapping[str, Any], fix: Fix) -> int:
    """Where the audited statement stands now: it may have moved, but must say the same but for its conditions."""
    said = {name: value for name, value in given.items() if name != "Condition"}
    for index, item in enumerate(held):
        if {name: value for name, value in item.items() if name != "Condition"} == said and "Condition" in item:
            return index
    name = given.get("Sid") or f"number {fix.get('index')}"
    raise Refused(f"statement {name} of {fix.get('policy')} has changed since the audit; audit again")


def _add_value(item: dict[str, Any], given: Mapping[str, Any], value: str) -> dict[str, Any]:
    """Puts the excepted value where the fix has it; returns {condition key: value}."""
    own: dict[str, Any] = {}
    for operator, tests in given["Condition"].items():
        for key, values in tests.items():
            if value not in listed(values):
                continue
            held = item["Condition"].setdefault(operator, {}).get(key)
            item["Condition"][operator][key] = _sorted([*([] if held is None else listed(held)), value])
            if key.lower() != "aws:principalarn":
                own[key] = value
    return own


def _sorted(values: Sequence[str]) -> Any:
    found = sorted(set(values))
    return found[0] if len(found) == 1 else found


# A statement that allows more than the export needs.


def _narrow(_edge: Edge, fix: Fix, states: States) -> States:
    """Puts the narrow statement into the wide one's place; takes the wide one out where none is needed."""
    ref = target(fix)
    present = there(states[ref.key], ref)
    _proved(fix)
    wide = documents.statement(need(fix, "taken"))
    new = [documents.statement(fix["statement"])] if fix.get("statement") else []
    held = present["Statement"]
    if wide not in held:
        if all(item in held for item in new):
            return {ref.key: present}
        name = wide.get("Sid") or f"number {fix.get('index')}"
        raise Refused(f"statement {name} of {fix.get('policy')} has changed since the audit; audit again")
    at = held.index(wide)
    wanted = {**present, "Statement": [*held[:at], *new, *held[at + 1 :]]}
    if not wanted["Statement"]:
        raise Refused(f"nothing would be left of {ref.kind} {ref.name}: remove it by hand if nobody needs it")
    _keep_caller(ref, present, wanted, states)
    return {ref.key: _fitting(ref, wanted, states, fix)}


# Principals that were deleted.


def _dead_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    return [*dict.fromkeys(_dead_target(fix, str(item.get("policy"))) for item in need(fix, "principals")), _CALLER]


def _dead_target(fix: Fix, policy: str) -> Ref:
    if policy.startswith("endpoint "):
        return cloud("endpoint_policy", policy.partition(" ")[2])
    places = {
        "bucket policy": ("bucket_policy", "bucket"),
        "key policy": ("key_policy", "key"),
        "trust policy": ("trust_policy", "role"),
    }
    if policy not in places:
        raise Refused(f"{policy} is no policy that a program of ours changes: make this change by hand")
    kind, name = places[policy]
    return cloud(kind, need(fix, name))


def _remove_dead(edge: Edge, fix: Fix, states: States) -> States:
    wanted: dict[str, State] = {}
    for ref in _dead_refs(edge, fix)[:-1]:
        dead = {str(item["id"]) for item in fix["principals"] if _dead_target(fix, str(item["policy"])) == ref}
        present = there(states[ref.key], ref)
        left = [item for item in (_alive(item, dead) for item in present["Statement"]) if item is not None]
        if not left:
            raise Refused(f"nothing would be left of {ref.kind} {ref.name}: remove it by hand if nobody needs it")
        wanted[ref.key] = {**present, "Statement": left}
        _keep_caller(ref, present, wanted[ref.key], states)
    return wanted


def _alive(item: Mapping[str, Any], dead: set[str]) -> Mapping[str, Any] | None:
    """A statement without the dead; None where it was about nobody else."""
    if dead & _named(item.get("NotPrincipal")):
        raise Refused("a deleted principal stands in a NotPrincipal, where taking it out changes who is meant")
    if not dead & _named(item.get("Principal")):
        return item
    held = {kind: [who for who in listed(value) if who not in dead] for kind, value in item["Principal"].items()}
    left = {kind: _sorted(value) for kind, value in held.items() if value}
    return {**item, "Principal": left} if left else None


def _named(principal: Any) -> set[str]:
    if not isinstance(principal, Mapping):
        return set()
    return {str(who) for value in principal.values() for who in listed(value)}


# The role itself.


def _trust_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    return [cloud("trust_policy", need(fix, "role"))]


def _allow_assume(edge: Edge, fix: Fix, states: States) -> States:
    (ref,) = _trust_refs(edge, fix)
    wanted = documents.with_statement(there(states[ref.key], ref), need(fix, "statement"))
    return {ref.key: _fitting(ref, wanted, states, fix)}


def _session_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    return [cloud("max_session_duration", need(fix, "role"))]


def _longer_sessions(edge: Edge, fix: Fix, states: States) -> States:
    (ref,) = _session_refs(edge, fix)
    return {ref.key: max(int(there(states[ref.key], ref)), int(need(fix, "seconds")))}


ACTIONS: tuple[Action, ...] = (
    Action("grant_identity_statement", _refs, _grant),
    Action(
        "grant_boundary_statement",
        _refs,
        _grant,
        consent="a permission boundary bounds every role that it is attached to, not this one alone",
    ),
    Action("grant_bucket_statement", _refs, _grant),
    Action("grant_endpoint_statement", _refs, _grant),
    Action("grant_key_statement", _refs, _grant),
    Action("except_from_deny", _refs, _except),
    Action("narrow_statement", _refs, _narrow, consent=_TAKES),
    Action("remove_statement", _refs, _narrow, consent=_TAKES),
    Action("remove_dead_principals", _dead_refs, _remove_dead),
    Action("allow_assume_role", _trust_refs, _allow_assume),
    Action("set_max_session_duration", _session_refs, _longer_sessions),
    # On the node: remove_static_keys.
)
