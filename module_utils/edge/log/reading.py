# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an edge's log: the files that the window needs, within bounds of time, to one fact. Standard library only."""

from __future__ import annotations

import time
from typing import Any, Callable

from ..finding import EdgepathError, Unread
from ..timeouts.files import Node
from .files import LogFile, denied, in_order, look, needed, rotations
from .scan import SLACK_SECONDS, Scan
from .stream import LogStream
from .window import Window, iso
from .zones import Zone, zone_of

# Within the 120 s that the visit of an edge may take; at 150 MB/s it is 9 GB.
MAX_SECONDS = 60.0


def read_log(
    node: Node,
    path: str,
    window: Window | None,
    given_format: str | None = None,
    given_zone: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Any:
    """What the log says in the window: the fact `log` of node.gather_node, or Unread.

    clock: for the bound on the time that reading may take.
    """
    try:
        zone = zone_of(given_zone, node)
        files = rotations(node, path)
        if isinstance(files, Unread):
            return files
        problems = _look_at(files, given_format, zone)
        files = in_order([file for file in files if file.format is not None])
    except EdgepathError as error:
        return Unread("error", "read", path, f"{path}: {error}")
    chosen = needed(files, window)
    if not files and problems:
        return problems[0]
    scan = Scan(window)
    started = clock()
    told = []
    for file in chosen:
        before = scan.lines
        fact, problem = _read_file(file, scan, zone, lambda: clock() - started > MAX_SECONDS)
        told.append({**fact, "lines": scan.lines - before})
        problems += [problem] if problem is not None else []
    scan.finish(time.time())
    return {
        "path": path,
        "format": chosen[-1].format.name if chosen and chosen[-1].format else None,
        "zone": {"name": zone.name, "origin": zone.origin},
        "rotations": len(files),
        "files": told,
        "oldest": next((iso(file.first) for file in files if file.first is not None), None),
        "seconds": round(clock() - started, 3),
        "problems": [problem.to_fact() for problem in problems],
        **_said(scan, files, window),
    }


def _look_at(files: list[LogFile], given: str | None, zone: Zone) -> list[Unread]:
    found = (look(file, given, zone) for file in files)
    return [problem for problem in found if problem is not None]


def _read_file(
    file: LogFile, scan: Scan, zone: Zone, too_late: Callable[[], bool]
) -> tuple[dict[str, Any], Unread | None]:
    """One file through the scan; what was read, and why not all of it."""
    assert file.format is not None
    problem: Unread | None = None
    read = giant = 0
    scan.start(file.path, file.format, file.clock(zone))
    try:
        with LogStream(file.real) as stream:
            for block in stream.blocks():
                scan.feed(block)
                if too_late():
                    message = f"{file.path}: reading stopped after {MAX_SECONDS:g} s; give a shorter window"
                    problem = Unread("not_collected", "read", file.path, message)
                    break
            read, giant = stream.bytes, stream.giant_lines
            if stream.problem is not None:
                problem = Unread("error", "read", file.path, f"{file.path}: {stream.problem}")
    except OSError as error:
        problem = denied(file.path, error)
    except EdgepathError as error:
        problem = Unread("error", "read", file.path, f"{file.path}: {error}")
    return {"path": file.path, "bytes": read, "giant_lines": giant}, problem


def _said(scan: Scan, files: list[LogFile], window: Window | None) -> dict[str, Any]:
    silence = None
    if scan.silence is not None:
        began, ended = scan.silence
        silence = {"seconds": round(ended - began, 3), "from": iso(began), "to": iso(ended)}
    return {
        "covers": _covers(files, window),
        "first": None if scan.first is None else iso(scan.first),
        "last": None if scan.last is None else iso(scan.last),
        "lines": scan.lines,
        "lines_in_window": scan.lines_in_window,
        "slack_seconds": SLACK_SECONDS,
        "unstamped": scan.unstamped,
        "classes": {name: seen.to_fact() for name, seen in scan.classes.items()},
        "silence": silence,
        "jumps": scan.jumps,
        "jumps_count": scan.jumps_count,
    }


def _covers(files: list[LogFile], window: Window | None) -> str:
    """Whether the files reach back to the window: `all` of it, `part`, or `none`."""
    starts = [file.first for file in files if file.first is not None]
    if window is None:
        return "all" if starts else "none"
    if not starts or min(starts) > window.end:
        return "none"
    return "all" if min(starts) <= window.start else "part"
