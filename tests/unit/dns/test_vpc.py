# SPDX-License-Identifier: GPL-3.0-or-later
"""The VPC's side of name resolution: one sweep an account, and what is denied is unknown and nothing else."""

from __future__ import annotations

import boto3
import pytest
from ansible.module_utils.edge.aws import Account, AccountKey
from ansible.module_utils.edge.dns import facts, vpc
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.run import Run, write_json
from ansible.module_utils.edge.targets import Edge
from moto import mock_aws

pytestmark = pytest.mark.xdist_group("moto")
REGION = "eu-west-2"
CALLS = [
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeInstances", "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions",
    "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcAttribute", "route53:ListHostedZonesByVPC",
]  # fmt: skip


@pytest.fixture(scope="module")
def cloud():
    """Made once: these tests only read it."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        ec2 = boto3.client("ec2", region_name=REGION)
        network = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        options = ec2.create_dhcp_options(
            DhcpConfigurations=[{"Key": "domain-name-servers", "Values": ["10.7.0.2", "10.9.0.53"]}]
        )["DhcpOptions"]["DhcpOptionsId"]
        ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=network)
        ec2.modify_vpc_attribute(VpcId=network, EnableDnsHostnames={"Value": True})
        subnet = ec2.create_subnet(VpcId=network, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
        interfaces = [
            ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"] for _ in range(3)
        ]
        instance = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
        ec2.create_vpc_endpoint(
            VpcId=network, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Interface", SubnetIds=[subnet],
            PrivateDnsEnabled=True,
        )  # fmt: skip
        ec2.create_vpc_endpoint(VpcId=network, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway")
        boto3.client("route53").create_hosted_zone(
            Name="amazonaws.com", CallerReference="1", HostedZoneConfig={"PrivateZone": True},
            VPC={"VPCRegion": REGION, "VPCId": network},
        )  # fmt: skip
        yield {"vpc": network, "interfaces": interfaces, "instance": instance["InstanceId"]}


def account(deny=None):
    made = Account(AccountKey(None, None, None, REGION))
    if deny is None:
        return made
    read = made.read

    def refused(service, operation, *rest, **named):
        permission = f"{service}:{''.join(part.capitalize() for part in operation.split('_'))}"
        if permission.lower() == deny.lower():
            return Unread("denied", deny, "x", f"cannot read x: AccessDenied (needs {deny})", (deny,))
        return read(service, operation, *rest, **named)

    made.read = refused
    return made


def edges(cloud):
    found = [
        Edge.from_mapping({"name": f"edge-{number}", "region": REGION, "interface_id": interface})
        for number, interface in enumerate(cloud["interfaces"])
    ]
    return [*found, Edge.from_mapping({"name": "by-instance", "region": REGION, "instance_id": cloud["instance"]})]


def test_what_is_read(cloud):
    handle = account()
    found = vpc.sweep(handle, edges(cloud))
    assert set(found) == {"edge-0", "edge-1", "edge-2", "by-instance"}
    one = found["edge-0"]
    assert all(each == one for each in found.values())
    assert one["id"] == cloud["vpc"]
    assert one["cidrs"] == ["10.7.0.0/16"]
    assert (one["dns_support"], one["dns_hostnames"]) == (True, True)
    assert one["dhcp"]["domain-name-servers"] == ["10.7.0.2", "10.9.0.53"]
    assert [(zone["name"], zone["service"]) for zone in one["zones"]] == [("amazonaws.com", None)]
    assert [(item["service"], item["private_dns"]) for item in one["endpoints"]] == [
        (f"com.amazonaws.{REGION}.s3", True)
    ]


def test_the_calls_do_not_grow_with_the_edges(cloud):
    few, many = account(), account()
    vpc.sweep(few, [*edges(cloud)[:1], edges(cloud)[3]])
    vpc.sweep(many, edges(cloud) * 20)
    assert few.calls == many.calls
    assert set(few.calls) == set(CALLS)


@pytest.mark.parametrize("deny", CALLS)
def test_a_denied_call_is_unread_where_it_counts(cloud, deny):
    found = vpc.sweep(account(deny), edges(cloud))
    lacking = [
        part
        for each in found.values()
        for part in ([each] if unread(each) else each.values())
        if unread(part) is not None
    ]
    assert lacking
    assert {part.permissions for part in map(unread, lacking)} == {(deny,)}


@pytest.mark.parametrize("option", ["interface_id", "instance_id"])
@pytest.mark.parametrize("broken", [False, True])
def test_a_fleet_is_asked_for_in_as_many_values_as_a_filter_takes(option, broken):
    class Large(Account):
        asked = []

        def read(self, service, operation, result_key=None, **parameters):
            values = [value for item in parameters.get("Filters", ()) for value in item["Values"]]
            self.asked.append(len(values))
            if operation == "describe_network_interfaces":
                if broken and "x-0999" in values:
                    return Unread("throttled", "ec2:DescribeNetworkInterfaces", "x", "RequestLimitExceeded")
                return [{"NetworkInterfaceId": value, "VpcId": "vpc-1"} for value in values]
            if operation == "describe_instances":
                if broken and "x-0999" in values:
                    return Unread("throttled", "ec2:DescribeInstances", "x", "RequestLimitExceeded")
                return [{"Instances": [{"InstanceId": value, "VpcId": "vpc-1"} for value in values]}]
            return [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}] if operation == "describe_vpcs" else []

    given = [Edge(f"e{number}", region=REGION, **{option: f"x-{number:04d}"}) for number in range(1000)]
    handle = Large(AccountKey(None, None, None, REGION), session=object())
    found = vpc.sweep(handle, given)
    assert max(handle.asked) == 200
    assert {unread(item) is None for item in found.values()} == {not broken} and len(found) == 1000


def test_an_interface_that_is_not_there(cloud):
    gone = Edge.from_mapping({"name": "gone", "region": REGION, "interface_id": "eni-00000000000000000"})
    found = vpc.sweep(account(), [gone, *edges(cloud)])
    assert unread(found["gone"]) is not None
    assert found["edge-0"]["id"] == cloud["vpc"]


def test_edges_that_name_no_instance_cost_no_call():
    handle = Account(AccountKey(None, None, None, REGION), session=object())
    found = vpc.sweep(handle, [Edge.from_mapping({"name": "x", "region": REGION})])
    assert "edge_instance_id" in unread(found["x"]).message
    assert not handle.calls


def test_facts_of_a_run_that_are_incomplete(tmp_path):
    write_json(str(tmp_path / "facts/old.json"), {"dns": {"hosts": []}})
    write_json(str(tmp_path / "facts/gone.json"), {"unreachable": "no route"})
    names = ("old", "gone", "never")
    given = [Edge.from_mapping({"name": name, "storage_kind": "s3_compatible"}) for name in names]
    found, calls = facts.gather(given, Run(str(tmp_path)))
    assert calls == {}
    assert [unread(found[name]).state for name in names] == ["error", "unreachable", "not_collected"]
    assert "run edge_facts again" in unread(found["old"]).message
