# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what lies under the prefix, from a bounded sample, and the recordings that were given by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..finding import Finding, Unread, unread
from .case import Case
from .lifecycle import ARCHIVE_CLASSES

_NOT_SAMPLED = (
    "no recordings were given (edge_recording_keys), and no lifecycle rule acts on any: of so many buckets none is "
    "sampled without need"
)


def archived(case: Case) -> Finding:
    check = "BUCKET-16"
    keys, sample = case.fact("keys"), case.fact("sample")
    given = [item for item in _read(keys) if _is_archived(item.get("head"))]
    sampled = _found(sample, "archived")
    if given or sampled["count"]:
        named = [{"key": item["key"], "storage_class": _class(item["head"])} for item in given] + sampled["first"]
        return case.failed(
            check,
            f"{len(given)} given and {sampled['count']} sampled recordings must be restored first: {_names(named)}",
            evidence=tuple(_evidence(item) for item in named),
            fix=case.fix(
                "restore_objects", "restore the archived versions", objects=[_evidence(item) for item in named]
            ),
        )
    if not given and _skipped(sample):
        return case.not_applicable(check, _NOT_SAMPLED)
    return _open(case, check, keys, sample, "head") or case.passed(check, f"nothing archived {_extent(sample)}")


def hidden(case: Case) -> Finding:
    check = "BUCKET-17"
    keys, sample = case.fact("keys"), case.fact("sample")
    given = [item["key"] for item in _read(keys) if _latest_is_marker(item.get("versions"))]
    sampled = _found(sample, "hidden")
    if given or sampled["count"]:
        named = [{"key": key} for key in given] + sampled["first"]
        return case.failed(
            check,
            f"{len(given)} given and {sampled['count']} sampled keys are hidden by a delete marker: {_names(named)}",
            evidence=tuple(_evidence(item) for item in named),
            fix=case.fix(
                "remove_delete_markers",
                "read by version id; remove the markers once the deletion is accounted for",
                objects=[_evidence(item) for item in named],
            ),
        )
    if not given and _skipped(sample):
        return case.not_applicable(check, _NOT_SAMPLED)
    return _open(case, check, keys, sample, "versions") or case.passed(check, f"no delete marker {_extent(sample)}")


def ambiguous(case: Case) -> Finding:
    check = "BUCKET-18"
    keys = case.fact("keys")
    unclear = case.open_question(check, keys)
    if unclear is not None:
        return unclear
    if not keys:
        if _skipped(case.fact("sample")):
            return case.not_applicable(check, _NOT_SAMPLED)
        several = _found(case.fact("sample"), "several")["count"]
        return case.not_applicable(
            check, f"no recordings were given (edge_recording_keys); {several} sampled keys have several versions"
        )
    counts = {item["key"]: _versions(item) for item in keys}
    wrong = {key: count for key, count in counts.items() if count not in (None, 1)}
    if wrong:
        texts = [f"{key} has {count or 'no'} version{'s' if count != 1 else ''}" for key, count in wrong.items()]
        return case.failed(
            check,
            "; ".join(texts[:5]),
            evidence=tuple(
                {"operation": "s3:ListObjectVersions", "key": item["key"], "version_ids": _version_ids(item)}
                for item in keys
                if item["key"] in wrong
            ),
            fix=case.fix("pin_versions", "ask for the version that is the evidence by its id", keys=sorted(wrong)),
        )
    return _open(case, check, keys, {}, "versions") or case.passed(
        check, f"{len(keys)} given recordings, one version each"
    )


def _skipped(sample: Any) -> bool:
    return isinstance(sample, Mapping) and "skipped" in sample


def _open(case: Case, check: str, keys: Any, sample: Any, part: str) -> Finding | None:
    """Unknown where nothing bad was seen, and something could not be looked at."""
    unclear = case.open_question(check, keys, sample)
    if unclear is not None:
        return unclear
    parts = [unread(item.get(part)) or item.get(part) for item in _read(keys)]
    return case.open_question(check, *parts)


def _read(keys: Any) -> list[Mapping[str, Any]]:
    return keys if isinstance(keys, list) else []


def _found(sample: Any, kind: str) -> Mapping[str, Any]:
    nothing: dict[str, Any] = {"count": 0, "first": []}
    return sample.get(kind, nothing) if isinstance(sample, Mapping) else nothing


def _is_archived(head: Any) -> bool:
    if not isinstance(head, Mapping):
        return False
    cold = head.get("StorageClass") in ARCHIVE_CLASSES or bool(head.get("ArchiveStatus"))
    return cold and 'ongoing-request="false"' not in str(head.get("Restore", ""))


def _class(head: Mapping[str, Any]) -> str:
    return str(head.get("ArchiveStatus") or head.get("StorageClass"))


def _latest_is_marker(versions: Any) -> bool:
    return isinstance(versions, list) and bool(versions) and bool(versions[0]["marker"])


def _versions(item: Mapping[str, Any]) -> int | None:
    found = item.get("versions")
    return sum(not entry["marker"] for entry in found) if isinstance(found, list) else None


def _version_ids(item: Mapping[str, Any]) -> list[Any]:
    return [entry["version_id"] for entry in item["versions"] if not entry["marker"]][:10]


def _evidence(item: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: item[name] for name in ("key", "version_id", "storage_class", "created") if item.get(name)}
    return {"operation": "s3:ListObjectVersions", **kept}


def _names(items: Iterable[Mapping[str, Any]]) -> str:
    keys = list(dict.fromkeys(str(item["key"]) for item in items))
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def _extent(sample: Any) -> str:
    if isinstance(sample, Unread) or not isinstance(sample, Mapping):
        return "among the given recordings"
    entries = sample["versions"] + sample["markers"]
    return f"among the first {entries} entries" if sample["truncated"] else f"among all {entries} entries"
