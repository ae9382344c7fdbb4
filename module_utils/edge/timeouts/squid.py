# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid's configuration: effective timeouts with Squid's own defaults.

Defaults, units and grammar: Squid 5 and 6, src/cf.data.pre (the TAG of each directive) and src/cache_cf.cc. A CONNECT
tunnel is under read_timeout as well (src/tunnel.cc).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..finding import Bound
from .values import ConfigError, Proxy, Setting, included

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
DEFAULTS: dict[str, float] = {
    "read_timeout": 15 * MINUTE,
    "write_timeout": 15 * MINUTE,
    "client_lifetime": 1 * DAY,
    "connect_timeout": 1 * MINUTE,
    "forward_timeout": 4 * MINUTE,
    "request_timeout": 5 * MINUTE,
    "client_idle_pconn_timeout": 2 * MINUTE,
    "server_idle_pconn_timeout": 1 * MINUTE,
}
ALIASES = {"persistent_request_timeout": "client_idle_pconn_timeout", "pconn_timeout": "server_idle_pconn_timeout"}
# Compared by prefix and without case, as Squid does: `minutes` and `Minute` are one unit.
_UNITS = (
    ("second", 1.0), ("minute", MINUTE), ("hour", HOUR), ("day", DAY), ("week", 7 * DAY), ("fortnight", 14 * DAY),
    ("month", 30 * DAY), ("year", 365.2522 * DAY), ("decade", 3652.522 * DAY),
)  # fmt: skip
LONGEST = 292 * 365.2522 * DAY  # Squid counts in 64 bit nanoseconds and refuses more
MAX_DEPTH = 16
# Squid looks for expired connections once a second, so a timeout of 0 fires within one.
SOONEST = 1.0
SOURCE = "Squid src/cf.data.pre"


def parse(text: str, path: str = "squid.conf", files: Mapping[str, str] | None = None) -> Proxy:
    """The effective timeouts. files: the texts of included files by path. ConfigError where Squid would not start."""
    found: dict[str, Setting] = {}
    ports: set[int] = set()
    for origin, words in _directives(text, path, path, files or {}, 1):
        name = ALIASES.get(words[0], words[0])
        if name in DEFAULTS:
            found[name] = Setting(name, seconds(words[1:], words[0], origin), origin, " ".join(words[1:]))
        elif name in ("http_port", "https_port") and len(words) > 1:
            port = words[1].rsplit(":", 1)[-1]
            ports |= {int(port)} if port.isdecimal() else set()
    for name, default in DEFAULTS.items():
        found.setdefault(name, Setting(name, default, "default of Squid", f"{default / MINUTE:g} minutes"))
    return Proxy(
        "squid",
        path,
        _bounds(found),
        tuple(found.values()),
        frozenset(ports),
        server_keepalive=False,
        when_blocked=frozenset({"write_timeout"}),
    )


def _bounds(found: Mapping[str, Setting]) -> tuple[Bound, ...]:
    kinds = (("read_timeout", "idle"), ("write_timeout", "idle"), ("client_lifetime", "total"))
    return tuple(
        Bound(
            kind, "proxy", name, found[name].origin, max(found[name].seconds, SOONEST), source=SOURCE, program="Squid"
        )
        for name, kind in kinds
    )


def seconds(words: list[str], name: str, origin: str) -> float:
    """A time value: a number and its unit, `15 minutes`."""
    shown = " ".join([name, *words])[:80]
    if not words:
        raise ConfigError(f"{origin}: {name} has no value")
    if re.fullmatch(r"-[0-9.]+", words[0]):
        raise ConfigError(f"{origin}: {shown}: negative; Squid does not start with it")
    if not re.fullmatch(r"[0-9]{1,18}(\.[0-9]{0,18})?", words[0]):
        raise ConfigError(f"{origin}: {shown}: not a number and a unit, such as 15 minutes")
    number = float(words[0])
    if number == 0:
        return 0.0
    if len(words) == 1:
        raise ConfigError(f"{origin}: {shown}: no unit; Squid 5 and later do not start with it, Squid 4 takes seconds")
    unit = next((size for prefix, size in _UNITS if words[1].lower().startswith(prefix)), None)
    if unit is None:
        raise ConfigError(f"{origin}: {shown}: {words[1]!r} is no unit of Squid's (second, minute, hour, day ...)")
    if number * unit > LONGEST:
        raise ConfigError(f"{origin}: {shown}: longer than Squid can count (292 years)")
    return number * unit


def _directives(
    text: str, path: str, main: str, files: Mapping[str, str], depth: int
) -> Iterator[tuple[str, list[str]]]:
    """Every directive in force with its file:line, includes in their place, conditions decided."""
    if depth > MAX_DEPTH:
        raise ConfigError(f"{path}: includes are nested deeper than {MAX_DEPTH} levels; they may go round in a loop")
    conditions: list[bool | None] = []
    for number, line in _lines(text):
        words = _words(line)
        origin = f"{path}:{number}"
        if not words or _condition(words, conditions, origin) or False in conditions:
            continue
        if words[0] == "include":
            yield from _include(words[1:], origin, main, files, depth)
            continue
        if None in conditions and ALIASES.get(words[0], words[0]) in DEFAULTS:
            raise ConfigError(f"{origin}: {words[0]} depends on a condition that only the running Squid can decide")
        yield origin, words


def _include(
    patterns: list[str], origin: str, main: str, files: Mapping[str, str], depth: int
) -> Iterator[tuple[str, list[str]]]:
    for pattern in patterns:
        for path in included(pattern, main, files):
            if path not in files:
                raise ConfigError(f"{origin}: include {path}: the file was not read")
            yield from _directives(files[path], path, main, files, depth + 1)


def _condition(words: list[str], conditions: list[bool | None], origin: str) -> bool:
    """Keep track of if, else and endif; True where the line was one of them."""
    if words[0] == "if":
        conditions.append(_decided(words[1:]))
    elif words[0] in ("else", "endif") and len(words) == 1:
        if not conditions:
            raise ConfigError(f"{origin}: {words[0]} without if")
        state = conditions.pop()
        if words[0] == "else":
            conditions.append(None if state is None else not state)
    else:
        return False
    return True


def _decided(words: list[str]) -> bool | None:
    expression = " ".join(words)
    if expression in ("true", "false"):
        return expression == "true"
    equal = re.fullmatch(r"(-?\d{1,9}) ?= ?(-?\d{1,9})", expression)
    return int(equal.group(1)) == int(equal.group(2)) if equal else None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    pending, start = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        start = start or number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        yield start, pending + line
        pending, start = "", 0
    if pending:
        yield start, pending


def _words(line: str) -> list[str]:
    words = line.split()
    comment = next((at for at, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:comment]
