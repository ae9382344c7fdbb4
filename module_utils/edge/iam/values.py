# SPDX-License-Identifier: GPL-3.0-or-later
"""The typed values of condition operators: numbers, dates, addresses, binary.

Each reader returns None for text that is no such value. Sources: AWS IAM User Guide, "Condition operators"; W3C
NOTE-datetime for the date forms.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_NUMBER = re.compile(r"[+-]?[0-9]{1,64}(?:\.[0-9]{1,64})?")
_DATE = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@lru_cache(maxsize=1024)
def read_number(text: str) -> Decimal | None:
    """An integer or decimal."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=1024)
def read_date(text: str) -> Decimal | None:
    """Seconds since 1970 of a W3C date or of epoch seconds (four digits are a year); without an offset it is UTC."""
    match = _DATE.fullmatch(text)
    if match is None:
        return read_number(text)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=timezone.utc,
        )
    except ValueError:
        return None
    seconds = Decimal((moment - _EPOCH) // timedelta(seconds=1)) + Decimal(f"0.{fraction or 0}")
    if offset and offset != "Z":
        shift = int(offset[1:3]) * 3600 + int(offset[-2:]) * 60
        seconds -= shift if offset[0] == "+" else -shift
    return seconds


@lru_cache(maxsize=1024)
def read_network(text: str) -> Network | None:
    """An address or a CIDR range of a policy; no prefix means one address."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def read_address(text: str) -> Address | None:
    """The address of a request."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def in_network(address: Address | None, network: Network | None) -> bool:
    """Whether the address lies in the range; a missing side or another IP version is no."""
    if address is None or network is None or address.version != network.version:
        return False
    return address in network


def read_boolean(text: str) -> bool | None:
    """ "true" or "false" in any case."""
    return {"true": True, "false": False}.get(text.lower())


def read_binary(text: str) -> bytes | None:
    """The bytes of base64 text."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
