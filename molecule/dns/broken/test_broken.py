# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage's name is pinned to an address of former times: no recording gets through, however short."""

from __future__ import annotations

from typing import Any


def test_name_is_what_the_hosts_file_says(node: Any) -> None:
    assert node.run("getent ahostsv4 s3.eu-west-2.amazonaws.com").split()[0] == "52.92.88.10"


def test_no_recording_gets_through(node: Any) -> None:
    job = node.export(11)
    assert job["state"] == "FAILED"
    assert job["error"]["status"] == "STREAM_TERMINATION_ERROR"
    assert job["progress"]["exported"] == 0
