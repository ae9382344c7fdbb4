# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection, and how it ends: every byte counted, every wait limited, every end named.

Standard library only: this runs on the edge.
"""

from __future__ import annotations

import errno
import http.client
import io
import select
import socket
import ssl
import threading
import time
from typing import Any

# Who or what ended a connection, as the facts tell it.
#   reset    RST                       closed   FIN before the end          timeout   nobody: the probe gave up
#   refused  RST to the first packet   unreachable   no route               answer    a status that is not success
#   name     no address                tls      no trust                    protocol  an answer that is not HTTP
#   limit    the probe's own limit of bytes or seconds                      error     something else, see error_text
ENDINGS = (
    "reset",
    "closed",
    "timeout",
    "refused",
    "unreachable",
    "answer",
    "name",
    "tls",
    "protocol",
    "limit",
    "error",
)
_BY_ERRNO = {
    errno.ECONNRESET: "reset", errno.EPIPE: "reset", errno.ECONNABORTED: "reset", errno.ECONNREFUSED: "refused",
    errno.EHOSTUNREACH: "unreachable", errno.ENETUNREACH: "unreachable", errno.ETIMEDOUT: "timeout",
}  # fmt: skip


class Ended(Exception):
    """A connection or a request came to an end that was not meant. code, skew: the HTTP status and the difference of
    the clocks, for `answer`."""

    def __init__(
        self, by: str, text: str, name: str | None = None, code: int | None = None, skew: float | None = None
    ) -> None:
        super().__init__(text)
        self.by = by
        self.text = text
        self.name = name
        self.code = code
        self.skew = skew


def ended(error: BaseException) -> Ended:
    """What an exception of the standard library says about the end of a connection."""
    text = str(error) or type(error).__name__
    if isinstance(error, Ended):
        return error
    if isinstance(error, http.client.RemoteDisconnected):
        return Ended("closed", "closed without an answer")
    if isinstance(error, (http.client.HTTPException, UnicodeError)):
        return Ended("protocol", f"not an answer of HTTP: {type(error).__name__}: {text[:120]}")
    if isinstance(error, socket.gaierror):
        return Ended("name", text)
    if isinstance(error, ssl.SSLEOFError):
        return Ended("closed", text)
    if isinstance(error, ssl.SSLError):
        return Ended("tls", getattr(error, "verify_message", "") or text)
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return Ended(_BY_ERRNO.get(error.errno or 0, "error"), text, errno.errorcode[error.errno or 0])
    if isinstance(error, (socket.timeout, TimeoutError)):
        return Ended("timeout", "no answer within the probe's patience")
    return Ended("error", f"{type(error).__name__}: {text[:120]}")


class Budget:
    """The limits of a whole probe, shared by its threads. seconds, most_bytes: from now on."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self.until = time.monotonic() + seconds
        self.most_bytes = most_bytes
        self.bytes = 0
        self._lock = threading.Lock()

    def spend(self, count: int) -> None:
        with self._lock:
            self.bytes += count
            if self.bytes > self.most_bytes:
                raise Ended("limit", f"the probe's limit of {self.most_bytes} bytes is reached")

    def wait(self, patience: float) -> float:
        """How long one wait may last: no longer than the probe itself."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise Ended("limit", "the probe's limit of seconds is reached")
        return min(patience, left)


class Wire:
    """A socket that counts. Times are of time.monotonic(); patience: seconds without progress before it gives up."""

    def __init__(self, sock: Any, budget: Budget, patience: float) -> None:
        self.sock = sock
        self.budget = budget
        self.patience = patience
        self.opened = self.last = time.monotonic()
        self.received = 0
        self.sent = 0
        self.longest_gap = 0.0
        self.early = b""

    def send(self, data: bytes) -> None:
        self.sock.settimeout(self.budget.wait(self.patience))
        self.sock.sendall(data)
        self.sent += len(data)
        self.budget.spend(len(data))
        self.last = time.monotonic()

    def receive_into(self, buffer: Any) -> int:
        if self.early:
            count = min(len(self.early), len(buffer))
            buffer[:count], self.early = self.early[:count], self.early[count:]
            return count
        begun = time.monotonic()
        self.sock.settimeout(self.budget.wait(self.patience))
        try:
            count = int(self.sock.recv_into(buffer))
        except (socket.timeout, TimeoutError):
            self.budget.wait(self.patience)  # where it is the whole probe's time that is over, it says so
            raise
        if count:
            self.last = time.monotonic()
            self.received += count
            self.longest_gap = max(self.longest_gap, self.last - begun)
            self.budget.spend(count)
        return count

    def makefile(self, _mode: str = "rb") -> io.BufferedReader:
        """For http.client.HTTPResponse, which reads from a file."""
        return io.BufferedReader(_Raw(self))

    def silence(self) -> float:
        """Seconds since the last byte in either direction."""
        return time.monotonic() - self.last

    def seconds(self) -> float:
        return time.monotonic() - self.opened

    def quiet(self, seconds: float, reading: bool = True) -> str | None:
        """Say nothing for so long, but notice at once what comes; None where nothing came.

        reading: whether bytes count (``bytes``), or only the end of the connection (``gone``): a reader that has
        stopped leaves bytes unread, and sees only what overtakes them.
        """
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP | (select.POLLIN if reading else 0))
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()  # read once: poll(2) takes a negative time for one without end
            events = poll.poll(self.budget.wait(left) * 1000.0 if left > 0 else 0)
            if events:
                flags = events[0][1]
                return "gone" if flags & (select.POLLRDHUP | select.POLLHUP | select.POLLERR) else "bytes"
            if time.monotonic() >= until:
                return None

    def arrived(self) -> bool:
        """After quiet(): whether what came is for the reader. An end raises; session tickets of TLS are nobody's."""
        self.sock.settimeout(0.0)
        try:
            self.early = bytes(self.sock.recv(4096))
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        if not self.early:
            raise Ended("closed", "closed without an answer")
        return True

    def close(self) -> None:
        self.sock.close()


class _Raw(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.receive_into(buffer)


def failure(error: BaseException, begun: float, wire: Wire | None = None, offset: int | None = None) -> dict[str, Any]:
    """The end of a stage as a fact. begun: when the stage began. offset: bytes of the body that had come.

    {"ended_by", "error_text", "errno", "code", "seconds", "last_byte_age", "byte_offset"}; seconds of the stage,
    last_byte_age None where there was no connection. An answer is bytes itself: there it is the silence before it.
    """
    end = ended(error)
    silent = None if wire is None else wire.longest_gap if end.by == "answer" else wire.silence()
    return {
        "ended_by": end.by,
        "error_text": end.text,
        "errno": end.name,
        "code": end.code,
        "seconds": round(time.monotonic() - begun, 4),
        "last_byte_age": None if silent is None else round(silent, 4),
        "byte_offset": offset,
    }
