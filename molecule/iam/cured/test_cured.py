# SPDX-License-Identifier: GPL-3.0-or-later
"""The role may write below the export's prefix and list its bucket, and nothing that it was not asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

BUCKET = "arn:aws:s3:::euw2-recordings-denied"


def statements(account: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for document in account["role edge-denied"].values():
        given = document["Statement"]
        yield from given if isinstance(given, list) else [given]


def allowed(account: dict[str, Any], action: str) -> set[str]:
    """The resources on which an action is allowed."""
    found: set[str] = set()
    for statement in statements(account):
        actions, resources = statement["Action"], statement["Resource"]
        if action in ([actions] if isinstance(actions, str) else actions):
            found |= {resources} if isinstance(resources, str) else set(resources)
    return found


def test_role_may_write_below_the_prefix_alone(account: dict[str, Any]) -> None:
    assert allowed(account, "s3:PutObject") == {f"{BUCKET}/exports/*"}


def test_role_may_list_its_bucket(account: dict[str, Any]) -> None:
    assert BUCKET in allowed(account, "s3:ListBucket")


def test_nothing_is_wide_open(account: dict[str, Any]) -> None:
    for statement in statements(account):
        assert statement["Action"] not in ("*", "s3:*", ["*"], ["s3:*"])
        assert statement["Resource"] not in ("*", ["*"])


def test_report_says_so(report: dict[str, Any]) -> None:
    assert report["edges"]["denied"]["verdict"] == "clear"
