# SPDX-License-Identifier: GPL-3.0-or-later
"""Which key encrypts what is written to a bucket, as its default encryption says. Pure.

Source: Amazon S3 API Reference, ServerSideEncryptionByDefault: without a key id, SSE-KMS uses the key aws/s3 of the
requester's account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import unread


def default_rule(encryption: Any) -> Mapping[str, Any] | None:
    """The rule of the default encryption that applies to writes without headers of their own, or None."""
    if not isinstance(encryption, Mapping) or unread(encryption) is not None:
        return None
    rules = encryption.get("Rules")
    for rule in rules if isinstance(rules, (list, tuple)) else ():
        if isinstance(rule, Mapping) and isinstance(rule.get("ApplyServerSideEncryptionByDefault"), Mapping):
            return rule
    return None


def uses_kms(encryption: Any) -> bool:
    """Whether writes are encrypted with a KMS key (aws:kms, aws:kms:dsse)."""
    rule = default_rule(encryption)
    chosen = rule["ApplyServerSideEncryptionByDefault"] if rule is not None else {}
    return str(chosen.get("SSEAlgorithm") or "").startswith("aws:kms")


def key_ids(encryption: Any) -> list[str]:
    """The id, alias or ARN of the named key: one or none."""
    if not uses_kms(encryption):
        return []
    rule = default_rule(encryption)
    name = rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID") if rule is not None else None
    return [str(name)] if name else []


def has_bucket_key(encryption: Any) -> bool:
    """Whether an S3 Bucket Key is on: then the encryption context names the bucket, not the object."""
    rule = default_rule(encryption)
    return rule is not None and rule.get("BucketKeyEnabled") is True
