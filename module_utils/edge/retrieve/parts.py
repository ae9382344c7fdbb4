# SPDX-License-Identifier: GPL-3.0-or-later
"""An object's parts, the ranges that fetch them, and which bytes have come. Pure; positions in bytes, ends exclusive.

A range is one part, several whole ones, or a piece of one: what is verified, and fetched again where it is wrong, is a
part (Amazon S3 User Guide, "Checking object integrity in Amazon S3", part-level checksums).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..finding import EdgepathError

MIB = 1 << 20
RANGE_BYTES = 16 * MIB
BLOCK_BYTES = MIB // 2  # what is noted at once, and so what a kill can cost each connection
MAX_PARTS = 10_000  # Amazon S3 User Guide, "Amazon S3 multipart upload limits"


@dataclass(frozen=True)
class Part:
    """One uploaded part. checksums: ``{"SHA256": base64}``, what the storage says of this part alone."""

    number: int
    start: int
    end: int
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.end - self.start


def layout(size: int, sizes: Sequence[tuple[int, int, Mapping[str, str]]]) -> list[Part]:
    """The parts from their (number, size, checksums); EdgepathError where they do not make up the object."""
    parts: list[Part] = []
    position = 0
    for number, length, checksums in sorted(sizes, key=lambda item: item[0]):
        if length < 0:
            raise EdgepathError(f"part {number} has a size of {length} bytes")
        parts.append(Part(number, position, position + length, dict(checksums)))
        position += length
    if position != size:
        raise EdgepathError(f"the {len(parts)} parts make up {position} bytes, the object has {size}")
    return parts


def whole(size: int, checksums: Mapping[str, str] | None = None) -> list[Part]:
    """An object that was uploaded in one piece."""
    return [Part(1, 0, size, dict(checksums or {}))]


def from_attributes(attributes: Mapping[str, Any] | None) -> list[tuple[int, int, dict[str, str]]] | None:
    """(number, size, checksums) from GetObjectAttributes, or None where it does not list all parts."""
    listed = (attributes or {}).get("ObjectParts") or {}
    items = listed.get("Parts") or []
    if not items or len(items) != listed.get("TotalPartsCount", len(items)):
        return None
    return [(int(item["PartNumber"]), int(item["Size"]), checksums_of(item)) for item in items]


def checksums_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """``{"SHA256": base64}`` from the Checksum... members of an S3 answer."""
    skipped = ("ChecksumType", "ChecksumAlgorithm")
    return {
        key[len("Checksum") :]: str(value)
        for key, value in answer.items()
        if key.startswith("Checksum") and key not in skipped and isinstance(value, str) and value
    }


def ranges(parts: Iterable[Part], range_bytes: int = RANGE_BYTES) -> list[tuple[int, int]]:
    """The ranges that fetch the parts, in order: small neighbours together, a large part in pieces, none longer than
    range_bytes, and each end of a piece or of a part.
    """
    if range_bytes < 1:
        raise ValueError("a range needs at least one byte")
    found: list[tuple[int, int]] = []
    joinable = False
    for part in parts:
        if part.size == 0:
            continue
        if joinable and part.end - found[-1][0] <= range_bytes:
            found[-1] = (found[-1][0], part.end)
            continue
        found += [(at, min(at + range_bytes, part.end)) for at in range(part.start, part.end, range_bytes)]
        joinable = part.size <= range_bytes
    return found


class Intervals:
    """Disjoint [start, end) pairs, sorted: which bytes are there."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in pairs:
            self.add(start, end)

    def __iter__(self) -> Any:
        return iter(zip(self._starts, self._ends))

    @property
    def total(self) -> int:
        return sum(end - start for start, end in self)

    def add(self, start: int, end: int) -> None:
        if start < end:
            self._replace(start, end, joined=True)

    def discard(self, start: int, end: int) -> None:
        if start < end:
            self._replace(start, end, joined=False)

    def reach(self, position: int) -> int:
        """How far the bytes go without a gap from here on."""
        index = bisect_right(self._starts, position) - 1
        return max(position, self._ends[index]) if index >= 0 else position

    def missing(self, start: int, end: int) -> list[tuple[int, int]]:
        """The gaps within [start, end)."""
        gaps: list[tuple[int, int]] = []
        for begin, stop in self:
            if stop <= start or begin >= end:
                continue
            if begin > start:
                gaps.append((start, begin))
            start = stop
        if start < end:
            gaps.append((start, end))
        return gaps

    def _replace(self, start: int, end: int, joined: bool) -> None:
        kept: list[tuple[int, int]] = []
        for begin, stop in self:
            if joined and begin <= end and stop >= start:
                start, end = min(start, begin), max(end, stop)
            elif not joined and begin < end and stop > start:
                kept += [pair for pair in ((begin, start), (end, stop)) if pair[0] < pair[1]]
            else:
                kept.append((begin, stop))
        if joined:
            kept.append((start, end))
        kept.sort()
        self._starts = [begin for begin, _ in kept]
        self._ends = [stop for _, stop in kept]
