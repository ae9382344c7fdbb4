# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident: recordings over 45 minutes die, shorter ones get through, and the log is silent."""

from __future__ import annotations

from typing import Any


def test_short_recording_gets_through(node: Any) -> None:
    assert node.export(11)["state"] == "COMPLETED"


def test_long_recording_is_cut_and_the_log_is_silent(node: Any) -> None:
    job = node.export(120)
    assert job["state"] == "FAILED"
    assert job["error"]["status"] == "STREAM_TERMINATION_ERROR"
    assert job["error"]["code"] == 502
    log = node.run("cat /var/log/genesys/edge.log")
    assert f"recording {job['failedRecordings'][0]['recordingId'][:8]} (120 min" in log
    assert "ERROR" not in log
