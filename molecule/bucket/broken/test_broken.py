# SPDX-License-Identifier: GPL-3.0-or-later
"""The bucket keeps no versions."""

from __future__ import annotations

from typing import Any


def test_bucket_has_no_versions(account: dict[str, Any]) -> None:
    assert account["bucket euw2-recordings-stale"]["get_bucket_versioning"].get("Status") != "Enabled"
