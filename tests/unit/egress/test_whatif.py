# SPDX-License-Identifier: GPL-3.0-or-later
"""Every proposed change cures what it was proposed for, in the same analysis, and changes no facts of its own."""

from __future__ import annotations

import copy

import pytest
from ansible.module_utils.edge.egress import acl, whatif

from tests.unit.egress import builders
from tests.unit.egress.builders import NEW, OLD, entry, findings, healthy, host, rule, through_nat
from tests.unit.egress.test_unread import WORLDS

ADDRESSES = [OLD, NEW]


def cured(facts, check, addresses=ADDRESSES, hop_checks=()):
    before = copy.deepcopy(facts)
    found = findings(facts, addresses)
    assert found[check].status == "fail"
    fix = found[check].fix
    assert fix["summary"]
    after = findings(whatif.apply(facts, fix), addresses)
    assert facts == before
    for name in (check, *hop_checks):
        assert after[name].status in ("pass", "not_applicable"), after[name].observed
    return fix


def groups(*rules):
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = list(rules)
    return facts


def test_a_rule_for_the_prefix_list():
    fix = cured(groups(), "EGRESS-20", hop_checks=["EGRESS-21", "EGRESS-04", "EGRESS-22"])
    assert fix["action"] == "authorize_security_group_egress"
    assert fix["weight"] == {"now": 0, "adds": 1, "limit": 60}
    cured(groups(rule(1, cidr="52.95.148.0/23")), "EGRESS-21")
    cured(groups(rule(1, cidr="52.95.148.0/23")), "EGRESS-22")


def test_ranges_where_no_prefix_list_holds_them():
    facts = groups()
    facts["storage"]["lists"] = []
    assert cured(facts, "EGRESS-20")["cidrs"] == ["1.178.94.0/24", "52.95.148.0/23"]


def test_the_roomiest_group_is_chosen():
    facts = groups(rule(1, cidr="10.0.0.0/8"), rule(2, cidr="10.1.0.0/16"))
    facts["interface"]["groups"].append("sg-other")
    facts["network"]["groups"]["sg-other"] = builders.group("sg-other", rule(3, cidr="10.0.0.0/8"))
    assert cured(facts, "EGRESS-20")["group_id"] == "sg-other"


def test_a_narrower_rule_in_place_of_everything():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(1, protocol="-1", cidr="0.0.0.0/0")]
    fix = cured(facts, "EGRESS-23", hop_checks=["EGRESS-20", "EGRESS-21"])
    assert fix["revoke"] == [{"group_id": "sg-edge", "rule_id": "sgr-1"}]


def edge_acl(*entries):
    facts = healthy()
    facts["network"]["acls"][0]["entries"] = list(entries)
    return facts


@pytest.mark.parametrize(
    ("entries", "numbers"),
    [
        # Nothing at all: out, and back in.
        ([], 2),
        ([entry(100, True)], 1),
        ([entry(100, False)], 1),
        # A denial needs an entry before it.
        ([entry(5, True, "deny"), entry(100, True), entry(100, False)], 1),
        (
            [
                entry(100, True),
                entry(90, False, "deny", protocol="6", **{"from": 40000, "to": 50000}),
                entry(100, False),
            ],
            1,
        ),
    ],
)
def test_network_acl_entries(entries, numbers):
    facts = edge_acl(*entries)
    failing = "EGRESS-31" if numbers == 1 and len(entries) == 3 and entries[1]["action"] == "deny" else "EGRESS-30"
    fix = cured(facts, failing, hop_checks=["EGRESS-31"])
    assert fix["action"] == "create_network_acl_entries"
    assert len({item["egress"] for item in fix["entries"]}) == numbers
    taken = {(item["number"], item["egress"]) for item in entries}
    chosen = [(item["rule_number"], item["egress"]) for item in fix["entries"]]
    assert not taken & set(chosen) and len(set(chosen)) == len(chosen)
    assert all(1 <= number <= acl.LAST_NUMBER for number, _ in chosen)


def test_a_full_network_acl_gets_one_entry_for_all():
    facts = edge_acl(*[entry(number, True, cidr=f"10.{number}.0.0/16") for number in range(1, 20)], entry(100, False))
    fix = cured(facts, "EGRESS-30")
    assert [item["cidr"] for item in fix["entries"]] == ["0.0.0.0/0"]
    assert fix["action"] == "open_network_acl_entries"


def test_no_entry_is_proposed_where_no_number_is_free_before_the_denial():
    facts = edge_acl(entry(1, True, "deny"), entry(100, True), entry(100, False))
    assert findings(facts, ADDRESSES)["EGRESS-30"].fix is None


def test_the_nat_gateways_subnet_is_cured_too():
    facts = through_nat()
    facts["network"]["acls"][1]["entries"] = []
    fix = cured(facts, "EGRESS-30", hop_checks=["EGRESS-31"])
    assert {item["network_acl_id"] for item in fix["entries"]} == {"acl-nat"}
    assert len(fix["entries"]) >= 4


def test_a_gateway_endpoint_in_place_of_a_dead_route():
    facts = through_nat()
    facts["network"]["route_tables"][0]["routes"] = [builders.LOCAL]
    assert cured(facts, "EGRESS-40")["action"] == "create_gateway_endpoint"
    facts["network"]["endpoints"] = {"vpce-s3": builders.endpoint(route_tables=[])}
    assert cured(facts, "EGRESS-40")["action"] == "associate_gateway_endpoint"


def test_a_gateway_endpoint_in_place_of_a_broken_nat_gateway():
    build, addresses = WORLDS["broken_nat"]
    cured(build(), "EGRESS-50", addresses)
    cured(through_nat(), "EGRESS-44")


def test_the_endpoints_group_lets_the_edge_in():
    build, addresses = WORLDS["inner"]
    fix = cured(build(), "EGRESS-50", addresses)
    assert (fix["group_id"], fix["source_group_id"]) == ("sg-if", "sg-edge")


def firewalled(hook, policy="drop"):
    table = {"family": "inet", "table": "filter"}
    chain = {**table, "name": hook, "handle": 1, "hook": hook, "prio": 0, "policy": policy}
    facts = healthy()
    facts["host"] = host(firewall=[{"kind": "nft", "command": "nft", "ruleset": {"nftables": [{"chain": chain}]}}])
    return facts


@pytest.mark.parametrize("hook", ["output", "input"])
def test_the_edges_own_firewall(hook):
    fix = cured(firewalled(hook), "EGRESS-10")
    assert (fix["chain"], fix["hook"]) == (hook, hook)


@pytest.mark.parametrize(
    "fix", [{}, {"action": "reboot"}, {"action": "authorize_security_group_egress", "group_id": "sg-x"}]
)
def test_a_change_that_does_not_fit_is_refused(fix):
    with pytest.raises(ValueError):
        whatif.apply(healthy(), fix)
