# SPDX-License-Identifier: GPL-3.0-or-later
"""How far this machine's clock was from another's: from HTTP Date headers, an SNTP answer, or a journal. Pure.

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
_NUMBERS = ("offset_seconds", "uncertainty_seconds")


class Dates:
    """What the Date headers of many answers, taken together, say of an offset.

    A Date counts whole seconds, cut (RFC 9110, section 6.6.1): one answer leaves a second and its own duration open.
    Answers at different moments of a second leave less, since every one of them must be true.
    """

    def __init__(self) -> None:
        self.answers = 0
        self._least, self._most = float("-inf"), float("inf")

    def add(self, header: str, sent: float, received: float, source: str) -> None:
        """header: of an answer; sent, received: this clock (Unix time) around the request."""
        try:
            theirs = parsedate_to_datetime(header).timestamp()
        except (ValueError, TypeError):
            raise EdgepathError(f"{source}: the Date header {header!r} cannot be read") from None
        self.answers += 1
        self._least, self._most = max(self._least, theirs - received), min(self._most, theirs + 1 - sent)

    def offset(self, source: str) -> dict[str, Any] | None:
        """The offset; None where nothing was added. Answers that contradict each other make the uncertainty as wide as
        their contradiction, and are said to: a clock was set meanwhile, or several servers answered.
        """
        if not self.answers:
            return None
        found = _offset(f"HTTP Date of {source}", (self._least + self._most) / 2, (self._most - self._least) / 2)
        agree = self._least <= self._most
        return {**found, "answers": self.answers, **({} if agree else {"problem": "the answers contradict each other"})}


def from_http_date(header: str, sent: float, received: float, source: str) -> dict[str, Any]:
    """header: of one answer; sent, received: this clock (Unix time) around the request."""
    dates = Dates()
    dates.add(header, sent, received, source)
    found = dates.offset(source) or {}
    return {name: found[name] for name in ("source", "offset_seconds", "uncertainty_seconds")}


def sntp_request(sent: float) -> bytes:
    """A client's packet, version 4 (RFC 5905, section 7.3). sent: this clock, which the answer repeats."""
    return bytes([0x23]) + bytes(39) + _stamp(sent)


def _stamp(seconds: float) -> bytes:
    whole = int(seconds // 1)
    return struct.pack(">II", (whole + _NTP_EPOCH) % 2**32, int((seconds - whole) * 2**32))


def from_sntp(packet: bytes, sent: float, received: float, source: str) -> dict[str, Any]:
    """packet: the server's answer (RFC 5905, section 7.3); sent, received: this clock around the request."""
    if len(packet) < 48 or packet[0] & 7 != 4 or not 1 <= packet[1] <= 15 or packet[0] >> 6 == 3:
        raise EdgepathError(f"{source}: is no answer of a synchronised SNTP server")
    if packet[24:32] != _stamp(sent):
        raise EdgepathError(f"{source}: answers another request than the one that was sent")
    arrived, left = (
        seconds - _NTP_EPOCH + fraction / 2**32
        for seconds, fraction in (struct.unpack(">II", packet[at : at + 8]) for at in (32, 40))
    )
    offset = ((arrived - sent) + (left - received)) / 2
    return _offset(f"SNTP of {source}", offset, ((received - sent) - (left - arrived)) / 2)


def from_events(events: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What a journal says: its least uncertain event ``clock``, with all of them as `measurements`; where it has none,
    the `clock_offset_seconds` that it notes of each answer. None where it has neither.
    """
    measured: list[dict[str, Any]] = []
    count, total, least, most = 0, 0.0, float("inf"), float("-inf")
    for event in events:
        if event.get("type") == "clock" and all(_is_number(event.get(name)) for name in _NUMBERS):
            measured.append({name: value for name, value in event.items() if name != "type"})
        value: Any = event.get("clock_offset_seconds")
        if _is_number(value):
            count, total = count + 1, total + value
            least, most = min(least, value), max(most, value)
    if measured:
        best = min(measured, key=lambda event: float(event["uncertainty_seconds"]))
        return {**{name: best.get(name) for name in ("source", *_NUMBERS)}, "measurements": measured}
    if not count:
        return None
    found = _offset(f"Date headers of {count} answers of the storage", total / count, 0.5)
    return {**found, "least_seconds": round(least, 3), "most_seconds": round(most, 3), "answers": count}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _offset(source: str, offset: float, uncertainty: float) -> dict[str, Any]:
    return {"source": source, "offset_seconds": round(offset, 3), "uncertainty_seconds": round(abs(uncertainty), 3)}
