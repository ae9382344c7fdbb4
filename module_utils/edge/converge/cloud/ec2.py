# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of security groups, entries of network ACLs, attributes of a VPC.

States:
    security_group_egress, _ingress   [{"protocol", "from", "to", "kind": cidr | prefix_list | group, "source", "owner",
                                      "description"}], sorted; rule ids are left out: a rule that comes back has another
    network_acl                       [{"number", "egress", "protocol", "from", "to", "icmp", "action", "cidr"}], sorted
    vpc_attribute (vpc-1/enableDnsSupport)   bool
Source: Amazon EC2 API Reference (DescribeSecurityGroupRules, CreateNetworkAclEntry, ModifyVpcAttribute).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..model import State
from .api import Cloud, odd, told
from .kind import Kind, merge_items, ordered, text

Rule = Mapping[str, Any]
# The entry that denies what no other admits: nobody can change it.
_LAST = 32767
# Those that a group's rules are told by their names (SecurityGroupRule, IpProtocol).
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}


def rule_key(rule: Rule) -> str:
    """What makes two rules the same for AWS: all but the description."""
    return text({name: value for name, value in rule.items() if name != "description"})


def network(cidr: str) -> str:
    """A network as EC2 writes it: without the bits of a host, an address of IPv6 in its short form."""
    try:
        return str(ipaddress.ip_network(cidr, strict=False))
    except ValueError:
        return cidr


def rule(protocol: str, low: Any, high: Any, kind: str, source: str, description: str | None = None) -> dict[str, Any]:
    """A rule as it stands in a state."""
    ports = (None, None) if protocol == "-1" else (low, high)
    return {
        "protocol": _PROTOCOLS.get(protocol, protocol),
        "from": ports[0],
        "to": ports[1],
        "kind": kind,
        "source": network(source) if kind == "cidr" else source,
        "owner": None,
        "description": description,
    }


def _rule(item: Mapping[str, Any], own: str | None) -> dict[str, Any]:
    referenced = item.get("ReferencedGroupInfo") or {}
    if item.get("PrefixListId"):
        kind, source = "prefix_list", item["PrefixListId"]
    elif referenced.get("GroupId"):
        kind, source = "group", referenced["GroupId"]
    else:
        kind, source = "cidr", item.get("CidrIpv4") or item.get("CidrIpv6")
    made = rule(str(item["IpProtocol"]), item.get("FromPort"), item.get("ToPort"), kind, str(source))
    # Only a group of another account is named with its owner.
    owner = referenced.get("UserId")
    return {**made, "owner": owner if owner != own else None, "description": item.get("Description") or None}


def _read_rules(egress: bool) -> Callable[[Cloud, str], State]:
    def read(cloud: Cloud, name: str) -> State:
        items = cloud.get(
            "ec2",
            "describe_security_group_rules",
            "SecurityGroupRules",
            resource=f"security group {name}",
            Filters=[{"Name": "group-id", "Values": [name]}],
        )
        found = [item for item in items or () if bool(item.get("IsEgress")) == egress]
        return ordered(_rule(item, item.get("GroupOwnerId")) for item in found)

    return read


def _permission(item: Rule) -> dict[str, Any]:
    told = {"Description": item["description"]} if item["description"] else {}
    places = {
        "prefix_list": {"PrefixListIds": [{"PrefixListId": item["source"], **told}]},
        "group": {
            "UserIdGroupPairs": [
                {"GroupId": item["source"], **({"UserId": item["owner"]} if item["owner"] else {}), **told}
            ]
        },
        "cidr": (
            {"Ipv6Ranges": [{"CidrIpv6": item["source"], **told}]}
            if ":" in item["source"]
            else {"IpRanges": [{"CidrIp": item["source"], **told}]}
        ),
    }
    ports = {name: item[key] for name, key in (("FromPort", "from"), ("ToPort", "to")) if item[key] is not None}
    return {"IpProtocol": item["protocol"], **ports, **places[item["kind"]]}


def _write_rules(way: str) -> Callable[[Cloud, str, State, State], None]:
    def write(cloud: Cloud, name: str, before: State, after: State) -> None:
        """First what is to come, then what is to go, so that no connection loses its rule in between."""
        was = {rule_key(item): item for item in before}
        wanted = {rule_key(item): item for item in after}
        steps: list[tuple[str, Sequence[Rule]]] = [
            (f"authorize_security_group_{way}", [item for key, item in wanted.items() if key not in was]),
            (f"revoke_security_group_{way}", [item for key, item in was.items() if key not in wanted]),
        ]
        for operation, rules in steps:
            if rules:
                permissions = [_permission(item) for item in rules]
                cloud.put("ec2", operation, resource=f"security group {name}", GroupId=name, IpPermissions=permissions)

    return write


def _entry(item: Mapping[str, Any]) -> dict[str, Any]:
    ports, icmp = item.get("PortRange") or {}, item.get("IcmpTypeCode") or {}
    return {
        "number": int(item["RuleNumber"]),
        "egress": bool(item.get("Egress")),
        "protocol": str(item["Protocol"]),
        "from": ports.get("From"),
        "to": ports.get("To"),
        "icmp": [icmp["Type"], icmp["Code"]] if icmp.get("Type") is not None else None,
        "action": item["RuleAction"],
        "cidr": item.get("CidrBlock") or item.get("Ipv6CidrBlock"),
    }


def entry_key(item: Mapping[str, Any]) -> tuple[int, bool]:
    return int(item["number"]), bool(item["egress"])


def _read_acl(cloud: Cloud, name: str) -> State:
    found = cloud.get(
        "ec2", "describe_network_acls", "NetworkAcls", resource=f"network ACL {name}", NetworkAclIds=[name]
    )
    if found is None:
        return None
    what = f"network ACL {name}"
    entries = told(_only(found, what), "Entries", what)
    return ordered(entry for entry in map(_entry, entries) if entry["number"] < _LAST)


def _only(found: Any, what: str) -> Mapping[str, Any]:
    """The one thing that was asked for by its id: an answer without it is none, and no word that it is gone."""
    if len(found) != 1:
        raise odd(what, f"the answer tells of {len(found)} things")
    return dict(found[0])


def _write_acl(cloud: Cloud, name: str, before: State, after: State) -> None:
    """What takes another's number replaces it in one call; what is new comes before what is old goes."""
    was = {entry_key(item): item for item in before or ()}
    wanted = {entry_key(item): item for item in after or ()}
    for key, item in wanted.items():
        if was.get(key) == item:
            continue
        operation = "replace_network_acl_entry" if key in was else "create_network_acl_entry"
        cloud.put("ec2", operation, resource=f"network ACL {name}", NetworkAclId=name, **_entry_given(item))
    for number, egress in [key for key in was if key not in wanted]:
        gone = {"NetworkAclId": name, "RuleNumber": number, "Egress": egress}
        cloud.put("ec2", "delete_network_acl_entry", resource=f"network ACL {name}", **gone)


def _entry_given(item: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {
        "RuleNumber": item["number"],
        "Egress": item["egress"],
        "Protocol": item["protocol"],
        "RuleAction": item["action"],
        ("Ipv6CidrBlock" if ":" in item["cidr"] else "CidrBlock"): item["cidr"],
    }
    if item["from"] is not None:
        given["PortRange"] = {"From": item["from"], "To": item["to"]}
    if item["icmp"] is not None:
        given["IcmpTypeCode"] = {"Type": item["icmp"][0], "Code": item["icmp"][1]}
    return given


def _merge_acl(before: State, after: State, current: State) -> State:
    """By number: ours go where they still stand as we left them; a number that another took meanwhile stays his."""
    if current is None:
        return None
    was, made, now = ({entry_key(item): item for item in held or ()} for held in (before, after, current))
    for key in {*was, *made}:
        if was.get(key) != made.get(key) and now.get(key) == made.get(key):
            now.pop(key, None)
            if key in was:
                now[key] = was[key]
    return ordered(now.values())


def _attribute(name: str) -> tuple[str, str]:
    vpc, _, attribute = name.partition("/")
    return vpc, attribute


def _read_attribute(cloud: Cloud, name: str) -> State:
    vpc, attribute = _attribute(name)
    answer = cloud.get(
        "ec2", "describe_vpc_attribute", resource=f"{attribute} of {vpc}", VpcId=vpc, Attribute=attribute
    )
    if answer is None:
        return None
    what = f"{attribute} of {vpc}"
    held = told(answer, attribute[0].upper() + attribute[1:], what)
    return told(held, "Value", what, (True, False))


def _write_attribute(cloud: Cloud, name: str, _before: State, after: State) -> None:
    vpc, attribute = _attribute(name)
    given = {attribute[0].upper() + attribute[1:]: {"Value": after}}
    cloud.put("ec2", "modify_vpc_attribute", resource=f"{attribute} of {vpc}", VpcId=vpc, **given)


KINDS = {
    "security_group_egress": Kind(_read_rules(True), _write_rules("egress"), merge_items(rule_key)),
    "security_group_ingress": Kind(_read_rules(False), _write_rules("ingress"), merge_items(rule_key)),
    "network_acl": Kind(_read_acl, _write_acl, _merge_acl),
    "vpc_attribute": Kind(_read_attribute, _write_attribute),
}
