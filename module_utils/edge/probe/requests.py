# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed requests to the storage on a connection that is already there, and their answers as facts."""

from __future__ import annotations

import hashlib
import html
import http.client
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from .route import Storage
from .sigv4 import EMPTY_SHA256, Credentials, encode_path, encode_query, sign
from .wire import Ended, Wire

_HALF = 0.5  # the Date header is cut to whole seconds: its middle
_ERROR_BODY = 4096
_LISTING = 2 * 1024 * 1024
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_CONTENTS = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)
_KEY = re.compile(r"<Key>([^<]*)</Key>")
_SIZE = re.compile(r"<Size>(\d{1,18})</Size>")
_UPLOAD = re.compile(r"<UploadId>([^<]{1,1024})</UploadId>")


@dataclass(frozen=True)
class Asker:
    """Whose requests they are and where they go."""

    storage: Storage
    credentials: Credentials = field(repr=False)

    def head_of(
        self,
        method: str,
        key: str | None,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body_sha256: str = EMPTY_SHA256,
    ) -> bytes:
        """The request's head as it is sent. key: None for the bucket itself."""
        path = self.storage.base + (f"/{key}" if key is not None else "") or "/"
        base = {"Host": self.storage.host_header, "User-Agent": "edgepath-probe", **(headers or {})}
        when = datetime.now(timezone.utc)
        signed = sign(method, path, query, base, self.credentials, self.storage.region, when, body_sha256)
        target = encode_path(path) + (f"?{encode_query(query)}" if query else "")
        proxy = self.storage.proxy
        if proxy is not None and not self.storage.tunnel:
            target = f"http://{self.storage.host_header}{target}"
            if proxy.authorization:
                signed["Proxy-Authorization"] = proxy.authorization
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in signed.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def ask(
        self,
        wire: Wire,
        method: str,
        key: str | None,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> http.client.HTTPResponse:
        """Send one request whole and await its head. Ended(`answer`) where the status is not success."""
        digest = hashlib.sha256(body).hexdigest()
        given = {**(headers or {}), **({"Content-Length": str(len(body))} if body or method in ("PUT", "POST") else {})}
        wire.send(self.head_of(method, key, query, given, digest) + body)
        return answer(wire, method)


def answer(wire: Wire, method: str) -> http.client.HTTPResponse:
    """The head of the next answer, its body unread. Ended(`answer`) with the storage's own code where it failed."""
    response = http.client.HTTPResponse(wire, method=method)  # type: ignore[arg-type]
    response.begin()
    if response.status < 300:
        return response
    text = "" if method == "HEAD" else response.read1(_ERROR_BODY).decode("utf-8", errors="replace")
    code, message = _CODE.search(text), _MESSAGE.search(text)
    words = [f"status {response.status}", *(found.group(1) for found in (code, message) if found)]
    via = response.headers.get("Via") or (response.headers.get("Server") if code is None else None)
    ahead = skew(response.headers.get("Date"))
    raise Ended("answer", ": ".join(words) + (f" (from {via[:60]})" if via else ""), None, response.status, ahead)


def seen(response: http.client.HTTPResponse) -> dict[str, object]:
    """What of an answer is worth keeping: who answered, under which request id, and how far apart the clocks are."""
    fields = {"http_status": response.status}
    for name in ("server", "via", "x-amz-request-id", "x-amz-bucket-region"):
        value = response.headers.get(name)
        if value:
            fields[name.replace("-", "_")] = value[:120]  # type: ignore[assignment]
    return {**fields, "clock_skew_seconds": skew(response.headers.get("Date"))}


def skew(date: str | None) -> float | None:
    """Seconds that this machine's clock is ahead of the server's Date (whole seconds there); None without one."""
    if date is None:
        return None
    try:
        there = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    if there.tzinfo is None:
        there = there.replace(tzinfo=timezone.utc)
    return round(time.time() - there.timestamp() - _HALF, 1)


def drain(response: http.client.HTTPResponse, size: int = 65536) -> int:
    """Read the rest of a body; its bytes. Ended(`closed`) where it is shorter than it said."""
    total = 0
    while True:
        part = response.read1(size)
        total += len(part)
        if not part:
            complete(response)
            return total


def complete(response: http.client.HTTPResponse) -> None:
    """At the end of what came: Ended(`closed`) where the answer promised more."""
    if response.length:
        raise Ended("closed", f"closed with {response.length} bytes of the body still to come")


def largest_key(response: http.client.HTTPResponse) -> tuple[str, int] | None:
    """Of a listing (ListObjectsV2), the largest object and its size; None where there is none."""
    text = response.read(_LISTING).decode("utf-8", errors="replace")
    best: tuple[str, int] | None = None
    for entry in _CONTENTS.findall(text):
        key, size = _KEY.search(entry), _SIZE.search(entry)
        if key and size and (best is None or int(size.group(1)) > best[1]):
            best = html.unescape(key.group(1)), int(size.group(1))
    return best


def upload_id(response: http.client.HTTPResponse) -> str:
    found = _UPLOAD.search(response.read(_ERROR_BODY).decode("utf-8", errors="replace"))
    if found is None:
        raise Ended("protocol", "the answer to CreateMultipartUpload has no UploadId")
    return html.unescape(found.group(1))


def total_size(response: http.client.HTTPResponse) -> int | None:
    """Of a ranged answer, the object's size (Content-Range)."""
    found = re.fullmatch(r"bytes \d+-\d+/(\d{1,18})", response.headers.get("Content-Range") or "")
    return int(found.group(1)) if found else None
