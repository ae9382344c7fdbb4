# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure arithmetic of changes: fixes and states in, changes out; a journal and states in, its undoing out.

Check mode and the real run work out the same list, so that a plan says what is then done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..finding import unread
from ..targets import Edge
from .confirm import made, same
from .model import CLOUD, NODE, Action, ObjectChange, Planned, Ref, Refused, State

# merge(before, after, current) -> the state that takes back our change alone, or None where that cannot be told
Merge = Callable[[State, State, State], State]


@dataclass
class Outcome:
    """changes: in the order in which they are to be made.  refused: [(fix, why)]."""

    changes: list[ObjectChange]
    refused: list[tuple[Planned, str]]


def refs_of(edge: Edge, items: Iterable[Planned], actions: Mapping[str, Action]) -> list[Ref]:
    """Every object that these fixes read or change, once each, in order. work_out refuses a malformed fix."""
    found: dict[str, Ref] = {}
    for item in items:
        try:
            refs = actions[item.action].refs(edge, item.fix)
        except Refused:
            continue
        for ref in refs:
            found.setdefault(ref.key, ref)
    return list(found.values())


def work_out(
    edge: Edge, items: Sequence[Planned], actions: Mapping[str, Action], states: Mapping[str, State]
) -> Outcome:
    """The objects that change, each from its present state to the one that all its fixes ask for together.

    A fix whose object could not be read is refused; the other fixes are worked out all the same.
    """
    now = dict(states)
    touched: dict[str, ObjectChange] = {}
    refused: list[tuple[Planned, str]] = []
    for item in items:
        action = actions[item.action]
        try:
            refs = {ref.key: ref for ref in action.refs(edge, item.fix)}
            _readable(refs, now)
            wanted = action.desired(edge, item.fix, {key: now[key] for key in refs})
            validate = action.validate(edge, item.fix)
            reloads = tuple(action.reloads(edge, item.fix))
        except Refused as why:
            refused.append((item, str(why)))
            continue
        for key, state in wanted.items():
            if same(refs[key].kind, state, now[key]):
                continue
            known = touched.get(key) or ObjectChange(refs[key], states[key], states[key])
            touched[key] = replace(
                known,
                after=state,
                because=_with(known.because, item.check),
                summaries=_with(known.summaries, item.summary),
                disruptive=_with(known.disruptive, *([action.disruptive] if action.disruptive else [])),
                reloads=_with(known.reloads, *reloads),
                validate=validate or known.validate,
            )
            now[key] = state
    changes = [change for change in touched.values() if not same(change.ref.kind, change.after, change.before)]
    return Outcome(changes, refused)


def _with(known: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *more)))


def _readable(refs: Mapping[str, Ref], now: Mapping[str, State]) -> None:
    for key, ref in refs.items():
        gone = unread(now.get(key))
        if key not in now:
            raise Refused(f"{ref.kind} {ref.name} was not read")
        if gone is not None:
            needs = f" (needs {', '.join(gone.permissions)})" if gone.permissions else ""
            raise Refused(f"{ref.kind} {ref.name} cannot be read: {gone.message}{needs}")


@dataclass
class Undoing:
    """changes: newest first.  lost: [(change, why)] for what cannot be put back by itself."""

    changes: list[ObjectChange]
    lost: list[tuple[ObjectChange, str]]


def undo(journal: Sequence[ObjectChange], states: Mapping[str, State], merge_of: Mapping[str, Merge]) -> Undoing:
    """What puts back every object of a journal (oldest first), whatever became of it since.

    An object that stands as it stood before needs nothing. One that stands as we left it goes back. One that somebody
    changed since goes back by its kind's merge, which takes away only what we brought; where there is none, it is left
    and told.
    """
    spans: dict[str, ObjectChange] = {}
    steps: dict[str, list[ObjectChange]] = {}
    for change in journal:
        steps.setdefault(change.ref.key, []).append(change)
        first = spans.pop(change.ref.key, change)
        spans[change.ref.key] = replace(
            change,
            before=first.before,
            because=_with(first.because, *change.because),
            disruptive=_with(first.disruptive, *change.disruptive),
            reloads=_with(first.reloads, *change.reloads),
        )
    undoing = Undoing([], [])
    for span in reversed(list(spans.values())):
        current = states.get(span.ref.key)
        gone = unread(current)
        if gone is not None or span.ref.key not in states:
            undoing.lost.append((span, gone.message if gone is not None else "it was not read"))
        elif _touched(span, current):
            undoing.changes.append(_putting_back(span, current, span.before))
        elif not same(span.ref.kind, current, span.before):
            _undo(undoing, span, steps[span.ref.key], current, merge_of.get(span.ref.kind))
    return undoing


def _undo(
    undoing: Undoing, span: ObjectChange, steps: Sequence[ObjectChange], current: State, merge: Merge | None
) -> None:
    """One object that does not stand as it stood before."""
    kind = span.ref.kind
    try:
        if any(step.before is None and not _witnessed(step) for step in steps):
            raise Refused(
                "its journal is of an older version, and does not tell whose word it is that there was none; where "
                "that is so, take it out by hand"
            )
        alone = _alone(steps)
        target = _back([span] if alone else steps, current, merge)
    except Refused as why:
        undoing.lost.append((span, str(why)))
        return
    if alone and same(kind, current, span.after) and not same(kind, target, span.before):
        undoing.lost.append((span, "nothing takes it back to its former state; it is put as near to it as can be"))
    if kind == "file" and span.before and (current or {}).get("links", 1) < span.before.get("links", 1):
        undoing.lost.append((span, "its content is put back; its other names (hard links) are files of their own now"))
    if not same(kind, target, current):
        undoing.changes.append(_putting_back(span, current, target))


def _putting_back(span: ObjectChange, current: State, target: State) -> ObjectChange:
    summary = f"put back {span.ref.kind} {span.ref.name}"
    return replace(span, before=current, after=target, summaries=(summary,), validate=None)


def _touched(span: ObjectChange, current: State) -> bool:
    """Whether a file is back, and its time is not: a rollback was killed between the two."""
    if span.ref.kind != "file" or not same("file", current, span.before):
        return False
    times = [(state or {}).get("mtime") for state in (span.before, current)]
    return None not in times and times[0] != times[1]


def _witnessed(step: ObjectChange) -> bool:
    """Whether somebody said that it was absent. On an edge it was always the kernel."""
    return bool(step.absence) or step.ref.place != CLOUD


def as_found(
    journal: Sequence[ObjectChange], begun: Collection[int], states: Mapping[str, State]
) -> list[ObjectChange]:
    """A journal (oldest first) in which an object's last change, where a run was killed in it, is told as it is found.

    Nobody has read again what the service made of such a change. begun: the places of those changes in the journal.
    """
    found = list(journal)
    last = {change.ref.key: place for place, change in enumerate(found)}
    for place in begun:
        change = found[place]
        current = states.get(change.ref.key)
        if last[change.ref.key] == place and unread(current) is None and made(change, current):
            found[place] = replace(change, after=current)
    return found


def _alone(steps: Sequence[ObjectChange]) -> bool:
    """Whether nobody else, another edge for one, changed the object between our changes of it."""
    return all(
        same(later.ref.kind, later.before, earlier.before) or same(later.ref.kind, later.before, earlier.after)
        for earlier, later in zip(steps, steps[1:])
    )


def _back(steps: Sequence[ObjectChange], current: State, merge: Merge | None) -> State:
    """What an object is put back to, change by change, so that what others did in between stays; Refused."""
    for step in reversed(steps):
        if not same(step.ref.kind, current, step.before):
            current = _target(step, current, merge)
    return current


def _target(span: ObjectChange, current: State, merge: Merge | None) -> State:
    """What an object is put back to; Refused where that cannot be told.

    A cloud object's merge is asked even where nobody else changed it: some states can never be had again.
    """
    if same(span.ref.kind, current, span.after) and (merge is None or span.ref.place == NODE):
        return span.before
    target = merge(span.before, span.after, current) if merge is not None else None
    if merge is None or (target is None and span.before is not None):
        raise Refused("somebody changed it since; it is left as it is, its former state is saved")
    return target
