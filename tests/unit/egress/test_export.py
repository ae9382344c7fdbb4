# SPDX-License-Identifier: GPL-3.0-or-later
"""What the domains downstream are told: the route, the endpoint's policy, and the bounds on the way."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.egress.export import exported
from ansible.module_utils.edge.finding import Bound, unread

from tests.unit.egress.builders import (
    DENIED,
    NEW,
    OLD,
    TO_NAT,
    endpoint,
    healthy,
    interface,
    route,
    rule,
    through_nat,
)

INNER = "10.0.2.80"


def told(facts, addresses=(OLD, NEW)):
    return exported(facts, addresses if unread(addresses) else list(addresses), 443)


def limits(facts, addresses=(OLD, NEW)):
    found = [Bound.from_dict(data) for data in told(facts, addresses)["bounds"]]
    assert all(bound.kind == "idle" and bound.reset_by == "packets" and bound.source for bound in found)
    return {(bound.hop, bound.setting): bound.seconds for bound in found}


TRACKING = ("security_group", "TcpEstablishedTimeout")


def test_the_gateway_endpoint_has_no_idle_bound_of_its_own():
    facts = told(healthy())
    assert facts["route"] == {"kind": "gateway_endpoint", "id": "vpce-s3", "source_ip": None, "state": "allow"}
    assert facts["endpoint_policy"]["id"] == "vpce-s3"
    assert facts["private_addresses"] == ["10.0.1.10"] and facts["vpc_id"] == "vpc-1"
    assert limits(healthy()) == {TRACKING: 432000.0}


def test_a_nat_gateway_forgets_after_350_seconds():
    facts = told(through_nat())
    assert (facts["route"]["kind"], facts["route"]["source_ip"]) == ("nat_gateway", "18.130.1.2")
    assert facts["endpoint_policy"] is None
    assert limits(through_nat()) == {("gateway", "NAT gateway idle timeout"): 350.0, TRACKING: 432000.0}


def test_an_interface_endpoint_forgets_after_350_seconds_and_has_a_policy():
    facts = healthy()
    facts["network"]["endpoints"]["vpce-if"] = endpoint("vpce-if", "Interface", interfaces=["eni-if"], policy={"a": 1})
    facts["network"]["targets"] = {INNER: interface("eni-if", INNER, "subnet-nat", "sg-edge", type="vpc_endpoint")}
    assert told(facts, [INNER])["route"]["kind"] == "interface_endpoint"
    assert told(facts, [INNER])["endpoint_policy"] == {"id": "vpce-if", "document": {"a": 1}}
    assert limits(facts, [INNER])["gateway", "interface endpoint idle timeout"] == 350.0


@pytest.mark.parametrize(
    ("explicit", "default", "wanted"),
    [(None, None, 432000.0), (None, 350, 350.0), (3600, 350, 3600.0), (86400, None, 86400.0)],
)
def test_connection_tracking_of_the_interface(explicit, default, wanted):
    facts = healthy()
    facts["interface"]["tracking"]["tcp_established"] = explicit
    facts["instance_type_facts"]["tcp_established"] = default
    assert limits(facts)[TRACKING] == wanted


ALL_TCP = {"protocol": "tcp", "ports": (0, 65535), "cidr": "0.0.0.0/0"}


@pytest.mark.parametrize(
    ("rules", "tracked"),
    [
        ([rule(1, **ALL_TCP), rule(2, egress=False, **ALL_TCP)], False),
        ([rule(1, protocol="-1", cidr="0.0.0.0/0"), rule(2, egress=False, protocol="-1", cidr="0.0.0.0/0")], False),
        # One direction alone leaves the flow tracked, and so does the other family.
        ([rule(1, **ALL_TCP)], True),
        ([rule(1, **ALL_TCP), rule(2, egress=False, **{**ALL_TCP, "cidr": "::/0"})], True),
        ([rule(1, **ALL_TCP), rule(2, egress=False, **{**ALL_TCP, "ports": (443, 443)})], True),
    ],
)
def test_untracked_flows_are_not_forgotten(rules, tracked):
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = rules
    assert (TRACKING in limits(facts)) == tracked
    # Through a NAT gateway every flow is tracked.
    facts["network"]["route_tables"][0]["routes"] = [TO_NAT]
    assert TRACKING in limits(facts)


def test_without_addresses_the_route_is_that_of_the_ranges():
    assert told(healthy(), DENIED)["route"]["kind"] == "gateway_endpoint"
    facts = healthy()
    facts["storage"]["prefixes"] = DENIED
    assert unread(told(facts, DENIED)["route"]) is not None
    assert unread(told(facts, DENIED)["bounds"]) is not None


@pytest.mark.parametrize("kind", ["route_tables", "prefix_lists", "endpoints"])
def test_what_hides_the_way_is_not_told_as_no_way(kind):
    facts = healthy()
    facts["network"][kind] = DENIED
    found = told(facts)
    assert unread(found["endpoint_policy"]) == DENIED
    assert unread(found["bounds"]) == DENIED


def test_a_way_that_cannot_be_seen_to_its_end_has_unknown_bounds():
    facts = through_nat()
    facts["network"]["route_tables"][0]["routes"] = [route("0.0.0.0/0", "transit_gateway", "tgw-1")]
    found = told(facts)
    assert found["route"]["kind"] == "transit_gateway" and unread(found["bounds"]) is not None


def test_the_route_of_most_addresses_is_the_route_and_the_others_are_told_too():
    facts = healthy()
    facts["network"]["route_tables"][0]["routes"].append(route("1.178.94.0/24", "nat_gateway", "nat-1"))
    found = told(facts, [OLD, "3.5.244.18", NEW])
    assert found["route"]["kind"] == "gateway_endpoint"
    assert [way["kind"] for way in found["routes"]] == ["gateway_endpoint", "nat_gateway"]


@pytest.mark.parametrize("key", ["instance", "instance_type_facts"])
def test_an_instance_type_whose_default_is_not_known(key):
    facts = healthy()
    facts[key] = DENIED
    assert unread(told(facts)["instance_type"]) == DENIED


def test_outside_of_aws_there_is_no_route_to_tell():
    found = told({"in_aws": False, "storage": {"prefixes": []}, "host": {}}, ["5.9.1.1"])
    assert (found["route"], found["bounds"], found["endpoint_policy"]) == (None, [], None)


@pytest.mark.parametrize("facts", [{"in_aws": True, "interface": {"id": 1}, "network": 7}, {"interface": []}])
def test_facts_of_another_shape_are_an_error_and_raise_nothing(facts):
    assert all(unread(value) is not None for value in told(facts).values())


@pytest.mark.parametrize("seen", [None, DENIED])
def test_an_edge_whose_interface_was_not_seen_is_not_told_to_have_no_role(seen):
    found = told({**healthy(), "interface": seen})
    assert unread(found["role_arn"]) is not None
    assert unread(found["instance_type"]) is not None
