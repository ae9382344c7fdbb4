# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands at the end of a route: its state, its own way on, and what of it cannot be seen from here."""

from __future__ import annotations

import pytest

from tests.unit.egress.builders import (
    DENIED,
    LOCAL,
    NEW,
    OLD,
    TO_INTERNET,
    TO_NAT,
    codes,
    endpoint,
    entry,
    findings,
    group,
    healthy,
    interface,
    route,
    rule,
    table,
    through_nat,
)

NAT_TABLE = 1


def to(*routes, **network):
    """The edge's table with these routes, and no gateway endpoint."""
    facts = through_nat()
    facts["network"]["route_tables"][0]["routes"] = [LOCAL, *routes]
    facts["network"].update(network)
    return facts


def gateway(facts, addresses=(OLD,)):
    found = findings(facts, addresses)
    return found["EGRESS-50"].status, codes(found["EGRESS-50"])


def changed(facts, kind, name, **fields):
    facts["network"][kind][name].update(fields)
    return facts


def public(facts):
    facts["interface"]["public"] = {"10.0.1.10": "18.130.9.9"}
    return facts


@pytest.mark.parametrize("state", ["failed", "deleting", "deleted", "pending"])
def test_a_nat_gateway_must_be_available(state):
    facts = changed(through_nat(), "nat_gateways", "nat-1", state=state, failure="no Elastic IP")
    assert gateway(facts) == ("fail", {"BAD_STATE"})


def test_a_nat_gateways_own_subnet_needs_a_route_on():
    facts = through_nat()
    facts["network"]["route_tables"][NAT_TABLE]["routes"] = [LOCAL]
    assert gateway(facts) == ("fail", {"NO_ROUTE_TO_DESTINATION"})
    facts["network"]["route_tables"][NAT_TABLE]["routes"] = [LOCAL, TO_NAT]
    assert gateway(facts) == ("fail", {"CANNOT_ROUTE"})
    facts["network"]["route_tables"][NAT_TABLE]["routes"] = [LOCAL, {**TO_INTERNET, "state": "blackhole"}]
    assert gateway(facts) == ("fail", {"BAD_STATE_ROUTE"})


def test_a_nat_gateway_in_the_edges_own_subnet_leads_back_to_itself():
    facts = changed(through_nat(), "nat_gateways", "nat-1", subnet="subnet-edge")
    assert gateway(facts) == ("fail", {"CANNOT_ROUTE"})


def test_the_internet_gateway_behind_nat_must_be_attached():
    facts = changed(through_nat(), "internet_gateways", "igw-1", attachments={"vpc-9": "available"})
    assert gateway(facts) == ("fail", {"BAD_STATE_ATTACHMENT"})


def test_an_internet_gateway_drops_what_comes_from_a_private_nat_gateway():
    facts = changed(through_nat(), "nat_gateways", "nat-1", connectivity="private", public=[])
    assert gateway(facts) == ("fail", {"IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"})


def test_a_regional_nat_gateway_has_a_table_of_its_own_and_no_subnet():
    facts = changed(through_nat(), "nat_gateways", "nat-1", subnet=None, route_table="rtb-regional")
    assert gateway(facts)[0] == "unknown"
    facts["network"]["route_tables"].append(table("rtb-regional", [], LOCAL, TO_INTERNET))
    facts["network"]["acls"] = facts["network"]["acls"][:1]
    found = findings(facts, [OLD])
    assert (found["EGRESS-50"].status, found["EGRESS-30"].status) == ("pass", "pass")


def test_what_lies_behind_nat_beyond_the_internet_gateway_is_unknown():
    facts = through_nat()
    onward = route("0.0.0.0/0", "transit_gateway", "tgw-1")
    facts["network"]["route_tables"][NAT_TABLE]["routes"] = [LOCAL, onward]
    assert gateway(facts)[0] == "unknown"


def test_an_internet_gateway_needs_a_public_address():
    facts = to(TO_INTERNET)
    assert gateway(facts) == ("fail", {"IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"})
    assert gateway(public(facts))[0] == "pass"
    detached = changed(facts, "internet_gateways", "igw-1", attachments={"vpc-1": "detaching"})
    assert gateway(detached) == ("fail", {"BAD_STATE_ATTACHMENT"})


def test_a_secondary_address_without_a_public_one():
    """Which address the edge uses decides; where that was not read and it matters, it is unknown."""
    facts = public(to(TO_INTERNET))
    facts["interface"]["addresses"] = ["10.0.1.10", "10.0.1.11"]
    assert gateway(facts)[0] == "pass"
    facts["host"]["routes"][0]["prefsrc"] = "10.0.1.11"
    assert gateway(facts)[0] == "fail"
    facts["host"]["routes"] = DENIED
    assert gateway(facts)[0] == "unknown"


def test_answers_that_a_gateways_own_table_sends_to_an_appliance_are_unknown():
    facts = public(to(TO_INTERNET))
    edge_routing = table("rtb-igw", [], route("10.0.1.0/24", "network_interface", "eni-9"), LOCAL, gateways=["igw-1"])
    facts["network"]["route_tables"].append(edge_routing)
    assert gateway(facts)[0] == "unknown"


V6_OLD = "2a05:d050:c000::3405:f412"


def ipv6(facts):
    facts["interface"]["ipv6"] = ["2a05:d01c:1::10"]
    facts["host"]["routes6"] = [{"dst": "default", "dev": "ens5"}]
    facts["network"]["groups"]["sg-edge"]["rules"].append(rule(6, cidr="::/0"))
    for held in facts["network"]["acls"]:
        held["entries"] += [entry(101, True, cidr="::/0"), entry(101, False, cidr="::/0")]
    return facts


def test_egress_only_gateways_carry_ipv6_alone():
    to_eigw = route("::/0", "egress_only_gateway", "eigw-1")
    facts = ipv6(to(TO_NAT, to_eigw))
    found = findings(facts, [OLD, V6_OLD])
    assert (found["EGRESS-51"].status, found["EGRESS-31"].status, found["EGRESS-03"].status) == ("pass",) * 3
    wrong = to(route("0.0.0.0/0", "egress_only_gateway", "eigw-1"))
    assert gateway(wrong)[0] == "fail"
    detached = changed(facts, "egress_only_gateways", "eigw-1", attachments={})
    assert findings(detached, [OLD, V6_OLD])["EGRESS-51"].status == "fail"


def test_the_gateway_endpoint_is_ipv4_only():
    """Its prefix list holds IPv4 alone: the IPv6 addresses of a dual-stack name have no route."""
    facts = ipv6(healthy())
    found = findings(facts, [OLD, V6_OLD])
    assert (found["EGRESS-41"].status, found["EGRESS-41"].share) == ("fail", 0.5)


def test_ipv6_counts_only_where_the_edge_has_it():
    facts = healthy()
    found = findings(facts, [OLD, V6_OLD])
    assert found["EGRESS-03"].status == "pass"
    assert "1 IPv6 addresses do not count" in found["EGRESS-02"].observed
    with_address = ipv6(healthy())
    with_address["host"]["routes6"] = []
    assert findings(with_address, [OLD, V6_OLD])["EGRESS-41"].status == "pass"
    with_address["host"]["routes6"] = DENIED
    assert findings(with_address, [OLD, V6_OLD])["EGRESS-41"].status == "fail"
    # Where there is nothing but IPv6, it counts, and fails.
    assert findings(healthy(), [V6_OLD])["EGRESS-40"].status == "fail"


@pytest.mark.parametrize("state", ["pending", "deleted", "failed", "Rejected"])
def test_the_gateway_endpoint_must_be_available(state):
    assert gateway(changed(healthy(), "endpoints", "vpce-s3", state=state)) == ("fail", {"BAD_STATE"})


def test_a_gateway_endpoint_of_another_account_is_unknown():
    facts = healthy()
    facts["network"]["endpoints"] = {}
    assert gateway(facts)[0] == "unknown"


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("transit_gateway", "tgw-1"),
        ("virtual_private_gateway", "vgw-1"),
        ("vpc_peering", "pcx-1"),
        ("core_network", "arn:aws:networkmanager::111111111111:core-network/core-1"),
        ("local_gateway", "lgw-1"),
        ("other", "x-1"),
    ],
)
def test_targets_whose_far_side_cannot_be_seen_are_unknown(kind, target):
    found = findings(to(route("0.0.0.0/0", kind, target)), [OLD])
    assert found["EGRESS-50"].status == "unknown"
    assert target in found["EGRESS-50"].observed
    # Network ACLs further on are hidden as well.
    assert found["EGRESS-30"].status == "unknown"


def test_a_gateway_load_balancer_endpoint_is_unknown():
    facts = to(route("0.0.0.0/0", "vpc_endpoint", "vpce-fw"))
    facts["network"]["endpoints"] = {"vpce-fw": endpoint("vpce-fw", "GatewayLoadBalancer", service="fw")}
    assert gateway(facts)[0] == "unknown"


@pytest.mark.parametrize(
    ("check", "wanted"), [(True, ("fail", {"ENI_SOURCE_DEST_CHECK_RESTRICTION"})), (False, ("unknown", set()))]
)
def test_an_appliance_must_not_check_source_and_destination(check, wanted):
    facts = to(route("0.0.0.0/0", "network_interface", "eni-nat"))
    appliance = interface("eni-nat", "10.0.2.9", "subnet-nat", "sg-edge", source_dest_check=check)
    facts["network"]["route_interfaces"] = {"eni-nat": appliance}
    status, found = gateway(facts)
    assert status == wanted[0] and found >= wanted[1]


INNER = "10.0.2.80"


def with_interface_endpoint(*ingress, edge_groups=("sg-edge",)):
    """The storage names resolve to an interface endpoint in another subnet."""
    facts = healthy()
    facts["interface"]["groups"] = list(edge_groups)
    facts["network"]["endpoints"]["vpce-if"] = endpoint(
        "vpce-if", "Interface", interfaces=["eni-if"], groups=["sg-if"], route_tables=[], private_dns=True
    )
    target = interface("eni-if", INNER, "subnet-nat", "sg-if", type="vpc_endpoint")
    facts["network"]["targets"] = {INNER: target}
    facts["network"]["groups"]["sg-if"] = group("sg-if", *ingress)
    facts["network"]["groups"]["sg-edge"]["rules"].append(rule(2, cidr="10.0.0.0/16"))
    return facts


@pytest.mark.parametrize(
    ("ingress", "wanted"),
    [
        ([rule(1, egress=False, cidr="10.0.0.0/16")], "pass"),
        ([rule(1, egress=False, group="sg-edge")], "pass"),
        ([rule(1, egress=False, cidr="10.0.2.0/24")], "fail"),
        ([rule(1, egress=False, protocol="udp", cidr="10.0.0.0/16")], "fail"),
        ([rule(1, egress=True, cidr="0.0.0.0/0")], "fail"),
        ([rule(1, egress=False, group="sg-far")], "unknown"),
        ([], "fail"),
    ],
)
def test_the_groups_of_an_interface_endpoint_must_let_the_edge_in(ingress, wanted):
    found = findings(with_interface_endpoint(*ingress), [INNER])
    assert found["EGRESS-50"].status == wanted
    if wanted == "fail":
        assert codes(found["EGRESS-50"]) == {"ENI_SG_RULES_MISMATCH"}
        assert found["EGRESS-50"].fix["group_id"] == "sg-if"
        assert found["EGRESS-50"].resource == "vpce-if"


OPEN = rule(1, egress=False, cidr="10.0.0.0/16")


def test_the_endpoints_subnet_has_a_network_acl_too():
    facts = with_interface_endpoint(OPEN)
    facts["network"]["acls"][1]["entries"] = [entry(100, True)]
    assert findings(facts, [INNER])["EGRESS-30"].status == "fail"
    facts["network"]["acls"][1]["entries"] = [entry(100, False)]
    assert findings(facts, [INNER])["EGRESS-30"].status == "fail"


def test_public_ranges_do_not_matter_to_an_edge_behind_an_interface_endpoint():
    facts = with_interface_endpoint(OPEN)
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(2, cidr="10.0.0.0/16")]
    found = findings(facts, [INNER])
    assert (found["EGRESS-20"].status, found["EGRESS-04"].status) == ("pass", "not_applicable")


@pytest.mark.parametrize("kind", ["endpoints", "targets"])
def test_what_was_not_read_of_an_inner_target_is_unknown(kind):
    facts = with_interface_endpoint(OPEN)
    facts["network"][kind] = DENIED
    assert findings(facts, [INNER])["EGRESS-50"].status == "unknown"
    facts["network"][kind] = {}
    assert findings(facts, [INNER])["EGRESS-50"].status == ("unknown" if kind == "targets" else "pass")


def test_an_interface_endpoint_must_be_available():
    facts = changed(with_interface_endpoint(OPEN), "endpoints", "vpce-if", state="deleting")
    assert gateway(facts, [INNER]) == ("fail", {"BAD_STATE"})


def test_storage_on_loopback_never_leaves_the_edge():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = []
    facts["network"]["route_tables"][0]["routes"] = []
    found = findings(facts, ["127.0.0.1"])
    assert found["EGRESS-02"].status == "pass"


def test_each_address_takes_its_own_way():
    facts = healthy()
    facts["network"]["route_tables"][0]["routes"].append(route("1.178.94.0/24", "transit_gateway", "tgw-1"))
    found = findings(facts, [OLD, NEW])
    assert (found["EGRESS-50"].status, found["EGRESS-51"].status) == ("pass", "unknown")
