# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check in its states, from facts written by hand; and no fact that cannot be read makes anything greener."""

from __future__ import annotations

import copy

import pytest
from ansible.module_utils.edge.dns.checks import CATALOGUE, judge
from ansible.module_utils.edge.dns.names import names_of
from ansible.module_utils.edge.dns.nss import parse_hosts, parse_nsswitch
from ansible.module_utils.edge.dns.plan import plan
from ansible.module_utils.edge.dns.resolution import exported
from ansible.module_utils.edge.dns.resolvconf import parse
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.verdict import decide

HOST = "s3.eu-west-2.amazonaws.com"
POOL = ["52.95.148.1", "52.95.148.2", "52.95.149.3"]
MADE_UP = {"own": "edgepath-1.invalid", "storage": "edgepath-1.eu-west-2.amazonaws.com"}
GREEN = ("pass", "not_applicable")


def make(conf="nameserver 10.0.0.2\nnameserver 10.0.0.3\n", hosts="", nsswitch="hosts: files dns", live=False, **edge):
    """An edge, and the facts of a node on which everything is well."""
    values = {"name": "london-1", "region": "eu-west-2", "bucket": "rec", "instance_id": "i-1", **edge}
    target = Edge.from_mapping(values)
    asked = names_of(target)
    parsed = parse(conf)
    answers = [
        {**query, "server": server, "result": _answer(query)}
        for server in parsed["nameservers"]
        for query in plan(asked, sorted(MADE_UP.values()), "udp")
    ]
    seen = {item["name"]: {"addresses": POOL, "error": None} for item in asked}
    facts = {
        "resolv_conf": {"path": "/etc/resolv.conf", "link": None, "absent": False, **parsed},
        "resolved": {"settings": {}, "uplinks": []},
        "nsswitch": parse_nsswitch(nsswitch),
        "hosts": parse_hosts(hosts),
        "asked": asked,
        "left_out": [],
        "made_up": MADE_UP,
        "servers": [{"address": each, "role": "resolver", "responds": True} for each in parsed["nameservers"]],
        "answers": answers,
        "getaddrinfo": seen if live else None,
        "ipv6_route": False,
        "allowance": {"ens5": 0},
        "tls": None,
        "vpc": {
            "id": "vpc-1", "cidrs": ["172.31.0.0/16"], "dns_support": True, "dns_hostnames": True,
            "dhcp": {}, "zones": [], "endpoints": [],
        },
    }  # fmt: skip
    return target, plain(facts)


def _answer(query):
    given = POOL if query["type"] == "A" and query["kind"] != "random" else []
    rcode = "NXDOMAIN" if query["kind"] == "random" else "NOERROR"
    return {
        "rcode": rcode, "answers": list(given), "cnames": [], "ttl": 5, "truncated": False, "bytes": 90,
        "latency_ms": 1.0,
    }  # fmt: skip


def change(facts, values, **wanted):
    """Other results for the answers that match."""
    for item in facts["answers"]:
        if all(item[key] == value for key, value in wanted.items()):
            item["result"] = {**item["result"], **values}


def of(edge, facts):
    found = {}
    for finding in judge(edge, facts, {}):
        found.setdefault(finding.check, []).append(finding)
    return found


def worst(findings):
    present = {finding.status for finding in findings}
    return next(word for word in ("fail", "unknown", "pass", "not_applicable") if word in present)


def well():
    return make()


def live_and_well():
    return make(live=True)


def no_resolv_conf():
    edge, facts = make("")
    return edge, {
        **facts,
        "resolv_conf": None,
        "servers": [{"address": "127.0.0.1", "role": "resolver", "responds": False}],
    }


def dangling():
    edge, facts = make()
    facts["resolv_conf"].update(absent=True, link="../run/systemd/resolve/stub-resolv.conf")
    return edge, facts


def four_servers_and_slow():
    servers = "".join(f"nameserver 10.0.0.{number}\n" for number in range(2, 6))
    return make(f"{servers}options timeout:30 attempts:5\nnonsense\n")


def stub_is_off():
    edge, facts = make("nameserver 127.0.0.53\n")
    facts["resolved"]["settings"] = {"DNSStubListener": "no"}
    return edge, facts


def stale_pin():
    return make(hosts=f"198.51.100.1 {HOST}\n")


def no_dns_in_nsswitch():
    return make(nsswitch="hosts: files myhostname")


def overridden():
    edge, facts = make(live=True)
    facts["getaddrinfo"][HOST] = {"addresses": ["10.9.9.9"], "error": None}
    return edge, facts


def rotating_elsewhere():
    edge, facts = make(live=True)
    change(facts, {"answers": ["52.95.150.1"]}, name=HOST, type="A", sample=2)
    facts["getaddrinfo"][HOST] = {"addresses": ["52.95.151.9"], "error": None}
    return edge, facts


def libc_finds_nothing():
    edge, facts = make(live=True)
    facts["getaddrinfo"][HOST] = {"addresses": [], "error": "EAI_AGAIN"}
    return edge, facts


def all_dead():
    edge, facts = make()
    for server in facts["servers"]:
        server["responds"] = False
    change(facts, {"error": "timeout", "rcode": None, "answers": []})
    return edge, facts


def dead_uplink():
    """systemd-resolved's stub answers; of the two nameservers that it asks, one does not."""
    edge, facts = make("nameserver 127.0.0.53\n")
    facts["resolved"]["uplinks"] = ["10.0.0.2", "10.0.0.3"]
    facts["servers"] += [
        {"address": "10.0.0.2", "role": "uplink", "responds": False},
        {"address": "10.0.0.3", "role": "uplink", "responds": True},
    ]
    return edge, facts


def dead_only_uplink():
    edge, facts = dead_uplink()
    del facts["servers"][-1]
    return edge, facts


def second_denies():
    edge, facts = make("nameserver 10.0.0.2\nnameserver 10.0.0.3\noptions rotate\n")
    change(facts, {"rcode": "NXDOMAIN", "answers": []}, server="10.0.0.3", kind="answer")
    return edge, facts


def tcp_is_closed():
    edge, facts = make()
    change(facts, {"error": "refused"}, server="10.0.0.2", transport="tcp")
    return edge, facts


def hijacked():
    edge, facts = make()
    change(facts, {"rcode": "NOERROR", "answers": ["203.0.113.1"]}, kind="random", server="10.0.0.2")
    return edge, facts


def ipv6_without_route():
    edge, facts = make()
    change(facts, {"answers": ["2a05:d07a:a000::1"]}, type="AAAA", name=HOST)
    return edge, facts


def ipv6_unanswered():
    edge, facts = make()
    change(facts, {"rcode": "SERVFAIL"}, type="AAAA", name=HOST, server="10.0.0.2")
    return edge, facts


def cached():
    edge, facts = make()
    change(facts, {"answers": POOL[:1], "ttl": 86400}, type="A", kind="answer")
    return edge, facts


def split_horizon():
    edge, facts = make()
    change(facts, {"answers": ["172.31.4.4"]}, type="A", server="10.0.0.3", name=HOST)
    return edge, facts


def bypassed_endpoint():
    edge, facts = make()
    service = "com.amazonaws.eu-west-2.s3"
    facts["vpc"]["endpoints"] = [{"id": "vpce-1", "service": service, "private_dns": True, "only_inbound": False}]
    return edge, facts


def inbound_only_endpoint():
    edge, facts = bypassed_endpoint()
    facts["vpc"]["endpoints"][0]["only_inbound"] = True
    return edge, facts


def vpc_without_names():
    edge, facts = make()
    facts["vpc"].update(dns_support=False, dns_hostnames=False)
    facts["vpc"]["zones"] = [
        {"id": "Z1", "name": "amazonaws.com", "service": None},
        {"id": "Z2", "name": HOST, "service": "vpce.amazonaws.com"},
        {"id": "Z3", "name": "corp.example", "service": None},
    ]
    return edge, facts


def throttled():
    edge, facts = make()
    return edge, {**facts, "allowance": {"ens5": 12}}


def dotted_bucket():
    return make(bucket="rec.london")


def dotted_and_shown():
    edge, facts = make(bucket="rec.london")
    return edge, {**facts, "tls": {"matches": False, "message": "Hostname mismatch"}}


def amplified():
    return make("nameserver 10.0.0.2\nsearch a.example b.example\noptions ndots:5\n")


def sinkhole():
    edge, facts = make()
    change(facts, {"answers": ["0.0.0.0", "52.95.148.1", "127.0.0.1", "52.95.148.2"]}, type="A", kind="answer")
    change(facts, {"answers": ["52.95.148.1"]}, type="A", kind="probe")
    return edge, facts


def others_missing():
    edge, facts = make()
    change(facts, {"rcode": "NXDOMAIN", "answers": []}, name="sts.eu-west-2.amazonaws.com")
    return edge, facts


def global_endpoint():
    return make(storage_endpoint="s3.amazonaws.com")


def own_storage():
    edge, facts = make(storage_kind="s3_compatible", storage_endpoint="https://minio.corp.example", live=False)
    return edge, {**facts, "vpc": None}


def by_address():
    return make(storage_endpoint="http://127.0.0.1:8333")


# What each node fails; everything else passes or does not apply.
CASES = [
    (well, set()), (live_and_well, set()), (inbound_only_endpoint, set()), (own_storage, set()), (by_address, set()),
    (no_resolv_conf, {"DNS-01", "DNS-04", "DNS-08", "DNS-18"}),
    (dangling, {"DNS-01"}), (four_servers_and_slow, {"DNS-01"}), (stub_is_off, {"DNS-01"}), (stale_pin, {"DNS-02"}),
    (no_dns_in_nsswitch, {"DNS-02", "DNS-08", "DNS-18"}),
    (overridden, {"DNS-03"}), (rotating_elsewhere, set()), (libc_finds_nothing, {"DNS-03", "DNS-08"}),
    (all_dead, {"DNS-04", "DNS-08", "DNS-18"}), (second_denies, {"DNS-04", "DNS-17"}),
    (tcp_is_closed, {"DNS-05"}), (hijacked, {"DNS-06"}),
    (ipv6_without_route, {"DNS-07"}), (ipv6_unanswered, {"DNS-04", "DNS-07"}),
    (cached, {"DNS-09"}), (split_horizon, {"DNS-10"}), (bypassed_endpoint, {"DNS-10"}), (vpc_without_names, {"DNS-11"}),
    (throttled, {"DNS-12"}), (dotted_bucket, {"DNS-13"}), (dotted_and_shown, {"DNS-13"}), (amplified, {"DNS-14"}),
    (sinkhole, {"DNS-15"}), (others_missing, {"DNS-18"}), (global_endpoint, {"DNS-18"}),
]  # fmt: skip
NODES = [case for case, _ in CASES]


@pytest.mark.parametrize(("node", "failing"), CASES, ids=[node.__name__ for node in NODES])
def test_what_fails(node, failing):
    edge, facts = node()
    found = of(edge, facts)
    assert set(found) == set(CATALOGUE)
    assert {check for check, findings in found.items() if worst(findings) == "fail"} == failing


LOST = Unread("denied", "read", "x", "cannot read x", ("ec2:X",))


def unreadable(facts, lost):
    """Every place in the facts where gathering can put an Unread, each with the facts that result."""
    keys = ["resolv_conf", "resolved", "nsswitch", "hosts", "answers", "ipv6_route", "allowance"]
    places = [(key,) for key in keys]
    places += [("servers", number, "responds") for number in range(len(facts["servers"]))]
    places += [("answers", number, "result") for number in range(len(facts["answers"]))]
    if facts["tls"] is not None:
        places.append(("tls",))
    if facts["getaddrinfo"] is not None:
        places += [("getaddrinfo",), *(("getaddrinfo", name) for name in facts["getaddrinfo"])]
    if facts["vpc"] is not None:
        places += [("vpc",), *(("vpc", key) for key in ("dns_support", "dns_hostnames", "dhcp", "zones", "endpoints"))]
    for place in places:
        changed = copy.deepcopy(facts)
        holder = changed
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = lost
        yield place, changed


@pytest.mark.parametrize("lost", [LOST, LOST.to_fact()], ids=["fresh", "from a file"])
@pytest.mark.parametrize("node", NODES)
def test_nothing_gets_greener_where_a_fact_cannot_be_read(node, lost):
    edge, facts = node()
    before = {check: worst(findings) for check, findings in of(edge, facts).items()}
    addresses = exported(edge, facts)["storage_addresses"]
    for place, changed in unreadable(facts, lost):
        after = {check: worst(findings) for check, findings in of(edge, changed).items()}
        greener = {check for check in before if before[check] not in GREEN and after[check] in GREEN}
        assert not greener, f"{place} unread: {greener}"
        left = exported(edge, changed)
        assert (
            left["storage_addresses"] == addresses
            or place[0] in ("answers", "hosts", "nsswitch", "resolv_conf")
            or (left["storage_addresses_incomplete"])
        ), place


def test_an_unread_part_is_seen():
    """The property above is not met by silence: each part of a well node, once unread, makes some check unknown."""
    edge, facts = live_and_well()
    seen = {}
    for place, changed in unreadable(facts, LOST):
        if place[0] == "answers" and len(place) > 1:
            continue
        seen[place] = {check for check, findings in of(edge, changed).items() if worst(findings) == "unknown"}
    silent = {place for place, checks in seen.items() if not checks}
    # resolved counts behind a stub, routes with IPv6 answers, DHCP is shown and not judged.
    assert silent == {("resolved",), ("ipv6_route",), ("vpc", "dhcp")}
    assert {"DNS-08", "DNS-15", "DNS-17"} <= seen[("answers",)]


def test_nothing_was_read():
    edge, _ = well()
    findings = judge(edge, Unread("unreachable", "edge_facts", "london-1", "no route").to_fact(), {})
    assert {finding.status for finding in findings} == {"unknown"}
    assert {finding.check for finding in findings} == set(CATALOGUE)


@pytest.mark.parametrize(
    ("node", "verdict", "share"),
    [
        (well, "clear", None), (stale_pin, "clear", None), (hijacked, "clear", None), (all_dead, "blocked", None),
        (no_dns_in_nsswitch, "blocked", None), (second_denies, "unreliable", 0.5), (sinkhole, "unreliable", 0.5),
    ],
)  # fmt: skip
def test_what_it_means_for_the_path(node, verdict, share):
    edge, facts = node()
    answer = decide(edge.name, judge(edge, facts, {}), CATALOGUE, edge.payload)
    assert (answer.verdict, answer.failing_share) == (verdict, share)


@pytest.mark.parametrize(
    ("node", "check", "fix"),
    [
        (stale_pin, "DNS-02", {"action": "remove_hosts_pin", "line": 1, "address": "198.51.100.1", "name": HOST}),
        (no_dns_in_nsswitch, "DNS-02", {"action": "set_nsswitch_hosts", "value": "files dns"}),
        (all_dead, "DNS-04", {"action": "replace_nameserver", "address": "10.0.0.2", "replacement": "169.254.169.253"}),
        (second_denies, "DNS-04", {"action": "remove_nameserver", "address": "10.0.0.3"}),
        (dead_uplink, "DNS-04", {"action": "remove_nameserver", "address": "10.0.0.2", "managed_by": "systemd"}),
        (dead_only_uplink, "DNS-04", {"action": "replace_nameserver", "address": "10.0.0.2", "managed_by": "systemd"}),
        (amplified, "DNS-14", {"action": "set_resolver_options", "options": {"ndots": 1}}),
        (ipv6_without_route, "DNS-07", {"action": "set_resolver_options", "options": {"no-aaaa": True}}),
        (vpc_without_names, "DNS-11", {"action": "set_vpc_attribute", "attribute": "enableDnsSupport", "value": True}),
        (dotted_bucket, "DNS-13", {"action": "set_addressing_style", "value": "path"}),
        (global_endpoint, "DNS-18", {"action": "set_storage_endpoint", "value": HOST}),
    ],
)
def test_fixes(node, check, fix):
    edge, facts = node()
    given = next(finding.fix for finding in of(edge, facts)[check] if finding.fix)
    assert {key: given[key] for key in fix} == fix
    assert given["summary"]


def test_exported_addresses():
    edge, facts = stale_pin()
    out = exported(edge, facts)
    assert out["storage_addresses"] == ["52.95.148.1", "52.95.148.2", "52.95.149.3", "198.51.100.1"]
    assert exported(*by_address())["storage_addresses"] == ["127.0.0.1"]
    edge, facts = overridden()
    assert "10.9.9.9" in exported(edge, facts)["storage_addresses"]


def test_rotating_names_are_not_called_overridden():
    edge, facts = rotating_elsewhere()
    assert worst(of(edge, facts)["DNS-03"]) == "unknown"
