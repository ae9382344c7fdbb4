# SPDX-License-Identifier: GPL-3.0-or-later
"""Object lock and legal holds.

States:
    object_lock         {"enabled": bool, "mode": "GOVERNANCE" | "COMPLIANCE" | None, "days": n, "years": n}
    object_legal_hold   bool; the name is bucket/key, of the current version
Source: Amazon S3 User Guide, "Locking objects with Object Lock" (what is enabled on a bucket stays enabled).
"""

from __future__ import annotations

from typing import Any

from ...finding import EdgepathError
from ..model import State
from .api import Cloud, told
from .kind import Kind, merge_fields


def _read_lock(cloud: Cloud, name: str) -> State:
    held = cloud.get(
        "s3",
        "get_object_lock_configuration",
        "ObjectLockConfiguration",
        resource=f"object lock of bucket {name}",
        Bucket=name,
    )
    if held is not None:
        told(held, "ObjectLockEnabled", f"object lock of bucket {name}", ("Enabled",))
    default = ((held or {}).get("Rule") or {}).get("DefaultRetention") or {}
    return {
        "enabled": held is not None,
        "mode": default.get("Mode"),
        "days": default.get("Days") or None,
        "years": default.get("Years") or None,
    }


def _write_lock(cloud: Cloud, name: str, _before: State, after: State) -> None:
    what = f"object lock of bucket {name}"
    if not after["enabled"]:
        raise EdgepathError(f"edge {cloud.edge.name}: cannot change {what}: it can never be switched off again")
    given: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if after["mode"]:
        span = {key: after[name] for key, name in (("Days", "days"), ("Years", "years")) if after[name]}
        given["Rule"] = {"DefaultRetention": {"Mode": after["mode"], **span}}
    cloud.put("s3", "put_object_lock_configuration", resource=what, Bucket=name, ObjectLockConfiguration=given)


def _merge_lock(before: State, after: State, current: State) -> State:
    """The default retention goes back; the lock itself stays, since nothing takes it away."""
    merged = merge_fields(before, after, current)
    return {**merged, "enabled": bool(current and current["enabled"])}


def _object(name: str) -> dict[str, str]:
    bucket, _, key = name.partition("/")
    return {"Bucket": bucket, "Key": key}


def _read_hold(cloud: Cloud, name: str) -> State:
    held = cloud.get("s3", "get_object_legal_hold", "LegalHold", resource=f"legal hold of {name}", **_object(name))
    return held is not None and told(held, "Status", f"legal hold of {name}", ("ON", "OFF")) == "ON"


def _write_hold(cloud: Cloud, name: str, _before: State, after: State) -> None:
    status = {"Status": "ON" if after else "OFF"}
    cloud.put("s3", "put_object_legal_hold", resource=f"legal hold of {name}", LegalHold=status, **_object(name))


KINDS = {
    "object_lock": Kind(_read_lock, _write_lock, _merge_lock),
    "object_legal_hold": Kind(_read_hold, _write_hold),
}
