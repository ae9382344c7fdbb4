# SPDX-License-Identifier: GPL-3.0-or-later
"""What open sockets tell of keepalive: the timers that `ss -tno` shows (ss(8), --options)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..finding import unread

_LINE = re.compile(r"^(?:ESTAB|ESTABLISHED)\s+\d+\s+\d+\s+(\S+)\s+(\S+)(.*)$", re.MULTILINE)
_TIMER = re.compile(r"timer:\((\w+),")


def addresses(dns: Any) -> list[str]:
    """The storage's addresses as the dns step found them; [] where it did not."""
    if unread(dns) is not None or not isinstance(dns, Mapping):
        return []
    found = dns.get("storage_addresses")
    return [str(item) for item in found] if isinstance(found, (list, tuple)) else []


def keepalive(text: Any, storage: Iterable[str], port: int) -> bool | None:
    """Whether the connections to the storage carry a keepalive timer; None where none is open, or none can be told."""
    wanted = {_plain(address) for address in storage}
    answers = [timed for host, timed in _connections(text, port) if host in wanted]
    return all(answers) if answers else None


def bare(text: Any, port: int) -> bool:
    """Whether some connection to that port of another host has no timer, whosever it is."""
    return any(not timed and not _is_loopback(host) for host, timed in _connections(text, port))


def _connections(text: Any, port: int) -> Iterator[tuple[str, bool]]:
    """Peer and whether it has a keepalive timer. One whose timer is that of a retransmission tells nothing."""
    for match in _LINE.finditer(text if isinstance(text, str) else ""):
        host, _, peer_port = match.group(2).rpartition(":")
        timer = _TIMER.search(match.group(3))
        if peer_port == str(port) and (timer is None or timer.group(1) == "keepalive"):
            yield _plain(host), timer is not None


def _is_loopback(host: str) -> bool:
    return host.startswith("127.") or host == "::1"


def _plain(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
