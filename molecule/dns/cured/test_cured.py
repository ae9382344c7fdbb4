# SPDX-License-Identifier: GPL-3.0-or-later
"""After converge the node resolves the storage as its name servers answer, and a recording gets through."""

from __future__ import annotations

from typing import Any

from lab.world import S3_ADDRESSES


def test_name_is_what_the_name_server_says(node: Any) -> None:
    found = {line.split()[0] for line in node.run("getent ahostsv4 s3.eu-west-2.amazonaws.com").splitlines()}
    assert found == set(S3_ADDRESSES)


def test_hosts_file_keeps_the_rest(node: Any) -> None:
    text = node.host.file("/etc/hosts").content_string
    assert "52.92.88.10" not in text
    assert "127.0.0.1 localhost" in text
    assert f"{node.name}.eu-west-2.compute.internal" in text


def test_recording_gets_through(node: Any) -> None:
    assert node.export(11)["state"] == "COMPLETED"


def test_report_says_so(node: Any, report: dict[str, Any]) -> None:
    assert report["edges"][node.name]["verdict"] == "clear"
