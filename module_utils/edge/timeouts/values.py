# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of proxy configuration have in common: a setting's effective value, and the one error they raise."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from ..finding import Bound, EdgepathError


class ConfigError(EdgepathError):
    """A configuration, or a value in it, that cannot be understood: the message names file, line and key."""


@dataclass(frozen=True)
class Setting:
    """One effective value. seconds: math.inf where the program waits for ever.

    origin: `file:line`, or `default of Squid`.  raw: as it is written there.  scope: the section it holds for.
    """

    name: str
    seconds: float
    origin: str
    raw: str
    scope: str = ""


@dataclass(frozen=True)
class Proxy:
    """A proxy as its configuration makes it.

    bounds: what may end a transfer through it, in its own words.  settings: every time value, for the reader.
    ports: where it listens.  upstreams: hosts that it is told to forward to (empty: wherever the request says).
    server_keepalive: whether it sets SO_KEEPALIVE towards the server (None: cannot be told); keepalive_seconds: the
    time that it sets itself, else the kernel's counts.  notes: what else a reader should know.
    forwards: whether it forwards anything at all.  when_blocked: settings that count only while data waits for its
    reader, and not through mere silence.
    """

    kind: str
    path: str
    bounds: tuple[Bound, ...]
    settings: tuple[Setting, ...]
    ports: frozenset[int] = frozenset()
    upstreams: frozenset[str] = frozenset()
    server_keepalive: bool | None = False
    keepalive_seconds: float | None = None
    notes: tuple[str, ...] = ()
    forwards: bool = True
    when_blocked: frozenset[str] = frozenset()


def included(pattern: str, main: str, files: Mapping[str, str]) -> list[str]:
    """The gathered files that an include names, sorted as the shell would; [] where a wildcard matches nothing."""
    full = posixpath.normpath(pattern if pattern.startswith("/") else posixpath.join(posixpath.dirname(main), pattern))
    if not any(sign in full for sign in "*?["):
        return [full]
    depth = full.count("/")
    return sorted(path for path in files if path.count("/") == depth and fnmatch.fnmatchcase(path, full))
