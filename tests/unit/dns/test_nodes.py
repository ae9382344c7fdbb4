# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's facts from real nameservers on loopback, well and ill; and what the judge makes of them."""

from __future__ import annotations

import builtins
import json
import threading

import pytest
from ansible.module_utils.edge.dns import live, node
from ansible.module_utils.edge.dns.checks import judge
from ansible.module_utils.edge.dns.query import Limits, ask, run_all
from ansible.module_utils.edge.dns.resolution import exported, resolve
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.targets import Edge

from lab.nameserver import NameServer

HOST = "s3.eu-west-2.amazonaws.com"
BUCKET = f"rec.{HOST}"
POOL = [f"52.95.148.{number}" for number in range(1, 13)]
ZONES = {
    HOST: {"A": POOL, "answers": 8},
    f"*.{HOST}": {"CNAME": "s3-r-w.eu-west-2.amazonaws.com"},
    "s3-r-w.eu-west-2.amazonaws.com": {"A": POOL, "answers": 8},
    "sts.eu-west-2.amazonaws.com": {"A": ["52.94.1.1"], "ttl": 60},
    "kms.eu-west-2.amazonaws.com": {"A": ["52.94.1.2"], "ttl": 60},
    "api.euw2.pure.cloud": {"A": ["18.1.1.1"], "ttl": 60},
}
# For nameservers that do not answer; long enough for those that do, on a machine that is busy.
# Where a nameserver is silent; where all answer, a test may be as patient as a busy machine needs.
QUICK = Limits(query_seconds=1.0, patient_seconds=2.0, total_seconds=60.0)
PATIENT = Limits(query_seconds=20.0, patient_seconds=20.0, total_seconds=120.0)
FIRST, SECOND = "127.0.0.21", "127.0.0.22"


@pytest.fixture
def copy(tmp_path):
    """A copy of a node; call it to write files below /etc and get its edge."""

    def write(port, **files):
        (tmp_path / "etc").mkdir(exist_ok=True)
        defaults = {"resolv.conf": f"nameserver {FIRST}\n", "nsswitch.conf": "hosts: files dns\n"}
        for name, text in {**defaults, **files}.items():
            (tmp_path / "etc" / name).write_text(text, encoding="utf-8")
        values = {"name": "london-1", "region": "eu-west-2", "bucket": "rec", "root": str(tmp_path), "dns_port": port}
        return Edge.from_mapping(values)

    return write


def judged(edge, facts):
    facts = plain({**facts, "vpc": None, **exported(edge, facts)})
    found = {}
    for finding in judge(edge, facts, {}):
        found.setdefault(finding.check, []).append(finding)
    return found


def statuses(found, *checks):
    return [sorted({finding.status for finding in found[check]}) for check in checks]


def test_a_healthy_node(copy):
    with NameServer(ZONES, FIRST) as server:
        edge = copy(server.port)
        facts = node.gather_node(edge, PATIENT)
    found = judged(edge, facts)
    assert [check for check, findings in found.items() if any(item.status == "fail" for item in findings)] == []
    out = exported(edge, plain(facts))
    assert out["storage_addresses"] == POOL
    assert out["storage_names"] == [HOST, BUCKET]
    assert out["names"]["api.euw2.pure.cloud"]["addresses"] == ["18.1.1.1"]
    assert out["names"][HOST]["classes"] == ["public"]
    chain = next(item for item in facts["answers"] if item["name"] == BUCKET)
    assert chain["result"]["cnames"] == ["s3-r-w.eu-west-2.amazonaws.com"]
    json.dumps(plain(facts))


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ({"silent": True}, "timeout"),
        ({"garbage": True}, "malformed"),
        ({"trickle": True}, "malformed"),
        ({"rcode": "SERVFAIL"}, None),
        ({"rcode": "REFUSED"}, None),
    ],
    ids=["silent", "garbage", "forever", "servfail", "refused"],
)
def test_the_only_nameserver_is_no_use(copy, behaviour, error):
    with NameServer(ZONES, FIRST, behaviour=behaviour) as server:
        edge = copy(server.port)
        facts = node.gather_node(edge, QUICK)
    found = judged(edge, facts)
    assert statuses(found, "DNS-04", "DNS-08") == [["fail"], ["fail"]]
    assert {item["result"].get("error") for item in facts["answers"] if item["transport"] == "udp"} == {error}
    assert exported(edge, facts)["storage_addresses"] == []
    replace = found["DNS-04"][0].fix
    assert (replace["action"], replace["address"]) == ("replace_nameserver", FIRST)


def test_one_dead_nameserver_of_two(copy):
    with NameServer(ZONES, FIRST) as server:
        edge = copy(server.port, **{"resolv.conf": f"nameserver {SECOND}\nnameserver {FIRST}\noptions timeout:3\n"})
        facts = node.gather_node(edge, QUICK)
    found = judged(edge, facts)
    assert statuses(found, "DNS-04", "DNS-08", "DNS-17") == [["fail"], ["pass"], ["pass"]]
    assert found["DNS-04"][0].fix["action"] == "remove_nameserver"
    assert "wait 3 s" in found["DNS-04"][0].observed


def test_a_slow_nameserver_is_not_called_dead(copy):
    with NameServer(ZONES, FIRST, behaviour={"delay": 0.25}) as server:
        edge = copy(server.port)
        facts = node.gather_node(edge, Limits(query_seconds=0.1, patient_seconds=5.0, total_seconds=30.0))
    assert facts["servers"][0]["responds"] is True
    assert statuses(judged(edge, facts), "DNS-08") == [["pass"]]


def test_a_lying_nameserver_in_the_rotation_fails_its_share(copy):
    lying = {name: record for name, record in ZONES.items() if "s3" not in name}
    with NameServer(ZONES, FIRST) as server, NameServer(lying, SECOND, server.port):
        order = f"nameserver {FIRST}\nnameserver {SECOND}\n"
        edge = copy(server.port, **{"resolv.conf": f"{order}options rotate\n"})
        turning = judged(edge, node.gather_node(edge, PATIENT))
        edge = copy(server.port, **{"resolv.conf": order})
        fixed = judged(edge, node.gather_node(edge, PATIENT))
        edge = copy(server.port, **{"resolv.conf": f"nameserver {SECOND}\nnameserver {FIRST}\n"})
        first = judged(edge, node.gather_node(edge, PATIENT))
    assert statuses(turning, "DNS-04", "DNS-08", "DNS-17") == [["fail"], ["pass"], ["fail"]]
    assert {finding.share for finding in turning["DNS-17"]} == {0.5}
    assert statuses(fixed, "DNS-04", "DNS-08", "DNS-17") == [["fail"], ["pass"], ["pass"]]
    assert statuses(first, "DNS-08", "DNS-17") == [["fail"], ["pass"]]
    assert "NXDOMAIN" in first["DNS-08"][0].observed


@pytest.mark.parametrize(
    ("behaviour", "status", "words"),
    [
        ({"truncate": True}, "pass", "all work"),
        ({"truncate": True, "tcp": "refused"}, "fail", "cut answer is not given over TCP (refused)"),
        ({"tcp": "silent"}, "fail", "TCP fails (timeout)"),
        ({"no_edns": True}, "fail", "EDNS 1232 is answered FORMERR"),
        ({"lose_over": 175}, "fail", "EDNS 1232 fails (timeout), EDNS 4096 fails (timeout)"),
    ],
)
def test_transports(copy, behaviour, status, words):
    with NameServer(ZONES, FIRST, behaviour=behaviour) as server:
        edge = copy(server.port)
        found = judged(edge, node.gather_node(edge, QUICK))
    assert statuses(found, "DNS-05") == [[status]]
    assert words in found["DNS-05"][0].observed
    cut = behaviour == {"truncate": True, "tcp": "refused"}
    assert next(item.status for item in found["DNS-08"] if item.resource == HOST) == ("fail" if cut else "pass")


def test_use_vc_asks_over_tcp_alone(copy):
    with NameServer(ZONES, FIRST) as server:
        edge = copy(server.port, **{"resolv.conf": f"nameserver {FIRST}\noptions use-vc\n"})
        found = judged(edge, node.gather_node(edge, PATIENT))
        udp = {query for query in server.queries if query[0] == "udp"}
    assert statuses(found, "DNS-08") == [["pass"]]
    assert {name for _, name, _ in udp} == {HOST}  # the probes of EDNS and UDP


def test_hijack_and_its_effect_on_names_that_are_searched_first(copy):
    with NameServer(ZONES, FIRST, behaviour={"hijack": "203.0.113.9", "hijack_below": "corp.example"}) as server:
        conf = f"nameserver {FIRST}\nsearch corp.example\noptions ndots:5\n"
        edge = copy(server.port, **{"resolv.conf": conf})
        facts = node.gather_node(edge, PATIENT)
    found = judged(edge, facts)
    assert statuses(found, "DNS-06", "DNS-14") == [["fail"], ["fail"]]
    assert found["DNS-06"][0].resource == f"{FIRST} corp.example"
    assert exported(edge, facts)["storage_addresses"] == ["203.0.113.9"]


def test_a_pin_is_exported_and_named(copy):
    with NameServer(ZONES, FIRST) as server:
        edge = copy(server.port, hosts=f"127.0.0.1 localhost\n198.51.100.7 {HOST}\n")
        facts = node.gather_node(edge, PATIENT)
    found = judged(edge, facts)
    assert statuses(found, "DNS-02", "DNS-08") == [["fail"], ["pass"]]
    assert found["DNS-02"][0].fix["line"] == 2
    assert "which no nameserver gives" in found["DNS-02"][0].observed
    names = exported(edge, facts)["names"]
    assert names[HOST]["addresses"] == ["198.51.100.7"]
    assert names[HOST]["source"] == "files"
    assert names[BUCKET]["addresses"] == POOL


def test_behind_a_stub_the_uplinks_are_asked_too(copy, tmp_path):
    (tmp_path / "run/systemd/resolve").mkdir(parents=True)
    (tmp_path / "run/systemd/resolve/resolv.conf").write_text(f"nameserver {FIRST}\nnameserver {SECOND}\n")
    with NameServer(ZONES, "127.0.0.53") as stub, NameServer(ZONES, FIRST, stub.port):
        edge = copy(stub.port, **{"resolv.conf": "nameserver 127.0.0.53\n"})
        facts = node.gather_node(edge, QUICK)
    roles = {server["address"]: (server["role"], server["responds"]) for server in facts["servers"]}
    assert roles == {"127.0.0.53": ("resolver", True), FIRST: ("uplink", True), SECOND: ("uplink", False)}
    found = judged(edge, facts)
    assert [finding.resource for finding in found["DNS-04"]] == [SECOND]
    assert statuses(found, "DNS-08") == [["pass"]]


def test_the_stub_that_reads_the_hosts_file_is_no_witness_of_its_pin(copy, tmp_path):
    (tmp_path / "run/systemd/resolve").mkdir(parents=True)
    (tmp_path / "run/systemd/resolve/resolv.conf").write_text(f"nameserver {FIRST}\n")
    pinned = {**ZONES, HOST: {"A": ["198.51.100.7"]}}
    with NameServer(pinned, "127.0.0.53") as stub, NameServer(ZONES, FIRST, stub.port):
        conf = {"resolv.conf": "nameserver 127.0.0.53\n"}
        edge = copy(stub.port, hosts=f"127.0.0.1 localhost\n198.51.100.7 {HOST}\n", **conf)
        found = judged(edge, node.gather_node(edge, PATIENT))
    assert "which no nameserver gives" in found["DNS-02"][0].observed


def test_without_dnspython_the_files_are_still_read(copy, monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name.split(".")[0] == "dns":
            raise ImportError("No module named 'dns'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    edge = copy(5353)
    facts = node.gather_node(edge, QUICK)
    monkeypatch.undo()
    assert facts["resolv_conf"]["nameservers"] == [FIRST]
    assert "install dnspython==2.7.0" in unread(facts["answers"]).message
    found = judged(edge, facts)
    assert statuses(found, "DNS-01", "DNS-04", "DNS-08") == [["pass"], ["unknown"], ["unknown"]]
    assert unread(exported(edge, facts)["storage_addresses"]) is not None


@pytest.mark.parametrize("content", [b"\x00\xff" * 5000, b"", b"nameserver\n" * 200000])
def test_a_resolv_conf_that_is_none(copy, tmp_path, content):
    edge = copy(1)
    (tmp_path / "etc/resolv.conf").write_bytes(content)
    found = judged(edge, node.gather_node(edge, QUICK))
    assert statuses(found, "DNS-01") == [["fail"]]
    assert "no nameserver is given" in found["DNS-01"][0].observed


def test_an_enormous_resolv_conf_is_unknown(copy, tmp_path):
    edge = copy(1)
    (tmp_path / "etc/resolv.conf").write_bytes(b"#" * 5_000_000)
    found = judged(edge, node.gather_node(edge, QUICK))
    assert statuses(found, "DNS-01", "DNS-08", "DNS-17") == [["unknown"]] * 3


def test_names_beyond_the_most_are_unknown(copy):
    with NameServer(ZONES, FIRST) as server:
        edge = Edge.from_mapping(
            {"name": "x", "root": copy(server.port).root, "dns_port": server.port,
             "dns_names": [f"n{number}.example" for number in range(100)]}
        )  # fmt: skip
        facts = node.gather_node(edge, QUICK)
    assert len(facts["asked"]) == 32
    assert "unknown" in statuses(judged(edge, facts), "DNS-18")[0]


def test_time_runs_out_for_what_is_left(copy):
    with NameServer(ZONES, FIRST, behaviour={"delay": 0.3}) as server:
        edge = copy(server.port)
        facts = node.gather_node(edge, Limits(query_seconds=1, patient_seconds=1, total_seconds=0.5, threads=1))
    lacking = [item for item in facts["answers"] if unread(item["result"])]
    assert lacking
    assert statuses(judged(edge, facts), "DNS-18") == [["unknown"]]
    assert resolve(facts, BUCKET).status == "unknown"


def test_run_all_keeps_the_order_and_gives_up():
    for_ever = threading.Event()
    try:
        assert run_all([lambda: 1, for_ever.wait, lambda: 3], 2, 2.0) == [1, None, 3]
    finally:
        for_ever.set()


def test_a_nameserver_without_a_route():
    asked = {"name": HOST, "type": "A", "transport": "udp", "edns": None}
    assert ask("255.255.255.255", 53, asked, 0.2)["error"] == "unreachable"
    assert ask("2001:db8::1%nonsense0", 53, asked, 0.2)["error"] in ("unreachable", "malformed")


def test_live_parts_of_a_copy(copy, tmp_path):
    edge = copy(1)
    assert live.ipv6_default_route(edge).state == "not_collected"
    assert live.allowance(edge).state == "not_collected"
    (tmp_path / "proc/net").mkdir(parents=True)
    table = tmp_path / "proc/net/ipv6_route"
    zeros = "0" * 32
    reject = f"{zeros} 00 {zeros} 00 {zeros} ffffffff 00000001 00000000 00200200       lo\n"
    table.write_text(f"{reject}nonsense\n{'f' * 32} zz\n")
    assert live.ipv6_default_route(edge) is False
    table.write_text(f"{reject}{zeros} 00 {zeros} 00 fe80{'0' * 28} 00000400 00000001 00000000 00000003     ens5\n")
    assert live.ipv6_default_route(edge) is True
    (tmp_path / "var/lib/edgepath/recorded").mkdir(parents=True)
    (tmp_path / "var/lib/edgepath/recorded/ethtool.txt").write_text(
        "NIC statistics:\n     bw_in_allowance_exceeded: 0\n     linklocal_allowance_exceeded: 17\n"
    )
    assert live.allowance(edge) == {"recorded": 17}


def test_getaddrinfo_of_a_live_node():
    found = live.getaddrinfo(["localhost", "a" * 300], QUICK)
    assert "127.0.0.1" in found["localhost"]["addresses"]
    assert found["a" * 300]["addresses"] == []
    assert found["a" * 300]["error"]


def test_a_handshake_that_cannot_be_made_is_unread():
    assert isinstance(live.handshake("a.b.example", "127.0.0.1", 9, 0.5), Unread)
