# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident as a whole: nothing gets through, and were the firewall open, long recordings still would not."""

from __future__ import annotations

from typing import Any


def test_no_recording_gets_through(node: Any) -> None:
    job = node.export(11)
    assert job["state"] == "FAILED"
    assert job["error"]["code"] == 502


def test_every_fault_is_there(node: Any) -> None:
    assert "policy drop" in node.run("nft list chain inet filter output")
    assert "read_timeout 2 seconds" in node.host.file("/etc/squid/squid.conf").content_string
    assert node.host.sysctl("net.ipv4.tcp_keepalive_time") == 7200
    assert "versions = false" in node.host.file("/opt/edge/export.ini").content_string
