# SPDX-License-Identifier: GPL-3.0-or-later
"""A bucket's settings. Names are the bucket's; a setting that is not there is None.

States:
    bucket_versioning      {"status": "Enabled" | "Suspended" | None, "mfa_delete": "Enabled" | "Disabled" | None}
    bucket_lifecycle       {"Rules": [rule by ID], "TransitionDefaultMinimumObjectSize": ...}
    bucket_encryption      [{"ApplyServerSideEncryptionByDefault": {...}, "BucketKeyEnabled": bool}]
    bucket_policy          a document
    public_access_block    {"BlockPublicAcls": bool, ...}
    request_payment        "BucketOwner" | "Requester"
Source: Amazon S3 API Reference.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ...finding import EdgepathError
from ..model import State
from . import documents
from .api import Cloud, odd, told, without
from .kind import Kind, merge_fields, merge_named, text

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_PAYERS = ("BucketOwner", "Requester")
_SMALLEST, _SMALLEST_DEFAULT = "TransitionDefaultMinimumObjectSize", "all_storage_classes_128K"


def _read_versioning(cloud: Cloud, name: str) -> State:
    what = f"versioning of bucket {name}"
    answer = cloud.get("s3", "get_bucket_versioning", resource=what, Bucket=name)
    if answer is None:
        return None
    # A bucket that never had versions says nothing of either.
    status, mfa = answer.get("Status"), answer.get("MFADelete")
    if status not in (None, "Enabled", "Suspended") or mfa not in (None, "Enabled", "Disabled"):
        raise odd(what, "the answer says what is not known")
    return {"status": status, "mfa_delete": mfa}


def _write_versioning(cloud: Cloud, name: str, _before: State, after: State) -> None:
    what = f"versioning of bucket {name}"
    if after["status"] is None:
        raise EdgepathError(
            f"edge {cloud.edge.name}: cannot change {what}: what was enabled once can be suspended only"
        )
    cloud.put(
        "s3",
        "put_bucket_versioning",
        resource=what,
        Bucket=name,
        VersioningConfiguration={"Status": after["status"]},
    )


def _merge_versioning(before: State, after: State, current: State) -> State:
    """Versioning that was once enabled never becomes what it was before: suspended is what comes nearest."""
    merged = merge_fields(before, after, current)
    if merged is not None and before is not None and before["status"] is None and merged["status"] is None:
        merged["status"] = "Suspended"
    return merged


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _read_lifecycle(cloud: Cloud, name: str) -> State:
    what = f"lifecycle of bucket {name}"
    answer = cloud.get("s3", "get_bucket_lifecycle_configuration", resource=what, Bucket=name)
    if answer is None:
        return None
    for rule in told(answer, "Rules", what) or [{}]:  # there is no lifecycle without rules
        told(rule, "Status", what, ("Enabled", "Disabled"))
    held = _plain(without(answer))
    if held.get(_SMALLEST) == _SMALLEST_DEFAULT:
        del held[_SMALLEST]  # what S3 adds by itself where nobody says anything
    return {**held, "Rules": sorted(held["Rules"], key=lambda rule: (str(rule.get("ID")), text(rule)))}


def _write_lifecycle(cloud: Cloud, name: str, _before: State, after: State) -> None:
    what = f"lifecycle of bucket {name}"
    if after is None:
        cloud.put("s3", "delete_bucket_lifecycle", resource=what, Bucket=name)
        return
    more = {key: value for key, value in after.items() if key != "Rules"}
    configuration = {"Rules": after["Rules"]}
    cloud.put(
        "s3",
        "put_bucket_lifecycle_configuration",
        resource=what,
        Bucket=name,
        LifecycleConfiguration=configuration,
        **more,
    )


def _merge_lifecycle(before: State, after: State, current: State) -> State:
    was, made, now = (
        {str(rule.get("ID")): rule for rule in (held or {}).get("Rules", ())} for held in (before, after, current)
    )
    rules = merge_named(was, made, now)
    if not rules:
        return None
    base = current or before or {}
    return {**base, "Rules": [rules[name] for name in sorted(rules)]}


def _read_encryption(cloud: Cloud, name: str) -> State:
    held = cloud.get(
        "s3",
        "get_bucket_encryption",
        "ServerSideEncryptionConfiguration",
        resource=f"encryption of bucket {name}",
        Bucket=name,
    )
    if held is None:
        return None
    what = f"encryption of bucket {name}"
    for rule in told(held, "Rules", what) or [{}]:
        told(rule, "ApplyServerSideEncryptionByDefault", what)
    return held["Rules"]


def _write_encryption(cloud: Cloud, name: str, _before: State, after: State) -> None:
    what = f"encryption of bucket {name}"
    if after is None:
        cloud.put("s3", "delete_bucket_encryption", resource=what, Bucket=name)
    else:
        given = {"Rules": after}
        cloud.put("s3", "put_bucket_encryption", resource=what, Bucket=name, ServerSideEncryptionConfiguration=given)


def _read_policy(cloud: Cloud, name: str) -> State:
    return documents.normal(
        cloud.get("s3", "get_bucket_policy", "Policy", resource=f"policy of bucket {name}", Bucket=name)
    )


def _write_policy(cloud: Cloud, name: str, _before: State, after: State) -> None:
    what = f"policy of bucket {name}"
    if not (after or {}).get("Statement"):  # AWS takes no policy without a statement
        cloud.put("s3", "delete_bucket_policy", resource=what, Bucket=name)
    else:
        cloud.put("s3", "put_bucket_policy", resource=what, Bucket=name, Policy=documents.compact(after))


def _read_block(cloud: Cloud, name: str) -> State:
    what = f"public access block of bucket {name}"
    held = cloud.get("s3", "get_public_access_block", "PublicAccessBlockConfiguration", resource=what, Bucket=name)
    if held is None:
        return None
    return {setting: told(held, setting, what, (True, False)) for setting in _BLOCKS}


def _write_block(cloud: Cloud, name: str, _before: State, after: State) -> None:
    what = f"public access block of bucket {name}"
    if after is None:
        cloud.put("s3", "delete_public_access_block", resource=what, Bucket=name)
    else:
        cloud.put("s3", "put_public_access_block", resource=what, Bucket=name, PublicAccessBlockConfiguration=after)


def _read_payment(cloud: Cloud, name: str) -> State:
    answer = cloud.get("s3", "get_bucket_request_payment", resource=f"who pays for bucket {name}", Bucket=name)
    return None if answer is None else told(answer, "Payer", f"who pays for bucket {name}", _PAYERS)


def _write_payment(cloud: Cloud, name: str, _before: State, after: State) -> None:
    cloud.put(
        "s3",
        "put_bucket_request_payment",
        resource=f"who pays for bucket {name}",
        Bucket=name,
        RequestPaymentConfiguration={"Payer": after},
    )


KINDS = {
    "bucket_versioning": Kind(_read_versioning, _write_versioning, _merge_versioning),
    "bucket_lifecycle": Kind(_read_lifecycle, _write_lifecycle, _merge_lifecycle),
    "bucket_encryption": Kind(_read_encryption, _write_encryption),
    "bucket_policy": Kind(_read_policy, _write_policy, documents.merge),
    "public_access_block": Kind(_read_block, _write_block, merge_fields),
    "request_payment": Kind(_read_payment, _write_payment),
}
