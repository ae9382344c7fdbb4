# SPDX-License-Identifier: GPL-3.0-or-later
"""Every read on an edge denied, failing, or leading to a pipe that never speaks, in turn: nothing turns greener.

The audit hook of the interpreter sees every file that is opened and every directory that is listed (sys.addaudithook,
PEP 578), so that no reader of the program can be forgotten here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from . import replay
from .conftest import World
from .greener import complaints

pytestmark = [pytest.mark.lab]


class Watch:
    """What is opened or listed below a root while it looks; a path in `refused` is refused."""

    def __init__(self) -> None:
        self.root: str | None = None
        self.seen: dict[str, None] = {}
        self.refused: dict[str, OSError] = {}

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root is None or event not in ("open", "os.listdir", "os.scandir"):
            return
        path = arguments[0]
        if not isinstance(path, str) or not path.startswith(self.root + "/"):
            return
        own = path[len(self.root) :]
        self.seen[own] = None
        if own in self.refused:
            raise self.refused[own]


WATCH = Watch()
sys.addaudithook(WATCH)


@contextmanager
def watched(root: str, refused: dict[str, OSError]) -> Iterator[Watch]:
    WATCH.root, WATCH.seen, WATCH.refused = root, {}, refused
    try:
        yield WATCH
    finally:
        WATCH.root = None


def read_paths(edge: dict[str, Any]) -> list[str]:
    with watched(edge["root"], {}) as watch:
        replay.visit(edge)
        return sorted(watch.seen)


def disturbed(world: World, edge: dict[str, Any], path: str, error: OSError, directory: Path) -> dict[str, Any]:
    with watched(edge["root"], {path: error}):
        facts = replay.visit(edge)
    with replay.wired(replay.Wire(world.tape), world.environment):
        return replay.audit(directory, [edge], {edge["name"]: facts})


FAULTS: dict[str, Callable[[str], OSError]] = {
    "denied": lambda path: PermissionError(13, "Permission denied", path),
    "failing": lambda path: OSError(5, "Input/output error", path),
}


@pytest.mark.parametrize(("name", "fault"), [("healthy", "denied"), ("london", "denied"), ("london", "failing")])
def test_no_read_that_fails_makes_the_report_greener(world: World, name: str, fault: str, tmp_path: Path) -> None:
    [edge] = world.of(name)
    paths = read_paths(edge)
    assert len(paths) > 30
    wrong = {}
    for number, path in enumerate(paths):
        after = disturbed(world, edge, path, FAULTS[fault](path), tmp_path / str(number))
        said = complaints(world.report, after)
        if said:
            wrong[path] = said
    assert wrong == {}


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(world: World, tmp_path: Path) -> None:
    """A reader that waits for a pipe waits for ever: that this test ends is what it tests."""
    [edge] = world.of("london")
    piped = 0
    for path in read_paths(edge):
        real = Path(edge["root"] + path)
        if not real.is_file():
            continue
        kept = real.with_name(real.name + ".kept")
        real.rename(kept)
        os.mkfifo(real)
        try:
            facts = replay.visit(edge)
        finally:
            kept.replace(real)
        piped += 1
        broken = [section for section, fact in facts.items() if "reading" in str(fact.get("$unread", ""))]
        assert broken == [], path
    assert piped > 20
