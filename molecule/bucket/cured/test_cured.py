# SPDX-License-Identifier: GPL-3.0-or-later
"""The bucket keeps versions; what cannot be undone was not done without consent; what others set is still there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_bucket_has_versions(account: dict[str, Any]) -> None:
    assert account["bucket euw2-recordings-stale"]["get_bucket_versioning"]["Status"] == "Enabled"


def test_object_lock_waits_for_consent(account: dict[str, Any]) -> None:
    lock = account["bucket euw2-recordings-stale"]["get_object_lock_configuration"]
    assert lock == "ObjectLockConfigurationNotFoundError"


def test_what_others_set_is_still_there(account: dict[str, Any], original: Callable[..., Any]) -> None:
    before = original("account", account)["bucket euw2-recordings-stale"]
    now = account["bucket euw2-recordings-stale"]
    assert now["get_bucket_encryption"] == before["get_bucket_encryption"]
    rules = now["get_bucket_lifecycle_configuration"]["Rules"]
    assert all(rule in rules for rule in before["get_bucket_lifecycle_configuration"]["Rules"])


def test_report_has_no_failed_finding_that_could_be_cured(report: dict[str, Any]) -> None:
    failed = {item["check"] for item in report["edges"]["stale"]["findings"] if item["status"] == "fail"}
    assert "BUCKET-05" not in failed
