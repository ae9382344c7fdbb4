# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters and journal as nodes have them, whole, broken and missing; and what a sample shows."""

from __future__ import annotations

import json
import os

import pytest
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.log import witnesses
from ansible.module_utils.edge.log.node import gather_node
from ansible.module_utils.edge.log.redact import sample_text
from ansible.module_utils.edge.log.window import Window
from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.timeouts.files import Node
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.log.logs import PATH, WINDOW, put

NETSTAT = "TcpExt: SyncookiesSent TCPTimeouts TCPAbortOnTimeout\nTcpExt: 0 214 7\nIpExt: InOctets\nIpExt: 99\n"
SNMP = "Tcp: RtoAlgorithm MaxConn ActiveOpens EstabResets OutRsts\nTcp: 1 -1 18244 96 388\n"
CONNTRACK = "entries searched drop early_drop insert_failed\n2f 0 a 1 0\n2f 0 1 0 2\n"
JOURNAL = (
    "1795140300.100 edge systemd[1]: edge-export.service: Main process exited, code=killed, status=9/KILL\n"
    "1795140301.000 edge export[2]: read: connection reset by peer\n"
    "1795149999.000 edge systemd[1]: edge-export.service: Failed with result 'timeout'.\n"
)


def edge(root, **more):
    return Edge.from_mapping({"name": "london", "root": str(root), "log_path": PATH, **more})


def test_counters_of_tcp(tmp_path):
    put(tmp_path, NETSTAT, "/proc/net/netstat")
    put(tmp_path, SNMP, "/proc/net/snmp")
    assert witnesses.tcp_counters(Node(str(tmp_path))) == {
        "TcpExt.TCPAbortOnTimeout": 7, "TcpExt.TCPTimeouts": 214, "Tcp.ActiveOpens": 18244, "Tcp.EstabResets": 96,
        "Tcp.OutRsts": 388,
    }  # fmt: skip


def test_what_was_added():
    assert witnesses.deltas({"a": 1, "b": 2}, {"a": 4, "b": 2, "c": 9}) == {"a": 3, "b": 0}
    assert witnesses.deltas(Unread("denied", "", "", "").to_fact(), {"a": 4}) == {}


def test_counters_of_tracking_are_hexadecimal_and_of_each_processor(tmp_path):
    put(tmp_path, CONNTRACK, "/proc/net/stat/nf_conntrack")
    assert witnesses.tracking(Node(str(tmp_path))) == {"drop": 11, "early_drop": 1, "insert_failed": 2}


def test_a_kernel_that_tracks_and_has_no_such_file_is_asked_by_conntrack(tmp_path):
    put(tmp_path, NETSTAT, "/proc/net/netstat")
    put(tmp_path, "262144\n", "/proc/sys/net/netfilter/nf_conntrack_max")
    assert unread(witnesses.tracking(Node(str(tmp_path)))).state == "not_collected"
    told = "cpu=0 found=1 insert_failed=2 drop=10 early_drop=0 \ncpu=1 found=0 insert_failed=0 drop=1 early_drop=4 \n"
    put(tmp_path, told, "/var/lib/edgepath/recorded/conntrack.txt")
    assert witnesses.tracking(Node(str(tmp_path))) == {"drop": 11, "early_drop": 4, "insert_failed": 2}
    put(tmp_path, "conntrack v1.4.7: Operation not permitted\n", "/var/lib/edgepath/recorded/conntrack.txt")
    assert unread(witnesses.tracking(Node(str(tmp_path)))).state == "error"


def test_a_copy_without_tracking_but_with_counters_is_of_a_node_that_tracks_nothing(tmp_path):
    assert unread(witnesses.tracking(Node(str(tmp_path)))).state == "not_collected"
    put(tmp_path, NETSTAT, "/proc/net/netstat")
    assert witnesses.tracking(Node(str(tmp_path))) is None


@pytest.mark.parametrize("text", ["", "\n\n", "a b\nzz zz\n", "drop\n-\n", "drop\n1 2 3\n"])
def test_broken_tracking(tmp_path, text):
    put(tmp_path, text, "/proc/net/stat/nf_conntrack")
    found = witnesses.tracking(Node(str(tmp_path)))
    assert unread(found) is not None or isinstance(found, dict)


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_counters(tmp_path_factory, netstat, snmp):
    root = tmp_path_factory.mktemp("node")
    put(root, netstat, "/proc/net/netstat")
    put(root, snmp, "/proc/net/snmp")
    put(root, snmp, "/proc/uptime")
    json.dumps([witnesses.tcp_counters(Node(str(root))), witnesses.uptime(Node(str(root)))])


def journal(root, text, window=None):
    if text is not None:
        put(root, text, witnesses.RECORDED_JOURNAL)
    return witnesses.journal(Node(str(root)), edge(root, export_service="edge-export"), window, lambda _: "")


def test_a_recorded_journal(tmp_path):
    found = journal(tmp_path, JOURNAL, Window.from_mapping(WINDOW))
    assert found["lines"] == 2
    assert {name: seen["count"] for name, seen in found["classes"].items()} == {"reset": 1}
    [end] = found["ends"]
    assert "Main process exited" in end["text"]
    assert len(journal(tmp_path, JOURNAL)["ends"]) == 2


@pytest.mark.parametrize("text", ["", "-- No entries --\n", "\xff", "no stamps\nat all\n"])
def test_a_journal_that_says_nothing(tmp_path, text):
    assert journal(tmp_path, text) == {"lines": 0, "classes": {}, "ends": []}


def test_no_journal(tmp_path):
    assert unread(journal(tmp_path, None)).state == "not_collected"
    assert witnesses.journal(Node(str(tmp_path)), edge(tmp_path), None, lambda _: "") is None
    wrong = edge(tmp_path, export_service="x; rm -rf /")
    assert "correct edge_export_service" in unread(witnesses.journal(Node("/"), wrong, None, lambda _: "")).message


def test_the_live_journal_is_asked_for_the_window_alone(monkeypatch):
    asked = []

    def run(command):
        asked.append(command)
        return JOURNAL

    live = Edge.from_mapping({"name": "london", "export_service": "edge-export"})
    found = witnesses.journal(Node("/"), live, Window.from_mapping(WINDOW), run)
    assert found["lines"] == 2
    assert asked[0][:3] == ["journalctl", "--unit", "edge-export"]
    assert asked[0][-4:] == ["--since", "@1795140221", "--until", "@1795141122"]
    assert ["--lines", str(witnesses.JOURNAL_LINES)] == asked[0][7:9]


def test_an_empty_journal_that_may_be_one_that_is_hidden(monkeypatch):
    live = Edge.from_mapping({"name": "london", "export_service": "edge-export"})
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "getegid", lambda: 12345)
    monkeypatch.setattr(os, "getgroups", lambda: [12345])
    assert unread(witnesses.journal(Node("/"), live, None, lambda _: "")).state == "denied"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert witnesses.journal(Node("/"), live, None, lambda _: "")["lines"] == 0


def test_a_whole_node_and_nothing_on_it_changes(tmp_path):
    put(tmp_path, "2026-11-20T02:10:00Z x\n")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    facts = plain(gather_node(edge(tmp_path, window=WINDOW, export_service="edge-export")))
    assert sorted(facts) == [
        "allowance", "journal", "live", "log", "tcp", "tcp_added", "tracking", "uptime", "window",
    ]  # fmt: skip
    assert facts["log"]["lines_in_window"] == 1
    assert facts["window"]["start"] == "2026-11-20T02:03:41.000Z"
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_wrong_window_is_told_by_every_fact_that_needs_it(tmp_path):
    facts = gather_node(edge(tmp_path, window={"start": "noon"}))
    for key in ("window", "log", "journal"):
        assert "edge_window.start 'noon'" in unread(facts[key]).message


def test_without_a_log_path_there_is_no_log(tmp_path):
    assert gather_node(Edge.from_mapping({"name": "london", "root": str(tmp_path)}))["log"] is None


SECRETS = [
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "hunter2",
    "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024",
    "447700900123",
]
LEAKS = [
    "PUT key AKIAIOSFODNN7EXAMPLE refused",
    "secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "signed with wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY done",
    "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl back",
    "connect to https://user:hunter2@proxy:3128 refused",
    "password=hunter2 timed out",
    "GET https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261120&X-Amz-Signature="
    "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024 403 Forbidden",
    "INVITE sip:+447700900123@trunk refused",
    "call to +447700900123 timed out",
    "tel:447700900123 refused",
]


@pytest.mark.parametrize("line", LEAKS)
@pytest.mark.parametrize("pad", [0, 250, 1180, 5000])
def test_no_secret_leaves(line, pad):
    text = sample_text(b"x" * pad + b" " + line.encode())
    assert len(text) <= 303
    for secret in SECRETS:
        assert secret not in text
        assert secret[:30] not in text or len(secret) < 30


def test_a_sample_stays_readable():
    line = b"2026-11-20T02:10:00.500Z WARN [export] part 7: read tcp 10.40.1.20:51234->52.95.149.10:443: reset\x00\r"
    assert sample_text(line) == line.decode().strip("\x00\r")


@given(st.binary(max_size=3000))
def test_any_bytes_can_be_shown(line):
    text = sample_text(line)
    assert len(text) <= 303
    assert "\n" not in text and "\x1b" not in text


def test_a_refusal_in_the_words_of_aws_is_kept_to_its_end() -> None:
    why = "because no identity-based policy allows the s3:PutObject action"
    line = (
        "2026-11-20T02:03:41Z ERROR export: An error occurred (AccessDenied) when calling the CreateMultipartUpload "
        "operation: User: arn:aws:sts::111122223333:assumed-role/edge-export/i-0123456789abcdef0 is not authorized to "
        f'perform: s3:PutObject on resource: "arn:aws:s3:::acme-recordings/calls/2026/11/20/agent-7.wav" {why}'
    )
    assert len(line) > 300 and sample_text(line.encode()).endswith(why)
    assert len(sample_text((line + " x" * 400).encode())) < 920
