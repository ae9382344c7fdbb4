# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing what was worked out, so that it can be killed anywhere: save, write, read again, only then the next.

A program that must read its files again is told so at the end. Until then the entries stay `written`, and the next run
tells it, should this one be killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..finding import EdgepathError, unread
from .journal import Entry, Journal
from .model import NODE, NotWritten, ObjectChange, Ref, State


class World(Protocol):
    """One edge and what is behind APIs for it."""

    def read(self, refs: Sequence[Ref]) -> tuple[dict[str, State], Any]:
        """The states by ref.key, and the node's live transfers: a list of mappings, or an unread fact."""

    def write(self, change: ObjectChange) -> None:
        """Bring one object from `before` to `after`; EdgepathError where it stands otherwise, or cannot be written."""

    def reload(self, units: Sequence[str]) -> list[str]:
        """Have programs read their files again; what is left to the operator, a sentence each. EdgepathError."""


@dataclass
class Done:
    """changes: made, or in check mode to be made.  messages: what the operator must be told."""

    changes: list[ObjectChange] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


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
    """Make the changes in order; EdgepathError at the first that fails, with what was done before it kept.

    Programs are told of what was written even then: none is left with a configuration that is no longer on the disk.
    """
    done = Done()
    written: list[tuple[str, ObjectChange]] = []
    failed: EdgepathError | None = None
    try:
        for change in changes:
            written.append((_make(world, journal, domain, change), change))
            done.changes.append(change)
    except EdgepathError as error:
        failed = error
    try:
        done.messages += _tell(world, written)
    except EdgepathError as error:
        raise EdgepathError(f"{failed}; and {error}") if failed else error from None
    if failed is not None:
        raise failed
    return done


def _make(world: World, journal: Journal, domain: str, change: ObjectChange) -> str:
    """One change, saved, written and seen; the path of its entry."""
    entry = journal.begin(domain, change)
    try:
        world.write(change)
    except NotWritten:
        journal.mark(entry, "undone")
        raise
    _seen(world, change)
    journal.mark(entry, "written" if change.reloads else "done")
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
    return Done([change for _, change in pending], [] if check else _tell(world, pending))


def _seen(world: World, change: ObjectChange) -> None:
    """That the object is now what it should be, as it says itself."""
    states, _ = world.read([change.ref])
    state = states.get(change.ref.key)
    if state == change.after:
        return
    gone = unread(state)
    why = f"cannot be read again: {gone.message}" if gone is not None else "is not what was written"
    where = "on the edge" if change.ref.place == NODE else "in the account"
    raise EdgepathError(f"{change.ref.kind} {change.ref.name} {where} {why}; its former state is saved")
