# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits HAProxy's configuration: timeouts where they stand, options in the sections whose servers they are for. Pure.

Sections and their keywords: HAProxy configuration manual, 4.1 "Proxy keywords matrix".
"""

from __future__ import annotations

import re

from ..model import Refused
from .texts import ending_of, lines_of, one_line, parted

_HEADERS = (
    "global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "mailers", "cache",
    "program", "http-errors", "ring", "log-forward", "fcgi-app", "crt-store", "traces",
)  # fmt: skip
_TIME = re.compile(r"[0-9]{1,10}(us|ms|s|m|h|d)?")


def set_timeout(text: str, path: str, key: str, value: str, line: int | None = None) -> str:
    """The text with `timeout server` (or client, tunnel...) at a value, on its line, else wherever it stands."""
    words = key.split()
    if len(words) != 2 or words[0] != "timeout" or not words[1].replace("-", "").isalpha():
        raise Refused(f"{path}: {key} is no timeout of HAProxy's")
    if not _TIME.fullmatch(one_line(value, f"{path}: {key}")):
        raise Refused(f"{path}: {key} {value}: is no time of HAProxy's (a number, then us, ms, s, m, h or d)")
    pattern = re.compile(rf"(\s*timeout\s+{re.escape(words[1])}\s+)([^\s#]+)(.*)", re.DOTALL)
    lines = lines_of(text)
    standing = [number for number, item in enumerate(lines, start=1) if pattern.fullmatch(parted(item)[0])]
    if not standing:
        raise Refused(f"{path}:{line or '?'}: holds no {key} any more; audit again")
    for number in [line] if line in standing else standing:
        body, ending = parted(lines[number - 1])
        lines[number - 1] = pattern.sub(lambda match: f"{match.group(1)}{value}{match.group(3)}", body) + ending
    return "".join(lines)


def set_option(text: str, path: str, key: str) -> str:
    """The text with `option srvtcpka` (or the like) on: in every defaults section, else in each that has servers."""
    words = key.split()
    if len(words) != 2 or words[0] != "option" or not words[1].isalnum():
        raise Refused(f"{path}: {key} is no option of HAProxy's")
    lines = lines_of(text)
    for at, line in enumerate(lines):
        body, ending = parted(line)
        off = re.fullmatch(rf"(\s*)no\s+(option\s+{words[1]}\s*(#.*)?)", body, re.DOTALL)
        lines[at] = f"{off.group(1)}{off.group(2)}{ending}" if off else line
    sections = _sections(lines)
    places = [span for kind, *span in sections if kind == "defaults"]
    if not places:
        places = [span for kind, *span in sections if kind in ("backend", "listen") and _holds(lines, span, "server")]
    if not places:
        raise Refused(f"{path}: has neither defaults nor a section with servers; set {key} by hand")
    for start, end in reversed(places):
        if not _holds(lines, [start, end], *words):
            lines.insert(start + 1, _entry(lines, start, end, key))
    return "".join(lines)


def _sections(lines: list[str]) -> list[tuple[str, int, int]]:
    """(kind, line of its header, the line after its last), places counted from 0."""
    heads = [at for at, line in enumerate(lines) if line.split()[:1] and line.split()[0] in _HEADERS]
    ends = [*heads[1:], len(lines)]
    return [(lines[start].split()[0], start, end) for start, end in zip(heads, ends)]


def _holds(lines: list[str], span: list[int], *words: str) -> bool:
    start, end = span
    return any(line.split()[: len(words)] == list(words) for line in lines[start + 1 : end])


def _entry(lines: list[str], start: int, end: int, key: str) -> str:
    indents = [re.match(r"[ \t]*", line) for line in lines[start + 1 : end] if line.strip()]
    indent = next((match.group() for match in indents if match and match.group()), "    ")
    if not lines[start].endswith("\n"):
        lines[start] += ending_of("".join(lines))
    return f"{indent}{key}{ending_of(''.join(lines))}"
