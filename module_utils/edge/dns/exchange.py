# SPDX-License-Identifier: GPL-3.0-or-later
"""One DNS message to one nameserver and back, over UDP or TCP (RFC 1035, 4.2).

Imported when nameservers are asked: it needs dnspython. dnspython's own dns.query does the same and more, and loads for
it the code of zones, zone transfers, DNS over HTTPS and QUIC, which every visit of an edge would compile anew.
"""

from __future__ import annotations

import socket
import time
from typing import Any

import dns.exception
import dns.inet
import dns.message

_MOST_BYTES = 65535


class UnexpectedSource(dns.exception.DNSException):  # type: ignore[misc]
    """The answer came from another address than the one that was asked."""


class BadResponse(dns.exception.DNSException):  # type: ignore[misc]
    """What came back is no answer to the question."""


def udp(message: dns.message.Message, server: str, port: int, seconds: float) -> dns.message.Message:
    """The first datagram that comes back, as a message.

    dns.exception.Timeout after so many seconds, another DNSException or ValueError where it is no answer to the
    question or comes from elsewhere, OSError from the network.
    """
    deadline = time.monotonic() + seconds
    family, destination = _destination(server, port)
    with socket.socket(family, socket.SOCK_DGRAM) as own:
        _within(own, deadline, own.sendto, message.to_wire(), destination)
        wire, source = _within(own, deadline, own.recvfrom, _MOST_BYTES)
    if not _same_place(family, source, destination):
        raise UnexpectedSource(f"got a response from {source} instead of {destination}")
    return _response(message, wire)


def tcp(message: dns.message.Message, server: str, port: int, seconds: float) -> dns.message.Message:
    """The answer over a connection of its own; errors as of udp(), and EOFError where the connection was closed."""
    deadline = time.monotonic() + seconds
    family, destination = _destination(server, port)
    wire = message.to_wire()
    with socket.socket(family, socket.SOCK_STREAM) as own:
        _within(own, deadline, own.connect, destination)
        _within(own, deadline, own.sendall, len(wire).to_bytes(2, "big") + wire)
        size = int.from_bytes(_read(own, deadline, 2), "big")
        return _response(message, _read(own, deadline, size))


def _destination(server: str, port: int) -> tuple[int, Any]:
    family = dns.inet.af_for_address(server)
    return family, dns.inet.low_level_address_tuple((server, port), family)


def _within(own: socket.socket, deadline: float, call: Any, *arguments: Any) -> Any:
    left = deadline - time.monotonic()
    if left <= 0:
        raise dns.exception.Timeout
    own.settimeout(left)
    try:
        return call(*arguments)
    except socket.timeout as error:
        # With a number it is the kernel's own ETIMEDOUT: the network's answer, not the end of our patience.
        if error.errno is not None:
            raise
        raise dns.exception.Timeout from None


def _read(own: socket.socket, deadline: float, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = _within(own, deadline, own.recv, count - len(data))
        if not part:
            raise EOFError("EOF")
        data += part
    return data


def _same_place(family: int, one: Any, other: Any) -> bool:
    """Whether two addresses of the socket module are the same, however they are spelt."""
    return socket.inet_pton(family, one[0].split("%")[0]) == socket.inet_pton(family, other[0].split("%")[0]) and (
        one[1:] == other[1:]
    )


def _response(message: dns.message.Message, wire: bytes) -> dns.message.Message:
    response = dns.message.from_wire(wire)
    if not message.is_response(response):
        raise BadResponse
    return response
