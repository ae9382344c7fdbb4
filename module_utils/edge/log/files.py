# SPDX-License-Identifier: GPL-3.0-or-later
"""The log and its rotations: which files there are, what time they span, and which of them the window needs."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from ..finding import EdgepathError, Unread
from ..timeouts.files import Node
from .stamps import HEAD_BYTES, Clock, Format, choose
from .stream import LogStream, open_regular
from .window import Window
from .zones import Zone

PACKED = (".gz", ".bz2", ".xz")
# logrotate(8): .1, -20261120 (dateext), old; log4j and others: a date or a number before the ending.
_SUFFIX = r"(?:[._-]?\d[\d.T:_-]*|\.old|\.prev(?:ious)?)?"
MAX_FILES = 400


@dataclass
class LogFile:
    """One file of the log. first, last: times, None where the file tells none."""

    path: str
    real: str
    size: int
    written: float
    first: float | None = None
    last: float | None = None
    format: Format | None = None

    def clock(self, zone: Zone) -> Clock:
        return Clock(zone.info, self.written)


Found = Union["list[LogFile]", Unread]


def rotations(node: Node, path: str) -> Found:
    """The log and its rotations, as they lie beside it, in no order; empty files are left out."""
    directory, base = posixpath.split(path)
    names = node.names(directory or "/")
    if isinstance(names, Unread):
        return names
    stem, ending = posixpath.splitext(base)
    packed = "|".join(re.escape(item) for item in PACKED)
    wanted = re.compile(
        rf"(?:{re.escape(base)}{_SUFFIX}|{re.escape(stem)}{_SUFFIX}{re.escape(ending)}{_SUFFIX})(?:{packed})?"
    )
    matching = [name for name in names if wanted.fullmatch(name)]
    if len(matching) > MAX_FILES:
        return Unread("error", "list", directory, f"{path}: has more than {MAX_FILES} rotations; none was read")
    files = []
    for name in matching:
        try:
            real = node.resolve(posixpath.join(directory, name))
            status = os.stat(real) if real is not None else None
        except OSError:
            status = None  # rotated away since the directory was listed, or a dangling link: then it is no log
        if real is not None and status is not None and status.st_size > 0:
            files.append(LogFile(posixpath.join(directory, name), real, status.st_size, status.st_mtime))
    if not files and base not in names:
        return Unread("error", "read", path, f"{path}: no such file; correct edge_log_path")
    return files


def denied(path: str, error: OSError) -> Unread:
    """Why a file could not be opened."""
    if isinstance(error, PermissionError):
        message = (
            f"{path}: permission denied; the audit needs to read it (become root, or open it to the audit's group)"
        )
        return Unread("denied", "read", path, message, (f"read {path}",))
    return Unread("error", "read", path, f"{path}: cannot be read: {error.strerror or error}")


def look(file: LogFile, given: str | None, zone: Zone) -> Unread | None:
    """Find out a file's format and the times of its first and last line; what kept that from being done."""
    try:
        with LogStream(file.real) as stream:
            head = next(iter(stream.blocks(HEAD_BYTES)), b"")
            problem = stream.problem
        tail = b"" if file.path.endswith(PACKED) else _tail(file)
    except OSError as error:
        return denied(file.path, error)
    except EdgepathError as error:
        return Unread("error", "read", file.path, f"{file.path}: {error}")
    if not head:
        return Unread("error", "read", file.path, f"{file.path}: {problem}") if problem else None
    file.format = choose(given, head)
    if file.format is None:
        message = f"{file.path}: no line of its start has a timestamp of a known format; set edge_log_format"
        return Unread("error", "read", file.path, message)
    clock = file.clock(zone)
    file.first = _first(file.format, clock, head)
    file.last = _last(file.format, clock, tail, file.first)
    return None


def _tail(file: LogFile) -> bytes:
    with open_regular(file.real) as stream:
        stream.seek(max(0, file.size - HEAD_BYTES))
        return b"\n" + stream.read(HEAD_BYTES)


def _first(format_: Format, clock: Clock, block: bytes) -> float | None:
    for match in format_.stamp.finditer(block):
        at = clock.read(match, None)
        if at is not None:
            return at
    return None


def _last(format_: Format, clock: Clock, block: bytes, previous: float | None) -> float | None:
    place = len(block)
    for _ in range(2000):
        place = block.rfind(b"\n", 0, place)
        if place < 0:
            return None
        match = format_.stamp.match(block, place)
        at = clock.read(match, previous) if match is not None else None
        if at is not None:
            return at
    return None


def in_order(files: Sequence[LogFile]) -> list[LogFile]:
    """The oldest first."""
    return sorted(files, key=lambda file: (file.written if file.first is None else file.first, file.written, file.path))


def needed(files: Sequence[LogFile], window: Window | None) -> list[LogFile]:
    """Of files in order, those that can hold lines of the window, and the one before it, which tells that the log
    reaches back so far; without a window the newest."""
    if window is None:
        return list(files[-1:])
    chosen: list[LogFile] = []
    for at, file in enumerate(files):
        first = file.written if file.first is None else file.first
        following = files[at + 1].first if at + 1 < len(files) else None
        last = file.last if file.last is not None else following if following is not None else file.written
        low, high = min(first, last), max(first, last)
        before = low <= window.start and not any(
            (other.first if other.first is not None else other.written) <= window.start for other in files[at + 1 :]
        )
        if before or window.meets(low - 60.0, high + 60.0):
            chosen.append(file)
    return chosen
