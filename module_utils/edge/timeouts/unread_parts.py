# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding what could not be read inside facts: a fact may be unread as a whole, or in any of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..finding import Unread, unread


def first_unread(fact: Any) -> Unread | None:
    """The first part of a fact, or the fact itself, that could not be read; None where all of it was."""
    found = unread(fact)
    if found is not None:
        return found
    parts: Iterable[Any] = ()
    if isinstance(fact, Mapping):
        parts = fact.values()
    elif isinstance(fact, (list, tuple)):
        parts = fact
    return next((found for part in parts for found in [first_unread(part)] if found is not None), None)


def readable(fact: Any, gaps: list[Unread]) -> list[Any]:
    """The items of a list that were read; what was not goes to gaps."""
    found = unread(fact)
    if found is not None:
        gaps.append(found)
        return []
    items = list(fact or ())
    gaps += [gap for item in items for gap in [first_unread(item)] if gap is not None]
    return [item for item in items if first_unread(item) is None]
