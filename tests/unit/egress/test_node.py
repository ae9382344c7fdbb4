# SPDX-License-Identifier: GPL-3.0-or-later
"""The section "host", from a copy of a node and from a running one whose commands are scripts."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible.module_utils.edge.egress import host, node
from ansible.module_utils.edge.finding import unread
from ansible.module_utils.edge.targets import Edge

RECORDED = node.RECORDED.lstrip("/")
RULESET = {"nftables": [{"metainfo": {"version": "1.0.6"}}]}
ADDRESSES = [{"ifname": "ens5", "addr_info": [{"family": "inet", "local": "10.0.1.10", "scope": "global"}]}]
ROUTES = [{"dst": "default", "gateway": "10.0.1.1", "dev": "ens5", "prefsrc": "10.0.1.10", "flags": []}]
ROUTE6 = "0" * 32 + " 00 " + "0" * 32 + " 00 " + "fe80" + "0" * 28 + " 00000400 00000001 00000000 {flags} {device}"


@pytest.fixture
def copy(tmp_path):
    def write(path, text):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    write("proc/sys/net/ipv4/ip_local_port_range", "1024\t65535\n")
    write("sys/class/dmi/id/sys_vendor", "Amazon EC2\n")
    write(f"{RECORDED}/nft.json", json.dumps(RULESET))
    write(f"{RECORDED}/ip-addr.json", json.dumps(ADDRESSES))
    write(f"{RECORDED}/ip-route.json", json.dumps(ROUTES))
    return tmp_path, write


def gather(root):
    return node.gather_node(Edge(name="e", root=str(root)))


def test_a_copy_of_a_node(copy):
    section = gather(copy[0])
    assert section["ip_local_port_range"] == [1024, 65535]
    assert section["vendor"] == "Amazon EC2"
    assert section["firewall"] == [{"kind": "nft", "command": "nft -j list ruleset", "ruleset": RULESET}]
    assert host.source_addresses(section) == {4: "10.0.1.10"}
    assert host.addresses(section) == ["10.0.1.10"]
    assert section["routes6"] == []
    json.dumps(section)


def test_iptables_of_a_copy(copy):
    root, write = copy
    write(f"{RECORDED}/iptables-save.txt", "*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
    assert [part["kind"] for part in gather(root)["firewall"]] == ["nft", "iptables"]
    (root / RECORDED / "nft.json").unlink()
    assert [part["kind"] for part in gather(root)["firewall"]] == ["iptables"]


@pytest.mark.parametrize(
    ("gone", "key"),
    [
        (f"{RECORDED}/nft.json", "firewall"),
        (f"{RECORDED}/ip-addr.json", "addresses"),
        (f"{RECORDED}/ip-route.json", "routes"),
        ("proc/sys/net/ipv4/ip_local_port_range", "ip_local_port_range"),
    ],
)
def test_what_a_copy_does_not_hold_is_not_collected(copy, gone, key):
    (copy[0] / gone).unlink()
    section = gather(copy[0])
    assert unread(section[key]).state == "not_collected"
    json.dumps(section)


@pytest.mark.parametrize(("text", "key"), [("no json", "firewall"), ("no json", "addresses")])
def test_what_is_cut_or_garbled_is_an_error(copy, text, key):
    root, write = copy
    write(f"{RECORDED}/nft.json", text)
    write(f"{RECORDED}/ip-addr.json", text)
    section = gather(root)
    found = section[key][0] if key == "firewall" else section[key]
    assert unread(found).state == "error"


@pytest.mark.parametrize(
    ("flags", "device", "wanted"),
    [("00450003", "ens5", True), ("00450003", "lo", False), ("00200200", "ens5", False), ("00000002", "ens5", False)],
)
def test_the_ipv6_default_route(copy, flags, device, wanted):
    root, write = copy
    write("proc/net/ipv6_route", ROUTE6.format(flags=flags, device=device) + "\n")
    assert host.has_route(gather(root), 6) is wanted


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """A running node whose commands are scripts, and whose /proc and /sys lie below tmp_path."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    monkeypatch.setattr(node, "_PATH", str(binaries))
    monkeypatch.setenv("PATH", str(binaries))
    held = node._kernel_text
    monkeypatch.setattr(node, "_kernel_text", lambda path: held(f"{tmp_path}/root{path}"))

    def script(name, printed="", code=0, error=""):
        path = binaries / name
        path.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{printed}\nEND\necho '{error}' >&2\nexit {code}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def file(path, text):
        target = tmp_path / "root" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    script("ip", json.dumps([]))
    return script, file


def test_a_running_node_with_nft(commands):
    script, _ = commands
    script("nft", json.dumps(RULESET))
    section = gather("/")
    assert section["firewall"] == [{"kind": "nft", "command": "nft -j list ruleset", "ruleset": RULESET}]
    assert unread(section["ip_local_port_range"]).state == "not_collected"


def test_a_listing_that_is_refused_is_denied_and_says_what_to_do(commands):
    commands[0]("nft", code=1, error="Operation not permitted (you must be root)")
    found = unread(gather("/")["firewall"][0])
    assert (found.state, "become: true" in found.message) == ("denied", True)


def test_the_older_tables_are_listed_where_they_are_in_use(commands):
    script, file = commands
    script("nft", json.dumps(RULESET))
    file("proc/net/ip_tables_names", "filter\n")
    found = gather("/")["firewall"]
    assert unread(found[1]).state == "not_collected"
    script("iptables-legacy-save", "*filter\n:OUTPUT DROP [0:0]\nCOMMIT")
    found = gather("/")["firewall"]
    assert (found[1]["kind"], found[1]["command"]) == ("iptables", "iptables-legacy-save")


def test_without_tools_the_kernels_modules_tell(commands):
    assert unread(gather("/")["firewall"]).state == "not_collected"
    commands[1]("proc/modules", "ena 16384 0 - Live 0x0\n")
    assert gather("/")["firewall"] == []
    commands[1]("proc/modules", "nf_tables 16384 0 - Live 0x0\n")
    assert unread(gather("/")["firewall"]).state == "not_collected"


def test_iptables_alone(commands):
    for name in ("iptables-save", "ip6tables-save"):
        commands[0](name, "*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT")
    assert [part["kind"] for part in gather("/")["firewall"]] == ["iptables", "ip6tables"]


def test_the_callers_environment_is_handed_on_in_the_c_locale(commands, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    script, _ = commands
    script("nft", json.dumps(RULESET))
    assert os.environ["LC_ALL"] == "de_DE.UTF-8"
    assert unread(gather("/")["firewall"][0]) is None


def test_the_ephemeral_ports_of_this_very_kernel():
    """A sysctl is no ordinary file: it must be read as the kernel gives it."""
    low, high = node._port_range(node._kernel_text("/proc/sys/net/ipv4/ip_local_port_range"))
    assert 0 < low < high <= 65535


def test_a_kernel_file_that_may_not_be_read_is_an_error_and_one_that_is_absent_is_absent(tmp_path):
    assert node._kernel_text(str(tmp_path / "none")) is None
    assert unread(node._kernel_text(str(tmp_path))).state == "error"
