# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a converge: every object's former state on disk, fsynced, before the object is touched.

    <run_dir>/converge.json                       {"state": "converging" | "complete" | "rolled back", ...}
    <run_dir>/before/<edge>/<number>.json         {"at", "domain", "change",
                                                   "state": "begun" | "written" | "done" | "undone"}
    <run_dir>/before/<edge>/files/etc/hosts       the former bytes of a file, to be copied back by hand

A run that is killed leaves its last entry `begun`: rollback reads the object itself to see whether it changed. An entry
is `written` until the programs that use the object were told.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError
from ..run import facts_path, read_json, write_json
from .model import ORDER, ObjectChange

BEFORE = "before"
STATE = "converge.json"


@dataclass(frozen=True)
class Entry:
    path: str
    edge: str
    domain: str
    at: int
    state: str
    change: ObjectChange


class Journal:
    """The entries of one edge in one run."""

    def __init__(self, run_dir: str, edge: str) -> None:
        name = os.path.splitext(os.path.basename(facts_path(run_dir, edge)))[0]
        self.directory = os.path.join(run_dir, BEFORE, name)
        self.edge = edge

    def begin(self, domain: str, change: ObjectChange) -> str:
        """Save what is about to change; returns the entry's path. The caller writes the object only after this."""
        _make_private(os.path.dirname(os.path.dirname(self.directory)), self.directory)
        at = max(time.time_ns(), self._newest() + 1)  # a clock that is set back must not turn the order
        path = os.path.join(self.directory, f"{at}.json")
        self._keep_file(change)
        data = {"edge": self.edge, "domain": domain, "at": at, "state": "begun", "change": change.to_dict()}
        write_json(path, data)
        _sync_directory(self.directory)
        return path

    @staticmethod
    def mark(path: str, state: str) -> None:
        """What has become of an entry: ``written`` or ``done``."""
        write_json(path, {**read_json(path), "state": state})

    def entries(self) -> list[Entry]:
        """Oldest first; EdgepathError where a file of the journal is damaged, with its name."""
        if not os.path.isdir(self.directory):
            return []
        names = sorted(name for name in os.listdir(self.directory) if name.endswith(".json"))
        return [_entry(os.path.join(self.directory, name)) for name in names]

    def _newest(self) -> int:
        names = [name.partition(".")[0] for name in os.listdir(self.directory) if name.endswith(".json")]
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def _keep_file(self, change: ObjectChange) -> None:
        if change.ref.kind != "file" or change.before is None:
            return
        path = os.path.join(self.directory, "files", change.ref.name.lstrip("/"))
        if ".." in change.ref.name.split("/"):
            raise EdgepathError(f"{change.ref.name} is no plain path; it is not changed")
        if os.path.exists(path):
            return  # the first state of this run is the one that rollback restores
        _make_private(self.directory, os.path.dirname(path))
        handle = os.open(path + ".tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(base64.b64decode(change.before["content"]))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(path + ".tmp", path)


def _make_private(base: str, path: str) -> None:
    """Make a directory, and those between base and it, its owner's alone: names and modes tell of secrets, too."""
    if path != base and not os.path.isdir(path):
        _make_private(base, os.path.dirname(path))
        os.makedirs(path, mode=0o700, exist_ok=True)


def _entry(path: str) -> Entry:
    data = read_json(path)
    try:
        change = ObjectChange.from_dict(data["change"])
        return Entry(path, data["edge"], data["domain"], data["at"], data["state"], change)
    except (KeyError, TypeError) as error:
        raise EdgepathError(f"{path} is no entry of a journal ({error}); restore by hand from its directory") from None


def _sync_directory(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_state(run_dir: str, state: str, **more: Any) -> None:
    """What has become of the converge of a run: ``converging``, ``complete``, ``rolled back``."""
    path = os.path.join(run_dir, STATE)
    known = read_json(path) if os.path.exists(path) else {}
    write_json(path, {**known, **more, "state": state})


def state_of(run_dir: str) -> dict[str, Any] | None:
    """converge.json of a run, None where it has converged nothing."""
    path = os.path.join(run_dir, STATE)
    return dict(read_json(path)) if os.path.exists(path) else None


def close(run_dir: str) -> None:
    """Mark the converge of a run `complete`. Where any entry is unfinished it stays what it is: interrupted."""
    if not _holds(run_dir, ("begun", "written")):
        set_state(run_dir, "complete")


def runs_to_undo(runs_dir: str, edges: Collection[str] | None = None) -> Iterator[str]:
    """The newest converge that stands, and the interrupted ones right before it, newest first.

    A run that changed nothing, as a second converge does, has nothing to undo and is passed over; so is one that
    changed nothing of these edges.
    """
    names = sorted((name for name in os.listdir(runs_dir) if name != "latest"), reverse=True)
    found = False
    for name in names:
        held = state_of(os.path.join(runs_dir, name))
        if held is None or held["state"] == "rolled back" or not standing(os.path.join(runs_dir, name), edges):
            continue
        if found and held["state"] != "converging":
            return
        found = True
        yield os.path.join(runs_dir, name)


def interrupted(runs_dir: str, run_dir: str, edge: str, domain: str) -> list[Entry]:
    """The entries that killed runs before this one left unfinished, for one edge and domain."""
    found: list[Entry] = []
    for name in sorted(os.listdir(runs_dir)):
        directory = os.path.join(runs_dir, name)
        if os.path.islink(directory) or os.path.realpath(directory) == os.path.realpath(run_dir):
            continue
        held = state_of(directory)
        if held is not None and held["state"] == "converging":
            found += [entry for entry in Journal(directory, edge).entries() if entry.domain == domain]
    return [entry for entry in found if entry.state in ("begun", "written")]


def of_domain(runs: Sequence[str], edge: str, domain: str, only: bool) -> list[Entry]:
    """The entries that rollback undoes when it comes to a domain, oldest first; runs: oldest first.

    Domains are undone in the reverse of their order, and an object that several of them changed (an export's
    configuration, say) goes back whole, with the last of them. only: that domain's entries and no other's.
    """
    entries = [entry for run_dir in runs for entry in Journal(run_dir, edge).entries() if entry.state != "undone"]
    if only:
        return [entry for entry in entries if entry.domain == domain]
    last: dict[str, int] = {}
    for entry in entries:
        key = entry.change.ref.key
        last[key] = max(last.get(key, 0), ORDER.index(entry.domain))
    return [entry for entry in entries if last[entry.change.ref.key] == ORDER.index(domain)]


def forget(entries: Iterable[Entry]) -> None:
    """These are undone. A run without any other entry is marked `rolled back`."""
    entries = list(entries)
    for entry in entries:
        Journal.mark(entry.path, "undone")
    for run_dir in {os.path.dirname(os.path.dirname(os.path.dirname(entry.path))) for entry in entries}:
        if not standing(run_dir):
            set_state(run_dir, "rolled back")


def standing(run_dir: str, edges: Collection[str] | None = None) -> bool:
    """Whether a run holds any entry that is not undone, of these edges or of any."""
    return _holds(run_dir, ("begun", "written", "done"), edges)


def _holds(run_dir: str, states: Collection[str], edges: Collection[str] | None = None) -> bool:
    """Whether a run has an entry in one of these states."""
    before = os.path.join(run_dir, BEFORE)
    if edges is None:
        directories = [os.path.join(before, name) for name in os.listdir(before)] if os.path.isdir(before) else []
    else:
        directories = [Journal(run_dir, edge).directory for edge in edges]
    return any(
        read_json(os.path.join(directory, name))["state"] in states
        for directory in filter(os.path.isdir, directories)
        for name in os.listdir(directory)
        if name.endswith(".json")
    )
