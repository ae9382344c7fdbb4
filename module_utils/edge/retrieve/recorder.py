# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands events to the journal on a thread of its own: its fsync must not hold up the network.

Events are written in the order in which they were recorded. drain() returns when all of them are on the disk; a file
gets its final name only after that. What a crash can cost are the last requests before it: the next run's event
``resumed`` names the bytes that they left.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..finding import EdgepathError

# A disk that cannot keep up slows the transfer down instead of filling the memory.
_WAITING = 256


class Recorder:
    """Called with an event from any thread. at: when it was recorded, which may be a little before it was written."""

    def __init__(self, append: Callable[[Mapping[str, Any]], Any]) -> None:
        self._append = append
        self._events: queue.Queue[Mapping[str, Any] | None] = queue.Queue(_WAITING)
        self._error: EdgepathError | None = None
        self._thread = threading.Thread(target=self._write, daemon=True, name="journal")
        self._thread.start()

    def __call__(self, event: Mapping[str, Any]) -> None:
        self._check()
        self._events.put({**event, "at": utc_now()})

    def drain(self) -> None:
        """Wait until everything recorded is written. EdgepathError where the journal cannot be written."""
        self._events.join()
        self._check()

    def close(self) -> None:
        """Write what is left, and end."""
        self._events.put(None)
        self._thread.join()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        while True:
            event = self._events.get()
            try:
                if event is None:
                    return
                if self._error is None:
                    self._append(event)
            except EdgepathError as error:
                self._error = error
            except OSError as error:
                self._error = EdgepathError(f"cannot write the journal: {error.strerror}")
            finally:
                self._events.task_done()


def utc_now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
