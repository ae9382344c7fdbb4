# SPDX-License-Identifier: GPL-3.0-or-later
"""When a transfer is too slow to be waited for, how long to wait before the next attempt, and when to give up. Pure.

Silence needs no watchdog: the socket's own timeout ends it. This one ends what trickles.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

IDLE_SECONDS = 20.0
WINDOW_SECONDS = 30.0
LEAST_BYTES_PER_SECOND = 16 * 1024.0
ATTEMPTS = 8
# An attempt that brought this much was none in vain: the count begins again.
PROGRESS_BYTES = 64 * 1024
# Seconds. Full jitter: a random wait up to a limit that doubles (AWS Architecture Blog, "Exponential Backoff And
# Jitter"); the limit is botocore's own (standard mode, 20 s).
BASE_DELAY = 0.2
MAX_DELAY = 20.0
_SAMPLES = 16  # a window, so that it slides in steps


class Watchdog:
    """Whether at least `least` bytes a second came, over a window of seconds that slides."""

    def __init__(self, now: float, window: float = WINDOW_SECONDS, least: float = LEAST_BYTES_PER_SECOND) -> None:
        self.window = window
        self.least = least
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])
        self._count = 0

    def too_slow(self, now: float, received: int) -> bool:
        """Take note of what came; True where a full window brought too little."""
        self._count += received
        if now - self._samples[-1][0] >= self.window / _SAMPLES:
            self._samples.append((now, self._count))
        while len(self._samples) > 1 and now - self._samples[1][0] >= self.window:
            self._samples.popleft()
        begun, before = self._samples[0]
        return now - begun >= self.window and self._count - before < self.least * (now - begun)


@dataclass
class Attempts:
    """Counts the attempts in a row that brought nothing."""

    limit: int = ATTEMPTS
    base: float = BASE_DELAY
    cap: float = MAX_DELAY
    random: random.Random = field(default_factory=random.Random)
    failed: int = 0

    def after(self, progress: int) -> float | None:
        """Seconds to wait after a failed attempt that brought so many bytes; None: give up."""
        self.failed = 1 if progress >= PROGRESS_BYTES else self.failed + 1
        if self.failed >= self.limit:
            return None
        return self.random.uniform(0.0, min(self.cap, self.base * 2.0 ** (self.failed - 1)))
