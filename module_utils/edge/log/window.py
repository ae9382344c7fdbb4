# SPDX-License-Identifier: GPL-3.0-or-later
"""A span of time in UTC, and the one way in which times are read and written. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..finding import EdgepathError

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?\s?(Z|UTC|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def parse_time(value: Any) -> float:
    """Seconds since 1970 in UTC, of ISO 8601 text (without an offset it is UTC); ValueError where it is none."""
    match = _ISO.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 64 else None
    if match is None:
        raise ValueError("is not a time in ISO 8601, such as 2026-11-20T02:03:41Z")
    year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
    at = datetime(year, month, day, hour, minute, int(match.group(6) or 0), tzinfo=timezone.utc)
    fraction = float(f"0.{match.group(7)}") if match.group(7) else 0.0
    return (at - EPOCH).total_seconds() + fraction - offset_seconds(match.group(8) or "Z")


def offset_seconds(text: str) -> int:
    """Seconds east of UTC: `Z`, `UTC`, `+01:00`, `-0530`."""
    if text.upper() in ("Z", "UTC"):
        return 0
    digits = text[1:].replace(":", "")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if text[0] == "-" else seconds


def iso(seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds; years that no calendar has are written as seconds."""
    try:
        text = (EPOCH + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    except OverflowError:
        return f"{seconds:g} s"
    return text.replace("+00:00", "Z")


@dataclass(frozen=True)
class Window:
    """start, end: seconds since 1970, UTC; both belong to it."""

    start: float
    end: float

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any] | None) -> Window | None:
        """Of `edge_window`: {"start", "end"}; None where none is given. EdgepathError names the wrong key."""
        if not data:
            return None
        wrong = sorted(set(data) - {"start", "end"})
        if wrong:
            raise EdgepathError(f"edge_window: unknown key {', '.join(map(str, wrong))}; known are start, end")
        times = {}
        for key in ("start", "end"):
            try:
                times[key] = parse_time(data.get(key))
            except ValueError as error:
                reason = str(error) if str(error).startswith("is not") else f"is no time ({error})"
                raise EdgepathError(f"edge_window.{key} {data.get(key)!r} {reason}") from None
        if times["end"] <= times["start"]:
            raise EdgepathError("edge_window.end must be later than edge_window.start")
        return cls(times["start"], times["end"])

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def to_dict(self) -> dict[str, str]:
        return {"start": iso(self.start), "end": iso(self.end)}

    def wider(self, seconds: float) -> Window:
        return Window(self.start - seconds, self.end + seconds)

    def holds(self, at: float) -> bool:
        return self.start <= at <= self.end

    def meets(self, first: float, last: float) -> bool:
        """Whether any of [first, last] lies in it."""
        return first <= self.end and last >= self.start

    def overlap(self, first: float, last: float) -> tuple[float, float]:
        """The part of [first, last] that lies in it; of no length, or a negative one, where none does."""
        return max(first, self.start), min(last, self.end)
