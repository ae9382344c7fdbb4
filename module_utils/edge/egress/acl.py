# SPDX-License-Identifier: GPL-3.0-or-later
"""Network ACLs: ascending rule number, first match wins, implicit deny, stateless.

Rules: Amazon VPC User Guide, "Network ACL rules" and "Ephemeral ports". Because they are stateless, the answers must be
let in too: to the edge's own ephemeral ports, and behind a NAT gateway to that gateway's, 1024-65535. A range of ports
that is let through in part fails for that share of the connections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..finding import Unread
from . import prefixes
from .answers import Answer, Judged, unknown
from .model import EPHEMERAL_WIDEST, TCP, Acl, AclEntry, Read

RESTRICTION = "SUBNET_ACL_RESTRICTION"
# Amazon VPC User Guide, "Ephemeral ports": what a NAT gateway uses.
NAT_PORTS = (1024, 65535)
# Quotas of Amazon VPC, "Network ACLs": rules per network ACL and direction, default.
RULES_PER_ACL = 20
# Amazon VPC User Guide, "Network ACL rules": the highest number; the implicit deny stands after it.
LAST_NUMBER = 32766


@dataclass(frozen=True)
class Stage:
    """One passage through a network ACL.

    outbound: the direction.  peer: the other end as the ACL sees it, None for the destination under judgement.
    ports: of the packet's destination.  space: whose port that is: ``server``, ``edge`` or ``nat``; the ports that all
    stages of one space let through are what is left to a connection.
    """

    label: str
    acl: Read[Acl]
    outbound: bool
    space: str
    ports: tuple[int, int]
    peer: prefixes.Interval | None = None


def passing(
    entries: Sequence[AclEntry], peer: prefixes.Interval, ports: tuple[int, int], protocol: int = TCP
) -> tuple[prefixes.Ranges, AclEntry | None]:
    """The ports that get through, and the first entry that stops one (None: the implicit deny).

    peer must lie within or outside each entry's range as a whole.
    """
    left: prefixes.Ranges = [ports]
    passed: prefixes.Ranges = []
    stopped_by: AclEntry | None = None
    for entry in entries:
        if entry.protocol not in (None, protocol) or not entry.matches[0] <= peer[0] <= entry.matches[1]:
            continue
        hit = prefixes.intersect(left, [entry.ports])
        if entry.allow:
            passed += hit
        elif hit and stopped_by is None:
            stopped_by = entry
        left = prefixes.subtract(left, hit)
        if not left:
            break
    return prefixes.union(passed), stopped_by


def judge(stages: Sequence[Stage], destinations: prefixes.Ranges, ephemeral_known: bool) -> Judged:
    """The answer of all stages together, for each part of the destinations.

    ephemeral_known: whether the stages of the space ``edge`` carry the edge's own range, or the widest possible one,
    of which a part may be enough.
    """
    cuts = prefixes.boundaries(
        entry.matches
        for stage in stages
        if stage.peer is None and not isinstance(stage.acl, Unread)
        for entry in _entries(stage, stage.acl)
    )
    return [
        (low, high, _answer(stages, (low, high), ephemeral_known)) for low, high in prefixes.pieces(destinations, cuts)
    ]


def _entries(stage: Stage, acl: Acl) -> Sequence[AclEntry]:
    return acl.outbound if stage.outbound else acl.inbound


def _answer(stages: Sequence[Stage], piece: prefixes.Interval, ephemeral_known: bool) -> Answer:
    left: dict[str, prefixes.Ranges] = {}
    whole: dict[str, tuple[int, int]] = {}
    first: tuple[Stage, Acl, AclEntry | None] | None = None
    gone: Answer | None = None
    for stage in stages:
        if isinstance(stage.acl, Unread):
            gone = gone or unknown(stage.acl)
            continue
        passed, stopped_by = passing(_entries(stage, stage.acl), stage.peer or piece, stage.ports)
        whole[stage.space] = stage.ports
        left[stage.space] = prefixes.intersect(left.get(stage.space, [stage.ports]), passed)
        if first is None and prefixes.size(passed) < prefixes.size([stage.ports]):
            first = stage, stage.acl, stopped_by
        if not left[stage.space]:
            return _stopped(stage, stage.acl, stopped_by)
    if gone is not None:
        return gone
    if first is None:
        return Answer("allow", _names(stages), "let out and back in")
    share = Fraction(1)
    for space, ports in left.items():
        share *= Fraction(prefixes.size(ports), prefixes.size([whole[space]]))
    return _in_part(first, 1 - share, ephemeral_known)


def _in_part(first: tuple[Stage, Acl, AclEntry | None], failing: Fraction, ephemeral_known: bool) -> Answer:
    stage, acl, entry = first
    if stage.space == "edge" and not ephemeral_known:
        message = (
            f"{acl.id} lets only some of the ports {EPHEMERAL_WIDEST[0]}-{EPHEMERAL_WIDEST[1]} back in, and which of "
            "them the edge uses (net.ipv4.ip_local_port_range) was not read"
        )
        return unknown(Unread("not_collected", "read", acl.id, message))
    reason = f"{stage.label}: {_by(acl, entry)} stops some of the ports {stage.ports[0]}-{stage.ports[1]}"
    return Answer("partial", acl.id, reason, _rule(entry), RESTRICTION, failing=failing, detail=_detail(first))


def _stopped(stage: Stage, acl: Acl, entry: AclEntry | None) -> Answer:
    ports = f"{stage.ports[0]}" if stage.ports[0] == stage.ports[1] else f"{stage.ports[0]}-{stage.ports[1]}"
    reason = f"{stage.label}: {_by(acl, entry)} stops tcp {ports}"
    return Answer("deny", acl.id, reason, _rule(entry), RESTRICTION, detail=_detail((stage, acl, entry)))


def _detail(first: tuple[Stage, Acl, AclEntry | None]) -> dict[str, Any]:
    """The entry that would let the connection through, and before which number it must stand."""
    stage, acl, entry = first
    return {
        "network_acl_id": acl.id,
        "egress": stage.outbound,
        "from": stage.ports[0],
        "to": stage.ports[1],
        "cidr": prefixes.prefixes([stage.peer])[0] if stage.peer else None,
        "before": entry.number if entry else LAST_NUMBER,
    }


def _by(acl: Acl, entry: AclEntry | None) -> str:
    return f"rule {_rule(entry)} of {acl.id}" + (f" ({entry.cidr})" if entry else "")


def _rule(entry: AclEntry | None) -> str:
    return str(entry.number) if entry else "*"


def _names(stages: Sequence[Stage]) -> str:
    return ", ".join(dict.fromkeys(stage.acl.id for stage in stages if not isinstance(stage.acl, Unread)))
