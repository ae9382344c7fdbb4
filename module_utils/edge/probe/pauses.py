# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences held on real connections, in the three ways that predict.py names, and what became of each."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import plan
from .requests import Asker, answer, complete, drain, upload_id
from .route import open_wire
from .wire import Budget, Ended, Wire, ended, failure

_SMALL_BUFFER = 16384


@dataclass(frozen=True)
class Holder:
    """What all silences of a probe share. key, size: of the object that is read; size None where there is none."""

    asker: Asker
    address: str
    budget: Budget
    patience: float
    key: str | None
    size: int | None
    prefix: str = ""

    def hold(self, pause: Mapping[str, Any]) -> dict[str, Any]:
        """One silence: {"mode", "seconds", "outcome", "second", "bytes", "failure"}.

        outcome: survived | cut | closed (in order, between requests) | failed (before the silence began).
        second: of the silence, at which the end was seen; None where only the next packet met it, or it survived.
        """
        record = {"mode": pause["mode"], "seconds": pause["seconds"], "second": None, "bytes": None, "failure": None}
        ways: dict[str, Callable[[float, dict[str, Any]], None]] = {
            "held": self._held, "reader": self._reader, "sender": self._sender,
        }  # fmt: skip
        begun = time.monotonic()
        try:
            ways[pause["mode"]](pause["seconds"], record)
        except (OSError, Ended, http.client.HTTPException) as error:
            # Every way judges for itself what follows the silence: this came before it.
            record.update(outcome="failed", failure=failure(error, begun))
        return record

    def _open(self, receive_buffer: int | None = None) -> Wire:
        return open_wire(self.asker.storage, self.address, self.budget, self.patience, receive_buffer)

    def _held(self, seconds: float, record: dict[str, Any]) -> None:
        wire = self._open()
        with contextlib.closing(wire):
            first = self.asker.ask(wire, "HEAD", None)
            drain(first)
            if first.will_close:
                raise Ended("closed", "the server closes the connection after every answer")
            try:
                if _until_something(wire, seconds):
                    raise Ended("closed", "the peer spoke without having been asked")
            except (OSError, Ended) as error:
                end = ended(error)
                self._over(record, wire, wire.silence(), end, orderly=end.by == "closed")
                return
            try:
                drain(self.asker.ask(wire, "HEAD", None))
            except (OSError, Ended, http.client.HTTPException) as error:
                self._over(record, wire, None, ended(error), silent=seconds)
                return
            record["outcome"] = "survived"

    def _reader(self, seconds: float, record: dict[str, Any]) -> None:
        if self.size is None or self.size < plan.READER_BYTES:
            raise Ended("error", f"it needs an object of {plan.READER_BYTES} bytes; name one with key")
        wire = self._open(_SMALL_BUFFER)
        with contextlib.closing(wire):
            ranged = {"Range": f"bytes=0-{plan.READER_BYTES - 1}"}
            response = self.asker.ask(wire, "GET", self.key, headers=ranged)
            count = len(response.read1(_SMALL_BUFFER))
            gone = wire.quiet(seconds, reading=False)
            second = wire.silence() if gone else None
            try:
                while part := response.read1(65536):
                    count += len(part)
                complete(response)
                record.update(outcome="survived", bytes=count)
            except (OSError, Ended, http.client.HTTPException) as error:
                record["bytes"] = count
                self._over(record, wire, second, ended(error), silent=seconds)

    def _sender(self, seconds: float, record: dict[str, Any]) -> None:
        key = f"{self.prefix}edgepath-probe-{time.time_ns()}"
        with contextlib.closing(self._open()) as wire:
            upload = upload_id(self.asker.ask(wire, "POST", key, [("uploads", "")]))
        try:
            self._send_slowly(key, upload, seconds, record)
        finally:
            with contextlib.closing(self._open()) as wire:
                drain(self.asker.ask(wire, "DELETE", key, [("uploadId", upload)]))

    def _send_slowly(self, key: str, upload: str, seconds: float, record: dict[str, Any]) -> None:
        body = bytes(plan.SENDER_BYTES)
        half = len(body) // 2
        query = [("partNumber", "1"), ("uploadId", upload)]
        length = {"Content-Length": str(len(body))}
        with contextlib.closing(self._open()) as wire:
            wire.send(self.asker.head_of("PUT", key, query, length, hashlib.sha256(body).hexdigest()) + body[:half])
            record["bytes"] = half
            second, waiting = None, True
            try:
                if _until_something(wire, seconds):
                    second = wire.silence()
                else:
                    waiting = False
                    wire.send(body[half:])
                drain(answer(wire, "PUT"))
            except (OSError, Ended, http.client.HTTPException) as error:
                second = wire.silence() if waiting and second is None else second
                self._over(record, wire, second, ended(error), silent=seconds)
                return
            record.update(outcome="survived", bytes=len(body))

    @staticmethod
    def _over(
        record: dict[str, Any],
        wire: Wire,
        second: float | None,
        end: Ended,
        silent: float | None = None,
        orderly: bool = False,
    ) -> None:
        age = second if second is not None else silent
        fact = {**failure(end, wire.opened, wire, record["bytes"]), "last_byte_age": age}
        record.update(
            outcome="closed" if orderly else "cut", second=None if second is None else round(second, 3), failure=fact
        )


def _until_something(wire: Wire, seconds: float) -> bool:
    """Be silent for so long; whether bytes came that must be read. Raises what ended the connection meanwhile."""
    until = wire.last + seconds
    while wire.quiet(max(0.0, until - time.monotonic())) is not None:
        if wire.arrived():
            return True
    return False
