# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the VPC's side of name resolution, and whether the answers agree with its endpoints. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import Finding, unread
from .addresses import classify
from .case import Case, answered, settle
from .judge_servers import horizon, vpc_cidrs
from .resolution import addresses_in

# The names under which the API and the console know them (Amazon VPC guide, DNS attributes).
ATTRIBUTES = {"dns_support": "enableDnsSupport", "dns_hostnames": "enableDnsHostnames"}


def network(case: Case) -> list[Finding]:
    """DNS-11."""
    check = "DNS-11"
    vpc = case.facts["vpc"]
    if vpc is None:
        return [case.ask.not_applicable(check, case.edge.name, "the storage is not in AWS")]
    lacking = unread(vpc)
    if lacking is not None:
        return [case.ask.unknown(check, case.edge.name, lacking)]
    failed: list[Finding] = []
    for key, attribute in ATTRIBUTES.items():
        lacking = lacking or unread(vpc[key])
        if vpc[key] is False:
            fix = {
                "action": "set_vpc_attribute",
                "summary": f"set {attribute} of {vpc['id']}",
                "vpc_id": vpc["id"],
                "attribute": attribute,
                "value": True,
            }
            failed.append(case.ask.failed(check, vpc["id"], f"{attribute} is false", fix=fix))
    lacking = lacking or unread(vpc["zones"])
    if unread(vpc["zones"]) is None:
        failed += [_shadow(case, vpc, zone) for zone in vpc["zones"] if _shadows(case, zone)]
    words = "enableDnsSupport and enableDnsHostnames are true; no private zone covers the export's names"
    return settle(case, check, vpc["id"], failed, lacking, words)


def _shadows(case: Case, zone: Mapping[str, Any]) -> bool:
    """A private zone answers for all below it (zones of interface endpoints belong to a service and are complete)."""
    names = [item["name"] for item in case.facts["asked"]]
    return not zone["service"] and any(name == zone["name"] or name.endswith(f".{zone['name']}") for name in names)


def _shadow(case: Case, vpc: Mapping[str, Any], zone: Mapping[str, Any]) -> Finding:
    words = f"private zone {zone['name']} ({zone['id']}) answers in {vpc['id']} for the export's names"
    proof = {"operation": "route53:ListHostedZonesByVPC", "zone": zone["id"], "name": zone["name"]}
    return case.ask.failed("DNS-11", zone["id"], words, evidence=(proof,))


def agreement(case: Case) -> list[Finding]:
    """DNS-10."""
    check = "DNS-10"
    if not case.storage:
        return [case.ask.not_applicable(check, case.host, "the storage endpoint has no name")]
    failed = horizon(case)
    lacking = case.unread("answers") or answered(case, kind="answer")[1]
    vpc = case.facts["vpc"]
    if vpc is None:
        return settle(case, check, case.host, failed, lacking, "all nameservers give the same kind of address")
    lacking = lacking or unread(vpc) or unread(vpc["endpoints"])
    if unread(vpc) is None and unread(vpc["endpoints"]) is None:
        failed += _with_endpoints(case, vpc)
    return settle(case, check, case.host, failed, lacking, "the answers agree with the VPC's endpoints")


def _with_endpoints(case: Case, vpc: Mapping[str, Any]) -> list[Finding]:
    items, _ = answered(case, name=case.host, type="A", kind="answer")
    kinds = {classify(address, vpc_cidrs(case)) for item in items for address in addresses_in(item["result"])}
    own = [item for item in vpc["endpoints"] if item["service"].endswith(".s3")]
    naming = [item for item in own if item["private_dns"] and not item["only_inbound"]]
    if "public" in kinds and naming:
        words = f"{naming[0]['id']} gives the storage a private name, and the edge gets public addresses"
        proof = {"operation": "ec2:DescribeVpcEndpoints", **naming[0]}
        return [case.ask.failed("DNS-10", naming[0]["id"], words, evidence=(proof,))]
    if "vpc" in kinds and not own:
        words = f"the storage has addresses in {vpc['id']}, which has no interface endpoint to S3"
        return [case.ask.failed("DNS-10", vpc["id"], words)]
    return []
