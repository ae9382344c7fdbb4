# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML, and JSON as a part of it, by its lines: an edge's Python has no reader of YAML.

What is not plainly a key, a value, a mark of the language is masked as a whole, so that a document that is no YAML
shows nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import names, shapes
from .flow import Flow, string_end
from .tree import Place

_HEAD = re.compile(r"[ \t]*(?:-[ \t]+)*(?:\?[ \t]+)?(?:-(?=\n|\Z))?")
_BLOCK = re.compile(r"[|>][+\-0-9]{0,2}(?=[ \t]*(?:#|\Z))")
_TAG = re.compile(r"(?:!(?P<tag>[^\s,\[\]{}]*)|&(?P<anchor>[\w-]{1,60}))(?P<space>[ \t]*)(?=\S|\Z|\n)")
_TAGS = frozenset(("", "!str", "!int", "!float", "!bool", "!null", "!seq", "!map", "!binary", "!timestamp", "!set"))
_ALIAS = re.compile(r"\*([\w-]{1,60})\Z")
_ALIASES = re.compile(r"(?<=[\s,\[{])\*([\w-]{1,60})(?![\w-])")
_ANCHORS = re.compile(r"(?<=[\s,\[{])&([\w-]{1,60})(?![\w-])")
_QUOTED_KEY = re.compile(r"[ \t]*:(?=\s|\Z)")
_COMMENT = re.compile(r"[ \t]#")


@dataclass
class _Open:
    """A key whose value is not over. column: where it stands."""

    column: int
    place: Place


class _Reader:
    def __init__(self, text: str, root: Place) -> None:
        self.text = text
        self.root = root
        self.out: list[str] = []
        self.open: list[_Open] = []
        self.scalar = -1  # lines that stand further to the right belong to a scalar that has begun; -1: none has
        self.names = set(_ALIASES.findall(text)) & set(_ANCHORS.findall(text))
        self.flow = Flow(text)

    def read(self) -> str:
        at = 0
        while at < len(self.text):
            at = self._line(at)
        return "".join(self.out)

    def _line(self, at: int) -> int:
        """One line, or as many as its value takes; where the next begins."""
        end = self._end(at)
        line = self.text[at:end]
        bare = line.lstrip(" \t")
        column = len(line) - len(bare)
        if not bare:
            self.out.append(line)
        elif bare[0] == "#":
            self.out.append(line[:column] + "#")
        elif self.scalar >= 0 and column > self.scalar:
            self.out.append(line[:column] + shapes.mask(bare.rstrip()))
        elif column == 0 and line.rstrip() in ("---", "..."):
            self.open, self.scalar = [], -1
            self.out.append(line)
        else:
            self.scalar = -1
            end = self._entry(at, end)
        return self._feed(end)

    def _end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def _feed(self, end: int) -> int:
        if end < len(self.text):
            self.out.append("\n")
        return end + 1

    def _entry(self, at: int, end: int) -> int:
        """A line that begins something: an item, a key, a value; where it ends."""
        head = _HEAD.match(self.text, at, end)
        start = head.end() if head else at
        lead = self.text[at:start]
        dash = lead.find("-")
        column = start - at
        self._close(column, dash)
        self.out.append(lead)
        if start >= end:
            return end
        key_end, value_at = self._key(start, end)
        if key_end < 0:
            place = self.open[-1].place if self.open else self.root
            last = lead.rfind("-")  # `- - x`: what goes on stands further to the right of the inner one
            return self._value(start, end, place, last if last >= 0 else self.open[-1].column if self.open else -1)
        parent = self.open[-1].place if self.open else self.root
        place = self._told(start, key_end, parent)
        self.open.append(_Open(column, place))
        self.out.append(self.text[key_end:value_at])
        return self._value(value_at, end, place, column)

    def _close(self, column: int, dash: int) -> None:
        """End the keys that the line's beginning ends: those that stand as far to the right, or further."""
        edge = column
        while self.open and self.open[-1].column >= edge:
            self.open.pop()
        while dash >= 0 and self.open and self.open[-1].column > dash:
            self.open.pop()

    def _key(self, start: int, end: int) -> tuple[int, int]:
        """Where the key of a line ends and its value begins; (-1, -1) where it has none."""
        text = self.text
        if text[start] in "\"'":
            closed = string_end(text, start)
            sign = _QUOTED_KEY.match(text, closed, end) if closed <= end else None
            return (closed, self._skip(sign.end(), end)) if sign else (-1, -1)
        if text[start] in "{[|>&*!%@`,]}":
            return self._tagged_key(start, end)
        colon = text.find(": ", start, end)
        tab = text.find(":\t", start, end)
        found = min((place for place in (colon, tab) if place >= 0), default=-1)
        if found < 0 and text[end - 1] == ":":
            found = end - 1
        comment = _COMMENT.search(text, start, end)
        if found < 0 or found == start or (comment is not None and comment.start() < found):
            return -1, -1
        return found, self._skip(found + 1, end)

    def _tagged_key(self, start: int, end: int) -> tuple[int, int]:
        """`@type: x`, which stands without quotes in some files of Envoy's; no other key begins with a sign."""
        colon = self.text.find(": ", start, end) if self.text.startswith("@type", start) else -1
        return (colon, self._skip(colon + 1, end)) if colon >= 0 else (-1, -1)

    def _skip(self, at: int, end: int) -> int:
        while at < end and self.text[at] in " \t":
            at += 1
        return at

    def _told(self, start: int, key_end: int, parent: Place) -> Place:
        raw = self.text[start:key_end]
        name = raw.strip()
        quote = name[:1] if len(name) > 1 and name[:1] in "\"'" and name[-1] == name[0] else ""
        inner = name[1:-1] if quote else name
        good = names.shown(inner)
        self.out.append(raw if good else shapes.mask(inner, "key"))
        return parent.below(inner)

    def _value(self, at: int, end: int, place: Place, column: int) -> int:
        """What follows a key or a dash. column: what stands further to the right of it belongs to it."""
        at = self._tags(at, end)
        if at >= end:
            return end
        if self.text[at] in "{[":
            return self._rest(self.flow.group(at, place, self.out))
        if self.text[at] in "\"'":
            return self._string(at, place)
        rest = self.text[at:end]
        block = _BLOCK.match(rest)
        if block:
            self.scalar = max(column, 0) if column >= 0 else 0
            self.out.append(block.group())
            return end
        comment = _COMMENT.search(rest)
        value = (rest[: comment.start()] if comment else rest).rstrip()
        self._plain(value, place, column)
        self.out.append(" #" if comment else "")
        return end

    def _tags(self, at: int, end: int) -> int:
        """Tags and anchors before a value; where the value begins. An anchor that nothing refers to is a value."""
        match = _TAG.match(self.text, at, end)
        while match is not None:
            tag, anchor = match.group("tag"), match.group("anchor")
            if tag is None and anchor not in self.names:
                break
            shown = f"&{anchor}" if tag is None else f"!{tag if tag in _TAGS else shapes.mask(tag)}"
            self.out.append(shown + match.group("space"))
            at = match.end()
            match = _TAG.match(self.text, at, end)
        return at

    def _plain(self, value: str, place: Place, column: int) -> None:
        alias = _ALIAS.match(value)
        if value[:1] == "#":
            self.out.append("#")
        elif alias and alias.group(1) in self.names:
            self.out.append(value)
        else:
            self.scalar = max(column, 0)
            self.out.append(place.or_mask(value))

    def _string(self, at: int, place: Place) -> int:
        close = string_end(self.text, at)
        value = self.text[at:close]
        shown = place.shown(value)
        if not (closed := len(value) > 1 and value[-1] == value[0]):
            shown = None
        # A quote that nothing closes is an error of the document, and stays one.
        self.out.append(f'"{shapes.mask(value[1:-1])}{chr(34) * closed}' if shown is None else shown)
        self.out.append("\n" * value.count("\n"))
        return self._rest(close)

    def _rest(self, at: int) -> int:
        """What follows a string or a bracket on its last line: nothing, or what may not be shown."""
        end = self._end(at)
        rest = self.text[at:end].strip()
        if rest:
            self.out.append(" #" if rest[0] == "#" else f" {shapes.mask(rest)}")
        return end


def redact_yaml(text: str, place: Place) -> str:
    return _Reader(text, place).read()
