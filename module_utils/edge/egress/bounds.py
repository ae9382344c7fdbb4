# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits in time that the path itself carries, for the timeouts domain to judge."""

from __future__ import annotations

from collections.abc import Iterable

from ..finding import Bound, Unread, unread
from . import prefixes
from .analyse import Analysis
from .gateways import Path
from .groups import over_wide
from .model import ALL_PORTS, TCP, GroupRule, World
from .parse import group_rules

# Seconds.  Amazon VPC User Guide, "Troubleshoot NAT gateways": idle for 350 s, then RST to the next packet.
NAT_IDLE = 350.0
# AWS Networking blog, "Implementing long-running TCP connections within VPC networking"; AWS PrivateLink guide.
INTERFACE_ENDPOINT_IDLE = 350.0
# EC2 API reference, ConnectionTrackingConfiguration: the default, except on Nitro v6 instance types (350).
TRACKING_DEFAULT = 432000.0

_NAT_SOURCE = "Amazon VPC User Guide, Troubleshoot NAT gateways"
_ENDPOINT_SOURCE = "AWS Networking blog, Implementing long-running TCP connections within VPC networking"
_TRACKING_SOURCE = "Amazon EC2 API Reference, ConnectionTrackingConfiguration"
# Amazon EC2 User Guide, "Automatically tracked connections".
_ALWAYS_TRACKED = ("nat_gateway", "egress_only_gateway", "interface_endpoint", "transit_gateway")


def bounds(world: World, analysis: Analysis) -> list[Bound]:
    """The bounds of the ways that the destinations take."""
    found = {(path.kind, path.id): path for path in analysis.paths}
    limits = [bound for path in found.values() for bound in _of_path(path)]
    tracking = _tracking(world, list(found.values()))
    return limits + ([tracking] if tracking is not None else [])


def _of_path(path: Path) -> Iterable[Bound]:
    if path.kind == "nat_gateway":
        yield Bound(
            "idle", "gateway", "NAT gateway idle timeout", path.id, NAT_IDLE, reset_by="packets", source=_NAT_SOURCE
        )
    if path.kind == "interface_endpoint":
        yield Bound(
            "idle",
            "gateway",
            "interface endpoint idle timeout",
            path.id,
            INTERFACE_ENDPOINT_IDLE,
            reset_by="packets",
            source=_ENDPOINT_SOURCE,
        )


def _tracking(world: World, paths: list[Path]) -> Bound | None:
    interface = world.interface
    if not world.applicable or not interface or unread(interface) is not None or not paths:
        return None
    if not tracked(world, paths):
        return None
    explicit = (interface.get("tracking") or {}).get("tcp_established")
    default = world.raw.get("instance_type_facts") or {}
    default = {} if unread(default) is not None else default
    seconds = explicit or default.get("tcp_established") or TRACKING_DEFAULT
    origin = interface["id"] if explicit else f"default of {default.get('type') or 'EC2'}"
    return Bound(
        "idle",
        "security_group",
        "TcpEstablishedTimeout",
        origin,
        float(seconds),
        reset_by="packets",
        source=_TRACKING_SOURCE,
    )


def tracked(world: World, paths: list[Path]) -> bool:
    """Whether the security groups track these connections.

    A flow is untracked where one direction's rules admit all TCP to everywhere and the other direction's all ports
    from everywhere, unless its gateway is tracked always (Amazon EC2 User Guide, "Untracked connections").
    """
    if any(path.kind in _ALWAYS_TRACKED for path in paths):
        return True
    inbound = group_rules(world.network, world.interface.get("groups") or (), egress=False)
    if isinstance(world.egress, Unread) or isinstance(inbound, Unread):
        return True
    families = {prefixes.family(path.low) for path in paths}
    return not all(_open(world.egress, version) and _open(inbound, version) for version in families)


def _open(rules: Iterable[GroupRule], version: int) -> bool:
    everything = prefixes.IPV4_ALL if version == 4 else prefixes.IPV6_ALL
    listed = list(rules)
    wide = [rule for rule in listed if rule.kind == "cidr" and rule.protocol == TCP and rule.ports == ALL_PORTS]
    return any(rule.span == everything for rule in [*wide, *over_wide(listed)])
