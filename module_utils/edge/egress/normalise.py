# SPDX-License-Identifier: GPL-3.0-or-later
"""From items of the EC2 API to facts: plain, small, and the same whichever operation told of a thing. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Item = Mapping[str, Any]

# The route's target, by the field of the API that names it; the first that is set counts.
_TARGETS = (
    ("NatGatewayId", "nat_gateway"),
    ("EgressOnlyInternetGatewayId", "egress_only_gateway"),
    ("TransitGatewayId", "transit_gateway"),
    ("VpcPeeringConnectionId", "vpc_peering"),
    ("NetworkInterfaceId", "network_interface"),
    ("InstanceId", "network_interface"),
    ("LocalGatewayId", "local_gateway"),
    ("CarrierGatewayId", "carrier_gateway"),
    ("CoreNetworkArn", "core_network"),
    ("OdbNetworkArn", "odb_network"),
)
_GATEWAYS = (
    ("igw-", "internet_gateway"),
    ("vgw-", "virtual_private_gateway"),
    ("vpce-", "vpc_endpoint"),
    ("eigw-", "egress_only_gateway"),
)
_PROPAGATED = ("EnableVgwRoutePropagation", "Advertisement")


def interface(item: Item) -> dict[str, Any]:
    """A network interface, from DescribeNetworkInterfaces or from within DescribeInstances."""
    private = item.get("PrivateIpAddresses") or []
    listed = [entry["PrivateIpAddress"] for entry in sorted(private, key=lambda entry: not entry.get("Primary"))]
    public = {
        entry["PrivateIpAddress"]: entry["Association"]["PublicIp"]
        for entry in private
        if (entry.get("Association") or {}).get("PublicIp")
    }
    primary = item.get("PrivateIpAddress")
    if primary and (item.get("Association") or {}).get("PublicIp"):
        public.setdefault(primary, item["Association"]["PublicIp"])
    attachment = item.get("Attachment") or {}
    tracking = item.get("ConnectionTrackingConfiguration") or {}
    return {
        "id": item["NetworkInterfaceId"],
        "owner": item.get("OwnerId"),
        "vpc": item.get("VpcId"),
        "subnet": item.get("SubnetId"),
        "status": item.get("Status"),
        "type": item.get("InterfaceType"),
        "groups": [group["GroupId"] for group in item.get("Groups") or []],
        "addresses": listed or ([primary] if primary else []),
        "ipv6": [entry["Ipv6Address"] for entry in item.get("Ipv6Addresses") or []],
        "public": public,
        "instance": attachment.get("InstanceId"),
        "device_index": attachment.get("DeviceIndex"),
        "source_dest_check": item.get("SourceDestCheck"),
        "tracking": {"tcp_established": tracking.get("TcpEstablishedTimeout")},
    }


def instance(item: Item) -> dict[str, Any]:
    return {
        "id": item["InstanceId"],
        "type": item.get("InstanceType"),
        "state": (item.get("State") or {}).get("Name"),
        "profile_arn": (item.get("IamInstanceProfile") or {}).get("Arn"),
    }


def group_rule(item: Item) -> dict[str, Any]:
    """A security group's rule, from DescribeSecurityGroupRules."""
    referenced = item.get("ReferencedGroupInfo") or {}
    if item.get("PrefixListId"):
        kind, source = "prefix_list", item["PrefixListId"]
    elif referenced.get("GroupId"):
        kind, source = "group", referenced["GroupId"]
    else:
        kind, source = "cidr", item.get("CidrIpv4") or item.get("CidrIpv6")
    return {
        "id": item["SecurityGroupRuleId"],
        "egress": bool(item.get("IsEgress")),
        "protocol": str(item["IpProtocol"]),
        "from": item.get("FromPort"),
        "to": item.get("ToPort"),
        "kind": kind,
        "source": source,
        "owner": referenced.get("UserId"),
    }


def prefix_list(item: Item) -> dict[str, Any]:
    return {
        "id": item["PrefixListId"],
        "name": item.get("PrefixListName"),
        "owner": item.get("OwnerId"),
        "family": item.get("AddressFamily"),
        "max_entries": item.get("MaxEntries"),
    }


def acl(item: Item) -> dict[str, Any]:
    return {
        "id": item["NetworkAclId"],
        "default": bool(item.get("IsDefault")),
        "subnets": [entry["SubnetId"] for entry in item.get("Associations") or [] if entry.get("SubnetId")],
        "entries": [_acl_entry(entry) for entry in item.get("Entries") or []],
    }


def _acl_entry(item: Item) -> dict[str, Any]:
    ports = item.get("PortRange") or {}
    return {
        "number": item["RuleNumber"],
        "egress": bool(item.get("Egress")),
        "protocol": str(item["Protocol"]),
        "from": ports.get("From"),
        "to": ports.get("To"),
        "action": item["RuleAction"],
        "cidr": item.get("CidrBlock") or item.get("Ipv6CidrBlock"),
    }


def route_table(item: Item) -> dict[str, Any]:
    associations = item.get("Associations") or []
    return {
        "id": item["RouteTableId"],
        "vpc": item.get("VpcId"),
        "main": any(entry.get("Main") for entry in associations),
        "subnets": [entry["SubnetId"] for entry in associations if entry.get("SubnetId")],
        "gateways": [entry["GatewayId"] for entry in associations if entry.get("GatewayId")],
        "routes": [route(entry) for entry in item.get("Routes") or []],
    }


def route(item: Item) -> dict[str, Any]:
    kind, target = _target(item)
    return {
        "destination": item.get("DestinationCidrBlock")
        or item.get("DestinationIpv6CidrBlock")
        or item.get("DestinationPrefixListId"),
        "kind": kind,
        "target": target,
        "state": item.get("State", "active"),
        "propagated": item.get("Origin") in _PROPAGATED,
    }


def _target(item: Item) -> tuple[str, str]:
    for key, kind in _TARGETS:
        if item.get(key):
            return kind, str(item[key])
    gateway = str(item.get("GatewayId") or "")
    if gateway == "local":
        return "local", "local"
    return next((kind for start, kind in _GATEWAYS if gateway.startswith(start)), "other"), gateway


def internet_gateway(item: Item) -> dict[str, Any]:
    """An internet or egress-only internet gateway, with the state of its attachment by VPC."""
    held = item.get("Attachments") or []
    return {
        "id": item.get("InternetGatewayId") or item.get("EgressOnlyInternetGatewayId"),
        "attachments": {entry["VpcId"]: entry.get("State") for entry in held if entry.get("VpcId")},
    }


def nat_gateway(item: Item) -> dict[str, Any]:
    addresses = item.get("NatGatewayAddresses") or []
    primary = sorted(addresses, key=lambda entry: not entry.get("IsPrimary"))
    return {
        "id": item["NatGatewayId"],
        "vpc": item.get("VpcId"),
        "subnet": item.get("SubnetId"),
        "route_table": item.get("RouteTableId"),
        "state": str(item.get("State", "")).lower(),
        "failure": item.get("FailureMessage"),
        "connectivity": item.get("ConnectivityType", "public"),
        "public": [entry["PublicIp"] for entry in primary if entry.get("PublicIp")],
    }


def endpoint(item: Item) -> dict[str, Any]:
    return {
        "id": item["VpcEndpointId"],
        "type": item.get("VpcEndpointType"),
        "vpc": item.get("VpcId"),
        "service": item.get("ServiceName"),
        "state": item.get("State"),
        "owner": item.get("OwnerId"),
        "route_tables": list(item.get("RouteTableIds") or []),
        "subnets": list(item.get("SubnetIds") or []),
        "groups": [group["GroupId"] for group in item.get("Groups") or []],
        "interfaces": list(item.get("NetworkInterfaceIds") or []),
        "private_dns": bool(item.get("PrivateDnsEnabled")),
        "policy": policy(item.get("PolicyDocument")),
    }


def policy(text: Any) -> Any:
    """A policy document as data; the text itself where it is no JSON; None where there is none."""
    if not isinstance(text, str) or not text.strip():
        return text or None
    try:
        return json.loads(text)
    except ValueError:
        return text


def vpc(item: Item) -> dict[str, Any]:
    blocks = [entry["CidrBlock"] for entry in item.get("CidrBlockAssociationSet") or []]
    blocks6 = [entry["Ipv6CidrBlock"] for entry in item.get("Ipv6CidrBlockAssociationSet") or []]
    return {
        "id": item["VpcId"],
        "owner": item.get("OwnerId"),
        "cidrs": [*(blocks or [item["CidrBlock"]]), *blocks6],
        "dhcp_options_id": item.get("DhcpOptionsId"),
    }


def subnet(item: Item) -> dict[str, Any]:
    blocks6 = [entry["Ipv6CidrBlock"] for entry in item.get("Ipv6CidrBlockAssociationSet") or []]
    return {
        "id": item["SubnetId"],
        "vpc": item.get("VpcId"),
        "cidrs": [*([item["CidrBlock"]] if item.get("CidrBlock") else []), *blocks6],
    }


def dhcp_options(item: Item) -> dict[str, Any]:
    table = {
        entry["Key"]: [value["Value"] for value in entry.get("Values") or []]
        for entry in item.get("DhcpConfigurations") or []
    }
    return {"id": item["DhcpOptionsId"], "domain_name_servers": table.get("domain-name-servers", [])}


def instance_type(item: Item) -> dict[str, Any]:
    """The type's default for idle established connections, where the API tells it (350 s on Nitro v6)."""
    tracking = (item.get("NetworkInfo") or {}).get("ConnectionTrackingConfiguration") or {}
    return {
        "type": item["InstanceType"],
        "hypervisor": item.get("Hypervisor"),
        "tcp_established": tracking.get("DefaultTcpEstablishedTimeout"),
    }
