# SPDX-License-Identifier: GPL-3.0-or-later
"""Network ACLs: order, both directions, ephemeral ports, the NAT gateway's subnet, and none within a subnet."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible.module_utils.edge.egress import acl, parse, prefixes
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.egress.builders import (
    DENIED,
    EDGE_ADDRESS,
    NEW,
    OLD,
    codes,
    entry,
    findings,
    healthy,
    host,
    interface,
    through_nat,
)

TCP = {"protocol": "6"}


def edge_acl(facts, *entries):
    facts["network"]["acls"][0]["entries"] = list(entries)
    return facts


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ([entry(100, True), entry(100, False)], "pass"),
        # Stateless: what goes out needs its answers let in.
        ([entry(100, True)], "fail"),
        ([entry(100, False)], "fail"),
        ([], "fail"),
        # The protocol counts.
        ([entry(100, True, protocol="17"), entry(100, False)], "fail"),
        ([entry(100, True, protocol="6", **{"from": 443, "to": 443}), entry(100, False)], "pass"),
        ([entry(100, True, protocol="6", **{"from": 80, "to": 80}), entry(100, False)], "fail"),
        # The first match wins, in order of number, wherever it stands in the answer.
        ([entry(200, True), entry(100, True, "deny"), entry(100, False)], "fail"),
        ([entry(200, True, "deny"), entry(100, True), entry(100, False)], "pass"),
        ([entry(90, True, "deny", cidr="192.168.0.0/16"), entry(100, True), entry(100, False)], "pass"),
        # A deny of another protocol is no deny.
        ([entry(90, True, "deny", protocol="17"), entry(100, True), entry(100, False)], "pass"),
        ([entry(100, True), entry(100, False, **TCP, **{"from": 1024, "to": 65535})], "pass"),
        ([entry(100, True), entry(100, False, **TCP, **{"from": 32768, "to": 60999})], "pass"),
        ([entry(100, True), entry(100, False, **TCP, **{"from": 443, "to": 443})], "fail"),
    ],
)
def test_the_edges_own_subnet(entries, wanted):
    found = findings(edge_acl(healthy(), *entries))
    assert found["EGRESS-30"].status == wanted
    if wanted == "fail":
        assert codes(found["EGRESS-30"]) == {"SUBNET_ACL_RESTRICTION"}


def test_part_of_the_ephemeral_ports_fails_for_that_part():
    facts = edge_acl(healthy(), entry(100, True), entry(100, False, **TCP, **{"from": 49152, "to": 65535}))
    found = findings(facts)
    assert (found["EGRESS-30"].status, found["EGRESS-31"].status) == ("pass", "fail")
    assert found["EGRESS-31"].share == float(Fraction(49152 - 32768, 60999 - 32768 + 1))
    facts["host"]["ip_local_port_range"] = [49152, 65535]
    assert findings(facts)["EGRESS-31"].status == "pass"


@pytest.mark.parametrize(
    ("ports", "wanted"), [((1024, 65535), "pass"), ((49152, 65535), "unknown"), ((100, 200), "fail")]
)
def test_ephemeral_ports_that_were_not_read(ports, wanted):
    facts = edge_acl(healthy(), entry(100, True), entry(100, False, **TCP, **{"from": ports[0], "to": ports[1]}))
    facts["host"] = host(ip_local_port_range=DENIED)
    found = findings(facts)
    assert found["EGRESS-30"].status == wanted


def nat_acl(facts, *entries):
    facts["network"]["acls"][1]["entries"] = list(entries)
    return facts


ALL_OUT, ALL_IN = entry(100, True), entry(100, False)


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ([ALL_OUT, ALL_IN], "pass"),
        # Into the NAT gateway's subnet comes the edge's packet to 443.
        ([ALL_OUT, entry(100, False, cidr="10.0.1.0/24")], "fail"),
        ([ALL_OUT, entry(90, False, "deny", cidr="10.0.1.0/24"), ALL_IN], "fail"),
        # Back come the answers to 1024-65535, whatever the edge's own range is.
        ([ALL_OUT, entry(90, False, **TCP, **{"from": 443, "to": 443}), ALL_IN], "pass"),
        ([ALL_OUT, entry(90, False, "deny", **TCP, **{"from": 1024, "to": 65535}), ALL_IN], "fail"),
        # And out to the edge's ephemeral ports.
        ([entry(100, True, **TCP, **{"from": 443, "to": 443}), ALL_IN], "fail"),
        ([entry(90, True, "deny", cidr="10.0.1.0/24"), ALL_OUT, ALL_IN], "fail"),
    ],
)
def test_behind_nat_both_subnets_are_judged(entries, wanted):
    assert findings(nat_acl(through_nat(), *entries))["EGRESS-30"].status == wanted


def test_half_of_the_nat_gateways_ports():
    half = entry(90, False, "deny", **TCP, **{"from": 1024, "to": 33279})
    facts = nat_acl(through_nat(), ALL_OUT, half, ALL_IN)
    assert findings(facts)["EGRESS-31"].share == 0.5


def test_a_nat_gateways_acl_that_was_not_read_is_unknown_and_a_denial_before_it_is_not():
    facts = through_nat()
    facts["network"]["acls"] = [facts["network"]["acls"][0]]
    assert findings(facts)["EGRESS-30"].status == "unknown"
    assert findings(edge_acl(facts))["EGRESS-30"].status == "fail"


def test_the_acl_is_not_applied_within_a_subnet_nor_for_the_gateway_endpoint_beyond_it():
    facts = edge_acl(healthy())
    same = interface("eni-store", "10.0.1.50", "subnet-edge", "sg-edge")
    facts["network"]["targets"] = {"10.0.1.50": same}
    facts["network"]["groups"]["sg-edge"]["rules"] += [_any(True), _any(False)]
    found = findings(facts, ["10.0.1.50"])
    assert (found["EGRESS-30"].status, found["EGRESS-20"].status) == ("pass", "pass")
    other = interface("eni-store", "10.0.2.50", "subnet-nat", "sg-edge")
    facts["network"]["targets"] = {"10.0.2.50": other}
    assert findings(facts, ["10.0.2.50"])["EGRESS-30"].status == "fail"
    assert findings(nat_acl(healthy()))["EGRESS-30"].status == "pass"


def _any(egress):
    return {"id": "sgr-any", "egress": egress, "protocol": "-1", "from": -1, "to": -1, "kind": "cidr",
            "source": "0.0.0.0/0", "owner": None}  # fmt: skip


def test_part_of_the_addresses():
    facts = edge_acl(healthy(), entry(90, True, "deny", cidr="1.178.94.0/24"), ALL_OUT, ALL_IN)
    found = findings(facts, [OLD, NEW])
    assert (found["EGRESS-30"].status, found["EGRESS-31"].status, found["EGRESS-31"].share) == ("pass", "fail", 0.5)
    assert found["EGRESS-31"].resource == "acl-edge"
    assert "rule 90 of acl-edge" in found["EGRESS-31"].observed


CIDRS = st.builds(lambda last, length: f"10.0.0.{last}/{length}", st.integers(0, 15), st.integers(28, 32))
ENTRIES = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.sampled_from(["allow", "deny"]),
        st.sampled_from(["6", "17", "-1"]),
        CIDRS,
        st.integers(0, 15),
        st.integers(0, 15),
    ),
    max_size=8,
    unique_by=lambda item: item[0],
)


@given(ENTRIES)
def test_order_against_every_address_and_port(described):
    """The oracle walks the entries for each packet alone."""
    items = [
        entry(number, True, action, protocol=protocol, cidr=cidr, **{"from": min(a, b), "to": max(a, b)})
        for number, action, protocol, cidr, a, b in described
    ]
    held = parse.world({"interface": {"groups": []}, "network": {"acls": [_acl(items)]}}).acls["s"]
    stage = acl.Stage("out", held, True, "edge", (0, 15))
    first = prefixes.parse("10.0.0.0")[0]
    for low, high, answer in acl.judge([stage], [(first, first + 15)], True):
        for point in range(low, high + 1):
            passing = [port for port in range(16) if _walk(described, point, port)]
            wanted = {16: "allow", 0: "deny"}.get(len(passing), "partial")
            assert answer.outcome == wanted
            assert answer.failing == (Fraction(16 - len(passing), 16) if wanted == "partial" else 0)


def _acl(items):
    return {"id": "acl", "subnets": ["s"], "entries": items}


def _walk(described, point, port):
    for _, action, protocol, cidr, a, b in sorted(described):
        low, high = prefixes.parse(cidr)
        ports = protocol == "-1" or min(a, b) <= port <= max(a, b)
        if protocol in ("6", "-1") and low <= point <= high and ports:
            return action == "allow"
    return False


def test_the_edge_address_of_these_tests_is_in_its_subnet():
    assert prefixes.contains(prefixes.ranges(["10.0.1.0/24"]), prefixes.parse(EDGE_ADDRESS)[0])
