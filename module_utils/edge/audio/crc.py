# SPDX-License-Identifier: GPL-3.0-or-later
"""The checksums of the audio formats, fast enough in Python for hours of audio. Pure.

Ogg's CRC-32 (RFC 3533, section 6: polynomial 04c11db7, not reflected, start 0) is computed by zlib on mirrored bits.
The 16-bit ones take two bytes a step from a table of 65536 entries.
"""

from __future__ import annotations

import functools
import sys
import zlib
from array import array

_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg(data: bytes) -> int:
    """The checksum of an Ogg page whose checksum field is zero."""
    reflected = zlib.crc32(data.translate(_MIRROR), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_MIRROR), "big")


@functools.cache
def _table8() -> bytes:
    table = bytearray(256)
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
        table[value] = crc
    return bytes(table)


def flac8(data: bytes) -> int:
    """CRC-8 of a FLAC frame header (RFC 9639, section 9.1.8: polynomial 07, start 0)."""
    table, crc = _table8(), 0
    for byte in data:
        crc = table[crc ^ byte]
    return crc


@functools.cache
def _table16() -> array[int]:
    table = array("H", bytes(131072))
    for value in range(256):
        crc = value << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8005) & 0xFFFF if crc & 0x8000 else crc << 1
        table[value] = crc
    small = table[:256]
    for value in range(65536):
        # One word is two bytes: shift the first out, then the second.
        crc = (value << 8 & 0xFFFF) ^ small[value >> 8]
        table[value] = (crc << 8 & 0xFFFF) ^ small[crc >> 8]
    return table


def _words(data: bytes, little: bool) -> array[int]:
    words = array("H")
    words.frombytes(data[: len(data) & ~1])
    if (sys.byteorder == "little") != little:
        words.byteswap()
    return words


def flac16(data: bytes, crc: int = 0) -> int:
    """CRC-16 of a FLAC frame (RFC 9639, section 9.3: polynomial 8005, not reflected, start 0); continues from `crc`."""
    table = _table16()
    for word in _words(data, little=False):
        crc = table[crc ^ word]
    if len(data) & 1:
        crc = (crc << 8 & 0xFFFF) ^ _byte16(crc >> 8 ^ data[-1])
    return crc


@functools.lru_cache(maxsize=256)
def _byte16(value: int) -> int:
    crc = value << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x8005) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc


@functools.cache
def _table16_reflected() -> array[int]:
    small = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1  # noqa: PLW2901
        small.append(value)
    table = array("H", bytes(131072))
    for value in range(65536):
        crc = value >> 8 ^ small[value & 0xFF]
        table[value] = crc >> 8 ^ small[crc & 0xFF]
    return table


def lame16(data: bytes, crc: int = 0) -> int:
    """CRC-16 of LAME's tag (polynomial 8005 reflected, start 0); continues from `crc`."""
    table = _table16_reflected()
    for word in _words(data, little=True):
        crc = table[crc ^ word]
    if len(data) & 1:
        value = (crc ^ data[-1]) & 0xFF
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        crc = crc >> 8 ^ value
    return crc
