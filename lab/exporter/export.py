#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An export service for the lab's hosts: it moves recordings from and to the storage, paced as a real one is.

    export --config FILE                        serves jobs on a socket, until it is told to end
    export submit --config FILE MINUTES ...     hands it a job of recordings so long, prints the job's document

A recording is read from the storage, worked on at `pace` times real time, and written below the export's prefix, all on
one connection, through the proxy that the configuration names. Delivered `buffered`, the connection is silent while
the recording is worked on; `streamed`, its bytes flow at the pace. Nothing is tried twice, and a failure leaves no
word in the log: that is the behaviour under test. Time is scaled by a pace of thousands; a recording holds `sample` of
its bytes.

Standard library only. A job's document has the shape in which operators report one (state, failedRecordings, error).
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import hmac
import http.client
import itertools
import json
import queue
import signal
import socket
import socketserver
import ssl
import sys
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

_PIECE = 65536
_PROBLEMS = (OSError, http.client.HTTPException, ValueError, queue.Empty)
_LOCK = threading.Lock()


class Settings:
    """The configuration file as it is now: read anew for each job, so that a change needs no restart."""

    def __init__(self, path: str) -> None:
        parser = configparser.ConfigParser(interpolation=None)
        with open(path, encoding="utf-8") as stream:
            parser.read_file(stream)
        export, pipeline = parser["export"], parser["pipeline"]
        self.bucket, self.prefix = export["bucket"], export["prefix"]
        self.connect_timeout = export.getfloat("connect_timeout")
        self.read_timeout = export.getfloat("read_timeout")
        self.keepalive = export.getboolean("tcp_keepalive", fallback=False)
        self.versions = export.getboolean("versions", fallback=False)
        self.proxy = export.get("proxy", "").strip()
        self.endpoint, self.region = urlsplit(parser["storage"]["endpoint"]), parser["storage"]["region"]
        self.pace, self.delivery = float(pipeline["pace"]), pipeline["delivery"]
        self.sample = pipeline.getfloat("sample")
        self.codec, self.channels = pipeline["codec"], pipeline.getint("channels")
        self.socket, self.jobs, self.log = (parser["service"][name] for name in ("socket", "jobs", "log"))

    @property
    def host(self) -> str:
        """The bucket's own host name, as S3 has it."""
        return f"{self.bucket}.{self.endpoint.hostname}"


class Connection:
    """One connection to the storage, through the proxy where there is one, for signed requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secure = settings.endpoint.scheme == "https"
        port = settings.endpoint.port or (443 if self._secure else 80)
        proxy = urlsplit(settings.proxy) if settings.proxy else None
        self._http = http.client.HTTPConnection(settings.host, port, timeout=settings.connect_timeout)
        if proxy is not None and proxy.scheme == "tcp":
            plain = socket.create_connection((proxy.hostname, proxy.port), settings.connect_timeout)
        elif proxy is not None:
            plain = self._tunnel(proxy, port)
        else:
            plain = socket.create_connection((settings.host, port), settings.connect_timeout)
        if settings.keepalive:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._secure:
            plain = ssl.create_default_context().wrap_socket(plain, server_hostname=settings.host)
        plain.settimeout(settings.read_timeout)
        self._http.sock = plain
        self._http.auto_open = 0

    def _tunnel(self, proxy: Any, port: int) -> socket.socket:
        plain = socket.create_connection((proxy.hostname, proxy.port), self._settings.connect_timeout)
        target = f"{self._settings.host}:{port}"
        plain.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = plain.recv(1)
            if not part:
                raise ConnectionResetError("the proxy closed the connection")
            answer += part
        status = answer.split(b"\r\n", 1)[0].decode("latin-1")
        if status.split()[1:2] != ["200"]:
            raise ConnectionError(f"the proxy answered {status}")
        return plain

    def request(self, method: str, key: str, body: Any = b"", digest: str = "", size: int = 0) -> Any:
        """The answer, its body unread; OSError where the storage refuses. body: bytes, or an iterable of size bytes."""
        path = "/" + quote(key, safe="/-_.~")
        headers = _signed(self._settings, method, path, digest or hashlib.sha256(body).hexdigest())
        if method == "PUT":
            headers["Content-Length"] = str(size)
        self._http.request(method, path, body=body or None, headers=headers)
        answer = self._http.getresponse()
        if answer.status >= 300:
            raise OSError(f"the storage answered {answer.status} to {method}: {answer.read(300)!r}")
        return answer

    def close(self) -> None:
        self._http.close()


class Credentials:
    """Of the node's role, from the instance metadata service (EC2 User Guide, IMDSv2); asked anew before they end."""

    _PATH = "/latest/meta-data/iam/security-credentials/"

    def __init__(self, address: str) -> None:
        self._address = address
        self._held: dict[str, str] = {}

    def get(self) -> dict[str, str]:
        now = datetime.now(timezone.utc) + timedelta(minutes=5)
        with _LOCK:
            if self._held.get("Expiration", "") < f"{now:%Y-%m-%dT%H:%M:%SZ}":
                token = self._ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
                own = {"X-aws-ec2-metadata-token": token}
                self._held = json.loads(self._ask("GET", self._PATH + self._ask("GET", self._PATH, own), own))
            return self._held

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        connection = http.client.HTTPConnection(self._address, timeout=2)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise OSError(f"the instance metadata service answered {answer.status} to {path}")
            return answer.read().decode()
        finally:
            connection.close()


CREDENTIALS = Credentials("169.254.169.254")


def _signed(settings: Settings, method: str, path: str, digest: str) -> dict[str, str]:
    """The headers of a request without a query (Signature Version 4; Amazon S3 API Reference)."""
    held = CREDENTIALS.get()
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    port = settings.endpoint.port
    host = f"{settings.host}:{port}" if port else settings.host
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    if held["Token"]:
        headers["x-amz-security-token"] = held["Token"]
    names = ";".join(sorted(headers))
    lines = [method, path, "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, digest]
    scope = f"{stamp[:8]}/{settings.region}/s3/aws4_request"
    hashed = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = b"AWS4" + held["SecretAccessKey"].encode()
    for part in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"{held['AccessKeyId']}/{scope}"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
    return headers


class Worker(threading.Thread):
    """The stage that is paced by the recording's length: all pieces at its end, or each in its time."""

    def __init__(self, data: bytes, seconds: float, streamed: bool) -> None:
        super().__init__(daemon=True)
        self._data, self._seconds, self._streamed = data, seconds, streamed
        self.pieces: queue.Queue[bytes] = queue.Queue()

    def run(self) -> None:
        parts = [self._data[start : start + _PIECE] for start in range(0, len(self._data), _PIECE)]
        if not self._streamed:
            time.sleep(self._seconds)
        for part in parts:
            if self._streamed:
                time.sleep(self._seconds / len(parts))
            self.pieces.put(part)
        self.pieces.put(b"")


def carry(settings: Settings, minutes: float, recording: str) -> dict[str, Any]:
    """Move one recording; returns what a job's document says of it. Raises one of _PROBLEMS."""
    connection = Connection(settings)
    try:
        data = connection.request("GET", f"recordings/{minutes:g}.wav").read()
        digest = hashlib.sha256(data).hexdigest()
        worker = Worker(data, minutes * 60 / settings.pace, settings.delivery == "streamed")
        worker.start()
        first = worker.pieces.get(timeout=settings.read_timeout)
        rest = iter(lambda: worker.pieces.get(timeout=settings.read_timeout), b"")
        key = f"{settings.prefix}{recording}.wav"
        answer = connection.request("PUT", key, itertools.chain([first], rest), digest, len(data))
        answer.read()
        version = answer.headers.get("x-amz-version-id")
    finally:
        connection.close()
    stored = {"recordingId": recording, "key": key, "bytes": len(data), "sha256": digest}
    return {**stored, "versionId": version} if settings.versions else stored


def run_job(settings: Settings, lengths: list[float]) -> dict[str, Any]:
    """All recordings of a job, until one fails; returns its document."""
    job: dict[str, Any] = {"id": str(uuid.uuid4()), "type": "RECORDING_EXPORT", "region": settings.region}
    job = {**job, "state": "IN_PROGRESS", "previousState": "QUEUED", "dateCreated": _now()}
    job["destination"] = {"type": "S3", "bucket": settings.bucket, "prefix": settings.prefix}
    _say(settings, f"job {job['id'][:8]} IN_PROGRESS: {len(lengths)} recordings")
    done: list[dict[str, Any]] = []
    for minutes in lengths:
        recording, started = str(uuid.uuid4()), _now()
        shape = f"{minutes:g} min, {settings.channels} channels, {settings.codec}"
        _say(settings, f"recording {recording[:8]} ({shape}) started")
        begun = time.monotonic()
        try:
            done.append(carry(settings, minutes, recording))
        except _PROBLEMS as error:
            return _failed(job, len(lengths), done, recording, minutes, started, error)
        spent = time.monotonic() - begun
        _say(settings, f"recording {recording[:8]} stored, {done[-1]['bytes']} bytes in {spent:.3f} s")
    _say(settings, f"job {job['id'][:8]} FULFILLED: {len(done)} of {len(lengths)}")
    progress = {"recordings": len(lengths), "exported": len(done), "failed": 0, "notStarted": 0}
    ended = {"state": "COMPLETED", "previousState": "IN_PROGRESS", "dateCompleted": _now()}
    return {**job, **ended, "progress": progress, "recordings": done}


def _failed(
    job: dict[str, Any], count: int, done: list[Any], recording: str, minutes: float, started: str, error: Exception
) -> dict[str, Any]:
    failed = {"recordingId": recording, "media": "audio", "durationMs": round(minutes * 60000)}
    reason = (
        "connection reset by peer"
        if isinstance(error, (ConnectionError, http.client.HTTPException, ssl.SSLError))
        else "no data within the read timeout"
        if isinstance(error, queue.Empty)
        else str(error)
    )
    return {
        **job,
        "state": "FAILED",
        "previousState": "IN_PROGRESS",
        "dateFailed": _now(),
        "progress": {
            "recordings": count, "exported": len(done), "failed": 1, "notStarted": count - len(done) - 1,
        },
        "recordings": done,
        "failedRecordings": [{**failed, "startedAt": started, "failedAt": _now()}],
        "error": {
            "status": "STREAM_TERMINATION_ERROR",
            "code": 502,
            "message": f"Audio stream handshake failed with upstream BYOC provider; {reason}",
            "correlationId": str(uuid.uuid4()),
        },
    }  # fmt: skip


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _say(settings: Settings, words: str) -> None:
    with _LOCK, open(settings.log, "a", encoding="utf-8") as stream:
        stream.write(f"{_now()} INFO  [export] {words}\n")


class _Job(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        settings = Settings(self.server.config)  # type: ignore[attr-defined]
        document = run_job(settings, [float(each) for each in json.loads(self.rfile.readline())])
        text = json.dumps(document, indent=2) + "\n"
        directory = Path(settings.jobs)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{document['id']}.json").write_text(text, encoding="utf-8")
        self.wfile.write(text.encode())


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def serve(config: str) -> int:
    settings = Settings(config)
    Path(settings.socket).unlink(missing_ok=True)
    with _Server(settings.socket, _Job) as server:
        server.config = config  # type: ignore[attr-defined]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # each job reads the configuration anew
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        _say(settings, "waiting for jobs")
        server.serve_forever(poll_interval=0.2)
    return 0


def submit(config: str, lengths: list[float]) -> int:
    settings = Settings(config)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(settings.socket)
        client.sendall(json.dumps(lengths).encode() + b"\n")
        text = b"".join(iter(lambda: client.recv(_PIECE), b"")).decode()
    if not text:
        raise SystemExit("export: the service ended before the job did; see journalctl -u edge-export")
    print(text, end="")
    return 0 if json.loads(text)["state"] == "COMPLETED" else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=["submit"])
    parser.add_argument("--config", required=True)
    parser.add_argument("minutes", nargs="*", type=float)
    options = parser.parse_intermixed_args()
    return submit(options.config, options.minutes) if options.action == "submit" else serve(options.config)


if __name__ == "__main__":
    sys.exit(main())
