# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups: the union of all rules, protocol with port, prefix lists, groups, and what was not read."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.egress import groups, parse, prefixes, select
from ansible.module_utils.edge.finding import Unread
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.egress.builders import DENIED, OLD, S3_LIST, findings, group, healthy, prefix_list, rule

TARGET = prefixes.ranges([OLD])


def outcome(*rules, lists=None, members=None, peer=None, destination=None):
    network = {
        "groups": {"sg-1": group("sg-1", *rules)},
        "prefix_lists": {S3_LIST: prefix_list()} if lists is None else lists,
        "group_members": members or {},
    }
    parsed = parse.group_rules(network, ["sg-1"], egress=True, peer=peer)
    judged = groups.judge(parsed, destination or TARGET, 443, owner="sg-1")
    return {answer.outcome for _, _, answer in judged}.pop()


@pytest.mark.parametrize(
    ("given_rule", "wanted"),
    [
        (rule(1, cidr="0.0.0.0/0"), "allow"),
        (rule(1, protocol="6", cidr="0.0.0.0/0"), "allow"),
        (rule(1, protocol="-1", ports=(-1, -1), cidr="0.0.0.0/0"), "allow"),
        # Ports of a rule for all protocols mean nothing.
        (rule(1, protocol="-1", ports=(22, 22), cidr="0.0.0.0/0"), "allow"),
        (rule(1, ports=(-1, -1), cidr="0.0.0.0/0"), "allow"),
        (rule(1, ports=(0, 65535), cidr="0.0.0.0/0"), "allow"),
        (rule(1, ports=(400, 442), cidr="0.0.0.0/0"), "deny"),
        # A port counts only together with its protocol: UDP 443 is not TCP 443.
        (rule(1, protocol="udp", cidr="0.0.0.0/0"), "deny"),
        (rule(1, protocol="17", cidr="0.0.0.0/0"), "deny"),
        # ICMP's type and code stand where the ports do.
        (rule(1, protocol="icmp", ports=(-1, -1), cidr="0.0.0.0/0"), "deny"),
        (rule(1, cidr="52.95.148.0/23"), "allow"),
        (rule(1, cidr="52.95.150.0/24"), "deny"),
        (rule(1, cidr="::/0"), "deny"),
        # Egress by a prefix list alone is egress.
        (rule(1, prefix_list=S3_LIST), "allow"),
        # A rule for what comes in says nothing of what goes out.
        (rule(1, egress=False, cidr="0.0.0.0/0"), "deny"),
    ],
)
def test_one_rule(given_rule, wanted):
    assert outcome(given_rule) == wanted


def test_a_group_without_egress_rules_admits_nothing():
    assert outcome() == "deny"


def test_a_reference_to_a_group_admits_its_members():
    referring = rule(1, group="sg-storage")
    assert outcome(referring, members={"sg-storage": [OLD, "10.0.9.9"]}) == "allow"
    assert outcome(referring, members={"sg-storage": ["10.0.9.9"]}) == "deny"


@pytest.mark.parametrize(
    ("lists", "members"),
    [
        (DENIED, {}),
        ({S3_LIST: prefix_list(entries=DENIED)}, {}),
        ({S3_LIST: DENIED}, {}),
        # Not visible: deleted, or another account's that is not shared.
        ({}, {}),
    ],
)
def test_an_unread_prefix_list_is_neither_admission_nor_denial(lists, members):
    assert outcome(rule(1, prefix_list=S3_LIST), lists=lists, members=members) == "unknown"
    assert outcome(rule(1, prefix_list=S3_LIST), rule(2, cidr="0.0.0.0/0"), lists=lists) == "allow"
    assert outcome(rule(1, prefix_list=S3_LIST, protocol="udp"), lists=lists) == "deny"


@pytest.mark.parametrize("members", [{}, {"sg-far": DENIED}])
def test_a_group_of_another_account_is_unknown(members):
    assert outcome(rule(1, group="sg-far"), members=members) == "unknown"


def test_the_members_of_another_accounts_group_are_not_none_but_unknown():
    far = {**rule(1, group="sg-far"), "owner": "999999999999"}
    assert outcome(far, members={"sg-far": []}) == "unknown"
    near = {**rule(1, group="sg-near"), "owner": "111111111111"}
    assert outcome(near, members={"sg-near": []}) == "deny"


def test_only_amazons_own_list_is_the_storages():
    mine = prefix_list("pl-mine", ["10.0.0.0/8"], owner="111111111111")
    assert [item["id"] for item in select.storage_lists({"pl-mine": mine, S3_LIST: prefix_list()}, "eu-west-2")] == [
        S3_LIST
    ]
    assert select.storage_lists({S3_LIST: prefix_list()}, "eu-west-1") == []


def test_what_one_group_admits_stays_admitted_where_another_was_not_read():
    facts = healthy()
    facts["interface"]["groups"] = ["sg-edge", "sg-hidden"]
    facts["network"]["groups"]["sg-hidden"] = DENIED
    assert findings(facts)["EGRESS-20"].status == "pass"
    facts["network"]["groups"]["sg-edge"]["rules"] = []
    assert findings(facts)["EGRESS-20"].status == "unknown"


def test_the_deciding_rule_is_named():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = [rule(7, cidr="1.0.0.0/8"), rule(8, prefix_list=S3_LIST)]
    shown = {item["address"]: item["rule"] for item in findings(facts)["EGRESS-20"].evidence if "rule" in item}
    assert shown == {"1.178.94.26": "sgr-7", OLD: "sgr-8"}


SPACE = list(range(prefixes.parse("10.0.0.0")[0], prefixes.parse("10.0.0.31")[0] + 1))
CIDRS = st.builds(lambda last, length: f"10.0.0.{last}/{length}", st.integers(0, 31), st.integers(27, 32))
RULES = st.lists(
    st.tuples(CIDRS, st.sampled_from(["tcp", "udp", "-1"]), st.integers(440, 446), st.integers(0, 4)), max_size=8
)


@given(RULES)
def test_the_union_of_rules_against_every_address(described):
    rules = [
        rule(number, protocol=protocol, ports=(first, first + more), cidr=cidr)
        for number, (cidr, protocol, first, more) in enumerate(described)
    ]
    network = {"groups": {"sg-1": group("sg-1", *rules)}}
    parsed = parse.group_rules(network, ["sg-1"], egress=True)
    judged = groups.judge(parsed, [(SPACE[0], SPACE[-1])], 443)
    for low, high, answer in judged:
        for point in range(low, high + 1):
            admitted = any(
                protocol == "-1" or (protocol == "tcp" and first <= 443 <= first + more)
                for cidr, protocol, first, more in described
                if prefixes.parse(cidr)[0] <= point <= prefixes.parse(cidr)[1]
            )
            assert (answer.outcome == "allow") == admitted
    assert sum(high - low + 1 for low, high, _ in judged) == len(SPACE)


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        ({"owner": "AWS", "name": "com.amazonaws.eu-west-2.s3", "family": "IPv4"}, 1),
        ({"owner": "AWS", "name": "com.amazonaws.global.cloudfront.origin-facing", "family": "IPv4"}, 55),
        ({"owner": "AWS", "name": "com.amazonaws.eu-west-2.ipv6.ec2-instance-connect", "family": "IPv4"}, 2),
        # A customer's list costs its maximum size, however few entries it has.
        ({"owner": "111111111111", "name": "mine", "family": "IPv4", "max_entries": 40}, 40),
        ({"owner": "111111111111", "name": "mine", "family": "IPv6", "max_entries": 40}, 0),
    ],
)
def test_the_quota_weight_of_a_prefix_list(listed, wanted):
    assert groups.list_weight("pl-1", 4, {"pl-1": listed}) == wanted


@pytest.mark.parametrize("lists", [DENIED, {}, {"pl-1": DENIED}])
def test_the_weight_of_an_unread_list_is_unread(lists):
    assert isinstance(groups.list_weight("pl-1", 4, lists), Unread)


def test_the_quota_of_a_group_that_was_not_read_is_unread():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"] = DENIED.to_fact() if isinstance(DENIED, Unread) else DENIED
    assert findings(facts)["EGRESS-24"].status == "unknown"


def test_a_full_group_is_told():
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"] = [
        rule(number, cidr=f"192.168.{number}.0/24") for number in range(60)
    ]
    found = findings(facts)
    assert found["EGRESS-24"].status == "fail"
    assert found["EGRESS-20"].fix["weight"] == {"now": 60, "adds": 1, "limit": 60}
    assert "make room" in found["EGRESS-20"].fix["summary"]


@pytest.mark.parametrize(
    ("given_rule", "wanted"),
    [
        (rule(1, protocol="-1", cidr="0.0.0.0/0"), "fail"),
        (rule(1, protocol="-1", cidr="::/0"), "fail"),
        (rule(1, protocol="tcp", ports=(0, 65535), cidr="0.0.0.0/0"), "pass"),
        (rule(1, protocol="-1", cidr="10.0.0.0/8"), "pass"),
        (rule(1, protocol="-1", egress=False, cidr="0.0.0.0/0"), "pass"),
    ],
)
def test_over_wide_egress(given_rule, wanted):
    facts = healthy()
    facts["network"]["groups"]["sg-edge"]["rules"].append(given_rule)
    assert findings(facts)["EGRESS-23"].status == wanted


@pytest.mark.parametrize(
    ("servers", "rules", "wanted"),
    [
        (["AmazonProvidedDNS"], [], "pass"),
        # The VPC's base plus two, and the link-local addresses: Amazon's own, which groups do not filter.
        (["10.0.0.2"], [], "pass"),
        (["169.254.169.253"], [], "pass"),
        # A resolver of one's own is filtered.
        (["10.0.0.3"], [], "fail"),
        (["10.0.0.3"], [rule(1, protocol="tcp", ports=(53, 53), cidr="10.0.0.0/16")], "fail"),
        (["10.0.0.3"], [rule(1, protocol="udp", ports=(53, 53), cidr="10.0.0.0/16")], "pass"),
        (["10.0.0.3"], [rule(1, protocol="udp", ports=(53, 53), group="sg-far")], "unknown"),
        (["10.0.0.3", "10.0.0.2"], [], "fail"),
    ],
)
def test_the_resolver(servers, rules, wanted):
    facts = healthy()
    facts["network"]["dhcp_options"]["domain_name_servers"] = servers
    facts["network"]["groups"]["sg-edge"]["rules"] += rules
    assert findings(facts)["EGRESS-60"].status == wanted
