# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges of one object, each from the last byte that came, however often the connection breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, TypeVar

from .checksums import BLOCK_CHECK
from .errors import TransferError
from .partial import Partial
from .parts import BLOCK_BYTES, RANGE_BYTES
from .store import Record, Store
from .watchdog import (
    ATTEMPTS,
    BASE_DELAY,
    LEAST_BYTES_PER_SECOND,
    MAX_DELAY,
    WINDOW_SECONDS,
    Attempts,
    Watchdog,
)
from .work import Work

Answer = TypeVar("Answer")
# Called with (bytes received now, bytes that an earlier run had fetched); negative where bytes are thrown away.
Count = Callable[[int, int], Any]


def ignore(*_: Any) -> None:
    """For whoever wants no news."""


@dataclass(frozen=True)
class Options:
    """How to fetch.

    unverifiable: what to do where the storage has nothing to compare with: fetch ``twice`` and compare, ``fail``, or
    ``accept``, which is never called verified.
    """

    concurrency: int = 4
    range_bytes: int = RANGE_BYTES
    attempts: int = ATTEMPTS
    base_delay: float = BASE_DELAY
    max_delay: float = MAX_DELAY
    window_seconds: float = WINDOW_SECONDS
    least_bytes_per_second: float = LEAST_BYTES_PER_SECOND
    unverifiable: str = "twice"


class Fetcher:
    """Requests for one version of one object, tried again where that is worth it; counts retries and bytes.

    pin: (key, version id, ETag), sent with every request.
    """

    def __init__(self, store: Store, pin: tuple[str, str, str], options: Options, record: Record, count: Count) -> None:
        self.store = store
        self.pin = pin
        self.options = options
        self.record = record
        self.retries = 0
        self.received = 0
        self._key = pin[0]
        self._count = count
        self._lock = threading.Lock()

    def fetch_ranges(self, work: Work, partial: Partial) -> None:
        """Range after range into the file, until it is over."""
        while True:
            bounds = work.take()
            if bounds is None:
                return
            sink = _Sink(partial, work, bounds[0])
            self.fetch(work, bounds, sink.take, sink.flush)

    def fetch(
        self, work: Work, bounds: tuple[int, int], take: Callable[[bytes], Any], flush: Callable[[], Any]
    ) -> None:
        """One range. take: is given the bytes in order.  flush: is called whenever a connection has ended."""
        position, end = bounds
        attempts = self._attempts()
        while position < end and not work.over:
            begun, generation = position, self.store.generation
            failure = None
            try:
                for data in self._receive(position, end):
                    take(data)
                    position += len(data)
                    if work.over:
                        break
            except TransferError as error:
                failure = error
            flush()
            with self._lock:
                self.received += position - begun
            self._count(position - begun, 0)
            if failure is not None:
                self._retry(failure, attempts, position - begun, generation, work)

    def attempted(self, call: Callable[[], Answer]) -> Answer:
        """The answer to a request without a body."""
        attempts = self._attempts()
        while True:
            generation = self.store.generation
            try:
                return call()
            except TransferError as error:
                self._retry(error, attempts, 0, generation, None)

    def _receive(self, position: int, end: int) -> Iterator[bytes]:
        """What comes over one connection, at least as fast as it must."""
        watchdog = Watchdog(monotonic(), self.options.window_seconds, self.options.least_bytes_per_second)
        with self.store.open(*self.pin, position, end) as receive:
            while position < end:
                data = receive()
                if not data:
                    raise TransferError("reset", f"{self._key}: the answer ended {end - position} bytes early")
                if len(data) > end - position:
                    raise TransferError("protocol", f"{self._key}: more bytes came than were asked for")
                position += len(data)
                yield data
                if watchdog.too_slow(monotonic(), len(data)) and position < end:
                    least = f"{self.options.least_bytes_per_second:.0f} bytes/s"
                    raise TransferError("slow", f"{self._key}: less than {least} came")
            receive()  # the end of the answer gives the connection back for the next request

    def _attempts(self) -> Attempts:
        return Attempts(self.options.attempts, self.options.base_delay, self.options.max_delay)

    def _retry(
        self, failure: TransferError, attempts: Attempts, progress: int, generation: int, work: Work | None
    ) -> None:
        """Wait for the next attempt, or raise the failure."""
        if not failure.retried:
            raise failure
        delay = attempts.after(progress)
        if delay is None:
            text = f"{failure} (given up after {attempts.failed} attempts in a row that brought nothing)"
            raise TransferError(failure.kind, text)
        with self._lock:
            self.retries += 1
        about = {"key": self._key} if self._key else {}
        why = {"kind": failure.kind, "message": str(failure), "delay_seconds": round(delay, 3)}
        self.record({"type": "retry", **about, **why})
        if failure.kind == "credentials":
            self.store.renew(generation)
        if work is None:
            sleep(delay)
        else:
            work.pause(delay)


class _Sink:
    """Takes a range's bytes to the file, block by block."""

    def __init__(self, partial: Partial, work: Work, start: int) -> None:
        self._partial = partial
        self._work = work
        self._start = self._position = start
        self._check = BLOCK_CHECK[1]
        self._crc = 0

    def take(self, data: bytes) -> None:
        self._partial.write(self._position, data)
        self._crc = self._check(data, self._crc)
        self._position += len(data)
        if self._position - self._start >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._position > self._start:
            self._partial.block(self._start, self._position, self._crc)
            self._work.received(self._start, self._position)
            self._start, self._crc = self._position, 0
