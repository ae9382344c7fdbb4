# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one given key: its versions, its current version's head, its hold, retention and tags.

HeadObject leaves the lock's headers out where the reader may not see them (S3 User Guide, "Viewing the lock
information for an object"), so that their absence proves nothing: the hold is then asked for by its own call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .sample import entries, stamp


def read_key(call: Callable[..., Any], listing: Any, key: str, locked: bool, tagged: bool) -> dict[str, Any]:
    """What is known of one key.

    call: makes one S3 read of the bucket.  listing: the answer that holds its versions.  locked: whether the bucket
    has object lock.  tagged: whether a lifecycle rule asks for tags.
    Returns {"key", "versions": [entry] | unread, "head": {...} | None | unread, "legal_hold": bool | unread,
    "retain_until": ISO time | None | unread, "tags": {...} | None | unread}.
    """
    listed = isinstance(listing, dict) and "$not_implemented" not in listing
    versions = [item for item in entries(listing) if item["key"] == key] if listed else listing
    head = call("head_object", Key=key)
    known = head if isinstance(head, dict) else {}
    target = {"Key": key, **_hidden_version(versions)}
    return {
        "key": key,
        "versions": versions,
        "head": _head(head),
        "legal_hold": _hold(call, target, known, locked),
        "retain_until": _retention(call, target, known, locked),
        "tags": _tags(call, key) if tagged else None,
    }


def _hidden_version(versions: Any) -> dict[str, str]:
    """The newest real version, to be named where a delete marker stands before it: locks are on versions."""
    if not isinstance(versions, list) or not versions or not versions[0]["marker"]:
        return {}
    real = next((item for item in versions if not item["marker"]), None)
    return {"VersionId": real["version_id"]} if real is not None and real["version_id"] else {}


def _head(head: Any) -> Any:
    if not isinstance(head, dict):
        return head
    names = ("VersionId", "ContentLength", "StorageClass", "ArchiveStatus", "Restore", "ServerSideEncryption",
             "SSEKMSKeyId", "ReplicationStatus", "Expiration", "ETag")  # fmt: skip
    return {name: head[name] for name in names if head.get(name) is not None}


def _hold(call: Callable[..., Any], target: dict[str, str], head: dict[str, Any], locked: bool) -> Any:
    if not locked:
        return False
    if head.get("ObjectLockLegalHoldStatus"):
        return head["ObjectLockLegalHoldStatus"] == "ON"
    answer = call("get_object_legal_hold", **target)
    if isinstance(answer, dict) and "$not_implemented" not in answer:
        return (answer.get("LegalHold") or {}).get("Status") == "ON"
    return False if answer is None else answer


def _retention(call: Callable[..., Any], target: dict[str, str], head: dict[str, Any], locked: bool) -> Any:
    if not locked:
        return None
    if head.get("ObjectLockRetainUntilDate"):
        return stamp(head["ObjectLockRetainUntilDate"])
    answer = call("get_object_retention", **target)
    if isinstance(answer, dict) and "$not_implemented" not in answer:
        until = (answer.get("Retention") or {}).get("RetainUntilDate")
        return stamp(until) if until is not None else None
    return answer


def _tags(call: Callable[..., Any], key: str) -> Any:
    answer = call("get_object_tagging", Key=key)
    if isinstance(answer, dict) and "TagSet" in answer:
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}
    return answer
