# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bucket's lifecycle will do to one object, and when: pure simulation of parsed rules.

Sources, all Amazon S3 User Guide: "Lifecycle configuration elements" (actions by versioning state; an age in days is
added to the creation, or for noncurrent versions to the successor's creation, and rounded up to midnight UTC; a date
in the past goes on acting), "How Amazon S3 handles conflicts in lifecycle configurations" (the shorter expiration
wins; permanent deletion before transition, transition before a delete marker, the colder class on the same day),
"Transitioning objects" (waterfall, 128 KB), "Managing delete markers and object lifecycles" (object lock).
A midnight is when S3 makes the object eligible; the act itself may follow later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .rules import MINIMUM_ALL, Configuration, Rule, Timer, Transition, utc

# GetObject fails on these until the object is restored (User Guide, "Working with archived objects").
ARCHIVE_CLASSES = ("GLACIER", "DEEP_ARCHIVE")
_SMALL = 128 * 1024

# From the dearest to the cheapest. Of two moves on one day the later in this row is made; INTELLIGENT_TIERING is
# favoured over every class but the two archive classes (User Guide, conflicts).
_WATERFALL = (
    "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "INTELLIGENT_TIERING",
    *ARCHIVE_CLASSES,
)  # fmt: skip
# What lifecycle can move to what (User Guide, "Supported lifecycle transitions").
_ONWARD: dict[str, tuple[str, ...]] = {
    "STANDARD": _WATERFALL[2:],
    "REDUCED_REDUNDANCY": _WATERFALL[2:],
    "STANDARD_IA": ("INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", *ARCHIVE_CLASSES),
    "INTELLIGENT_TIERING": ("ONEZONE_IA", "GLACIER_IR", *ARCHIVE_CLASSES),
    "ONEZONE_IA": ARCHIVE_CLASSES,
    "GLACIER_IR": ARCHIVE_CLASSES,
    "GLACIER": ("DEEP_ARCHIVE",),
    "DEEP_ARCHIVE": (),
}

HIDDEN, DELETED, MOVED, MARKER_REMOVED = "hidden", "deleted", "moved", "marker_removed"
# The order of acts on one midnight.
_ORDER = (DELETED, MOVED, HIDDEN, MARKER_REMOVED)


@dataclass(frozen=True)
class StoredObject:
    """One version of one object, as lifecycle sees it. None is always: not known.

    created: last modified.  noncurrent_since: when the successor was created; None for the current version.
    newer_noncurrent: how many noncurrent versions (markers not counted) are newer than this one.
    only_version: for a delete marker, whether nothing else of the key is left.
    """

    key: str
    created: datetime
    size: int | None = None
    tags: Mapping[str, str] | None = None
    storage_class: str = "STANDARD"
    version_id: str | None = None
    noncurrent_since: datetime | None = None
    newer_noncurrent: int | None = 0
    delete_marker: bool = False
    only_version: bool | None = None
    retain_until: datetime | None = None
    legal_hold: bool | None = False


@dataclass(frozen=True)
class Event:
    """kind: ``hidden`` (a delete marker becomes current) | ``deleted`` (for good) | ``moved`` | ``marker_removed``.

    when: midnight UTC.  rule: the rule's name.  storage_class: for ``moved``.
    """

    kind: str
    when: datetime
    rule: str
    storage_class: str | None = None


@dataclass(frozen=True)
class Timeline:
    """What happens to one object, in order."""

    events: tuple[Event, ...] = ()

    def first(self, kind: str) -> Event | None:
        return next((event for event in self.events if event.kind == kind), None)

    @property
    def unavailable(self) -> Event | None:
        """The first act after which a GET without a version id finds nothing."""
        return next((event for event in self.events if event.kind in (HIDDEN, DELETED)), None)

    @property
    def deleted(self) -> Event | None:
        return self.first(DELETED)

    @property
    def archived(self) -> Event | None:
        """The first move into a class that must be restored before it can be read."""
        return next((event for event in self.events if event.storage_class in ARCHIVE_CLASSES), None)


@dataclass(frozen=True)
class Fate:
    """certain: what the known facts alone lead to.  possible: what happens where every unknown is at its worst."""

    certain: Timeline
    possible: Timeline


def simulate(configuration: Configuration, item: StoredObject, versioning: str | None) -> Fate:
    """What the rules do to one object. versioning: ``Enabled`` | ``Suspended`` | None (never)."""
    item = replace(
        item,
        created=utc(item.created),
        noncurrent_since=utc(item.noncurrent_since) if item.noncurrent_since is not None else None,
        retain_until=utc(item.retain_until) if item.retain_until is not None else None,
    )
    return Fate(
        _Simulation(configuration, item, versioning, worst=False).run(),
        _Simulation(configuration, item, versioning, worst=True).run(),
    )


def next_midnight(moment: datetime) -> datetime:
    """The midnight UTC at or after this moment.

    The User Guide rounds to "the next day midnight" and does not say what becomes of an exact midnight; it is kept,
    which is the earlier and therefore the safer answer for evidence.
    """
    moment = utc(moment)
    floor = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        return floor if floor == moment else floor + timedelta(days=1)
    except OverflowError:
        return floor


def due(start: datetime, timer: Timer) -> datetime | None:
    """When a timer that started then is due, at midnight UTC; None where that is beyond the calendar."""
    if timer.date is not None:
        return max(next_midnight(timer.date), next_midnight(start))
    try:
        return next_midnight(utc(start) + timedelta(days=timer.days or 0))
    except OverflowError:
        return None


def abort_rule(configuration: Configuration, key: str) -> Rule | None:
    """The rule that aborts an incomplete upload of this key first, or None."""
    aborting = [rule for rule in configuration.rules if rule.abort_days is not None and not rule.filter.sized]
    matching = [rule for rule in aborting if key.startswith(rule.filter.prefix)]
    return min(matching, key=lambda rule: rule.abort_days or 0, default=None)


class _Simulation:
    def __init__(self, configuration: Configuration, item: StoredObject, versioning: str | None, worst: bool) -> None:
        self.item = item
        self.versioning = versioning
        self.worst = worst
        self.minimum_size = configuration.minimum_size
        self.rules = [rule for rule in configuration.rules if self._applies(rule)]

    def run(self) -> Timeline:
        item = self.item
        if item.delete_marker:
            if self.versioning is None:
                return Timeline()
            return _timeline(self._marker(item.created, item.only_version))
        if item.noncurrent_since is not None:
            return _timeline(self._noncurrent(item.noncurrent_since, item.newer_noncurrent, item.storage_class))
        return _timeline(self._current())

    def _applies(self, rule: Rule) -> bool:
        size = 0 if self.item.delete_marker else self.item.size
        matched = rule.filter.matches(self.item.key, size, self.item.tags)
        return self.worst if matched is None else matched

    def _current(self) -> list[Event]:
        expiry = self._earliest(
            (due(self.item.created, rule.expiration), rule) for rule in self.rules if rule.expiration is not None
        )
        moves = self._moves(self.item.created, self.item.storage_class, noncurrent=False)
        if expiry is None:
            return moves
        when, rule = expiry
        if self._deletes_at_once():
            return [*(move for move in moves if move.when < when), Event(DELETED, when, rule.name)]
        kept = [move for move in moves if move.when <= when]
        reached = kept[-1].storage_class or self.item.storage_class if kept else self.item.storage_class
        after = self._noncurrent(when, 0, reached)
        gone = next((event for event in after if event.kind == DELETED), None)
        marker = self._marker(when, True, gone.when) if gone is not None else []
        return [*kept, Event(HIDDEN, when, rule.name), *after, *marker]

    def _deletes_at_once(self) -> bool:
        """Where expiration leaves no version behind: never versioned, or the null version of a suspended bucket."""
        if self.versioning == "Enabled":
            return False
        if self.versioning == "Suspended" and self.item.version_id is None:
            return self.worst
        return self.versioning != "Suspended" or self.item.version_id == "null"

    def _noncurrent(self, since: datetime, newer: int | None, storage_class: str) -> list[Event]:
        if self.versioning is None:
            return []
        count = (2**31 if self.worst else 0) if newer is None else newer
        deletion = self._earliest(
            (due(since, Timer(days=rule.noncurrent_days)), rule)
            for rule in self.rules
            if rule.noncurrent_days is not None and count >= rule.newer_noncurrent
        )
        moves = self._moves(since, storage_class, noncurrent=True, newer=count)
        deletion = self._locked(deletion)
        if deletion is None:
            return moves
        when, rule = deletion
        return [*(move for move in moves if move.when < when), Event(DELETED, when, rule.name)]

    def _locked(self, deletion: tuple[datetime, Rule] | None) -> tuple[datetime, Rule] | None:
        """The deletion as object lock lets it happen: never under a hold, not before the retention has ended."""
        held = self.item.legal_hold if self.item.legal_hold is not None else not self.worst
        if deletion is None or held:
            return None
        if self.item.retain_until is None:
            return deletion
        return max(deletion[0], next_midnight(self.item.retain_until)), deletion[1]

    def _marker(self, created: datetime, only: bool | None, alone_from: datetime | None = None) -> list[Event]:
        """Removal of a delete marker: when nothing is left below it, or when it has become noncurrent itself."""
        if self.item.delete_marker and self.item.noncurrent_since is not None:
            return [replace(event, kind=MARKER_REMOVED) for event in self._old_marker(self.item.noncurrent_since)]
        if not (self.worst if only is None else only):
            return []
        timers = [(Timer(days=0), rule) for rule in self.rules if rule.expired_markers]
        timers += [(rule.expiration, rule) for rule in self.rules if rule.expiration is not None]
        found = self._earliest((due(created, timer), rule) for timer, rule in timers)
        if found is None:
            return []
        when = found[0] if alone_from is None else max(found[0], alone_from)
        return [Event(MARKER_REMOVED, when, found[1].name)]

    def _old_marker(self, since: datetime) -> list[Event]:
        return [event for event in self._noncurrent(since, self.item.newer_noncurrent, "") if event.kind == DELETED]

    def _moves(self, start: datetime, storage_class: str, noncurrent: bool, newer: int = 0) -> list[Event]:
        candidates: list[tuple[datetime, int, Rule, Transition]] = []
        for rule in self.rules:
            for move in rule.noncurrent_transitions if noncurrent else rule.transitions:
                when = due(start, move.timer)
                if when is not None and newer >= move.newer and self._big_enough(rule, move.storage_class):
                    candidates.append((when, -_coldness(move.storage_class), rule, move))
        events: list[Event] = []
        for when, _, rule, move in sorted(candidates, key=lambda candidate: candidate[:2]):
            if events and events[-1].when == when:
                continue
            if move.storage_class in _ONWARD.get(storage_class, ()):
                events.append(Event(MOVED, when, rule.name, move.storage_class))
                storage_class = move.storage_class
        return events

    def _big_enough(self, rule: Rule, storage_class: str) -> bool:
        """S3 moves nothing under 128 KB, unless the rule filters by size itself, or, by the older default, to the
        archive classes."""
        if rule.filter.sized or (self.minimum_size != MINIMUM_ALL and storage_class in ARCHIVE_CLASSES):
            return True
        return self.worst if self.item.size is None else self.item.size >= _SMALL

    @staticmethod
    def _earliest(dated: Iterable[tuple[datetime | None, Rule]]) -> tuple[datetime, Rule] | None:
        known = [(when, rule) for when, rule in dated if when is not None]
        return min(known, key=lambda pair: (pair[0], pair[1].name), default=None)


def _coldness(storage_class: str) -> int:
    return _WATERFALL.index(storage_class) if storage_class in _WATERFALL else -1


def _timeline(events: list[Event]) -> Timeline:
    return Timeline(tuple(sorted(events, key=lambda event: (event.when, _ORDER.index(event.kind)))))


def moment(text: str) -> datetime:
    """The moment that a fact's ISO 8601 text names, in UTC."""
    return utc(datetime.fromisoformat(text))
