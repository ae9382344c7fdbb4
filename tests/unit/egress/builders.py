# SPDX-License-Identifier: GPL-3.0-or-later
"""A VPC as facts.gather leaves it, with one edge whose path is in order; tests change what they are about."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from ansible.module_utils.edge.egress import checks
from ansible.module_utils.edge.finding import Finding, Unread
from ansible.module_utils.edge.targets import Edge

PREFIX_FILE = Path(__file__).resolve().parents[2] / "data" / "ip-ranges-s3-eu-west-2.json"
S3_PREFIXES: list[str] = json.loads(PREFIX_FILE.read_text())["ipv4"]
S3_LIST = "pl-7ca54015"
# Two addresses of S3 in eu-west-2, in ranges that are years apart.
OLD, NEW = "52.95.149.10", "1.178.94.26"
EDGE_ADDRESS = "10.0.1.10"

EDGE = Edge(name="london-1", region="eu-west-2", interface_id="eni-edge", bucket="recordings-london")


def rule(number: int, *, egress: bool = True, protocol: str = "tcp", ports: tuple[int, int] = (443, 443), **to: str):
    """One rule of a security group: cidr=, prefix_list= or group=."""
    kind, source = next(iter(to.items()))
    return {
        "id": f"sgr-{number}",
        "egress": egress,
        "protocol": protocol,
        "from": ports[0],
        "to": ports[1],
        "kind": kind,
        "source": source,
        "owner": None,
    }


def entry(number: int, egress: bool, action: str = "allow", **fields: Any) -> dict[str, Any]:
    """One entry of a network ACL."""
    return {
        "number": number,
        "egress": egress,
        "protocol": "-1",
        "from": None,
        "to": None,
        "action": action,
        "cidr": "0.0.0.0/0",
        **fields,
    }


def route(destination: str, kind: str, target: str, **fields: Any) -> dict[str, Any]:
    return {
        "destination": destination,
        "kind": kind,
        "target": target,
        "state": "active",
        "propagated": False,
        **fields,
    }


LOCAL = route("10.0.0.0/16", "local", "local")
TO_NAT = route("0.0.0.0/0", "nat_gateway", "nat-1")
TO_INTERNET = route("0.0.0.0/0", "internet_gateway", "igw-1")
TO_ENDPOINT = route(S3_LIST, "vpc_endpoint", "vpce-s3")


def acl(name: str, subnets: list[str], *entries: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "default": False, "subnets": subnets, "entries": list(entries)}


def table(name: str, subnets: list[str], *routes: dict[str, Any], main: bool = False, gateways: Any = ()) -> Any:
    return {
        "id": name,
        "vpc": "vpc-1",
        "main": main,
        "subnets": subnets,
        "gateways": list(gateways),
        "routes": [*routes],
    }


def interface(name: str, address: str, subnet: str, *groups: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "owner": "111111111111",
        "vpc": "vpc-1",
        "subnet": subnet,
        "status": "in-use",
        "type": "interface",
        "groups": list(groups),
        "addresses": [address],
        "ipv6": [],
        "public": {},
        "instance": "i-edge",
        "device_index": 0,
        "source_dest_check": True,
        "tracking": {"tcp_established": None},
        **fields,
    }


def group(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "name": name, "owner": "111111111111", "vpc": "vpc-1", "rules": list(rules)}


def endpoint(name: str = "vpce-s3", kind: str = "Gateway", **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "vpc": "vpc-1",
        "service": "com.amazonaws.eu-west-2.s3",
        "state": "available",
        "owner": "111111111111",
        "route_tables": ["rtb-edge"],
        "subnets": [],
        "groups": [],
        "interfaces": [],
        "private_dns": False,
        "policy": {"Version": "2012-10-17", "Statement": []},
        **fields,
    }


def prefix_list(name: str = S3_LIST, entries: Any = None, **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": "com.amazonaws.eu-west-2.s3",
        "owner": "AWS",
        "family": "IPv4",
        "max_entries": None,
        "entries": list(S3_PREFIXES) if entries is None else entries,
        **fields,
    }


def host(**fields: Any) -> dict[str, Any]:
    """The section "host": no packet filter, one interface, the kernel's default ports (Linux ip-sysctl)."""
    return {
        "vendor": "Amazon EC2",
        "ip_local_port_range": [32768, 60999],
        "firewall": [],
        "addresses": [{"interface": "ens5", "address": EDGE_ADDRESS, "scope": "global"}],
        "routes": [{"dst": "default", "dev": "ens5", "prefsrc": EDGE_ADDRESS}],
        "routes6": [],
        **fields,
    }


_HEALTHY: dict[str, Any] = {
    "in_aws": True,
    "account": "111111111111",
    "region": "eu-west-2",
    "interface": interface("eni-edge", EDGE_ADDRESS, "subnet-edge", "sg-edge"),
    "instance": {"id": "i-edge", "type": "m5.large", "state": "running", "profile_arn": None},
    "instance_type_facts": {"type": "m5.large", "hypervisor": "nitro", "tcp_established": None},
    "role": None,
    "storage": {
        "kind": "aws",
        "region": "eu-west-2",
        "prefixes": list(S3_PREFIXES),
        "lists": [{"id": S3_LIST, "name": "com.amazonaws.eu-west-2.s3", "family": "IPv4"}],
        "source": "ec2:GetManagedPrefixListEntries",
    },
    "network": {
        "vpc": {
            "id": "vpc-1",
            "owner": "111111111111",
            "cidrs": ["10.0.0.0/16"],
            "dhcp_options_id": "dopt-1",
            "dns_support": True,
            "dns_hostnames": True,
        },
        "dhcp_options": {"id": "dopt-1", "domain_name_servers": ["AmazonProvidedDNS"]},
        "subnets": {
            "subnet-edge": {"id": "subnet-edge", "vpc": "vpc-1", "cidrs": ["10.0.1.0/24"]},
            "subnet-nat": {"id": "subnet-nat", "vpc": "vpc-1", "cidrs": ["10.0.2.0/24"]},
        },
        "groups": {"sg-edge": group("sg-edge", rule(1, prefix_list=S3_LIST))},
        "group_members": {},
        "prefix_lists": {S3_LIST: prefix_list()},
        "acls": [
            acl("acl-edge", ["subnet-edge"], entry(100, True), entry(100, False)),
            acl("acl-nat", ["subnet-nat"], entry(100, True), entry(100, False)),
        ],
        "route_tables": [
            table("rtb-edge", ["subnet-edge"], LOCAL, TO_NAT, TO_ENDPOINT),
            table("rtb-nat", ["subnet-nat"], LOCAL, TO_INTERNET),
            table("rtb-main", [], LOCAL, main=True),
        ],
        "nat_gateways": {
            "nat-1": {
                "id": "nat-1",
                "vpc": "vpc-1",
                "subnet": "subnet-nat",
                "route_table": None,
                "state": "available",
                "failure": None,
                "connectivity": "public",
                "public": ["18.130.1.2"],
            }
        },
        "internet_gateways": {"igw-1": {"id": "igw-1", "attachments": {"vpc-1": "available"}}},
        "egress_only_gateways": {"eigw-1": {"id": "eigw-1", "attachments": {"vpc-1": "attached"}}},
        "endpoints": {"vpce-s3": endpoint()},
        "targets": {},
        "route_interfaces": {},
    },
    "host": host(),
}


def healthy() -> dict[str, Any]:
    """The facts of an edge whose path is in order, to be changed at will."""
    return copy.deepcopy(_HEALTHY)


def through_nat() -> dict[str, Any]:
    """The same without the gateway endpoint: the storage is reached through a NAT gateway."""
    facts = healthy()
    facts["network"]["route_tables"][0] = table("rtb-edge", ["subnet-edge"], LOCAL, TO_NAT)
    facts["network"]["endpoints"] = {}
    return facts


def findings(facts: Any, addresses: Any = (OLD, NEW), edge: Edge = EDGE) -> dict[str, Finding]:
    """The findings by check."""
    dns = addresses if isinstance(addresses, Unread) else {"storage_addresses": list(addresses)}
    found = checks.judge(edge, facts, {"dns": dns})
    return {finding.check: finding for finding in found}


def statuses(facts: Any, *wanted: str, addresses: Any = (OLD, NEW)) -> list[str]:
    found = findings(facts, addresses)
    return [found[check].status for check in wanted]


def codes(finding: Finding) -> set[str]:
    """The explanation codes in a finding's evidence."""
    return {item["code"] for item in finding.evidence if "code" in item}


DENIED = Unread("denied", "ec2:Describe", "thing", "AccessDenied (needs ec2:Describe)", ("ec2:Describe",))
