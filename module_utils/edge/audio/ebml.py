# SPDX-License-Identifier: GPL-3.0-or-later
"""EBML elements (RFC 8794): an identifier, a size, and the data. Pure."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from .source import Source

# Masters larger than this are not read whole to check their CRC-32; writers put one in headers and clusters.
MAX_CHECKED = 64 << 20
CRC32 = 0xBF


@dataclass(frozen=True)
class Element:
    """size: None where the writer left it open (a live recording)."""

    id: int
    position: int
    data: int
    size: int | None

    def end(self, within: int) -> int:
        return within if self.size is None else self.data + self.size


def read(source: Source, position: int) -> Element | None:
    """The element at this position; None where none can stand there."""
    raw = source.at(position, 12)
    if not raw or raw[0] < 0x10:
        return None
    length = 9 - raw[0].bit_length()
    if len(raw) <= length or not raw[length]:
        return None
    width = 9 - raw[length].bit_length()
    if len(raw) < length + width:
        return None
    value = int.from_bytes(raw[length : length + width], "big") & (1 << 7 * width) - 1
    size = None if value == (1 << 7 * width) - 1 else value
    return Element(int.from_bytes(raw[:length], "big"), position, position + length + width, size)


def number(raw: bytes) -> int:
    return int.from_bytes(raw[:8], "big")


def real(raw: bytes) -> float:
    if len(raw) == 4:
        return float(struct.unpack(">f", raw)[0])
    return float(struct.unpack(">d", raw)[0]) if len(raw) == 8 else 0.0


def checksum(source: Source, element: Element) -> bool | None:
    """Whether the CRC-32 at the start of a master is right; None where there is none, or it cannot be checked."""
    if element.size is None or not 6 <= element.size <= MAX_CHECKED or element.data + element.size > source.size:
        return None
    raw = source.at(element.data, 6)
    if raw[:2] != bytes([CRC32, 0x84]):
        return None
    value = 0
    for _, piece in source.chunks(element.data + 6, element.data + element.size):
        value = zlib.crc32(piece, value)
    return value == int.from_bytes(raw[2:], "little")
