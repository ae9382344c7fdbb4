# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of a recording against what is said about it: stated lengths, channels, and annotated lawful pauses. Pure.

A pause explains missing or silent time where it was announced, and time that a cut recording lacks.  It never explains
a wrong checksum, a lost page or a cut file.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .model import EXPLAINABLE, AudioReport, Defect, judge

# The reasons of a pause annotation (Genesys Cloud platform API, model Annotation, field reason).
PAUSE_REASONS = ("SecurePause", "FlowOrQueue", "Hold", "Pause")
# Where a pause stands: in the recording as it was cut, in the call, or undescribed (same model).
_STARTS = ("recordingLocation", "realtimeLocation", "location")
_LENGTHS = ("durationMs", "recordingDurationMs", "absoluteDurationMs")
# Stated lengths are of the call, in whole milliseconds at best, and recorders start late by a packet or two.
TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True)
class Pause:
    """A lawful pause. starts: seconds by timeline, one or more of _STARTS; length: seconds."""

    reason: str
    length: float
    starts: Mapping[str, float]

    def covers(self, defect: Defect) -> str | None:
        """The timeline on which the defect lies within this pause; None where it does not."""
        if defect.at_seconds is None or defect.length is None:
            return None
        for name, start in self.starts.items():
            low, high = start - TOLERANCE_SECONDS, start + self.length + TOLERANCE_SECONDS
            if low <= defect.at_seconds and defect.at_seconds + defect.length <= high:
                return name
        return None

    def to_dict(self) -> dict[str, Any]:
        return {"reason": self.reason, "length": self.length, "starts": dict(self.starts)}


def pauses(annotations: Iterable[Any]) -> tuple[list[Pause], list[str]]:
    """The lawful pauses among annotations in the vendor's shape, and what could not be read."""
    found, problems = [], []
    for index, item in enumerate(annotations):
        if not isinstance(item, Mapping):
            problems.append(f"annotation {index} is no object")
            continue
        reason = item.get("reason") or ("Pause" if "pause" in str(item.get("type", "")).lower() else None)
        if reason not in PAUSE_REASONS:
            continue
        starts = {name: value / 1000 for name in _STARTS if (value := _number(item.get(name))) is not None}
        lengths = [value / 1000 for name in _LENGTHS if (value := _number(item.get(name)))]
        if starts and lengths:
            found.append(Pause(str(reason), max(lengths), starts))
        else:
            problems.append(f"annotation {index} ({reason}) does not say where it is and how long")
    return found, problems


def stated_seconds(document: Any) -> float | None:
    """The length that metadata or a job states: durationMs, outputDurationMs, audio_seconds (edge_export_job_info), or
    from startTime to endTime.
    """
    if not isinstance(document, Mapping):
        return None
    for name, unit in (("durationMs", 1000), ("outputDurationMs", 1000), ("audio_seconds", 1)):
        value = _number(document.get(name))
        if value:
            return value / unit
    try:
        start, end = (
            datetime.fromisoformat(str(document[name]).replace("Z", "+00:00")) for name in ("startTime", "endTime")
        )
        seconds = (end - start).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
    return seconds if seconds > 0 else None


def reconcile(
    report: AudioReport,
    stated: Mapping[str, float | None],
    lawful: Sequence[Pause] = (),
    channels: int | None = None,
) -> dict[str, Any]:
    """What the walk means, given what is stated.

    stated: seconds by who states them (``{"metadata": 3600.0, "job": None}``).  The result's ``status``: continuous |
    explained (all that is missing lies within lawful pauses) | uncompared (whole in itself, nothing states its
    length) | doubtful | defective | unknown.
    """
    measured = report.decoded_seconds if report.decoded_seconds is not None else report.structural_seconds
    durations, defects = [], list(report.defects)
    for who, seconds in stated.items():
        entry = _compare(who, seconds, measured, lawful)
        durations.append(entry)
        if entry["agrees"] is False and seconds is not None and measured is not None:
            text = f"{who} says {seconds:.3f} s, the audio has {measured:.3f} s"
            defects.append(Defect("duration_mismatch", text, length=abs(seconds - measured)))
    if channels is not None and report.channels is not None and channels != report.channels:
        text = f"{channels} channels are stated, the audio has {report.channels}"
        defects.append(Defect("channel_mismatch", text))
    told = [{**defect.to_dict(), "explained_by": _explanation(defect, lawful)} for defect in defects]
    open_kinds = [item["kind"] for item in told if item["explained_by"] is None]
    explained = len(open_kinds) < len(told) or any(entry["explained_by"] for entry in durations)
    status = judge(open_kinds)
    if status == "continuous" and not any(entry["agrees"] for entry in durations):
        status = "uncompared"
    elif status == "continuous" and explained:
        status = "explained"
    return {
        "status": status,
        "sentence": _SENTENCES[status],
        "measured_seconds": measured,
        "durations": durations,
        "pauses": [pause.to_dict() for pause in lawful],
        "defects": told,
        "defects_left_out": report.defects_left_out,
    }


# All of them speak of the source; that the copy equals it is said by the hashes, elsewhere.
_SENTENCES = {
    "continuous": "The recording, as the storage gave it, is whole in its structure and as long as stated.",
    "explained": "The recording, as the storage gave it, lacks sound only where a lawful pause is annotated.",
    "uncompared": "The recording, as the storage gave it, is whole in itself; nothing states how long it should be.",
    "doubtful": "The recording, as the storage gave it, holds exact silence that no annotation explains: listen to it.",
    "defective": "The recording, as the storage gave it, is not whole. Its hashes say whether the copy is to blame.",
    "unknown": "The recording's format is not walked: whether the source is whole is not known.",
}


def _compare(who: str, seconds: float | None, measured: float | None, lawful: Sequence[Pause]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "stated_by": who,
        "seconds": seconds,
        "difference": None,
        "agrees": None,
        "explained_by": None,
    }
    if seconds is None or measured is None:
        return entry
    difference = seconds - measured
    entry["difference"] = round(difference, 6)
    entry["agrees"] = abs(difference) <= TOLERANCE_SECONDS
    if difference > TOLERANCE_SECONDS:
        entry["explained_by"] = _cut_pauses(difference, lawful)
        entry["agrees"] = entry["explained_by"] is not None
    return entry


def _cut_pauses(difference: float, lawful: Sequence[Pause]) -> str | None:
    """A recorder cuts out pauses by their reason: all of one reason, or none."""
    totals: dict[str, float] = {}
    for pause in lawful:
        totals[pause.reason] = totals.get(pause.reason, 0.0) + pause.length
    for count in range(len(totals), 0, -1):
        for reasons in itertools.combinations(sorted(totals), count):
            total = sum(totals[reason] for reason in reasons)
            if abs(difference - total) <= TOLERANCE_SECONDS:
                return f"{total:.3f} s of annotated pauses ({', '.join(reasons)}) were cut out"
    return None


def _explanation(defect: Defect, lawful: Sequence[Pause]) -> str | None:
    if defect.kind not in EXPLAINABLE:
        return None
    for pause in lawful:
        timeline = pause.covers(defect)
        if timeline is not None:
            return f"{pause.reason} at {pause.starts[timeline]:.3f} s for {pause.length:.3f} s ({timeline})"
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        return None
    return float(value)
