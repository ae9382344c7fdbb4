# SPDX-License-Identifier: GPL-3.0-or-later
"""The timestamps at the head of log lines: which format they have, and what time they tell.

A block of lines is bytes in which every line, the first too, begins with a line feed: `\\n` is then both the cheapest
thing to search for and the anchor of a timestamp. The *key* of a timestamp is its text up to the minute (the ten
seconds of an epoch): lines of one key lie within `span` seconds, and are counted instead of read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ..finding import EdgepathError
from .window import EPOCH, offset_seconds

# What may stand before a timestamp: a byte order mark, colour, a syslog priority (RFC 5424, 6.2.1), a level, a bracket.
_LEAD = (
    rb"\n(?:\xef\xbb\xbf)?(?:\x1b\[[0-9;]*m)?(?:<\d{1,3}>(?:1 )?)?"
    rb"(?:(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL) {1,8})?[\[(]?"
)
_MONTH_NAMES = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_MONTHS = {name: at for at, name in enumerate(_MONTH_NAMES, start=1)}
_MONTH = rb"(?P<month_name>(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))[a-z]{0,6}"
_CLOCK = rb"(?P<hour>\d\d):(?P<minute>\d\d)"
_SECONDS = rb"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
_OFFSET = rb"(?: ?(?P<offset>Z|UTC|[+-]\d\d:?\d\d)\b)?"
_DAY = rb"(?P<day>[ \d]?\d)"
_ISO = rb"(?P<key>(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T ]" + _CLOCK + rb")" + _SECONDS + _OFFSET

# ISO 8601; RFC 3164, 4.1.2; POSIX seconds, milliseconds or microseconds; log4j's PatternLayout, %d{DATE}.
FORMATS: dict[str, bytes] = {
    "iso8601": _ISO,
    "log4j": rb"(?P<key>" + _DAY + rb" " + _MONTH + rb" (?P<year>\d{4}) " + _CLOCK + rb")" + _SECONDS,
    "syslog": rb"(?P<key>" + _MONTH + rb" " + _DAY + rb" (?:(?P<year>\d{4}) )?" + _CLOCK + rb")" + _SECONDS,
    "epoch": rb"(?P<key>(?P<epoch>[1-3]\d{8}))(?P<epoch_rest>\d(?:[.,]\d{1,9}|\d{3}|\d{6})?)(?!\d)",
}
_SPANS = {"epoch": 10.0}
# strptime(3) and date(1), what of them a timestamp needs.
_DIRECTIVES: dict[str, bytes] = {
    "Y": rb"(?P<year>\d{4})", "y": rb"(?P<short_year>\d\d)", "m": rb"(?P<month>\d\d?)", "d": _DAY, "e": _DAY,
    "H": rb"(?P<hour>[ \d]?\d)", "I": rb"(?P<hour>[ \d]?\d)", "p": rb"(?P<half>[AaPp])\.?[Mm]\.?",
    "M": rb"(?P<minute>\d\d)", "S": rb"(?P<second>\d\d)", "f": rb"(?P<fraction>\d{1,9})", "b": _MONTH, "B": _MONTH,
    "h": _MONTH, "a": rb"[A-Za-z]+", "A": rb"[A-Za-z]+", "z": rb"(?P<offset>Z|UTC|[+-]\d\d:?\d\d)",
    "s": rb"(?P<epoch>\d{9})(?P<epoch_rest>\d)", "%": rb"%", "n": rb"\s+", "t": rb"\s+",
}  # fmt: skip
_EARLIER = "YymdeHIbBhp"
_ALIKE = ("Yy", "mbBh", "de", "HI")
HEAD_BYTES = 256 * 1024
_HEAD_LINES = 400
_HALF_YEAR = 183 * 86400.0


@dataclass(frozen=True)
class Format:
    """name: one of FORMATS, or the pattern that was told.  stamp: matches at the line feed before a timestamp."""

    name: str
    stamp: re.Pattern[bytes]
    key: re.Pattern[bytes]
    span: float


def _format(name: str, pattern: bytes, span: float = 60.0) -> Format:
    bare = re.sub(rb"\?P<\w+>", rb"?:", pattern)
    return Format(name, re.compile(_LEAD + pattern), re.compile(_LEAD + bare), span)


def choose(given: str | None, head: bytes) -> Format | None:
    """The format that `edge_log_format` tells (one of FORMATS, or a pattern of strptime(3) directives), else what the
    first lines have; None where they have none. EdgepathError where what is told is no format."""
    if given is None:
        return detect(head)
    if given.strip().lower() == "log4j":  # %d{ISO8601} unless it is configured to %d{DATE}
        return detect(head, only=("iso8601", "log4j"))
    return _told(given)


def _told(name: str) -> Format:
    lower = name.strip().lower()
    if lower in FORMATS:
        return _format(lower, FORMATS[lower], _SPANS.get(lower, 60.0))
    if "%" not in name:
        raise EdgepathError(
            f"edge_log_format {name!r} is not known; known are {', '.join(FORMATS)} and patterns such as "
            "'%Y-%m-%d %H:%M:%S,%f'"
        )
    return _format(name, _from_directives(name))


def _from_directives(name: str) -> bytes:
    parts: list[bytes] = []
    used: list[str] = []
    close = 0
    for token in re.findall(r"%.|[^%]+|%$", name):
        if not token.startswith("%"):
            parts.append(re.escape(token.encode()))
            continue
        if token[1:] not in _DIRECTIVES:
            raise EdgepathError(f"edge_log_format {name!r}: {token} is not known; known are %{' %'.join(_DIRECTIVES)}")
        told = next((group for group in _ALIKE if token[1] in group), token[1] if token[1] not in "%nt" else "")
        if any(letter in told for letter in used):
            raise EdgepathError(f"edge_log_format {name!r}: {token} tells what stands in it already")
        used.append(token[1])
        parts.append(_DIRECTIVES[token[1]])
        if token[1] in "Ms" or (close and token[1] in _EARLIER):
            close = len(parts)
    if not (
        "s" in used or (set("HI") & set(used) and "M" in used and set("de") & set(used) and set("mbBh") & set(used))
    ):
        raise EdgepathError(f"edge_log_format {name!r} does not tell month, day, hour and minute")
    try:
        pattern = rb"(?P<key>" + b"".join(parts[:close]) + rb")" + b"".join(parts[close:])
        re.compile(pattern)
    except re.error as error:
        raise EdgepathError(f"edge_log_format {name!r} cannot be used: {error}") from None
    return pattern


def detect(head: bytes, only: Sequence[str] = tuple(FORMATS)) -> Format | None:
    """The format that most of the first lines have; None where none has any. head: a block."""
    lines = b"\n".join(head.split(b"\n", _HEAD_LINES)[:_HEAD_LINES])  # many enough, and a bound for what is no log
    formats = [_format(name, FORMATS[name], _SPANS.get(name, 60.0)) for name in only]
    counted = [(len(each.key.findall(lines)), each) for each in formats]
    best = max(counted, key=lambda item: item[0])
    return best[1] if best[0] else None


class Clock:
    """Turns matched timestamps into seconds since 1970, UTC.

    newest: when the file was last written; anchors the year where timestamps have none.
    """

    def __init__(self, zone: tzinfo, newest: float) -> None:
        self._zone = zone
        self._newest = newest
        self._year: int | None = None
        self._bases: dict[tuple[bytes, bytes | None], float] = {}

    def read(self, match: re.Match[bytes], previous: float | None) -> float | None:
        """The time of a match of Format.stamp; None where it is no time (the 30th of February).

        previous: of the line before, by which the year and, when clocks go back, one of two equal hours is chosen.
        """
        found = match.groupdict()
        if found.get("epoch"):
            return _epoch(found["epoch"], found["epoch_rest"])
        cached = (found["key"], found.get("offset"))
        base = self._bases.get(cached)
        if base is None:
            base, lasting = self._minute(found, previous)
            if base is None:
                return None
            if lasting:
                if len(self._bases) > 4096:
                    self._bases.clear()
                self._bases[cached] = base
        fraction = found.get("fraction")
        return base + int(found.get("second") or 0) + (float(b"." + fraction) if fraction else 0.0)

    def _minute(self, found: dict[str, bytes | None], previous: float | None) -> tuple[float | None, bool]:
        """The minute's first second, and whether that is so whatever stood before."""
        offset = found.get("offset")
        if found.get("year"):
            return self._in_year(int(found["year"] or 0), found, offset, previous)
        if found.get("short_year"):
            return self._in_year(2000 + int(found["short_year"] or 0), found, offset, previous)
        return self._yearless(found, offset, previous)

    def _in_year(
        self, year: int, found: dict[str, bytes | None], offset: bytes | None, previous: float | None
    ) -> tuple[float | None, bool]:
        month = _MONTHS[found["month_name"].lower()] if found.get("month_name") else int(found["month"] or 0)  # type: ignore[union-attr]
        hour = int(found["hour"] or 0)
        if found.get("half"):
            hour = hour % 12 + (12 if found["half"] in (b"P", b"p") else 0)
        try:
            plain = datetime(year, month, int(found["day"] or 0), hour, int(found["minute"] or 0))
            if offset is not None:
                shift = offset_seconds(offset.decode("ascii"))
                return (plain.replace(tzinfo=EPOCH.tzinfo) - EPOCH).total_seconds() - shift, True
            return _local(plain, self._zone, previous)
        except (ValueError, OverflowError):
            return None, False

    def _yearless(
        self, found: dict[str, bytes | None], offset: bytes | None, previous: float | None
    ) -> tuple[float | None, bool]:
        if previous is None or self._year is None:
            newest = datetime.fromtimestamp(max(0.0, min(self._newest, 4e9)), EPOCH.tzinfo).year
            # A leap day has no other year than a leap year: 8 years back there is always one.
            for year in range(newest + 1, newest - 9, -1):
                at, lasting = self._in_year(year, found, offset, previous)
                if at is not None and at <= self._newest + 86400.0:
                    self._year = year
                    return at, lasting
            return None, False
        for year in (self._year, self._year + 1, self._year - 1):
            at, lasting = self._in_year(year, found, offset, previous)
            if at is not None and abs(at - previous) < _HALF_YEAR:
                if year != self._year:
                    self._bases.clear()
                    self._year = year
                return at, lasting
        return None, False


def _epoch(first: bytes, rest: bytes | None) -> float:
    digits = (rest or b"").replace(b",", b".")
    whole, _, fraction = digits.partition(b".")
    if len(whole) > 1:  # milliseconds or microseconds, which have no point
        return float(first + whole[:1] + b"." + whole[1:])
    return float(first + whole + b"." + (fraction or b"0"))


def _local(plain: datetime, zone: tzinfo, previous: float | None) -> tuple[float, bool]:
    """A time of a wall clock. An hour that the clocks show twice is the second where the line before says so."""
    first = (plain.replace(tzinfo=zone, fold=0) - EPOCH).total_seconds()
    second = (plain.replace(tzinfo=zone, fold=1) - EPOCH).total_seconds()
    if second <= first:  # the usual case, or an hour that the clocks skip
        return first, True
    later = previous is not None and first + 60.0 < previous - 60.0
    return (second if later else first), False
