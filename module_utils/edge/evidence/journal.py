# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a retrieval: every request, retry and decision, as a hash chain that survives a crash.

    with Journal("journal.jsonl") as journal:
        journal.append({"type": "get_range", "key": key, "range": [0, 8388607], "request_id": "...", "status": 206})

An event that was appended is on the disk when append returns.  A line that a crash cut short is taken off at the next
opening, and the first event after it says so and carries what was cut off.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from ..finding import EdgepathError
from . import chain

# Of a torn line, what the recovery event repeats: enough to read it, little enough for any line.
_TORN_KEPT = 64 * 1024


class JournalError(EdgepathError):
    """A journal that cannot be opened, written or trusted; the message says why."""


def utc_now() -> str:
    """Now, as journals and custody records write it: ``2026-11-23T03:15:00.123456Z``."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def verify(path: str) -> chain.ChainReport:
    """Check the whole journal; a file that cannot be read is a problem, no exception."""
    try:
        with open(path, "rb") as stream:
            report = chain.check(stream)
    except OSError as error:
        return chain.ChainReport(problems=[f"cannot be read: {error.strerror}"])
    if report.torn and not report.problems:
        report.problems.append(f"line {report.entries + 1} is cut short")
    return report


class Journal:
    """Appends to the journal at `path`, which is made (mode 0600) where it is not there.

    One process at a time (flock), any number of its threads.  JournalError where the file's chain is broken: a new
    event would give a broken chain an honest face.
    """

    def __init__(self, path: str, clock: Callable[[], str] = utc_now) -> None:
        self.path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: int = 0
        self._head: str = chain.GENESIS
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"cannot open the journal {path}: {error.strerror}") from None
        try:
            self._take_over()
        except BaseException:
            os.close(self._file)
            raise

    @property
    def head(self) -> str:
        """The hash of the last event: what a signature or a custody record quotes."""
        return self._head

    @property
    def entries(self) -> int:
        return self._entries

    def append(self, event: Mapping[str, Any]) -> str:
        """Add an event (JSON values alone, no secrets) and return its hash. Durable on return."""
        with self._lock:
            line, digest = chain.link(event, self._entries + 1, self._clock(), self._head)
            self._write(line)
            self._entries, self._head = self._entries + 1, digest
            return digest

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _take_over(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JournalError(f"the journal {self.path} is in use by another process") from None
        with open(self._file, "rb", closefd=False) as stream:
            report = chain.check(stream)
        if report.problems:
            raise JournalError(
                f"the journal {self.path} is broken: {report.problems[0]}; keep it as it is and start a new one"
            )
        self._entries, self._head = report.entries, report.head
        if report.torn:
            self._cut(report.size, report.torn)
        elif not report.entries:
            _sync_directory(self.path)

    def _cut(self, size: int, torn: bytes) -> None:
        os.ftruncate(self._file, size)
        os.fsync(self._file)
        self.append(
            {
                "type": "journal_recovered",
                "discarded_bytes": len(torn),
                "discarded_sha256": hashlib.sha256(torn).hexdigest(),
                "discarded_text": torn[:_TORN_KEPT].decode("ascii", "backslashreplace"),
            }
        )

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(0, f"{written} of {len(line)} bytes written")
            os.fsync(self._file)
        except OSError as error:
            # Half a line before the next event would break the chain for good.
            os.ftruncate(self._file, size)
            raise JournalError(f"cannot write the journal {self.path}: {error.strerror}") from None


def _sync_directory(path: str) -> None:
    directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
