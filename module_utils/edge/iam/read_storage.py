# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what bucket and key say about access: each bucket and each key once, a key in its own region."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from ..aws import Account
from ..finding import Unread

# DescribeKey's fields that are kept: "key" of the facts, for the bucket domain as well.
KEPT = ("Arn", "AWSAccountId", "KeyState", "Enabled", "KeyManager", "DeletionDate")
# A grant's fields that decide (AWS KMS API Reference, GrantListEntry).
_GRANT = ("GrantId", "GranteePrincipal", "Operations", "Constraints")


def read_bucket(
    account: Account, bucket: str, endpoint_url: str | None, recorded: dict[str, Any] | None = None
) -> dict[str, Any]:
    """{"bucket_policy": document | None | Unread, "encryption": ServerSideEncryptionConfiguration | None | Unread,
    "recorded": what AWS Config holds of the bucket (recorded.py) | None}."""

    def read(operation: str, what: str, key: str) -> Any:
        return account.read(
            "s3", operation, key, resource=f"the {what} of bucket {bucket}", endpoint_url=endpoint_url, Bucket=bucket
        )

    text = read("get_bucket_policy", "policy", "Policy")
    return {
        "bucket_policy": _document(text, "s3:GetBucketPolicy", f"the policy of bucket {bucket}"),
        "encryption": recorded["encryption"]
        if recorded and "encryption" in recorded
        else read("get_bucket_encryption", "encryption", "ServerSideEncryptionConfiguration"),
        "recorded": recorded,
    }


def read_owned(account: Account, endpoint_url: str | None = None) -> Any:
    """The names of the buckets that the audited account owns, or Unread."""
    listed = account.read("s3", "list_buckets", "Buckets", resource="buckets", endpoint_url=endpoint_url)
    return listed if isinstance(listed, Unread) else sorted(item["Name"] for item in listed or ())


def read_key(account: Account, key_id: str) -> dict[str, Any]:
    """{"key": KEPT of DescribeKey | None | Unread, "key_policy": document | None | Unread,
    "key_grants": [{...}] | None | Unread}. Another account's key shows neither its policy nor its grants."""
    what = f"key {key_id}"
    metadata = account.read("kms", "describe_key", "KeyMetadata", resource=what, KeyId=key_id)
    if metadata is None:
        return {"key": None, "key_policy": None, "key_grants": None}
    found = isinstance(metadata, dict)
    arn = str(metadata.get("Arn")) if found else key_id
    text = account.read(
        "kms", "get_key_policy", "Policy", resource=f"the policy of {what}", KeyId=arn, PolicyName="default"
    )
    grants = account.read("kms", "list_grants", "Grants", resource=f"the grants of {what}", KeyId=arn)
    if isinstance(grants, list):
        grants = [{name: grant.get(name) for name in _GRANT} for grant in grants]
    return {
        "key": {name: metadata.get(name) for name in KEPT} if found else metadata,
        "key_policy": _document(text, "kms:GetKeyPolicy", f"the policy of {what}"),
        "key_grants": grants,
    }


def read_keys(handle_of: Callable[[str], Account], key_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Each key's facts by its id; handle_of gives the account handle of a region ("" for the one at hand)."""
    wanted = sorted(set(key_ids))
    accounts = {key_id: handle_of(region_of(key_id)) for key_id in wanted}
    reads = [lambda key_id=key_id: read_key(accounts[key_id], key_id) for key_id in wanted]
    return dict(zip(wanted, handle_of("").read_all(reads)))


def region_of(key_id: str) -> str:
    """The region that the ARN of a key names, "" for an id or alias."""
    return key_id.split(":")[3] if key_id.startswith("arn:") and key_id.count(":") >= 5 else ""


def _document(text: Any, operation: str, what: str) -> Any:
    if text is None or isinstance(text, Unread):
        return text
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        return Unread("error", operation, what, f"cannot read {what}: it is not JSON ({error})")
