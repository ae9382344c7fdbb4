# SPDX-License-Identifier: GPL-3.0-or-later
"""After one converge of all domains the longest recording of the profile gets through, whole, with its version."""

from __future__ import annotations

from typing import Any

from lab import seed


def test_longest_recording_is_in_the_bucket_bit_for_bit(node: Any, site: dict[str, Any]) -> None:
    [stored] = node.export(240)["recordings"]
    client = seed.client("s3", site["storage"]["url"], site["storage"]["keys"])
    named = {"Bucket": site["hosts"][node.name]["bucket"]}
    kept = client.get_object(**named, Key=stored["key"], VersionId=stored["versionId"])["Body"].read()
    sent = client.get_object(**named, Key="recordings/240.wav")["Body"].read()
    assert kept == sent
    assert len(kept) == stored["bytes"]


def test_report_says_so(node: Any, report: dict[str, Any]) -> None:
    edge = report["edges"][node.name]
    assert edge["verdict"] == "clear"
    assert [hop for hop in edge["path"] if hop["status"] == "fail"] == []


def test_settings_are_in_force(node: Any) -> None:
    assert node.host.sysctl("net.ipv4.tcp_keepalive_time") == 60
    assert "2 seconds" not in node.host.file("/etc/squid/squid.conf").content_string
