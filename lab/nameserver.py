# SPDX-License-Identifier: GPL-3.0-or-later
"""A real name server on loopback, with answers and misbehaviour as configured: UDP and TCP on one port.

Zones are ``{name: record}``; a record is ``{"A": [...], "AAAA": [...], "CNAME": "other.name", "ttl": 5}`` and may hold
    answers  how many of the A or AAAA addresses one answer gives, taken in turn (S3 gives up to 8 of its many)
    rcode    answers this name with that code ("SERVFAIL", "REFUSED")
A name of the form ``*.example.com`` answers for what lies below it. Names that are not configured are NXDOMAIN.

Behaviour of a whole server (or view, under its key ``$behaviour``), all optional:
    silent      true: reads queries and never answers            delay      seconds before each answer
    garbage     true: answers bytes that are no DNS message      rcode      answers every query with that code
    hijack      an IPv4 address: given in place of NXDOMAIN      trickle    true: a byte at a time over TCP, and over
    truncate    true: every UDP answer is cut (TC) and empty                UDP messages with a foreign id, without end
    tcp         "refused" (not listening) or "silent"            no_edns    FORMERR to queries with EDNS
    lose_over   UDP answers over this many bytes are lost        hijack_below  hijacks only below this name

Run as a program: ``python -m lab.nameserver --config FILE.json`` with
    {"listen": [{"address": "127.0.0.1", "port": 5353, "view": "london"}],
     "views":  {"london": {"s3.eu-west-2.amazonaws.com": {"A": ["52.95.148.10"], "ttl": 5}, "$behaviour": {}}}}
prints ``ready`` once all listen, and serves until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import ipaddress
import itertools
import json
import signal
import socket
import socketserver
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

# Sends bytes to the client; False once it has gone away.
Send = Callable[[bytes], bool]

BEHAVIOUR_KEY = "$behaviour"
_BEHAVIOURS = {
    "silent", "garbage", "hijack", "hijack_below", "truncate", "tcp", "lose_over", "delay", "rcode", "trickle",
    "no_edns",
}  # fmt: skip
_RECORD_KEYS = {"A", "AAAA", "CNAME", "ttl", "answers", "rcode"}
_DEFAULT_TTL = 5
_LEAST_UDP = 512  # RFC 1035, 4.2.1
_LONGEST_CHAIN = 16
_PORT_ATTEMPTS = 20
_KEPT_QUERIES = 10000
_BACKLOG = 128  # connections at once; more wait a second for their next SYN
_TRICKLE_SECONDS = 0.05
_GARBAGE = b"\x00this is not a DNS message\xff\xfe"


class Zones:
    """The answers of one view. Pure but for the turn in which a record's addresses are given."""

    def __init__(self, zones: Mapping[str, Mapping[str, Any]], behaviour: Mapping[str, Any]) -> None:
        for name, record in zones.items():
            unknown = set(record) - _RECORD_KEYS
            if unknown:
                raise ValueError(f"record {name}: unknown key {', '.join(sorted(unknown))}")
        unknown = set(behaviour) - _BEHAVIOURS
        if unknown:
            raise ValueError(f"unknown behaviour {', '.join(sorted(unknown))}")
        self.records = {_plain(name): dict(record) for name, record in zones.items()}
        self.behaviour = dict(behaviour)
        self._turns: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def answer(self, query: Any) -> Any:
        """The response message to a query message."""
        response = dns.message.make_response(query, recursion_available=True)
        if self.behaviour.get("no_edns") and query.edns >= 0:
            response.use_edns(-1)
            response.set_rcode(dns.rcode.FORMERR)
            return response
        if "rcode" in self.behaviour or not query.question:
            response.set_rcode(dns.rcode.from_text(self.behaviour.get("rcode", "FORMERR")))
            return response
        question = query.question[0]
        self._fill(response, _plain(question.name.to_text()), dns.rdatatype.to_text(question.rdtype))
        return response

    def _fill(self, response: Any, name: str, kind: str) -> None:
        for _ in range(_LONGEST_CHAIN):
            record = self._find(name)
            if record is None:
                self._absent(response, name, kind)
                return
            if "rcode" in record:
                response.set_rcode(dns.rcode.from_text(record["rcode"]))
                return
            ttl = record.get("ttl", _DEFAULT_TTL)
            if "CNAME" in record:
                _add(response, name, ttl, "CNAME", [_plain(record["CNAME"]) + "."])
                if kind == "CNAME":
                    return
                name = _plain(record["CNAME"])
                continue
            _add(response, name, ttl, kind, self._in_turn(name, kind, record))
            return

    def _find(self, name: str) -> dict[str, Any] | None:
        if name in self.records:
            return self.records[name]
        labels = name.split(".")
        for position in range(1, len(labels)):
            wildcard = ".".join(["*", *labels[position:]])
            if wildcard in self.records:
                return self.records[wildcard]
        # A name that only has names below it exists, without records (RFC 8020).
        return {} if any(known.endswith("." + name) for known in self.records) else None

    def _absent(self, response: Any, name: str, kind: str) -> None:
        hijack = self.behaviour.get("hijack")
        suffix = self.behaviour.get("hijack_below")
        if hijack is not None and (suffix is None or name.endswith("." + _plain(suffix))):
            _add(response, name, _DEFAULT_TTL, "A", [hijack] if kind == "A" else [])
            return
        response.set_rcode(dns.rcode.NXDOMAIN)

    def _in_turn(self, name: str, kind: str, record: Mapping[str, Any]) -> list[str]:
        values = list(record.get(kind, ())) if kind in ("A", "AAAA") else []
        count = record.get("answers")
        if count is None or count >= len(values):
            return values
        with self._lock:
            start = self._turns.get((name, kind), 0)
            self._turns[name, kind] = (start + count) % len(values)
        return [values[(start + step) % len(values)] for step in range(count)]


class NameServer:
    """One view on one address: ``with NameServer(zones, "127.0.0.1") as server: ... server.port``.

    queries: what was asked, oldest first, as ``(transport, name, type)``; the transport is ``udp`` or ``tcp``.
    """

    def __init__(
        self,
        zones: Mapping[str, Mapping[str, Any]],
        address: str = "127.0.0.1",
        port: int = 0,
        behaviour: Mapping[str, Any] | None = None,
    ) -> None:
        own = zones.get(BEHAVIOUR_KEY, {})
        named = {name: record for name, record in zones.items() if name != BEHAVIOUR_KEY}
        self.zones = Zones(named, {**own, **(behaviour or {})})
        self.address = address
        self.port = port
        self.queries: deque[tuple[str, str, str]] = deque(maxlen=_KEPT_QUERIES)
        self.stopping = threading.Event()
        self._servers: list[socketserver.BaseServer] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> NameServer:
        """Listen and serve on threads of its own; OSError where the address or port cannot be had."""
        self.stopping.clear()
        self._servers = self._listen()
        for server in self._servers:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def stop(self) -> None:
        """Stop serving and free the port. Answers that are being delayed or trickled end at once."""
        self.stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()
        self._servers, self._threads = [], []

    def __enter__(self) -> NameServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self) -> list[socketserver.BaseServer]:
        for attempt in range(_PORT_ATTEMPTS):
            try:
                return self._bind(self.port)
            except OSError:
                # The free port that TCP was given may be taken for UDP.
                if self.port != 0 or attempt == _PORT_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _bind(self, port: int) -> list[socketserver.BaseServer]:
        family = socket.AF_INET6 if ipaddress.ip_address(self.address).version == 6 else socket.AF_INET
        udp = _server(socketserver.ThreadingUDPServer, self, family, (self.address, port), _UdpHandler)
        servers = [udp]
        if self.zones.behaviour.get("tcp") != "refused":
            try:
                tcp = _server(socketserver.ThreadingTCPServer, self, family, udp.server_address[:2], _TcpHandler)
            except OSError:
                udp.server_close()
                raise
            servers.append(tcp)
        self.port = udp.server_address[1]
        return servers

    def respond(self, wire: bytes, transport: str, send: Send) -> None:
        """Answer one query, as the behaviour has it."""
        behaviour = self.zones.behaviour
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return
        for question in query.question:
            kind = dns.rdatatype.to_text(question.rdtype)
            self.queries.append((transport, _plain(question.name.to_text()), kind))
        if behaviour.get("silent") or (transport == "tcp" and behaviour.get("tcp") == "silent"):
            # Over TCP this keeps the connection open; over UDP there is nothing to keep.
            if transport == "tcp":
                self.stopping.wait()
            return
        if behaviour.get("delay") and self.stopping.wait(behaviour["delay"]):
            return
        if behaviour.get("garbage"):
            send(_framed(_GARBAGE) if transport == "tcp" else _GARBAGE)
        elif behaviour.get("trickle"):
            self._trickle(query, transport, send)
        else:
            self._send(query, transport, send)

    def _send(self, query: Any, transport: str, send: Send) -> None:
        response = self.zones.answer(query)
        if transport == "tcp":
            send(_framed(response.to_wire(max_size=65535)))
            return
        limit = max(_LEAST_UDP, query.payload) if query.edns >= 0 else _LEAST_UDP
        try:
            wire = response.to_wire(max_size=limit)
        except dns.exception.TooBig:
            wire = _cut(response)
        if self.zones.behaviour.get("truncate"):
            wire = _cut(response)
        if len(wire) <= self.zones.behaviour.get("lose_over", len(wire)):
            send(wire)

    def _trickle(self, query: Any, transport: str, send: Send) -> None:
        foreign = dns.message.make_response(query)
        foreign.id = (query.id + 1) % 65536
        whole = foreign.to_wire()
        for position in itertools.count():
            if self.stopping.wait(_TRICKLE_SECONDS):
                return
            # Over TCP one byte of a message that is announced as longer than it will ever get.
            piece = whole if transport == "udp" else b"\xff" if position < 2 else b"\0"
            if not send(piece):
                return


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, sock = self.request
        owner: NameServer = self.server.owner  # type: ignore[attr-defined]
        owner.respond(wire, "udp", lambda answer: _sent(lambda: sock.sendto(answer, self.client_address)))


class _TcpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        owner: NameServer = self.server.owner  # type: ignore[attr-defined]
        while not owner.stopping.is_set():
            size = self._read(2)
            wire = self._read(struct.unpack("!H", size)[0]) if len(size) == 2 else b""
            if not wire:
                return
            owner.respond(wire, "tcp", lambda answer: _sent(lambda: self.request.sendall(answer)))

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                part = self.request.recv(size - len(data))
            except OSError:
                return b""
            if not part:
                return b""
            data += part
        return data


def _server(kind: Any, owner: NameServer, family: int, address: Any, handler: Any) -> Any:
    options: dict[str, Any] = {
        "address_family": family,
        "daemon_threads": True,
        "block_on_close": False,
        "allow_reuse_address": True,
    }
    if kind is socketserver.ThreadingUDPServer:
        options["allow_reuse_address"] = False
    else:
        options["request_queue_size"] = _BACKLOG
    server = type(kind.__name__, (kind,), options)(address, handler)
    server.owner = owner
    return server


def _sent(send: Callable[[], Any]) -> bool:
    """Whether it could be sent: a client that has gone away is no error of the server."""
    try:
        send()
    except OSError:
        return False
    return True


def _framed(wire: bytes) -> bytes:
    """As a message stands on a TCP connection (RFC 1035, 4.2.2)."""
    return struct.pack("!H", len(wire)) + wire


def _cut(response: Any) -> bytes:
    short = dns.message.from_wire(response.to_wire(max_size=65535))
    short.answer.clear()
    short.flags |= dns.flags.TC
    return bytes(short.to_wire())


def _add(response: Any, name: str, ttl: int, kind: str, values: Sequence[str]) -> None:
    if values:
        response.answer.append(dns.rrset.from_text_list(dns.name.from_text(name), ttl, "IN", kind, list(values)))


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def from_config(config: Mapping[str, Any]) -> list[NameServer]:
    """The servers of a configuration document, not yet started; ValueError or KeyError where it is wrong."""
    return [
        NameServer(config["views"][item["view"]], item["address"], int(item["port"]), item.get("behaviour"))
        for item in config["listen"]
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a configuration until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m lab.nameserver", description="Name server of the lab.")
    parser.add_argument("--config", required=True, help="the configuration, a JSON file")
    options = parser.parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    started: list[NameServer] = []
    try:
        with open(options.config, encoding="utf-8") as stream:
            servers = from_config(json.load(stream))
        for server in servers:
            started.append(server.start())
        print("ready", flush=True)
        ended.wait()
    except (OSError, ValueError, KeyError) as error:
        print(f"name server: {options.config}: {error!r}", file=sys.stderr)
        return 1
    finally:
        for server in started:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
