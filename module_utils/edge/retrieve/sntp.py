# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a time server once: SNTP over UDP (RFC 4330, section 5)."""

from __future__ import annotations

import socket
from time import monotonic, time
from typing import Any

from ..evidence import clock
from ..finding import EdgepathError

_PORT = 123
_SECONDS = 3.0
_ATTEMPTS = 3


def measure(server: str) -> dict[str, Any]:
    """The offset of this machine's clock, see clock.py; EdgepathError where no trustworthy answer comes.

    server: a name or an address, with ``:port`` behind it where that is not 123; an IPv6 address with one in brackets.
    """
    host, port = _place(server)
    why = f"no answer within {_SECONDS:g} s"
    for _ in range(_ATTEMPTS):
        try:
            return _ask(host, port, server)
        except socket.timeout:
            continue
        except OSError as error:
            why = error.strerror or str(error)
    raise EdgepathError(f"cannot ask the time server {server}: {why}")


def _ask(host: str, port: int, server: str) -> dict[str, Any]:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as asking:
        asking.settimeout(_SECONDS)
        asking.connect(address)
        # The wall clock may be set while the answer is on its way; the monotonic one says how long that took.
        sent, begun = time(), monotonic()
        asking.send(clock.sntp_request(sent))
        packet = asking.recv(512)
        return clock.from_sntp(packet, sent, sent + monotonic() - begun, server)


def _place(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return server.strip("[]"), _PORT
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise EdgepathError(f"the time server {server!r} is no name or address with a port")
    return host.strip("[]"), int(port)
