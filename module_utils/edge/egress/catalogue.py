# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the egress domain, as they stand in docs/checks.md."""

from __future__ import annotations

from ..finding import Check, catalogue

_VPC = "Amazon VPC User Guide"

# hop: (id that blocks, id that fails in part, what lets through, remediation, source)
PER_HOP = {
    "host_firewall": (
        "EGRESS-10",
        "EGRESS-11",
        "The edge's own firewall lets",
        "Accept new TCP connections to the storage in the output chain, and established ones in the input chain.",
        "nftables wiki, Netfilter hooks; iptables(8)",
    ),
    "security_group": (
        "EGRESS-20",
        "EGRESS-21",
        "The security groups let",
        "Add one egress rule for TCP to the storage port that names the AWS-managed prefix list of S3.",
        f"{_VPC}, Security group rules",
    ),
    "network_acl": (
        "EGRESS-30",
        "EGRESS-31",
        "The network ACLs let",
        "Allow the storage port outbound and the ephemeral ports inbound, before any rule that denies them.",
        f"{_VPC}, Network ACL rules; Ephemeral ports",
    ),
    "route": (
        "EGRESS-40",
        "EGRESS-41",
        "The route table leads",
        "Associate an S3 gateway endpoint with the subnet's route table, or replace the route that leads nowhere.",
        f"{_VPC}, Route priority; Gateway endpoints for Amazon S3",
    ),
    "gateway": (
        "EGRESS-50",
        "EGRESS-51",
        "The gateway or endpoint lets",
        "Repair what the route leads to: its state, its attachment, its own route, or the groups of the endpoint.",
        f"{_VPC}, NAT gateways; Internet gateways; AWS PrivateLink guide, Security groups",
    ),
}


def _pairs() -> list[Check]:
    checks = []
    for hop, (blocks, partial, words, remediation, source) in PER_HOP.items():
        verb = "to" if hop == "route" else "connections through to"
        checks += [
            Check(blocks, f"{words} {verb} the storage addresses", "critical", hop, "blocks", remediation, source),
            Check(partial, f"{words} {verb} every storage address", "high", hop, "partial", remediation, source),
        ]
    return checks


CATALOGUE = catalogue(
    [
        Check(
            "EGRESS-01",
            "The interface that the inventory names exists and is in use",
            "high",
            "security_group",
            "none",
            "Correct edge_instance_id or edge_interface_id, or the account that edge_aws_profile reads.",
            "Amazon EC2 API Reference, DescribeNetworkInterfaces",
        ),
        Check(
            "EGRESS-02",
            "The hops together leave at least one storage address reachable",
            "critical",
            "gateway",
            "blocks",
            "Make the hops agree: what one of them lets through, every other must let through too.",
            "VPC Reachability Analyzer guide, How Reachability Analyzer works",
        ),
        Check(
            "EGRESS-03",
            "The hops together leave every storage address reachable",
            "high",
            "gateway",
            "partial",
            "Make the hops agree: what one of them lets through, every other must let through too.",
            "VPC Reachability Analyzer guide, How Reachability Analyzer works",
        ),
        Check(
            "EGRESS-04",
            "Every range of the storage provider is reachable, not only today's addresses",
            "medium",
            "gateway",
            "none",
            "Name the managed prefix list in rules and routes, so that tomorrow's addresses are covered too.",
            f"{_VPC}, AWS-managed prefix lists",
        ),
        Check(
            "EGRESS-05",
            "The addresses that the edge resolves are the storage provider's",
            "critical",
            "address",
            "blocks",
            "Take the address out of the hosts file, or cure the nameserver that gives it.",
            f"{_VPC}, AWS-managed prefix lists; AWS General Reference, AWS IP address ranges",
        ),
        Check(
            "EGRESS-06",
            "All addresses that the edge resolves are the storage provider's",
            "high",
            "address",
            "partial",
            "Take the address out of the hosts file, or cure the nameserver that gives it.",
            f"{_VPC}, AWS-managed prefix lists; AWS General Reference, AWS IP address ranges",
        ),
        *_pairs(),
        Check(
            "EGRESS-22",
            "Rules do not pin address ranges that miss today's storage ranges",
            "medium",
            "security_group",
            "none",
            "Replace the pinned ranges by the AWS-managed prefix list of S3, which follows every change.",
            f"{_VPC}, AWS-managed prefix lists; ip-ranges.json",
        ),
        Check(
            "EGRESS-23",
            "No egress rule admits every protocol to everywhere",
            "medium",
            "security_group",
            "none",
            "Admit the storage port to the storage's ranges, and what else the edge needs, by name.",
            f"{_VPC}, Security group best practices",
        ),
        Check(
            "EGRESS-24",
            "A security group of the interface has room for the storage's rule",
            "low",
            "security_group",
            "none",
            "Merge rules, or add a group; a customer-managed prefix list costs its maximum size, that of S3 costs 1.",
            "Amazon VPC quotas, Security groups; AWS-managed prefix list weight",
        ),
        Check(
            "EGRESS-42",
            "A gateway endpoint of S3 that exists serves the edge's route table",
            "medium",
            "route",
            "none",
            "Associate the endpoint with the route table; without it the traffic silently takes the NAT gateway.",
            f"{_VPC}, Gateway endpoints for Amazon S3",
        ),
        Check(
            "EGRESS-43",
            "No two prefix lists of the route table hold the same range with different targets",
            "medium",
            "route",
            "none",
            "Take the range out of one list: which of the routes is taken is chance.",
            f"{_VPC}, Route priority for prefix lists",
        ),
        Check(
            "EGRESS-44",
            "Storage traffic does not take a NAT gateway",
            "low",
            "gateway",
            "none",
            "Create a gateway endpoint of S3: it has no idle limit of 350 seconds, and no charge.",
            f"{_VPC}, Troubleshoot NAT gateways; Gateway endpoints for Amazon S3",
        ),
        Check(
            "EGRESS-60",
            "The security groups let the edge ask its resolver",
            "high",
            "security_group",
            "none",
            "Admit UDP and TCP 53 to a resolver of your own; Amazon's resolver needs no rule.",
            f"{_VPC}, Security groups (traffic that they do not filter); DHCP option sets",
        ),
    ]
)
