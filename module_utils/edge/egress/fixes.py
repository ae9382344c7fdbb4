# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest change that cures a finding, as data: what converge applies, and what whatif.apply tries beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..finding import Unread, unread
from . import acl, groups, prefixes, routes
from .answers import Answer, at, where
from .model import GroupRule, Read, World, storage_of
from .subject import Subject, Tally
from .whatif import analysed

Fix = dict[str, Any]
# Ranges named in a rule one by one, at most; beyond, nobody maintains them.
MOST_RANGES = 20
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def propose(subject: Subject, hop: str, tally: Tally) -> Fix | None:
    """The fix for the addresses that a hop does not let through; None where no change of ours would do."""
    everyone = tally.having("deny", "partial")
    failing = {address: answer for address, answer in everyone.items() if not subject.astray(address)}
    if not failing:
        return None
    missing = prefixes.ranges(failing)
    if hop == "security_group":
        return allow_storage(subject, missing)
    if hop == "network_acl":
        return _acl_entries(subject, missing)
    if hop == "route":
        return gateway_endpoint(subject)
    if hop == "gateway":
        return _gateway(subject, next(iter(failing.values())))
    first = next(iter(failing.values()))
    return _host(subject, first, list(failing))


def allow_storage(subject: Subject, missing: prefixes.Ranges) -> Fix | None:
    """An egress rule for what is not admitted: the managed prefix list where it holds it all, else ranges."""
    port = subject.edge.storage_port
    listed = _covering_list(subject, missing)
    version = prefixes.family(missing[0][0]) if missing else 4
    adds: Read[int]
    if listed is not None:
        adds = groups.list_weight(listed["id"], version, subject.world.network.get("prefix_lists"))
        target: Fix = {"prefix_list_ids": [listed["id"]]}
        what = f"{listed['id']} ({listed['name']})"
    else:
        texts = _storage_or_missing(subject, missing)
        adds = len(texts)
        target = {"cidrs": texts}
        what = ", ".join(texts[:4]) + (f" and {len(texts) - 4} more" if len(texts) > 4 else "")
    cost = adds if isinstance(adds, int) else 1
    group, now = _roomiest(subject.world, version)
    if group is None:
        return None
    fix: Fix = {
        "action": "authorize_security_group_egress",
        "summary": f"let tcp {port} out to {what} in {group}",
        "group_id": group,
        "protocol": "tcp",
        "from_port": port,
        "to_port": port,
        **target,
        "weight": {"now": now, "adds": cost, "limit": groups.RULES_PER_GROUP},
    }
    if now is not None and now + cost > groups.RULES_PER_GROUP:
        fix["summary"] += f"; first make room: its rules weigh {now} of {groups.RULES_PER_GROUP}"
    return fix


def _covering_list(subject: Subject, missing: prefixes.Ranges) -> Mapping[str, Any] | None:
    lists = subject.world.network.get("prefix_lists")
    if unread(lists) is not None:
        return None
    for named in storage_of(subject.facts).get("lists") or ():
        held = (lists or {}).get(named["id"]) or {}
        entries = held.get("entries")
        if unread(entries) is None and not prefixes.subtract(missing, prefixes.ranges(entries or ())):
            return dict(named)
    return None


def _storage_or_missing(subject: Subject, missing: prefixes.Ranges) -> list[str]:
    """The provider's ranges that hold what is missing, where they are known; else the missing addresses themselves."""
    if isinstance(subject.storage, Unread):
        return prefixes.prefixes(missing)
    holding = [text for text in subject.storage if prefixes.intersect([prefixes.parse(text)], missing)]
    known = prefixes.ranges(holding)
    return [*holding, *prefixes.prefixes(prefixes.subtract(missing, known))]


def weights(world: World, version: int) -> dict[str, Read[int]]:
    """What each group's egress rules cost of its quota, in one family."""
    rules = world.egress
    if isinstance(rules, Unread) or not isinstance(world.interface, Mapping):
        return {}
    lists = world.network.get("prefix_lists")
    return {group: groups.weight(rules, group, version, lists) for group in world.interface.get("groups") or ()}


def _roomiest(world: World, version: int) -> tuple[str | None, int | None]:
    known = {group: held for group, held in weights(world, version).items() if isinstance(held, int)}
    readable = groups.of(world.network, known)
    if not readable:
        return None, None
    group = min(readable, key=lambda name: known[name])
    return group, known[group]


def narrow(subject: Subject, wide: Sequence[GroupRule]) -> Fix | None:
    """Replace over-wide rules by what the storage needs; add before remove, so that no transfer is cut."""
    if isinstance(subject.storage, Unread) or not subject.storage:
        return None
    first = allow_storage(subject, prefixes.of_family(prefixes.ranges(subject.storage), 4))
    if first is None:
        return None
    return {
        "action": "replace_security_group_egress",
        "summary": f"{first['summary']}, add what else the edge needs, then remove the rules to everywhere",
        "first": first,
        "revoke": [{"group_id": rule.group, "rule_id": rule.id} for rule in wide],
    }


def gateway_endpoints(subject: Subject) -> Read[list[Mapping[str, Any]]]:
    """The VPC's available gateway endpoints of S3 in the storage's region."""
    held = subject.world.network.get("endpoints")
    gone = unread(held)
    if gone is not None:
        return gone
    region = storage_of(subject.facts).get("region")
    return [
        item
        for item in (held or {}).values()
        if item.get("type") == "Gateway" and item.get("service") == f"com.amazonaws.{region}.s3"
    ]


def associate(endpoint: str, table: str) -> Fix:
    return {
        "action": "associate_gateway_endpoint",
        "summary": f"associate {endpoint} with {table}, while no transfer is live (it disconnects open ones)",
        "vpc_endpoint_id": endpoint,
        "route_table_id": table,
    }


def gateway_endpoint(subject: Subject) -> Fix | None:
    """A gateway endpoint of S3 on the edge's route table: an existing one associated, or a new one."""
    storage = storage_of(subject.facts)
    table = routes.table_of(subject.world.tables, subject.world.interface["subnet"])
    endpoints = gateway_endpoints(subject)
    if storage.get("kind") != "aws" or isinstance(table, Unread) or isinstance(endpoints, Unread):
        return None
    if storage.get("region") != subject.facts.get("region"):
        return None
    if any(route.target == item["id"] for item in endpoints for route in table.routes):
        return None  # it is there already: what does not take it is no address of the storage, or has another route
    if endpoints:
        return associate(endpoints[0]["id"], table.id)
    service = f"com.amazonaws.{storage['region']}.s3"
    return {
        "action": "create_gateway_endpoint",
        "summary": f"create a gateway endpoint of {service} for {table.id}, while no transfer is live",
        "vpc_id": subject.world.interface["vpc"],
        "service_name": service,
        "route_table_ids": [table.id],
    }


def _gateway(subject: Subject, answer: Answer) -> Fix | None:
    if answer.code != groups.MISMATCH:
        return gateway_endpoint(subject)
    detail = answer.detail or {}
    own = (subject.world.interface.get("groups") or [None])[0]
    port = subject.edge.storage_port
    return {
        "action": "authorize_security_group_ingress",
        "summary": f"let tcp {port} into {detail.get('group_id')} of {answer.resource} from {own}",
        "group_id": detail.get("group_id"),
        "protocol": "tcp",
        "from_port": port,
        "to_port": port,
        "source_group_id": own,
    }


def _acl_entries(subject: Subject, missing: prefixes.Ranges) -> Fix | None:
    """The entries that let the missing destinations out and their answers in, found one by one by trying."""
    entries: list[Fix] = []
    fix: Fix = {"action": "create_network_acl_entries", "summary": "", "entries": entries}
    for _ in range(8):
        judged = analysed(subject, fix, missing).hops["network_acl"]
        left = where(judged, "deny", "partial")
        if not left:
            break
        answer = at(judged, left[0][0])
        added = _entries(subject, answer.detail, left, entries) if answer is not None and answer.detail else []
        if not added:
            return None
        entries += added
    else:
        return None
    ids = sorted({item["network_acl_id"] for item in entries})
    rules = ", ".join(f"{item['rule_number']} {'out' if item['egress'] else 'in'}" for item in entries[:6])
    fix["summary"] = f"add the entries {rules} to {', '.join(ids)}"
    if any(item["cidr"] in _EVERYWHERE for item in entries):
        # Another name, since no program may do this unasked.
        return {**fix, "action": "open_network_acl_entries", "summary": f"{fix['summary']}, for every address"}
    return fix


def _entries(subject: Subject, detail: Mapping[str, Any], left: prefixes.Ranges, planned: Sequence[Fix]) -> list[Fix]:
    """Entries for one stage: the ranges where there is room for them, else the whole family."""
    held = subject.world.acls
    acls = {} if isinstance(held, Unread) else {item.id: item for item in held.values()}
    own = acls.get(detail["network_acl_id"])
    if own is None:
        return []
    present = own.outbound if detail["egress"] else own.inbound
    mine = [
        item["rule_number"]
        for item in planned
        if item["network_acl_id"] == own.id and item["egress"] == detail["egress"]
    ]
    texts = [detail["cidr"]] if detail["cidr"] else _storage_or_missing(subject, left)
    room = acl.RULES_PER_ACL - len(present) - len(mine)
    if len(texts) > room:
        texts = [_EVERYWHERE[prefixes.family(left[0][0]) == 6]]
    numbers = _free({item.number for item in present} | set(mine), detail["before"], len(texts))
    return [
        {
            "network_acl_id": own.id,
            "egress": detail["egress"],
            "rule_number": number,
            "protocol": "6",
            "from_port": detail["from"],
            "to_port": detail["to"],
            "rule_action": "allow",
            "cidr": text,
        }
        for number, text in zip(numbers, texts)
    ]


def _free(taken: Iterable[int], before: int, count: int) -> list[int]:
    """Free numbers below the entry that denies; fewer than asked where there are none left."""
    used = set(taken)
    top = min(before, max([number for number in used if number < before], default=90) + 10 + count)
    found = [number for number in range(top - 1, 0, -1) if number not in used][:count]
    return sorted(found)


def _host(subject: Subject, answer: Answer, addresses: Sequence[str]) -> Fix | None:
    if answer.detail is None:
        return None
    texts = _storage_or_missing(subject, prefixes.ranges(addresses))
    chain = " ".join(str(answer.detail[key]) for key in ("family", "table", "chain"))
    return {
        "action": "allow_host_firewall",
        "summary": f"accept tcp {subject.edge.storage_port} to {', '.join(texts[:4])} in {chain}",
        "destinations": texts[:MOST_RANGES],
        "port": subject.edge.storage_port,
        **answer.detail,
    }
