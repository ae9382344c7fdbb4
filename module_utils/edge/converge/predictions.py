# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode remembers of a change: of a file only what differs, so that no file of a node lies in a run.

The next step reads the file itself, and finds what differs put in. Pure.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
from collections.abc import Mapping
from typing import Any

from .model import ObjectChange, State

_EDITS = "edits"


def remembered(change: ObjectChange, known: Any) -> Any:
    """What is kept of a change. known: what is kept of earlier changes of the same object."""
    if not (_is_file(change.before) and _is_file(change.after)):
        return change.after
    earlier = known[_EDITS] if _is_edits(known) else []
    before, after = _bytes(change.before), _bytes(change.after)
    rest = {key: value for key, value in change.after.items() if key != "content"}
    edit = {"of": _digest(before), "pieces": _pieces(before, after), "state": rest}
    return {_EDITS: [*earlier, edit]}


def foreseen(state: State, kept: Any) -> State:
    """The state as it would stand; as it is read where it is not the one that the edits are of."""
    if not _is_edits(kept):
        return kept
    for edit in kept[_EDITS]:
        if not _is_file(state) or _digest(_bytes(state)) != edit["of"]:
            return state
        content = base64.b64encode(_with(_bytes(state), edit["pieces"])).decode("ascii")
        state = {**edit["state"], "content": content}
    return state


def _is_file(state: State) -> bool:
    return isinstance(state, Mapping) and isinstance(state.get("content"), str)


def _is_edits(kept: Any) -> bool:
    return isinstance(kept, Mapping) and set(kept) == {_EDITS}


def _bytes(state: Mapping[str, Any]) -> bytes:
    return base64.b64decode(state["content"])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _pieces(before: bytes, after: bytes) -> list[list[Any]]:
    """[[where it begins, where it ends, what takes its place], ...] in the bytes of `before`."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    pieces: list[list[Any]] = []
    for tag, start, end, new_start, new_end in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if tag == "equal":
            continue
        at = sum(map(len, old[:start]))
        pairs = [(old[start:end], new[new_start:new_end])]
        if end - start == new_end - new_start:
            pairs = [([left], [right]) for left, right in zip(old[start:end], new[new_start:new_end])]
        for left, right in pairs:
            pieces.append(_trimmed(at, b"".join(left), b"".join(right)))
            at += sum(map(len, left))
    return pieces


def _trimmed(at: int, old: bytes, new: bytes) -> list[Any]:
    """A piece without what both begin and end with."""
    most = min(len(old), len(new))
    head = next((place for place in range(most) if old[place] != new[place]), most)
    tail = next((place for place in range(most - head) if old[-1 - place] != new[-1 - place]), most - head)
    text = base64.b64encode(new[head : len(new) - tail]).decode("ascii")
    return [at + head, at + len(old) - tail, text]


def _with(data: bytes, pieces: list[list[Any]]) -> bytes:
    out, reached = [], 0
    for start, end, text in pieces:
        out += [data[reached:start], base64.b64decode(text)]
        reached = end
    return b"".join([*out, data[reached:]])
