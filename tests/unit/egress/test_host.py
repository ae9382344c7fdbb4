# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's own packet filter, from nftables' JSON and from iptables-save."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.egress import host as engine
from ansible.module_utils.edge.egress import iptables

from tests.unit.egress.builders import DENIED, NEW, OLD, findings, healthy, host

INET = {"family": "inet", "table": "filter"}
ESTABLISHED = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}
NEW_STATE = {"match": {"op": "==", "left": {"ct": {"key": "state"}}, "right": "new"}}
ACCEPT, DROP = {"accept": None}, {"drop": None}
REJECT = {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}


def payload(protocol, field, right, op="=="):
    return {"match": {"op": op, "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


def meta(key, right, op="=="):
    return {"match": {"op": op, "left": {"meta": {"key": key}}, "right": right}}


DPORT = payload("tcp", "dport", 443)
PREFIX = {"prefix": {"addr": "52.95.148.0", "len": 23}}


def chain(name, hook=None, policy="accept", **fields):
    base = {"type": "filter", "hook": hook, "prio": 0, "policy": policy} if hook else {}
    return {"chain": {**INET, "name": name, "handle": 1, **base, **fields}}


def nft_rule(name, *expr, handle=5, **fields):
    return {"rule": {**INET, "chain": name, "handle": handle, "expr": list(expr), **fields}}


def nft(*items):
    return [{"kind": "nft", "command": "nft -j list ruleset", "ruleset": {"nftables": [{"metainfo": {}}, *items]}}]


def status(firewall, addresses=(OLD,)):
    facts = healthy()
    facts["host"] = host(firewall=firewall)
    return findings(facts, addresses)["EGRESS-10"].status


OUTPUT_DROP = chain("output", "output", "drop")


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ([], "fail"),
        ([ACCEPT], "pass"),
        ([DPORT, ACCEPT], "pass"),
        ([payload("tcp", "dport", 80), ACCEPT], "fail"),
        ([payload("udp", "dport", 443), ACCEPT], "fail"),
        ([payload("th", "dport", 443), ACCEPT], "pass"),
        ([payload("tcp", "dport", "https"), ACCEPT], "pass"),
        ([payload("tcp", "dport", {"set": [80, 443]}), ACCEPT], "pass"),
        ([payload("tcp", "dport", {"range": [400, 500]}), ACCEPT], "pass"),
        ([payload("tcp", "dport", 443, "!="), ACCEPT], "fail"),
        ([payload("tcp", "dport", 1023, ">"), ACCEPT], "fail"),
        ([payload("tcp", "sport", {"range": [32768, 60999]}), ACCEPT], "pass"),
        # Only some of the edge's ports: neither yes nor no.
        ([payload("tcp", "sport", {"range": [40000, 60999]}), ACCEPT], "unknown"),
        ([payload("ip", "daddr", PREFIX), DPORT, ACCEPT], "pass"),
        ([payload("ip", "daddr", {"prefix": {"addr": "10.0.0.0", "len": 8}}), ACCEPT], "fail"),
        ([payload("ip", "daddr", {"prefix": {"addr": "10.0.0.0", "len": 8}}, "!="), ACCEPT], "pass"),
        ([payload("ip", "daddr", {"set": [OLD, {"elem": {"val": NEW, "timeout": 5}}]}), ACCEPT], "pass"),
        # A comparison with an IPv6 field matches no IPv4 packet, negated or not.
        ([payload("ip6", "daddr", "::1", "!="), ACCEPT], "fail"),
        ([payload("ip", "daddr", "@storage"), ACCEPT], "pass"),
        ([payload("ip", "daddr", "@elsewhere"), ACCEPT], "unknown"),
        ([NEW_STATE, ACCEPT], "pass"),
        ([ESTABLISHED, ACCEPT], "fail"),
        ([meta("l4proto", "tcp"), ACCEPT], "pass"),
        ([meta("l4proto", {"set": ["tcp", "udp"]}), ACCEPT], "pass"),
        ([meta("nfproto", "ipv6"), ACCEPT], "fail"),
        ([meta("oifname", "ens5"), ACCEPT], "pass"),
        ([meta("oifname", "ens*"), ACCEPT], "pass"),
        ([meta("oifname", "lo"), ACCEPT], "fail"),
        # What is not followed may match or not.
        ([meta("skuid", 1001), ACCEPT], "unknown"),
        ([meta("mark", 7), ACCEPT], "unknown"),
        ([{"limit": {"rate": 10, "per": "second"}}, ACCEPT], "unknown"),
        ([{"xt": {"type": "match", "name": "owner"}}, ACCEPT], "unknown"),
        ([{"xt": {"type": "match", "name": "comment"}}, ACCEPT], "pass"),
        ([{"xt": {"type": "target", "name": "NFQUEUE"}}], "unknown"),
        ([{"queue": {"num": 1}}], "unknown"),
        ([{"synproxy": {}}], "unknown"),
        ([{"counter": {"packets": 1, "bytes": 2}}, {"log": {"prefix": "x"}}, ACCEPT], "pass"),
        ([{"counter": None}], "fail"),
        ([{"return": None}], "fail"),
        ([{"jump": {"target": "storage"}}], "pass"),
        ([{"goto": {"target": "storage"}}], "pass"),
        ([{"jump": {"target": "empty"}}], "fail"),
        ([{"jump": {"target": "gone"}}], "unknown"),
        ([{"jump": {"target": "output"}}], "unknown"),
        ([{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}},
                    "data": {"set": [[80, DROP], [443, ACCEPT]]}}}], "pass"),
        ([{"vmap": {"key": {"ct": {"key": "state"}}, "data": "@states"}}], "pass"),
    ],
)  # fmt: skip
def test_an_output_chain_that_drops_by_default(expr, wanted):
    firewall = nft(
        OUTPUT_DROP,
        chain("storage"),
        chain("empty"),
        nft_rule("storage", payload("ip", "daddr", PREFIX), ACCEPT),
        nft_rule("output", *expr),
        {"set": {**INET, "name": "storage", "type": "ipv4_addr", "elem": [PREFIX, NEW]}},
        {"map": {**INET, "name": "states", "type": "ct_state", "elem": [["invalid", DROP], ["new", ACCEPT]]}},
    )
    assert status(firewall) == wanted


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ([DROP], "fail"),
        ([REJECT], "fail"),
        ([DPORT, REJECT], "fail"),
        ([payload("ip", "daddr", {"prefix": {"addr": "52.95.150.0", "len": 24}}), DROP], "pass"),
        ([meta("skuid", 0), DROP], "unknown"),
        ([{"xt": {"type": "match", "name": "set"}}, DROP], "unknown"),
    ],
)
def test_an_output_chain_that_accepts_by_default(expr, wanted):
    assert status(nft(chain("output", "output"), nft_rule("output", *expr))) == wanted


def test_an_accept_ends_its_own_chain_alone_and_a_drop_is_final():
    early = chain("early", "output", prio=-100)
    late = chain("late", "output", prio=100)
    assert status(nft(early, late, nft_rule("early", ACCEPT), nft_rule("late", DROP))) == "fail"
    assert status(nft(early, late, nft_rule("early", DROP), nft_rule("late", ACCEPT))) == "fail"
    other = {**late["chain"], "hook": "forward"}
    assert status(nft(early, {"chain": other}, nft_rule("early", ACCEPT), nft_rule("late", DROP))) == "pass"


def test_a_goto_does_not_come_back_and_a_jump_does():
    chains = [OUTPUT_DROP, chain("side"), nft_rule("side", payload("tcp", "dport", 80), ACCEPT)]
    after = nft_rule("output", ACCEPT, handle=7)
    assert status(nft(*chains, nft_rule("output", {"jump": {"target": "side"}}), after)) == "pass"
    assert status(nft(*chains, nft_rule("output", {"goto": {"target": "side"}}), after)) == "fail"


def test_a_certain_drop_outweighs_an_earlier_doubt():
    early, late = chain("early", "output", prio=-100), chain("late", "output", prio=100)
    assert status(nft(early, late, nft_rule("early", meta("mark", 1), DROP), nft_rule("late", DROP))) == "fail"


def test_the_answers_must_come_back_in():
    closed = nft(chain("input", "input", "drop"))
    assert status(closed) == "fail"
    assert status(nft(chain("input", "input", "drop"), nft_rule("input", ESTABLISHED, ACCEPT))) == "pass"
    assert (
        status(nft(chain("input", "input", "drop"), nft_rule("input", payload("tcp", "sport", 443), ACCEPT))) == "pass"
    )
    # A rule for new connections does not let an answer in.
    assert status(nft(chain("input", "input", "drop"), nft_rule("input", NEW_STATE, ACCEPT))) == "fail"


def test_untracked_packets_have_no_state():
    raw = chain("raw", "prerouting", prio=-300)
    firewall = nft(
        raw,
        nft_rule("raw", payload("tcp", "sport", 443), {"notrack": None}),
        chain("input", "input", "drop"),
        nft_rule("input", ESTABLISHED, ACCEPT),
    )
    assert status(firewall) == "unknown"


def test_chains_of_the_other_family_and_of_nat_do_not_decide():
    six = {"family": "ip6", "table": "filter", "name": "output", "handle": 1, "hook": "output", "prio": 0}
    assert status(nft({"chain": {**six, "policy": "drop"}})) == "pass"
    masquerade = chain("post", "postrouting", type="nat")
    assert status(nft(masquerade, nft_rule("post", {"masquerade": None}))) == "pass"
    redirected = chain("out", "output", type="nat")
    assert status(nft(redirected, nft_rule("out", DPORT, {"dnat": {"addr": "10.0.0.9"}}))) == "unknown"


def test_part_of_the_addresses():
    facts = healthy()
    dropped = payload("ip", "daddr", {"prefix": {"addr": "1.178.94.0", "len": 24}})
    facts["host"] = host(firewall=nft(chain("output", "output"), nft_rule("output", dropped, DROP, handle=9)))
    found = findings(facts, [OLD, NEW])
    assert (found["EGRESS-10"].status, found["EGRESS-11"].status, found["EGRESS-11"].share) == ("pass", "fail", 0.5)
    assert "inet filter output handle 9" in found["EGRESS-11"].observed
    assert found["EGRESS-11"].fix["before"] == "handle 9"


@pytest.mark.parametrize(
    "firewall", [DENIED, None, [DENIED], [{"kind": "nft", "ruleset": {"other": 1}}], [{"kind": "x"}]]
)
def test_a_filter_that_was_not_read_or_not_understood_is_unknown(firewall):
    assert status(firewall) == "unknown"


def test_nothing_read_on_the_edge_is_unknown():
    facts = healthy()
    facts["host"] = DENIED
    assert findings(facts)["EGRESS-10"].status == "unknown"


SAVED = """# Generated by iptables-save v1.8.9
*filter
:INPUT {input} [0:0]
:FORWARD DROP [0:0]
:OUTPUT {output} [12:3456]
:STORAGE - [0:0]
-A STORAGE -d 52.95.148.0/23 -j ACCEPT
-A STORAGE -j RETURN
{rules}
COMMIT
"""


def tables(*rules, output="DROP", policy="ACCEPT", kind="iptables"):
    text = SAVED.format(output=output, input=policy, rules="\n".join(rules))
    return [{"kind": kind, "command": f"{kind}-save", "ruleset": text}]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", "fail"),
        ("-A OUTPUT -j ACCEPT", "pass"),
        ("-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT", "pass"),
        ("-A OUTPUT -p udp -m udp --dport 443 -j ACCEPT", "fail"),
        ("-A OUTPUT -p tcp -m multiport --dports 80,443 -j ACCEPT", "pass"),
        ("-A OUTPUT -p tcp -m multiport --dports 1000:2000 -j ACCEPT", "fail"),
        ("-A OUTPUT -p tcp -m tcp ! --dport 443 -j ACCEPT", "fail"),
        ("-A OUTPUT -d 52.95.148.0/255.255.254.0 -p tcp -j ACCEPT", "pass"),
        ("-A OUTPUT ! -d 10.0.0.0/8 -j ACCEPT", "pass"),
        ("-A OUTPUT -m iprange --dst-range 52.95.148.1-52.95.149.255 -j ACCEPT", "pass"),
        ("-A OUTPUT -o ens5 -j ACCEPT", "pass"),
        ("-A OUTPUT -o lo -j ACCEPT", "fail"),
        ("-A OUTPUT -o ens+ -j ACCEPT", "pass"),
        ("-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT", "pass"),
        ("-A OUTPUT -m state --state ESTABLISHED -j ACCEPT", "fail"),
        ("-A OUTPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", "pass"),
        ("-A OUTPUT -p tcp -m tcp --tcp-flags SYN SYN -j ACCEPT", "unknown"),
        ('-A OUTPUT -m comment --comment "to storage" -j ACCEPT', "pass"),
        ("[3:180] -A OUTPUT -p tcp -j ACCEPT", "pass"),
        ("-A OUTPUT -j STORAGE", "pass"),
        ("-A OUTPUT -g STORAGE", "pass"),
        ("-A OUTPUT -j LOG --log-prefix x", "fail"),
        ("-A OUTPUT -j NOWHERE", "unknown"),
        ("-A OUTPUT -m owner --uid-owner 1001 -j ACCEPT", "unknown"),
        ("-A OUTPUT -m set --match-set storage dst -j ACCEPT", "unknown"),
        ("-A OUTPUT -m limit --limit 5/sec -j ACCEPT", "unknown"),
        ("-A OUTPUT -j NFQUEUE --queue-num 0", "unknown"),
    ],
)
def test_iptables_output(line, wanted):
    assert status(tables(line)) == wanted


def test_iptables_input_and_the_other_tables():
    assert status(tables(output="ACCEPT", policy="DROP")) == "fail"
    back = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    assert status(tables(back, output="ACCEPT", policy="DROP")) == "pass"
    mangle = "*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -j DROP\nCOMMIT\n"
    assert status([*tables(output="ACCEPT"), {"kind": "iptables", "command": "x", "ruleset": mangle}]) == "fail"
    assert status(tables(output="DROP", kind="ip6tables")) == "pass"


def test_nftables_and_iptables_both_have_to_accept():
    assert status([*nft(chain("output", "output")), *tables(output="DROP")]) == "fail"


def test_text_that_is_no_ruleset_is_refused():
    with pytest.raises(ValueError, match="line 1"):
        iptables.parse("iptables-save: command not found", 4)


@pytest.mark.parametrize(
    ("routes", "wanted"),
    [
        ([{"dst": "default", "dev": "a", "prefsrc": "10.0.0.1", "metric": 200},
          {"dst": "default", "dev": "b", "prefsrc": "10.0.0.2", "metric": 100}], "10.0.0.2"),
        ([{"dst": "default", "dev": "a"}], "10.9.9.9"),
        ([{"dst": "10.0.0.0/8", "dev": "a", "prefsrc": "10.0.0.1"}], None),
    ],
)  # fmt: skip
def test_the_source_address_is_the_one_that_the_routing_table_prefers(routes, wanted):
    section = {"routes": routes, "addresses": [{"interface": "a", "address": "10.9.9.9", "scope": "global"}]}
    assert engine.source_addresses(section).get(4) == wanted
