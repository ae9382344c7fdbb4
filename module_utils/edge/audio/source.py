# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a recording in bounded pieces, and finding long runs of one byte in it. Pure but for the stream."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO

CHUNK = 1 << 20


# Each byte of an honest file is asked for a few times; far more means damage that sends the walk in circles.
_ASKED_PER_BYTE = 64
_ASKED_ANYWAY = 64 << 20
_WINDOW = 1 << 18


class GivenUp(Exception):
    """The walk asked for so many bytes that the file must be damaged beyond walking."""


class Source:
    """A seekable stream with its size; a read past the end gives what is there.

    GivenUp is raised where more is read than any sound file needs: damage must not cost unbounded time.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = stream.seek(0, os.SEEK_END)
        self._left = self.size * _ASKED_PER_BYTE + _ASKED_ANYWAY
        self._window = b""
        self._base = 0

    def at(self, position: int, length: int) -> bytes:
        """Up to `length` bytes from `position`; callers ask for bounded pieces."""
        wanted = min(length, self.size - position)
        if wanted <= 0 or position < 0:
            return b""
        self._left -= wanted
        if self._left < 0:
            raise GivenUp
        offset = position - self._base
        if offset < 0 or offset + wanted > len(self._window):
            self._window = self._read(position, max(wanted, min(_WINDOW, self.size - position)))
            self._base, offset = position, 0
        return self._window[offset : offset + wanted]

    def _read(self, position: int, wanted: int) -> bytes:
        self._stream.seek(position)
        pieces = []
        while wanted:
            piece = self._stream.read(wanted)
            if not piece:
                break
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def chunks(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(position, bytes) from start to end."""
        while start < end:
            piece = self.at(start, min(CHUNK, end - start))
            if not piece:
                return
            yield start, piece
            start += len(piece)

    def find(self, pattern: bytes, start: int, end: int | None = None) -> int:
        """The position of the pattern at or after start; -1 where it is not there."""
        end = self.size if end is None else min(end, self.size)
        keep = len(pattern) - 1
        while start < end:
            piece = self.at(start, min(CHUNK + keep, end - start))
            found = piece.find(pattern)
            if found >= 0:
                return start + found
            if len(piece) <= keep:
                return -1
            start += len(piece) - keep
        return -1


def runs(source: Source, start: int, end: int, fills: Sequence[int], least: int) -> Iterator[tuple[int, int, int]]:
    """(position, length, byte) of every run of one of the bytes `fills` that is `least` bytes or longer, in order.

    A run of n bytes covers a block of n/2 on a grid of n/2, so only the grid is looked at: linear, and fast.
    """
    step = max(1, min(least // 2, CHUNK))
    blocks = {bytes([fill]) * step: fill for fill in fills}
    done = start
    for base, piece in _on_grid(source, start, end, step):
        for offset in range(0, len(piece) - step + 1, step):
            position = base + offset
            fill = blocks.get(piece[offset : offset + step])
            if fill is None or position < done:
                continue
            first = _first(source, max(done, position - step), position, fill)
            done = _last(source, position + step, end, fill)
            if done - first >= least:
                yield first, done - first, fill


def _on_grid(source: Source, start: int, end: int, step: int) -> Iterator[tuple[int, bytes]]:
    length = step * max(1, CHUNK // step)
    while start < end:
        piece = source.at(start, min(length, end - start))
        if not piece:
            return
        yield start, piece
        start += length


def _first(source: Source, low: int, position: int, fill: int) -> int:
    before = source.at(low, position - low)
    return low + len(before.rstrip(bytes([fill])))


def _last(source: Source, position: int, end: int, fill: int) -> int:
    for base, piece in source.chunks(position, end):
        rest = piece.lstrip(bytes([fill]))
        if rest:
            return base + len(piece) - len(rest)
    return end
