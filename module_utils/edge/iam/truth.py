# SPDX-License-Identifier: GPL-3.0-or-later
"""Kleene's three-valued logic as small integers: AND is min, OR is max, NOT is 2 - x."""

from __future__ import annotations

NO = 0
MAYBE = 1
YES = 2


def negate(value: int) -> int:
    """The three-valued NOT: MAYBE stays MAYBE."""
    return 2 - value
