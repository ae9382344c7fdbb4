# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: the union of all groups on an interface, allow-only and stateful.

Rules: Amazon VPC User Guide, "Security group rules" (the rules of all groups are aggregated; responses to allowed
traffic may return regardless of the rules). A group's rule that names another group admits the private addresses of
that group's interfaces. What a rule admits and could not be read may be anything: what no other rule admits is then
unknown, never denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..finding import Unread, unread
from . import prefixes
from .answers import Answer, Judged, everywhere, unknown
from .model import TCP, GroupRule, Read

MISMATCH = "ENI_SG_RULES_MISMATCH"

# Quotas of Amazon VPC, "Security groups": rules per group, direction and family.
RULES_PER_GROUP = 60
# Amazon VPC User Guide, "AWS-managed prefix list weight"; lists that are not named there cost their MaxEntries.
MANAGED_WEIGHT = {
    "cloudfront.origin-facing": 55,
    "dynamodb": 1,
    "ec2-instance-connect": 2,
    "groundstation": 5,
    "route53-healthchecks": 25,
    "s3": 1,
    "s3express": 6,
    "vpc-lattice": 10,
}


def judge(
    rules: Read[Sequence[GroupRule]], destinations: prefixes.Ranges, port: int, protocol: int = TCP, owner: str = ""
) -> Judged:
    """Which destinations the rules of one direction admit, and by which rule."""
    if isinstance(rules, Unread):
        return everywhere(destinations, unknown(rules, owner))
    fitting = [rule for rule in rules if rule.admits(protocol, port)]
    layers = [
        (interval, number)
        for number, rule in enumerate(fitting)
        if not isinstance(rule.matches, Unread)
        for interval in rule.matches
    ]
    leftover = _leftover(fitting, owner)
    return [
        (low, high, leftover if number < 0 else _admitted(fitting[number]))
        for low, high, number in prefixes.first_match(destinations, layers)
    ]


def _admitted(rule: GroupRule) -> Answer:
    return Answer("allow", rule.group, f"{rule.id} of {rule.group} admits {rule.source}", rule=rule.id)


def _leftover(fitting: Iterable[GroupRule], owner: str) -> Answer:
    for rule in fitting:
        if isinstance(rule.matches, Unread):
            return unknown(rule.matches, rule.group)
    return Answer("deny", owner, f"no rule of {owner or 'the groups'} admits it", code=MISMATCH)


def over_wide(rules: Iterable[GroupRule]) -> list[GroupRule]:
    """The rules that admit every protocol to every address of a family."""
    return [rule for rule in rules if rule.protocol is None and rule.span in _EVERYWHERE]


_EVERYWHERE = (prefixes.IPV4_ALL, prefixes.IPV6_ALL)


def pinned(rules: Iterable[GroupRule], port: int, storage: prefixes.Ranges) -> list[GroupRule]:
    """The rules that admit part of the storage by a written-down range, narrower than a whole family."""
    return [
        rule
        for rule in rules
        if rule.span is not None
        and rule.admits(TCP, port)
        and rule.span not in _EVERYWHERE
        and prefixes.intersect([rule.span], storage)
    ]


def weight(rules: Iterable[GroupRule], group: str, version: int, lists: Any) -> int | Unread:
    """What the rules of one group, direction and family cost of the quota RULES_PER_GROUP.

    A prefix list costs its weight (AWS-managed) or its maximum size (customer-managed), whatever it holds; a rule
    that names a group costs one in each family.
    """
    total = 0
    for rule in rules:
        if rule.group != group:
            continue
        if isinstance(rule.matches, Unread) and rule.source == group and rule.protocol is None:
            return rule.matches  # the group itself was not read (parse.rules), and holds more than this one rule
        if rule.kind == "prefix_list":
            cost = list_weight(rule.source, version, lists)
            if isinstance(cost, Unread):
                return cost
            total += cost
        elif rule.span is None or prefixes.family(rule.span[0]) == version:
            total += 1
    return total


def list_weight(list_id: str, version: int, lists: Any) -> int | Unread:
    """The quota weight of a prefix list in one family; 0 where it is of the other family."""
    gone = unread(lists)
    if gone is not None:
        return gone
    listed: Any = lists.get(list_id)
    if listed is None or unread(listed) is not None:
        return unread(listed) or Unread(
            "not_collected", "ec2:DescribeManagedPrefixLists", list_id, f"{list_id} is not visible"
        )
    if listed.get("family") not in (None, f"IPv{version}"):
        return 0
    if listed.get("owner") == "AWS":
        name = _service(str(listed.get("name", "")))
        if name in MANAGED_WEIGHT:
            return MANAGED_WEIGHT[name]
    if listed.get("max_entries") is None:
        return Unread(
            "not_collected", "ec2:DescribeManagedPrefixLists", list_id, f"the weight of {list_id} is not known"
        )
    return int(listed["max_entries"])


def _service(name: str) -> str:
    """The service in an AWS-managed list's name: ``com.amazonaws.eu-west-2.ipv6.s3`` -> ``s3``."""
    return ".".join(part for part in name.split(".")[3:] if part != "ipv6")


def of(network: Mapping[str, Any], groups: Iterable[str]) -> list[str]:
    """The ids among `groups` that were read."""
    held = network.get("groups")
    if unread(held) is not None or not isinstance(held, Mapping):
        return []
    return [group for group in groups if held.get(group) is not None and unread(held[group]) is None]
