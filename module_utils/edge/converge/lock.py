# SPDX-License-Identifier: GPL-3.0-or-later
"""One change at a time: a lock in the directory of the runs, held by the ansible-playbook process that took it.

It names its holder; the lock of a process that is gone is taken over, so that a killed run blocks nobody.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from typing import Any

from ..finding import EdgepathError
from ..run import read_json, user_name, write_json

LOCK = "converge.lock"
_WORK = "work"
# How long the tasks of a killed run may take to end, and how often that is looked at.
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.2


class _AtWork(EdgepathError):
    """A worker of a holder that is gone itself has not ended its task yet."""


def take(runs_dir: str, pid: int, purpose: str, run: str, patience: float = _PATIENCE_SECONDS) -> None:
    """Take the lock for a process of this host; EdgepathError where a living process holds it.

    patience: seconds for which the last tasks of a killed holder are waited for.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return _take(runs_dir, pid, purpose, run)
        except _AtWork:
            if time.monotonic() >= end:
                raise
        time.sleep(_LOOK_SECONDS)


def _take(runs_dir: str, pid: int, purpose: str, run: str) -> None:
    path = os.path.join(runs_dir, LOCK)
    with guarded(runs_dir, "lock"):
        holder = _holder(path)
        if holder is not None and not _mine(holder, pid) and not _dead(holder):
            raise EdgepathError(
                f"{holder['purpose']} of run {holder['run']} is going on since {holder['since']}, started by "
                f"{holder['user']}@{holder['host']} (process {holder['pid']}); wait for its end. Where it cannot be "
                f"running any more, remove {path}"
            )
        if holder is not None and not _mine(holder, pid):
            _idle(runs_dir, holder)
        write_json(
            path,
            {
                "pid": pid, "started": _started(pid), "host": socket.gethostname(), "user": user_name(),
                "since": datetime.now(timezone.utc).isoformat(timespec="seconds"), "purpose": purpose, "run": run,
            },
        )  # fmt: skip


def release(runs_dir: str, pid: int) -> None:
    """Give the lock back, where this process holds it."""
    path = os.path.join(runs_dir, LOCK)
    with guarded(runs_dir, "lock"):
        holder = _holder(path)
        if holder is not None and _mine(holder, pid):
            os.unlink(path)


def working(runs_dir: str) -> AbstractContextManager[None]:
    """The work of the holder's worker processes, which a killed holder leaves behind: they end their task first."""
    return guarded(runs_dir, _WORK, fcntl.LOCK_SH)


@contextmanager
def guarded(directory: str, name: str, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Work that one process of this host does at a time. The kernel lets go of it where the process ends."""
    handle = os.open(os.path.join(directory, f".{name}.guard"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)


def _idle(runs_dir: str, holder: dict[str, Any]) -> None:
    """_AtWork where a worker of the holder, which is gone itself, is at work still."""
    try:
        with guarded(runs_dir, _WORK, fcntl.LOCK_EX | fcntl.LOCK_NB):
            pass
    except BlockingIOError:
        raise _AtWork(
            f"{holder['purpose']} of run {holder['run']} was killed, and what it had begun on an edge is going on "
            "still; wait for its end and run again"
        ) from None


def _holder(path: str) -> dict[str, Any] | None:
    if not os.path.exists(path):
        return None
    try:
        return dict(read_json(path))
    except EdgepathError as error:
        raise EdgepathError(f"{error}; make sure that no converge is running, then remove the file") from None


def _mine(holder: dict[str, Any], pid: int) -> bool:
    return bool(holder["host"] == socket.gethostname() and holder["pid"] == pid and holder["started"] == _started(pid))


def _dead(holder: dict[str, Any]) -> bool:
    """Whether the holder is certainly gone; of another host's process nothing can be said."""
    if holder["host"] != socket.gethostname():
        return False
    return bool(_started(holder["pid"]) != holder["started"])


def _started(pid: int) -> str | None:
    """The process's start in clock ticks since boot (proc(5), field 22), so that a number used again is told apart."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
