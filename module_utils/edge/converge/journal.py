# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a converge: every object's former state on disk, fsynced, before the object is touched.

    <run_dir>/converge.json                       {"state": "converging" | "complete" | "rolled back",
                                                   "undoing": [edges whose rollback was begun and has not ended], ...}
    <run_dir>/before/<edge>/<number>.json         {"at", "domain", "change",
                                                   "state": "begun" | "written" | "done" | "undone" | "left"}
    <run_dir>/before/<edge>/files/etc/hosts       the former bytes of a file, to be copied back by hand

A run that is killed leaves its last entry `begun`: rollback reads the object itself to see whether it changed. An entry
is `written` until the programs that use the object were told; it is `left` where the object no longer stood as it was
read, and nothing was written. What an object was before is its state, or the word of who said that it is absent.
"""

from __future__ import annotations

import base64
import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError
from ..run import facts_path, read_json, write_json
from . import lock
from .model import ORDER, NotWritten, ObjectChange, State

STANDING = ("begun", "written", "done")
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
    why: str = ""


class Journal:
    """The entries of one edge in one run."""

    def __init__(self, run_dir: str, edge: str) -> None:
        name = os.path.splitext(os.path.basename(facts_path(run_dir, edge)))[0]
        self.directory = os.path.join(run_dir, BEFORE, name)
        self.edge = edge

    def begin(self, domain: str, change: ObjectChange) -> str:
        """Save what is about to change; returns the entry's path. The caller writes the object only after this."""
        if change.before is None and not change.absence:
            raise NotWritten(f"{change.ref.kind} {change.ref.name} is not changed: nobody says that it is absent")
        _make_private(os.path.dirname(os.path.dirname(self.directory)), self.directory)
        at = max(time.time_ns(), self._newest() + 1)  # a clock that is set back must not turn the order
        path = os.path.join(self.directory, f"{at}.json")
        self._keep_file(change)
        data = {"edge": self.edge, "domain": domain, "at": at, "state": "begun", "change": change.to_dict()}
        write_json(path, data)
        _sync_directory(self.directory)
        return path

    @staticmethod
    def mark(path: str, state: str, why: str = "") -> None:
        """What has become of an entry: ``written``, ``done``, ``undone``; ``left``, with the reason."""
        write_json(path, {**read_json(path), "state": state, **({"why": why} if why else {})})

    def leave(self, path: str, why: str) -> None:
        """Nothing was written: its bytes are not what somebody copies back by hand, unless we had changed it before."""
        self.mark(path, "left", why)
        ref = _entry(path).change.ref
        if ref.kind == "file" and not any(one.change.ref == ref and one.state in STANDING for one in self.entries()):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._kept(ref.name))

    @staticmethod
    def made(path: str, state: str, found: State) -> None:
        """An entry whose object was seen: what the service made of the change is what rollback finds again."""
        data = read_json(path)
        write_json(path, {**data, "state": state, "change": {**data["change"], "after": found}})

    def entries(self) -> list[Entry]:
        """Oldest first; EdgepathError where a file of the journal is damaged, with its name."""
        if not os.path.isdir(self.directory):
            return []
        names = sorted(name for name in os.listdir(self.directory) if name.endswith(".json"))
        return [_entry(os.path.join(self.directory, name)) for name in names]

    def _kept(self, name: str) -> str:
        return os.path.join(self.directory, "files", name.lstrip("/"))

    def _newest(self) -> int:
        names = [name.partition(".")[0] for name in os.listdir(self.directory) if name.endswith(".json")]
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def _keep_file(self, change: ObjectChange) -> None:
        if change.ref.kind != "file" or change.before is None:
            return
        path = self._kept(change.ref.name)
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
        return Entry(path, data["edge"], data["domain"], data["at"], data["state"], change, data.get("why", ""))
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
    with lock.guarded(run_dir, STATE):  # edges end at once
        write_json(os.path.join(run_dir, STATE), {**(state_of(run_dir) or {}), **more, "state": state})


def state_of(run_dir: str) -> dict[str, Any] | None:
    """converge.json of a run, None where it has converged nothing."""
    path = os.path.join(run_dir, STATE)
    return dict(read_json(path)) if os.path.exists(path) else None


def close(run_dir: str) -> None:
    """Mark the converge of a run `complete`. Where any entry is unfinished it stays what it is: interrupted."""
    if not _holds(run_dir, ("begun", "written")):
        set_state(run_dir, "complete")


def runs(runs_dir: str) -> list[str]:
    """The runs of a directory that converged anything, by when they did, the newest first. A link is no run."""
    found = [os.path.join(runs_dir, name) for name in os.listdir(runs_dir)]
    held = [path for path in found if not os.path.islink(path) and os.path.isfile(os.path.join(path, STATE))]
    return newest_first(held)


def newest_first(run_dirs: Iterable[str]) -> list[str]:
    """By what was changed last: a run that began first may have changed something last."""
    return sorted(run_dirs, key=lambda path: (_last_change(path), os.path.basename(path)), reverse=True)


def _last_change(run_dir: str) -> int:
    numbers = [name.partition(".")[0] for directory in _directories(run_dir) for name in os.listdir(directory)]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def runs_to_undo(runs_dir: str, edges: Collection[str] | None = None) -> Iterator[str]:
    """The newest converge that stands, and those right before it that were interrupted, newest first.

    Interrupted is one that was killed, and one whose rollback was. A run that changed nothing, as a second converge
    does, has nothing to undo and is passed over; so is one that changed nothing of these edges.
    """
    found = False
    for run_dir in runs(runs_dir):
        held = state_of(run_dir) or {}
        if held["state"] == "rolled back" or not standing(run_dir, edges):
            continue
        half_undone = set(held.get("undoing", ()))
        if found and held["state"] != "converging" and not (half_undone if edges is None else half_undone & {*edges}):
            return
        found = True
        yield run_dir


def begin_undoing(run_dirs: Iterable[str], edges: Collection[str]) -> None:
    """The rollback of these edges begins: until it ends, these runs are interrupted ones for them."""
    for run_dir in run_dirs:
        _undoing(run_dir, lambda known: known | {*edges})


def end_undoing(run_dirs: Iterable[str], edge: str) -> None:
    """The rollback of an edge came to its end, whatever it could put back."""
    for run_dir in run_dirs:
        _undoing(run_dir, lambda known: known - {edge})


def _undoing(run_dir: str, change: Callable[[set[str]], set[str]]) -> None:
    with lock.guarded(run_dir, STATE):
        held = state_of(run_dir) or {}
        known = set(held.pop("undoing", ()))
        edges = sorted(change(known))
        if edges != sorted(known):
            write_json(os.path.join(run_dir, STATE), {**held, **({"undoing": edges} if edges else {})})


def interrupted(runs_dir: str, run_dir: str, edge: str, domain: str) -> list[Entry]:
    """The entries that killed runs before this one left unfinished, for one edge and domain."""
    found: list[Entry] = []
    for directory in reversed(runs(runs_dir)):
        if os.path.realpath(directory) == os.path.realpath(run_dir):
            continue
        if (state_of(directory) or {}).get("state") == "converging":
            found += [entry for entry in Journal(directory, edge).entries() if entry.domain == domain]
    return [entry for entry in found if entry.state in ("begun", "written")]


def of_domain(run_dirs: Sequence[str], edge: str, domain: str, only: bool) -> list[Entry]:
    """The entries that rollback undoes when it comes to a domain, oldest first; run_dirs: oldest first.

    Domains are undone in the reverse of their order, and an object that several of them changed (an export's
    configuration, say) goes back whole, with the last of them. only: that domain's entries and no other's.
    """
    held = [entry for run_dir in run_dirs for entry in Journal(run_dir, edge).entries()]
    entries = [entry for entry in held if entry.state in STANDING]
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
    return _holds(run_dir, STANDING, edges)


def edges_of(run_dir: str) -> set[str]:
    """The edges of which anything stands."""
    held = [
        read_json(os.path.join(directory, name))
        for directory in _directories(run_dir)
        for name in os.listdir(directory)
        if name.endswith(".json")
    ]
    return {entry["edge"] for entry in held if entry["state"] in STANDING}


def _holds(run_dir: str, states: Collection[str], edges: Collection[str] | None = None) -> bool:
    """Whether a run has an entry in one of these states."""
    directories = _directories(run_dir) if edges is None else [Journal(run_dir, edge).directory for edge in edges]
    return any(
        read_json(os.path.join(directory, name))["state"] in states
        for directory in filter(os.path.isdir, directories)
        for name in os.listdir(directory)
        if name.endswith(".json")
    )


def _directories(run_dir: str) -> list[str]:
    before = os.path.join(run_dir, BEFORE)
    found = [os.path.join(before, name) for name in os.listdir(before)] if os.path.isdir(before) else []
    return [path for path in found if os.path.isdir(path)]
