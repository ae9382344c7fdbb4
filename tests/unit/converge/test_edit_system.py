# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the system: sysctl.d, drop-ins, resolv.conf and who writes it, hosts, nsswitch.conf, nftables.conf."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.converge.edit import names, nftables, resolvers, system
from ansible.module_utils.edge.converge.model import Refused
from ansible.module_utils.edge.dns import nss, resolvconf
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "# Set by edgepath.\nnet.ipv4.tcp_retries2 = 8\n"),
        ("# x\nnet.ipv4.tcp_retries2=15\nkernel.a = 1\n", "# x\nnet.ipv4.tcp_retries2=8\nkernel.a = 1\n"),
        ("-net.ipv4.tcp_retries2 = 15", "-net.ipv4.tcp_retries2 = 8"),
        ("kernel.a = 1", "kernel.a = 1\nnet.ipv4.tcp_retries2 = 8\n"),
        ("#net.ipv4.tcp_retries2 = 15\n", "#net.ipv4.tcp_retries2 = 15\nnet.ipv4.tcp_retries2 = 8\n"),
    ],
)
def test_sysctl(text: str, expected: str) -> None:
    edited = system.set_sysctl(text, "f", "net.ipv4.tcp_retries2", "8")
    assert edited == expected
    assert system.set_sysctl(edited, "f", "net.ipv4.tcp_retries2", "8") == edited


@pytest.mark.parametrize(("key", "value"), [("a b", "1"), ("net.x", "1\nkernel.y=2"), ("net.x", ""), ("net.x", "$(x)")])
def test_sysctl_refuses(key: str, value: str) -> None:
    with pytest.raises(Refused):
        system.set_sysctl("", "f", key, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "# Set by edgepath.\n[Service]\nRuntimeMaxSec=infinity\n"),
        ("[Service]\nRuntimeMaxSec=1h\nUser=x\n", "[Service]\nRuntimeMaxSec=infinity\nUser=x\n"),
        ("[Service]\nUser=x\n\n[Unit]\nA=b\n", "[Service]\nUser=x\nRuntimeMaxSec=infinity\n\n[Unit]\nA=b\n"),
        ("[Unit]\nRuntimeMaxSec=1", "[Unit]\nRuntimeMaxSec=1\n[Service]\nRuntimeMaxSec=infinity\n"),
    ],
)
def test_unit_property(text: str, expected: str) -> None:
    edited = system.set_property(text, "f", "Service", "RuntimeMaxSec", "infinity")
    assert edited == expected
    assert system.set_property(edited, "f", "Service", "RuntimeMaxSec", "infinity") == edited


RESOLV = "# hand made\nsearch a.example\nnameserver 10.0.0.2\nnameserver 10.0.0.3 \noptions timeout:30 rotate\n"


def test_nameserver_removed_and_replaced() -> None:
    edited = names.remove_nameserver(RESOLV, "f", "10.0.0.3")
    assert edited == RESOLV.replace("nameserver 10.0.0.3 \n", "")
    with pytest.raises(Refused, match="only nameserver"):
        names.remove_nameserver(edited, "f", "10.0.0.2")
    assert names.replace_nameserver(RESOLV, "f", "10.0.0.3", "10.0.0.9") == RESOLV.replace("0.3", "0.9")
    assert names.replace_nameserver(RESOLV, "f", "10.0.0.3", "10.0.0.2") == edited
    with pytest.raises(Refused, match="no address"):
        names.replace_nameserver(RESOLV, "f", "10.0.0.3", "x\nnameserver 6.6.6.6")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RESOLV, RESOLV.replace("timeout:30 rotate", "timeout:2 rotate attempts:2")),
        ("nameserver ::1", "nameserver ::1\noptions timeout:2 attempts:2\n"),
        ("options attempts:5\noptions timeout:3\n", "options attempts:2\noptions timeout:2\n"),
    ],
)
def test_resolver_options(text: str, expected: str) -> None:
    wanted = {"timeout": 2, "attempts": 2}
    edited = names.set_resolver_options(text, "f", wanted)
    assert edited == expected
    assert names.set_resolver_options(edited, "f", wanted) == edited
    options = resolvconf.parse(edited)["options"]
    assert (options["timeout"], options["attempts"]) == (2, 2)


_line = st.sampled_from(
    ["nameserver 10.0.0.2", "nameserver 10.0.0.3", " nameserver 10.0.0.3", "options timeout:9 ndots:5", "options", "",
     "# nameserver 10.0.0.3", "search a b", "options ndots:2 edns0", "options timeout:1 timeout:2", "domain x\r"]
)  # fmt: skip


@given(st.lists(_line, max_size=7), st.integers(0, 15), st.integers(1, 30))
def test_any_resolv_conf_keeps_the_rest(lines, ndots, timeout):
    text = "\n".join(lines)
    before = resolvconf.parse(text)
    edited = names.set_resolver_options(text, "f", {"ndots": ndots, "timeout": timeout})
    after = resolvconf.parse(edited)
    assert (after["options"]["ndots"], after["options"]["timeout"]) == (ndots, timeout)
    assert after["options"]["flags"] == before["options"]["flags"]
    assert {**after, "options": 0, "problems": 0} == {**before, "options": 0, "problems": 0}
    try:
        without = resolvconf.parse(names.remove_nameserver(text, "f", "10.0.0.3"))
    except Refused:
        return
    assert without["nameservers"] + without["ignored"] == [
        item for item in before["nameservers"] + before["ignored"] if item != "10.0.0.3"
    ]


HOSTS = "127.0.0.1 localhost\n# pins\n52.92.88.10\ts3.x.com  b.s3.x.com # 2019\n52.92.88.10 s3.x.com\n::1 s3.x.com\n"


def test_pin() -> None:
    edited = names.remove_pin(HOSTS, "f", "s3.x.com", "52.92.88.10")
    assert edited == "127.0.0.1 localhost\n# pins\n52.92.88.10  b.s3.x.com # 2019\n::1 s3.x.com\n"
    assert names.remove_pin(edited, "f", "b.s3.x.com", "52.92.88.10") == (
        "127.0.0.1 localhost\n# pins\n# 2019\n::1 s3.x.com\n"
    )
    with pytest.raises(Refused):
        names.remove_pin(HOSTS, "f", "", "52.92.88.10")


_entry = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["10.0.0.1", "10.0.0.2", "::1", "", "# 10.0.0.1", " 10.0.0.1"]),
    st.sampled_from([" ", "\t", "   "]),
    st.lists(st.sampled_from(["a", "b", "A.", "c.d", "a"]), max_size=4).map(" ".join),
    st.sampled_from(["", " # a note", "#", "  "]),
    st.sampled_from(["\n", "\r\n"]),
)


@given(st.lists(_entry, max_size=6))
def test_any_hosts_file_loses_that_pin_alone(lines):
    text = "".join(lines)
    edited = names.remove_pin(text, "f", "a", "10.0.0.1")

    def pairs(held):
        return [(item["address"], name) for item in nss.parse_hosts(held) for name in item["names"]]

    assert pairs(edited) == [pair for pair in pairs(text) if pair != ("10.0.0.1", "a")]
    assert names.remove_pin(edited, "f", "a", "10.0.0.1") == edited


def test_nsswitch() -> None:
    text = "passwd: files\nhosts:          files mdns4   # was so\nnetworks: files\n"
    edited = names.set_nsswitch_hosts(text, "f", "files dns")
    assert edited == text.replace("files mdns4   #", "files dns   #")
    assert nss.parse_nsswitch(edited)["text"] == "files dns"
    assert names.set_nsswitch_hosts("", "f", "files dns") == "hosts: files dns\n"
    with pytest.raises(Refused):
        names.set_nsswitch_hosts(text, "f", "files\npasswd: x")


def test_resolved_servers() -> None:
    text = "[Resolve]\nDNS=10.0.0.2 10.0.0.3:53#x [2001:db8::1]:53\n#DNS=10.0.0.3\nFallbackDNS=10.0.0.3\n"
    assert resolvers.resolved_servers(text, "10.0.0.3", "") == text.replace(" 10.0.0.3:53#x", "")
    assert resolvers.resolved_servers(text, "2001:db8::1", "10.0.0.9") == text.replace("[2001:db8::1]:53", "10.0.0.9")
    assert resolvers.resolved_servers("[Resolve]\nDNS=10.0.0.3\n", "10.0.0.3", "") == "[Resolve]\n"
    with pytest.raises(Refused):
        resolvers.resolved_servers(text, "10.0.0.3", "x y")


def test_network_manager_and_dhclient() -> None:
    made = resolvers.network_manager("", "f", ["10.0.0.2"], {"timeout": 2, "attempts": 2})
    assert made == (
        "# Set by edgepath.\n[global-dns]\noptions = timeout:2,attempts:2\n[global-dns-domain-*]\nservers = 10.0.0.2\n"
    )
    assert resolvers.network_manager(made, "f", ["10.0.0.4"]) == made.replace("10.0.0.2", "10.0.0.4")
    text = "option x;\nsupersede domain-name-servers 1.1.1.1;\n"
    assert resolvers.dhclient_servers(text, "f", ["10.0.0.2", "10.0.0.4"]) == text.replace(
        "1.1.1.1", "10.0.0.2, 10.0.0.4"
    )
    assert resolvers.dhclient_servers("x;", "f", ["10.0.0.2"]).endswith("\nsupersede domain-name-servers 10.0.0.2;\n")
    for servers in ([], ["x; include"]):
        with pytest.raises(Refused):
            resolvers.dhclient_servers(text, "f", servers)
        with pytest.raises(Refused):
            resolvers.network_manager(text, "f", servers)


NFT = """\
#!/usr/sbin/nft -f
flush ruleset
table inet filter {
  set peers { type ipv4_addr; elements = { 192.0.2.1 } }
  chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }
  chain output {
    type filter hook output priority 0;
    policy drop;
    comment "all that leaves {"
    # first
    udp dport 53 accept
  }
}
table filter {
  chain output { }
}
"""
RULES = nftables.rules_for("output", ["52.95.128.0/20", "3.5.244.18/32", "2a05:d050::/32"], 443)


def test_rules_stand_before_all_others() -> None:
    edited = nftables.add_rules(NFT, "f", ("inet", "filter", "output"), RULES, "edgepath")
    new = "".join(f'    {rule} comment "edgepath"\n' for rule in RULES)
    assert edited == NFT.replace("    # first\n", f"{new}    # first\n")
    assert nftables.add_rules(edited, "f", ("inet", "filter", "output"), RULES, "edgepath") == edited
    back = nftables.rules_for("input", ["3.5.244.18/32"], 443)
    assert back == ["ip saddr 3.5.244.18 tcp sport 443 accept"]
    edited = nftables.add_rules(NFT, "f", ("inet", "filter", "input"), back, "edgepath")
    assert f'policy drop; {back[0]} comment "edgepath"; tcp dport 22 accept;' in edited


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not stand"),
        ("table inet filter {", "closed"),
        ("}", "may stand"),
        (NFT.replace("inet", "ip6"), "boot"),
    ],
)
def test_rules_refused(text: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        nftables.add_rules(text, "f", ("inet", "filter", "output"), RULES, "edgepath")


@pytest.mark.parametrize("destination", ["0.0.0.0/0", "::/0", "1.2.3.4; flush ruleset", "x"])
def test_no_rule_for_everywhere(destination: str) -> None:
    with pytest.raises(Refused):
        nftables.rules_for("output", [destination], 443)
