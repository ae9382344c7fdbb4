# SPDX-License-Identifier: GPL-3.0-or-later
"""What an edge is told: blocked or in part, with the share, the ranges, the codes, and one answer for every check."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.egress.catalogue import CATALOGUE
from ansible.module_utils.edge.payload import Payload
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.verdict import decide

from tests.unit.egress.builders import (
    EDGE,
    LOCAL,
    NEW,
    OLD,
    S3_PREFIXES,
    TO_NAT,
    codes,
    endpoint,
    entry,
    findings,
    healthy,
    route,
    rule,
    through_nat,
)


def pinned(*cidrs):
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(number, cidr=cidr) for number, cidr in enumerate(cidrs)]
    return facts


def verdict(found):
    return decide(EDGE.name, found.values(), CATALOGUE, Payload()).verdict


def test_a_healthy_edge_is_clear():
    found = findings(healthy())
    assert {finding.status for finding in found.values()} == {"pass"}
    assert verdict(found) == "clear"


def test_ranges_of_years_ago_block_every_address_of_today():
    """The three ranges of S3 in eu-west-2 in 2017."""
    found = findings(pinned("52.95.150.0/24", "52.92.88.0/22", "52.95.148.0/24"), [NEW, "3.5.244.18"])
    blocked = found["EGRESS-20"]
    assert (blocked.status, blocked.resource, codes(blocked)) == ("fail", "sg-edge", {"ENI_SG_RULES_MISMATCH"})
    ranges = blocked.evidence[-1]
    assert ranges["storage_prefixes"] == len(S3_PREFIXES)
    assert ranges["storage_prefixes_covered"] == 1
    assert "52.95.149.0/24" in ranges["uncovered"] and "52.95.148.0/24" not in ranges["uncovered"]
    assert blocked.fix["prefix_list_ids"] == ["pl-7ca54015"]
    assert {found[check].status for check in ("EGRESS-21", "EGRESS-02", "EGRESS-03")} == {"not_applicable"}
    assert found["EGRESS-22"].status == "fail" and found["EGRESS-04"].status == "fail"
    assert f"leave out {len(S3_PREFIXES) - 1} of the storage's {len(S3_PREFIXES)} ranges" in found["EGRESS-22"].observed
    for check in ("EGRESS-22", "EGRESS-04"):
        assert f" and {len(S3_PREFIXES) - 7} more" in found[check].observed
    assert verdict(found) == "blocked"


def test_pinned_ranges_that_miss_some_addresses_fail_for_that_share():
    found = findings(pinned("52.95.142.0/23", "52.95.148.0/23"), [OLD, "52.95.142.10", NEW, "3.2.72.58", "3.5.244.18"])
    assert found["EGRESS-20"].status == "pass"
    assert (found["EGRESS-21"].status, found["EGRESS-21"].share) == ("fail", 0.6)
    assert NEW in found["EGRESS-21"].observed
    assert found["EGRESS-03"].status == "not_applicable"
    assert verdict(found) == "unreliable"


def test_pinned_ranges_that_cover_everything_pass_today():
    found = findings(pinned(*S3_PREFIXES))
    assert {found[check].status for check in ("EGRESS-20", "EGRESS-21", "EGRESS-22", "EGRESS-04")} == {"pass"}


def test_pinned_ranges_beside_the_prefix_list_do_no_harm():
    facts = pinned("52.95.148.0/24")
    facts["network"]["groups"]["sg-edge"]["rules"].append(rule(9, prefix_list="pl-7ca54015"))
    assert findings(facts)["EGRESS-22"].status == "pass"


def test_hops_that_each_pass_a_part_and_together_none():
    facts = pinned("52.95.148.0/23")
    facts["network"]["acls"][0]["entries"].insert(0, entry(50, True, "deny", cidr="52.95.148.0/23"))
    found = findings(facts, [OLD, NEW])
    assert (found["EGRESS-21"].share, found["EGRESS-31"].share) == (0.5, 0.5)
    assert (found["EGRESS-20"].status, found["EGRESS-30"].status) == ("pass", "pass")
    assert (found["EGRESS-02"].status, found["EGRESS-03"].status) == ("fail", "not_applicable")
    assert verdict(found) == "blocked"


def test_hops_whose_failing_parts_add_up():
    facts = pinned("52.95.142.0/23", "52.95.148.0/23", "3.5.244.0/22")
    facts["network"]["acls"][0]["entries"].insert(0, entry(50, True, "deny", cidr="3.5.244.0/22"))
    found = findings(facts, [OLD, "52.95.142.10", NEW, "3.5.244.18"])
    assert (found["EGRESS-21"].share, found["EGRESS-31"].share, found["EGRESS-03"].share) == (0.25, 0.25, 0.5)
    assert decide(EDGE.name, found.values(), CATALOGUE, Payload()).failing_share == 0.5


def test_an_address_that_an_earlier_hop_stops_still_counts_in_the_share():
    facts = through_nat()
    facts["network"]["nat_gateways"]["nat-1"]["state"] = "failed"
    facts["network"]["endpoints"]["vpce-s3"] = endpoint()
    facts["network"]["route_tables"][0]["routes"] += [
        route("1.178.94.0/24", "nat_gateway", "nat-0", state="blackhole"),
        route("3.2.72.0/24", "vpc_endpoint", "vpce-s3"),
    ]
    found = findings(facts, [OLD, NEW, "3.2.72.58"])
    assert (found["EGRESS-41"].share, found["EGRESS-51"].share) == (1 / 3, 1 / 3)
    assert found["EGRESS-03"].share == 2 / 3


def test_an_unknown_hop_is_not_hidden_by_a_failing_part():
    facts = pinned("52.95.148.0/23", "1.178.94.0/24")
    facts["network"]["route_tables"][0]["routes"] = [LOCAL, TO_NAT, route("1.178.94.0/24", "transit_gateway", "tgw-1")]
    found = findings(facts, [OLD, NEW])
    assert found["EGRESS-51"].status == "unknown" and verdict(found) == "unknown"


def test_traffic_that_takes_nat_is_told():
    found = findings(through_nat())
    assert found["EGRESS-44"].status == "fail"
    assert found["EGRESS-44"].fix["action"] == "create_gateway_endpoint"
    assert found["EGRESS-42"].status == "not_applicable"
    assert verdict(found) == "clear"


def test_no_rule_is_proposed_for_an_address_that_is_not_the_storages():
    """A name pinned to an address that S3 gave up years ago: the cure is in name resolution."""
    found = findings(healthy(), ["52.92.88.10"])
    assert found["EGRESS-20"].status == "fail"
    assert found["EGRESS-20"].fix is None
    assert "cure name resolution first" in found["EGRESS-20"].observed
    # It takes the NAT gateway, and no endpoint will change that.
    assert (found["EGRESS-44"].status, found["EGRESS-44"].fix) == ("fail", None)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"status": "available", "instance": None}, "fail"),
        ({"owner": "999999999999"}, "pass"),
        ({}, "pass"),
    ],
)
def test_the_interface(change, wanted):
    facts = healthy()
    facts["interface"].update(change)
    found = findings(facts)
    assert found["EGRESS-01"].status == wanted
    assert ("999999999999" in found["EGRESS-01"].observed) == ("owner" in change)


def test_a_stopped_instance_fails_the_inventory():
    facts = healthy()
    facts["instance"]["state"] = "stopped"
    assert findings(facts)["EGRESS-01"].status == "fail"


OUTSIDE = Edge(name="harbour", storage_kind="s3_compatible", storage_cidrs=("5.9.0.0/16",))


def test_outside_of_aws_the_edges_own_firewall_still_counts():
    facts = {
        "in_aws": False,
        "storage": {"kind": "s3_compatible", "prefixes": ["5.9.0.0/16"]},
        "host": healthy()["host"],
    }
    found = findings(facts, ["5.9.1.1"], OUTSIDE)
    aws = [check for check in CATALOGUE if CATALOGUE[check].hop not in ("host_firewall", "gateway")]
    assert {found[check].status for check in aws} == {"not_applicable"}
    assert {found[check].status for check in ("EGRESS-10", "EGRESS-11", "EGRESS-02", "EGRESS-04")} == {"pass"}
    assert decide("harbour", found.values(), CATALOGUE, Payload()).verdict == "clear"


def test_storage_that_is_not_amazons_from_within_aws():
    edge = Edge(name="e", region="eu-west-2", interface_id="eni-edge", storage_kind="s3_compatible",
                storage_cidrs=("5.9.0.0/16",))  # fmt: skip
    facts = through_nat()
    facts["storage"] = {"kind": "s3_compatible", "prefixes": ["5.9.0.0/16"], "source": "edge_storage_cidrs"}
    found = findings(facts, ["5.9.1.1"], edge)
    assert found["EGRESS-20"].fix["cidrs"] == ["5.9.0.0/16"]
    assert {found[check].status for check in ("EGRESS-42", "EGRESS-44")} == {"not_applicable"}
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(1, cidr="5.9.0.0/16")]
    assert findings(facts, ["5.9.1.1"], edge)["EGRESS-02"].status == "pass"


@pytest.mark.parametrize(("port", "wanted"), [(8333, "fail"), (443, "pass")])
def test_the_port_is_that_of_the_storage_endpoint(port, wanted):
    edge = Edge(name="e", region="eu-west-2", interface_id="eni-edge", storage_endpoint=f"https://s3.test:{port}")
    assert findings(healthy(), [OLD], edge)["EGRESS-20"].status == wanted


def test_every_check_answers_and_says_where_its_rule_comes_from():
    assert all(check.source and check.remediation and check.id.startswith("EGRESS-") for check in CATALOGUE.values())
    assert not [check for check in CATALOGUE.values() if check.effect == "truncates"]


# Defects that were read in the field's nearest tools, as cases.
def test_udp_443_is_no_way_out():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(1, protocol="udp", cidr="0.0.0.0/0")]
    assert findings(facts)["EGRESS-20"].status == "fail"


def test_a_network_acl_for_another_protocol_is_no_way_out():
    facts = healthy()
    facts["network"]["acls"][0]["entries"] = [entry(1, True, protocol="17"), entry(1, False, protocol="17")]
    assert findings(facts)["EGRESS-30"].status == "fail"


def test_a_gateway_endpoint_is_seen_through_its_prefix_list_route():
    facts = healthy()
    facts["network"]["route_tables"][0]["routes"].remove(TO_NAT)
    found = findings(facts)
    assert found["EGRESS-40"].status == "pass" and "vpce-s3" in found["EGRESS-50"].observed


def test_a_group_without_any_egress_rule_is_not_compliant():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = []
    assert findings(facts)["EGRESS-20"].status == "fail"
