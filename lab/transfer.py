# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves one long recording to the lab's storage through the proxy of an edge, in scaled time, and says how it ended.

    python -m lab.transfer --edge london --minutes 240

The proxy is Squid where it is installed and works, else the lab's own; its timers are those of the edge's squid.conf as
it stands, divided by the scale. The recording is delivered as the incident's pipeline does: a first part, silence for
as long as the work on it takes (its minutes / pace), then the rest, all on one connection. What arrived is read back
and compared by SHA-256. Exit 0: whole; 3: cut.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import os
import random
import select
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import lifecycle, seed, squid
from .fault_proxy import Fault, FaultProxy
from .process import PROJECT, LabError

sys.path.insert(0, str(PROJECT / "module_utils"))

from edge.timeouts import squid as squid_conf  # noqa: E402

# How many times as fast time runs. Squid looks at its clock once a second, so 15 minutes become 4.5 seconds with it;
# with the lab's own proxy there is to be room for a busy machine, and no more.
SCALES = {"Squid": 200.0, "the lab's own proxy": 500.0}
SAMPLE_BYTES = 4 * 1024 * 1024
SQUID_CONF = "etc/squid/squid.conf"
BUCKET = "transfers"  # no edge's own, so that no audit meets what is left here
KEY = "exports/demo/recording-{minutes:g}-minutes.wav"
CUT = 3
_TUNNEL_SECONDS = 20.0


def main() -> int:
    options = _options()
    state = lifecycle.running(options.dir)
    if state is None:
        raise LabError(f"no lab runs in {options.dir}; start it: python -m lab up")
    root = Path(state["hosts"][options.edge]["edge_root"])
    idle = _read_timeout(root / SQUID_CONF)
    work = options.minutes * 60.0 / options.pace
    recording = _Recording(state, options.minutes)
    with _proxy(idle, options.scale, recording.url.netloc, options.dir) as (name, scale, connect):
        print(
            f"transfer: a recording of {options.minutes:g} min, {work:g} s of work on it, through {name} with "
            f"read_timeout {idle:g} s; time runs {scale:g} times as fast",
            flush=True,
        )
        began = time.monotonic()
        try:
            with contextlib.closing(connect()) as connection:
                recording.send(connection, work / scale)
            recording.compare()
        except (OSError, http.client.HTTPException) as error:
            seconds = (time.monotonic() - began) * scale
            what = str(error) or type(error).__name__
            print(f"transfer: CUT by {name} after {seconds:.0f} s ({what}); nothing stands in the storage")
            return CUT
    print(f"transfer: COMPLETE through {name} in {(time.monotonic() - began) * scale:.0f} s; SHA-256 equal")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.transfer", description=__doc__)
    here = Path(os.environ.get("EDGEPATH_LAB_DIR") or PROJECT / ".lab")
    parser.add_argument("--dir", type=Path, default=here, help="the lab's directory")
    parser.add_argument("--edge", default="london", help="the edge whose squid.conf counts")
    parser.add_argument("--minutes", type=float, default=240.0, help="how long the recording is")
    parser.add_argument("--pace", type=float, default=3.0, help="how many times real time the pipeline works")
    parser.add_argument("--scale", type=float, help="how many times as fast time runs")
    return parser.parse_args()


def _read_timeout(path: Path) -> float:
    proxy = squid_conf.parse(path.read_text(encoding="utf-8"), str(path))
    found = [bound.seconds for bound in proxy.bounds if bound.setting == "read_timeout"]
    return float(found[0] or 0.0)


class _Recording:
    """Made-up audio, the place where it will stand, and the signed request that puts it there."""

    def __init__(self, state: dict[str, Any], minutes: float) -> None:
        self.client = seed.client("s3", state["endpoints"]["object_store"], state["credentials"]["operator"])
        with contextlib.suppress(
            self.client.exceptions.BucketAlreadyExists, self.client.exceptions.BucketAlreadyOwnedByYou
        ):
            self.client.create_bucket(Bucket=BUCKET)
        self.place = {"Bucket": BUCKET, "Key": KEY.format(minutes=minutes)}
        self.body = random.Random(int(minutes)).randbytes(SAMPLE_BYTES)
        self.url = urlsplit(self.client.generate_presigned_url("put_object", Params=self.place, ExpiresIn=3600))

    def send(self, connection: http.client.HTTPConnection, silence: float) -> None:
        """One PUT on one connection with a silence in it."""
        half = len(self.body) // 2
        connection.putrequest("PUT", f"{self.url.path}?{self.url.query}", skip_host=True)
        connection.putheader("Host", self.url.netloc)
        connection.putheader("Content-Length", str(len(self.body)))
        connection.endheaders(self.body[:half])
        # Whoever ends the silent connection makes it readable, at the second that is to be told.
        if select.select([connection.sock], [], [], silence)[0]:
            raise ConnectionResetError("the connection was closed while it was silent")
        connection.send(self.body[half:])
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(f"the proxy or the storage answers {answer.status} {answer.reason}")

    def compare(self) -> None:
        stored = self.client.get_object(**self.place)["Body"].read()
        if hashlib.sha256(stored).digest() != hashlib.sha256(self.body).digest():
            raise http.client.HTTPException("what stands in the storage is not what was sent")


@contextlib.contextmanager
def _proxy(idle: float, asked: float | None, storage: str, directory: Path) -> Iterator[tuple[str, float, Any]]:
    """(name, how fast time runs, a function that opens a connection to the storage through the proxy)."""
    with contextlib.ExitStack() as stack:
        scales = {name: asked or scale for name, scale in SCALES.items()}
        name = "Squid"
        tunnel = _squid(idle / scales[name], storage, directory, stack)
        if tunnel is not None:
            yield name, scales[name], tunnel
            return
        name = "the lab's own proxy"
        fault = Fault("idle_kill", seconds=idle / scales[name])
        own = urlsplit(stack.enter_context(FaultProxy(storage, [fault])).url)
        yield name, scales[name], lambda: http.client.HTTPConnection(own.hostname or "", own.port, timeout=600)


def _squid(idle: float, storage: str, directory: Path, stack: contextlib.ExitStack) -> Any:
    """A function that opens a tunnel through a real Squid; None where there is none, or none that works here."""
    where = squid.program()
    if where is None:
        return None
    host, _, port = storage.partition(":")
    seconds = max(1, round(idle))
    settings = f"read_timeout {seconds} seconds\nwrite_timeout {seconds} seconds"
    started = contextlib.ExitStack()
    try:
        place = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="transfer-", dir=directory)))
        squid_port, _ = started.enter_context(squid.running(where, place, settings))

        def tunnel() -> http.client.HTTPConnection:
            connection = http.client.HTTPConnection("127.0.0.1", squid_port, timeout=600)
            connection.set_tunnel(host, int(port))
            return connection

        # A first one, of which nothing is asked: what listens but opens no tunnel would tell nothing of the edge.
        with contextlib.closing(tunnel()) as first:
            first.timeout = _TUNNEL_SECONDS
            first.connect()
    except (LabError, OSError, http.client.HTTPException) as error:
        started.close()
        print(f"transfer: Squid does not work here ({error}); the lab's own proxy takes its place")
        return None
    stack.push(started)
    return tunnel


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as problem:
        sys.exit(f"lab: {problem}")
