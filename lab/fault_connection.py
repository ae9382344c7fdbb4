# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection through the fault proxy: two streams, the faults meant for it, a note of what was done."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from .http_frames import Frames, Head, NotHttp

if TYPE_CHECKING:
    from .fault_proxy import Fault, FaultProxy

_READ = 65536
_ON_CONNECTION = ("slow_accept", "idle_kill")
_ON_BODY = ("reset", "cut", "stall", "blackhole", "trickle", "flip")
_TICK = 0.005
_SLICES_A_SECOND = 20
_OUTSTANDING_SECONDS = 2.0


class _Over(Exception):
    """This connection has come to its end."""


class Connection:
    """client <-> upstream. Faults of a body are chosen request by request; without HTTP, once, on the first byte."""

    def __init__(self, proxy: FaultProxy, client: socket.socket, number: int) -> None:
        self.proxy = proxy
        self.client = client
        self.number = number
        self.opened = self.last = time.monotonic()
        self.upstream: socket.socket | None = None
        self.forgotten = False
        self.black = False
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.over = asyncio.Event()
        self.timers: set[asyncio.Future[None]] = set()
        self.asked: deque[tuple[str, Fault | None]] = deque()
        self.sent = 0
        self.entry: dict[str, Any] = {
            "connection": number, "opened": self.opened - proxy.begun, "requests": [], "events": [],
            "bytes_up": 0, "bytes_down": 0, "closed": None,
        }  # fmt: skip
        proxy.log.append(self.entry)

    async def run(self) -> None:
        self.client.setblocking(False)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        watch: list[asyncio.Task[None]] = []
        try:
            fault = self.proxy.take(self.number, None, ("slow_accept",))
            if fault is not None:
                self._note("slow_accept")
                await asyncio.sleep(fault.seconds or 0.0)
            idle = self.proxy.take(self.number, None, ("idle_kill",))
            jobs = [self._up(), self._down(), self._ended()] + ([self._forget(idle)] if idle else [])
            loop = asyncio.get_running_loop()
            self.upstream = await self._dial()
            watch = [loop.create_task(job) for job in jobs]
            await asyncio.gather(*watch)
        except (_Over, OSError):
            pass  # an end that was meant, or the other side's; the log says which
        finally:
            for task in (*watch, *self.timers):
                task.cancel()
            await asyncio.gather(*watch, *self.timers, return_exceptions=True)
            self.client.close()
            if self.upstream is not None:
                self.upstream.close()
            self.entry["closed"] = time.monotonic() - self.proxy.begun

    async def _dial(self) -> socket.socket:
        upstream = socket.socket()
        upstream.setblocking(False)
        await asyncio.get_running_loop().sock_connect(upstream, self.proxy.upstream)
        upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return upstream

    async def _up(self) -> None:
        frames: Frames | None = Frames()
        loop = asyncio.get_running_loop()
        assert self.upstream is not None
        while True:
            data = await loop.sock_recv(self.client, _READ)
            if self.forgotten and data:
                self._reset("idle_kill")
            if self.black or self.forgotten:
                await asyncio.Event().wait()
            if not data:
                self.entry["events"].append({"what": "client_left", "seconds": self._seconds()})
                raise _Over
            self._touch("bytes_up", len(data))
            if frames is None:
                await loop.sock_sendall(self.upstream, data)
                continue
            try:
                for kind, part in frames.feed(data):
                    if kind == "head":
                        await self._request(frames.head)
                    if part:
                        await loop.sock_sendall(self.upstream, part)
            except NotHttp:
                self.asked.append(("", self.proxy.take(self.number, None, _ON_BODY)))
                await loop.sock_sendall(self.upstream, frames.pending)
                frames = None

    async def _request(self, head: Head | None) -> None:
        line = head.start if head is not None else ""
        self.entry["requests"].append(line)
        answer = self.proxy.take(self.number, line, ("status",))
        if answer is not None:
            self._note("status", line)
            body = f"fault proxy: {answer.status}\n".encode()
            text = f"HTTP/1.1 {answer.status} Fault\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            await self._deliver(text.encode() + body)
            await self._end("status", line)
        self.asked.append((line, self.proxy.take(self.number, line, _ON_BODY)))
        fault = self.asked[-1][1]
        if fault is not None and fault.after_seconds is not None and fault.after_bytes is None:
            self._later(fault, line)

    def _later(self, fault: Fault, line: str) -> None:
        """A fault that comes by the clock interrupts whatever is being read or sent."""
        wait = max(0.0, self.opened + (fault.after_seconds or 0.0) - time.monotonic())
        if not wait and fault.kind in ("stall", "blackhole"):
            self._shut(fault, line)  # at once: an answer could pass before a task has its turn
            job = self._held(fault, line)
        else:
            job = self._at(wait, fault, line)
        task = asyncio.ensure_future(job)
        self.timers.add(task)  # the loop itself keeps none
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _at(self, wait: float, fault: Fault, line: str) -> None:
        await asyncio.sleep(wait)
        if self.entry["closed"] is not None:
            return
        if fault.request is not None and (not self.asked or self.asked[0][0] != line):
            return
        if fault.kind == "reset":
            self._note("reset", line)
            self._abort()
            self.over.set()
        elif fault.kind == "cut":
            self._note("cut", line)
            self.over.set()
        elif fault.kind in ("stall", "blackhole"):
            await self._hold(fault, line)

    async def _down(self) -> None:
        frames: Frames | None = Frames(lambda: bool(self.asked) and self.asked[0][0].startswith("HEAD "))
        loop = asyncio.get_running_loop()
        assert self.upstream is not None
        while True:
            data = await loop.sock_recv(self.upstream, _READ)
            if self.forgotten or self.black:
                await asyncio.Event().wait()
            if not data:
                await self._end("upstream_closed")
            if frames is None:
                await self._body(data)
                continue
            try:
                for kind, part in frames.feed(data):
                    await self._answer(kind, part, frames)
            except NotHttp:
                await self._body(frames.pending)
                frames = None

    async def _answer(self, kind: str, part: bytes, frames: Frames) -> None:
        if kind == "body":
            await self._body(part)
        elif kind == "head":
            await self._deliver(part)
            self.sent = 0
            if self._fault(None) is not None and self._fault(None).after_bytes == 0:  # type: ignore[union-attr]
                await self._body(b"")
        elif self.asked and (frames.head is None or frames.head.status >= 200):
            self.asked.popleft()
            self.sent = 0

    def _fault(self, default: Any) -> Fault | None:
        return self.asked[0][1] if self.asked else default

    async def _body(self, data: bytes) -> None:
        """Forward a part of a body up to the byte at which its fault strikes, then let it strike."""
        fault = self._fault(None)
        line = self.asked[0][0] if self.asked else ""
        if fault is None or (fault.after_seconds is not None and fault.after_bytes is None):
            return await self._count(data)
        limit = fault.after_bytes or 0
        if self.sent < limit or fault.kind == "trickle":
            head = data[: max(0, limit - self.sent)]
            await self._count(head)
            data = data[len(head) :]
        if fault.kind == "trickle":
            return await self._trickle(data, fault, line)
        if self.sent < limit or (fault.kind == "flip" and not data):
            return None
        self.asked[0] = (line, None)
        await self._strike(fault, line)
        if fault.kind == "flip":
            data = bytes([data[0] ^ 1]) + data[1:]
        return await self._count(data)

    async def _strike(self, fault: Fault, line: str) -> None:
        if fault.kind == "reset":
            await self._delivered()
            self._reset("reset", line)
        elif fault.kind == "cut":
            await self._end("cut", line)
        elif fault.kind == "flip":
            self._note("flip", line)
        else:
            await self._hold(fault, line)

    async def _ended(self) -> None:
        await self.over.wait()
        raise _Over

    async def _hold(self, fault: Fault, line: str) -> None:
        """stall for its seconds, or for ever; blackhole as well holds what the client sends."""
        self._shut(fault, line)
        await self._held(fault, line)

    def _shut(self, fault: Fault, line: str) -> None:
        self._note(fault.kind, line)
        self.flowing.clear()
        self.black = fault.kind == "blackhole"

    async def _held(self, fault: Fault, line: str) -> None:
        if self.black or fault.seconds is None:
            await asyncio.Event().wait()
        await asyncio.sleep(fault.seconds or 0.0)
        self._note("resumed", line)
        self.flowing.set()

    async def _trickle(self, data: bytes, fault: Fault, line: str) -> None:
        if data and not any(event["what"] == "trickle" for event in self.entry["events"]):
            self._note("trickle", line)
        size = max(1, int((fault.rate or 1.0) / _SLICES_A_SECOND))
        for at in range(0, len(data), size):
            part = data[at : at + size]
            await self._count(part)
            await asyncio.sleep(len(part) / (fault.rate or 1.0))

    async def _forget(self, fault: Fault) -> None:
        seconds = fault.seconds or 0.0
        while True:
            left = self.last + seconds - time.monotonic()
            if left <= 0:
                self.forgotten = True
                self._note("forgotten")
                return
            await asyncio.sleep(left)

    async def _count(self, data: bytes) -> None:
        self.sent += len(data)
        await self._deliver(data)

    async def _deliver(self, data: bytes) -> None:
        if data:
            await self.flowing.wait()
            await asyncio.get_running_loop().sock_sendall(self.client, data)
            self._touch("bytes_down", len(data))

    async def _delivered(self) -> None:
        """Until the client's kernel has acknowledged everything: a reset discards what is still under way."""
        until = time.monotonic() + _OUTSTANDING_SECONDS
        while time.monotonic() < until:
            waiting = struct.unpack("i", fcntl.ioctl(self.client, termios.TIOCOUTQ, b"\0\0\0\0"))[0]
            if waiting == 0:
                return
            await asyncio.sleep(_TICK)

    def _abort(self) -> None:
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # A socket with a pending read is closed by the kernel only once nothing holds it: detach that first.
        asyncio.get_running_loop().remove_reader(self.client)
        asyncio.get_running_loop().remove_writer(self.client)
        self.client.close()

    def _reset(self, what: str, line: str = "") -> None:
        self._note(what, line)  # first: whoever sees the reset may look at once
        self._abort()
        raise _Over

    async def _end(self, what: str, line: str = "") -> None:
        if what != "status":
            self._note(what, line)
        self.client.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0)
        raise _Over

    def _touch(self, direction: str, count: int) -> None:
        self.entry[direction] += count
        self.last = time.monotonic()

    def _seconds(self) -> float:
        return time.monotonic() - self.opened

    def _note(self, what: str, line: str = "") -> None:
        event = {"what": what, "seconds": self._seconds(), "body_bytes": self.sent, "request": line}
        self.entry["events"].append(event)
