# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets and removes keys of INI and properties files line by line; other lines stay as they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..model import Refused
from .texts import Path, appended, ending_of, lines_of, parted

_SECTION = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<head>(?P<name>[^=:]*?)\s*[=:][ \t]*)(?P<value>.*?)(?P<tail>\s*(?:\s[#;].*)?)$", re.DOTALL)
_PROPERTY = re.compile(
    r"(?P<head>\s*(?P<name>(?:\\.|[^\\:=\s])+)(?:\s*[:=]\s*|\s+|$))(?P<value>.*?)(?P<tail>\s*)$", re.DOTALL
)


def put_ini(text: str, keys: Path, value: Any) -> str:
    """`[section]` and option; an option that is not there yet becomes the last of its section."""
    section, name = _two(keys)
    if re.search(r"\s[#;]", f" {value}"):
        raise Refused(f"{value!r} would begin a comment; write it by hand")
    lines = lines_of(text)
    inside = list(_inside(lines, section))
    standing = [at for at in inside if _option(lines, at) == name]
    if standing:
        at = standing[-1]
        body, ending = parted(lines[at])
        match = _OPTION.match(body)
        if match is None or _goes_on(lines, at):
            raise Refused("has no value, or one of several lines; change it by hand")
        lines[at] = f"{match['head']}{value}{match['tail']}{ending}"
        return "".join(lines)
    entry = f"{name} = {value}"
    if not inside and not any(_section(line) == section for line in lines):
        return appended(appended(text, f"[{section}]"), entry)
    at = max([at for at in inside if lines[at].strip()], default=_header(lines, section))
    if not lines[at].endswith("\n"):
        lines[at] += ending_of(text)
    lines.insert(at + 1, entry + ending_of(text))
    return "".join(lines)


def remove_ini(text: str, keys: Path) -> str:
    section, name = _two(keys)
    lines = lines_of(text)
    standing = [at for at in _inside(lines, section) if _option(lines, at) == name]
    if any(_goes_on(lines, at) for at in standing):
        raise Refused("has a value of several lines; change it by hand")
    return "".join(line for at, line in enumerate(lines) if at not in standing)


def put_property(text: str, keys: Path, value: Any) -> str:
    """A key of a properties file; one that is not there yet is appended."""
    name = _one(keys)
    written = str(value).replace("\\", "\\\\")
    lines = lines_of(text)
    standing = list(_properties(lines, name))
    if not standing:
        escaped = re.sub(r"([\\:=\s#!])", r"\\\1", name)
        return appended(text, f"{escaped}={written}")
    body, ending = parted(lines[standing[-1]])
    match = _PROPERTY.match(body)
    if match is None or body.endswith("\\"):
        raise Refused("has a value of several lines; change it by hand")
    head = match["head"] if re.search(r"[:=\s]$", match["head"]) else match["head"] + "="
    lines[standing[-1]] = f"{head}{written}{match['tail']}{ending}"
    return "".join(lines)


def remove_property(text: str, keys: Path) -> str:
    lines = lines_of(text)
    standing = set(_properties(lines, _one(keys)))
    if any(parted(lines[at])[0].endswith("\\") for at in standing):
        raise Refused("has a value of several lines; change it by hand")
    return "".join(line for at, line in enumerate(lines) if at not in standing)


def _two(keys: Path) -> tuple[str, str]:
    if len(keys) != 2:
        raise Refused("say section and option, as in export.read_timeout, in edge_export_config_keys")
    return str(keys[0]), str(keys[1])


def _one(keys: Path) -> str:
    return ".".join(str(key) for key in keys)


def _section(line: str) -> str | None:
    match = _SECTION.match(parted(line)[0].strip())
    return match["name"] if match else None


def _header(lines: list[str], section: str) -> int:
    return max(at for at, line in enumerate(lines) if _section(line) == section)


def _inside(lines: list[str], section: str) -> Iterator[int]:
    current = None
    for at, line in enumerate(lines):
        named = _section(line)
        if named is not None:
            current = named
        elif current == section:
            yield at


def _option(lines: list[str], at: int) -> str | None:
    """The option that a line sets: not a comment, and not the rest of the line before (it is indented)."""
    body = parted(lines[at])[0]
    if not body.strip() or body.strip()[0] in "#;" or body[0] in " \t":
        return None
    match = _OPTION.match(body)
    return match["name"].strip() if match else body.strip()


def _goes_on(lines: list[str], at: int) -> bool:
    after = parted(lines[at + 1])[0] if at + 1 < len(lines) else ""
    return after[:1] in (" ", "\t") and bool(after.strip()) and after.strip()[0] not in "#;"


def _properties(lines: list[str], name: str) -> Iterator[int]:
    continued = False
    for at, line in enumerate(lines):
        body = parted(line)[0]
        match = _PROPERTY.match(body)
        comment = body.lstrip()[:1] in ("#", "!")
        if not continued and not comment and match and re.sub(r"\\(.)", r"\1", match["name"]) == name:
            yield at
        continued = not (comment and not continued) and (len(body) - len(body.rstrip("\\"))) % 2 == 1
