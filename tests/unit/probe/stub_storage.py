# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of S3 as the probe asks for, in a thread: one bucket, one object, and multipart uploads that are counted."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

from ansible.module_utils.edge.targets import Edge

BUCKET, KEY, SIZE = "recordings", "exports/call & one.wav", 9 * 1024 * 1024
SECRET = "SECRETSECRETSECRETSECRETSECRETSECRET1234"
CREDENTIALS = {"access_key_id": "AKIASTUBSTUBSTUBSTUB", "secret_access_key": SECRET}
LISTING = f"""<?xml version="1.0"?><ListBucketResult><Contents><Key>exports/small</Key><Size>10</Size></Contents>
<Contents><Key>{KEY.replace("&", "&amp;")}</Key><Size>{SIZE}</Size></Contents></ListBucketResult>"""
INITIATED = "<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>"


class Storage(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.refuse: dict[str, int] = {}
        self.ahead = 0.0
        self.ignore_range = False

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that go away are what these tests are about


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Storage

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response_only(status)
        self.send_header("Date", formatdate(__import__("time").time() + self.server.ahead, usegmt=True))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _any(self) -> None:
        path = self.path.removeprefix(f"http://{self.headers['Host']}")
        self.server.requests.append(f"{self.command} {path}")
        self.server.headers.append(dict(self.headers))
        for pattern, status in self.server.refuse.items():
            if re.search(pattern, f"{self.command} {path}"):
                text = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
                return self._answer(status, text.encode())
        if self.command in ("PUT", "POST"):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "POST":
            return self._answer(200, INITIATED.encode())
        if self.command == "GET" and "list-type=2" in path:
            return self._answer(200, LISTING.encode())
        given = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        if self.command == "GET" and given and not self.server.ignore_range:
            first, last = int(given[1]), min(int(given[2]), SIZE - 1)
            return self._answer(206, bytes(last - first + 1), Content_Range=f"bytes {first}-{last}/{SIZE}")
        if self.command == "GET":
            return self._answer(200, bytes(100_000))
        return self._answer(204 if self.command == "DELETE" else 200)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _any

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running() -> Iterator[Storage]:
    server = Storage()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def edge(endpoint: str, **more: Any) -> Edge:
    return Edge.from_mapping(
        {"name": "london", "storage_kind": "s3_compatible", "storage_endpoint": endpoint, "bucket": BUCKET,
         "prefix": "exports/", **more}
    )  # fmt: skip


def options(**more: Any) -> dict[str, Any]:
    """The options of the module as it would hand them over, for a short probe."""
    return {
        "addressing": "auto", "proxy": None, "ca_file": None, "stage_timeout": 2.0, "paced_seconds": 0.0,
        "pause_factors": [0.95, 1.05], "write": False, "max_seconds": 60.0, "max_bytes": 2**26, "max_cost_usd": 1.0,
        "rate": None, "key": None, "bounds": None, **CREDENTIALS, **more,
    }  # fmt: skip
