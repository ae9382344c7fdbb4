# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe against a stub of S3, through the fault proxy: what the probe says is what the fault proxy did."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading

import pytest
from ansible.module_utils.edge.finding import Bound, EdgepathError
from ansible.module_utils.edge.probe import node, plan, route, wire
from ansible.module_utils.edge.probe.wire import Ended

from lab.fault_proxy import Fault, FaultProxy
from tests.unit.probe import stub_storage
from tests.unit.probe.stub_storage import edge, options

NAT = Bound("idle", "gateway", "NAT gateway idle timeout", "nat-1", 0.4, reset_by="packets")


@pytest.fixture
def storage():
    with stub_storage.running() as server:
        yield server


def walk(endpoint, bounds=(), **more):
    return node.probe(edge(endpoint), list(bounds), options(**more))


def stages(facts):
    return {stage["stage"]: stage for stage in facts["stages"]}


def test_a_path_in_order(storage):
    facts = walk(f"http://{storage.where}", write=True)
    seen = stages(facts)
    assert [(name, stage["status"]) for name, stage in seen.items()] == [
        ("dns", "ok"), ("tcp", "ok"), ("proxy", "skipped"), ("tls", "skipped"), ("credentials", "ok"),
        ("head", "ok"), ("get", "ok"), ("write", "ok"),
    ]  # fmt: skip
    assert seen["get"]["key"] == stub_storage.KEY and seen["get"]["bytes"] == plan.RANGE_BYTES
    assert seen["get"]["object_bytes"] == stub_storage.SIZE and seen["get"]["http_status"] == 206
    assert storage.requests[-1].startswith("DELETE") and seen["write"]["aborted"]
    assert abs(seen["head"]["clock_skew_seconds"]) < 60
    assert all(stage["seconds"] >= 0 for stage in facts["stages"])


def test_nothing_secret_is_in_the_facts(storage):
    facts = walk(f"http://{storage.where}", session_token="THE-SESSION-TOKEN", write=True, bounds=[NAT])
    text = json.dumps(facts)
    assert stub_storage.SECRET not in text and "THE-SESSION-TOKEN" not in text and "Signature=" not in text
    assert stub_storage.CREDENTIALS["access_key_id"] not in text
    assert storage.headers[0]["x-amz-security-token"] == "THE-SESSION-TOKEN"


def test_a_refusal_and_a_silence_are_told_apart(storage):
    with FaultProxy(storage.where, [Fault("refuse")]) as proxy:
        refused = stages(walk(proxy.url))
    with FaultProxy(storage.where, [Fault("slow_accept", seconds=30)]) as proxy:
        silent = stages(walk(proxy.url, stage_timeout=0.4))
    assert refused["tcp"]["failure"]["ended_by"] == "refused" and refused["tcp"]["failure"]["errno"] == "ECONNREFUSED"
    assert refused["head"] == {"stage": "head", "status": "skipped", "seconds": 0.0, "failure": None,
                               "reason": "the stage tcp failed before it"}  # fmt: skip
    assert silent["tcp"]["status"] == "ok"
    assert silent["head"]["failure"]["ended_by"] == "timeout"
    assert silent["head"]["failure"]["seconds"] >= 0.39


def test_a_name_that_does_not_exist_and_one_that_is_none():
    assert stages(walk("http://storage.invalid"))["dns"]["failure"]["ended_by"] == "name"
    assert stages(walk(f"http://{'a' * 64}.invalid"))["dns"]["failure"]["ended_by"] == "name"


def test_a_resolver_that_never_answers_is_left_alone(monkeypatch):
    forever = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: forever.wait())
    with pytest.raises(Ended) as ended:
        route.resolve("storage.example", 443, 0.1)
    assert ended.value.by == "timeout"
    forever.set()


def test_one_dead_address_of_two(storage, monkeypatch):
    port = int(storage.where.split(":")[1])
    monkeypatch.setattr(route, "resolve", lambda *_: ["127.0.0.1", "127.0.0.9"])
    monkeypatch.setattr(node, "resolve", lambda *_: ["127.0.0.9", "127.0.0.1"])
    facts = walk(f"http://storage.example:{port}", addressing="path")
    tried = stages(facts)["tcp"]["addresses"]
    assert [entry["failure"] and entry["failure"]["ended_by"] for entry in tried] == ["refused", None]
    assert facts["target"]["address"] == "127.0.0.1"
    assert stages(facts)["head"]["status"] == "ok"


@pytest.mark.parametrize(
    ("refused", "stage", "code"), [("^HEAD", "head", 403), ("^GET .*call", "get", 404), ("^POST", "write", 403)]
)
def test_a_status_names_its_stage(storage, refused, stage, code):
    storage.refuse = {refused: code}
    failed = stages(walk(f"http://{storage.where}", write=True))[stage]
    assert failed["status"] == "failed" and failed["failure"]["ended_by"] == "answer"
    assert failed["failure"]["code"] == code


def test_an_upload_that_fails_is_aborted_all_the_same(storage):
    storage.refuse = {"^PUT": 500}
    failed = stages(walk(f"http://{storage.where}", write=True))["write"]
    assert failed["status"] == "failed" and failed["aborted"]
    assert storage.requests[-1].startswith("DELETE")


def test_a_listing_that_is_denied_leaves_the_key_unknown(storage):
    storage.refuse = {"list-type": 403}
    facts = walk(f"http://{storage.where}", paced_seconds=0.1)
    assert stages(facts)["get"]["status"] == "skipped" and stages(facts)["get"]["code"] == 403
    assert facts["transfer"] is None
    named = walk(f"http://{storage.where}", key="exports/known.wav")
    assert stages(named)["get"]["status"] == "ok"


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x16\x03\x01\x00\x05",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70000,
    ],
)
def test_a_server_that_answers_garbage_is_a_failure_and_no_traceback(garbage):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            client, _ = listener.accept()
            if client.recv(65536):
                client.sendall(garbage)
            client.close()

    threading.Thread(target=serve, daemon=True).start()
    head = stages(walk(f"http://127.0.0.1:{listener.getsockname()[1]}"))["head"]
    assert head["status"] == "failed" and head["failure"]["ended_by"] in ("protocol", "closed", "reset")
    listener.close()


def test_a_server_that_answers_for_ever_meets_the_limit_of_bytes():
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(3):
            client, _ = listener.accept()
            if not client.recv(65536):
                continue
            try:
                client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                while True:
                    client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    facts = walk(f"http://127.0.0.1:{listener.getsockname()[1]}", max_bytes=2_500_000)
    assert stages(facts)["head"]["failure"]["ended_by"] == "limit"
    assert facts["spent"]["bytes"] < 3_000_000
    listener.close()


def test_answers_byte_by_byte_meet_the_limit_of_seconds(storage):
    with FaultProxy(storage.where, [Fault("trickle", rate=20.0)]) as proxy:
        facts = walk(proxy.url, stage_timeout=0.2, max_seconds=2.0, key="exports/known.wav")
    assert stages(facts)["get"]["failure"]["ended_by"] == "limit"


@pytest.mark.parametrize(
    ("fault", "ended_by", "errno"),
    [
        (Fault("reset", after_bytes=54_321), "reset", "ECONNRESET"),
        (Fault("cut", after_bytes=54_321), "closed", None),
        (Fault("reset", after_seconds=0.7), "reset", "ECONNRESET"),
        (Fault("cut", after_seconds=0.7), "closed", None),
    ],
)
def test_a_cut_transfer_tells_byte_and_second(storage, fault, ended_by, errno):
    # The storage is as slow as the reader, so that nothing waits in buffers that would be read after the end.
    slow = [Fault("trickle", rate=100_000.0, connections=(4,))]
    with FaultProxy(storage.where, slow) as origin, FaultProxy(origin.url.removeprefix("http://")) as proxy:
        facts = _with_fault_on_the_paced_transfer(proxy, fault)
    failure = facts["transfer"]["failure"]
    done = proxy.events(fault.kind)[0]
    assert (failure["ended_by"], failure["errno"]) == (ended_by, errno)
    assert facts["transfer"]["bytes"] == failure["byte_offset"]
    if fault.after_bytes is not None:
        assert failure["byte_offset"] == done["body_bytes"] == fault.after_bytes
    # No sooner than it was done; how much later the reader comes to see it is the machine's.
    assert failure["seconds"] >= 0.95 * done["seconds"] - 0.3


def _with_fault_on_the_paced_transfer(proxy, fault):
    """Connections 0-3 are of tcp, head, list and get; the paced transfer is the fifth."""
    proxy.faults = [Fault(**{**fault.__dict__, "connections": (4,), "request": None})]
    return walk(proxy.url, paced_seconds=1.5, rate=100_000.0)


def test_a_paced_transfer_keeps_its_rate(storage):
    facts = walk(f"http://{storage.where}", paced_seconds=1.0, rate=100_000.0)
    assert facts["transfer"]["status"] == "ok" and facts["transfer"]["bytes"] == 100_000
    assert facts["transfer"]["seconds"] >= 0.9


def test_a_stall_that_ends_is_the_longest_gap(storage):
    with FaultProxy(storage.where) as proxy:
        facts = _with_fault_on_the_paced_transfer(proxy, Fault("stall", after_bytes=50_000, seconds=1.2))
    assert facts["transfer"]["status"] == "ok"
    # Bytes that the kernel held cover the first half second of it.
    assert facts["transfer"]["longest_gap_seconds"] > 0.5


def test_a_black_hole_is_given_up(storage):
    with FaultProxy(storage.where) as proxy:
        facts = _with_fault_on_the_paced_transfer(proxy, Fault("blackhole", after_bytes=50_000))
    failure = facts["transfer"]["failure"]
    assert failure["ended_by"] == "timeout" and failure["errno"] is None and failure["byte_offset"] == 50_000
    assert failure["last_byte_age"] >= 1.5


def test_silences_around_an_idle_kill(storage):
    with FaultProxy(storage.where, [Fault("idle_kill", seconds=1.0)]) as proxy:
        facts = walk(proxy.url, [NAT], pause_factors=[0.5, 4.0])
    short, long = facts["pauses"]
    assert (short["mode"], short["seconds"], short["outcome"]) == ("held", 0.2, "survived")
    assert (long["seconds"], long["outcome"], long["second"]) == (1.6, "cut", None)
    assert long["failure"]["ended_by"] == "reset" and long["failure"]["last_byte_age"] == 1.6


def test_a_connection_closed_in_order_is_no_cut():
    listener = socket.create_server(("127.0.0.1", 0))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(client,), daemon=True).start()

    def talk(client: socket.socket) -> None:
        with client:
            if client.recv(65536):
                client.sendall(answer)
                client.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    client.recv(65536)

    threading.Thread(target=serve, daemon=True).start()
    facts = walk(f"http://127.0.0.1:{listener.getsockname()[1]}", [NAT], pause_factors=[20.0])
    assert facts["pauses"][0]["outcome"] == "closed"
    assert 0.15 < facts["pauses"][0]["second"] < 8.0
    listener.close()


def test_what_a_plan_says_is_what_is_spent(storage):
    facts = walk(f"http://{storage.where}", [NAT], write=True, paced_seconds=0.3)
    most = facts["plan"]["at_most"]
    assert facts["spent"]["bytes"] <= most["bytes"] and facts["spent"]["seconds"] <= most["seconds"]
    assert len(storage.requests) <= most["requests"] + 1  # aborting is free, and not counted


@pytest.mark.parametrize("proxy", ["ftp://x", "http://", "http://host:port"])
def test_a_proxy_that_is_none_is_refused_without_being_shown(proxy):
    with pytest.raises(EdgepathError) as error:
        walk("http://127.0.0.1:1", proxy=proxy)
    assert proxy not in str(error.value).replace("http://proxy:3128", "")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("tls")
    key, shown = path / "key.pem", path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(shown)],
        check=True, capture_output=True,
    )  # fmt: skip
    return shown, key


@pytest.fixture
def tls_storage(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with stub_storage.running() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server


def test_tls_that_is_trusted(tls_storage, certificate):
    facts = walk(f"https://localhost:{tls_storage.server_port}", [NAT], ca_file=str(certificate[0]))
    tls = stages(facts)["tls"]
    assert tls["status"] == "ok" and tls["subject"] == "commonName=localhost" and tls["sni"] == "localhost"
    assert stages(facts)["get"]["status"] == "ok"
    # Session tickets come into the silence and are nobody's answer.
    assert [pause["outcome"] for pause in facts["pauses"]] == ["survived", "survived"]


def test_tls_that_is_not_trusted_names_the_certificate_and_sends_no_request(tls_storage):
    facts = walk(f"https://localhost:{tls_storage.server_port}")
    tls = stages(facts)["tls"]
    assert tls["failure"]["ended_by"] == "tls" and "self" in tls["failure"]["error_text"]
    assert len(tls["presented_sha256"]) == 64
    assert stages(facts)["head"]["status"] == "skipped" and tls_storage.requests == []


def test_the_name_is_asked_again_while_a_transfer_lasts(storage):
    facts = walk(f"http://{storage.where}", paced_seconds=0.2)
    assert facts["drift"]["asked"] >= 1 and facts["drift"]["failures"] == []
    assert facts["drift"]["addresses"] == ["127.0.0.1"] and facts["drift"]["new"] == []


def test_without_a_transfer_the_name_is_not_watched(storage):
    assert walk(f"http://{storage.where}", paced_seconds=0.0)["drift"] is None


class Ticking:
    """A clock that moves on by a step whenever it is read."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def monotonic(self):
        self.now += self.step
        return self.now


@pytest.mark.parametrize("step", [0.01, 0.3, 0.4, 0.5, 0.7])
def test_a_silence_that_is_over_between_two_looks_at_the_clock_is_not_without_end(monkeypatch, step):
    """poll(2) waits for ever where the time is negative."""
    ours, theirs = socket.socketpair()
    waited = []

    class Poll:
        def register(self, *_):
            pass

        def poll(self, milliseconds):
            waited.append(milliseconds)
            return []

    with contextlib.closing(ours), contextlib.closing(theirs):
        line = wire.Wire(ours, wire.Budget(60.0, 1000), 5.0)
        monkeypatch.setattr(wire, "time", Ticking(step))
        monkeypatch.setattr(wire.select, "poll", Poll)
        line.budget.until = 1e9
        assert line.quiet(1.0) is None
    assert waited and min(waited) >= 0
