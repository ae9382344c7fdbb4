# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets and removes keys in JSON where they stand, so that every other byte stays. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from ..model import Refused
from .texts import Path

_BLANK = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class _Member:
    """A member of an object, or an element: where its key (or value) starts, and its value's span."""

    name: str | int
    start: int
    value: int
    end: int


def put(text: str, keys: Path, value: Any) -> str:
    """The text with a member at a value; a member that is not there yet becomes the first of its object."""
    at = _parent(text, keys)
    members = _members(text, at)
    found = [member for member in members if member.name == keys[-1]]
    written = json.dumps(value, ensure_ascii=False)
    if found:
        return text[: found[-1].value] + written + text[found[-1].end :]
    if text[at] != "{":
        raise Refused("its section is no object; change it by hand")
    entry = f"{json.dumps(str(keys[-1]), ensure_ascii=False)}: {written}"
    if not members:
        return text[: at + 1] + entry + text[at + 1 :]
    gap = text[at + 1 : members[0].start]
    comma = f",{gap}" if "\n" in gap else ", "
    return f"{text[: at + 1]}{gap}{entry}{comma}{text[members[0].start :]}"


def remove(text: str, keys: Path) -> str:
    """The text without a member, and without the comma that parted it."""
    members = _members(text, _parent(text, keys))
    place = next((place for place, member in enumerate(members) if member.name == keys[-1]), None)
    if place is None:
        raise Refused("is not there; audit again")
    if place + 1 < len(members):
        return text[: members[place].start] + text[members[place + 1].start :]
    start = members[place - 1].end if place else members[place].start
    return text[:start] + text[members[place].end :]


def _parent(text: str, keys: Path) -> int:
    at = _skip(text, 1 if text.startswith("\ufeff") else 0)
    for key in keys[:-1]:
        found = [member for member in _members(text, at) if member.name == key]
        if not found:
            raise Refused("its section is not there; write it by hand")
        at = found[-1].value
    return at


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _members(text: str, at: int) -> list[_Member]:
    """The members of the object, or the elements of the list, that begins at a place of a valid document."""
    decoder = json.JSONDecoder()
    is_object = text[at : at + 1] == "{"
    if not is_object and text[at : at + 1] != "[":
        raise Refused("its section holds one value; change it by hand")
    found: list[_Member] = []
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        start, name = at, len(found)
        if is_object:
            name, at = scanstring(text, at + 1, True)
            at = _skip(text, _skip(text, at) + 1)
        _, end = decoder.raw_decode(text, at)
        found.append(_Member(name, start, at, end))
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found
