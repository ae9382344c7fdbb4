# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolves the storage's name again while a transfer runs: an export connects anew in the midst of its work."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from .wire import Ended

# Answers for S3 live about 5 s, so that what is asked again is answered anew.
INTERVAL = 5.0
_MOST_FAILURES = 20


class Drift:
    """Begins with its context, and asks once more as that ends.

    resolve: returns the addresses, or raises OSError or Ended.  first: what the probe began with.
    """

    def __init__(self, resolve: Callable[[], list[str]], first: list[str], interval: float = INTERVAL) -> None:
        self._resolve = resolve
        self._first = first
        self._interval = interval
        self._over = threading.Event()
        self._asked = 0
        self._seen: set[str] = set()
        self._failures: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Drift:
        self._begun = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._interval):
            self._ask()
        self._ask()

    def _ask(self) -> None:
        second = round(time.monotonic() - self._begun, 2)
        self._asked += 1
        try:
            self._seen.update(self._resolve())
        except (OSError, Ended) as error:
            if len(self._failures) < _MOST_FAILURES:
                self._failures.append({"second": second, "error_text": str(error)})

    def to_fact(self) -> dict[str, Any]:
        """{"asked", "seconds", "addresses", "new": not among the first, "failures": [{"second", "error_text"}]}."""
        return {
            "asked": self._asked,
            "seconds": round(time.monotonic() - self._begun, 2),
            "addresses": sorted(self._seen),
            "new": sorted(self._seen - set(self._first)),
            "failures": self._failures,
        }
