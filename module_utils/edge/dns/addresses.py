# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as DNS can judge them: public, private, loopback, or no destination at all. Pure.

Whether an address belongs to the storage is egress' question; prefix lists are read there.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Sequence

CLASSES = ("public", "private", "vpc", "loopback", "unusable")
_SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: a public IPv4 address behind it
# Every edge of a fleet is given the same few answers and ranges.
_address = functools.lru_cache(maxsize=4096)(ipaddress.ip_address)
_network = functools.lru_cache(maxsize=1024)(ipaddress.ip_network)


def classify(address: str, vpc_cidrs: Sequence[str] = ()) -> str:
    """One of CLASSES. ``vpc``: in a range of the edge's VPC.  ``unusable``: unspecified, multicast, link-local or
    reserved, no destination for a transfer (RFC 6890)."""
    return _classify(address, tuple(vpc_cidrs))


@functools.lru_cache(maxsize=4096)
def _classify(address: str, vpc_cidrs: tuple[str, ...]) -> str:
    try:
        parsed = _address(address.split("%", 1)[0])
    except ValueError:
        return "unusable"
    if parsed.version == 6 and parsed in _NAT64:
        return "public"
    if parsed.is_loopback:
        return "loopback"
    if parsed.is_unspecified or parsed.is_multicast or parsed.is_link_local or parsed.is_reserved:
        return "unusable"
    if within(address, vpc_cidrs):
        return "vpc"
    if parsed.is_private or (parsed.version == 4 and parsed in _SHARED):
        return "private"
    return "public"


def within(address: str, cidrs: Iterable[str]) -> bool:
    """Whether an address lies in one of the ranges; ranges that are none are passed over."""
    parsed = _address(address.split("%", 1)[0])
    for cidr in cidrs:
        try:
            network = _network(cidr, strict=False)
        except ValueError:
            continue
        if parsed.version == network.version and parsed in network:
            return True
    return False


def is_ip(text: str) -> bool:
    """Whether a host is an address and needs no resolution."""
    try:
        _address(text.strip("[]"))
    except ValueError:
        return False
    return True


def in_order(addresses: Iterable[str]) -> list[str]:
    """Each address once, IPv4 before IPv6, by number; what is no address is left out."""
    kept = {address.split("%", 1)[0] for address in addresses}
    parsed = [_address(address) for address in kept if is_ip(address)]
    return [str(address) for address in sorted(parsed, key=lambda address: (address.version, int(address)))]
