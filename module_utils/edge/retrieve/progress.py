# SPDX-License-Identifier: GPL-3.0-or-later
"""How far, how fast, how long yet. Pure: the clock is the caller's."""

from __future__ import annotations

from collections import deque
from typing import Any

_WINDOW_SECONDS = 10.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Progress:
    """Bytes of a whole retrieval. done includes what an earlier run had fetched, which counts for no rate."""

    def __init__(self, total: int, now: float) -> None:
        self.total = total
        self.done = 0
        self._received = 0
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])

    def add(self, received: int, earlier: int = 0) -> None:
        """Bytes received now, and bytes that were there before; negative where they had to be thrown away."""
        self._received += received
        self.done += received + earlier

    def state(self, now: float) -> dict[str, Any]:
        """{"bytes", "total", "bytes_per_second", "eta_seconds"}; eta None while nothing moves."""
        self._samples.append((now, self._received))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW_SECONDS:
            self._samples.popleft()
        first, count = self._samples[0]
        rate = max(0.0, (self._received - count) / (now - first)) if now > first else 0.0
        left = max(0, self.total - self.done)
        eta = 0.0 if left == 0 else (left / rate if rate > 0 else None)
        return {"bytes": self.done, "total": self.total, "bytes_per_second": rate, "eta_seconds": eta}


def line(state: dict[str, Any]) -> str:
    """One line for a terminal."""
    share = 100.0 * state["bytes"] / state["total"] if state["total"] else 100.0
    eta = state["eta_seconds"]
    left = "no end in sight" if eta is None else f"{clock(eta)} left"
    return (
        f"{amount(state['bytes'])} of {amount(state['total'])} ({share:.0f} %), "
        f"{amount(state['bytes_per_second'])}/s, {left}"
    )


def amount(count: float) -> str:
    for unit in _UNITS[:-1]:
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {_UNITS[-1]}"


def clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
