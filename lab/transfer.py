# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves one long recording to the lab's storage through the proxy of an edge, in scaled time, and says how it ended.

    python -m lab.transfer --edge london --minutes 240

The proxy is Squid where it is installed, else the lab's own; its timers are those of the edge's squid.conf as it
stands, divided by the scale. The recording is delivered as the incident's pipeline does: a first part, silence for as
long as the work on it takes (its minutes / pace), then the rest, all on one connection. What arrived is read back and
compared by SHA-256. Exit 0: whole; 3: cut.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import hashlib
import http.client
import json
import os
import pwd
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import seed
from .fault_proxy import Fault, FaultProxy
from .process import PROJECT, LabError, die_with_parent

sys.path.insert(0, str(PROJECT / "module_utils"))

from edge.timeouts import squid as squid_conf  # noqa: E402

SCALE = 200.0  # 15 minutes become 4.5 seconds; Squid looks at its clock once a second
SAMPLE_BYTES = 4 * 1024 * 1024
SQUID_CONF = "etc/squid/squid.conf"
BUCKET = "transfers"  # no edge's own, so that no audit meets what is left here
KEY = "exports/demo/recording-{minutes:g}-minutes.wav"
CUT = 3


def main() -> int:
    options = _options()
    try:
        state = json.loads((options.dir / "lab.json").read_text(encoding="utf-8"))
    except OSError as error:
        print(f"lab: no lab runs in {options.dir} ({error.strerror}); start it: python -m lab up", file=sys.stderr)
        return 1
    root = Path(state["hosts"][options.edge]["edge_root"])
    idle = _read_timeout(root / SQUID_CONF)
    work = options.minutes * 60.0 / options.pace
    print(
        f"transfer: a recording of {options.minutes:g} min, {work:g} s of work on it, through a proxy with "
        f"read_timeout {idle:g} s; time runs {options.scale:g} times as fast"
    )
    recording = _Recording(state, options.minutes)
    with _proxy(idle / options.scale, recording.url.netloc) as (name, connect):
        began = time.monotonic()
        try:
            with contextlib.closing(connect()) as connection:
                recording.send(connection, work / options.scale)
            recording.compare()
        except (OSError, http.client.HTTPException) as error:
            seconds = (time.monotonic() - began) * options.scale
            what = str(error) or type(error).__name__
            print(f"transfer: CUT by {name} after {seconds:.0f} s ({what}); nothing stands in the storage")
            return CUT
    print(f"transfer: COMPLETE through {name} in {(time.monotonic() - began) * options.scale:.0f} s; SHA-256 equal")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.transfer", description=__doc__)
    parser.add_argument("--dir", type=Path, default=PROJECT / ".lab", help="the lab's directory")
    parser.add_argument("--edge", default="london", help="the edge whose squid.conf counts")
    parser.add_argument("--minutes", type=float, default=240.0, help="how long the recording is")
    parser.add_argument("--pace", type=float, default=3.0, help="how many times real time the pipeline works")
    parser.add_argument("--scale", type=float, default=SCALE, help="how many times as fast time runs")
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
def _proxy(idle: float, storage: str) -> Iterator[tuple[str, Any]]:
    """(name, a function that opens a connection to the storage through the proxy)."""
    program = shutil.which("squid") or shutil.which("squid", path="/usr/sbin")
    if program is None:
        with FaultProxy(storage, [Fault("idle_kill", seconds=idle)]) as proxy:
            own = urlsplit(proxy.url)
            yield "the lab's own proxy", lambda: http.client.HTTPConnection(own.hostname or "", own.port, timeout=600)
        return
    host, _, port = storage.partition(":")

    temporary = tempfile.TemporaryDirectory(prefix="edgepath-squid-")
    with temporary as directory, _squid(program, Path(directory), idle) as squid_port:

        def connect() -> http.client.HTTPConnection:
            connection = http.client.HTTPConnection("127.0.0.1", squid_port, timeout=600)
            connection.set_tunnel(host, int(port))
            return connection

        yield "Squid", connect


@contextlib.contextmanager
def _squid(program: str, directory: Path, idle: float) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = os.geteuid() == 0
    user = "proxy" if root else getpass.getuser()
    if root:
        os.chown(directory, pwd.getpwnam(user).pw_uid, -1)
    path = directory / "squid.conf"
    path.write_text(
        f"""http_port 127.0.0.1:{port}
acl here src 127.0.0.1
http_access allow here
cache deny all
pid_filename {directory}/squid.pid
access_log none
cache_log {directory}/cache.log
coredump_dir {directory}
cache_effective_user {user}
shutdown_lifetime 1 seconds
pinger_enable off
read_timeout {max(1, round(idle))} seconds
write_timeout {max(1, round(idle))} seconds
"""
    )
    path.chmod(0o644)
    process = subprocess.Popen(
        [program, "-N", "-f", str(path)],
        preexec_fn=die_with_parent(signal.SIGTERM, os.getpid()),
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(process, port, directory)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(process: subprocess.Popen[bytes], port: int, directory: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    log = directory / "cache.log"
    raise LabError(f"Squid did not start: {log.read_text()[-2000:] if log.exists() else 'it left no log'}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as problem:
        sys.exit(f"lab: {problem}")
