# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from outside as a person may be shown it: what cannot be seen, or steers what shows it, is spelled out. Pure.

A node's files, names in AWS, DNS answers, log lines and host names may hold anything: escape sequences that repaint a
terminal (ECMA-48), marks that turn the direction of writing (UAX #9), letters without ink. Every writer shows such text
by way of this file: ``\\x1b``, ``\\u202e``. Files of record (report.json, facts) keep it as it is, in JSON's escapes.

Ordinary text of any script stays as it is: joiners between letters that join, selectors after what they select, flags.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

# Texts are shown to so many characters: what a spreadsheet's cell takes (Excel: 32,767), with room for the mark.
MOST = 32000
# In a terminal a screenful is enough; the report has the rest.
MOST_IN_A_TERMINAL = 2000

_CONTROLS = "\0-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 but tab and line feed; DEL
_LINES = "\u2028\u2029"
_SURROGATES = "\ud800-\udfff"
# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt), all of them: nothing is drawn for these.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_ANNOTATION = "\ufff9-\ufffb"  # begin, separate and end a gloss; format characters, and not meant to be shown
# Noncharacters: XML 1.0 refuses the last two of the first plane, and no text should hold any.
_NO_CHARACTERS = "\ufdd0-\ufdef" + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in
                                           range(0, 0x110000, 0x10000))  # fmt: skip
_HIDDEN = f"{_CONTROLS}{_LINES}{_SURROGATES}{_INVISIBLE}{_ANNOTATION}{_NO_CHARACTERS}"
# A flag of a part of a country: a black flag, its letters as tags, and their end (UTS #51, ED-14a).
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,7}\U000e007f"
_FOR_TEXT = re.compile(f"({_FLAG})|[{_HIDDEN}]")
_FOR_LINE = re.compile(f"({_FLAG})|[\t\n{_HIDDEN}]")
_MARK = re.compile(r" \.\.\. \([0-9,]+ characters in all\)\Z")
_LONGEST_MARK = 60
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}

_JOINERS = "\u180e\u200c\u200d"
_SELECTORS = frozenset(map(chr, (0x180B, 0x180C, 0x180D, 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
# Scripts whose letters neither join nor form clusters: a joiner there only makes two names look like one.
_APART = ("LATIN", "GREEK", "CYRILLIC", "FULLWIDTH", "ARMENIAN", "GEORGIAN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL")


def visible(text: str, most: int = MOST) -> str:
    """The text as it may be shown; tabs and line feeds stay. What is longer than `most` says that it is shortened."""
    if text.isascii() and text.isprintable() and len(text) <= most:
        return text  # nearly all there is
    return _spelled(text, _FOR_TEXT, most)


def visible_line(text: str, most: int = MOST) -> str:
    """The same in one line: tabs and line feeds are spelled out, too, so that no text forges a line of its own."""
    if text.isascii() and text.isprintable() and len(text) <= most:
        return text
    return _spelled(text, _FOR_LINE, most)


def shown(value: Any, each: Callable[[str], str] = visible) -> Any:
    """The same data with all text in it visible, keys of mappings among it."""
    if isinstance(value, str):
        return each(value)
    if isinstance(value, dict):
        return {shown(key, each): shown(item, each) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(item, each) for item in value]
    return value


def _spelled(text: str, pattern: re.Pattern[str], most: int) -> str:
    mark = _MARK.search(text[-_LONGEST_MARK:])
    if mark and len(text) <= most + _LONGEST_MARK:
        most = len(text)  # shortened already
    told = pattern.sub(lambda match: match.group(1) or _one(text, match.start()), text[:most])
    if len(text) <= most and (len(told) <= most or mark):
        return told
    return f"{told[:most]} ... ({len(text):,} characters in all)"


def _one(text: str, place: int) -> str:
    """One character that is not shown as it is, unless it has a use where it stands."""
    char = text[place]
    before = text[place - 1] if place else ""
    after = text[place + 1] if place + 1 < len(text) else ""
    if char in _JOINERS and _joins(before) and _joins(after):
        return char
    if char in _SELECTORS and _selected(before):
        return char
    code = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _selected(char: str) -> bool:
    """Whether a selector of a form has a meaning after this character: a picture, a letter of the East, a keycap."""
    if not char or char.isascii():
        return char != "" and char in "0123456789#*"
    return char not in _SELECTORS and unicodedata.category(char) in ("Lo", "Nd", "Po", "Pd", "Sm", "So", "Sk", "Cn")


def _joins(char: str) -> bool:
    """Whether a joiner beside this character has a meaning: letters that join, their marks, and pictures (emoji)."""
    if not char or char.isascii():
        return False
    if char in _SELECTORS:
        return True  # a picture's, as in a flag of two
    category = unicodedata.category(char)
    if category not in ("Lo", "Lm", "Mn", "Mc", "Sm", "So", "Sk", "Cn"):  # Cn: a picture newer than this Python
        return False
    return not unicodedata.name(char, "").startswith(_APART) and char not in "\u3164\uffa0\u115f\u1160\u034f"
