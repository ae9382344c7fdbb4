# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request looks like from where it comes: the network keys of its context, as egress found the way. Pure.

Source: AWS IAM User Guide, "AWS global condition context keys" (aws:SourceIp, aws:SourceVpc, aws:SourceVpce,
aws:VpcSourceIp): through a VPC endpoint aws:SourceIp is absent, over the internet the other three are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import Unread, unread
from .context import UNKNOWN, ContextInput, endpoint_context, internet_context

GATEWAY = "gateway_endpoint"
_ENDPOINTS = (GATEWAY, "interface_endpoint", "vpc_endpoint")
_INTERNET = ("nat_gateway", "internet_gateway", "egress_only_gateway")
_KEYS = ("aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp")
# Where the way is not known, and for what S3 asks of KMS in the caller's name, any of the keys may be there or not.
UNKNOWN_KEYS: Mapping[str, ContextInput] = dict.fromkeys(_KEYS, UNKNOWN)


@dataclass(frozen=True)
class Network:
    """One way to the storage. kind: ``endpoint`` | ``internet`` | ``unknown``.

    label: the way in words.  gateway: whether the endpoint is a gateway endpoint.  endpoint: its id.
    because: for ``unknown``, what was not read (None where the way is known and does not tell the keys).
    """

    kind: str
    label: str
    context: Mapping[str, ContextInput]
    gateway: bool = False
    endpoint: str | None = None
    because: Unread | None = None


def through_endpoint(endpoint: str, gateway: bool, vpc: str | None, private: str | None = None) -> Network:
    """The way through a VPC endpoint. private: the edge's address, where it has only one."""
    return Network("endpoint", f"through {endpoint}", endpoint_context(endpoint, vpc, private), gateway, endpoint)


def over_internet(source_ip: str | None, label: str = "over the internet") -> Network:
    """The way through NAT or an internet gateway. source_ip: the public address, None where it is not known."""
    seen = f"{label} from {source_ip}" if source_ip else label
    return Network("internet", seen, internet_context(source_ip))


def not_known(because: Unread | None, label: str = "by a way that is not known") -> Network:
    return Network("unknown", label, UNKNOWN_KEYS, because=because)


def network_of(egress: Any) -> Network:
    """The way that the egress step found: the one that most of the storage's addresses take."""
    gone = unread(egress)
    if gone is not None or not isinstance(egress, Mapping):
        return not_known(gone)
    route = egress.get("route")
    gone = unread(route)
    if gone is not None or not isinstance(route, Mapping):
        return not_known(gone)
    gone = unread(route.get("kind")) or unread(route.get("id"))
    if gone is not None:
        return not_known(gone)
    return _of_route(route, egress)


def other_ways(egress: Any) -> list[Network]:
    """The ways that the rest of the storage's addresses take."""
    routes = egress.get("routes") if isinstance(egress, Mapping) and unread(egress) is None else None
    found = (
        [_of_route(route, egress) for route in routes if isinstance(route, Mapping)] if isinstance(routes, list) else []
    )
    return found[1:]


def _of_route(route: Mapping[str, Any], egress: Mapping[str, Any]) -> Network:
    kind, target = str(route.get("kind")), str(route.get("id") or "")
    if kind in _ENDPOINTS:
        return through_endpoint(
            target, kind == GATEWAY, _text(egress.get("vpc_id")), _only(egress.get("private_addresses"))
        )
    if kind in _INTERNET:
        return over_internet(_text(route.get("source_ip")), f"through {target}")
    return not_known(None, f"through {kind.replace('_', ' ')} {target}".rstrip())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _only(addresses: Any) -> str | None:
    return _text(addresses[0]) if isinstance(addresses, list) and len(addresses) == 1 else None
