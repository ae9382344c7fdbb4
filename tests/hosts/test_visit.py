# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit reads on a real node over real SSH is what is in force there, and it leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.hosts import observe
from lab.world import S3_ADDRESSES

from .conftest import Node

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

Visit = Callable[..., dict[str, Any]]
STORAGE = "s3.eu-west-2.amazonaws.com"
SECRET = "not-to-be-told-to-anyone-3f9c"
DROP_IN = f"""[Service]
RuntimeMaxSec=6h
TimeoutStopSec=45
Environment=HTTPS_PROXY=http://operator:{SECRET}@127.0.0.1:3128 AWS_SECRET_ACCESS_KEY={SECRET}
"""


@pytest.fixture(scope="module")
def with_drop_in(node: Node) -> Iterator[None]:
    node.put("/etc/systemd/system/edge-export.service.d/limits.conf", DROP_IN)
    node.run("systemctl daemon-reload && systemctl restart edge-export")
    yield
    node.run(
        "rm -r /etc/systemd/system/edge-export.service.d && systemctl daemon-reload && systemctl restart edge-export"
    )


def test_nothing_is_left_on_the_node(node: Node, visit: Visit) -> None:
    visit("host")  # makes the SSH user's own directories, which belong to Ansible and to every later run
    before = node.state()
    facts = visit("dns", "host", "timeouts", "log")
    after = node.state()
    assert set(facts) == {"dns", "host", "timeouts", "log"}
    assert observe.differing(before, after) == []


def test_everything_could_be_read(visit: Visit) -> None:
    text = json.dumps(visit("dns", "host", "timeouts", "log"))
    assert '"state": "denied"' not in text


def test_resolved_is_read_as_it_takes_effect(visit: Visit) -> None:
    dns = visit("dns")["dns"]
    assert dns["resolv_conf"]["nameservers"] == ["127.0.0.53"]
    assert "stub-resolv.conf" in dns["resolv_conf"]["link"]
    roles = {server["address"]: server["role"] for server in dns["servers"]}
    assert roles == {"127.0.0.53": "resolver", "169.254.169.253": "uplink"}
    assert set(dns["getaddrinfo"][STORAGE]["addresses"]) == set(S3_ADDRESSES)


@pytest.fixture
def of_the_link(node: Node) -> Iterator[Callable[[str], None]]:
    """Gives eth0 a name server that is gone, and a domain, at run time: no file of resolved's own knows of it."""

    def give(domain: str) -> None:
        node.run(f"resolvectl dns eth0 192.0.2.53 && resolvectl domain eth0 '{domain}'")
        # resolved writes its resolv.conf a moment later.
        node.run("for i in $(seq 50); do grep -q 192.0.2.53 /run/systemd/resolve/resolv.conf && exit; sleep 0.1; done")

    yield give
    node.run("resolvectl revert eth0")


def test_name_server_of_a_link_is_asked_too(visit: Visit, of_the_link: Callable[[str], None]) -> None:
    of_the_link("")
    servers = {server["address"]: server["responds"] for server in visit("dns")["dns"]["servers"]}
    assert servers["192.0.2.53"] is not True
    assert servers["169.254.169.253"] is True


def test_name_server_of_a_link_for_a_domain_that_is_not_the_storages_is_not(
    visit: Visit, of_the_link: Callable[[str], None]
) -> None:
    of_the_link("~example.net")
    dns = visit("dns")["dns"]
    assert "192.0.2.53" not in {server["address"] for server in dns["servers"]}
    assert set(dns["getaddrinfo"][STORAGE]["addresses"]) == set(S3_ADDRESSES)


def test_link_that_takes_the_storages_domain_is_seen_in_the_nodes_own_lookups(
    visit: Visit, of_the_link: Callable[[str], None]
) -> None:
    of_the_link("~amazonaws.com")
    found = visit("dns")["dns"]["getaddrinfo"][STORAGE]
    assert "$unread" in found or not found["addresses"]


def test_unit_is_read_with_its_drop_ins_and_without_its_secrets(visit: Visit, with_drop_in: None) -> None:
    timeouts = visit("timeouts")["timeouts"]
    properties = timeouts["unit"]["properties"]
    assert properties["RuntimeMaxUSec"] == "6h"
    assert properties["TimeoutStopUSec"] == "45s"
    assert [item["path"] for item in timeouts["unit"]["files"]] == [
        "/etc/systemd/system/edge-export.service",
        "/etc/systemd/system/edge-export.service.d/limits.conf",
    ]
    assert timeouts["process"]["command_line"][-1] == "/opt/edge/export.ini"
    assert "127.0.0.1:3128" in timeouts["process"]["environment"]["HTTPS_PROXY"]
    assert "AWS_SECRET_ACCESS_KEY" in timeouts["process"]["environment"]
    assert SECRET not in json.dumps(timeouts)


def test_running_sysctls_beside_those_on_disk(node: Node, visit: Visit) -> None:
    node.run("sysctl --quiet --write net.ipv4.tcp_keepalive_time=901")
    try:
        sysctl = visit("timeouts")["timeouts"]["sysctl"]
    finally:
        node.run("sysctl --quiet --load /etc/sysctl.d/60-export.conf")
    assert sysctl["runtime"]["net.ipv4.tcp_keepalive_time"] == "901"
    [own] = [item for item in sysctl["disk"]["files"] if item["path"] == "/etc/sysctl.d/60-export.conf"]
    assert "net.ipv4.tcp_keepalive_time = 60" in own["text"]


def test_keepalive_timers_of_open_sockets(node: Node, visit: Visit) -> None:
    """A recording of 240 minutes is silent for ten seconds, six of them for a minute: the visit falls into it."""
    node.run(
        "nohup /opt/edge/bin/export submit --config /opt/edge/export.ini 240 240 240 240 240 240 >/dev/null 2>&1 &"
    )
    node.run(
        "for i in $(seq 100); do ss -Htn state established dport = :3128 | grep -q . && exit; sleep 0.1; done; exit 1"
    )
    try:
        text = visit("timeouts")["timeouts"]["sockets"]
    finally:
        node.run("systemctl restart edge-export")
    [line] = [line for line in text.splitlines() if line.split()[4:5] == ["127.0.0.1:3128"]]
    assert "timer:(keepalive," in line


def test_journal_and_log_in_the_window_of_a_failed_job(node: Node, visit: Visit) -> None:
    node.run("sed -i 's/^read_timeout = .*/read_timeout = 1/' /opt/edge/export.ini")
    try:
        done = node.host.run("/opt/edge/bin/export submit --config /opt/edge/export.ini 62")
    finally:
        node.run("sed -i 's/^read_timeout = .*/read_timeout = 7200/' /opt/edge/export.ini")
    [failed] = json.loads(done.stdout)["failedRecordings"]
    node.run("systemctl kill --signal=KILL edge-export; for i in $(seq 100); do "
             "systemctl is-active --quiet edge-export && exit; sleep 0.1; done; exit 1")  # fmt: skip
    window = {"start": failed["startedAt"], "end": node.run("date -u +%Y-%m-%dT%H:%M:%SZ -d '+1 min'").strip()}
    log = visit("log", window=window)["log"]
    assert "code=killed" in json.dumps(log["journal"])
    assert log["log"]["lines_in_window"] >= 1


def test_counters_of_the_kernel(node: Node, visit: Visit) -> None:
    before = visit("log")["log"]["tcp"]
    node.host.run("curl --silent --max-time 1 http://127.0.0.1:9/")  # refused by the node itself
    after = visit("log")["log"]["tcp"]
    assert after["Tcp.AttemptFails"] > before["Tcp.AttemptFails"]
    assert after["Tcp.AttemptFails"] == int(
        node.run("nstat --noupdate --zeros --json").split('"TcpAttemptFails":')[1].split(",")[0]
    )


def test_firewall_is_read_as_the_kernel_has_it(node: Node, visit: Visit) -> None:
    node.run("nft 'add table inet edgepath; add chain inet edgepath out { type filter hook output priority 0; }; "
             "add rule inet edgepath out ip daddr 192.0.2.0/24 tcp dport 443 drop'")  # fmt: skip
    try:
        [firewall] = visit("host")["host"]["firewall"]
    finally:
        node.run("nft delete table inet edgepath")
    assert firewall["kind"] == "nft"
    text = json.dumps(firewall["ruleset"])
    assert "192.0.2.0" in text and '"hook": "output"' in text


def test_user_without_rights_is_told_what_is_missing(node: Node) -> None:
    facts = node.facts("auditor", False, ["host", "timeouts"])
    assert facts["timeouts"]["process"]["environment"]["$unread"]["state"] == "denied"
    [firewall] = facts["host"]["firewall"]
    assert firewall["$unread"]["state"] == "denied"
