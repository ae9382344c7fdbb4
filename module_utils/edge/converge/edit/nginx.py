# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits nginx's configuration: a directive's value replaced where it stands, else the directive set in http or stream.

Contexts: nginx documentation, ngx_http_proxy_module, ngx_http_core_module, ngx_stream_proxy_module. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...timeouts.nginx import HTTP_DEFAULTS, MAX_DEPTH, STREAM_DEFAULTS, TOKEN
from ..model import Refused
from .texts import ending_of, one_line

_WORD = re.compile(r"[A-Za-z0-9_]+")
_HTTP_ALONE = ("proxy_max_temp_file_size", "proxy_buffering")


@dataclass(frozen=True)
class _Directive:
    """start: of its name; first, last: the span of its arguments; line: where its name stands; depth: of its block."""

    name: str
    start: int
    first: int
    last: int
    line: int
    depth: int


@dataclass(frozen=True)
class _Block:
    """opened: right behind its brace; closed: at the brace that ends it; depth: 0 on the top level."""

    name: str
    start: int
    opened: int
    closed: int
    depth: int


def set_directive(text: str, path: str, key: str, value: str, line: int | None = None) -> str:
    """The text with a directive at a value. line: where it stands; None: nowhere in force, nginx's default holds, so
    that it is set for all of http, or of stream."""
    _writable(path, key, value)
    directives, blocks = _read(text, path)
    standing = [item for item in directives if item.name == key and item.first < item.last]
    if line is None:
        return _for_all(text, path, key, value, standing, blocks)
    if not standing:
        raise Refused(f"{path}:{line}: holds no {key} any more; audit again")
    return _replaced(text, [item for item in standing if item.line == line] or standing, value)


def set_option(text: str, path: str, key: str, value: str) -> str:
    """The text with a directive at a value everywhere: where it stands, and for all of http and stream."""
    _writable(path, key, value)
    directives, _ = _read(text, path)
    text = _replaced(text, [item for item in directives if item.name == key and item.first < item.last], value)
    directives, blocks = _read(text, path)
    return _for_all(text, path, key, value, [item for item in directives if item.name == key], blocks)


def _writable(path: str, key: str, value: str) -> None:
    if not _WORD.fullmatch(key) or not _WORD.fullmatch(one_line(value, f"{path}: {key}")):
        raise Refused(f"{path}: {key} {value} is no directive that is written into nginx's configuration")


def _replaced(text: str, standing: list[_Directive], value: str) -> str:
    for item in sorted(standing, key=lambda item: -item.first):
        text = text[: item.first] + value + text[item.last :]
    return text


def _for_all(text: str, path: str, key: str, value: str, standing: list[_Directive], blocks: list[_Block]) -> str:
    names = [name for name, keys in (("http", HTTP_DEFAULTS), ("stream", STREAM_DEFAULTS)) if key in keys]
    names = names or (["http"] if key.startswith(_HTTP_ALONE) else ["http", "stream"])
    wanted = [block for block in blocks if block.depth == 0 and block.name in names]
    if not wanted:
        raise Refused(f"{path}: has no {' or '.join(names)} block of its own; set {key} by hand")
    for block in sorted(wanted, key=lambda block: -block.opened):
        own = [item for item in standing if item.depth == 1 and block.opened <= item.start < block.closed]
        if own:
            text = _replaced(text, own, value)
        else:
            text = text[: block.opened] + _entry(text, block, f"{key} {value};") + text[block.opened :]
    return text


def _entry(text: str, block: _Block, words: str) -> str:
    """The directive on a line of its own behind the brace, as deep as the block's first."""
    inside = text[block.opened : block.closed]
    if "\n" not in inside:
        return f" {words}"
    first = re.search(r"\n([ \t]*)[^\s]", inside)
    own = re.match(r"[ \t]*", text[text.rfind("\n", 0, block.start) + 1 : block.start])
    outer = own.group() if own else ""
    indent = first.group(1) if first and len(first.group(1)) > len(outer) else outer + "    "
    return f"{ending_of(text)}{indent}{words}"


def _read(text: str, path: str) -> tuple[list[_Directive], list[_Block]]:
    directives: list[_Directive] = []
    blocks: list[_Block] = []
    opened: list[tuple[str, int, int]] = []
    words: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Refused(f"{path}: a quoted text does not end; mend it by hand")
        token, at = match.group(), match.end()
        if token[0].isspace() or token[0] == "#":
            continue
        if token not in ("{", "}", ";"):
            words.append((match.start(), match.end()))
            continue
        if token == "}":
            if not opened or words:
                raise Refused(f"{path}: has a }} where none may stand; mend it by hand")
            name, start, inside = opened.pop()
            blocks.append(_Block(name, start, inside, match.start(), len(opened)))
            continue
        if not words or len(opened) > MAX_DEPTH:
            raise Refused(f"{path}: has a {token} where none may stand; mend it by hand")
        start, end = words[0]
        if token == "{":
            opened.append((text[start:end], start, match.end()))
        else:
            first = words[1][0] if len(words) > 1 else end
            line = text.count("\n", 0, start) + 1
            directives.append(_Directive(text[start:end], start, first, words[-1][1], line, len(opened)))
        words = []
    if words or opened:
        raise Refused(f"{path}: ends before all of it is closed; mend it by hand")
    return directives, blocks
