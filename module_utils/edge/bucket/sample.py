# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of ListObjectVersions, digested: what a judge needs of a thousand versions in a few kilobytes.

The digest of a listing holds counts and the first few of each kind:
    {"truncated": bool, "versions": 2, "markers": 1, "keys": 1, "storage_classes": {"STANDARD": 2},
     "archived": {"count": 0, "first": []},     versions that must be restored before they can be read
     "hidden":   {"count": 1, "first": [...]},  keys whose newest entry is a delete marker
     "several":  {"count": 1, "first": [...]},  keys with more than one version
     "below": {"recordings/": 1},               entries below each prefix that a lifecycle rule names
     "oldest": [...]}                           the oldest versions and markers, for simulation
An entry: {"key", "version_id", "created", "size", "storage_class", "current", "marker", "noncurrent_since",
"newer_noncurrent", "only_version", "restored"}; times are ISO 8601 in UTC, sizes bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .lifecycle import ARCHIVE_CLASSES
from .rules import utc

# S3 returns at most this many versions and markers in one answer (API Reference, ListObjectVersions, MaxKeys).
PAGE = 1000
FIRST = 10
# Stands for the digest of a bucket of which no page was read: nothing asked for one.
SKIPPED = {"skipped": True}
OLDEST = 25


def entries(listing: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The versions and markers of one answer, key by key, newest first, each with what stands above it."""
    by_key: dict[str, list[tuple[bool, Mapping[str, Any]]]] = {}
    for marker, kind in ((False, "Versions"), (True, "DeleteMarkers")):
        for item in listing.get(kind) or []:
            by_key.setdefault(item["Key"], []).append((marker, item))
    found: list[dict[str, Any]] = []
    cut = bool(listing.get("IsTruncated"))
    last = max(by_key, default=None)
    for key, group in sorted(by_key.items()):
        found += _key_entries(key, group, complete=not (cut and key == last))
    return found


def _key_entries(key: str, group: list[tuple[bool, Mapping[str, Any]]], complete: bool) -> list[dict[str, Any]]:
    group = sorted(group, key=lambda pair: (bool(pair[1].get("IsLatest")), pair[1]["LastModified"]), reverse=True)
    found: list[dict[str, Any]] = []
    newer = 0
    for position, (marker, item) in enumerate(group):
        found.append(
            {
                "key": key,
                "version_id": item.get("VersionId"),
                "created": stamp(item["LastModified"]),
                "size": item.get("Size"),
                "storage_class": item.get("StorageClass") or "STANDARD",
                "current": position == 0,
                "marker": marker,
                "noncurrent_since": stamp(group[position - 1][1]["LastModified"]) if position else None,
                "newer_noncurrent": newer,
                "only_version": (len(group) == 1) if complete or len(group) > 1 else None,
                "restored": bool((item.get("RestoreStatus") or {}).get("RestoreExpiryDate")),
            }
        )
        newer += 1 if position and not marker else 0
    return found


def digest(listing: Mapping[str, Any], prefixes: Iterable[str] = ()) -> dict[str, Any]:
    """What is kept of one answer. prefixes: those that lifecycle rules name."""
    found = entries(listing)
    versions = [entry for entry in found if not entry["marker"]]
    per_key = Counter(entry["key"] for entry in versions)
    return {
        "truncated": bool(listing.get("IsTruncated")),
        "versions": len(versions),
        "markers": len(found) - len(versions),
        "keys": len({entry["key"] for entry in found}),
        "storage_classes": dict(sorted(Counter(entry["storage_class"] for entry in versions).items())),
        "archived": _first(entry for entry in versions if archived(entry)),
        "hidden": _first(entry for entry in found if entry["current"] and entry["marker"]),
        "several": _first({"key": key, "versions": count} for key, count in sorted(per_key.items()) if count > 1),
        "below": {prefix: sum(entry["key"].startswith(prefix) for entry in found) for prefix in sorted(set(prefixes))},
        "oldest": [entry for kind in _kinds(found) for entry in sorted(kind, key=_created)[:OLDEST]],
    }


def archived(entry: Mapping[str, Any]) -> bool:
    """Whether GetObject fails on this version until it is restored."""
    return entry["storage_class"] in ARCHIVE_CLASSES and not entry["restored"]


def _kinds(found: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    every = list(found)
    markers = [entry for entry in every if entry["marker"]]
    current = [entry for entry in every if entry["current"] and not entry["marker"]]
    noncurrent = [entry for entry in every if not entry["current"] and not entry["marker"]]
    return [current, noncurrent, markers]


def _created(entry: Mapping[str, Any]) -> str:
    return str(entry["created"])


def _first(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    every = list(items)
    return {"count": len(every), "first": [dict(item) for item in every[:FIRST]]}


def stamp(moment: datetime | str) -> str:
    """A moment of an answer as ISO 8601 text in UTC."""
    return moment if isinstance(moment, str) else utc(moment).isoformat()
