# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of a block report a failure: as classes.classify says line by line, in a few passes over the block."""

from __future__ import annotations

from .classes import CODES, LONGEST, MEANING, by_words, codes, is_setting
from .suspects import lowered, suspects

_TIMEOUT = (b"timeout", b"time-out")


def telling(block: bytes) -> dict[int, str]:
    """{where a line begins: its class}, of the lines that have one. block: each line begins with a line feed, and is
    told by the place of that."""
    low = lowered(block)
    return with_codes(by_their_words(low), low)


def by_their_words(low: bytes) -> dict[int, str]:
    """The same by words alone. low: the block, of suspects.lowered()."""
    found: dict[int, set[str]] = {}
    for place, word in suspects(low):
        start = low.rfind(b"\n", 0, place)
        if word not in _TIMEOUT or not is_setting(low, place, start):
            found.setdefault(start, set()).update(MEANING[word])
    named = ((start, by_words(_line(low, start), names)) for start, names in found.items())
    return {start: name for start, name in named if name is not None}


def with_codes(found: dict[int, str], low: bytes) -> dict[int, str]:
    """And the lines that tell by a status code, in order; words come first."""
    for place in codes(low):
        start = low.rfind(b"\n", 0, place)
        if place - start + 2 <= LONGEST:
            found.setdefault(start, CODES[low[place : place + 3]])
    return dict(sorted(found.items()))


def _line(low: bytes, start: int) -> bytes:
    end = low.find(b"\n", start + 1)
    return low[start + 1 : end if end >= 0 else len(low)]
