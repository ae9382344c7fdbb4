# SPDX-License-Identifier: GPL-3.0-or-later
"""The incident as a whole: nothing gets through, and once the name is right, long recordings still would not."""

from __future__ import annotations

from typing import Any


def test_no_recording_gets_through(node: Any) -> None:
    job = node.export(11)
    assert job["state"] == "FAILED"
    assert job["error"]["code"] == 502
