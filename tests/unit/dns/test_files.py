# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's files as glibc takes them; whatever stands in them, no traceback."""

from __future__ import annotations

import os

import pytest
from ansible.module_utils.edge.dns import nss, resolvconf
from ansible.module_utils.edge.dns.addresses import classify, in_order
from ansible.module_utils.edge.dns.rootfile import MAX_BYTES, NodeFile, listing, read_text
from ansible.module_utils.edge.finding import Unread
from hypothesis import given
from hypothesis import strategies as st

LINES = st.lists(
    st.one_of(
        st.text(max_size=60),
        st.sampled_from(
            [
                "nameserver 10.0.0.2",
                "nameserver fe80::1%eth0",
                "options ndots:99999999999 rotate",
                "search a b",
                "domain",
            ]
        ),
        st.builds("{} {}".format, st.sampled_from(resolvconf.KEYWORDS), st.text(max_size=40)),
    ),
    max_size=12,
).map("\n".join)


@given(LINES)
def test_any_resolv_conf_is_taken(text):
    found = resolvconf.parse(text)
    assert len(found["nameservers"]) <= 3
    assert all(resolvconf.is_address(server) for server in found["nameservers"])
    assert len(found["problems"]) <= resolvconf.MAX_PROBLEMS
    for name, cap in resolvconf.CAPS.items():
        assert 0 <= found["options"][name] <= cap
    assert resolvconf.worst_case_seconds(len(found["nameservers"]), found["options"]) >= 1


@given(st.text())
def test_any_hosts_and_nsswitch_are_taken(text):
    for entry in nss.parse_hosts(text):
        assert resolvconf.is_address(entry["address"])
        assert entry["names"]
    order = nss.parse_nsswitch(f"hosts: {text}")
    assert nss.decide(order["services"], "a.example", lambda kind: "NOTFOUND") is None
    resolvconf.parse_resolved([text])


def test_resolv_conf():
    text = (
        "# a comment\n; another\nnameserver 10.0.0.2\nnameserver 2001:db8::53\nnameserver nonsense\n"
        "nameserver 10.0.0.3\nnameserver 10.0.0.4\nsearch Corp.Example. eu.example\n"
        "options timeout:40 attempts:1 rotate wrong:1\n indented\nfoo bar\n"
    )
    found = resolvconf.parse(text)
    assert found["nameservers"] == ["10.0.0.2", "2001:db8::53", "10.0.0.3"]
    assert found["ignored"] == ["10.0.0.4"]
    assert found["search"] == ["corp.example", "eu.example"]
    assert found["options"] == {"ndots": 1, "timeout": 30, "attempts": 1, "flags": ["rotate"]}
    assert [problem["line"] for problem in found["problems"]] == [5, 9, 10, 11]


def test_a_later_search_or_domain_wins():
    assert resolvconf.parse("search a b\ndomain c.example d\n")["search"] == ["c.example"]


@pytest.mark.parametrize(
    ("servers", "options", "seconds"),
    [
        (1, {"timeout": 5, "attempts": 2}, 10),
        (2, {"timeout": 5, "attempts": 2}, 20),
        (3, {"timeout": 5, "attempts": 2}, 28),  # 5 + 10/3 + 20/3 in whole seconds, twice
        (3, {"timeout": 1, "attempts": 1}, 3),
        (0, {"timeout": 2, "attempts": 5}, 10),
        (9, {"timeout": 5, "attempts": 2}, 28),
    ],
)
def test_worst_case(servers, options, seconds):
    assert resolvconf.worst_case_seconds(servers, options) == seconds


def test_resolved_drop_ins():
    texts = [
        "[Resolve]\nDNS=10.0.0.2\nCache=yes\n#DNS=1.1.1.1\n",
        "[Other]\nDNS=9.9.9.9\n[Resolve]\nDNS=10.0.0.3\nCache=no\n",
    ]
    assert resolvconf.parse_resolved(texts) == {"DNS": "10.0.0.2 10.0.0.3", "Cache": "no"}
    assert resolvconf.parse_resolved([*texts, "[Resolve]\nDNS=\n"])["DNS"] == ""


@pytest.mark.parametrize(
    ("line", "pinned", "dns", "taken"),
    [
        ("files dns", True, "SUCCESS", "files"),
        ("files dns", False, "SUCCESS", "dns"),
        ("dns files", True, "SUCCESS", "dns"),
        ("dns files", True, "TRYAGAIN", "files"),
        ("dns [!UNAVAIL=return] files", True, "NOTFOUND", None),
        ("files [NOTFOUND=return] dns", False, "SUCCESS", None),
        ("files mdns4_minimal [NOTFOUND=return] dns", False, "SUCCESS", "dns"),
        ("mymachines resolve [!UNAVAIL=return] files myhostname dns", False, "SUCCESS", "dns"),
        ("files", False, "SUCCESS", None),
        ("files dns [SUCCESS=continue]", False, "SUCCESS", None),
        ("", True, "SUCCESS", None),
    ],
)
def test_order_of_services(line, pinned, dns, taken):
    services = nss.parse_nsswitch(f"passwd: files\nhosts: {line}  # comment\n")["services"]
    status = {"files": "SUCCESS" if pinned else "NOTFOUND", "dns": dns}
    assert nss.decide(services, "s3.example", status.__getitem__) == taken


def test_without_a_hosts_line_glibc_has_its_own():
    found = nss.parse_nsswitch("passwd: files\n")
    assert found["line"] is None
    assert nss.decide(found["services"], "a.example", {"files": "SUCCESS", "dns": "NOTFOUND"}.__getitem__) is None


def test_hosts_entries():
    text = "127.0.0.1 localhost\n52.95.148.1\tS3.Example. alias # pinned\nnonsense s3.example\n10.0.0.1\n"
    entries = nss.parse_hosts(text)
    assert nss.pins(entries, "s3.example") == [{"line": 2, "address": "52.95.148.1", "names": ["s3.example", "alias"]}]
    assert nss.pins(entries, "example") == []


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("52.95.148.10", "public"), ("10.1.2.3", "private"), ("100.64.1.1", "private"), ("172.31.0.5", "vpc"),
        ("127.0.0.1", "loopback"), ("::1", "loopback"), ("0.0.0.0", "unusable"), ("169.254.1.1", "unusable"),
        ("224.0.0.1", "unusable"), ("255.255.255.255", "unusable"), ("fd00::1", "private"), ("2a05:d07a::1", "public"),
        ("64:ff9b::3460:1", "public"), ("fe80::1%eth0", "unusable"), ("nonsense", "unusable"),
    ],
)  # fmt: skip
def test_classes_of_addresses(address, kind):
    assert classify(address, ["172.31.0.0/16", "nonsense"]) == kind


def test_addresses_in_order():
    assert in_order(["10.0.0.10", "::2", "10.0.0.9", "10.0.0.9", "nonsense"]) == ["10.0.0.9", "10.0.0.10", "::2"]


def test_links_stay_below_the_root(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "run/resolve").mkdir(parents=True)
    (tmp_path / "run/resolve/stub.conf").write_text("nameserver 127.0.0.53\n")
    (tmp_path / "etc/resolv.conf").symlink_to("/run/resolve/stub.conf")
    found = read_text(str(tmp_path), "/etc/resolv.conf")
    assert found == NodeFile(
        "/etc/resolv.conf", "/run/resolve/stub.conf", "/run/resolve/stub.conf", "nameserver 127.0.0.53\n"
    )
    (tmp_path / "etc/up").symlink_to("../../../../../../etc/passwd")
    assert read_text(str(tmp_path), "/etc/up").text is None


def test_what_is_no_file_is_unread_and_does_not_block(tmp_path):
    (tmp_path / "etc").mkdir()
    os.mkfifo(tmp_path / "etc/pipe")
    (tmp_path / "etc/loop").symlink_to("loop")
    (tmp_path / "etc/dir").mkdir()
    (tmp_path / "etc/large").write_bytes(b"#" * (MAX_BYTES + 1))
    for name in ("pipe", "loop", "dir", "large"):
        found = read_text(str(tmp_path), f"/etc/{name}")
        assert isinstance(found, Unread), name
        assert found.message.startswith(f"cannot read /etc/{name}: ")
    assert read_text(str(tmp_path), "/etc/absent").text is None
    assert listing(str(tmp_path), "/etc/absent.d", ".conf") == []


def test_binary_is_text_with_marks(tmp_path):
    (tmp_path / "bin").write_bytes(bytes(range(256)) * 10)
    found = resolvconf.parse(read_text(str(tmp_path), "/bin").text)
    assert found["problems"]
    assert all(problem["text"].isprintable() for problem in found["problems"])
