# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of each edge's way out: its interface and the network around it, swept once per account and region.

The facts of an edge: {"in_aws", "account", "region", "interface", "instance", "network": {...}, "storage": {...},
"host": {...}} and, for the domains downstream, what `export` makes of them.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..aws import Account, account_of, by_account, require_boto3
from ..finding import Unread, unread
from ..run import Run
from ..targets import Edge
from . import export, node, normalise, select, sweep
from .model import NOT_UNDERSTOOD

_S3_HOST = re.compile(r"(?:^|\.)s3[.-](?:dualstack\.|fips\.)*([a-z]{2}(?:-[a-z]+)+-\d+)\.amazonaws\.com")
_EC2_VENDOR = "Amazon EC2"


def gather(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
    """The facts of every edge, and the calls that were made. EdgepathError where boto3 is missing."""
    hosts = {edge.name: _host(edge, run) for edge in edges}
    wanted = {edge.name: storage_addresses(run.upstream("dns", edge.name)) for edge in edges}
    facts: dict[str, Any] = {}
    inside = [edge for edge in edges if in_aws(edge, hosts[edge.name])]
    for edge in edges:
        if edge not in inside:
            facts[edge.name] = {"in_aws": False, "storage": _storage_given(edge)}
    calls: Counter[str] = Counter()
    if inside:
        require_boto3()
    for key, group in by_account(inside).items():
        account = account_of(run, key)
        facts.update(_swept(account, group, hosts, wanted))
        calls.update(account.calls)
    for edge in edges:
        held = facts[edge.name]
        if isinstance(held, dict):
            held["host"] = hosts[edge.name]
            held.update(export.exported(held, wanted[edge.name], edge.storage_port))
    return facts, dict(calls)


def _swept(
    account: Account, edges: Sequence[Edge], hosts: Mapping[str, Any], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        return AccountSweep(account, edges, hosts, wanted).run()
    except NOT_UNDERSTOOD as error:
        # An item without what the API guarantees: half an answer, of which nothing may be believed.
        message = f"the answers of EC2 in {account.key.region} are incomplete: {error!r}"
        return {edge.name: Unread("error", "ec2:Describe", edge.name, f"edge {edge.name}: {message}") for edge in edges}


def _host(edge: Edge, run: Run) -> Any:
    return node.gather_node(edge) if run.directory is None else run.edge_facts(edge.name, "host")


def in_aws(edge: Edge, host: Any) -> bool:
    """Whether the AWS hops apply: the edge names its instance or interface, or its region and is no other machine.

    Source of the vendor's name: Amazon EC2 User Guide, "Detect whether a host is an EC2 instance".
    """
    if edge.instance_id or edge.interface_id:
        return True
    vendor = None if unread(host) is not None else (host or {}).get("vendor")
    return edge.region is not None and (not isinstance(vendor, str) or vendor == _EC2_VENDOR)


def storage_addresses(dns: Any) -> Any:
    """The addresses of the storage names as the edge resolved them, or Unread."""
    gone = unread(dns)
    if gone is not None:
        return gone
    held = (dns or {}).get("storage_addresses")
    gone = unread(held)
    return gone if gone is not None else list(held or [])


def _storage_given(edge: Edge) -> dict[str, Any]:
    return {"kind": edge.storage_kind, "prefixes": list(edge.storage_cidrs), "source": "edge_storage_cidrs"}


def storage_region(edge: Edge) -> str:
    """The region whose S3 the edge talks to: the one in the endpoint's name, else the edge's own."""
    match = _S3_HOST.search(edge.storage_host)
    return match.group(1) if match else edge.region or "us-east-1"


class AccountSweep:
    """The sweep of one account and region."""

    def __init__(
        self, account: Account, edges: Sequence[Edge], hosts: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> None:
        self.account = account
        self.edges = edges
        self.hosts = hosts
        self.wanted = wanted
        self.reader = sweep.Reader(account)
        self.interfaces: dict[str, Any] = {}
        self.found: dict[str, list[dict[str, Any]] | Unread] = {}
        self.instances: dict[str, Any] = {}
        self.failed: dict[str, Unread] = {}

    def run(self) -> dict[str, Any]:
        first = self._first_round()
        chosen = {edge.name: self._choose(edge) for edge in self.edges}
        carrying = [item for item in chosen.values() if isinstance(item, dict)]
        around = self._second_round(carrying)
        network = sweep.of_vpcs_tables(around)
        network["targets"] = self._targets(around)
        network["prefix_lists"] = sweep.table(first["prefix_lists"], normalise.prefix_list)
        refers = self._third_round(carrying, network)
        self._fourth_round(network)
        for name, answer in around.items():
            if name.startswith("enableDns"):
                network[name] = {values[0]: _attribute(name, held) for (values, held) in answer}
        return {
            edge.name: self._facts(edge, chosen[edge.name], network, refers, first["identity"]) for edge in self.edges
        }

    def _first_round(self) -> dict[str, Any]:
        ids = [edge.instance_id for edge in self.edges if edge.instance_id and not edge.interface_id]
        interfaces = [edge.interface_id for edge in self.edges if edge.interface_id]
        addresses = [address for edge in self.edges for address in self._own_addresses(edge)]
        batches = self.reader.batches
        answers = self.reader.run(
            {
                "instances": batches("describe_instances", "Reservations", "instance-id", ids),
                "interfaces": batches(
                    "describe_network_interfaces", "NetworkInterfaces", "network-interface-id", interfaces
                ),
                "addresses": batches(
                    "describe_network_interfaces", "NetworkInterfaces", "addresses.private-ip-address", addresses
                ),
                "prefix_lists": [([], self._read("describe_managed_prefix_lists", "PrefixLists"))],
                "identity": [([], self.account.identity)],
            }
        )
        self.instances, self.failed = sweep.instances_of(answers["instances"])
        for name in ("interfaces", "addresses"):
            found, failed = sweep.interfaces_of(answers[name])
            self.interfaces.update(found)
            self.failed.update(failed)
        return {
            "prefix_lists": sweep.whole(answers["prefix_lists"]),
            "identity": answers["identity"][0][1],
        }

    def _read(self, operation: str, key: str) -> Callable[[], Any]:
        return lambda: self.account.read("ec2", operation, key, resource=key)

    def _own_addresses(self, edge: Edge) -> list[str]:
        """The private addresses that identify an edge which names neither instance nor interface."""
        if edge.instance_id or edge.interface_id:
            return []
        return select.own_addresses(self.hosts.get(edge.name))

    def _choose(self, edge: Edge) -> Any:
        """The interface that carries the edge's traffic; None where absent, Unread where it cannot be told."""
        if edge.interface_id:
            return self.failed.get(edge.interface_id) or self.interfaces.get(edge.interface_id)
        if edge.instance_id:
            if edge.instance_id in self.failed:
                return self.failed[edge.instance_id]
            item = self.instances.get(edge.instance_id)
            if item is None:
                return None
            candidates = [normalise.interface(held) for held in item.get("NetworkInterfaces") or []]
            return select.carrying(edge.name, candidates, self.hosts.get(edge.name))
        own = self._own_addresses(edge)
        gone = next((self.failed[address] for address in own if address in self.failed), None)
        candidates = [item for item in self.interfaces.values() if set(own) & set(item["addresses"])]
        return gone or select.by_address(edge.name, candidates, self.hosts.get(edge.name))

    def _second_round(self, carrying: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        vpcs = sorted({item["vpc"] for item in carrying if item.get("vpc")})
        attached = {item["instance"] for item in carrying if item.get("instance")} - set(self.instances)
        reads: dict[str, Any] = sweep.of_vpcs(self.reader, vpcs)
        reads["instances"] = self.reader.batches("describe_instances", "Reservations", "instance-id", attached)
        in_vpc = [{"Name": "vpc-id", "Values": vpcs}]
        for name, filter_name, addresses in self._inner_addresses() if vpcs else ():
            reads[name] = self.reader.batches(
                "describe_network_interfaces", "NetworkInterfaces", filter_name, addresses, in_vpc
            )
        answers = self.reader.run(reads)
        found, failed = sweep.instances_of(answers["instances"])
        self.instances.update(found)
        self.failed.update(failed)
        return answers

    def _inner_addresses(self) -> list[tuple[str, str, list[str]]]:
        """The storage addresses that an interface of the VPC may have (interface endpoints, storage of one's own)."""
        held = {address for name in self.wanted for address in self._wanted(name)}
        version4 = [item for item in held if ":" not in item and ipaddress.ip_address(item).is_private]
        version6 = [item for item in held if ":" in item]
        return [
            ("targets4", "addresses.private-ip-address", version4),
            ("targets6", "ipv6-addresses.ipv6-address", version6),
        ]

    def _wanted(self, edge: str) -> list[str]:
        held = self.wanted.get(edge)
        return list(held) if isinstance(held, list) else []

    def _targets(self, around: Mapping[str, Any]) -> dict[str, Any]:
        """Interfaces by the address that storage resolved to."""
        table: dict[str, Any] = {}
        for name in ("targets4", "targets6"):
            found, failed = sweep.interfaces_of(around.get(name, ()))
            table.update(failed)
            for item in found.values():
                table.update(dict.fromkeys([*item["addresses"], *item["ipv6"]], item))
        return table

    def _third_round(self, carrying: Sequence[Mapping[str, Any]], network: dict[str, Any]) -> dict[str, Any]:
        targets = [item for item in network["targets"].values() if unread(item) is None]
        groups = {group for item in [*carrying, *targets] for group in item.get("groups") or ()}
        held = [normalise.instance(item) for item in self.instances.values()]
        types = {str(item["type"]) for item in held if item["type"]}
        profiles = {str(item["profile_arn"]) for item in held if item["profile_arn"]}
        batches = self.reader.batches
        answers = self.reader.run(
            {
                "groups": batches("describe_security_groups", "SecurityGroups", "group-id", groups),
                "rules": batches("describe_security_group_rules", "SecurityGroupRules", "group-id", groups),
                "route_interfaces": batches(
                    "describe_network_interfaces",
                    "NetworkInterfaces",
                    "network-interface-id",
                    select.route_interfaces(network.get("route_tables")),
                ),
                "dhcp_options": batches(
                    "describe_dhcp_options", "DhcpOptions", "dhcp-options-id", select.dhcp_ids(network.get("vpcs"))
                ),
                "instance_types": batches("describe_instance_types", "InstanceTypes", "instance-type", types),
                "profiles": self._profiles(sorted(profiles)),
            }
        )
        network["groups"] = select.groups(answers["groups"], answers["rules"])
        found, failed = sweep.interfaces_of(answers["route_interfaces"])
        network["route_interfaces"] = {**found, **failed}
        network["dhcp_options"] = sweep.table(sweep.whole(answers["dhcp_options"]), normalise.dhcp_options)
        return {
            "types": select.types(answers["instance_types"]),
            "profiles": self._by_profile(answers["profiles"]),
        }

    def _profiles(self, arns: list[str]) -> list[tuple[list[str], Callable[[], Any]]]:
        """One profile is read by itself, several with the list of all: its calls do not grow with the edges."""
        if len(arns) <= 1:
            return [([arn], self._profile(arn)) for arn in arns]
        return [(arns, lambda: self.account.read("iam", "list_instance_profiles", "InstanceProfiles"))]

    def _by_profile(self, batches: Sequence[tuple[list[str], Any]]) -> dict[str, Any]:
        """The answers by the profile's ARN; where the list may not be read, each profile by itself."""
        table: dict[str, Any] = {}
        for arns, answer in batches:
            if len(arns) == 1:
                table[arns[0]] = answer
            elif unread(answer) is not None:
                table.update({arn: self._profile(arn)() for arn in arns})
            else:
                found = {item["Arn"]: {"InstanceProfile": item} for item in answer}
                table.update({arn: found.get(arn) for arn in arns})
        return table

    def _profile(self, arn: str) -> Callable[[], Any]:
        name = arn.rsplit("/", 1)[-1]
        return lambda: self.account.read("iam", "get_instance_profile", resource=arn, InstanceProfileName=name)

    def _fourth_round(self, network: dict[str, Any]) -> None:
        """What rules and routes refer to: members of groups, entries of prefix lists."""
        groups = select.referenced_groups(network["groups"])
        lists = select.referenced_lists(network)
        regions = {storage_region(edge) for edge in self.edges if edge.storage_kind == "aws"}
        lists |= {item["id"] for region in regions for item in select.storage_lists(network["prefix_lists"], region)}
        answers = self.reader.run(
            {
                "members": self.reader.batches("describe_network_interfaces", "NetworkInterfaces", "group-id", groups),
                "entries": [([item], self._entries(item)) for item in sorted(lists)],
            }
        )
        network["group_members"] = select.members(answers["members"])
        if unread(network["prefix_lists"]) is None:
            for values, answer in answers["entries"]:
                select.set_entries(network["prefix_lists"], values[0], answer)

    def _entries(self, list_id: str) -> Callable[[], Any]:
        return lambda: self.account.read(
            "ec2", "get_managed_prefix_list_entries", "Entries", resource=list_id, PrefixListId=list_id
        )

    def _facts(
        self, edge: Edge, interface: Any, network: Mapping[str, Any], refers: Mapping[str, Any], identity: Any
    ) -> dict[str, Any]:
        account = identity if unread(identity) is not None else (identity or {}).get("Account")
        facts: dict[str, Any] = {
            "in_aws": True,
            "account": account,
            "region": self.account.key.region,
            "interface": interface,
            "storage": self._storage(edge, network),
        }
        if interface is None:
            facts["interface_absent"] = self._absent(edge, account)
        if not isinstance(interface, dict):
            return facts
        facts["instance"] = self._instance(interface, edge)
        kind = (facts["instance"] or {}).get("type") if unread(facts["instance"]) is None else None
        facts["instance_type_facts"] = refers["types"].get(kind) if kind else None
        facts["role"] = select.role(facts["instance"], refers["profiles"])
        facts["network"] = select.around(network, interface, self._wanted(edge.name))
        return facts

    def _instance(self, interface: Mapping[str, Any], edge: Edge) -> Any:
        instance_id = interface.get("instance") or edge.instance_id
        if not instance_id:
            return None
        item = self.instances.get(instance_id)
        return normalise.instance(item) if item is not None else self.failed.get(instance_id)

    def _absent(self, edge: Edge, account: Any) -> str:
        subject = edge.interface_id or edge.instance_id or "an interface with one of the edge's own addresses"
        where = "this account" if unread(account) is not None else f"account {account}"
        return (
            f"edge {edge.name}: {subject} does not exist in {where} and {self.account.key.region}, or belongs to "
            "another account; correct edge_interface_id or edge_instance_id, or edge_aws_profile"
        )

    def _storage(self, edge: Edge, network: Mapping[str, Any]) -> dict[str, Any]:
        if edge.storage_kind != "aws":
            return _storage_given(edge)
        region = storage_region(edge)
        return {"kind": "aws", "region": region, **select.storage_prefixes(network["prefix_lists"], region)}


def _attribute(name: str, answer: Any) -> Any:
    """The value of DescribeVpcAttribute: ``{"EnableDnsSupport": {"Value": true}}``."""
    gone = unread(answer)
    if gone is not None:
        return gone
    return ((answer or {}).get(name[0].upper() + name[1:]) or {}).get("Value")
