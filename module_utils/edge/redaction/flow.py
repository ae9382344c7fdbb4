# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in brackets: JSON, YAML's flow style, values of TOML. Every text is read once, from left to right."""

from __future__ import annotations

import re

from . import names, shapes
from .tree import Place

_DOUBLE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SINGLE = re.compile(r"'[^']*(?:''[^']*)*'")
_BLANK = re.compile(r"\s*")
_COLON_PLAIN = re.compile(r"(?:[^,\[\]{}\n:#]|:(?![\s,\[\]{}\"'])|(?<!\s)#)+")
_EQUALS_PLAIN = re.compile(r"[^,\[\]{}\n=#]+")
_CLOSES = {"{": "}", "[": "]"}


def string_end(text: str, at: int) -> int:
    """Where the string that begins at a quote ends; the text's end where it is not closed."""
    match = (_DOUBLE if text[at] == '"' else _SINGLE).match(text, at)
    return match.end() if match else len(text)


class Flow:
    """Reads one group of brackets. separator: what stands between a key and its value."""

    def __init__(self, text: str, separator: str = ":") -> None:
        self.text = text
        self.separator = separator
        self._plain = _COLON_PLAIN if separator == ":" else _EQUALS_PLAIN

    def group(self, at: int, place: Place, out: list[str]) -> int:
        """The group that opens at a place; where it ends."""
        stack: list[tuple[str, Place]] = []
        here = place
        while at < len(self.text):
            sign = self.text[at]
            if sign in "{[":
                stack.append((sign, here))
            elif sign in "}]":
                # A bracket that closes another kind closes what is open: the document is broken, and shows no more.
                here = stack.pop()[1] if stack else place
            elif sign == ",":
                here = stack[-1][1] if stack else place
            elif sign not in self.separator and not sign.isspace():
                at, here = self._item(at, here, stack[-1] if stack else ("", place), out)
                continue
            out.append(sign)
            at += 1
            if not stack:
                return at
        return at

    def _item(self, at: int, here: Place, frame: tuple[str, Place], out: list[str]) -> tuple[int, Place]:
        """A key, a value or a comment; where it ends, and the place after it."""
        text = self.text
        if text[at] == "#":
            end = text.find("\n", at)
            out.append("#")
            return (end if end >= 0 else len(text)), here
        if text[at] in "\"'":
            end = string_end(text, at)
        else:
            match = self._plain.match(text, at)
            end = match.end() if match else at + 1
        word = text[at:end].rstrip()
        blank = _BLANK.match(text, end)
        after = blank.end() if blank else end
        if text[after : after + 1] == self.separator and frame[0] != "[":
            return end, self._key(word, text[at + len(word) : end], frame[1], out)
        out.append(here.quoted(word) + text[at + len(word) : end])
        return end, here

    @staticmethod
    def _key(word: str, space: str, parent: Place, out: list[str]) -> Place:
        quote = word[:1] if len(word) > 1 and word[:1] in "\"'" and word[-1] == word[0] else ""
        name = word[1:-1] if quote else word
        good = names.shown(name)
        shown = f"{quote}{name}{quote}" if good else f'"{shapes.mask(name, "key")}"' + "\n" * word.count("\n")
        out.append(shown + space)
        return parent.below(name)
