# SPDX-License-Identifier: GPL-3.0-or-later
"""The `.partial` file of one object, and the note of which bytes of it are there.

The note is JSON lines: the object's identity, then ``{"start", "end", "crc"}`` for each block that was written. What
it says is believed only where the bytes on the disk have that CRC: after a crash a block may have been noted and its
bytes lost, or the other way round.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from typing import Any

from .checksums import BLOCK_CHECK
from .errors import TransferError
from .parts import MIB, Intervals
from .work import Work

# Left free beside the object itself, for the journal and the results.
MARGIN_BYTES = 2 * MIB
FLUSH_BYTES = 64 * MIB
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Partial:
    """Bytes arrive by write() from any thread, are noted by block(), read back by read_into(), and become the final
    file by finish(). TransferError of kind ``disk`` where the file system refuses.

    identity: what must be the same for another run to go on: bucket, key, version_id, etag, size.
    """

    def __init__(self, directory: str, identity: Mapping[str, Any]) -> None:
        self.size = int(identity["size"])
        algorithm, self._check = BLOCK_CHECK
        self._identity = {**identity, "check": algorithm}
        name = hashlib.sha256(json.dumps(self._identity, sort_keys=True).encode("utf-8")).hexdigest()[:32]
        self.path = os.path.join(directory, f"{name}.partial")
        self.note_path = os.path.join(directory, f"{name}.blocks")
        self._lock = threading.Lock()
        self._file = -1
        self._note = -1
        self._blocks: list[tuple[int, int, int]] = []

    def open(self) -> Intervals:
        """Reserve the disk space, and return the bytes of an earlier run that are still right."""
        try:
            earlier = self._earlier()
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._reserve()
            self._blocks = [block for block in earlier if self._crc(block[0], block[1]) == block[2]]
            self._rewrite_note()
        except OSError as error:
            self.close()
            if error.errno in _FULL:
                self.remove()
            raise self._refused(error) from None
        except TransferError:
            self.remove()
            raise
        return self.kept()

    def kept(self) -> Intervals:
        """The bytes that are noted as written."""
        with self._lock:
            return Intervals((start, end) for start, end, _ in self._blocks)

    def write(self, position: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._file, view, position)
                position, view = position + written, view[written:]
        except OSError as error:
            raise self._refused(error) from None

    def block(self, start: int, end: int, crc: int) -> None:
        """Note that these bytes have been written."""
        with self._lock:
            self._blocks.append((start, end, crc))
            self._append({"start": start, "end": end, "crc": crc})

    def discard(self, start: int, end: int) -> None:
        """Forget all blocks that touch these bytes; they are to be fetched again."""
        with self._lock:
            self._blocks = [block for block in self._blocks if block[1] <= start or block[0] >= end]
            try:
                self._rewrite_note()
            except OSError as error:
                raise self._refused(error) from None

    def read_into(self, position: int, view: memoryview) -> int:
        """Read the bytes back, as the disk (or its cache) has them."""
        try:
            return os.preadv(self._file, [view], position)
        except OSError as error:
            raise self._refused(error) from None

    def flush_behind(self, work: Work) -> None:
        """Have the disk take what has come, in large steps, so that finish() has little to wait for."""
        for position in range(FLUSH_BYTES, self.size, FLUSH_BYTES):
            if not work.wait_hashed(position):
                return
            try:
                os.fdatasync(self._file)
                os.fdatasync(self._note)
            except OSError as error:
                raise self._refused(error) from None

    def finish(self, final: str) -> None:
        """Give the file its final name, durably; nothing is there before all of it is."""
        try:
            os.fsync(self._file)
            folder = os.path.dirname(final)
            make_folders(folder)
            if os.path.lexists(final):
                raise TransferError("exists", f"{final} is there already; move it away and run again")
            os.rename(self.path, final)
            sync_directory(folder)
        except OSError as error:
            raise self._refused(error) from None
        self.remove()

    def close(self) -> None:
        for name in ("_file", "_note"):
            if getattr(self, name) >= 0:
                os.close(getattr(self, name))
                setattr(self, name, -1)

    def remove(self) -> None:
        self.close()
        for path in (self.path, self.note_path):
            if os.path.lexists(path):
                os.unlink(path)

    def _earlier(self) -> list[tuple[int, int, int]]:
        """The blocks that the note of an earlier run names; it may be cut short anywhere."""
        if not os.path.exists(self.note_path) or not os.path.exists(self.path):
            return []
        with open(self.note_path, "rb") as stream:
            lines = stream.read().split(b"\n")
        if _parsed(lines[0]) != self._identity:
            return []
        blocks: dict[int, tuple[int, int, int]] = {}
        for line in lines[1:]:
            item = _parsed(line)
            if isinstance(item, dict) and all(type(item.get(name)) is int for name in ("start", "end", "crc")):
                blocks[item["start"]] = (item["start"], item["end"], item["crc"])
        return [block for block in blocks.values() if 0 <= block[0] < block[1] <= self.size]

    def _reserve(self) -> None:
        status = os.fstat(self._file)
        held = status.st_blocks * 512
        room = os.statvfs(self.path)
        free = room.f_bavail * room.f_frsize
        needed = max(0, self.size - held) + MARGIN_BYTES
        if free < needed:
            raise TransferError(
                "disk",
                f"{os.path.dirname(self.path)} has {free // MIB} MiB free, {self._identity['key']} needs "
                f"{-(-needed // MIB)} MiB; free some or choose another destination",
            )
        if self.size:
            os.posix_fallocate(self._file, 0, self.size)

    def _crc(self, start: int, end: int) -> int:
        crc = 0
        view = memoryview(bytearray(MIB))
        while start < end:
            count = os.preadv(self._file, [view[: end - start]], start)
            if count == 0:
                return -1
            crc = self._check(view[:count], crc)
            start += count
        return crc

    def _rewrite_note(self) -> None:
        fresh = f"{self.note_path}.new"
        if self._note >= 0:
            os.close(self._note)
        self._note = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._append(self._identity)
        for start, end, crc in self._blocks:
            self._append({"start": start, "end": end, "crc": crc})
        os.fdatasync(self._note)
        os.replace(fresh, self.note_path)

    def _append(self, item: Mapping[str, Any]) -> None:
        line = json.dumps(item, sort_keys=True).encode("utf-8") + b"\n"
        try:
            os.write(self._note, line)
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> TransferError:
        return TransferError(
            "disk", f"cannot write {self._identity['key']} to {os.path.dirname(self.path)}: {error.strerror}"
        )


def make_folders(path: str) -> None:
    """Like makedirs, but every folder that is made is its owner's alone, not the last one only."""
    if os.path.isdir(path):
        return
    make_folders(os.path.dirname(path))
    os.mkdir(path, 0o700)


def sync_directory(path: str) -> None:
    """Make a new name in a directory durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
