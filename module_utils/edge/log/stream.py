# SPDX-License-Identifier: GPL-3.0-or-later
"""A log file as blocks of whole lines, in constant memory, whatever is in it: packed, cut, binary, one long line."""

from __future__ import annotations

import bz2
import codecs
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from io import FileIO
from typing import Callable

from ..finding import EdgepathError

BLOCK = 64 * 1024  # what stays in the processor's caches while it is looked at several times
LONGEST_LINE = 1024 * 1024
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class LogStream:
    """One file, read once from its start to where it ended when it was opened.

    giant_lines: how many lines were longer than LONGEST_LINE; of those only the start is seen.
    problem: why reading ended before the file did, in words; None where all was read.
    """

    def __init__(self, real: str) -> None:
        self.giant_lines = 0
        self.problem: str | None = None
        self.bytes = 0
        self._handle = open_regular(real)
        self._read = self._reader(real)
        self._errors = _errors()

    def __enter__(self) -> LogStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    def _reader(self, real: str) -> Callable[[int], bytes]:
        if real.endswith(".gz"):
            return gzip.GzipFile(fileobj=self._handle).read1
        if real.endswith(".bz2"):
            return bz2.BZ2File(self._handle).read1
        if real.endswith(".xz"):
            try:
                import lzma
            except ImportError:
                raise EdgepathError("the edge's Python cannot read .xz files") from None
            return lzma.LZMAFile(self._handle).read1
        left = os.fstat(self._handle.fileno()).st_size  # what is written while this reads would never end

        def read(size: int) -> bytes:
            nonlocal left
            data: bytes = self._handle.read(min(size, left))
            left -= len(data)
            return data

        return read

    def _chunk(self, size: int) -> bytes:
        try:
            data = self._read(size)
        except self._errors as error:
            what = "is cut off" if isinstance(error, EOFError) else f"is damaged ({error})"
            self.problem = f"{what} after {self.bytes} bytes of log"
            return b""
        self.bytes += len(data)
        return data

    def _chunks(self, size: int) -> Iterator[bytes]:
        """The file's bytes; UTF-16, which some Windows services write, as UTF-8."""
        data = self._chunk(size)
        encoding = _UTF16.get(data[:2])
        decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
        data = data[2:] if decoder else data
        while data:
            yield decoder.decode(data).encode("utf-8", "replace") if decoder else data
            data = self._chunk(size)

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Blocks in which every line begins with a line feed. NUL bytes, which a crash leaves, are left out."""
        carry, skipping = b"", False
        for data in self._chunks(size):
            if b"\0" in data:
                data = data.replace(b"\0", b"")
            if skipping:
                cut = data.find(b"\n")
                skipping, data = cut < 0, data[cut + 1 :] if cut >= 0 else b""
            end = data.rfind(b"\n")
            if end >= 0:
                yield b"".join((b"\n", carry, data[:end]))
                carry = data[end + 1 :]
            else:
                carry += data
            if len(carry) > LONGEST_LINE:
                self.giant_lines += 1
                yield b"\n" + carry[:LONGEST_LINE]
                carry, skipping = b"", True
        if carry:
            yield b"\n" + carry


def open_regular(real: str) -> FileIO:
    """The regular file; O_NONBLOCK, since a FIFO of that name would wait for ever."""
    handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise EdgepathError("is not a regular file")
    return os.fdopen(handle, "rb", buffering=0)


def _errors() -> tuple[type[BaseException], ...]:
    found: tuple[type[BaseException], ...] = (EOFError, OSError, zlib.error, ValueError)
    try:
        import lzma
    except ImportError:
        return found
    return (*found, lzma.LZMAError)
