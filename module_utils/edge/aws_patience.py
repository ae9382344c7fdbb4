# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a step waits in vain: one bound for each operation, and one for the whole step.

Counted is silence, not work: the seconds in which an answer was waited for that did not come, once where several
threads wait at the same time. A fleet that is read for an hour, one answer after another, meets no bound.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

# Two read timeouts (aws.READ_TIMEOUT): who has not answered twice in that time does not answer in the six attempts that
# the retries would still make. A good answer of the same operation begins the count anew.
OPERATION_SECONDS = 60.0
# Three operations that do not answer. An audit has four steps that ask AWS.
STEP_SECONDS = 180.0
# What an answer takes longer than this was waited for in vain, though it came: the calls of the control plane take a
# second, and the largest pages some.
LATE_SECONDS = 10.0

_STEP = ("the whole step",)


class Patience:
    """Thread-safe. what: whatever tells operations apart."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        operation: float = OPERATION_SECONDS,
        step: float = STEP_SECONDS,
    ) -> None:
        self.clock = clock
        self._most_operation, self._most_step = operation, step
        self._waited: dict[Hashable, float] = {}
        self._until: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def in_vain(self, what: Hashable, since: float, of_step: bool = True) -> None:
        """From `since` until now an answer was waited for, and none came. of_step: it counts for the step as well."""
        for key in (what, _STEP) if of_step else (what,):
            self._add(key, since)

    def late(self, since: float) -> None:
        """An answer came that was asked for at `since`."""
        if self.clock() > since + LATE_SECONDS:
            self._add(_STEP, since + LATE_SECONDS)

    def answered(self, what: Hashable) -> None:
        with self._lock:
            self._waited.pop(what, None)

    def spent(self, what: Hashable) -> str | None:
        """Why this is not asked any more; None while it may be."""
        with self._lock:
            step, operation = self._waited.get(_STEP, 0.0), self._waited.get(what, 0.0)
        if step >= self._most_step:
            return (
                f"this step waited {step:.0f} s in vain for answers of AWS, and waits no longer than "
                f"{self._most_step:.0f} s in all; nothing more was asked"
            )
        if operation >= self._most_operation:
            return (
                f"the answers to this operation were waited for {operation:.0f} s in vain, and a step waits no longer "
                f"than {self._most_operation:.0f} s for one; it was not asked again"
            )
        return None

    def _add(self, key: Hashable, since: float) -> None:
        now = self.clock()
        with self._lock:
            begun = max(since, self._until.get(key, since))
            self._waited[key] = self._waited.get(key, 0.0) + max(0.0, now - begun)
            self._until[key] = max(now, self._until.get(key, now))
