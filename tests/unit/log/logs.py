# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs on disk, as small as the tests need them, and the fact that reading them gives."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible.module_utils.edge.log.reading import read_log
from ansible.module_utils.edge.log.window import Window, parse_time
from ansible.module_utils.edge.timeouts.files import Node

PATH = "/var/log/edge.log"
START, END = "2026-11-20T02:03:41Z", "2026-11-20T02:18:41Z"
WINDOW = {"start": START, "end": END}


def put(root: Path, text: bytes | str, name: str = PATH, written: str = "2026-11-21T00:00:00Z") -> Path:
    path = root / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    stamp = parse_time(written)
    os.utime(path, (stamp, stamp))
    return path


def read(root: Path, window: dict[str, str] | None = None, path: str = PATH, **more: Any) -> Any:
    return read_log(Node(str(root)), path, Window.from_mapping(window), **more)


def log_of(root: Path, text: bytes | str, window: dict[str, str] | None = None, **more: Any) -> Any:
    put(root, text)
    return read(root, window, **more)


def lines(*texts: str) -> str:
    return "".join(f"{text}\n" for text in texts)


def every(seconds: int, start: str, end: str, text: str = "INFO tick") -> str:
    """A line every so many seconds."""
    from ansible.module_utils.edge.log.window import iso

    first, last = int(parse_time(start)), int(parse_time(end))
    return "".join(f"{iso(at)} {text} {at}\n" for at in range(first, last + 1, seconds))


def counts(fact: dict[str, Any], names: Iterable[str] = ()) -> dict[str, int]:
    return {name: seen["count"] for name, seen in fact["classes"].items() if seen["count"] or name in names}
