# SPDX-License-Identifier: GPL-3.0-or-later
"""How our change is taken out of an object on an edge that somebody else has changed since. Pure.

merge(before, after, current) -> the state without our change, or None where that cannot be told.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from .edit.texts import lines_of, text_of, with_text
from .model import Refused, State


def rules(before: State, after: State, current: State) -> State:
    """A list of rules: what we added goes, what we took away returns at the end."""
    was, ours = before or [], after or []
    kept = [rule for rule in current or [] if rule in was or rule not in ours]
    return [*kept, *(rule for rule in was if rule not in ours and rule not in kept)]


def file(before: State, after: State, current: State) -> State:
    """The lines that we changed, put back; None where somebody changed those very lines, or the file is gone.

    Refused where we made the file: absent is its former state, but what somebody wrote into it since would go with it.
    """
    if before is None:
        raise Refused("somebody changed it since we made it; it is left as it is")
    if after is None or current is None:
        return None
    try:
        texts = [text_of(state, "") for state in (before, after, current)]
    except Refused:
        return None
    if texts[2] == texts[0]:
        return current
    was, ours, now = (lines_of(text) for text in texts)
    found: list[str] | None = now
    shift = 0
    for start, end, lines in _changes(ours, was):
        place = _place(ours, now, start, end)
        if place is None or found is None:
            return None
        found = [*found[: place + shift], *lines, *found[place + shift + end - start :]]
        shift += len(lines) - (end - start)
    return with_text(current, "".join(found or []))


def _changes(ours: Sequence[str], was: Sequence[str]) -> list[tuple[int, int, list[str]]]:
    """The stretches of our lines that differ from what was there, with what was."""
    codes = difflib.SequenceMatcher(None, ours, was, autojunk=False).get_opcodes()
    return [(i1, i2, list(was[j1:j2])) for tag, i1, i2, j1, j2 in codes if tag != "equal"]


def _place(ours: Sequence[str], now: Sequence[str], start: int, end: int) -> int | None:
    """Where our lines start..end stand now, unchanged and with their neighbours; None where they do not."""
    for i, j, size in difflib.SequenceMatcher(None, ours, now, autojunk=False).get_matching_blocks():
        covers = i <= start and end <= i + size
        neighbours = start == end and (i + size == start or i == end)
        if covers and size and not neighbours:
            return j + start - i
    if start == end == len(ours) and list(now) == list(ours):
        return len(now)
    return None
