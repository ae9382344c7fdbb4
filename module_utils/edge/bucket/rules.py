# SPDX-License-Identifier: GPL-3.0-or-later
"""A bucket's lifecycle configuration, parsed: rules that can be simulated, and those that cannot, by name.

Source: Amazon S3 User Guide, "Lifecycle configuration elements"; API Reference, LifecycleRule and
LifecycleRuleFilter. The legacy form (Prefix beside Filter, single Transition) is understood as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

# What a rule may hold (API Reference, LifecycleRule); what an element beyond these would do is not known here.
_RULE_ELEMENTS = {
    "ID", "Id", "Prefix", "Filter", "Status", "Expiration", "Transition", "Transitions", "NoncurrentVersionTransition",
    "NoncurrentVersionTransitions", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload",
}  # fmt: skip
_FILTER_ELEMENTS = {"Prefix", "Tag", "Tags", "ObjectSizeGreaterThan", "ObjectSizeLessThan"}

# Both values of TransitionDefaultMinimumObjectSize (API Reference, GetBucketLifecycleConfiguration).
MINIMUM_ALL = "all_storage_classes_128K"
MINIMUM_VARIES = "varies_by_storage_class"


class _Malformed(ValueError):
    """Why one rule cannot be understood."""


@dataclass(frozen=True)
class Filter:
    """Which objects a rule is for. Sizes in bytes, both limits exclusive."""

    prefix: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    larger_than: int | None = None
    smaller_than: int | None = None

    def matches(self, key: str, size: int | None, tags: Mapping[str, str] | None) -> bool | None:
        """Whether the rule is for this object; None where an unknown size or unknown tags decide."""
        if not key.startswith(self.prefix):
            return False
        unknown = False
        if self.larger_than is not None or self.smaller_than is not None:
            if size is None:
                unknown = True
            elif not self.fits(size):
                return False
        if self.tags:
            if tags is None:
                unknown = True
            elif any(tags.get(name) != value for name, value in self.tags):
                return False
        return None if unknown else True

    def fits(self, size: int) -> bool:
        above = self.larger_than is None or size > self.larger_than
        return above and (self.smaller_than is None or size < self.smaller_than)

    @property
    def sized(self) -> bool:
        return self.larger_than is not None or self.smaller_than is not None


@dataclass(frozen=True)
class Timer:
    """When an action is due: days after creation, or a date. Exactly one is set."""

    days: int | None = None
    date: datetime | None = None


@dataclass(frozen=True)
class Transition:
    """A move to another storage class. newer: how many newer noncurrent versions must be there (noncurrent moves)."""

    timer: Timer
    storage_class: str
    newer: int = 0


@dataclass(frozen=True)
class Rule:
    """One enabled rule."""

    name: str
    filter: Filter = Filter()
    expiration: Timer | None = None
    expired_markers: bool = False
    noncurrent_days: int | None = None
    newer_noncurrent: int = 0
    transitions: tuple[Transition, ...] = ()
    noncurrent_transitions: tuple[Transition, ...] = ()
    abort_days: int | None = None


def acts(rule: Rule) -> bool:
    """Whether a rule does anything to what was written whole: cleaning up incomplete uploads is nothing of the kind."""
    ends = rule.expiration is not None or rule.expired_markers or rule.noncurrent_days is not None
    return ends or bool(rule.transitions or rule.noncurrent_transitions)


@dataclass(frozen=True)
class Configuration:
    """The enabled rules; malformed: name -> why, of the enabled rules that cannot be understood."""

    rules: tuple[Rule, ...] = ()
    malformed: tuple[tuple[str, str], ...] = ()
    minimum_size: str = MINIMUM_ALL


def parse(document: Any) -> Configuration:
    """From the answer of GetBucketLifecycleConfiguration, or None where a bucket has none. Never raises."""
    if document is None:
        return Configuration()
    items = document.get("Rules", document.get("Rule")) if isinstance(document, Mapping) else document
    if isinstance(items, Mapping):
        items = [items]
    if not isinstance(items, (list, tuple)):
        return Configuration(malformed=(("the lifecycle configuration", "it holds no list of rules"),))
    rules: list[Rule] = []
    malformed: list[tuple[str, str]] = []
    for number, item in enumerate(items, start=1):
        name = _name(item, number)
        try:
            rule = _rule(name, item)
        except _Malformed as error:
            malformed.append((name, str(error)))
        else:
            rules.extend([rule] if rule is not None else [])
    minimum = document.get("TransitionDefaultMinimumObjectSize") if isinstance(document, Mapping) else None
    return Configuration(tuple(rules), tuple(malformed), minimum if minimum == MINIMUM_VARIES else MINIMUM_ALL)


def _name(item: Any, number: int) -> str:
    given = item.get("ID", item.get("Id")) if isinstance(item, Mapping) else None
    return given if isinstance(given, str) and given else f"rule {number}"


def _rule(name: str, item: Any) -> Rule | None:
    """The rule, or None where it is disabled."""
    if not isinstance(item, Mapping):
        raise _Malformed("it is not a mapping")
    status = item.get("Status")
    if status == "Disabled":
        return None
    if status != "Enabled":
        raise _Malformed(f"its status is {status!r}, neither Enabled nor Disabled")
    _only(item, _RULE_ELEMENTS, "element")
    expiration = _mapping(item, "Expiration")
    noncurrent = _mapping(item, "NoncurrentVersionExpiration")
    abort = _mapping(item, "AbortIncompleteMultipartUpload")
    rule = Rule(
        name=name,
        filter=_filter(item),
        expiration=_timer(expiration, "Expiration") if _has_time(expiration) else None,
        expired_markers=_flag(expiration, "ExpiredObjectDeleteMarker"),
        noncurrent_days=_days(noncurrent, "NoncurrentDays", least=1, needed=True) if noncurrent else None,
        newer_noncurrent=_days(noncurrent, "NewerNoncurrentVersions", least=0) or 0,
        transitions=_transitions(item, "Transition"),
        noncurrent_transitions=_transitions(item, "NoncurrentVersionTransition"),
        abort_days=_days(abort, "DaysAfterInitiation", least=1, needed=True) if abort else None,
    )
    if rule.filter.tags and (rule.abort_days is not None or rule.expired_markers):
        raise _Malformed("a rule with tags cannot abort uploads or remove delete markers")
    return rule


def _filter(item: Mapping[str, Any]) -> Filter:
    inner = _mapping(item, "Filter")
    if "And" in inner:
        _only(inner, {"And"}, "filter beside And")
        inner = _mapping(inner, "And")
    _only(inner, _FILTER_ELEMENTS, "filter")
    tags = _list(inner, "Tags") + _list(inner, "Tag")
    prefix = inner.get("Prefix", item.get("Prefix", ""))
    if prefix is None:
        prefix = ""
    if not isinstance(prefix, str):
        raise _Malformed(f"its prefix is {prefix!r}, not text")
    return Filter(
        prefix,
        tuple(_tag(tag) for tag in tags),
        _days(inner, "ObjectSizeGreaterThan", least=0),
        _days(inner, "ObjectSizeLessThan", least=0),
    )


def _tag(tag: Any) -> tuple[str, str]:
    if isinstance(tag, Mapping) and isinstance(tag.get("Key"), str) and isinstance(tag.get("Value"), str):
        return tag["Key"], tag["Value"]
    raise _Malformed(f"its tag {tag!r} has no key and value")


def _transitions(item: Mapping[str, Any], element: str) -> tuple[Transition, ...]:
    return tuple(_transition(move, element) for move in _list(item, f"{element}s") + _list(item, element))


def _transition(move: Any, element: str) -> Transition:
    if not isinstance(move, Mapping) or not isinstance(move.get("StorageClass"), str):
        raise _Malformed(f"a {element} names no storage class")
    if element == "Transition":
        return Transition(_timer(move, element, least=0), move["StorageClass"])
    days = _days(move, "NoncurrentDays", least=0, needed=True)
    return Transition(Timer(days=days), move["StorageClass"], _days(move, "NewerNoncurrentVersions", least=0) or 0)


def _has_time(expiration: Mapping[str, Any]) -> bool:
    if not expiration or expiration.get("Days") is not None or expiration.get("Date") is not None:
        return bool(expiration)
    if "ExpiredObjectDeleteMarker" not in expiration:
        raise _Malformed("its Expiration has neither Days nor Date nor ExpiredObjectDeleteMarker")
    return False


def _timer(action: Mapping[str, Any], element: str, least: int = 1) -> Timer:
    if action.get("Days") is not None and action.get("Date") is not None:
        raise _Malformed(f"its {element} has both Days and Date")
    if action.get("Date") is not None:
        return Timer(date=_date(action["Date"], element))
    return Timer(days=_days(action, "Days", least=least, needed=True))


def _date(value: Any, element: str) -> datetime:
    if isinstance(value, str):
        text = f"{value[:-1]}+00:00" if value.endswith(("Z", "z")) else value
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            raise _Malformed(f"the date of its {element}, {value!r}, is not ISO 8601") from None
    if not isinstance(value, datetime):
        raise _Malformed(f"the date of its {element}, {value!r}, is not a date")
    return utc(value)


def utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken as UTC, as S3 writes it."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        return moment.replace(tzinfo=timezone.utc)


def _days(action: Mapping[str, Any], key: str, least: int, needed: bool = False) -> int | None:
    value = action.get(key)
    if value is None and not needed:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _Malformed(f"its {key} is {value!r}, not a whole number of at least {least}")
    return value


def _flag(action: Mapping[str, Any], key: str) -> bool:
    value = action.get(key, False)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _Malformed(f"its {key} is {value!r}, neither true nor false")
    return value


def _mapping(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _Malformed(f"its {key} is not a mapping")
    return value


def _list(item: Mapping[str, Any], key: str) -> list[Any]:
    value = item.get(key)
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _only(item: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    unknown = sorted(str(key) for key in item if key not in known)
    if unknown:
        raise _Malformed(f"its {what} {', '.join(unknown)} is not known")
