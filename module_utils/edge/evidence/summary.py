# SPDX-License-Identifier: GPL-3.0-or-later
"""The human-readable summary of a package, as sections of text and tables; HTML and PDF are made from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MOST_ROWS = 2000
# Defects listed for one recording; the audio report has them all.
_MOST_DEFECTS = 10


@dataclass(frozen=True)
class Section:
    """text: paragraphs. head and rows: a table; widths: shares of the page for its columns."""

    title: str
    text: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    widths: Sequence[int] = ()


def sections(facts: Mapping[str, Any]) -> list[Section]:
    """facts: {"about", "objects", "audio", "reconciliation", "journal", "clock", "caller", "timestamp"}."""
    return [
        _about(facts),
        _meaning(),
        _reconciliation(facts["reconciliation"]),
        _objects(facts["objects"]),
        _audio(facts["audio"]),
        *_defects(facts["audio"]),
        _record(facts),
    ]


def _about(facts: Mapping[str, Any]) -> Section:
    about = facts["about"]
    size = sum(int(item["size"]) for item in facts["objects"])
    rows = [
        ("Matter", about["matter"] or "not stated"),
        ("Made by", about["custodian"]),
        ("Made at", about["sealed"]),
        ("Objects", f"{len(facts['objects'])}, {size} bytes"),
        ("Signing key (SHA-256)", about["keyid"]),
    ]
    return Section("Evidence package", (), ("", ""), rows, (25, 75))


def _meaning() -> Section:
    return Section(
        "What is shown, and what is not",
        (
            "Copy. The SHA-256 and SHA-512 of every file in data/ stand in the manifests, the manifests' own in the "
            "tag manifests, and those are signed. They show that the files are, byte for byte, those that were packed. "
            "Where the storage gave checksums of its own, the comparison with them is under Objects: it shows that "
            "what was packed is what the storage held.",
            "Source. The audio report says whether each recording, as the storage gave it, is whole in its structure "
            "and as long as stated. Hashes cannot show such a defect. Where the copy was compared with the storage's "
            "checksums, a defect was in the source before it was copied; where it was not, the cause stays open.",
            "Neither shows who spoke, or that the recording was made as it should have been.",
        ),
    )


def _reconciliation(data: Mapping[str, Any] | None) -> Section:
    title = "What was asked for, and what is here"
    if data is None:
        return Section(title, ("No reconciliation was given: whether everything asked for is here is not stated.",))
    names = ("asked", "found", "fetched", "verified", "missing", "duplicate")
    counts = ", ".join(f"{name}: {data.get(name, 'not stated')}" for name in names)
    complete = data.get("complete")
    word = "Complete" if complete is True else "NOT COMPLETE" if complete is False else "Not stated to be complete"
    items = data.get("items")
    listed = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    rows = [[str(item.get(name, "")) for name in ("asked", "state", "reason")] for item in listed]
    return Section(title, (f"{word}. {counts}.",), ("Asked", "State", "Reason"), rows[:_MOST_ROWS], (40, 15, 45))


def _objects(objects: Sequence[Mapping[str, Any]]) -> Section:
    rows = [
        [
            f"{item['key']} (version {item['version_id']})",
            str(item["path"]),
            str(item["size"]),
            str(item["sha256"]),
            _compared(item),
        ]
        for item in objects[:_MOST_ROWS]
    ]
    head = ("Key", "File", "Bytes", "SHA-256", "Compared with the storage's checksums")
    return Section("Objects", (), head, rows, (26, 22, 10, 24, 18))


def _compared(item: Mapping[str, Any]) -> str:
    if item.get("verified") is False:
        return "no: the storage gave nothing to compare with"
    names = item.get("service_checksums")
    agree = names.get("agree", sorted(names)) if isinstance(names, dict) else []
    if agree:
        return ", ".join(str(name) for name in agree)
    if item.get("verified") is True:
        return "two downloads were the same; the storage gave nothing to compare with"
    return "not stated"


def _audio(audio: Mapping[str, Any]) -> Section:
    rows = []
    for item in audio["recordings"][:_MOST_ROWS]:
        told = item["reconciliation"]
        stated = [
            f"{entry['stated_by']} {entry['seconds']:.1f}"
            for entry in told["durations"]
            if entry["seconds"] is not None
        ]
        measured = told["measured_seconds"]
        rows.append(
            [
                str(item["path"]),
                str(item["walk"]["codec"] or item["walk"]["format"] or "unknown"),
                "unknown" if measured is None else f"{measured:.1f}",
                ", ".join(stated) or "nothing",
                f"{told['status']}. {told['sentence']}",
            ]
        )
    head = ("File", "Coding", "Seconds", "Stated seconds", "Source")
    return Section("Audio: what the walk shows about the source", (), head, rows, (30, 10, 10, 15, 35))


def _defects(audio: Mapping[str, Any]) -> list[Section]:
    rows = []
    for item in audio["recordings"][:_MOST_ROWS]:
        for defect in item["reconciliation"]["defects"][:_MOST_DEFECTS]:
            at = "not known" if defect["at_seconds"] is None else f"{defect['at_seconds']:.3f} s"
            explained = defect["explained_by"] or "nothing"
            rows.append([str(item["path"]), at, f"{defect['kind']}: {defect['detail']}", str(explained)])
    if not rows:
        return []
    return [Section("Defects of the source", (), ("File", "At", "What", "Explained by"), rows, (30, 10, 40, 20))]


def _record(facts: Mapping[str, Any]) -> Section:
    journal, clock, caller = facts["journal"], facts["clock"], facts["caller"]
    events = f"{journal['entries']} events, head {journal['head']}" if journal else "absent: no journal was given"
    offset = "not measured against any time source"
    if clock:
        offset = f"{clock['offset_seconds']} s against {clock['source']} (uncertainty {clock['uncertainty_seconds']} s)"
    rows = [
        ("Journal of requests", events),
        ("Clock of the machine", offset),
        ("Caller identity", str((caller or {}).get("Arn", "not stated"))),
        ("Timestamp (RFC 3161)", facts["timestamp"]["text"]),
        ("To check all this", "VERIFY.md, with standard tools alone"),
    ]
    return Section("Record", (), ("", ""), rows, (25, 75))
