# SPDX-License-Identifier: GPL-3.0-or-later
"""A VPC in a running moto server: edges in a private subnet, a NAT gateway, a gateway endpoint, a second interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boto3
from ansible.module_utils.edge.run import Run, Step

REGION = "eu-west-2"
ACCOUNT = "123456789012"
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


@dataclass
class Cloud:
    url: str
    ec2: Any
    ids: dict[str, str] = field(default_factory=dict)
    interfaces: list[str] = field(default_factory=list)
    instances: list[str] = field(default_factory=list)


def session():
    return boto3.session.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)


def build(url: str, edges: int = 2) -> Cloud:
    """Build it all; one group, one subnet and one instance type for all edges, as fleets are built."""
    cloud = Cloud(url, session().client("ec2", endpoint_url=url))
    ec2, ids = cloud.ec2, cloud.ids
    ids["vpc"] = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ids["private"] = _subnet(cloud, "10.0.16.0/20")
    ids["public"] = _subnet(cloud, "10.0.2.0/24")
    _ways(cloud)
    ids["list"] = _list_id(ec2)
    ids["group"] = _group(cloud, "edges")
    ec2.authorize_security_group_egress(
        GroupId=ids["group"], IpPermissions=[{**HTTPS, "PrefixListIds": [{"PrefixListId": ids["list"]}]}]
    )
    ids["profile"] = _profile(url)
    for number in range(edges):
        cloud.interfaces.append(_interface(cloud, f"10.0.{16 + number // 200}.{10 + number % 200}"))
    for name in cloud.interfaces[:2]:
        cloud.instances.append(_instance(cloud, name))
    return cloud


def _subnet(cloud, cidr):
    return cloud.ec2.create_subnet(VpcId=cloud.ids["vpc"], CidrBlock=cidr)["Subnet"]["SubnetId"]


def _ways(cloud):
    ec2, ids = cloud.ec2, cloud.ids
    ids["igw"] = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=ids["igw"], VpcId=ids["vpc"])
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ids["nat"] = ec2.create_nat_gateway(SubnetId=ids["public"], AllocationId=address)["NatGateway"]["NatGatewayId"]
    for name, subnet, target in (
        ("private-table", "private", {"NatGatewayId": ids["nat"]}),
        ("public-table", "public", {"GatewayId": ids["igw"]}),
    ):
        ids[name] = ec2.create_route_table(VpcId=ids["vpc"])["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=ids[name], DestinationCidrBlock="0.0.0.0/0", **target)
        ec2.associate_route_table(RouteTableId=ids[name], SubnetId=ids[subnet])
    ids["endpoint"] = ec2.create_vpc_endpoint(
        VpcId=ids["vpc"],
        VpcEndpointType="Gateway",
        ServiceName=f"com.amazonaws.{REGION}.s3",
        RouteTableIds=[ids["private-table"]],
        PolicyDocument='{"Version": "2012-10-17", "Statement": []}',
    )["VpcEndpoint"]["VpcEndpointId"]


def _list_id(ec2):
    named = [{"Name": "prefix-list-name", "Values": [f"com.amazonaws.{REGION}.s3"]}]
    return ec2.describe_managed_prefix_lists(Filters=named)["PrefixLists"][0]["PrefixListId"]


def _group(cloud, name):
    ec2 = cloud.ec2
    group = ec2.create_security_group(GroupName=name, Description=name, VpcId=cloud.ids["vpc"])["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    return group


def _interface(cloud, address):
    answer = cloud.ec2.create_network_interface(
        SubnetId=cloud.ids["private"], PrivateIpAddress=address, Groups=[cloud.ids["group"]]
    )
    return answer["NetworkInterface"]["NetworkInterfaceId"]


def _profile(url):
    iam = session().client("iam", endpoint_url=url)
    if iam.list_roles()["Roles"]:
        return "edge"
    iam.create_role(RoleName="edge", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="edge")
    iam.add_role_to_instance_profile(InstanceProfileName="edge", RoleName="edge")
    return "edge"


def _instance(cloud, interface):
    answer = cloud.ec2.run_instances(
        ImageId="ami-12345678",
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        IamInstanceProfile={"Name": "edge"},
        NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interface}],
    )
    return answer["Instances"][0]["InstanceId"]


def run_with(directory, names, addresses, host=None) -> Run:
    """A run whose earlier steps have left these addresses and this host section for every edge."""
    from ansible.module_utils.edge.run import facts_path, write_json

    run = Run(str(directory))
    run.store(Step("dns", {name: {"storage_addresses": list(addresses)} for name in names}))
    if host is not None:
        for name in names:
            write_json(facts_path(str(directory), name), {"host": host})
    return run
