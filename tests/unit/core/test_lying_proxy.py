# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy that lies does so to the requests it was told of, as often as it was told, and else passes all on."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab.lies import LIES, Asked, spoken, told
from lab.lying_proxy import Lie, LyingProxy


class Upstream(BaseHTTPRequestHandler):
    """Says what it was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[str]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        type(self).seen.append(f"{self.command} {self.path}")
        said = f"{self.command} {self.path} {self.headers['Host']} {body.decode()}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_HEAD = do_PUT = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def upstream() -> Iterator[str]:
    Upstream.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def ask(url: str, method: str, path: str, body: str = "") -> tuple[int, dict[str, str], bytes]:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=20)
    try:
        connection.request(method, path, body or None, {"Host": "bucket.test"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_without_lies_all_passes_as_it_was_sent(upstream: str) -> None:
    with LyingProxy(upstream) as proxy:
        assert ask(proxy.url, "PUT", "/b?policy", "text")[2] == b"PUT /b?policy bucket.test text"
        status, headers, body = ask(proxy.url, "HEAD", "/b")
    assert (status, body) == (200, b"") and headers["Content-Length"] == str(len("HEAD /b bucket.test "))
    assert [entry["lie"] for entry in proxy.log] == [None, None]


@pytest.mark.parametrize("kind", LIES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_each_lie_stands_in_for_the_service(upstream: str, kind: str, method: str) -> None:
    with LyingProxy(upstream, [Lie(kind, "policy")]) as proxy:
        said = ask(proxy.url, method, "/b?policy")
        assert ask(proxy.url, "GET", "/b?versioning")[0] == 200
    meant = told(kind, Asked(method, "s3"))
    assert said[0] == meant.status and said[2] == (b"" if method == "HEAD" else meant.body)
    assert Upstream.seen == ["GET /b?versioning"]


def test_a_lie_begins_and_ends_where_it_was_told(upstream: str) -> None:
    with LyingProxy(upstream, [Lie("404 without body", "policy", skip=1, times=2)]) as proxy:
        assert [ask(proxy.url, "GET", "/b?policy")[0] for _ in range(5)] == [200, 404, 404, 200, 200]
        proxy.tell(Lie("404 without body"))
        assert ask(proxy.url, "GET", "/b")[0] == 404


def test_what_is_done_to_the_services_own_answer(upstream: str) -> None:
    whole = b"GET /b bucket.test "
    with LyingProxy(upstream) as proxy:
        proxy.tell(Lie("mislabelled"))
        assert ask(proxy.url, "GET", "/b")[1]["Content-Type"] == "text/html"
        proxy.tell(Lie("half"))
        assert ask(proxy.url, "GET", "/b")[2] == whole[: len(whole) // 2]
        proxy.tell(Lie("edited", find="bucket", body="other"))
        assert ask(proxy.url, "GET", "/b")[2] == whole.replace(b"bucket", b"other")
        proxy.tell(Lie("reply", status=418, body="no"))
        assert ask(proxy.url, "GET", "/b")[::2] == (418, b"no")
        proxy.tell(Lie("error", status=404, code="NoSuchBucketPolicy"))
        assert b"<Code>NoSuchBucketPolicy</Code>" in ask(proxy.url, "GET", "/b")[2]


def test_a_write_that_is_done_and_not_confirmed(upstream: str) -> None:
    ended = (http.client.HTTPException, ConnectionError)
    with LyingProxy(upstream, [Lie("unconfirmed", "^PUT")]) as proxy, pytest.raises(ended):
        ask(proxy.url, "PUT", "/b?policy", "text")
    assert Upstream.seen == ["PUT /b?policy"]


def test_an_unknown_lie_is_refused() -> None:
    with pytest.raises(ValueError, match="not known"):
        Lie("404 with a poem")


@pytest.mark.parametrize(
    ("service", "target", "part"),
    [
        ("s3", "", b"<Error><Code>X</Code>"),
        ("ec2", "", b"<Response><Errors><Error><Code>X</Code>"),
        ("iam", "", b"<ErrorResponse><Error><Code>X</Code>"),
        ("kms", "TrentService.DescribeKey", b'{"__type": "X"'),
    ],
)
def test_the_service_is_heard_in_its_own_format(service: str, target: str, part: bytes) -> None:
    assert part in spoken(Asked("GET", service, target), 400, "X").body
