# SPDX-License-Identifier: GPL-3.0-or-later
"""What open sockets tell of keepalive: the timers that `ss -tno` shows (ss(8), --options)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
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
    """Whether the connections to the storage carry a keepalive timer; None where none is open, or none can be told.

    A socket whose timer is that of a retransmission (`on`) hides its keepalive and tells nothing.
    """
    if not isinstance(text, str):
        return None
    wanted = {_plain(address) for address in storage}
    answers: list[bool] = []
    for match in _LINE.finditer(text):
        host, _, peer_port = match.group(2).rpartition(":")
        if peer_port != str(port) or _plain(host) not in wanted:
            continue
        timer = _TIMER.search(match.group(3))
        if timer is None or timer.group(1) == "keepalive":
            answers.append(timer is not None)
    if not answers:
        return None
    return all(answers)


def _plain(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
