# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that answers AWS' clients wrongly, and what they send rightly to the service behind it otherwise.

As a library: ``with LyingProxy(moto_url, [Lie("404 without body", r"GET /bucket\\?policy")]) as proxy: ... proxy.url``;
as a program: ``python -m lab.lying_proxy UPSTREAM --lie '{"kind": "404 without body", "request": "policy"}'``. Clients
reach it as their endpoint (AWS_ENDPOINT_URL, edge_aws_endpoint_url). What breaks connections is lab/fault_proxy.py.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import re
import socketserver
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from .lies import LIES, Asked, Reply, spoken, told

# Beside LIES: what is done to the service's own answer, or to its coming.
DEEDS = {
    "reply": "answer with `status`, `headers` and `body`; the service is not asked",
    "error": "answer with the error `code` and `status` in the service's format; the service is not asked",
    "mislabelled": "the service's answer, called text/html",
    "half": "the first half of the body of the service's answer, as if it were whole",
    "edited": "the service's answer, with the pattern `find` of its body replaced by `body`",
    "unconfirmed": "the service is asked, and does what it was asked for; the connection ends without an answer",
    "late": "the service's answer after `seconds`",
}
_SIGNED = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/")
_OF_ONE_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "expect"}
_UPSTREAM_SECONDS = 60.0


@dataclass(frozen=True)
class Lie:
    """What is answered, to which request, and how often.

    kind: one of lies.LIES or DEEDS.  request: pattern for ``GET /bucket?policy`` (with X-Amz-Target and the body of a
    form behind it, as in ``POST / Kms.DescribeKey ...`` and ``POST /  Action=DescribeVpcs&...``).
    skip: so many requests that it fits are answered rightly first.  times: then at most so often; None: always.
    """

    kind: str
    request: str = ""
    skip: int = 0
    times: int | None = None
    status: int = 400
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    code: str = ""
    find: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in LIES and self.kind not in DEEDS:
            raise ValueError(f"lie {self.kind!r} is not known; known are {', '.join([*LIES, *DEEDS])}")


class LyingProxy:
    """One listening port before one upstream (``http://host:port``).

    log: ``{"request", "lie": kind | None, "status"}`` for each request, in order; lies may be set anew while it runs.
    """

    def __init__(self, upstream: str, lies: Iterable[Lie] = (), port: int = 0) -> None:
        where = urlsplit(upstream)
        self.upstream = (where.hostname or "127.0.0.1", where.port or 80)
        self.log: list[dict[str, Any]] = []
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.tell(*lies)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def tell(self, *lies: Lie) -> None:
        """From now on these, and no others; counted anew."""
        with self._lock:
            self._lies = list(lies)
            self._met = [0] * len(lies)

    def lie_for(self, request: str) -> Lie | None:
        """The first lie that is meant for this request; all that fit it count it."""
        chosen = None
        with self._lock:
            for number, lie in enumerate(self._lies):
                if not re.search(lie.request, request):
                    continue
                self._met[number] += 1
                past = self._met[number] - lie.skip
                if chosen is None and past > 0 and (lie.times is None or past <= lie.times):
                    chosen = lie
        return chosen

    def __enter__(self) -> LyingProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    request_queue_size = 128
    proxy: LyingProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to tell of."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms for the client's ACK
    server: _Server

    def _serve(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target", "")
        form = body.decode("latin-1") if "form" in self.headers.get("Content-Type", "") else ""
        request = f"{self.command} {self.path} {target} {form}".rstrip()
        lie = proxy.lie_for(request)
        reply = self._reply(lie, target, body)
        entry = {"request": request, "lie": lie.kind if lie else None, "status": reply.status if reply else None}
        proxy.log.append(entry)
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def _reply(self, lie: Lie | None, target: str, body: bytes) -> Reply | None:
        signed = _SIGNED.search(self.headers.get("Authorization", ""))
        asked = Asked(self.command, signed[1] if signed else "s3", target)
        if lie is None:
            return self._forward(body)
        if lie.kind in LIES:
            return told(lie.kind, asked)
        if lie.kind == "reply":
            return Reply(lie.status, dict(lie.headers), lie.body.encode())
        if lie.kind == "error":
            return spoken(asked, lie.status, lie.code)
        if lie.kind == "late":
            self.server.proxy.ended.wait(lie.seconds)
        return _changed(lie, self._forward(body))

    def _forward(self, body: bytes) -> Reply:
        """The service's answer. The name in the request stays as the client signed it."""
        upstream = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=_UPSTREAM_SECONDS)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _OF_ONE_HOP:
                    upstream.putheader(name, value)
            if body or self.command in ("PUT", "POST"):
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_ONE_HOP}
            if self.command == "HEAD" and answer.getheader("Content-Length"):
                kept["Content-Length"] = str(answer.getheader("Content-Length"))
            return Reply(answer.status, kept, answer.read())
        finally:
            upstream.close()

    def _send(self, reply: Reply) -> None:
        body = b"" if self.command == "HEAD" or reply.status in (204, 304) else reply.body
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.command != "HEAD" and reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""


def _changed(lie: Lie, reply: Reply) -> Reply | None:
    """What a deed makes of the service's answer; None: the connection ends without it."""
    if lie.kind == "unconfirmed":
        return None
    headers, body = dict(reply.headers), reply.body
    if lie.kind == "mislabelled":
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        headers["Content-Type"] = "text/html"
    elif lie.kind == "half":
        body = body[: len(body) // 2]
    elif lie.kind == "edited":
        body = re.sub(lie.find.encode(), lie.body.encode(), body)
    return Reply(reply.status, headers, body)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.lying_proxy", description=__doc__)
    parser.add_argument("upstream", help="http://host:port")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--lie", action="append", default=[], help="a lie's fields as JSON")
    options = parser.parse_args(arguments)
    try:
        lies = [Lie(**json.loads(text)) for text in options.lie]
    except (TypeError, ValueError) as error:
        print(f"lying proxy: {error}", file=sys.stderr)
        return 1
    with LyingProxy(options.upstream, lies, options.port) as proxy:
        print(f"ready {proxy.url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        for entry in proxy.log:
            print(json.dumps(entry), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
