# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a running node can tell: its own getaddrinfo, IPv6 routes, the resolver allowance, a TLS handshake.

Of a copy of a node (edge_root is not /) the recorded files are read instead, where the copy holds them.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from ..finding import Unread
from ..targets import Edge
from .query import Limits, run_all
from .rootfile import read_text

IPV6_ROUTES = "/proc/net/ipv6_route"
RECORDED_ETHTOOL = "/var/lib/edgepath/recorded/ethtool.txt"
COUNTER = "linklocal_allowance_exceeded"  # the ENA driver's counter (Amazon EC2 User Guide, network performance)
_RTF_REJECT = 0x0200  # <linux/route.h>
_HOSTNAME_MISMATCH = 62  # X509_V_ERR_HOSTNAME_MISMATCH
_COMMAND_SECONDS = 5


def is_live(edge: Edge) -> bool:
    """Whether the node itself is asked, and on the port that its C library uses."""
    return edge.root == "/" and edge.dns_port == 53


def getaddrinfo(names: Sequence[str], limits: Limits) -> dict[str, Any]:
    """What the C library answers: ``{name: {"addresses": [...], "error": None or "EAI_NONAME"}}`` or Unread each."""

    def task(name: str) -> Any:
        return lambda: _lookup(name)

    results = run_all([task(name) for name in names], limits.threads, limits.total_seconds)
    late = f"did not return within {limits.total_seconds:g} s"
    return {
        name: result if result is not None else Unread("error", "getaddrinfo", name, f"getaddrinfo({name}) {late}")
        for name, result in zip(names, results)
    }


def _lookup(name: str) -> dict[str, Any]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        codes = {getattr(socket, key): key for key in dir(socket) if key.startswith("EAI_")}
        return {"addresses": [], "error": codes.get(error.errno, str(error))}
    except (OSError, UnicodeError) as error:
        return {"addresses": [], "error": str(error)}
    return {"addresses": sorted({str(item[4][0]).split("%")[0] for item in found}), "error": None}


def ipv6_default_route(edge: Edge) -> Any:
    """Whether the node has an IPv6 default route, from its routing table (proc_net(5)); or Unread."""
    table = read_text(edge.root, IPV6_ROUTES)
    if isinstance(table, Unread):
        return table
    if table.text is None:
        if edge.root == "/":
            return False  # without IPv6 in the kernel there is no such file
        return Unread("not_collected", "read", IPV6_ROUTES, f"the copy of the node holds no {IPV6_ROUTES}")
    return any(_is_default(line.split()) for line in table.text.splitlines())


def _is_default(fields: Sequence[str]) -> bool:
    if len(fields) < 10 or fields[9] == "lo" or fields[0].strip("0") or fields[1] != "00":
        return False
    try:
        return not int(fields[8], 16) & _RTF_REJECT
    except ValueError:
        return False


def allowance(edge: Edge) -> Any:
    """Packets to link-local services that the hypervisor dropped, by interface; empty where no driver counts them."""
    if edge.root != "/":
        recorded = read_text(edge.root, RECORDED_ETHTOOL)
        if isinstance(recorded, Unread):
            return recorded
        if recorded.text is None:
            message = f"the copy of the node holds no {RECORDED_ETHTOOL}"
            return Unread("not_collected", "ethtool -S", RECORDED_ETHTOOL, message)
        return counters({"recorded": recorded.text})
    texts: dict[str, str] = {}
    for interface in _interfaces():
        text = _ethtool(interface)
        if isinstance(text, Unread):
            return text
        texts[interface] = text
    return counters(texts)


def counters(texts: Mapping[str, str]) -> dict[str, int]:
    """The counter in the output of `ethtool -S`, by interface."""
    found: dict[str, int] = {}
    for interface, text in texts.items():
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name.strip() == COUNTER and value.strip().isdigit():
                found[interface] = found.get(interface, 0) + int(value)
    return found


def _interfaces() -> list[str]:
    try:
        names = sorted(os.listdir("/sys/class/net"))
    except OSError:
        return []
    return [name for name in names if os.path.exists(f"/sys/class/net/{name}/device")]


def _ethtool(interface: str) -> Any:
    command = ["ethtool", "-S", interface]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False)
    except FileNotFoundError:
        return Unread("not_collected", "ethtool -S", interface, "ethtool is not installed on the edge")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Unread("error", "ethtool -S", interface, f"cannot run ethtool -S {interface}: {error}")
    return done.stdout


def handshake(host: str, address: str, port: int, seconds: float) -> Any:
    """Whether the certificate that a server shows for a name matches it: ``{"matches": bool, "message"}`` or Unread."""
    import ssl  # here, since its import would cost every visit

    context = ssl.create_default_context()
    try:
        with socket.create_connection((address, port), timeout=seconds) as raw:
            raw.settimeout(seconds)
            with context.wrap_socket(raw, server_hostname=host):
                return {"matches": True, "message": "the certificate matches"}
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _HOSTNAME_MISMATCH:
            return {"matches": False, "message": str(error.verify_message)}
        why = f"the certificate was not accepted: {error.verify_message}"
    except OSError as error:
        why = str(error)
    return Unread("error", "TLS handshake", host, f"no handshake with {host} at {address}:{port}: {why}")
