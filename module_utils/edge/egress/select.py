# SPDX-License-Identifier: GPL-3.0-or-later
"""From the sweep of an account to the part that one edge needs, and what must be read next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..finding import Unread, unread
from . import host, normalise
from .model import not_read

_ENTRIES = "ec2:GetManagedPrefixListEntries"


def own_addresses(section: Any) -> list[str]:
    """The edge's own private IPv4 addresses, as read on the edge; [] where nothing was read."""
    return [address for address in host.addresses(section) if ":" not in address and not address.startswith("127.")]


def carrying(edge: str, candidates: Sequence[dict[str, Any]], section: Any) -> Any:
    """Which of an instance's interfaces carries the traffic: the one whose address the edge's routing table prefers."""
    if len(candidates) <= 1:
        return candidates[0] if candidates else None
    preferred = host.source_addresses(section).values()
    for item in candidates:
        if set(preferred) & {*item["addresses"], *item["ipv6"]}:
            return item
    names = ", ".join(item["id"] for item in candidates)
    message = (
        f"edge {edge}: the instance has {len(candidates)} interfaces ({names}) and the edge's routing table, which "
        "tells the one that carries the traffic, was not read; set edge_interface_id"
    )
    return Unread("not_collected", "read", "ip route", message)


def by_address(edge: str, candidates: Sequence[dict[str, Any]], section: Any) -> Any:
    """The interface found by the edge's own addresses; Unread where several VPCs know one of them."""
    vpcs = {item["vpc"] for item in candidates}
    if len(vpcs) > 1:
        message = f"edge {edge}: its addresses exist in several VPCs ({', '.join(sorted(vpcs))}); set edge_interface_id"
        return Unread("not_collected", "ec2:DescribeNetworkInterfaces", edge, message)
    if not candidates and not own_addresses(section):
        message = f"edge {edge}: nothing tells its interface; set edge_instance_id or edge_interface_id"
        return unread(section) or Unread("not_collected", "read", edge, message)
    return carrying(edge, list(candidates), section)


def route_interfaces(tables: Any) -> set[str]:
    """The interfaces that routes point to."""
    return {target for target in _named_targets(tables) if target.startswith("eni-")}


def dhcp_ids(vpcs: Any) -> set[str]:
    if unread(vpcs) is not None:
        return set()
    held = {vpc.get("dhcp_options_id") for vpc in (vpcs or {}).values()}
    return {item for item in held if item and item != "default"}


def groups(described: Sequence[tuple[list[str], Any]], rules: Sequence[tuple[list[str], Any]]) -> dict[str, Any]:
    """Security groups with their rules by id. A group that is not described is not there, whatever rules came back."""
    table: dict[str, Any] = {}
    for values, answer in described:
        gone = unread(answer)
        if gone is not None:
            table.update(dict.fromkeys(values, gone))
            continue
        for item in answer:
            table[item["GroupId"]] = {
                "id": item["GroupId"],
                "name": item.get("GroupName"),
                "owner": item.get("OwnerId"),
                "vpc": item.get("VpcId"),
                "rules": [],
            }
    for values, answer in rules:
        gone = unread(answer)
        if gone is not None:
            table.update({value: gone for value in values if value in table and unread(table[value]) is None})
            continue
        for item in answer:
            held = table.get(item["GroupId"])
            if held is not None and unread(held) is None:
                held["rules"].append(normalise.group_rule(item))
    return table


def types(batches: Sequence[tuple[list[str], Any]]) -> dict[str, Any]:
    """Instance types by name; those whose read failed as Unread."""
    table: dict[str, Any] = {}
    for values, answer in batches:
        gone = unread(answer)
        if gone is not None:
            table.update(dict.fromkeys(values, gone))
        else:
            table.update({item["InstanceType"]: normalise.instance_type(item) for item in answer})
    return table


def referenced_groups(held: Mapping[str, Any]) -> set[str]:
    return _sources(held, "group")


def referenced_lists(network: Mapping[str, Any]) -> set[str]:
    """The prefix lists that rules and routes name."""
    lists = _sources(network["groups"], "prefix_list")
    return lists | {name for name in _destinations(network.get("route_tables")) if name.startswith("pl-")}


def _sources(held: Mapping[str, Any], kind: str) -> set[str]:
    return {
        rule["source"]
        for group in held.values()
        if unread(group) is None
        for rule in group["rules"]
        if rule["kind"] == kind
    }


def members(batches: Sequence[tuple[list[str], Any]]) -> dict[str, Any]:
    """The private addresses of each group's interfaces, by group."""
    table: dict[str, Any] = {}
    for values, answer in batches:
        gone = unread(answer)
        if gone is not None:
            table.update(dict.fromkeys(values, gone))
            continue
        for value in values:
            table[value] = []
        for item in map(normalise.interface, answer):
            for group in set(item["groups"]) & set(values):
                table[group] += [*item["addresses"], *item["ipv6"]]
    return table


def storage_lists(lists: Any, region: str) -> list[dict[str, Any]]:
    """The AWS-managed lists of S3 in a region (Amazon VPC User Guide, "AWS-managed prefix lists")."""
    if unread(lists) is not None:
        return []
    names = (f"com.amazonaws.{region}.s3", f"com.amazonaws.{region}.ipv6.s3")
    return [item for item in (lists or {}).values() if item.get("name") in names and item.get("owner") == "AWS"]


def set_entries(lists: dict[str, Any], list_id: str, answer: Any) -> None:
    held = lists.get(list_id)
    if held is None:
        return
    gone = unread(answer)
    held["entries"] = gone if gone is not None else [item["Cidr"] for item in answer]


def storage_prefixes(lists: Any, region: str) -> dict[str, Any]:
    """The storage's own prefixes: ``{"prefixes": [...] | Unread, "lists": [...], "source"}``."""
    gone = unread(lists)
    if gone is not None:
        return {"prefixes": gone, "lists": [], "source": "ec2:DescribeManagedPrefixLists"}
    held = storage_lists(lists, region)
    if not held:
        message = f"the AWS-managed prefix list com.amazonaws.{region}.s3 is not visible from here"
        return {"prefixes": not_read(f"com.amazonaws.{region}.s3", message), "lists": [], "source": _ENTRIES}
    named = [{"id": item["id"], "name": item["name"], "family": item["family"]} for item in held]
    entries: list[str] = []
    for item in held:
        part = item.get("entries", not_read(item["id"], f"the entries of {item['id']} were not read"))
        gone = unread(part)
        if gone is not None:
            return {"prefixes": gone, "lists": named, "source": _ENTRIES}
        entries += part
    return {"prefixes": entries, "lists": named, "source": _ENTRIES}


def role(instance: Any, profiles: Mapping[str, Any]) -> Any:
    """The ARN of the role in the instance's profile: None where it has no profile, Unread where it cannot be told."""
    gone = unread(instance)
    if gone is not None or not instance or not instance.get("profile_arn"):
        return gone
    answer = profiles.get(instance["profile_arn"])
    gone = unread(answer)
    if gone is not None:
        return gone
    held = ((answer or {}).get("InstanceProfile") or {}).get("Roles") or []
    return held[0]["Arn"] if held else None


def around(network: Mapping[str, Any], interface: Mapping[str, Any], addresses: Iterable[str]) -> dict[str, Any]:
    """The part of the network that one edge's traffic can meet."""
    vpc = interface["vpc"]
    tables = network.get("route_tables")
    targets = {address: network["targets"][address] for address in addresses if address in network["targets"]}
    reached = [item for item in targets.values() if unread(item) is None]
    near = [interface["subnet"], *(item["subnet"] for item in reached)]
    nats = _nats(network, vpc, tables, near)
    subnets = (
        {*near, *(nat["subnet"] for nat in nats.values() if nat.get("subnet"))} if isinstance(nats, dict) else set(near)
    )
    kept = {group for item in [interface, *reached] for group in item.get("groups") or ()}
    held = {group: network["groups"][group] for group in sorted(kept) if group in network["groups"]}
    near_tables = _tables_of(tables, vpc, subnets, nats)
    lists = _sources(held, "prefix_list") | _destinations(near_tables) | _s3_lists(network["prefix_lists"])
    named = _named_targets(near_tables)
    hit = {item["id"] for item in reached}
    options_id = _key(_of(network.get("vpcs"), vpc), "dhcp_options_id")
    return {
        "vpc": _vpc(network, vpc),
        "dhcp_options": options_id if unread(options_id) else _of(network.get("dhcp_options"), str(options_id)),
        "subnets": _kept(network.get("subnets"), lambda item: item["id"] in subnets),
        "groups": held,
        "group_members": _only(network["group_members"], _sources(held, "group")),
        "prefix_lists": _only(network["prefix_lists"], lists),
        "acls": _listed(_kept(network.get("acls"), lambda item: bool(subnets & set(item["subnets"])))),
        "route_tables": _listed(near_tables),
        "nat_gateways": nats,
        "internet_gateways": _kept(network.get("internet_gateways"), lambda item: vpc in item["attachments"]),
        "egress_only_gateways": _kept(network.get("egress_only_gateways"), lambda item: vpc in item["attachments"]),
        "endpoints": _kept(
            network.get("endpoints"),
            lambda item: (
                item["vpc"] == vpc
                and (str(item["service"]).endswith(".s3") or item["id"] in named or bool(hit & set(item["interfaces"])))
            ),
        ),
        "targets": targets,
        "route_interfaces": _only(network["route_interfaces"], named),
    }


def _named_targets(tables: Any) -> set[str]:
    if tables is None or unread(tables) is not None:
        return set()
    return {route["target"] for table in tables.values() for route in table["routes"]}


def _destinations(tables: Any) -> set[str]:
    if tables is None or unread(tables) is not None:
        return set()
    return {route["destination"] for table in tables.values() for route in table["routes"]}


def _s3_lists(lists: Any) -> set[str]:
    if unread(lists) is not None:
        return set()
    return {item["id"] for item in (lists or {}).values() if item.get("owner") == "AWS" and "entries" in item}


def _only(held: Any, names: set[str]) -> Any:
    if unread(held) is not None:
        return held
    return {key: item for key, item in (held or {}).items() if key in names}


def _vpc(network: Mapping[str, Any], vpc: str) -> Any:
    held = _of(network.get("vpcs"), vpc)
    if held is None or unread(held) is not None:
        return held
    return {
        **held,
        "dns_support": (network.get("enableDnsSupport") or {}).get(vpc),
        "dns_hostnames": (network.get("enableDnsHostnames") or {}).get(vpc),
    }


def _nats(network: Mapping[str, Any], vpc: str, tables: Any, near: Sequence[str]) -> Any:
    """The NAT gateways that the near subnets' routes name."""
    if unread(tables) is not None:
        return _kept(network.get("nat_gateways"), lambda item: item["vpc"] == vpc)
    named = _named_targets(_tables_of(tables, vpc, set(near), {}))
    return _kept(network.get("nat_gateways"), lambda item: item["id"] in named)


def _tables_of(tables: Any, vpc: str, subnets: set[str], nats: Any) -> Any:
    regional = {nat.get("route_table") for nat in nats.values()} if isinstance(nats, dict) else set()
    return _kept(
        tables,
        lambda item: (
            item["vpc"] == vpc
            and bool(item["main"] or item["gateways"] or subnets & set(item["subnets"]) or item["id"] in regional)
        ),
    )


def _kept(held: Any, wanted: Any) -> Any:
    if unread(held) is not None:
        return held
    return {key: item for key, item in (held or {}).items() if unread(item) is not None or wanted(item)}


def _listed(held: Any) -> Any:
    return held if unread(held) is not None else list(held.values())


def _of(held: Any, key: str) -> Any:
    return held if unread(held) is not None else (held or {}).get(key)


def _key(held: Any, key: str) -> Any:
    return held if held is None or unread(held) is not None else held.get(key)
