# SPDX-License-Identifier: GPL-3.0-or-later
"""A hash chain of JSON lines: canonical form, one link, and the check of a whole chain. Pure.

A line is the canonical JSON of ``{"event": {...}, "hash": H, "prev": P, "seq": N, "time": T}`` and a newline.  H is the
SHA-256 (hex) of the canonical JSON of the same object without ``hash``; P is the H of the line before, 64 zeros for the
first; N counts from 1.  Canonical means: keys sorted, no spaces, everything outside ASCII escaped, no NaN.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ..finding import EdgepathError

GENESIS = "0" * 64
# Far above any event; keeps a damaged file without newlines from filling the memory.
MAX_LINE = 1 << 20
MAX_PROBLEMS = 20
_FIELDS = {"event", "hash", "prev", "seq", "time"}


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value; EdgepathError where it is none (NaN, bytes, a key that is no string)."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise EdgepathError(f"cannot write as canonical JSON: {error}") from None
    return text.encode("ascii")


def link(event: Mapping[str, Any], seq: int, time: str, prev: str) -> tuple[bytes, str]:
    """One line of the chain, with its newline, and its hash."""
    body = {"event": dict(event), "prev": prev, "seq": seq, "time": time}
    digest = hashlib.sha256(canonical(body)).hexdigest()
    line = canonical({**body, "hash": digest}) + b"\n"
    if len(line) > MAX_LINE:
        raise EdgepathError(f"an event of {len(line)} bytes is too long for the journal (at most {MAX_LINE})")
    return line, digest


@dataclass
class ChainReport:
    """What the check of a chain found.

    entries: good lines.  head: hash of the last good line.  size: bytes of the good lines.  problems: why the chain is
    broken, empty where it is whole.  notes: oddities that break nothing.  torn: bytes after the last newline.
    """

    entries: int = 0
    head: str = GENESIS
    size: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    torn: bytes = b""

    @property
    def whole(self) -> bool:
        return not self.problems and not self.torn


def read_line(raw: bytes) -> dict[str, Any]:
    """The object of one line (without newline) whose spelling and hash are right; ValueError says what is wrong."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if not isinstance(data, dict) or set(data) != _FIELDS or not isinstance(data["event"], dict):
        raise ValueError("has not the fields event, hash, prev, seq, time")
    if canonical(data) != raw:
        raise ValueError("is not in canonical form")
    body = {key: value for key, value in data.items() if key != "hash"}
    if hashlib.sha256(canonical(body)).hexdigest() != data["hash"]:
        raise ValueError("does not have the hash that it states")
    return data


def check(stream: BinaryIO) -> ChainReport:
    """Check a chain from its first byte; stops at the first broken line, since nothing after it is chained."""
    report = ChainReport()
    last_time = ""
    for number, raw in enumerate(_lines(stream), start=1):
        if not raw.endswith(b"\n"):
            if len(raw) >= MAX_LINE:
                report.problems.append(f"line {number} is longer than {MAX_LINE} bytes")
            report.torn = raw
            break
        problem = _problem(raw[:-1], number, report.head)
        if isinstance(problem, str):
            report.problems.append(f"line {number} {problem}")
            break
        if str(problem["time"]) < last_time:
            report.notes.append(f"line {number}: the clock went back from {last_time} to {problem['time']}")
            del report.notes[MAX_PROBLEMS:]
        last_time = str(problem["time"])
        report.entries, report.head, report.size = number, problem["hash"], report.size + len(raw)
    return report


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        raw = stream.readline(MAX_LINE)
        if not raw:
            return
        yield raw


def _problem(raw: bytes, number: int, prev: str) -> str | dict[str, Any]:
    try:
        data = read_line(raw)
    except (ValueError, EdgepathError) as error:
        return str(error)
    if data["prev"] != prev:
        return "does not follow the line before it (prev differs)"
    if data["seq"] != number or isinstance(data["seq"], bool):
        return f"has the number {data['seq']!r}"
    return data
