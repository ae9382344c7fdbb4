# SPDX-License-Identifier: GPL-3.0-or-later
"""The name resolution of the edges' VPCs: attributes, DHCP options, private zones, private names of endpoints.

One sweep an account: instances, interfaces, VPCs, DHCP options and endpoints are listed once for all its edges; two
attributes and the private zones are read once a VPC, since the API gives them for one VPC at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..aws import Account, in_batches
from ..finding import Unread, unread
from ..targets import Edge

ATTRIBUTES = {"dns_support": "enableDnsSupport", "dns_hostnames": "enableDnsHostnames"}
_MOST_PAGES = 100


def sweep(account: Account, edges: Sequence[Edge]) -> dict[str, Any]:
    """By edge: ``{"id", "cidrs", "dns_support", "dns_hostnames", "dhcp", "zones", "endpoints"}``, each part or the
    whole possibly Unread.  zones: ``[{"id", "name", "service"}]``.  endpoints: ``[{"id", "service", "private_dns",
    "only_inbound"}]``, interface endpoints alone."""
    located = {edge.name: edge for edge in edges if edge.instance_id or edge.interface_id}
    found: dict[str, Any] = {
        edge.name: Unread(
            "not_collected",
            "ec2:DescribeNetworkInterfaces",
            edge.name,
            f"edge {edge.name}: its VPC is not known; give edge_instance_id or edge_interface_id",
        )
        for edge in edges
        if edge.name not in located
    }
    if not located:
        return found
    homes = _homes(account, list(located.values()))
    vpc_ids = sorted({home for home in homes.values() if isinstance(home, str)})
    vpcs = _vpcs(account, vpc_ids) if vpc_ids else {}
    for name, home in homes.items():
        found[name] = vpcs[home] if isinstance(home, str) else home
    return found


def _homes(account: Account, edges: Sequence[Edge]) -> dict[str, Any]:
    """The VPC of each edge, by its interface or instance; Unread where it cannot be told."""
    interfaces = sorted({edge.interface_id for edge in edges if edge.interface_id})
    instances = sorted({edge.instance_id for edge in edges if edge.instance_id and not edge.interface_id})
    by_interface = _listed(
        account, "describe_network_interfaces", "NetworkInterfaces", "network-interface-id", interfaces
    )
    by_instance = _listed(account, "describe_instances", "Reservations", "instance-id", instances)
    homes: dict[str, Any] = {}
    if unread(by_interface) is None:
        homes.update({item["NetworkInterfaceId"]: item["VpcId"] for item in by_interface})
    if unread(by_instance) is None:
        for reservation in by_instance:
            homes.update({item["InstanceId"]: item.get("VpcId") for item in reservation["Instances"]})
    placed: dict[str, Any] = {}
    for edge in edges:
        identifier = str(edge.interface_id or edge.instance_id)
        listed = by_interface if edge.interface_id else by_instance
        missing = Unread("error", "ec2:DescribeInstances", identifier, f"edge {edge.name}: there is no {identifier}")
        placed[edge.name] = unread(listed) or homes.get(identifier) or missing
    return placed


def _listed(account: Account, operation: str, key: str, filter_name: str, values: Sequence[str]) -> Any:
    """All that the filter finds; Unread where a part of it cannot be read, for nobody could say whose it is."""

    def read(part: list[str]) -> Any:
        filters = [{"Name": filter_name, "Values": part}]
        return account.read("ec2", operation, key, resource=", ".join(part[:3]), Filters=filters)

    answers = account.read_all([partial(read, part) for part in in_batches(values)])
    lacking = next((answer for answer in answers if isinstance(answer, Unread)), None)
    return lacking or [item for answer in answers for item in answer or ()]


def _vpcs(account: Account, vpc_ids: Sequence[str]) -> dict[str, Any]:
    listed = _listed(account, "describe_vpcs", "Vpcs", "vpc-id", vpc_ids)
    endpoints = _listed(account, "describe_vpc_endpoints", "VpcEndpoints", "vpc-id", vpc_ids)
    lacking = unread(listed)
    if lacking is not None:
        return dict.fromkeys(vpc_ids, lacking)
    options = sorted({item["DhcpOptionsId"] for item in listed if item.get("DhcpOptionsId", "default") != "default"})
    dhcp = _listed(account, "describe_dhcp_options", "DhcpOptions", "dhcp-options-id", options)
    by_id = {item["VpcId"]: item for item in listed}
    return {vpc_id: _vpc(account, vpc_id, by_id.get(vpc_id), dhcp, endpoints) for vpc_id in vpc_ids}


def _vpc(account: Account, vpc_id: str, listed: Any, dhcp: Any, endpoints: Any) -> Any:
    if listed is None:
        return Unread("error", "ec2:DescribeVpcs", vpc_id, f"there is no {vpc_id}")
    attributes = {key: _attribute(account, vpc_id, attribute) for key, attribute in ATTRIBUTES.items()}
    ranges = [*listed.get("CidrBlockAssociationSet", []), *listed.get("Ipv6CidrBlockAssociationSet", [])]
    cidrs = [item.get("CidrBlock") or item.get("Ipv6CidrBlock") for item in ranges] or [listed.get("CidrBlock")]
    return {
        "id": vpc_id,
        "cidrs": [cidr for cidr in cidrs if cidr],
        **attributes,
        "dhcp": unread(dhcp) or _dhcp(dhcp, listed.get("DhcpOptionsId")),
        "zones": _zones(account, vpc_id),
        "endpoints": unread(endpoints) or _endpoints(endpoints, vpc_id),
    }


def _attribute(account: Account, vpc_id: str, attribute: str) -> Any:
    answer = account.read("ec2", "describe_vpc_attribute", resource=vpc_id, VpcId=vpc_id, Attribute=attribute)
    if unread(answer) is not None:
        return answer
    value = ((answer or {}).get(attribute[0].upper() + attribute[1:]) or {}).get("Value")
    missing = Unread("error", "ec2:DescribeVpcAttribute", vpc_id, f"{vpc_id}: {attribute} is missing in the answer")
    return value if isinstance(value, bool) else missing


def _dhcp(listed: Sequence[Mapping[str, Any]], identifier: str | None) -> dict[str, list[str]]:
    for item in listed:
        if item["DhcpOptionsId"] == identifier:
            return {entry["Key"]: [value["Value"] for value in entry["Values"]] for entry in item["DhcpConfigurations"]}
    return {}


def _zones(account: Account, vpc_id: str) -> Any:
    zones: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        answer = account.read(
            "route53", "list_hosted_zones_by_vpc", resource=vpc_id, VPCId=vpc_id, VPCRegion=account.key.region, **more
        )
        if unread(answer) is not None:
            return answer
        for item in (answer or {}).get("HostedZoneSummaries", []):
            service = (item.get("Owner") or {}).get("OwningService")
            zones.append({"id": item["HostedZoneId"], "name": item["Name"].rstrip(".").lower(), "service": service})
        if not (answer or {}).get("NextToken"):
            return zones
        more = {"NextToken": answer["NextToken"]}
    return Unread("error", "route53:ListHostedZonesByVPC", vpc_id, f"the private zones of {vpc_id} have no end")


def _endpoints(listed: Sequence[Mapping[str, Any]], vpc_id: str) -> list[dict[str, Any]]:
    return [
        {
            "id": item["VpcEndpointId"],
            "service": item["ServiceName"],
            "private_dns": bool(item.get("PrivateDnsEnabled")),
            "only_inbound": bool((item.get("DnsOptions") or {}).get("PrivateDnsOnlyForInboundResolverEndpoint")),
        }
        for item in listed
        if item.get("VpcId") == vpc_id and item.get("VpcEndpointType") == "Interface"
    ]
