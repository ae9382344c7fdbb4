# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's configuration: effective timeouts of every frontend with its backends, defaults sections resolved.

Units, defaults and rules: HAProxy configuration manual, 2.5 "Time format" (milliseconds unless a unit is given), 4.1
"Proxy keywords matrix", 4.2 `timeout client`, `timeout server`, `timeout tunnel`. A timeout absent or 0 is none.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..finding import Bound
from .values import ConfigError, Proxy, Setting

SOURCE = "HAProxy configuration manual 4.2: timeout client, timeout server, timeout tunnel"
TIMEOUTS = ("client", "server", "tunnel", "connect", "http-request", "queue")
_UNITS = {"us": 1e-6, "ms": 1e-3, "": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 2147483.647  # 2^31-1 milliseconds; HAProxy refuses more
# Lines whose quoting is their own (regular expressions, log formats) and which hold no timeout.
_FREE_TEXT = ("http-re", "http-after", "acl ", "log-format", "reqrep", "tcp-re")
_OTHER_SECTIONS = (
    "global", "peers", "resolvers", "userlist", "mailers", "cache", "program", "http-errors", "ring", "log-forward",
    "fcgi-app", "crt-store", "traces",
)  # fmt: skip
_SECTIONS = ("defaults", "frontend", "backend", "listen")


@dataclass
class _Section:
    kind: str
    name: str
    origin: str
    timeouts: dict[str, Setting] = field(default_factory=dict)
    options: dict[str, bool] = field(default_factory=dict)
    mode: str = "tcp"
    backends: list[str] = field(default_factory=list)
    servers: list[str] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)


def parse(text: str, path: str = "haproxy.cfg", host: str = "") -> Proxy:
    """The tightest effective timeouts of the routes to host, or of all routes where no server names it.

    ConfigError where HAProxy would not start.
    """
    sections = _read(text, path)
    routes = list(_routes(sections))
    named = [(front, back) for front, back in routes if host and host in back.servers]
    chosen = named or routes
    settings: list[Setting] = []
    bounds: dict[str, Bound] = {}
    for front, back in chosen:
        for setting in _effective(front, back):
            settings.append(setting)
            known = bounds.get(setting.name)
            if setting.seconds < math.inf and (known is None or setting.seconds < (known.seconds or 0.0)):
                bounds[setting.name] = Bound(
                    "idle",
                    "proxy",
                    setting.name,
                    setting.origin,
                    setting.seconds,
                    source=SOURCE,
                    program="HAProxy",
                )
    ports = frozenset(port for front, _ in chosen for port in front.ports)
    keepalives = {back.options.get("srvtcpka", back.options.get("tcpka", False)) for _, back in chosen}
    return Proxy(
        "haproxy", path, tuple(bounds.values()), tuple(settings), ports,
        frozenset(server for _, back in routes for server in back.servers),
        server_keepalive=keepalives.pop() if len(keepalives) == 1 else (None if keepalives else False),
        forwards=bool(routes),
    )  # fmt: skip


def _effective(front: _Section, back: _Section) -> Iterator[Setting]:
    """What ends silence on this route: the tunnel timeout alone in TCP mode where it is set, else both sides'."""
    none = "none set (HAProxy waits for ever)"
    scope = f"{front.kind} {front.name} to {back.kind} {back.name}"
    tunnel = back.timeouts.get("tunnel")
    pairs = [("client", front), ("server", back)]
    if front.mode == "tcp" and tunnel is not None and tunnel.seconds < math.inf:
        pairs = [("tunnel", back)]
    for name, section in pairs:
        given = section.timeouts.get(name)
        full = f"timeout {name}"
        if given is None:
            yield Setting(full, math.inf, none, "", scope)
        else:
            yield Setting(full, given.seconds, given.origin, given.raw, scope)


def _routes(sections: dict[tuple[str, str], _Section]) -> Iterator[tuple[_Section, _Section]]:
    for (kind, _), section in sections.items():
        if kind in ("frontend", "listen"):
            targets = [sections.get(("backend", name)) or sections.get(("listen", name)) for name in section.backends]
            known = [target for target in targets if target is not None]
            if kind == "listen" and (section.servers or not known):
                known.append(section)
            for target in known or ([section] if section.backends else []):
                yield section, target


def _read(text: str, path: str) -> dict[tuple[str, str], _Section]:
    sections: dict[tuple[str, str], _Section] = {}
    named_defaults: dict[str, _Section] = {}
    last_defaults = _Section("defaults", "", path)
    current: _Section | None = None
    for number, words in _lines(text, path):
        origin = f"{path}:{number}"
        if words[0] in _SECTIONS:
            current = _open(words, origin, last_defaults, named_defaults)
            if current.kind == "defaults":
                last_defaults = named_defaults[current.name] = current
            else:
                sections[(current.kind, current.name)] = current
        elif words[0] in _OTHER_SECTIONS:
            current = None
        elif current is not None:
            _keyword(current, words, origin)
    return sections


def _open(words: list[str], origin: str, last: _Section, named: Mapping[str, _Section]) -> _Section:
    name = words[1] if len(words) > 1 and words[1] != "from" else ""
    if words[0] != "defaults" and not name:
        raise ConfigError(f"{origin}: {words[0]} has no name")
    parent: _Section | None = last if words[0] != "defaults" else None
    if "from" in words[1:]:
        wanted = words[words.index("from") + 1] if words.index("from") + 1 < len(words) else ""
        if wanted not in named:
            raise ConfigError(f"{origin}: defaults section {wanted!r} does not stand before it")
        parent = named[wanted]
    section = _Section(words[0], name, origin)
    if parent is not None:
        section.timeouts, section.options, section.mode = dict(parent.timeouts), dict(parent.options), parent.mode
        section.backends = list(parent.backends)
    return section


def _keyword(section: _Section, words: list[str], origin: str) -> None:
    negated = words[0] == "no"
    words = words[1:] if negated else words
    word, rest = (words[0], words[1:]) if words else ("", [])
    if word == "timeout" and rest and rest[0] in TIMEOUTS:
        section.timeouts[rest[0]] = Setting(f"timeout {rest[0]}", seconds(rest, origin), origin, " ".join(rest[1:]))
    elif word == "option" and rest and rest[0] in ("tcpka", "srvtcpka", "clitcpka"):
        section.options[rest[0]] = not negated
    elif word == "mode" and rest:
        section.mode = rest[0]
    elif word == "default_backend" and rest:
        section.backends = [name for name in section.backends if name != rest[0]] + rest[:1]
    elif word == "use_backend" and rest:
        section.backends.append(rest[0])
    elif word == "server" and len(rest) > 1:
        section.servers.append(rest[1].rpartition(":")[0].lower() if ":" in rest[1] else rest[1].lower())
    elif word == "bind" and rest:
        found = re.findall(r":(\d{1,5})(?=,|$)", rest[0])
        section.ports |= {int(port) for port in found}


def seconds(words: list[str], origin: str) -> float:
    """`timeout client 15m`: words are the timeout's name and its value. math.inf for 0."""
    shown = f"timeout {' '.join(words)}"[:80]
    if len(words) != 2:
        raise ConfigError(f"{origin}: {shown}: one value is expected, such as 900s or 15m")
    match = re.fullmatch(r"([0-9]{1,18})(us|ms|s|m|h|d)?", words[1])
    if match is None:
        raise ConfigError(f"{origin}: {shown}: not a time of HAProxy's (a number, then us, ms, s, m, h or d)")
    value = int(match.group(1)) * _UNITS[match.group(2) or ""]
    if value > LONGEST:
        raise ConfigError(f"{origin}: {shown}: longer than HAProxy can count (24.8 days)")
    return value or math.inf


def _lines(text: str, path: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if (
            not stripped
            or stripped[0] == "#"
            or stripped.startswith(("http-re", "acl ", "log-format", "reqrep", "http-after"))
        ):
            continue
        if stripped[0] == ".":
            raise ConfigError(f"{path}:{number}: {stripped[:40]}: a condition that only the running HAProxy can decide")
        try:
            words = shlex.split(stripped, comments=True, posix=True)
        except ValueError as error:
            raise ConfigError(f"{path}:{number}: {error}") from None
        if words:
            yield number, words
