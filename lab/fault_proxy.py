# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that does what bad networks and short timers do, at a known byte and second, and notes what it did.

As a library: ``with FaultProxy("127.0.0.1:8333", [Fault("reset", after_bytes=20_000_000)]) as proxy: ... proxy.url``;
as a program: ``python -m lab.fault_proxy --config FILE``. The kernel answers for it: it accepts connections and
acknowledges bytes that the proxy never reads, and answers TCP keepalive, so a black hole here is silence above TCP.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

KINDS = {
    "refuse": "nobody listens: every connection is refused",
    "slow_accept": "nothing is read or answered for `seconds`",
    "status": "the request is answered with `status` instead of being forwarded",
    "reset": "RST once `after_bytes` of the body or `after_seconds` of the connection are over",
    "cut": "the same, with FIN: a body that ends too early",
    "stall": "nothing more for `seconds` (for ever where none are given), then on",
    "blackhole": "nothing more, in either direction, and no end",
    "idle_kill": "after `seconds` without a byte the connection is forgotten: RST to the next packet only",
    "trickle": "no more than `rate` bytes a second",
    "flip": "the lowest bit of body byte `after_bytes` is turned over",
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong, where and how often.

    kind: one of KINDS.  after_bytes: of the response's body (of all bytes towards the client where it is not HTTP).
    after_seconds: since the connection was accepted.  connections: their numbers from 0 on; None: every.
    request: pattern for the request line; None: every.  times: at most so often; None: always.
    """

    kind: str
    after_bytes: int | None = None
    after_seconds: float | None = None
    seconds: float | None = None
    rate: float | None = None
    status: int = 502
    connections: tuple[int, ...] | None = None
    request: str | None = None
    times: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault {self.kind!r} is not known; known are {', '.join(KINDS)}")
        if self.kind in ("slow_accept", "idle_kill") and self.seconds is None:
            raise ValueError(f"fault {self.kind} needs seconds")
        if self.kind == "trickle" and not self.rate:
            raise ValueError("fault trickle needs a rate")
        if self.kind == "flip" and self.after_bytes is None:
            raise ValueError("fault flip needs after_bytes")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Fault:
        values = dict(data)
        wrong = sorted(set(values) - {field.name for field in fields(cls)})
        if wrong:
            raise ValueError(f"a fault has no {', '.join(wrong)}")
        if values.get("connections") is not None:
            values["connections"] = tuple(values["connections"])
        return cls(**values)


class FaultProxy:
    """One listening port before one upstream. log: a mapping a connection, in the order of their coming.

    {"connection", "opened", "requests": [lines], "events": [{"what", "seconds", "body_bytes", "request"}],
     "bytes_up", "bytes_down", "closed"}; seconds count from the connection's start, opened and closed from start().
    """

    def __init__(self, upstream: str, faults: Iterable[Fault] = (), listen: str = "127.0.0.1:0") -> None:
        host, _, port = upstream.rpartition(":")
        self.upstream = (host, int(port))
        self.faults = list(faults)
        self.log: list[dict[str, Any]] = []
        self.begun = 0.0
        self._listen = listen
        self._used: dict[int, int] = {}
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._bound.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://{self._bound.getsockname()[0]}:{self.port}"

    @property
    def _bound(self) -> socket.socket:
        if self._socket is None:
            raise RuntimeError("the fault proxy has not been started")
        return self._socket

    def start(self) -> FaultProxy:
        """Listen, in a thread of its own; returns once connections are accepted."""
        host, _, port = self._listen.rpartition(":")
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, int(port)))
        self.begun = time.monotonic()
        if any(fault.kind == "refuse" for fault in self.faults):
            return self
        self._socket.listen(128)
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True, name="fault-proxy")
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        """Drop every connection and the port."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop = self._thread = None
        if self._socket is not None:
            self._socket.close()

    def __enter__(self) -> FaultProxy:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def events(self, what: str | None = None) -> list[dict[str, Any]]:
        """What was done, over all connections; of one kind where it is named."""
        return [event for entry in self.log for event in entry["events"] if what in (None, event["what"])]

    def take(self, connection: int, request: str | None, kinds: Iterable[str]) -> Fault | None:
        """The first fault of these kinds that is meant for this connection and request, counted as used."""
        for number, fault in enumerate(self.faults):
            if fault.kind not in kinds or (fault.times is not None and self._used.get(number, 0) >= fault.times):
                continue
            if fault.connections is not None and connection not in fault.connections:
                continue
            if fault.request is not None and (request is None or not re.search(fault.request, request)):
                continue
            self._used[number] = self._used.get(number, 0) + 1
            return fault
        return None

    def _serve(self, ready: threading.Event) -> None:
        from .fault_connection import Connection

        async def accept() -> None:
            while True:
                client, _ = await loop.sock_accept(self._bound)
                task = loop.create_task(Connection(self, client, len(self.log)).run())
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        self._loop = loop = asyncio.new_event_loop()
        tasks: set[asyncio.Task[None]] = set()
        self._bound.setblocking(False)
        accepting = loop.create_task(accept())
        loop.call_soon(ready.set)
        loop.run_forever()
        for task in (accepting, *tasks):
            task.cancel()
        loop.run_until_complete(asyncio.gather(accepting, *tasks, return_exceptions=True))
        loop.close()


def main(arguments: list[str] | None = None) -> int:
    """The configuration is JSON: {"upstream": "host:port", "listen": "127.0.0.1:0", "faults": [...], "log": path}."""
    parser = argparse.ArgumentParser(prog="python -m lab.fault_proxy", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    path = parser.parse_args(arguments).config
    try:
        config = json.loads(path.read_text())
        proxy = FaultProxy(
            config["upstream"],
            [Fault.from_dict(fault) for fault in config.get("faults", [])],
            config.get("listen", "127.0.0.1:0"),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        print(f"fault proxy: {path}: {error}", file=sys.stderr)
        return 1
    with proxy:
        print(f"ready {proxy.url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
        finally:
            if config.get("log"):
                Path(config["log"]).write_text(json.dumps(proxy.log, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
