# SPDX-License-Identifier: GPL-3.0-or-later
"""What the threads of one transfer share: which ranges are left, which bytes have come, and whether it is over."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from .parts import Intervals


class Work:
    """Ranges are taken in order. Whoever waits is woken by what comes, by the end, and by a failure."""

    def __init__(self, received: Intervals, ranges: Iterable[tuple[int, int]]) -> None:
        self.changed = threading.Condition()
        # Apart, since it is waited for over large steps: it would be woken for every block that comes.
        self._behind = threading.Condition()
        self._hashed = self._awaited = 0
        self.error: BaseException | None = None
        self.finished = False
        self._received = received
        self._left: deque[tuple[int, int]] = deque()
        for start, end in ranges:
            self._left.extend(received.missing(start, end))

    @property
    def over(self) -> bool:
        return self.finished or self.error is not None

    def take(self) -> tuple[int, int] | None:
        """The next range; waits while there is none but a part may yet have to be fetched again. None: it is over."""
        with self.changed:
            self.changed.wait_for(lambda: self.over or self._left)
            return None if self.over else self._left.popleft()

    def received(self, start: int, end: int) -> None:
        with self.changed:
            self._received.add(start, end)
            self.changed.notify_all()

    def again(self, ranges: Iterable[tuple[int, int]]) -> None:
        """These bytes were wrong: forget them and fetch them first."""
        with self.changed:
            for start, end in reversed(list(ranges)):
                self._received.discard(start, end)
                self._left.appendleft((start, end))
            self.changed.notify_all()

    def reach(self, position: int) -> int:
        """Wait until bytes from here on are there, and say how far they go; the same position where it is over."""
        with self.changed:
            self.changed.wait_for(lambda: self.over or self._received.reach(position) > position)
            return position if self.over else self._received.reach(position)

    def hashed(self, position: int) -> None:
        """The bytes before this one are in the file and have been hashed."""
        self._hashed = position
        if position >= self._awaited:
            with self._behind:
                self._behind.notify_all()

    def wait_hashed(self, position: int) -> bool:
        """Wait until the bytes before this one are hashed; False where it is over before."""
        with self._behind:
            self._awaited = position
            self._behind.wait_for(lambda: self.over or self._hashed >= position)
            return self._hashed >= position

    def fail(self, error: BaseException) -> None:
        """The first failure is the transfer's."""
        with self.changed:
            self.error = self.error or error
            self.changed.notify_all()
        self._wake()

    def finish(self) -> None:
        with self.changed:
            self.finished = True
            self.changed.notify_all()
        self._wake()

    def pause(self, seconds: float) -> None:
        """Wait, unless it is over before."""
        with self.changed:
            self.changed.wait_for(lambda: self.over, timeout=seconds)

    def _wake(self) -> None:
        with self._behind:
            self._behind.notify_all()
