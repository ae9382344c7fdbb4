# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault proxy does what it is told, at the byte and the second that it notes: everything else is measured by it."""

from __future__ import annotations

import http.client
import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lab.fault_proxy import Fault, FaultProxy
from lab.http_frames import Frames, NotHttp

BODY = bytes(range(256)) * 4096
ROOT = Path(__file__).resolve().parents[3]


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(BODY)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that goes away is what these tests are about


@pytest.fixture(scope="module")
def origin():
    server = Server(("127.0.0.1", 0), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(proxy: FaultProxy, path: str = "/object", method: str = "GET") -> tuple[int, bytes, str]:
    """Status, body as far as it came, and the name of the exception that ended it."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
    body = b""
    status = 0
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        status = answer.status
        while part := answer.read1(65536):
            body += part
        return status, body, "short" if answer.length else ""
    except (OSError, http.client.HTTPException) as error:
        return status, body, type(error).__name__
    finally:
        connection.close()


def test_without_faults_everything_passes_and_is_counted(origin):
    with FaultProxy(origin) as proxy:
        assert get(proxy) == (200, BODY, "")
        assert get(proxy, method="HEAD") == (200, b"", "")
        assert proxy.log[0]["requests"] == ["GET /object HTTP/1.1"]
        assert proxy.log[0]["bytes_down"] > len(BODY)


@pytest.mark.parametrize("offset", [0, 1, 65_537, 700_001])
@pytest.mark.parametrize(("kind", "error"), [("reset", "ConnectionResetError"), ("cut", "short")])
def test_a_body_ends_at_the_byte(origin, kind, error, offset):
    with FaultProxy(origin, [Fault(kind, after_bytes=offset)]) as proxy:
        assert get(proxy) == (200, BODY[:offset], error)
        assert proxy.events(kind)[0]["body_bytes"] == offset


def test_one_bit_is_turned_over_and_nothing_else(origin):
    with FaultProxy(origin, [Fault("flip", after_bytes=70_000)]) as proxy:
        _, body, _ = get(proxy)
    assert [at for at in range(len(BODY)) if body[at] != BODY[at]] == [70_000]
    assert body[70_000] == BODY[70_000] ^ 1


def test_a_status_is_answered_by_the_proxy_as_often_as_told(origin):
    with FaultProxy(origin, [Fault("status", status=503, times=2)]) as proxy:
        assert [get(proxy)[0] for _ in range(3)] == [503, 503, 200]


def test_faults_are_chosen_by_connection_and_by_request(origin):
    faults = [Fault("status", request=r"^GET /bad"), Fault("cut", after_bytes=10, connections=(2,))]
    with FaultProxy(origin, faults) as proxy:
        assert get(proxy, "/bad")[0] == 502
        assert get(proxy, "/good") == (200, BODY, "")
        assert get(proxy, "/good") == (200, BODY[:10], "short")
        assert get(proxy, "/good") == (200, BODY, "")


def test_the_second_request_of_a_connection_has_its_own_count(origin):
    with FaultProxy(origin, [Fault("cut", after_bytes=100, request="/second")]) as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
        connection.request("GET", "/first")
        assert connection.getresponse().read() == BODY
        connection.request("GET", "/second")
        with pytest.raises(http.client.IncompleteRead) as short:
            connection.getresponse().read()
        assert len(short.value.partial) == 100
        connection.close()


def test_a_stall_holds_the_stream_for_its_seconds(origin):
    with FaultProxy(origin, [Fault("stall", after_bytes=1000, seconds=0.4)]) as proxy:
        assert get(proxy) == (200, BODY, "")
        stalled, resumed = proxy.events("stall")[0], proxy.events("resumed")[0]
        assert resumed["seconds"] - stalled["seconds"] >= 0.4


@pytest.mark.parametrize("kind", ["stall", "blackhole"])
def test_silence_without_end_neither_closes_nor_resets(origin, kind):
    with (
        FaultProxy(origin, [Fault(kind, after_bytes=1000)]) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=0.5) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            while client.recv(65536):
                pass


def test_a_forgotten_connection_is_reset_by_the_next_packet_only(origin):
    with FaultProxy(origin, [Fault("idle_kill", seconds=0.2)]) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.5) as client:
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.settimeout(60)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        assert proxy.events("forgotten")[0]["seconds"] >= 0.2
        assert proxy.events("idle_kill")[0]["seconds"] >= 0.5


@pytest.mark.parametrize(("kind", "error"), [("reset", "ConnectionResetError"), ("cut", "")])
def test_an_end_by_the_clock(origin, kind, error):
    faults = [Fault(kind, after_seconds=0.3)]
    with FaultProxy(origin, faults) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        ended = ""
        try:
            while client.recv(65536):
                pass
        except ConnectionResetError as caught:
            ended = type(caught).__name__
        assert ended == error
        assert proxy.events(kind)[0]["seconds"] >= 0.3


def test_a_trickle_is_no_faster_than_its_rate(origin):
    with FaultProxy(origin, [Fault("trickle", after_bytes=len(BODY) - 2000, rate=5000)]) as proxy:
        begun = time.monotonic()
        assert get(proxy) == (200, BODY, "")
        assert time.monotonic() - begun >= 0.34  # seven pauses of a twentieth


def test_what_is_not_http_is_counted_as_it_is(origin):
    echo = socket.create_server(("127.0.0.1", 0))
    port = echo.getsockname()[1]

    def serve() -> None:
        client, _ = echo.accept()
        client.recv(100)
        client.sendall(b"\x16" * 5000)

    threading.Thread(target=serve, daemon=True).start()
    with (
        FaultProxy(f"127.0.0.1:{port}", [Fault("cut", after_bytes=1234)]) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as client,
    ):
        client.sendall(b"\x16\x03\x01\x00\x01")
        received = b""
        while part := client.recv(65536):
            received += part
    assert len(received) == 1234
    echo.close()


def test_refusal_and_slow_accept(origin):
    with FaultProxy(origin, [Fault("refuse")]) as proxy, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=60)
    with FaultProxy(origin, [Fault("slow_accept", seconds=0.3)]) as proxy:
        begun = time.monotonic()
        assert get(proxy)[0] == 200
        assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize(
    "wrong", [{"kind": "magic"}, {"kind": "idle_kill"}, {"kind": "trickle"}, {"kind": "flip"}, {"kind": "cut", "x": 1}]
)
def test_a_wrong_fault_is_refused(wrong):
    with pytest.raises(ValueError):
        Fault.from_dict(wrong)


def test_chunked_answers_and_informational_ones_are_framed():
    frames = Frames(lambda: False)
    stream = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n0\r\n\r\nHTTP/1.1 204 No\r\n\r\n"
    )
    kinds = [kind for kind, _ in frames.feed(stream)]
    assert kinds == ["head", "end", "head", "body", "end", "head", "end"]
    with pytest.raises(NotHttp):
        list(Frames().feed(b"\x16\x03\x01\x02\x00"))


def test_as_a_program(origin, tmp_path):
    config = tmp_path / "faults.json"
    config.write_text(json.dumps({"upstream": origin, "faults": [{"kind": "cut", "after_bytes": 5}]}))
    command = [sys.executable, "-m", "lab.fault_proxy", "--config", str(config)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        word, url = process.stdout.readline().split()
        assert word == "ready"
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        connection.request("GET", "/")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
        connection.close()
        process.terminate()
    config.write_text('{"faults": []}')
    failed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert failed.returncode == 1 and "upstream" in failed.stderr
