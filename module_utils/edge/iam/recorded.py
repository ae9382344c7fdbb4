# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS Config has recorded of many buckets, in place of a call for each setting of each bucket.

A fleet's buckets come in two calls, where a recorder runs; without one, and of what it did not record, S3 is asked.
Config follows a change within minutes, so what comes from it is labelled with the time of its record, and a bucket's
policy, lifecycle and replication are always read from S3 itself. Sources: AWS Config API Reference,
BatchGetResourceConfig and DescribeConfigurationRecorderStatus; AWS Config resource schema, AWS::S3::Bucket.

Of one bucket: {"captured": ISO time, "versioning": "Enabled" | "Suspended" | None, "mfa_delete", "encryption":
{"Rules": [...]}, "object_lock": {"enabled", "mode", "days", "years"}, "public_access_block": {...}, "payer"}: only what
the record states is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..aws import Account
from ..finding import Unread

# From so many buckets in one region on Config is asked: fewer are read from S3 alone, as they are at this moment.
FLEET = 25
# BatchGetResourceConfig takes so many keys.
PAGE = 100
_TYPE = "AWS::S3::Bucket"
_RECORDED = ("OK", "ResourceDiscovered")
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_STATUS = {"Enabled": "Enabled", "Suspended": "Suspended", "Off": None}


def read_recorded(account: Account, buckets: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is recorded of these buckets, by name; {} for fewer than FLEET, or where nothing may or can be had."""
    if len(buckets) < FLEET or not _recording(account):
        return {}
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(buckets), PAGE):
        keys = [{"resourceType": _TYPE, "resourceId": name} for name in buckets[start : start + PAGE]]
        items = account.read(
            "config", "batch_get_resource_config", "baseConfigurationItems", resource="buckets", resourceKeys=keys
        )
        if isinstance(items, list):
            found.update({str(item.get("resourceId")): read_item(item) for item in items if _usable(item)})
    return found


def _recording(account: Account) -> bool:
    """Whether a recorder runs, and has delivered. Where that may not be asked, S3 can be: nothing is lost."""
    states = account.read(
        "config", "describe_configuration_recorder_status", "ConfigurationRecordersStatus", resource="the recorder"
    )
    if isinstance(states, Unread) or not states:
        return False
    return any(state.get("recording") is True and state.get("lastStatus") == "SUCCESS" for state in states)


def _usable(item: Mapping[str, Any]) -> bool:
    # A daily record may be a day old.
    return item.get("configurationItemStatus") in _RECORDED and item.get("recordingFrequency") != "DAILY"


def read_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """One configuration item. What it does not state, or states in a form that is not known, is left out."""
    held = item.get("supplementaryConfiguration") or {}
    captured = item.get("configurationItemCaptureTime")
    found: dict[str, Any] = {"captured": captured.isoformat() if isinstance(captured, datetime) else captured}
    found.update(_versioning(_loaded(held, "BucketVersioningConfiguration")))
    found.update(_encryption(_loaded(held, "ServerSideEncryptionConfiguration")))
    found.update(_object_lock(_loaded(held, "ObjectLockConfiguration")))
    found.update(_block(_loaded(held, "PublicAccessBlockConfiguration")))
    pays = {"true": "Requester", "false": "BucketOwner"}.get(str(_loaded(held, "IsRequesterPaysEnabled")).lower())
    return {**found, "payer": pays} if pays else found


def _loaded(held: Mapping[str, Any], name: str) -> Any:
    """A part, which comes as JSON in a text, sometimes twice over; None where it is no JSON."""
    value = held.get(name)
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return None
    return value


def _versioning(part: Any) -> dict[str, Any]:
    if not isinstance(part, dict) or part.get("status") not in _STATUS:
        return {}
    mfa = {True: "Enabled", False: "Disabled"}.get(part.get("isMfaDeleteEnabled"))  # type: ignore[arg-type]
    return {"versioning": _STATUS[part["status"]], "mfa_delete": mfa}


def _encryption(part: Any) -> dict[str, Any]:
    rules = part.get("rules") if isinstance(part, dict) else None
    if not isinstance(rules, list) or not rules:
        return {}
    read = []
    for rule in rules:
        default = rule.get("applyServerSideEncryptionByDefault") if isinstance(rule, dict) else None
        if not isinstance(default, dict) or not default.get("sseAlgorithm"):
            return {}
        named = {"SSEAlgorithm": default["sseAlgorithm"], "KMSMasterKeyID": default.get("kmsMasterKeyID")}
        read.append(
            {
                "ApplyServerSideEncryptionByDefault": {name: value for name, value in named.items() if value},
                "BucketKeyEnabled": rule.get("bucketKeyEnabled") is True,
            }
        )
    return {"encryption": {"Rules": read}}


def _object_lock(part: Any) -> dict[str, Any]:
    if not isinstance(part, dict) or part.get("objectLockEnabled") != "Enabled":
        return {}
    retention = (part.get("rule") or {}).get("defaultRetention") or {}
    span = {name: retention.get(name) for name in ("mode", "days", "years")}
    return {"object_lock": {"enabled": True, **span}}


def _block(part: Any) -> dict[str, Any]:
    named = {name: part.get(name[0].lower() + name[1:]) for name in _BLOCKS} if isinstance(part, dict) else {}
    if not named or not all(isinstance(value, bool) for value in named.values()):
        return {}
    return {"public_access_block": named}
