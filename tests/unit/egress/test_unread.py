# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever single fact was not read, no finding and no verdict gets greener, and nothing raises."""

from __future__ import annotations

import copy

import pytest
from ansible.module_utils.edge.egress.catalogue import CATALOGUE
from ansible.module_utils.edge.egress.checks import judge
from ansible.module_utils.edge.egress.export import exported
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.payload import Payload
from ansible.module_utils.edge.verdict import VERDICTS, decide

from tests.unit.egress import builders
from tests.unit.egress.builders import (
    DENIED,
    EDGE,
    LOCAL,
    NEW,
    OLD,
    TO_INTERNET,
    endpoint,
    entry,
    group,
    healthy,
    host,
    interface,
    prefix_list,
    route,
    rule,
    through_nat,
)

INNER = "10.0.2.80"
V6 = "2a05:d050:c000::3405:f412"


def walled():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(1, cidr="52.95.150.0/24"), rule(2, group="sg-far")]
    facts["network"]["group_members"] = {"sg-far": ["10.0.9.9"]}
    return facts


def patchy():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(1, cidr="52.95.148.0/23")]
    facts["network"]["acls"][0]["entries"].insert(0, entry(50, True, "deny", cidr="52.95.148.0/24"))
    return facts


def broken_nat():
    facts = through_nat()
    facts["network"]["nat_gateways"]["nat-1"]["state"] = "failed"
    return facts


def nat_subnet_closed():
    facts = through_nat()
    facts["network"]["acls"][1]["entries"] = [entry(100, True)]
    return facts


def blackhole():
    facts = healthy()
    facts["network"]["route_tables"][0]["routes"].append(
        route("52.95.149.0/24", "nat_gateway", "nat-0", state="blackhole")
    )
    return facts


def secondary_address():
    facts = through_nat()
    facts["network"]["route_tables"][0]["routes"] = [LOCAL, TO_INTERNET]
    facts["interface"]["addresses"] = ["10.0.1.10", "10.0.1.11"]
    facts["interface"]["public"] = {"10.0.1.10": "18.130.9.9"}
    facts["host"]["routes"][0]["prefsrc"] = "10.0.1.11"
    return facts


def dual_stack():
    """IPv6 would pass the groups, but the edge has no IPv6 route; IPv4 does not pass."""
    facts = healthy()
    facts["interface"]["ipv6"] = ["2a05:d01c:1::10"]
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(1, cidr="::/0")]
    return facts


def inner():
    facts = healthy()
    facts["network"]["endpoints"]["vpce-if"] = endpoint("vpce-if", "Interface", interfaces=["eni-if"])
    facts["network"]["targets"] = {INNER: interface("eni-if", INNER, "subnet-nat", "sg-if", type="vpc_endpoint")}
    facts["network"]["groups"]["sg-if"] = group("sg-if", rule(1, egress=False, cidr="10.0.2.0/24"))
    facts["network"]["groups"]["sg-edge"]["rules"].append(rule(2, group="sg-if"))
    facts["network"]["group_members"] = {"sg-if": [INNER]}
    return facts


def rivals():
    facts = healthy()
    facts["network"]["prefix_lists"]["pl-9"] = prefix_list("pl-9", ["52.95.148.0/23"], owner="111111111111")
    facts["network"]["route_tables"][0]["routes"].append(route("pl-9", "nat_gateway", "nat-1"))
    return facts


def own_resolver():
    facts = healthy()
    facts["network"]["dhcp_options"]["domain_name_servers"] = ["10.0.0.3"]
    return facts


def over_wide():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"].append(rule(3, protocol="-1", cidr="0.0.0.0/0"))
    return facts


def firewalled():
    facts = healthy()
    table = {"family": "inet", "table": "filter"}
    chain = {**table, "name": "output", "handle": 1, "hook": "output", "prio": 0, "policy": "drop"}
    ruleset = {"nftables": [{"chain": chain}]}
    facts["host"] = host(firewall=[{"kind": "nft", "command": "nft", "ruleset": ruleset}])
    return facts


WORLDS = {
    "healthy": (healthy, [OLD, NEW]),
    "through_nat": (through_nat, [OLD, NEW]),
    "walled": (walled, [OLD, NEW]),
    "patchy": (patchy, [OLD, NEW]),
    "broken_nat": (broken_nat, [OLD]),
    "nat_subnet_closed": (nat_subnet_closed, [OLD, NEW]),
    "blackhole": (blackhole, [OLD, NEW]),
    "secondary_address": (secondary_address, [OLD]),
    "dual_stack": (dual_stack, [OLD, V6]),
    "inner": (inner, [INNER]),
    "rivals": (rivals, [OLD, NEW]),
    "own_resolver": (own_resolver, [OLD]),
    "over_wide": (over_wide, [OLD]),
    "firewalled": (firewalled, [OLD]),
}


def places(facts, path=()):
    """The path of every fact, at every depth."""
    if isinstance(facts, dict):
        pairs = list(facts.items())
    elif isinstance(facts, list):
        pairs = list(enumerate(facts))
    else:
        return
    for key, value in pairs:
        yield (*path, key)
        yield from places(value, (*path, key))


def without(facts, path, mark):
    changed = copy.deepcopy(facts)
    held = changed
    for key in path[:-1]:
        held = held[key]
    held[path[-1]] = mark
    return changed


def judged(facts, dns):
    found = judge(EDGE, facts, {"dns": dns})
    assert {finding.check for finding in found} == set(CATALOGUE)
    return {finding.check: finding for finding in found}, decide(EDGE.name, found, CATALOGUE, Payload())


# A verdict may fall back to unknown; it may never rise to what is better than it was.
GREEN = {word: number for number, word in enumerate(VERDICTS)}


def assert_not_greener(before, after, where):
    for check, finding in before[0].items():
        if finding.status in ("fail", "unknown"):
            assert after[0][check].status != "pass", (where, check, after[0][check].observed)
    if before[1].verdict != "clear":
        assert after[1].verdict != "clear", where


# What facts.gather makes Unread: whole kinds, single things, and parts of a thing.
READ_ALONE = {"interface", "instance", "network", "host", "storage", "account", "role", "instance_type_facts"}
BELOW_NETWORK = 3


def readable(path):
    if path[0] == "network":
        return len(path) <= BELOW_NETWORK or path[-1] == "entries"
    return path[0] in READ_ALONE and (len(path) == 1 or path[0] in ("host", "storage") and len(path) == 2)


@pytest.mark.parametrize("mark", [DENIED, DENIED.to_fact()], ids=["object", "fact"])
@pytest.mark.parametrize("name", WORLDS)
def test_a_part_that_was_not_read_makes_nothing_greener(name, mark):
    build, addresses = WORLDS[name]
    facts, dns = build(), {"storage_addresses": addresses}
    before = judged(facts, dns)
    tried = 0
    for path in places(facts):
        if readable(path):
            changed = without(facts, path, mark)
            assert_not_greener(before, judged(changed, dns), path)
            exported(changed, addresses, 443)
            tried += 1
    assert tried > 30


@pytest.mark.parametrize("name", WORLDS)
def test_a_fact_that_was_not_read_at_any_depth_makes_nothing_greener(name):
    build, addresses = WORLDS[name]
    facts, dns = build(), {"storage_addresses": addresses}
    before = judged(facts, dns)
    for path in places(facts):
        if path not in (("in_aws",), ("region",)):
            assert_not_greener(before, judged(without(facts, path, DENIED), dns), path)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize(
    "dns", [DENIED, DENIED.to_fact(), {"storage_addresses": DENIED}, {"storage_addresses": []}, None]
)
def test_without_addresses_every_check_on_addresses_is_unknown(name, dns):
    build, addresses = WORLDS[name]
    facts = build()
    before = judged(facts, {"storage_addresses": addresses})
    after = judged(facts, dns)
    assert_not_greener(before, after, "dns")
    for check in ("EGRESS-20", "EGRESS-31", "EGRESS-02", "EGRESS-03"):
        assert after[0][check].status == "unknown"
    assert after[1].verdict == "unknown"


def test_facts_that_were_not_gathered_are_unknown_with_the_permission():
    found = judge(EDGE, DENIED, {"dns": {"storage_addresses": [OLD]}})
    assert {finding.status for finding in found} == {"unknown"}
    assert {finding.permissions for finding in found} == {("ec2:Describe",)}
    assert len(found) == len(CATALOGUE)


def test_an_absent_interface_fails_the_inventory_and_leaves_the_path_unknown():
    facts = healthy()
    facts["interface"] = None
    facts["interface_absent"] = "edge london-1: eni-edge does not exist in account 111111111111"
    found = builders.findings(facts)
    assert found["EGRESS-01"].status == "fail"
    assert {found[check].status for check in ("EGRESS-20", "EGRESS-30", "EGRESS-40", "EGRESS-50")} == {"unknown"}


def test_the_state_of_an_unread_fact_is_the_findings_reason():
    for state, reason in (("denied", "denied"), ("throttled", "error"), ("unreachable", "unreachable")):
        facts = healthy()
        facts["network"]["acls"] = Unread(state, "ec2:DescribeNetworkAcls", "acls", "why")
        assert builders.findings(facts)["EGRESS-30"].reason == reason
