# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits files of sysctl.d, and unit files and drop-ins of systemd. Pure.

Sources: sysctl.d(5), systemd.unit(5).
"""

from __future__ import annotations

import re

from ..model import Refused
from .texts import appended, lines_of, one_line, parted

_SYSCTL = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_:@-]+)+")
MARK = "# Set by edgepath."


def set_sysctl(text: str, path: str, key: str, value: str) -> str:
    """A file of sysctl.d with a key at a value."""
    if not _SYSCTL.fullmatch(key) or not re.fullmatch(r"[A-Za-z0-9_. \t-]+", one_line(value, f"{path}: {key}")):
        raise Refused(f"{path}: {key} = {value} is no setting of sysctl.d(5)")
    pattern = re.compile(rf"(\s*-?\s*{re.escape(key)}\s*=\s*)(.*?)(\s*)")
    lines, found = lines_of(text), False
    for at, line in enumerate(lines):
        body, ending = parted(line)
        match = pattern.fullmatch(body)
        if match:
            lines[at], found = f"{match.group(1)}{value}{match.group(3)}{ending}", True
    return "".join(lines) if found else appended("".join(lines) or f"{MARK}\n", f"{key} = {value}")


def set_property(text: str, path: str, section: str, key: str, value: str) -> str:
    """A unit file or drop-in with `Key=value` in a section, the last of its kind there."""
    if not re.fullmatch(r"[A-Za-z]+", key) or not re.fullmatch(r"[A-Za-z]+", section):
        raise Refused(f"{path}: [{section}] {key} is no setting of systemd's")
    entry = f"{key}={one_line(value, f'{path}: {key}')}"
    if value.endswith("\\"):
        raise Refused(f"{path}: {entry} would go on in the next line")
    lines = lines_of(text or f"{MARK}\n[{section}]\n")
    standing, last, current = [], None, None
    for at, line in enumerate(lines):
        bare = line.strip()
        if bare.startswith("[") and bare.endswith("]"):
            current = bare[1:-1]
        if current == section and bare:
            last = at
            if bare.partition("=")[0].strip() == key and "=" in bare:
                standing.append(at)
    if standing:
        body, ending = parted(lines[standing[-1]])
        if body.endswith("\\"):
            raise Refused(f"{path}: {key} goes on in the next line; change it by hand")
        lines[standing[-1]] = f"{entry}{ending}"
        return "".join(lines)
    if last is None:
        return appended(appended("".join(lines), f"[{section}]"), entry)
    head = "".join(lines[: last + 1])
    return appended(head, entry) + "".join(lines[last + 1 :])
