# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of the domain egress are applied. Pure.

A rule or entry is added beside those of others, never for every address unless the operator names that action, and
only where the quota has room for it. Source: Amazon VPC User Guide, "Amazon VPC quotas".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..egress.acl import RULES_PER_ACL
from ..egress.groups import RULES_PER_GROUP
from ..targets import Edge
from .asked import cloud, need, there
from .cloud.ec2 import entry_key, rule, rule_key
from .cloud.kind import ordered
from .model import Action, Ref, Refused, State

Fix = Mapping[str, Any]
States = Mapping[str, State]

EVERYWHERE = ("0.0.0.0/0", "::/0")
_CUT = (
    "the route to the endpoint takes over at once, and connections to the storage that are open by another way are cut"
)


def _quota(edge: Edge, name: str, default: int) -> int:
    """AWS' default, or what edge_profile says that AWS has granted."""
    given = getattr(edge, "profile", None)
    value = given.get(name) if isinstance(given, Mapping) else None
    return value if isinstance(value, int) else default


# Security groups.


def _new_rules(fix: Fix) -> list[dict[str, Any]]:
    sources = [
        *(("prefix_list", item) for item in fix.get("prefix_list_ids") or ()),
        *(("cidr", item) for item in fix.get("cidrs") or ()),
        *(("group", item) for item in [fix.get("source_group_id")] if item),
    ]
    if not sources:
        raise Refused(f"the fix {fix.get('action')} names no destination: make this change by hand")
    for _, source in sources:
        if source in EVERYWHERE:
            raise Refused(f"a rule to {source} is never made by a program: name the storage's ranges by hand")
    number, ports = str(need(fix, "protocol")), (need(fix, "from_port"), need(fix, "to_port"))
    return [rule(number, *ports, kind, str(source)) for kind, source in sources]


def _with_rules(edge: Edge, fix: Fix, state: State) -> list[dict[str, Any]]:
    held = {rule_key(item): item for item in state}
    new = [item for item in _new_rules(fix) if rule_key(item) not in held]
    if new:
        _check_weight(edge, fix, len(state), len(new))
    return ordered([*state, *new])


def _check_weight(edge: Edge, fix: Fix, present: int, new: int) -> None:
    """The weight that the audit found, or the number of rules now, whichever is more."""
    weight = fix.get("weight") or {}
    most = _quota(edge, "security_group_rules", RULES_PER_GROUP)
    now = max(int(weight.get("now") or 0), present)
    total = now + max(int(weight.get("adds") or 0), new)
    if total > most:
        raise Refused(
            f"the rules of {fix['group_id']} would weigh {total}, and AWS takes {most}: take rules out of it, or have "
            "the quota raised and say so as security_group_rules in edge_profile"
        )


def _group(way: str, fix: Fix) -> Ref:
    return cloud(f"security_group_{way}", need(fix, "group_id"))


def _authorize(way: str) -> tuple[Callable[[Edge, Fix], Sequence[Ref]], Callable[[Edge, Fix, States], States]]:
    def refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
        _new_rules(fix)
        return [_group(way, fix)]

    def desired(edge: Edge, fix: Fix, states: States) -> States:
        ref = _group(way, fix)
        return {ref.key: _with_rules(edge, fix, there(states[ref.key], ref))}

    return refs, desired


def _replace_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    groups = [_group("egress", need(fix, "first")), *(_group("egress", item) for item in need(fix, "revoke"))]
    return list(dict.fromkeys(groups))


def _replace(edge: Edge, fix: Fix, states: States) -> States:
    """The storage's rule comes, and the rules to everywhere go."""
    wanted = dict(states)
    first = _group("egress", fix["first"])
    wanted[first.key] = _with_rules(edge, fix["first"], there(states[first.key], first))
    for item in fix["revoke"]:
        key = _group("egress", item).key
        wanted[key] = [each for each in wanted[key] if not _over_wide(each)]
    return wanted


def _over_wide(item: Mapping[str, Any]) -> bool:
    return item["protocol"] == "-1" and item["source"] in EVERYWHERE


# Network ACLs.


def _entry(item: Fix) -> dict[str, Any]:
    return {
        "number": item["rule_number"],
        "egress": item["egress"],
        "protocol": item["protocol"],
        "from": item["from_port"],
        "to": item["to_port"],
        "icmp": None,
        "action": item["rule_action"],
        "cidr": item["cidr"],
    }


def _acl_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    return [
        cloud("network_acl", name) for name in dict.fromkeys(item["network_acl_id"] for item in need(fix, "entries"))
    ]


def _acl_narrow(edge: Edge, fix: Fix, states: States) -> States:
    for item in fix["entries"]:
        if item["cidr"] in EVERYWHERE:
            raise Refused(f"an entry for {item['cidr']} is made only by open_network_acl_entries; audit again")
    return _acl_wanted(edge, fix, states)


def _acl_wanted(edge: Edge, fix: Fix, states: States) -> States:
    most = _quota(edge, "network_acl_entries", RULES_PER_ACL)
    wanted: dict[str, State] = {}
    for ref in _acl_refs(edge, fix):
        held = {entry_key(item): item for item in there(states[ref.key], ref)}
        for entry in (_entry(item) for item in fix["entries"] if item["network_acl_id"] == ref.name):
            if any(_does(item, entry) for item in held.values()):
                continue
            if entry_key(entry) in held:
                raise Refused(f"number {entry['number']} of {ref.name} was given away since the audit; audit again")
            held[entry_key(entry)] = entry
        _check_room(ref.name, held.values(), len(states[ref.key]), most)
        wanted[ref.key] = ordered(held.values())
    return wanted


def _does(item: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether an entry says the same, and says it at least as early."""
    same = {**item, "number": 0} == {**entry, "number": 0}
    return same and bool(item["number"] <= entry["number"])


def _check_room(name: str, entries: Any, present: int, most: int) -> None:
    for egress, way in ((True, "out"), (False, "in")):
        count = sum(item["egress"] is egress for item in entries)
        if count > most and len(entries) > present:
            raise Refused(
                f"{name} would have {count} entries {way}, and AWS takes {most}: take entries out of it, or have the "
                "quota raised and say so as network_acl_entries in edge_profile"
            )


# Gateway endpoints.


def _associate_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    need(fix, "route_table_id")
    return [cloud("endpoint_route_tables", need(fix, "vpc_endpoint_id"))]


def _associate(edge: Edge, fix: Fix, states: States) -> States:
    (ref,) = _associate_refs(edge, fix)
    return {ref.key: sorted({*there(states[ref.key], ref), str(fix["route_table_id"])})}


def _create_refs(_edge: Edge, fix: Fix) -> Sequence[Ref]:
    need(fix, "route_table_ids")
    return [cloud("gateway_endpoint", f"{need(fix, 'vpc_id')}/{need(fix, 'service_name')}")]


def _create(edge: Edge, fix: Fix, states: States) -> States:
    """An endpoint where there is none; where one has come since the audit, the edge's route tables in it."""
    (ref,) = _create_refs(edge, fix)
    held = [list(tables) for tables in states[ref.key] or ()]
    known = {table for tables in held for table in tables}
    missing = sorted({str(table) for table in fix["route_table_ids"]} - known)
    if not missing:
        return {ref.key: states[ref.key]}
    if len(held) > 1:
        raise Refused(f"there are {len(held)} gateway endpoints of {ref.name} by now; audit again")
    return {ref.key: [sorted([*(held[0] if held else []), *missing])]}


ACTIONS: tuple[Action, ...] = (
    Action("authorize_security_group_egress", *_authorize("egress")),
    Action("authorize_security_group_ingress", *_authorize("ingress")),
    Action(
        "replace_security_group_egress",
        _replace_refs,
        _replace,
        disruptive="connections to whatever no other rule admits lose their way out",
        consent="all that the edge talks to besides its storage is cut off, unless other rules admit it",
    ),
    Action("create_network_acl_entries", _acl_refs, _acl_narrow),
    Action(
        "open_network_acl_entries",
        _acl_refs,
        _acl_wanted,
        consent="the ACL has no room for the storage's ranges, and so the entries would be for every address",
    ),
    Action("associate_gateway_endpoint", _associate_refs, _associate, disruptive=_CUT),
    Action("create_gateway_endpoint", _create_refs, _create, disruptive=_CUT),
    # On the node: allow_host_firewall.
)
