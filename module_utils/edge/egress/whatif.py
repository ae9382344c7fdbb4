# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change would do: the facts with the change in them, and the same analysis asked again. Pure.

Every action of fixes.py is understood here, so that converge can prove a change before it makes it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ..finding import unread
from . import prefixes
from .analyse import Analysis, analyse
from .model import storage_of
from .parse import world as parse_world
from .subject import Subject

Facts = dict[str, Any]


def apply(facts: Mapping[str, Any], fix: Mapping[str, Any]) -> Facts:
    """The facts as they would be after a fix; ValueError for an action that is not known or does not fit the facts."""
    changed: Facts = copy.deepcopy(dict(facts))
    handler = _ACTIONS.get(str(fix.get("action")))
    if handler is None:
        raise ValueError(f"the effect of {fix.get('action')!r} is not known")
    handler(changed, fix)
    return changed


def analysed(subject: Subject, fix: Mapping[str, Any], destinations: prefixes.Ranges) -> Analysis:
    """The hop analysis of some destinations, were the fix made."""
    return analyse(parse_world(apply(subject.facts, fix)), destinations, subject.edge.storage_port)


def _group(facts: Facts, group_id: str) -> Facts:
    held = facts["network"]["groups"]
    group = None if unread(held) is not None else held.get(group_id)
    if group is None or unread(group) is not None:
        raise ValueError(f"{group_id} is not among the facts")
    return dict(group) if not isinstance(group, dict) else group


def _rules(fix: Mapping[str, Any], egress: bool) -> list[Facts]:
    sources = [
        *(("prefix_list", item) for item in fix.get("prefix_list_ids") or ()),
        *(("cidr", item) for item in fix.get("cidrs") or ()),
        *(("group", item) for item in [fix.get("source_group_id")] if item),
    ]
    return [
        {
            "id": f"proposed-{number}",
            "egress": egress,
            "protocol": fix["protocol"],
            "from": fix["from_port"],
            "to": fix["to_port"],
            "kind": kind,
            "source": source,
            "owner": None,
        }
        for number, (kind, source) in enumerate(sources, start=1)
    ]


def _authorize_egress(facts: Facts, fix: Mapping[str, Any]) -> None:
    _group(facts, fix["group_id"])["rules"] += _rules(fix, egress=True)


def _authorize_ingress(facts: Facts, fix: Mapping[str, Any]) -> None:
    _group(facts, fix["group_id"])["rules"] += _rules(fix, egress=False)


def _replace_egress(facts: Facts, fix: Mapping[str, Any]) -> None:
    _authorize_egress(facts, fix["first"])
    for item in fix["revoke"]:
        group = _group(facts, item["group_id"])
        group["rules"] = [rule for rule in group["rules"] if rule["id"] != item["rule_id"]]


def _acl_entries(facts: Facts, fix: Mapping[str, Any]) -> None:
    for entry in fix["entries"]:
        held = [item for item in facts["network"]["acls"] if item["id"] == entry["network_acl_id"]]
        if not held:
            raise ValueError(f"{entry['network_acl_id']} is not among the facts")
        held[0]["entries"].append(
            {
                "number": entry["rule_number"],
                "egress": entry["egress"],
                "protocol": entry["protocol"],
                "from": entry["from_port"],
                "to": entry["to_port"],
                "action": entry["rule_action"],
                "cidr": entry["cidr"],
            }
        )


def _add_route(facts: Facts, table_id: str, endpoint_id: str) -> None:
    lists = [item["id"] for item in storage_of(facts).get("lists") or ()]
    for table in facts["network"]["route_tables"]:
        if table["id"] == table_id:
            table["routes"] += [
                {
                    "destination": item,
                    "kind": "vpc_endpoint",
                    "target": endpoint_id,
                    "state": "active",
                    "propagated": False,
                }
                for item in lists
            ]
            return
    raise ValueError(f"{table_id} is not among the facts")


def _associate(facts: Facts, fix: Mapping[str, Any]) -> None:
    endpoint = facts["network"]["endpoints"][fix["vpc_endpoint_id"]]
    endpoint["route_tables"] = [*endpoint["route_tables"], fix["route_table_id"]]
    _add_route(facts, fix["route_table_id"], endpoint["id"])


def _create_endpoint(facts: Facts, fix: Mapping[str, Any]) -> None:
    new = {
        "id": "vpce-proposed",
        "type": "Gateway",
        "vpc": fix["vpc_id"],
        "service": fix["service_name"],
        "state": "available",
        "owner": facts.get("account"),
        "route_tables": list(fix["route_table_ids"]),
        "subnets": [],
        "groups": [],
        "interfaces": [],
        "private_dns": False,
        "policy": None,
    }
    facts["network"]["endpoints"] = {**facts["network"]["endpoints"], "vpce-proposed": new}
    for table in fix["route_table_ids"]:
        _add_route(facts, table, "vpce-proposed")


def _host_firewall(facts: Facts, fix: Mapping[str, Any]) -> None:
    """A rule before all others of the chain that decided."""
    rules = facts["host"].setdefault("proposed", [])
    rules.append({key: fix[key] for key in ("family", "table", "chain", "destinations", "port", "hook")})


_ACTIONS: dict[str, Callable[[Facts, Mapping[str, Any]], None]] = {
    "authorize_security_group_egress": _authorize_egress,
    "authorize_security_group_ingress": _authorize_ingress,
    "replace_security_group_egress": _replace_egress,
    "create_network_acl_entries": _acl_entries,
    "open_network_acl_entries": _acl_entries,
    "associate_gateway_endpoint": _associate,
    "create_gateway_endpoint": _create_endpoint,
    "allow_host_firewall": _host_firewall,
}
