# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what the lifecycle will do to recordings: those given, those sampled, and one written now under each rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ..finding import Finding, Unread, unread
from .case import Case, not_implemented
from .lifecycle import HIDDEN, MARKER_REMOVED, Event, Fate, StoredObject, Timeline, moment, simulate
from .rules import Configuration, Rule, parse

Pick = Callable[[Timeline], "Event | None"]
# The elements of a rule that do what a check asks about (Amazon S3 API Reference, LifecycleRule).
_ELEMENTS = {
    "BUCKET-10": ["Expiration"],
    "BUCKET-11": ["NoncurrentVersionExpiration"],
    "BUCKET-12": ["Expiration"],
    "BUCKET-15": ["Transitions", "NoncurrentVersionTransitions"],
}


@dataclass(frozen=True)
class Subject:
    """What a simulation is about. certain: whether there are, or will be, recordings of just this kind."""

    label: str
    item: StoredObject
    certain: bool = True
    rule: Rule | None = None


def current(case: Case) -> Finding:
    return _judge(case, "BUCKET-10", _current_subjects, lambda line: line.unavailable, "exclude_from_expiration")


def noncurrent(case: Case) -> Finding:
    return _judge(case, "BUCKET-11", _noncurrent_subjects, lambda line: line.deleted, "exclude_from_expiration")


def markers(case: Case) -> Finding:
    def removed(line: Timeline) -> Event | None:
        return line.first(MARKER_REMOVED)

    return _judge(case, "BUCKET-12", _marker_subjects, removed, "exclude_from_expiration")


def archiving(case: Case) -> Finding:
    def subjects(case: Case, configuration: Configuration) -> list[Subject]:
        return [*_current_subjects(case, configuration), *_noncurrent_subjects(case, configuration)]

    return _judge(case, "BUCKET-15", subjects, lambda line: line.archived, "exclude_from_archiving")


def _judge(
    case: Case, check: str, subjects: Callable[[Case, Configuration], list[Subject]], pick: Pick, action: str
) -> Finding:
    lifecycle = case.fact("lifecycle")
    unclear = case.open_question(check, lifecycle)
    if unclear is not None:
        return unclear
    configuration = parse(lifecycle)
    if lifecycle is None:
        return case.passed(check, "the bucket has no lifecycle")
    sure: list[tuple[Subject, Event]] = []
    perhaps: list[tuple[Subject, Event]] = []
    for subject in subjects(case, configuration):
        certain, possible = _outcomes(case, configuration, subject, pick)
        if certain is not None and subject.certain:
            sure.append((subject, certain))
        elif possible is not None:
            perhaps.append((subject, possible))
    if sure:
        return _failed(case, check, configuration, sure, action)
    if configuration.malformed:
        return not_understood(case, check, configuration)
    if perhaps:
        return _unsure(case, check, configuration, perhaps)
    unclear = case.open_question(check, case.fact("keys")) if configuration.rules else None
    return unclear or case.passed(check, f"none of {len(configuration.rules)} enabled rules does")


def not_understood(case: Case, check: str, configuration: Configuration) -> Finding:
    """The finding where a rule is malformed, and might be the one that decides."""
    name, why = configuration.malformed[0]
    message = f"lifecycle rule {name} of bucket {case.bucket} cannot be understood: {why}"
    return case.unknown(check, "error", "s3:GetLifecycleConfiguration", message)


def _outcomes(
    case: Case, configuration: Configuration, subject: Subject, pick: Pick
) -> tuple[Event | None, Event | None]:
    """What surely happens, and what happens at worst, where the versioning state may not be known."""
    state = case.fact("versioning")
    known = not isinstance(state, Unread) and not_implemented(state) is None
    states = [state] if known else ["Enabled", "Suspended", None]
    fates: list[Fate] = [simulate(configuration, subject.item, state) for state in states]
    sure = [pick(fate.certain) for fate in fates]
    worst = [event for event in (pick(fate.possible) for fate in fates) if event is not None]
    certain = max((event for event in sure if event is not None), key=_when) if all(sure) else None
    return certain, min(worst, key=_when, default=None)


def _when(event: Event) -> Any:
    return event.when


def _failed(
    case: Case, check: str, configuration: Configuration, found: Sequence[tuple[Subject, Event]], action: str
) -> Finding:
    ordered = sorted(found, key=lambda pair: pair[1].when)
    rules = sorted({event.rule for _, event in ordered})
    texts = [f"{subject.label} {_says(event)}" for subject, event in ordered]
    if configuration.malformed:
        texts.append(f"rule {configuration.malformed[0][0]} cannot be understood")
    summary = f"keep rule {', '.join(rules)} away from {case.edge.prefix or 'the recordings'}"
    return case.failed(
        check,
        "; ".join(texts[:3]) + (f" (and {len(texts) - 3} more)" if len(texts) > 3 else ""),
        evidence=tuple(
            {
                "operation": "s3:GetLifecycleConfiguration",
                "rule": event.rule,
                "key": subject.item.key,
                "version_id": subject.item.version_id,
                "act": event.kind,
                "when": event.when.isoformat(),
                "storage_class": event.storage_class,
            }
            for subject, event in ordered[:10]
        ),
        fix=case.fix(action, summary, rules=rules, elements=_ELEMENTS[check], prefix=case.edge.prefix),
    )


def _says(event: Event) -> str:
    day = f"{event.when:%Y-%m-%d} 00:00 UTC"
    if event.kind == HIDDEN:
        return f"is hidden by a delete marker from {day} (rule {event.rule})"
    if event.kind == MARKER_REMOVED:
        return f"is removed from {day} (rule {event.rule})"
    if event.storage_class is not None:
        return f"moves to {event.storage_class} from {day} (rule {event.rule})"
    return f"is deleted for good from {day} (rule {event.rule})"


def _unsure(case: Case, check: str, configuration: Configuration, found: Sequence[tuple[Subject, Event]]) -> Finding:
    subject, event = min(found, key=lambda pair: pair[1].when)
    acting = next(rule.filter for rule in configuration.rules if rule.name == event.rule)
    if acting.tags and subject.item.tags is None:
        why = "it asks for tags that were not read: " + ", ".join(f"{name}={value}" for name, value in acting.tags)
    elif not subject.certain and len(acting.prefix) > len(case.edge.prefix):
        why = f"it acts below {acting.prefix}, and whether recordings lie there is not known: set edge_prefix"
    else:
        why = "its versions, size or lock were not read"
    message = f"rule {event.rule} may act on {subject.label} from {event.when:%Y-%m-%d}; {why}"
    return case.unknown(check, "not_collected", "s3:GetLifecycleConfiguration", message)


def _probes(case: Case, configuration: Configuration) -> list[Subject]:
    """A recording written now, once for each rule that can meet the prefix: where that rule is and as it wants it."""
    now = case.observed
    found: list[Subject] = []
    lock = case.settled(case.fact("object_lock"))
    retain_until = _default_retain_until(case, lock)
    may_be_locked = isinstance(case.fact("object_lock"), Unread)
    unsampled = isinstance(case.fact("sample"), Unread)
    for rule in configuration.rules:
        fitting = _fitting_size(rule, int(case.edge.payload.longest_bytes))
        size = (rule.filter.larger_than or 0) + 1 if fitting is None and unsampled else fitting
        if size is None or not _meet(rule.filter.prefix, case.edge.prefix):
            continue
        prefix = max(rule.filter.prefix, case.edge.prefix, key=len)
        below = case.settled(case.fact("sample", "below", rule.filter.prefix))
        item = StoredObject(
            key=f"{prefix}recording",
            created=now,
            size=size,
            version_id="null" if case.fact("versioning") == "Suspended" else None,
            retain_until=retain_until,
            legal_hold=None if may_be_locked else False,
        )
        narrower = len(rule.filter.prefix) > len(case.edge.prefix)
        certain = fitting is not None and (not narrower or bool(case.edge.prefix) or bool(below))
        label = f"a recording written now{f' below {prefix}' if narrower else ''}"
        found.append(Subject(label, item, certain, rule))
    return found


def _current_subjects(case: Case, configuration: Configuration) -> list[Subject]:
    return _probes(case, configuration) + _stored(case, lambda entry: entry["current"] and not entry["marker"])


def _noncurrent_subjects(case: Case, configuration: Configuration) -> list[Subject]:
    """A version that is overwritten now, with as many newer ones as the rule keeps, and one that expires first."""
    found: list[Subject] = []
    for probe in _probes(case, configuration):
        keeps = probe.rule.newer_noncurrent if probe.rule is not None else 0
        beyond = f", beyond the newest {keeps}," if keeps else ""
        item = replace(probe.item, noncurrent_since=probe.item.created, newer_noncurrent=keeps, version_id=None)
        where = probe.label.partition(" below ")[2]
        label = f"a version overwritten now{f' below {where}' if where else ''}{beyond}"
        found.append(replace(probe, label=label, item=item))
    return found + _stored(case, lambda entry: not entry["current"] and not entry["marker"])


def _marker_subjects(case: Case, configuration: Configuration) -> list[Subject]:
    found: list[Subject] = []
    for probe in _probes(case, configuration):
        item = replace(probe.item, delete_marker=True, only_version=True, size=0, retain_until=None, legal_hold=False)
        found.append(replace(probe, label="a delete marker set now, once nothing else is left", item=item))
    return found + _stored(case, lambda entry: entry["marker"])


def _stored(case: Case, wanted: Callable[[Any], bool]) -> list[Subject]:
    """The sampled entries and the given keys' versions, each with what is known of its lock."""
    locked = case.settled(case.fact("object_lock"))
    unlockable = locked is not None and not locked["enabled"] or case.fact("object_lock") is None
    sampled = case.settled(case.fact("sample", "oldest")) or []
    given_keys = case.settled(case.fact("keys")) or []
    named = {given["key"] for given in given_keys if isinstance(given["versions"], list)}
    found = [
        _subject(entry, False if unlockable else None, None, None)
        for entry in sampled
        if wanted(entry) and entry["key"] not in named
    ]
    for given in given_keys:
        versions = given["versions"] if isinstance(given["versions"], list) else []
        if unread(given["versions"]) is not None:
            found.append(_unlisted(case, given["key"], wanted))
        newest = next((entry for entry in versions if not entry["marker"]), None)
        for entry in filter(wanted, versions):
            hold = given["legal_hold"] if entry is newest and isinstance(given["legal_hold"], bool) else None
            until = given["retain_until"] if entry is newest and unread(given["retain_until"]) is None else None
            found.append(_subject(entry, False if unlockable else hold, until, given["tags"]))
    return found


def _unlisted(case: Case, key: str, wanted: Callable[[Any], bool]) -> Subject:
    """What may be there of a key whose versions could not be read."""
    past = not wanted({"current": True, "marker": False}) and wanted({"current": False, "marker": False})
    item = StoredObject(
        key=key,
        created=case.observed,
        noncurrent_since=case.observed if past else None,
        newer_noncurrent=None,
        delete_marker=wanted({"current": True, "marker": True}),
        legal_hold=None,
    )
    return Subject(key, item, certain=False)


def _subject(entry: Any, hold: bool | None, until: Any, tags: Any) -> Subject:
    item = StoredObject(
        key=entry["key"],
        created=moment(entry["created"]),
        size=entry["size"],
        tags=tags if isinstance(tags, dict) and unread(tags) is None and not_implemented(tags) is None else None,
        storage_class=entry["storage_class"],
        version_id=entry["version_id"],
        noncurrent_since=moment(entry["noncurrent_since"]) if entry["noncurrent_since"] else None,
        newer_noncurrent=entry["newer_noncurrent"],
        delete_marker=entry["marker"],
        only_version=entry["only_version"],
        retain_until=moment(until) if isinstance(until, str) else None,
        legal_hold=hold,
    )
    version = f" version {entry['version_id']}" if entry["version_id"] not in (None, "null") else ""
    return Subject(f"{entry['key']}{version}", item)


def _default_retain_until(case: Case, lock: Any) -> Any:
    if not isinstance(lock, dict) or not lock["enabled"] or not lock["mode"]:
        return None
    days = lock["days"] or 365 * (lock["years"] or 0)
    return case.observed + timedelta(days=min(days, 365 * 100))


def _meet(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _fitting_size(rule: Rule, longest: int) -> int | None:
    """A size up to the longest recording's that the rule's filter takes; None where it takes none."""
    low = 0 if rule.filter.larger_than is None else rule.filter.larger_than + 1
    high = longest if rule.filter.smaller_than is None else min(longest, rule.filter.smaller_than - 1)
    return high if low <= high else None
