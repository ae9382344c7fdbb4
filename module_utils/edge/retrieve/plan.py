# SPDX-License-Identifier: GPL-3.0-or-later
"""Which object versions are fetched: decided by rule before the first byte, and said. Pure.

A plan:
    {"schema": 1, "bucket", "endpoint", "region", "rule", "as_of", "delete_markers", "made", "inputs_sha256",
     "asked": [{"kind", "value", ...}],
     "objects": [{"key", "role": "recording" | "metadata", "asked": [names], "state", "reason", "version_id", "etag",
                  "size", "storage_class", "last_modified", "path", "versions": [entry], "notes": [text]}],
     "missing": [{"asked", "reason"}], "duplicates": [{"asked", "keys"}], "size": bytes to fetch}
state: fetch | ambiguous | deleted | archived | missing; only `fetch` is fetched.
An entry: {"version_id", "last_modified", "size", "etag", "storage_class", "is_latest", "marker"}, newest first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..finding import EdgepathError
from .asked import Asked
from .keys import belongs, is_metadata, local_paths

SCHEMA = 1
RULES = ("latest", "as_of", "fail")
MARKER_RULES = ("fail", "fetch_below")
# Must be restored before they can be read (Amazon S3 User Guide, "Working with archived objects").
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True)
class Rule:
    """How one version is chosen of several.

    name: of RULES.  as_of: for `as_of`, the newest version that was there at that time.
    delete_markers: of MARKER_RULES; what is done where a delete marker hides the versions below it.
    """

    name: str = "latest"
    as_of: datetime | None = None
    delete_markers: str = "fail"

    def __post_init__(self) -> None:
        if self.name not in RULES or self.delete_markers not in MARKER_RULES:
            raise EdgepathError(f"the rule {self.name}/{self.delete_markers} is not known")
        if (self.name == "as_of") != (self.as_of is not None):
            raise EdgepathError("the rule as_of, and only that, needs a time")


@dataclass(frozen=True)
class Entry:
    """A version or a delete marker, as listed."""

    key: str
    version_id: str
    last_modified: datetime
    size: int = 0
    etag: str = ""
    storage_class: str = "STANDARD"
    is_latest: bool = False
    marker: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            **{k: v for k, v in self.__dict__.items() if k != "key"},
            "last_modified": self.last_modified.isoformat(),
        }


@dataclass(frozen=True)
class Choice:
    """The version that the rule chose, or None and why."""

    state: str
    reason: str
    entry: Entry | None = None
    notes: tuple[str, ...] = ()


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """S3 lists versions newest first and markers apart: the latest of all is marked, times order the rest."""
    return sorted(entries, key=lambda entry: (entry.is_latest, entry.last_modified), reverse=True)


def choose(entries: Sequence[Entry], rule: Rule) -> Choice:
    """One key's versions and markers, newest first -> the version to fetch."""
    if rule.name == "fail" and len(entries) > 1:
        return Choice("ambiguous", f"{_count(entries)}; the rule is to fail. Choose latest or as_of")
    eligible = list(entries)
    if rule.as_of is not None:
        eligible = [entry for entry in entries if entry.last_modified <= rule.as_of]
        if not eligible:
            return Choice("missing", f"nothing was there at {rule.as_of.isoformat()}; the oldest is of "
                                     f"{entries[-1].last_modified.isoformat()}")  # fmt: skip
    versions = [entry for entry in eligible if not entry.marker]
    if not versions:
        return Choice("missing", "delete markers are left of it, and no version")
    notes = () if len(entries) == 1 else (_count(entries),)
    if eligible[0].marker:
        hidden = f"a delete marker of {eligible[0].last_modified.isoformat()} hides it"
        if rule.delete_markers == "fail":
            return Choice("deleted", f"{hidden}; the rule is to fail. Choose delete_markers: fetch_below", None, notes)
        notes = (*notes, f"{hidden}; the newest version below is taken by rule")
    reason = "the only version" if len(entries) == 1 else f"chosen by the rule {_rule_text(rule)}"
    return Choice("fetch", reason, versions[0], notes)


def make(asked: Sequence[Asked], listed: Iterable[Entry], rule: Rule, metadata: bool = True) -> dict[str, Any]:
    """The plan (without the fields of where and when): every key that was asked for, and what was not found.

    metadata: whether the metadata beside a recording is fetched with it.
    """
    by_key: dict[str, list[Entry]] = {}
    for entry in listed:
        by_key.setdefault(entry.key, []).append(entry)
    ordered = {key: newest_first(entries) for key, entries in by_key.items()}
    wanted: dict[str, list[str]] = {}
    missing: list[dict[str, Any]] = []
    duplicates: list[dict[str, Any]] = []
    for item in asked:
        keys = [key for key, entries in ordered.items() if item.wants(key, entries[0].last_modified)]
        recordings = [key for key in keys if not is_metadata(key)] or (keys if item.kind == "key" else [])
        if not recordings:
            missing.append({"asked": item.name, "reason": _why_missing(item, keys)})
        if item.kind == "recording" and len(recordings) > 1:
            duplicates.append({"asked": item.name, "keys": sorted(recordings)})
        for key in recordings:
            wanted.setdefault(key, []).append(item.name)
    objects = [_object(key, names, choose(ordered[key], rule), ordered[key]) for key, names in wanted.items()]
    if metadata:
        objects += _beside(wanted, ordered, rule)
    objects.sort(key=lambda item: str(item["key"]))
    _place(objects)
    return {"objects": objects, "missing": missing, "duplicates": duplicates,
            "size": sum(item["size"] for item in objects if item["state"] == "fetch")}  # fmt: skip


def refuse(item: Mapping[str, Any], state: str, reason: str) -> dict[str, Any]:
    """An object of the plan that turned out not to be fetched."""
    return {**item, "state": state, "reason": reason}


def archived(storage_class: str | None, archive_status: str | None, restore: str | None) -> str | None:
    """Why an object cannot be read now, from HeadObject; None where it can. restore: the Restore header."""
    if storage_class not in ARCHIVED and archive_status is None:
        return None
    if restore is not None and 'ongoing-request="false"' in restore:
        return None
    kept = archive_status or storage_class
    if restore is not None:
        return f"it is in {kept} and being restored; try again when that is done"
    return f"it is in {kept}; restore it first (s3:RestoreObject), then run this again"


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """SHA-256 over what a plan was made from: a plan is kept while this is the same."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode("utf-8")).hexdigest()


def _beside(wanted: Mapping[str, list[str]], ordered: Mapping[str, list[Entry]], rule: Rule) -> list[dict[str, Any]]:
    found = []
    for key in ordered:
        if key in wanted or not is_metadata(key):
            continue
        names = [name for recording, names in wanted.items() if belongs(key, recording) for name in names]
        if names:
            found.append(_object(key, list(dict.fromkeys(names)), choose(ordered[key], rule), ordered[key]))
    return found


def _object(key: str, names: Sequence[str], choice: Choice, entries: Sequence[Entry]) -> dict[str, Any]:
    entry = choice.entry or replace(entries[0], version_id="", etag="", size=0)
    return {
        "key": key,
        "role": "metadata" if is_metadata(key) else "recording",
        "asked": list(names),
        "state": choice.state,
        "reason": choice.reason,
        "notes": list(choice.notes),
        "version_id": entry.version_id,
        "etag": entry.etag,
        "size": entry.size,
        "storage_class": entry.storage_class,
        "last_modified": entry.last_modified.isoformat(),
        "versions": [item.to_dict() for item in entries],
    }


def _place(objects: list[dict[str, Any]]) -> None:
    try:
        paths = local_paths(str(item["key"]) for item in objects)
    except ValueError as error:
        raise EdgepathError(f"cannot place the recordings: {error}") from None
    for item in objects:
        item["path"] = paths[str(item["key"])]


def _count(entries: Sequence[Entry]) -> str:
    markers = sum(entry.marker for entry in entries)
    versions = len(entries) - markers
    text = f"{versions} version{'s' if versions != 1 else ''}"
    return f"{text} and {markers} delete marker{'s' if markers != 1 else ''}" if markers else text


def _rule_text(rule: Rule) -> str:
    return rule.name if rule.as_of is None else f"as_of {rule.as_of.isoformat()}"


def _why_missing(item: Asked, keys: Sequence[str]) -> str:
    if keys:
        return f"only metadata is there: {', '.join(sorted(keys)[:3])}"
    if item.kind == "prefix":
        return "no object is below this prefix in this window"
    return "no object version and no delete marker has it"
