# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of cloud object can do, and the pure merges that take back a change of ours and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..model import Refused, State
from .api import Cloud

Read = Callable[[Cloud, str], State]
Write = Callable[[Cloud, str, State, State], None]
Merge = Callable[[State, State, State], State]


@dataclass(frozen=True)
class Kind:
    """read(cloud, name) -> state; write(cloud, name, before, after), which has been found as before just now.

    merge: see work.Merge; None where an object that somebody changed since must be left to a person.
    write: None for what is only looked at.
    """

    read: Read
    write: Write | None = None
    merge: Merge | None = None


def text(value: Any) -> str:
    """One text for one meaning, so that mappings can be compared, sorted and held in sets."""
    return json.dumps(value, sort_keys=True, default=str)


def ordered(items: Iterable[Any]) -> list[Any]:
    """Each item once, in an order that does not depend on who lists them."""
    return [json.loads(each) for each in sorted({text(item) for item in items})]


def merge_items(
    key: Callable[[Any], str] = text,
) -> Merge:
    """The merge of a set: what we added goes, what we removed comes back, what others did stays."""

    def merge(before: State, after: State, current: State) -> State:
        if current is None:
            return None  # it is gone, and what was in it with it
        was = {key(item): item for item in before or ()}
        made = {key(item): item for item in after or ()}
        kept = [item for item in current or () if key(item) not in made or key(item) in was]
        back = [item for name, item in was.items() if name not in made]
        held = {key(item) for item in kept}
        return ordered([*kept, *(item for item in back if key(item) not in held)])

    return merge


def merge_named(before: Mapping[str, Any], after: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """The merge of named parts: each part that stands as we left it goes back; one that somebody changed stays."""
    result = dict(current)
    for name in {*before, *after}:
        if before.get(name) == after.get(name) or current.get(name) != after.get(name):
            continue
        if name in before:
            result[name] = before[name]
        else:
            result.pop(name, None)
    return result


def merge_fields(before: State, after: State, current: State) -> State:
    """merge_named for states that may be absent."""
    if current is None:
        return None
    merged = merge_named(before or {}, after or {}, current or {})
    return None if before is None and not any(merged.values()) else merged


def changed_since(what: str) -> Refused:
    return Refused(f"somebody changed {what} since, in the very place that we had changed; it is left as it is")
