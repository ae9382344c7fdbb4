# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what protects recordings once written: versions, locks, holds, copies, and an export that names versions."""

from __future__ import annotations

from typing import Any

from ..finding import Finding, Unread, unread
from .case import Case, not_implemented

_YES = ("true", "yes", "on", "1", "enabled", "always", "all", "required")


def versioning(case: Case) -> Finding:
    state = case.fact("versioning")
    unclear = case.open_question("BUCKET-05", state)
    if unclear is not None:
        return unclear
    if state == "Enabled":
        return case.passed("BUCKET-05", "enabled")
    observed = (
        "suspended: each write replaces the version with id null" if state == "Suspended" else "it was never enabled"
    )
    return case.failed(
        "BUCKET-05",
        observed,
        evidence=({"operation": "s3:GetBucketVersioning", "status": state},),
        fix=case.fix("enable_versioning", f"enable versioning on {case.bucket}", status="Enabled"),
    )


def second_factor(case: Case) -> Finding:
    state, mfa, lock = case.fact("versioning"), case.fact("mfa_delete"), case.fact("object_lock")
    if _has_default_retention(lock):
        return case.passed("BUCKET-06", f"object lock keeps new versions ({lock['mode']})")
    unclear = case.open_question("BUCKET-06", state, mfa)
    if unclear is not None:
        return unclear
    if state is None:
        return case.not_applicable("BUCKET-06", "there are no versions: versioning was never enabled")
    if mfa == "Enabled":
        return case.passed("BUCKET-06", "MFA delete is enabled")
    if isinstance(lock, Unread):
        return case.ask.unknown("BUCKET-06", case.arn, lock)
    return case.failed(
        "BUCKET-06",
        "one set of credentials can delete versions for good: neither MFA delete nor a default retention is set",
        evidence=({"operation": "s3:GetBucketVersioning", "mfa_delete": mfa},),
        fix=case.fix(
            "enable_mfa_delete", "the root user enables MFA delete, or a retention is set", needs=["root", "mfa"]
        ),
    )


def object_lock(case: Case) -> Finding:
    lock = case.fact("object_lock")
    unclear = case.open_question("BUCKET-07", lock)
    if unclear is not None:
        return unclear
    if lock is not None and lock["enabled"]:
        return case.passed("BUCKET-07", "enabled")
    first = [] if case.fact("versioning") == "Enabled" else ["enable_versioning"]
    return case.failed(
        "BUCKET-07",
        "not enabled: no version can be locked, and no legal hold placed",
        evidence=({"operation": "s3:GetObjectLockConfiguration"},),
        fix=case.fix("enable_object_lock", f"enable object lock on {case.bucket} (for ever)", after=first),
    )


def default_retention(case: Case) -> Finding:
    lock = case.fact("object_lock")
    unclear = case.open_question("BUCKET-08", lock)
    if unclear is not None:
        return unclear
    if lock is None or not lock["enabled"]:
        return case.not_applicable("BUCKET-08", "object lock is not enabled")
    if _has_default_retention(lock):
        span = f"{lock['days']} days" if lock["days"] else f"{lock['years']} years"
        return case.passed("BUCKET-08", f"{lock['mode']}, {span}")
    return case.failed(
        "BUCKET-08",
        "new recordings are locked only where the export asks for it",
        evidence=({"operation": "s3:GetObjectLockConfiguration"},),
        fix=case.fix("set_default_retention", "set the retention that recordings are to have", needs=["mode", "days"]),
    )


def legal_hold(case: Case) -> Finding:
    keys = case.fact("keys")
    if isinstance(keys, Unread):
        return case.ask.unknown("BUCKET-09", case.arn, keys)
    if not keys:
        return case.not_applicable("BUCKET-09", "no recordings were given (edge_recording_keys)")
    lock = case.fact("object_lock")
    unclear = case.open_question("BUCKET-09", lock)
    if unclear is not None:
        return unclear
    free = [item["key"] for item in keys if item["legal_hold"] is False]
    if free:
        return case.failed(
            "BUCKET-09",
            f"{len(free)} of {len(keys)} given recordings are not held: {_some(free)}",
            evidence=tuple({"operation": "s3:GetObjectLegalHold", "key": key, "hold": "OFF"} for key in free),
            fix=case.fix(
                "put_legal_hold",
                f"put a legal hold on {len(free)} recordings",
                keys=free,
                after=[] if lock is not None and lock["enabled"] else ["enable_object_lock"],
            ),
        )
    for item in keys:
        failed = unread(item["legal_hold"])
        if failed is not None:
            return case.ask.unknown("BUCKET-09", case.arn, failed)
        if not_implemented(item["legal_hold"]) is not None:
            return case.not_applicable("BUCKET-09", "the storage does not implement legal holds")
    return case.passed("BUCKET-09", f"all {len(keys)} given recordings are held")


def replication(case: Case) -> Finding:
    found = case.fact("replication")
    unclear = case.open_question("BUCKET-19", found)
    if unclear is not None:
        return unclear
    rules = [rule for rule in (found or {}).get("Rules") or [] if rule.get("Status") == "Enabled"]
    covering = [rule for rule in rules if case.edge.prefix.startswith(_replicated_prefix(rule))]
    if covering:
        target = (covering[0].get("Destination") or {}).get("Bucket")
        return case.passed("BUCKET-19", f"replicated to {target}")
    observed = "no enabled rule covers the prefix" if rules else "no copy of the recordings is kept elsewhere"
    return case.failed(
        "BUCKET-19",
        observed,
        evidence=({"operation": "s3:GetBucketReplication", "rules": len(rules)},),
        fix=case.fix("put_replication", "replicate the prefix", prefix=case.edge.prefix, needs=["destination", "role"]),
    )


def export_versions(case: Case) -> Finding:
    config = case.fact("export_config")
    if config is None:
        path_given = case.edge.export_config_path is not None
        missing = "edge_export_config_keys.versions" if path_given else "edge_export_config_path"
        return case.not_applicable("BUCKET-26", f"not asked for: {missing} is not set")
    state = case.fact("versioning")
    unclear = case.open_question("BUCKET-26", config, state)
    if unclear is not None:
        return unclear
    if state is None:
        return case.not_applicable("BUCKET-26", "the bucket has no versions")
    path, key, value = config["path"], config["key"], config["value"]
    evidence = ({"file": path, "key": key, "value": value},)
    if str(value).strip().lower() in _YES:
        return case.passed("BUCKET-26", f"{key} is {value}", evidence=evidence)
    return case.failed(
        "BUCKET-26",
        f"the bucket has versions, and {key} is {'not set' if value is None else value}",
        evidence=evidence,
        fix=case.fix("set_export_versions", f"set {key} to true", path=path, key=key, value=True),
    )


def _has_default_retention(lock: Any) -> bool:
    return isinstance(lock, dict) and bool(lock.get("enabled")) and bool(lock.get("mode"))


def _replicated_prefix(rule: Any) -> str:
    chosen = rule.get("Filter") or {}
    prefix = (chosen.get("And") or {}).get("Prefix") or chosen.get("Prefix") or rule.get("Prefix") or ""
    # A rule that asks for tags covers only what carries them.
    tagged = chosen.get("Tag") or (chosen.get("And") or {}).get("Tags")
    return "\0" if tagged else str(prefix)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
