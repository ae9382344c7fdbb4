# SPDX-License-Identifier: GPL-3.0-or-later
"""One account and region, read once for all of its edges: filtered and batched, in four rounds of parallel reads.

Round 1 finds the edges' interfaces, round 2 the VPCs around them, round 3 what these refer to, round 4 what the
security groups and routes refer to. Every kind of thing is one read, or one a batch, or an Unread in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..aws import Account, in_batches
from ..finding import Unread, unread
from . import normalise

# kind: (operation, result key, filter by VPC, name of the filter parameter, normaliser)
_OF_VPC: dict[str, tuple[str, str, str | None, str, Callable[[Any], dict[str, Any]]]] = {
    "vpcs": ("describe_vpcs", "Vpcs", "vpc-id", "Filters", normalise.vpc),
    "subnets": ("describe_subnets", "Subnets", "vpc-id", "Filters", normalise.subnet),
    "route_tables": ("describe_route_tables", "RouteTables", "vpc-id", "Filters", normalise.route_table),
    "acls": ("describe_network_acls", "NetworkAcls", "vpc-id", "Filters", normalise.acl),
    "nat_gateways": ("describe_nat_gateways", "NatGateways", "vpc-id", "Filter", normalise.nat_gateway),
    "internet_gateways": (
        "describe_internet_gateways",
        "InternetGateways",
        "attachment.vpc-id",
        "Filters",
        normalise.internet_gateway,
    ),
    # Has no filter by VPC; an account has few.
    "egress_only_gateways": (
        "describe_egress_only_internet_gateways",
        "EgressOnlyInternetGateways",
        None,
        "Filters",
        normalise.internet_gateway,
    ),
    "endpoints": ("describe_vpc_endpoints", "VpcEndpoints", "vpc-id", "Filters", normalise.endpoint),
}


class Reader:
    """Batched reads of EC2: what a batch could not tell is Unread for the values of that batch alone."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def batches(
        self,
        operation: str,
        result_key: str,
        filter_name: str,
        values: Iterable[str],
        also: Sequence[Mapping[str, Any]] = (),
        parameter: str = "Filters",
    ) -> list[tuple[list[str], Callable[[], Any]]]:
        """The reads that ask for all values, as many at a time as a filter takes."""
        return [
            (part, self._call(operation, result_key, parameter, filter_name, part, also)) for part in in_batches(values)
        ]

    def _call(
        self,
        operation: str,
        result_key: str,
        parameter: str,
        filter_name: str,
        values: list[str],
        also: Sequence[Mapping[str, Any]],
    ) -> Callable[[], Any]:
        asked: dict[str, Any] = {parameter: [{"Name": filter_name, "Values": values}, *also]}
        subject = values[0] if len(values) == 1 else f"{values[0]} and {len(values) - 1} more"
        return lambda: self.account.read("ec2", operation, result_key, resource=f"{result_key} of {subject}", **asked)

    def run(
        self, reads: Mapping[str, Sequence[tuple[list[str], Callable[[], Any]]]]
    ) -> dict[str, list[tuple[list[str], Any]]]:
        """All reads of a round at once; by name, each batch's values and its answer ([] where nothing exists)."""
        flat = [(name, values, call) for name, batches in reads.items() for values, call in batches]
        answers = self.account.read_all([call for _, _, call in flat])
        results: dict[str, list[tuple[list[str], Any]]] = {name: [] for name in reads}
        for (name, values, _), answer in zip(flat, answers):
            results[name].append((values, [] if answer is None else answer))
        return results


def whole(batches: Sequence[tuple[list[str], Any]]) -> Any:
    """All items of all batches, or the first Unread among them."""
    items: list[Any] = []
    for _, answer in batches:
        if isinstance(answer, Unread):
            return answer
        items += answer
    return items


def table(items: Any, normaliser: Callable[[Any], dict[str, Any]]) -> Any:
    """Items by id, or the Unread that stands for them; an item that lacks what the API guarantees spoils them all."""
    if isinstance(items, Unread):
        return items
    try:
        return {fact["id"]: fact for fact in (normaliser(item) for item in items)}
    except (KeyError, TypeError) as error:
        return Unread("error", "read", normaliser.__name__, f"the answer is incomplete: {error!r} is missing")


def of_vpcs(reader: Reader, vpcs: Iterable[str]) -> dict[str, list[tuple[list[str], Callable[[], Any]]]]:
    """The reads of round 2 for these VPCs."""
    reads: dict[str, list[tuple[list[str], Callable[[], Any]]]] = {}
    listed = sorted(set(vpcs))
    if not listed:
        return reads
    for kind, (operation, key, filter_name, parameter, _) in _OF_VPC.items():
        if filter_name is None:
            reads[kind] = [([], _unfiltered(reader.account, operation, key))]
        else:
            reads[kind] = reader.batches(operation, key, filter_name, listed, parameter=parameter)
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        reads[attribute] = [([vpc], _attribute(reader.account, vpc, attribute)) for vpc in listed]
    return reads


def of_vpcs_tables(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of round 2 as tables by id."""
    return {kind: table(whole(answers[kind]), entry[4]) for kind, entry in _OF_VPC.items() if kind in answers}


def _unfiltered(account: Account, operation: str, key: str) -> Callable[[], Any]:
    return lambda: account.read("ec2", operation, key, resource=key)


def _attribute(account: Account, vpc: str, attribute: str) -> Callable[[], Any]:
    return lambda: account.read(
        "ec2", "describe_vpc_attribute", resource=f"{attribute} of {vpc}", VpcId=vpc, Attribute=attribute
    )


def instances_of(batches: Sequence[tuple[list[str], Any]]) -> tuple[dict[str, Any], dict[str, Unread]]:
    """The instances of DescribeInstances by id, and the ids whose batch could not be read."""
    found: dict[str, Any] = {}
    failed: dict[str, Unread] = {}
    for values, answer in batches:
        gone = unread(answer)
        if gone is not None:
            failed.update(dict.fromkeys(values, gone))
            continue
        for reservation in answer:
            for item in reservation.get("Instances") or []:
                found[item["InstanceId"]] = item
    return found, failed


def interfaces_of(batches: Sequence[tuple[list[str], Any]]) -> tuple[dict[str, Any], dict[str, Unread]]:
    """The interfaces of DescribeNetworkInterfaces by id, and the values whose batch could not be read."""
    found: dict[str, Any] = {}
    failed: dict[str, Unread] = {}
    for values, answer in batches:
        gone = unread(answer)
        if gone is not None:
            failed.update(dict.fromkeys(values, gone))
            continue
        for item in answer:
            found[item["NetworkInterfaceId"]] = normalise.interface(item)
    return found, failed
