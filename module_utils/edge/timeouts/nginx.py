# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's configuration: effective timeouts of every place that proxies, inherited as nginx does.

Defaults and units: nginx documentation, ngx_http_proxy_module, ngx_http_core_module, ngx_stream_proxy_module, and
"Configuration file measurement units". The reader is our own: crossplane, the vendor's Python parser, has had no
release since 2022, and wants files on disk where we have texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..finding import Bound
from .values import ConfigError, Proxy, Setting, included

HTTP_DEFAULTS: dict[str, float] = {
    "proxy_read_timeout": 60.0,
    "proxy_send_timeout": 60.0,
    "send_timeout": 60.0,
    "client_body_timeout": 60.0,
    "proxy_connect_timeout": 60.0,
}
STREAM_DEFAULTS: dict[str, float] = {"proxy_timeout": 600.0, "proxy_connect_timeout": 60.0}
TEMP_FILE_DEFAULT = 1024 * 1024 * 1024
SOURCE = "nginx documentation: ngx_http_proxy_module, ngx_http_core_module, ngx_stream_proxy_module"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "M": 2592000.0, "y": 31536000.0}
_SIZES = {"": 1, "k": 1024, "K": 1024, "m": 1024**2, "M": 1024**2, "g": 1024**3, "G": 1024**3}
TOKEN = re.compile(
    r"""\s+|\#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?!["'])(?:\\.|\$\{[^}\n]*\}|[^\s;{}])+""", re.DOTALL
)
MAX_DEPTH = 64
MAX_DIRECTIVES = 200_000


@dataclass
class Block:
    """A directive and, where it opens a block, what stands in it."""

    name: str
    arguments: list[str]
    origin: str
    children: list[Block] = field(default_factory=list)


def parse(text: str, path: str = "nginx.conf", files: Mapping[str, str] | None = None, host: str = "") -> Proxy:
    """The tightest effective timeouts of the places that proxy to host, or of all that proxy where none names it.

    files: the texts of included files by path. ConfigError where nginx would not start.
    """
    root = Block("main", [], path, _tree(text, path, path, files or {}, 1))
    places = list(_places(root, [root], 0))
    named = [place for place in places if host and place.host == host]
    chosen = named or places
    settings = [setting for place in chosen for setting in place.settings]
    bounds = _bounds(settings)
    keepalives = {place.keepalive for place in chosen}
    return Proxy(
        "nginx", path, bounds, tuple(settings), frozenset(port for place in chosen for port in place.ports),
        frozenset(place.host for place in places if place.host),
        server_keepalive=keepalives.pop() if len(keepalives) == 1 else (None if keepalives else False),
        notes=tuple(note for place in chosen for note in place.notes), forwards=bool(places),
        when_blocked=frozenset({"proxy_send_timeout", "send_timeout"}),
    )  # fmt: skip


@dataclass
class _Place:
    """One server or location that forwards."""

    host: str
    settings: list[Setting]
    ports: set[int]
    keepalive: bool
    notes: list[str]


def _bounds(settings: list[Setting]) -> tuple[Bound, ...]:
    tightest: dict[str, Setting] = {}
    for setting in settings:
        if setting.name != "proxy_connect_timeout" and setting.seconds < math.inf:
            known = tightest.get(setting.name)
            tightest[setting.name] = setting if known is None or setting.seconds < known.seconds else known
    return tuple(
        Bound("idle", "proxy", item.name, item.origin, item.seconds, source=SOURCE, program="nginx")
        for item in tightest.values()
    )


def _places(block: Block, chain: list[Block], depth: int) -> Iterator[_Place]:
    if depth > MAX_DEPTH:
        raise ConfigError(f"{block.origin}: blocks are nested deeper than {MAX_DEPTH} levels")
    target = next((child for child in block.children if child.name == "proxy_pass" and child.arguments), None)
    if target is not None:
        yield _place(target, chain)
    for child in block.children:
        if child.children or child.name in ("http", "server", "location", "stream", "if", "limit_except"):
            yield from _places(child, [*chain, child], depth + 1)


def _place(target: Block, chain: list[Block]) -> _Place:
    stream = any(block.name == "stream" for block in chain)
    scope = " ".join([chain[-1].name, *chain[-1].arguments])
    settings = []
    for name, default in (STREAM_DEFAULTS if stream else HTTP_DEFAULTS).items():
        given = _inherited(name, chain)
        value = default if given is None else _seconds(given)
        raw = f"{default:g}s" if given is None else " ".join(given.arguments)
        settings.append(Setting(name, value, "default of nginx" if given is None else given.origin, raw, scope))
    keepalive = _inherited("proxy_socket_keepalive", chain)
    ports = {port for block in chain for child in block.children if child.name == "listen" for port in _ports(child)}
    notes = [] if stream else _temp_file(chain)
    return _Place(
        _host(target.arguments[0], chain),
        settings,
        ports,
        keepalive is not None and keepalive.arguments == ["on"],
        notes,
    )


def _inherited(name: str, chain: list[Block]) -> Block | None:
    """The directive in the innermost block that has it; of two in one block nginx refuses the second."""
    for block in reversed(chain):
        given = [child for child in block.children if child.name == name]
        if len(given) > 1:
            raise ConfigError(f"{given[1].origin}: {name} stands twice in one block; nginx does not start with it")
        if given:
            return given[0]
    return None


def _temp_file(chain: list[Block]) -> list[str]:
    buffering = _inherited("proxy_buffering", chain)
    if buffering is not None and buffering.arguments == ["off"]:
        return []
    given = _inherited("proxy_max_temp_file_size", chain)
    size = TEMP_FILE_DEFAULT if given is None else _size(given)
    origin = "default" if given is None else given.origin
    return [f"proxy_max_temp_file_size of {origin}: {size}"] if size else []


def _host(target: str, chain: list[Block]) -> str:
    host = urlsplit(target if "//" in target else f"//{target}").netloc.rpartition("@")[2].partition(":")[0]
    for block in chain:
        for child in block.children:
            if child.name == "upstream" and child.arguments == [host]:
                servers = [item.arguments[0] for item in child.children if item.name == "server" and item.arguments]
                return servers[0].partition(":")[0] if servers else host
    return "" if "$" in host else host.lower()


def _ports(listen: Block) -> set[int]:
    address = listen.arguments[0] if listen.arguments else ""
    port = address.rsplit(":", 1)[-1] if not address.endswith("]") else "80"
    return {int(port)} if port.isdecimal() and len(port) <= 5 else set()


def _seconds(given: Block) -> float:
    """`60`, `60s`, `1h 30m`, `500ms`; numbers alone are seconds."""
    shown = f"{given.name} {' '.join(given.arguments)}"[:80]
    if len(given.arguments) != 1 or not given.arguments[0]:
        raise ConfigError(f"{given.origin}: {shown}: one value is expected")
    text = given.arguments[0]
    if "$" in text:
        raise ConfigError(f"{given.origin}: {shown}: a variable, which only the running nginx can decide")
    total, at, last = 0.0, 0, math.inf
    for part in re.finditer(r"([0-9]{1,15})(ms|[smhdwMy]?) *", text):
        size = _UNITS[part.group(2) or "s"]
        if part.start() != at or size >= last or (not part.group(2) and part.end() != len(text)):
            break
        total += int(part.group(1)) * size
        at, last = part.end(), size
    if at != len(text):
        raise ConfigError(f"{given.origin}: {shown}: not a time of nginx's, such as 900, 900s, 15m or 1h")
    if total == 0:
        raise ConfigError(f"{given.origin}: {shown}: nginx does not document what 0 means; give a time")
    return total


def _size(given: Block) -> int:
    match = re.fullmatch(r"([0-9]{1,15})([kKmMgG]?)", given.arguments[0] if given.arguments else "")
    if match is None:
        raise ConfigError(f"{given.origin}: {given.name} {' '.join(given.arguments)[:60]}: not a size of nginx's")
    return int(match.group(1)) * _SIZES[match.group(2)]


def _tree(text: str, path: str, main: str, files: Mapping[str, str], depth: int) -> list[Block]:
    if depth > MAX_DEPTH:
        raise ConfigError(f"{path}: includes are nested deeper than {MAX_DEPTH} levels; they go round in a loop")
    top: list[Block] = []
    open_blocks: list[Block] = []
    words: list[str] = []
    start = ""
    for number, token in _tokens(text, path):
        siblings = open_blocks[-1].children if open_blocks else top
        if token == "}":
            if words or not open_blocks:
                raise ConfigError(f"{path}:{number}: unexpected }}")
            open_blocks.pop()
        elif token in ("{", ";"):
            if not words:
                raise ConfigError(f"{path}:{number}: unexpected {token}")
            block = Block(words[0], [_unquoted(word) for word in words[1:]], start)
            words = []
            if token == "{":
                siblings.append(block)
                open_blocks.append(block)
            elif block.name == "include":
                siblings.extend(_include(block, main, files, depth))
            else:
                siblings.append(block)
        else:
            start = start if words else f"{path}:{number}"
            words.append(token)
    if words or open_blocks:
        where = open_blocks[-1].origin if open_blocks else start
        raise ConfigError(f"{where}: the end of the file comes before this is closed")
    return top


def _include(block: Block, main: str, files: Mapping[str, str], depth: int) -> list[Block]:
    if len(block.arguments) != 1:
        raise ConfigError(f"{block.origin}: include wants one file")
    found: list[Block] = []
    for path in included(block.arguments[0], main, files):
        if path not in files:
            raise ConfigError(f"{block.origin}: include {path}: the file was not read")
        found += _tree(files[path], path, main, files, depth + 1)
        if len(found) > MAX_DIRECTIVES:
            raise ConfigError(f"{block.origin}: more than {MAX_DIRECTIVES} directives")
    return found


def _tokens(text: str, path: str) -> Iterator[tuple[int, str]]:
    at, number = 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ConfigError(f"{path}:{number}: a quoted text does not end")
        token = match.group()
        if not token[0].isspace() and token[0] != "#":
            yield number, token
        number += token.count("\n")
        at = match.end()


def _unquoted(word: str) -> str:
    if len(word) > 1 and word[0] in "\"'" and word[-1] == word[0]:
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    return word
