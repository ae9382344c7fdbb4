# SPDX-License-Identifier: GPL-3.0-or-later
"""A transfer at the export's own pace: slow, watched, and with its end noted to the byte and the second."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Mapping
from typing import Any

from .requests import Asker, complete
from .route import open_wire
from .wire import Budget, Ended, Wire, failure

_SLICES_A_SECOND = 10
# Kernels and proxies read ahead of a slow reader. A small buffer of our own keeps what we see close to what happens.
_LEAST_BUFFER, _MOST_BUFFER = 4096, 262144


def paced(
    asker: Asker, address: str, budget: Budget, patience: float, key: str, size: int, plan: Mapping[str, Any]
) -> dict[str, Any]:
    """One ranged GetObject, read at plan["rate"] bytes a second for plan["seconds"], or until the object ends.

    {"status": ok | failed, "bytes", "seconds", "rate", "longest_gap_seconds", "first_byte_seconds", "failure"}; the
    failure's seconds count from the connection's start, its last_byte_age from the last byte that came.
    """
    wanted = min(int(plan["bytes"]), size)
    rate = float(plan["rate"])
    buffer = int(min(max(rate / 4, _LEAST_BUFFER), _MOST_BUFFER))
    begun = time.monotonic()
    count = 0
    first = None
    end: BaseException | None = None
    seen: dict[str, float] = {}
    try:
        wire: Wire | None = None
        wire = open_wire(asker.storage, address, budget, patience, buffer)
        with contextlib.closing(wire):
            asked = time.monotonic()
            response = asker.ask(wire, "GET", key, headers={"Range": f"bytes=0-{wanted - 1}"})
            first = time.monotonic() - asked
            begun_body = time.monotonic()
            while count < wanted:
                part = response.read1(min(max(1, int(rate / _SLICES_A_SECOND)), wanted - count))
                count += len(part)
                if not part:
                    complete(response)
                    raise Ended("protocol", f"the body ended after {count} of {wanted} bytes")
                _pace(wire, begun_body + count / rate, seen)
    except (OSError, Ended, http.client.HTTPException) as error:
        end = error
    return {
        "status": "ok" if end is None else "failed",
        "key": key,
        "bytes": count,
        "wanted_bytes": wanted,
        "seconds": round(time.monotonic() - begun, 3),
        "rate": rate,
        "first_byte_seconds": None if first is None else round(first, 3),
        "longest_gap_seconds": None if wire is None else round(wire.longest_gap, 3),
        "failure": None if end is None else _end(end, wire, begun, count, seen),
    }


def _pace(wire: Wire, until: float, seen: dict[str, float]) -> None:
    """Wait for the next slice's turn; an end that comes meanwhile is noted at its own second."""
    left = until - time.monotonic()
    if left <= 0:
        return
    if "at" in seen:
        time.sleep(wire.budget.wait(left))
    elif wire.quiet(left, reading=False) is not None:
        seen.update(at=time.monotonic(), last=wire.last)
        time.sleep(max(0.0, until - time.monotonic()))


def _end(
    error: BaseException, wire: Wire | None, begun: float, count: int, seen: Mapping[str, float]
) -> dict[str, Any]:
    fact = failure(error, begun, wire, count)
    if "at" in seen:
        fact["seconds"] = round(seen["at"] - begun, 4)
        fact["last_byte_age"] = round(max(0.0, seen["at"] - seen["last"]), 4)
    return fact
