# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits Squid's configuration: one directive replaced where it stands, else appended. Pure.

Squid takes the last of several (src/cache_cf.cc), so that an appended one holds.
"""

from __future__ import annotations

import re

from ...timeouts import squid
from ...timeouts.values import ConfigError
from ..model import Refused
from .texts import appended, lines_of, one_line, parted


def set_directive(text: str, path: str, key: str, value: str, line: int | None = None) -> str:
    """The text with a directive at a value. line: where it stands; None: nowhere, Squid's default holds."""
    one_line(value, f"{path}: {key}")
    if not re.fullmatch(r"[a-z_]+", key) or "#" in value:
        raise Refused(f"{path}: {key} {value} is no directive of Squid's")
    lines = lines_of(text)
    standing = [number for number in range(1, len(lines) + 1) if _names(lines, number, key)]
    if not standing:
        if line is not None:
            raise Refused(f"{path}:{line}: holds no {key} any more; audit again")
        if lines and parted(lines[-1])[0].endswith("\\"):
            raise Refused(f"{path}: its last line goes on (\\) at the end of the file; mend it by hand")
        _outside_conditions(text, path)
        return appended(text, f"{key} {value}")
    for number in standing if line not in standing else [line]:
        lines[number - 1] = _replaced(lines[number - 1], path, number, value)
    return "".join(lines)


def _names(lines: list[str], number: int, key: str) -> bool:
    """Whether a line sets the directive, under any of its names, and is not the rest of the line before."""
    before = parted(lines[number - 2])[0] if number > 1 else ""
    words = lines[number - 1].split()
    return bool(words) and squid.ALIASES.get(words[0], words[0]) == key and not before.endswith("\\")


def _replaced(line: str, path: str, number: int, value: str) -> str:
    body, ending = parted(line)
    if body.endswith("\\"):
        raise Refused(f"{path}:{number}: the directive goes on in the next line; change it by hand")
    match = re.fullmatch(r"(\s*\S+\s+)(.*?)(\s*(?:\s#.*)?)", body, re.DOTALL)
    if match is None or not match.group(2) or match.group(2).startswith("#"):
        raise Refused(f"{path}:{number}: the directive has no value; change it by hand")
    return f"{match.group(1)}{value}{match.group(3)}{ending}"


def _outside_conditions(text: str, path: str) -> None:
    """Refused where the end of the file is inside an `if`."""
    try:
        words = [line.split() for _, line in squid._lines(text)]
    except ConfigError as error:
        raise Refused(str(error)) from None
    opened = sum(1 for item in words if item[:1] == ["if"]) - sum(1 for item in words if item == ["endif"])
    if opened:
        raise Refused(f"{path}: an `if` has no `endif`; mend it by hand")
