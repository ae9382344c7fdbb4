# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of the domain bucket are applied. Pure.

What cannot be undone, or takes something from others, needs the operator's word (consent); what only a person can
decide is told, never done (manual). Source: Amazon S3 User Guide (quotas: 1,000 lifecycle rules, 20 KB of policy).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from ..bucket.policy import perimeters
from ..targets import Edge
from . import proving
from .asked import cloud, from_profile, need, there
from .cloud import documents
from .model import Action, Desired, Ref, Refs, Refused, State

Fix = Mapping[str, Any]
States = Mapping[str, State]

BUCKET_POLICY = 20_480
LIFECYCLE_RULES = 1_000
_CALLER = cloud("caller", "caller")


def _of(*kinds: str) -> Refs:
    def refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
        return [cloud(kind, need(fix, "bucket")) for kind in kinds]

    return refs


def _key(kind: str, fix: Fix) -> str:
    return cloud(kind, fix["bucket"]).key


# Versions, locks and holds.


def _versioned(fix: Fix, states: States) -> dict[str, State]:
    ref = cloud("bucket_versioning", fix["bucket"])
    held = there(states[ref.key], ref)
    if held["status"] == "Enabled":
        return {ref.key: held}
    if held["mfa_delete"] == "Enabled":
        raise Refused(f"versioning of {ref.name} is under MFA delete: the root user changes it with the MFA device")
    return {ref.key: {**held, "status": "Enabled"}}


def _versioning(_edge: Edge, fix: Fix, states: States) -> States:
    return _versioned(fix, states)


def _lock(_edge: Edge, fix: Fix, states: States) -> States:
    key = _key("object_lock", fix)
    return {**_versioned(fix, states), key: {**states[key], "enabled": True}}


def _retention(edge: Edge, fix: Fix, states: States) -> States:
    key = _key("object_lock", fix)
    if not states[key]["enabled"]:
        raise Refused(f"object lock of {fix['bucket']} is not enabled: enable_object_lock comes first")
    if states[key]["mode"]:
        return {key: states[key]}
    why = "how long recordings are to be kept, and how strictly, is the operator's to say"
    mode, days = str(from_profile(edge, "retention_mode", why)).upper(), from_profile(edge, "retention_days", why)
    if mode not in ("GOVERNANCE", "COMPLIANCE") or not str(days).isdigit():
        raise Refused("edge_profile: retention_mode is GOVERNANCE or COMPLIANCE, retention_days a number")
    return {key: {**states[key], "mode": mode, "days": int(days), "years": None}}


def _hold_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    bucket = need(fix, "bucket")
    holds = [cloud("object_legal_hold", f"{bucket}/{key}") for key in need(fix, "keys")]
    return [cloud("object_lock", bucket), *holds]


def _hold(edge: Edge, fix: Fix, states: States) -> States:
    lock, *holds = _hold_refs(edge, fix)
    if not states[lock.key]["enabled"]:
        raise Refused(f"object lock of {lock.name} is not enabled: enable_object_lock comes first")
    return {ref.key: True for ref in holds}


# Lifecycle.

# What a rule does, by the action that is to leave recordings alone. The fix names the elements that do the harm.
_ELEMENTS = {
    "exclude_from_expiration": ("Expiration", "NoncurrentVersionExpiration"),
    "exclude_from_archiving": ("Transitions", "NoncurrentVersionTransitions"),
}
_ACTS = (*_ELEMENTS["exclude_from_expiration"], *_ELEMENTS["exclude_from_archiving"], "AbortIncompleteMultipartUpload")


def rule_prefix(rule: Mapping[str, Any]) -> str:
    """The prefix that a lifecycle rule acts below, wherever it stands."""
    chosen = rule.get("Filter") or {}
    return str((chosen.get("And") or {}).get("Prefix") or chosen.get("Prefix") or rule.get("Prefix") or "")


def _rule_id(rule: Mapping[str, Any]) -> str:
    return str(rule.get("ID"))


def _lifecycle(state: State, rules: Sequence[Mapping[str, Any]]) -> State:
    if len(rules) > LIFECYCLE_RULES:
        raise Refused(f"the lifecycle would have {len(rules)} rules, and S3 takes {LIFECYCLE_RULES}")
    return {**(state or {}), "Rules": sorted((dict(rule) for rule in rules), key=_rule_id)}


def _exclude(_edge: Edge, fix: Fix, states: States) -> States:
    """Takes out of a rule what would harm recordings; a rule that does nothing else is switched off.

    A rule that also acts elsewhere is left: S3 knows no filter that leaves a prefix out.
    """
    ref = cloud("bucket_lifecycle", fix["bucket"])
    state, names = states[ref.key], set(need(fix, "rules"))
    elements = set(fix.get("elements") or _ELEMENTS[fix["action"]])
    prefix = str(fix.get("prefix") or "")
    if state is None:
        return {ref.key: None}
    rules = [_excluded(rule, elements, prefix) if _rule_id(rule) in names else rule for rule in state["Rules"]]
    return {ref.key: _lifecycle(state, rules)}


def _excluded(rule: Mapping[str, Any], elements: set[str], prefix: str) -> Mapping[str, Any]:
    if rule.get("Status") != "Enabled" or not elements & set(rule):
        return rule
    if not rule_prefix(rule).startswith(prefix):
        raise Refused(
            f"lifecycle rule {_rule_id(rule)} acts on more than {prefix}, and S3 has no filter that leaves a prefix "
            "out: write it anew for the other prefixes by hand"
        )
    left = {name: value for name, value in rule.items() if name not in elements}
    return left if any(name in left for name in _ACTS) else {**rule, "Status": "Disabled"}


def _abort_id(prefix: str) -> str:
    return f"edgepath: abort unfinished uploads below {prefix or 'the bucket'}"[:255]


def _abort(_edge: Edge, fix: Fix, states: States) -> States:
    ref = cloud("bucket_lifecycle", fix["bucket"])
    state, days, named = states[ref.key], int(need(fix, "days")), set(fix.get("rules") or ())
    rules = list((state or {}).get("Rules") or ())
    if named:
        return {ref.key: state if state is None else _lifecycle(state, [_longer(rule, named, days) for rule in rules])}
    prefix = str(fix.get("prefix") or "")
    if any(_rule_id(rule) == _abort_id(prefix) and rule.get("Status") == "Enabled" for rule in rules):
        return {ref.key: state}
    # One configuration speaks one language: rules with a Prefix of the first edition, or rules with a Filter.
    first_edition = any("Filter" not in rule for rule in rules)
    where: dict[str, Any] = {"Prefix": prefix} if first_edition else {"Filter": {"Prefix": prefix}}
    new = {
        "ID": _abort_id(prefix),
        "Status": "Enabled",
        **where,
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
    }
    return {ref.key: _lifecycle(state, [*(rule for rule in rules if _rule_id(rule) != new["ID"]), new])}


def _longer(rule: Mapping[str, Any], named: set[str], days: int) -> Mapping[str, Any]:
    held = rule.get("AbortIncompleteMultipartUpload") or {}
    if _rule_id(rule) not in named or int(held.get("DaysAfterInitiation") or days) >= days:
        return rule
    return {**rule, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days}}


# Encryption, and the key.


# How much a default encryption does, the least first. Bucket keys are for SSE-KMS alone (Amazon S3 User Guide).
_ENCRYPTION = (None, "AES256", "aws:kms", "aws:kms:dsse")


def _encrypt(edge: Edge, fix: Fix, states: States) -> States:
    """A default where there is none, or another key where the one that there is cannot be used. Never less than now."""
    ref = cloud("bucket_encryption", fix["bucket"])
    held, wanted = states[ref.key], str(fix.get("algorithm") or "aws:kms")
    if held is not None and len(held) != 1:
        raise Refused(f"the default encryption of {ref.name} has {len(held)} rules; which one counts is not known")
    rule = copy.deepcopy(held[0]) if held else {}
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    now = default.get("SSEAlgorithm")
    if now not in _ENCRYPTION or wanted not in _ENCRYPTION:
        raise Refused(f"{ref.name} is encrypted with {now}, and {wanted} is asked for: which does more is not known")
    if wanted == "AES256":
        if now not in (None, "AES256"):
            raise Refused(f"{ref.name} is encrypted with {now} by now, which is more than {wanted}; audit again")
        return {ref.key: held or [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": wanted}}]}
    broken, key = fix.get("key_id"), _another_key(edge, fix)
    algorithm = max(now, wanted, key=_ENCRYPTION.index)
    if (now, default.get("KMSMasterKeyID")) == (algorithm, key):
        return {ref.key: held}
    if broken and default.get("KMSMasterKeyID") != broken:
        raise Refused(f"{ref.name} is not encrypted with {broken} any more; audit again")
    rule["ApplyServerSideEncryptionByDefault"] = {"SSEAlgorithm": algorithm, "KMSMasterKeyID": key}
    if algorithm == "aws:kms":
        rule["BucketKeyEnabled"] = True
    return {ref.key: [rule]}


def _another_key(edge: Edge, fix: Fix) -> str:
    why = f"the key of {fix['bucket']} cannot be used, and which one is to take its place is the operator's to say"
    name = str(from_profile(edge, "kms_key_id", why))
    if name.rpartition(":")[2].startswith("alias/aws/"):
        raise Refused(f"kms_key_id in edge_profile is {name}, AWS' own key: it takes the place of no other; name yours")
    return name


def _key_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    return [cloud("key_state", need(fix, "key_id"))]


def _usable_key(states: tuple[str, ...]) -> Desired:
    def desired(edge: Edge, fix: Fix, present: States) -> States:
        (ref,) = _key_refs(edge, fix)
        held = there(present[ref.key], ref)
        if held != "Enabled" and held not in states:
            raise Refused(f"key {ref.name} is {held} by now; audit again")
        return {ref.key: "Enabled"}

    return desired


# Who may reach the bucket, and who pays.


def _block(_edge: Edge, fix: Fix, states: States) -> States:
    key = _key("public_access_block", fix)
    return {key: {**(states[key] or {}), **need(fix, "settings")}}


def _policy_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    return [cloud("bucket_policy", need(fix, "bucket")), _CALLER]


def _statement(_edge: Edge, fix: Fix, states: States) -> States:
    return _put_statement(fix, need(fix, "statement"), states)


def _put_statement(fix: Fix, statement: Mapping[str, Any], states: States) -> States:
    key = _key("bucket_policy", fix)
    before = states[key]
    after = documents.limited(
        documents.with_statement(before, statement), BUCKET_POLICY, f"the policy of bucket {fix['bucket']}"
    )
    asks = [(action, f"arn:aws:s3:::{fix['bucket']}") for action in ("s3:PutBucketPolicy", "s3:GetBucketPolicy")]
    proving.keeps(states[_CALLER.key], "resource", "the bucket policy", before, after, asks)
    return {key: after}


def _perimeter(edge: Edge, fix: Fix, states: States) -> States:
    """Who is not of the organisation, or comes through no endpoint of edge_profile, reads nothing."""
    profile = getattr(edge, "profile", None) or {}
    if profile.get("perimeter_org_id"):
        key, values = "aws:PrincipalOrgID", profile["perimeter_org_id"]
    else:
        why = "where the perimeter runs is the operator's to say: set perimeter_org_id, or"
        key, values = "aws:SourceVpce", from_profile(edge, "perimeter_vpc_endpoint_ids", why)
    statement = {
        "Sid": "EdgepathPerimeter",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": f"arn:aws:s3:::{fix['bucket']}/{edge.prefix}*",
        "Condition": {"StringNotEqualsIfExists": {key: values}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}},
    }
    wanted = _put_statement(fix, statement, states)
    if not perimeters(wanted[_key("bucket_policy", fix)], str(fix["bucket"]), edge.prefix):
        raise Refused(f"the statement makes no perimeter around {fix['bucket']}; make this change by hand")
    return wanted


def _payer(_edge: Edge, fix: Fix, _states: States) -> States:
    return {_key("request_payment", fix): str(need(fix, "payer"))}


def _nothing(_edge: Edge, _fix: Fix) -> Sequence[Ref]:
    return []


def _unchanged(_edge: Edge, _fix: Fix, _states: States) -> States:
    return {}


def _by_hand(name: str, why: str) -> Action:
    return Action(name, _nothing, _unchanged, manual=why)


ACTIONS: tuple[Action, ...] = (
    Action("enable_versioning", _of("bucket_versioning"), _versioning),
    Action(
        "enable_object_lock",
        _of("bucket_versioning", "object_lock"),
        _lock,
        consent="object lock can never be switched off again, nor versioning suspended",
    ),
    Action(
        "set_default_retention",
        _of("object_lock"),
        _retention,
        consent="recordings that are written meanwhile stay locked for their time, whatever is rolled back",
    ),
    Action(
        "put_legal_hold",
        _hold_refs,
        _hold,
        consent="a legal hold keeps a recording from deletion until somebody lifts it, who must know why it was placed",
    ),
    Action("exclude_from_expiration", _of("bucket_lifecycle"), _exclude),
    Action("exclude_from_archiving", _of("bucket_lifecycle"), _exclude),
    Action("add_abort_rule", _of("bucket_lifecycle"), _abort),
    Action("put_encryption", _of("bucket_encryption"), _encrypt),
    Action(
        "enable_key",
        _key_refs,
        _usable_key(("Disabled",)),
        consent="somebody disabled this key, and may have had a reason",
    ),
    Action(
        "cancel_key_deletion",
        _key_refs,
        _usable_key(("PendingDeletion", "Disabled")),
        consent="somebody decided that this key is to be deleted; rollback leaves it disabled",
    ),
    Action("put_public_access_block", _of("public_access_block"), _block),
    Action("add_policy_statement", _policy_refs, _statement),
    Action(
        "add_perimeter",
        _policy_refs,
        _perimeter,
        consent="everyone outside the perimeter loses access to the recordings",
    ),
    Action("set_request_payer", _of("request_payment"), _payer),
    _by_hand("enable_mfa_delete", "only the account's root user can, with the MFA device in hand"),
    _by_hand(
        "correct_edge_bucket", "which bucket the recordings are in is the inventory's to say: correct edge_bucket"
    ),
    _by_hand("set_expected_bucket_owner", "the owner's account is set in the export itself, and must be asked for"),
    _by_hand("import_key_material", "only who holds the key's material can import it again"),
    _by_hand("put_replication", "where copies go, and with which role, is the operator's to decide and pay for"),
    _by_hand("restore_objects", "a restore takes hours and is paid by the gigabyte: ask for the versions you need"),
    _by_hand("remove_delete_markers", "a deletion is accounted for by a person first; read by version id until then"),
    # On the node: set_export_versions, pin_versions.
)
