# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of the lab: one VPC, a public and a private subnet, a gateway endpoint and a NAT gateway."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import policies
from .world import PREFIXES, REGION, LabEdge

_HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
# Where the edges reach the vendor's cloud: a network of RFC 5737 stands for it.
_VENDOR = "198.51.100.0/24"
_FIRST_EDGE = int(ipaddress.ip_address("10.20.16.10"))
_IMAGE = "ami-0edge0lab0image01"


@dataclass(frozen=True)
class Network:
    """Identifiers that the other seeds and the inventory need."""

    vpc: str
    subnet: str
    prefix_list: str
    endpoint: str
    nat_gateway: str


def network(ec2: Any) -> Network:
    """Build the network; nothing of an edge's own is in it yet."""
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    public = _subnet(ec2, vpc, "10.20.0.0/24", "public")
    private = _subnet(ec2, vpc, "10.20.16.0/20", "edges")
    nat = _way_out(ec2, vpc, public)
    table = _route_table(ec2, vpc, private, "edges", NatGatewayId=nat)
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc,
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{REGION}.s3",
        RouteTableIds=[table],
        PolicyDocument=policies.endpoint(),
    )["VpcEndpoint"]["VpcEndpointId"]
    _network_acl(ec2, vpc, private)
    return Network(vpc, private, _s3_prefix_list(ec2), endpoint, nat)


def edge_interfaces(ec2: Any, edges: Sequence[LabEdge], built: Network) -> dict[str, str]:
    """An interface with a security group of its own for each edge: ``{edge name: interface id}``."""
    return {
        edge.name: _interface(ec2, built, number, edge.name, security_group(ec2, built, edge))
        for number, edge in enumerate(edges)
    }


def fleet_interfaces(ec2: Any, edges: Sequence[LabEdge], built: Network, first: int) -> dict[str, str]:
    """An interface each, all in one group: cheap, and as fleets are built."""
    if not edges:
        return {}
    group = security_group(ec2, built, LabEdge("fleet"))
    return {edge.name: _interface(ec2, built, first + number, edge.name, group) for number, edge in enumerate(edges)}


def instances(ec2: Any, edges: Sequence[LabEdge], interfaces: dict[str, str]) -> dict[str, str]:
    """A running instance on the interface of each edge: ``{edge name: instance id}``."""
    made = {}
    for edge in edges:
        answer = ec2.run_instances(
            ImageId=_IMAGE,
            InstanceType="m5.large",
            MinCount=1,
            MaxCount=1,
            IamInstanceProfile={"Name": edge.role},
            NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interfaces[edge.name]}],
            TagSpecifications=[_tags("instance", edge.name)],
        )
        made[edge.name] = answer["Instances"][0]["InstanceId"]
    return made


def edge_address(number: int) -> str:
    """The private address of the edge of this number, in the order of the inventory."""
    return str(ipaddress.ip_address(_FIRST_EDGE + number))


def security_group(ec2: Any, built: Network, edge: LabEdge) -> str:
    """The egress rules of one edge, and none that AWS puts there by itself."""
    group = ec2.create_security_group(GroupName=f"edge-{edge.name}", Description="Edge", VpcId=built.vpc)["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    vendor = {**_HTTPS, "IpRanges": [{"CidrIp": _VENDOR, "Description": "Vendor's cloud"}]}
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[vendor])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[_storage_rule(built, edge)])
    return str(group)


def _storage_rule(built: Network, edge: LabEdge) -> dict[str, Any]:
    if edge.egress == "list":
        return {**_HTTPS, "PrefixListIds": [{"PrefixListId": built.prefix_list, "Description": "S3"}]}
    edition = edge.egress[:10]
    pinned = PREFIXES["earlier"][edge.egress]
    return {**_HTTPS, "IpRanges": [{"CidrIp": prefix, "Description": f"S3 as of {edition}"} for prefix in pinned]}


def _interface(ec2: Any, built: Network, number: int, name: str, group: str) -> str:
    answer = ec2.create_network_interface(
        SubnetId=built.subnet,
        PrivateIpAddress=edge_address(number),
        Groups=[group],
        Description=f"edge {name}",
        TagSpecifications=[_tags("network-interface", name)],
    )
    return str(answer["NetworkInterface"]["NetworkInterfaceId"])


def _subnet(ec2: Any, vpc: str, cidr: str, name: str) -> str:
    answer = ec2.create_subnet(
        VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}a", TagSpecifications=[_tags("subnet", name)]
    )
    return str(answer["Subnet"]["SubnetId"])


def _route_table(ec2: Any, vpc: str, subnet: str, name: str, **target: str) -> str:
    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=[_tags("route-table", name)])
    identifier = str(table["RouteTable"]["RouteTableId"])
    ec2.create_route(RouteTableId=identifier, DestinationCidrBlock="0.0.0.0/0", **target)
    ec2.associate_route_table(RouteTableId=identifier, SubnetId=subnet)
    return identifier


def _way_out(ec2: Any, vpc: str, public: str) -> str:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    _route_table(ec2, vpc, public, "public", GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    return str(ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"])


def _network_acl(ec2: Any, vpc: str, subnet: str) -> None:
    """HTTPS out, and the answers in; all else falls to the implicit deny."""
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    for egress, ports in ((True, (443, 443)), (False, (1024, 65535))):
        ec2.create_network_acl_entry(
            NetworkAclId=acl,
            RuleNumber=100,
            Protocol="6",
            RuleAction="allow",
            Egress=egress,
            CidrBlock="0.0.0.0/0",
            PortRange={"From": ports[0], "To": ports[1]},
        )
    found = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
    current = next(
        each["NetworkAclAssociationId"]
        for each in found["NetworkAcls"][0]["Associations"]
        if each["SubnetId"] == subnet
    )
    ec2.replace_network_acl_association(AssociationId=current, NetworkAclId=acl)


def _s3_prefix_list(ec2: Any) -> str:
    named = [{"Name": "prefix-list-name", "Values": [f"com.amazonaws.{REGION}.s3"]}]
    return str(ec2.describe_managed_prefix_lists(Filters=named)["PrefixLists"][0]["PrefixListId"])


def _tags(kind: str, name: str) -> dict[str, Any]:
    return {"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}
