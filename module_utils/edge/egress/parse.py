# SPDX-License-Identifier: GPL-3.0-or-later
"""From the facts of an edge to its World: intervals, rules in order, and an Unread wherever something was not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..finding import Unread, unread
from . import prefixes
from .model import (
    Acl,
    AclEntry,
    GroupRule,
    Read,
    Route,
    RouteTable,
    World,
    not_read,
    port_range,
    protocol_number,
)
from .settle import settled


def world(facts: Mapping[str, Any]) -> World:
    """The World of one edge's facts."""
    facts = settled(facts)
    gone = unread(facts.get("network"))
    if gone is not None:
        facts = {**facts, "network": {}, "interface": gone}
    network: Mapping[str, Any] = facts.get("network") or {}
    interface = facts.get("interface")
    applicable = bool(facts.get("in_aws", True))
    if not applicable or unread(interface) is not None or interface is None:
        return World(raw=facts, applicable=applicable)
    lists = Lists(network.get("prefix_lists"))
    return World(
        raw=facts,
        egress=group_rules(network, interface.get("groups") or (), egress=True, lists=lists),
        acls=_acls(network.get("acls")),
        tables=_tables(network.get("route_tables"), lists),
        applicable=applicable,
    )


def group_rules(
    network: Mapping[str, Any],
    groups: Iterable[str],
    *,
    egress: bool,
    peer: Mapping[str, Any] | None = None,
    lists: Lists | None = None,
) -> Read[tuple[GroupRule, ...]]:
    """The rules of one direction of several groups, or Unread where a group could not be read.

    peer: the interface at the other end; a rule that names one of its groups admits its addresses, also where the
    group's other members could not be read.
    """
    held = network.get("groups")
    gone = unread(held)
    if gone is not None:
        return gone
    lists = lists or Lists(network.get("prefix_lists"))
    rules: list[GroupRule] = []
    missing: Unread | None = None
    for group in groups:
        read = (held or {}).get(group)
        if read is None or unread(read) is not None:
            missing = (
                missing or unread(read) or not_read(group, f"the security group {group} is not visible to the audit")
            )
            # Its rules may admit anything: as a rule, so that what another group admits stays admitted.
            rules.append(GroupRule(f"{group} (not read)", group, None, (0, 65535), "group", group, missing))
            continue
        rules += [
            _group_rule(network, read, item, peer, lists)
            for item in read["rules"]
            if bool(item.get("egress")) == egress
        ]
    return tuple(rules)


def _group_rule(
    network: Mapping[str, Any],
    group: Mapping[str, Any],
    item: Mapping[str, Any],
    peer: Mapping[str, Any] | None,
    lists: Lists,
) -> GroupRule:
    kind, source = str(item["kind"]), str(item["source"])
    protocol = protocol_number(str(item["protocol"]))
    ports = port_range(protocol, item.get("from"), item.get("to"))
    matches: Read[prefixes.Ranges]
    if kind == "cidr":
        matches = [prefixes.parse(source)]
    elif kind == "prefix_list":
        matches = lists.ranges(source)
    elif peer is not None and source in (peer.get("groups") or ()):
        matches = prefixes.ranges([*peer.get("addresses", ()), *peer.get("ipv6", ())])
    elif item.get("owner") not in (None, group.get("owner")):
        matches = not_read(
            source, f"the security group {source} belongs to account {item['owner']}: its members are not visible"
        )
    else:
        matches = _members(network.get("group_members"), source)
    return GroupRule(str(item["id"]), str(group["id"]), protocol, ports, kind, source, matches)


class Lists:
    """Prefix lists, each parsed once however many rules and routes name it."""

    def __init__(self, held: Any) -> None:
        self._held = held
        self._parsed: dict[str, Read[tuple[prefixes.Interval, ...]]] = {}
        self._united: dict[str, Read[prefixes.Ranges]] = {}

    def entries(self, list_id: str) -> Read[tuple[prefixes.Interval, ...]]:
        """The entries of a prefix list, or Unread: not visible here, denied, or half read."""
        if list_id not in self._parsed:
            self._parsed[list_id] = _entries(self._held, list_id)
        return self._parsed[list_id]

    def ranges(self, list_id: str) -> Read[prefixes.Ranges]:
        """The addresses of a prefix list."""
        if list_id not in self._united:
            entries = self.entries(list_id)
            self._united[list_id] = entries if isinstance(entries, Unread) else prefixes.union(entries)
        return self._united[list_id]


def _entries(lists: Any, list_id: str) -> Read[tuple[prefixes.Interval, ...]]:
    gone = unread(lists)
    if gone is not None:
        return gone
    listed = (lists or {}).get(list_id)
    if listed is None:
        return not_read(
            list_id, f"the prefix list {list_id} is not visible to the audit (deleted, or another account's)"
        )
    gone = unread(listed) or unread(listed.get("entries"))
    if gone is not None:
        return gone
    return tuple(prefixes.parse(entry) for entry in listed["entries"])


def _members(members: Any, group: str) -> Read[prefixes.Ranges]:
    gone = unread(members)
    if gone is not None:
        return gone
    addresses = (members or {}).get(group)
    if addresses is None:
        return not_read(group, f"the members of the security group {group} were not read")
    gone = unread(addresses)
    return gone if gone is not None else prefixes.ranges(addresses)


def _acls(held: Any) -> Read[Mapping[str, Acl]]:
    gone = unread(held)
    if gone is not None:
        return gone
    table: dict[str, Acl] = {}
    for item in held or ():
        entries = sorted((_acl_entry(entry) for entry in item["entries"]), key=lambda entry: entry.number)
        acl = Acl(
            item["id"],
            tuple(entry for entry in entries if entry.egress),
            tuple(entry for entry in entries if not entry.egress),
        )
        table.update(dict.fromkeys(item["subnets"], acl))
    return table


def _acl_entry(item: Mapping[str, Any]) -> AclEntry:
    protocol = protocol_number(str(item["protocol"]))
    return AclEntry(
        number=int(item["number"]),
        egress=bool(item["egress"]),
        protocol=protocol,
        ports=port_range(protocol, item.get("from"), item.get("to")),
        allow=item["action"] == "allow",
        matches=prefixes.parse(item["cidr"]),
        cidr=item["cidr"],
    )


def _tables(held: Any, lists: Lists) -> Read[tuple[RouteTable, ...]]:
    gone = unread(held)
    if gone is not None:
        return gone
    return tuple(
        RouteTable(
            item["id"],
            bool(item.get("main")),
            tuple(item.get("subnets") or ()),
            tuple(item.get("gateways") or ()),
            tuple(_route(route, lists) for route in item["routes"]),
        )
        for item in held or ()
    )


def _route(item: Mapping[str, Any], lists: Lists) -> Route:
    destination = str(item["destination"])
    is_list = destination.startswith("pl-")
    matches: Read[tuple[prefixes.Interval, ...]]
    matches = lists.entries(destination) if is_list else (prefixes.parse(destination),)
    rank = 2 if item.get("propagated") else 1 if is_list else 0
    return Route(destination, item["kind"], item["target"], item.get("state", "active"), rank, matches)


def vpc_ranges(network: Mapping[str, Any]) -> Read[prefixes.Ranges]:
    """The address ranges of the VPC."""
    vpc = network.get("vpc")
    gone = unread(vpc)
    if gone is not None:
        return gone
    return prefixes.ranges((vpc or {}).get("cidrs") or ())


def subnet_range(network: Mapping[str, Any], subnet: str) -> Read[prefixes.Ranges]:
    """The address ranges of one subnet; empty where it was not asked for."""
    held = network.get("subnets")
    gone = unread(held)
    if gone is not None:
        return gone
    read: Any = (held or {}).get(subnet)
    gone = unread(read)
    if gone is not None:
        return gone
    return prefixes.ranges((read or {}).get("cidrs") or ())


def texts(values: Sequence[str] | None) -> list[str]:
    """The addresses that parse: a scope (fe80::1%eth0) is dropped, anything else stays as it is."""
    return [value.partition("%")[0] for value in values or ()]
