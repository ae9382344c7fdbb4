# SPDX-License-Identifier: GPL-3.0-or-later
"""A change as --diff shows it: text for files, YAML-like JSON for everything else, secrets taken out.

What stands around a change is masked as on the edge. Of the lines that change, the words that differ are shown as well
where both are numbers, times or switches: they are what converge writes.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from ..redaction import shapes
from ..redaction.choose import redact
from ..redaction.documents import redact_document
from ..redaction.files import kind_of_file
from .model import ObjectChange, State


def diff(change: ObjectChange) -> dict[str, str]:
    """In the form of Ansible's own modules: before, after, before_header, after_header."""
    header = f"{change.ref.kind} {change.ref.name}"
    if change.ref.kind == "file":
        before, after = _files(change.ref.name, change.before, change.after)
    else:
        before, after = _shown(change.before), _shown(change.after)
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def _shown(state: State) -> str:
    if state is None:
        return ""
    if isinstance(state, str):
        return f"{redact_document(state)}\n"
    return str(json.dumps(redact_document(state), indent=2, sort_keys=True)) + "\n"


def _files(path: str, before: State, after: State) -> tuple[str, str]:
    texts = [_text(state) for state in (before, after)]
    kind = kind_of_file(path, texts[1] or texts[0] or "")
    raw = [(text or "").replace("\r", "").split("\n") for text in texts]
    clean = [redact(text or "", kind).split("\n") for text in texts]
    start, end = _changed(raw[0], raw[1])
    for at in range(start, min(len(raw[0]), len(raw[1])) - end if len(raw[0]) == len(raw[1]) else start):
        if raw[0][at] != raw[1][at]:
            clean[0][at], clean[1][at] = _told(raw[0][at], raw[1][at], clean[0][at], clean[1][at])
    shown = ["\n".join(lines) if text is not None else "(not text)\n" for lines, text in zip(clean, texts)]
    both = (_attributes(state) + text if state is not None else "" for state, text in zip((before, after), shown))
    return next(both), next(both)


def _changed(before: list[str], after: list[str]) -> tuple[int, int]:
    """How many lines are the same at the start, and at the end."""
    most = min(len(before), len(after))
    start = next((at for at in range(most) if before[at] != after[at]), most)
    end = next((at for at in range(most - start) if before[-1 - at] != after[-1 - at]), most - start)
    return start, end


def _told(before: str, after: str, clean_before: str, clean_after: str) -> tuple[str, str]:
    """Two lines that differ, as they may be shown: an amount that differs is."""
    most = min(len(before), len(after))
    start = next((at for at in range(most) if before[at] != after[at]), most)
    while start and before[start - 1].isalnum():
        start -= 1
    end = next((at for at in range(most - start) if before[-1 - at] != after[-1 - at]), most - start)
    while end and before[len(before) - end].isalnum():
        end -= 1
    values = before[start : len(before) - end], after[start : len(after) - end]
    if not all(shapes.amount(value) for value in values):
        return clean_before, clean_after
    return _unmasked(clean_before, values[0]), _unmasked(clean_after, values[1])


def _unmasked(line: str, value: str) -> str:
    hidden = shapes.mask(value)
    return line.replace(hidden, value) if line.count(hidden) == 1 else line


def _attributes(state: dict[str, Any]) -> str:
    """What a file is besides its bytes, where it can differ: shown so that a change of mode alone is seen."""
    shown = {
        key: value for key, value in sorted(state.items()) if key not in ("content", "mtime") and value is not None
    }
    return "# " + ", ".join(f"{key} {value}" for key, value in shown.items()) + "\n" if shown else ""


def _text(state: State) -> str | None:
    """The text of a file's state, "" where there is none; None where it is no text."""
    if state is None:
        return ""
    try:
        return base64.b64decode(state["content"], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
