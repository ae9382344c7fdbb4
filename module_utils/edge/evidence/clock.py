# SPDX-License-Identifier: GPL-3.0-or-later
"""How far this machine's clock was from another's: from an HTTP Date header, an SNTP answer, or a journal. Pure.

An offset is {"source", "offset_seconds", "uncertainty_seconds"}: what must be added to this clock to get the other's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from ..finding import EdgepathError

# Seconds from 1900, where NTP counts from, to 1970 (RFC 5905, figure 4).
_NTP_EPOCH = 2208988800


def from_http_date(header: str, sent: float, received: float, source: str) -> dict[str, Any]:
    """header: of an answer; sent, received: this clock (Unix time) around the request. Date has whole seconds, cut."""
    try:
        theirs = parsedate_to_datetime(header).timestamp() + 0.5
    except (ValueError, TypeError):
        raise EdgepathError(f"{source}: the Date header {header!r} cannot be read") from None
    offset = theirs - (sent + received) / 2
    return _offset(f"HTTP Date of {source}", offset, (received - sent) / 2 + 0.5)


def from_sntp(packet: bytes, sent: float, received: float, source: str) -> dict[str, Any]:
    """packet: the server's answer (RFC 5905, section 7.3); sent, received: this clock around the request."""
    if len(packet) < 48 or packet[0] & 7 != 4 or not 1 <= packet[1] <= 15 or packet[0] >> 6 == 3:
        raise EdgepathError(f"{source}: is no answer of a synchronised SNTP server")
    arrived, left = (
        seconds - _NTP_EPOCH + fraction / 2**32
        for seconds, fraction in (struct.unpack(">II", packet[at : at + 8]) for at in (32, 40))
    )
    offset = ((arrived - sent) + (left - received)) / 2
    return _offset(f"SNTP of {source}", offset, ((received - sent) - (left - arrived)) / 2)


def from_events(events: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """From the `clock_offset_seconds` that a journal notes of each answer; None where no answer has one."""
    count, total, least, most = 0, 0.0, float("inf"), float("-inf")
    for event in events:
        value = event.get("clock_offset_seconds")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            count, total = count + 1, total + value
            least, most = min(least, value), max(most, value)
    if not count:
        return None
    found = _offset(f"Date headers of {count} answers of the storage", total / count, 0.5)
    return {**found, "least_seconds": round(least, 3), "most_seconds": round(most, 3), "answers": count}


def _offset(source: str, offset: float, uncertainty: float) -> dict[str, Any]:
    return {"source": source, "offset_seconds": round(offset, 3), "uncertainty_seconds": round(abs(uncertainty), 3)}
