# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes: precedence, blackholes, the main table, prefix lists, and what an unread list may hide."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.egress import parse, prefixes, routes
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.egress.builders import (
    DENIED,
    LOCAL,
    NEW,
    OLD,
    S3_LIST,
    TO_ENDPOINT,
    TO_NAT,
    codes,
    endpoint,
    findings,
    healthy,
    prefix_list,
    route,
    table,
    through_nat,
)


def chosen(*given_routes, lists=None, destination=OLD):
    raw = {"network": {"route_tables": [table("rtb", ["s"], *given_routes)], "prefix_lists": lists or {}}}
    raw["interface"] = {"groups": []}
    world = parse.world(raw)
    return routes.choose(routes.table_of(world.tables, "s"), prefixes.ranges([destination]))[0]


WIDE = route("0.0.0.0/0", "nat_gateway", "nat-1")
STATIC = route("52.95.148.0/23", "internet_gateway", "igw-1")
LISTED = route("pl-1", "vpc_endpoint", "vpce-1")
PROPAGATED = route("52.95.148.0/23", "virtual_private_gateway", "vgw-1", propagated=True)
LISTS = {"pl-1": prefix_list("pl-1", ["52.95.148.0/23"]), "pl-2": prefix_list("pl-2", ["52.95.148.0/23"])}


@pytest.mark.parametrize(
    ("held", "target"),
    [
        ([WIDE], "nat-1"),
        ([WIDE, STATIC], "igw-1"),
        # Among equals: static before prefix list before propagated.
        ([LISTED, STATIC], "igw-1"),
        ([STATIC, PROPAGATED], "igw-1"),
        ([PROPAGATED, LISTED], "vpce-1"),
        ([WIDE, LISTED], "vpce-1"),
        # The longest prefix wins over the kind.
        ([route("52.95.149.0/24", "virtual_private_gateway", "vgw-1", propagated=True), STATIC, LISTED], "vgw-1"),
        # A route for the other family is no route.
        ([WIDE, route("::/0", "egress_only_gateway", "eigw-1")], "nat-1"),
    ],
)
def test_precedence(held, target):
    choice = chosen(*held, lists=LISTS)
    assert (choice.answer.outcome, choice.route.target) == ("allow", target)


def test_a_blackhole_drops_and_does_not_fall_back():
    choice = chosen(WIDE, route("52.95.148.0/23", "nat_gateway", "nat-0", state="blackhole"))
    assert (choice.answer.outcome, choice.answer.code) == ("deny", "BAD_STATE_ROUTE")


def test_a_narrower_blackhole_elsewhere_does_not_matter():
    assert chosen(WIDE, route("52.95.150.0/24", "nat_gateway", "nat-0", state="blackhole")).answer.outcome == "allow"


def test_no_route():
    choice = chosen(LOCAL)
    assert (choice.answer.outcome, choice.answer.code) == ("deny", "NO_ROUTE_TO_DESTINATION")


def test_two_prefix_lists_with_the_same_range_and_other_targets_are_chance():
    rival = route("pl-2", "nat_gateway", "nat-1")
    assert chosen(WIDE, LISTED, rival, lists=LISTS).answer.outcome == "unknown"
    assert chosen(WIDE, LISTED, route("pl-2", "vpc_endpoint", "vpce-1"), lists=LISTS).answer.outcome == "allow"


def test_overlapping_lists_are_warned_of():
    facts = healthy()
    facts["network"]["prefix_lists"]["pl-9"] = prefix_list("pl-9", ["52.95.148.0/23"], owner="111111111111")
    facts["network"]["route_tables"][0]["routes"].append(route("pl-9", "nat_gateway", "nat-1"))
    found = findings(facts)
    assert found["EGRESS-43"].status == "fail"
    assert "pl-9" in found["EGRESS-43"].observed and S3_LIST in found["EGRESS-43"].observed
    assert found["EGRESS-41"].status == "unknown"


@pytest.mark.parametrize("lists", [{}, {"pl-1": DENIED}, {"pl-1": prefix_list("pl-1", DENIED)}])
def test_an_unread_prefix_list_hides_the_route(lists):
    assert chosen(WIDE, LISTED, lists=lists).answer.outcome == "unknown"
    # What has the same target either way is not hidden.
    assert chosen(WIDE, route("pl-1", "nat_gateway", "nat-1"), lists=lists).answer.outcome == "allow"


def test_the_main_table_serves_a_subnet_without_its_own():
    facts = healthy()
    facts["network"]["route_tables"] = [
        table("rtb-other", ["subnet-x"], LOCAL, TO_NAT),
        table("rtb-main", [], LOCAL, TO_ENDPOINT, main=True),
    ]
    found = findings(facts)
    assert found["EGRESS-40"].status == "pass"
    assert "rtb-main" in found["EGRESS-40"].observed
    facts["network"]["route_tables"] = facts["network"]["route_tables"][:1]
    assert findings(facts)["EGRESS-40"].status == "unknown"


def test_a_subnets_own_table_wins_over_the_main_one():
    facts = healthy()
    facts["network"]["route_tables"][0]["routes"] = [LOCAL]
    facts["network"]["route_tables"][2]["routes"] = [LOCAL, TO_NAT]
    found = findings(facts)
    assert found["EGRESS-40"].status == "fail"
    assert codes(found["EGRESS-40"]) == {"NO_ROUTE_TO_DESTINATION"}
    assert found["EGRESS-50"].status == "not_applicable"


def test_an_endpoint_that_the_route_table_does_not_use_is_told():
    facts = through_nat()
    facts["network"]["endpoints"] = {"vpce-s3": endpoint(route_tables=["rtb-other"])}
    found = findings(facts)
    assert found["EGRESS-42"].status == "fail"
    assert "nat gateway nat-1" in found["EGRESS-42"].observed
    assert found["EGRESS-42"].fix["action"] == "associate_gateway_endpoint"
    assert found["EGRESS-44"].fix["route_table_id"] == "rtb-edge"


@pytest.mark.parametrize(
    ("destination", "code"),
    [("52.95.149.0/24", "MORE_SPECIFIC_ROUTE"), ("52.95.148.0/23", "HIGHER_PRIORITY_ROUTE"), ("52.95.0.0/16", None)],
)
def test_a_route_that_goes_before_the_endpoints_own(destination, code):
    facts = healthy()
    facts["network"]["route_tables"][0]["routes"].append(route(destination, "nat_gateway", "nat-1"))
    found = findings(facts, [OLD, NEW])["EGRESS-42"]
    assert found.status == ("fail" if code else "pass")
    assert codes(found) == ({code} if code else set())


def test_part_of_the_ranges_in_a_blackhole():
    facts = through_nat()
    facts["network"]["route_tables"][0]["routes"].append(
        route("1.178.94.0/24", "nat_gateway", "nat-0", state="blackhole")
    )
    found = findings(facts, [OLD, NEW])
    assert (found["EGRESS-40"].status, found["EGRESS-41"].status, found["EGRESS-41"].share) == ("pass", "fail", 0.5)
    assert found["EGRESS-41"].fix["action"] == "create_gateway_endpoint"


CIDRS = st.builds(lambda last, length: f"10.0.0.{last}/{length}", st.integers(0, 31), st.integers(26, 32))
ROUTES = st.lists(st.tuples(CIDRS, st.booleans(), st.booleans()), min_size=1, max_size=10)


@given(ROUTES)
def test_the_longest_prefix_against_every_address(described):
    held = [
        route(cidr, "nat_gateway", f"nat-{number}", propagated=late, state="blackhole" if black else "active")
        for number, (cidr, late, black) in enumerate(described)
    ]
    world = parse.world({"interface": {"groups": []}, "network": {"route_tables": [table("rtb", ["s"], *held)]}})
    first = prefixes.parse("10.0.0.0")[0]
    for choice in routes.choose(world.tables[0], [(first, first + 63)]):
        for point in range(choice.low, choice.high + 1):
            matching = [
                (prefixes.size([prefixes.parse(cidr)]), late, number, black)
                for number, (cidr, late, black) in enumerate(described)
                if prefixes.parse(cidr)[0] <= point <= prefixes.parse(cidr)[1]
            ]
            if not matching:
                assert choice.answer.code == "NO_ROUTE_TO_DESTINATION"
                continue
            best = min(matching)
            assert choice.route.target == f"nat-{best[2]}"
            assert choice.answer.outcome == ("deny" if best[3] else "allow")
