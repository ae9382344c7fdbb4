# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing what was worked out, so that it can be killed anywhere: save, write, read again, only then the next.

A program that must read its files again is told so at the end. Until then the entries stay `written`, and the next run
tells it, should this one be killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..finding import EdgepathError, unread
from .confirm import made, same
from .journal import Entry, Journal
from .model import NODE, NotWritten, ObjectChange, Ref, State


class World(Protocol):
    """One edge and what is behind APIs for it."""

    def read(self, refs: Sequence[Ref]) -> tuple[dict[str, State], Any]:
        """The states by ref.key, and the node's live transfers: a list of mappings, or an unread fact."""

    def absence(self, ref: Ref) -> str:
        """Whose word it is that an object that was read is absent; "" where it is nobody's."""

    def write(self, change: ObjectChange) -> None:
        """Bring one object from `before` to `after`.

        NotWritten where it does not stand as before, or cannot be read whole; EdgepathError where it cannot be written.
        """

    def reload(self, units: Sequence[str]) -> list[str]:
        """Have programs read their files again; what is left to the operator, a sentence each. EdgepathError."""


@dataclass
class Done:
    """changes: made, or in check mode to be made.  left: [(change, why)], where the object was left as it is.
    messages: what the operator must be told."""

    changes: list[ObjectChange] = field(default_factory=list)
    left: list[tuple[ObjectChange, str]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


class Stopped(EdgepathError):
    """A change failed. done: what was done before it."""

    def __init__(self, message: str, done: Done) -> None:
        super().__init__(message)
        self.done = done


def stopped_by(changes: Iterable[ObjectChange], transfers: Any) -> str | None:
    """Why these changes must wait for the end of live transfers; None where they need not.

    transfers: as World.read tells them; where they could not be read, one may be live.
    """
    reasons = list(dict.fromkeys(reason for change in changes for reason in change.disruptive))
    if not reasons or not transfers:
        return None
    gone = unread(transfers)
    if gone is not None:
        return (
            f"whether a transfer is live cannot be told ({gone.message}) and {'; '.join(reasons)}. Nothing of this "
            "step was changed. Where none is live, set edge_converge_during_transfer to true"
        )
    shown = "; ".join(_transfer(item) for item in transfers[:3])
    more = f" and {len(transfers) - 3} more" if len(transfers) > 3 else ""
    return (
        f"a transfer is live ({shown}{more}) and {'; '.join(reasons)}. Nothing of this step was changed. Wait for its "
        "end, or set edge_converge_during_transfer to true"
    )


def _transfer(item: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in item.items() if value is not None)


def perform(world: World, journal: Journal, domain: str, changes: Sequence[ObjectChange]) -> Done:
    """Make the changes in order; Stopped at the first that fails, with what was done before it kept.

    What does not stand as it was read, or cannot be read whole at this moment, is left as it is, and so is what the
    same fix would change after it; the others are made. Programs are told of what was written even where a change
    fails: none is left with a configuration that is no longer on the disk.
    """
    done = Done()
    written: list[tuple[str, ObjectChange]] = []
    failed: EdgepathError | None = None
    try:
        for change in changes:
            try:
                _with_the_rest(change, done.left)
                written.append((_make(world, journal, domain, change), change))
                done.changes.append(change)
            except NotWritten as why:
                done.left.append((change, str(why)))
    except EdgepathError as error:
        failed = error
    try:
        done.messages += _tell(world, written)
    except EdgepathError as error:
        raise Stopped(f"{failed}; and {error}" if failed else str(error), done) from None
    if failed is not None:
        raise Stopped(str(failed), done)
    return done


def _with_the_rest(change: ObjectChange, left: Sequence[tuple[ObjectChange, str]]) -> None:
    """NotWritten where a change of the same fix was left: a rule that goes must not go before the one that comes."""
    for other, _ in left:
        if set(other.because) & set(change.because):
            raise NotWritten(
                f"{change.ref.kind} {change.ref.name} is left as it is with {other.ref.kind} {other.ref.name}, which "
                f"{', '.join(sorted(set(other.because) & set(change.because)))} would change with it"
            )


def _make(world: World, journal: Journal, domain: str, change: ObjectChange) -> str:
    """One change, saved, written and seen; the path of its entry."""
    if change.before is None:
        change = replace(change, absence=world.absence(change.ref))
    entry = journal.begin(domain, change)
    try:
        world.write(change)
    except NotWritten as why:
        journal.leave(entry, str(why))
        raise
    journal.made(entry, "written" if change.reloads else "done", seen(world, change))
    return entry


def _tell(world: World, written: Sequence[tuple[str, ObjectChange]]) -> list[str]:
    """Have the programs that use what was written read it; what is left to the operator."""
    untold = [(entry, change) for entry, change in written if change.reloads]
    units = list(dict.fromkeys(unit for _, change in untold for unit in change.reloads))
    messages = world.reload(units) if units else []
    for entry, _ in untold:
        Journal.mark(entry, "done")
    return messages


def finish(world: World, entries: Sequence[Entry], check: bool) -> Done:
    """Tell programs what a killed run left them untold; the changes are those whose programs are told now."""
    pending = [(entry.path, entry.change) for entry in entries if entry.change.reloads]
    return Done([change for _, change in pending], messages=[] if check else _tell(world, pending))


def seen(world: World, change: ObjectChange) -> State:
    """What the object is now, as it says itself; EdgepathError where that is not what it should be."""
    states, _ = world.read([change.ref])
    state = states.get(change.ref.key)
    gone = unread(state)
    if gone is None and (made(change, state) or same(change.ref.kind, state, change.after)):
        return state
    why = f"cannot be read again: {gone.message}" if gone is not None else "is not what was written"
    where = "on the edge" if change.ref.place == NODE else "in the account"
    raise EdgepathError(f"{change.ref.kind} {change.ref.name} {where} {why}; its former state is saved")
