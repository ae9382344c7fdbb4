# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges encryption and its key, public access, the policy's TLS and perimeter conditions, and who pays."""

from __future__ import annotations

from typing import Any

from ..finding import Finding, Unread
from .case import Case
from .policy import PolicyShapeError, perimeters, plain_http_allowed

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
# States in which a key encrypts and decrypts (KMS Developer Guide, "Key states of AWS KMS keys").
_USABLE = ("Enabled", "Updating")
_KEY_FIXES = {
    "Disabled": ("enable_key", "enable the key"),
    "PendingDeletion": ("cancel_key_deletion", "cancel the key's deletion and enable it"),
    "PendingImport": ("import_key_material", "import the key's material"),
}


def encryption(case: Case) -> Finding:
    found = case.fact("encryption")
    unclear = case.open_question("BUCKET-20", found)
    if unclear is not None:
        return unclear
    if found is not None and found["algorithm"]:
        with_key = f" with {found['key_id']}" if found["key_id"] else ""
        return case.passed("BUCKET-20", f"{found['algorithm']}{with_key}")
    return case.failed(
        "BUCKET-20",
        "no default encryption is set",
        evidence=({"operation": "s3:GetBucketEncryption"},),
        fix=case.fix("put_encryption", "encrypt by default with SSE-S3", algorithm="AES256"),
    )


def key(case: Case) -> Finding:
    found = case.fact("encryption")
    unclear = case.open_question("BUCKET-21", found)
    if unclear is not None:
        return unclear
    if found is None or not str(found["algorithm"] or "").startswith("aws:kms"):
        return case.not_applicable("BUCKET-21", "recordings are not encrypted with a KMS key")
    if not found["key_id"]:
        return case.passed("BUCKET-21", "the key is AWS's own (aws/s3), which nobody can disable")
    state = case.fact("key")
    if isinstance(state, Unread):
        return case.ask.unknown("BUCKET-21", found["key_id"], state)
    evidence = ({"operation": "kms:DescribeKey", "key": found["key_id"], "state": state and state["KeyState"]},)
    if state is None:
        return case.ask.failed(
            "BUCKET-21",
            found["key_id"],
            "there is no such key: every write is refused",
            evidence=evidence,
            fix=case.fix(
                "put_encryption",
                "encrypt with a key that exists",
                algorithm="aws:kms",
                key_id=found["key_id"],
                needs=["key_id"],
            ),
        )
    if state["KeyState"] in _USABLE:
        return case.ask.passed("BUCKET-21", found["key_id"], f"the key is {state['KeyState']}", evidence=evidence)
    if not state["KeyState"]:
        because = Unread("error", "kms:DescribeKey", found["key_id"], "the answer names no state of the key")
        return case.ask.unknown("BUCKET-21", found["key_id"], because)
    action, summary = _KEY_FIXES.get(state["KeyState"], ("put_encryption", "encrypt with a usable key"))
    until = f" (deleted on {state['DeletionDate']})" if state.get("DeletionDate") else ""
    return case.ask.failed(
        "BUCKET-21",
        found["key_id"],
        f"the key is {state['KeyState']}{until}: nothing can be written or read with it",
        evidence=evidence,
        fix=case.fix(action, summary, key_id=found["key_id"]),
    )


def public_access(case: Case) -> Finding:
    own, account = case.fact("public_access_block", "bucket"), case.fact("public_access_block", "account")
    open_settings = [name for name in _BLOCKS if not (_on(own, name) or _on(account, name))]
    if not open_settings:
        return case.passed("BUCKET-22", "all four settings are on")
    unclear = case.open_question("BUCKET-22", own, account)
    if unclear is not None:
        return unclear
    return case.failed(
        "BUCKET-22",
        f"off: {', '.join(open_settings)}",
        evidence=({"operation": "s3:GetBucketPublicAccessBlock", "off": open_settings},),
        fix=case.fix("put_public_access_block", "switch all four settings on", settings=dict.fromkeys(_BLOCKS, True)),
    )


def tls_only(case: Case) -> Finding:
    return _of_policy(case, "BUCKET-23", _tls_only)


def perimeter(case: Case) -> Finding:
    return _of_policy(case, "BUCKET-24", _perimeter)


def _of_policy(case: Case, check: str, judge: Any) -> Finding:
    policy = case.fact("bucket_policy")
    unclear = case.open_question(check, policy)
    if unclear is not None:
        return unclear
    try:
        finding: Finding = judge(case, policy if policy is not None else {"Statement": []})
    except PolicyShapeError as error:
        return case.unknown(check, "error", "s3:GetBucketPolicy", f"cannot judge the policy of {case.bucket}: {error}")
    return finding


def _owner(case: Case) -> str | None:
    """The account that owns the bucket, where that is the audited one."""
    account = case.settled(case.fact("owner", "account"))
    return account if isinstance(account, str) and case.settled(case.fact("owner", "owned")) is True else None


def _tls_only(case: Case, policy: Any) -> Finding:
    role = case.edge.role_arn or None
    allowed = plain_http_allowed(policy, case.bucket, case.edge.prefix, _owner(case), role)
    if not allowed:
        return case.passed("BUCKET-23", "denied over plain HTTP")
    statement = {
        "Sid": "DenyPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [case.arn, f"{case.arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return case.failed(
        "BUCKET-23",
        f"no statement denies {', '.join(action for action, _ in allowed)} over plain HTTP",
        evidence=tuple({"operation": "s3:GetBucketPolicy", "action": call, "on": arn} for call, arn in allowed),
        fix=case.fix("add_policy_statement", "deny access without TLS", statement=statement),
    )


def _perimeter(case: Case, policy: Any) -> Finding:
    found = perimeters(policy, case.bucket, case.edge.prefix, _owner(case))
    if found:
        return case.passed("BUCKET-24", "; ".join(f"{name} by {key}" for name, key in found))
    return case.failed(
        "BUCKET-24",
        "no statement denies those outside the edge's endpoint, network or organisation",
        evidence=({"operation": "s3:GetBucketPolicy"},),
        fix=case.fix("add_perimeter", "deny reads from outside the perimeter", needs=["vpc_endpoint_ids or org_id"]),
    )


def requester_pays(case: Case) -> Finding:
    payment = case.fact("request_payment")
    unclear = case.open_question("BUCKET-25", payment)
    if unclear is not None:
        return unclear
    if payment is None:
        return case.unknown("BUCKET-25", "not_collected", "s3:GetBucketRequestPayment", "who pays was not read")
    if payment["exempt"]:
        return case.passed("BUCKET-25", f"account {payment['exempt']} owns the bucket; an owner never sends the header")
    if payment["payer"] != "Requester":
        return case.passed("BUCKET-25", "the owner pays")
    owner = case.fact("owner", "owned"), case.fact("owner", "account")
    for fact in owner:
        if isinstance(fact, Unread):
            return case.ask.unknown("BUCKET-25", case.arn, fact)
    exporting = case.fact("export_account")
    if not isinstance(exporting, str) and owner[0] is True:
        message = (
            "the requester pays unless the export's account owns the bucket: set edge_role_arn to tell which it is"
        )
        return case.unknown("BUCKET-25", "not_collected", "edge_role_arn", message)
    if owner[0] is not True and isinstance(exporting, str) and exporting != owner[1]:
        message = f"the requester pays, and whether account {exporting} owns the bucket is not known"
        return case.unknown("BUCKET-25", "not_collected", "s3:ListAllMyBuckets", message)
    return case.failed(
        "BUCKET-25",
        "the requester pays: requests without x-amz-request-payer are refused with 403",
        evidence=({"operation": "s3:GetBucketRequestPayment", "payer": "Requester"},),
        fix=case.fix("set_request_payer", "let the bucket's owner pay", payer="BucketOwner"),
    )


def _on(block: Any, name: str) -> bool:
    return isinstance(block, dict) and block.get(name) is True
