# SPDX-License-Identifier: GPL-3.0-or-later
"""Where HTTP/1.1 messages begin and end in a stream of bytes (RFC 9112, section 6), for a proxy that counts bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

LONGEST_HEAD = 65536


class NotHttp(Exception):
    """The stream is something else, TLS for one; it is then forwarded as it is."""


@dataclass(frozen=True)
class Head:
    """The start line and the fields of a message, names in lower case."""

    start: str
    fields: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Head:
        lines = data.decode("latin-1").split("\r\n")
        if " " not in lines[0] or "HTTP/1." not in lines[0]:
            raise NotHttp(lines[0][:40])
        pairs = (line.partition(":") for line in lines[1:] if line)
        return cls(lines[0], {name.strip().lower(): value.strip() for name, _, value in pairs})

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])


class Frames:
    """Feed it bytes; it yields ("head", bytes), ("body", bytes) and ("end", b"") in order.

    bodiless: asked at each response's head whether the request was one whose answer has no body (HEAD); None: this is
    the direction of requests.
    """

    def __init__(self, bodiless: Callable[[], bool] | None = None) -> None:
        self.head: Head | None = None
        self._bodiless = bodiless
        self._buffer = b""
        self._left = 0.0
        self._chunked = False
        self._in_body = False

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        self._buffer += data
        while self._buffer:
            if self._in_body:
                yield from self._body()
                if self._in_body:
                    return
                continue
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                if len(head) > LONGEST_HEAD or not _plausible(head):
                    raise NotHttp(repr(head[:20]))
                return
            self.head = Head.parse(head)
            self._buffer = rest
            self._begin(self.head)
            yield "head", head + found
            if not self._in_body:
                yield "end", b""

    @property
    def pending(self) -> bytes:
        """What was fed and not yet yielded."""
        return self._buffer

    def _begin(self, head: Head) -> None:
        self._chunked = "chunked" in head.fields.get("transfer-encoding", "").lower()
        length = head.fields.get("content-length")
        if self._bodiless is not None and (self._bodiless() or head.status in (204, 304) or head.status < 200):
            self._left, self._chunked = 0.0, False
        elif length is not None:
            self._left = float(int(length))
        else:
            self._left = float("inf") if self._bodiless is not None and not self._chunked else 0.0
        self._in_body = self._chunked or self._left > 0

    def _body(self) -> Iterator[tuple[str, bytes]]:
        if self._chunked:
            # The chunks' own framing counts as body here; the last chunk ends it.
            at = self._buffer.find(b"0\r\n\r\n")
            ended = at == 0 or (at > 1 and self._buffer[at - 2 : at] == b"\r\n")
            taken = self._buffer[: at + 5] if ended else self._buffer
        else:
            taken = self._buffer[: len(self._buffer) if self._left == float("inf") else int(self._left)]
            self._left -= len(taken)
            ended = self._left <= 0
        self._buffer = self._buffer[len(taken) :]
        yield "body", taken
        if ended:
            self._in_body = False
            yield "end", b""


def _plausible(head: bytes) -> bool:
    return all(byte >= 32 or byte in (9, 10, 13) for byte in head[:64])
