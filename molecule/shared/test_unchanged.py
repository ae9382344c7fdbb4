# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing on any node, and nothing in the account, differs from what it was before any play of the project's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.hosts import observe

Original = Callable[[str, dict[str, Any]], dict[str, Any]]


def test_node_is_as_it_was(node: Any, original: Original) -> None:
    now = node.state()
    assert observe.differing(original(node.name, now), now) == []


def test_account_is_as_it_was(account: dict[str, Any], original: Original) -> None:
    assert observe.differing(original("account", account), account) == []
