# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers as they are declared: accepted findings, each with a reason, an approver, a ticket and an end. Pure.

    check       the id of the check, such as BUCKET-07
    scope       edges, groups (a glob or a list of them; `*` and `?`), resource (a glob); at least one of the three
    reason, approver, ticket   text, none of them empty
    expires     the last day on which it holds, such as 2027-01-31, in the time zone of `timezone` (by default UTC)
    accepts     what it accepts: `fail` (by default), `unknown`, or both
A waiver that is declared on a host or a group reaches no further than that host or group, whatever its scope says.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from .finding import EdgepathError
from .iam.glob import compile_glob

REQUIRED = ("check", "scope", "reason", "approver", "ticket", "expires")
OPTIONAL = ("timezone", "accepts")
SCOPE = ("edges", "groups", "resource")
ACCEPTS = ("fail", "unknown")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Waiver:
    """One waiver, validated. ends: the first moment at which it no longer holds.

    hosts: the edges of this run that it reaches.  origin: where it is declared, for messages.
    """

    check: str
    scope: Mapping[str, Any]
    reason: str
    approver: str
    ticket: str
    expires: str
    timezone: str
    accepts: tuple[str, ...]
    ends: str
    hosts: tuple[str, ...]
    origin: str

    def to_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "accepts": list(self.accepts), "hosts": list(self.hosts)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Waiver:
        return cls(**{**data, "accepts": tuple(data["accepts"]), "hosts": tuple(data["hosts"])})

    @property
    def end(self) -> datetime:
        return datetime.fromisoformat(self.ends)

    def days_left(self, now: datetime) -> int:
        """Whole days until its end, negative once it has passed."""
        return (self.end - now) // timedelta(days=1)


@dataclass(frozen=True)
class Source:
    """Waivers as one variable or one file holds them. hosts: the edges of this run on which it is declared."""

    origin: str
    waivers: Any
    hosts: tuple[str, ...]


def validated(
    sources: Iterable[Source], checks: Collection[str], groups: Mapping[str, Collection[str]], zone: str = "UTC"
) -> list[Waiver]:
    """All waivers; EdgepathError names everything that is wrong with any of them, not only the first.

    checks: the ids that exist.  groups: of each edge of this run.  zone: the time zone of those that name none.
    """
    waivers: list[Waiver] = []
    errors: list[str] = []
    for source in sources:
        items = source.waivers
        if isinstance(items, Mapping) and set(items) == {"waivers"}:
            items = items["waivers"]
        if items is None:
            continue
        if isinstance(items, str) or not isinstance(items, Sequence):
            errors.append(f"{source.origin}: must be a list of waivers, not {type(items).__name__}")
            continue
        for number, item in enumerate(items):
            where = f"{source.origin}[{number}]"
            found = list(_wrong(item, checks, zone))
            errors += [f"{where}: {message}" for message in found]
            if not found:
                waivers.append(_waiver(item, where, source.hosts, groups, zone))
    if errors:
        raise EdgepathError(f"{'; '.join(errors)}. No audit begins with waivers that are wrong; see docs/waivers.md")
    return waivers


def _wrong(item: Any, checks: Collection[str], zone: str) -> Iterable[str]:
    """What is wrong with one waiver, each as a clause of a sentence."""
    if not isinstance(item, Mapping):
        yield f"a waiver is a mapping, not {item!r}"
        return
    for key in item:
        if key not in REQUIRED and key not in OPTIONAL:
            yield f"unknown key {key!r}{_close(key, (*REQUIRED, *OPTIONAL))}"
    missing = [key for key in REQUIRED if item.get(key) in (None, "", {}, [])]
    if missing:
        yield f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    for key in ("reason", "approver", "ticket"):
        value = item.get(key)
        if value is not None and (isinstance(value, (Mapping, list, bool)) or not str(value).strip()):
            yield f"{key} must be text, not {value!r}"
    if item.get("check") and (not isinstance(item["check"], str) or item["check"] not in checks):
        yield f"there is no check {item['check']!r}{_close(item['check'], checks)}"
    if item.get("scope"):
        yield from _wrong_scope(item["scope"])
    yield from _wrong_end(item, zone)
    accepts = _list(item.get("accepts") or "fail")
    if not accepts or any(word not in ACCEPTS for word in accepts):
        yield f"accepts must be fail, unknown or both, not {item['accepts']!r}"


def _wrong_scope(scope: Any) -> Iterable[str]:
    if not isinstance(scope, Mapping):
        yield f"scope must be a mapping with {', '.join(SCOPE)}, not {scope!r}"
        return
    for key, value in scope.items():
        if key not in SCOPE:
            yield f"unknown key scope.{key}{_close(key, SCOPE, 'scope.')}"
        elif key == "resource" and not (isinstance(value, str) and value):
            yield f"scope.resource must be a glob, not {value!r}"
        elif not _list(value) or any(not (isinstance(glob, str) and glob) for glob in _list(value)):
            yield f"scope.{key} must be a glob or a list of globs, not {value!r}"


def _wrong_end(item: Mapping[str, Any], zone: str) -> Iterable[str]:
    if item.get("expires") not in (None, ""):
        try:
            _day(item["expires"])
        except ValueError:
            yield f"expires must be a day such as 2027-01-31, not {str(item['expires'])!r}"
    name = item.get("timezone") or zone
    try:
        _zone(name)
    except EdgepathError as error:
        yield str(error)


def _waiver(
    item: Mapping[str, Any], origin: str, hosts: Collection[str], groups: Mapping[str, Collection[str]], zone: str
) -> Waiver:
    scope = {key: value if key == "resource" else list(_list(value)) for key, value in item["scope"].items()}
    name = str(item.get("timezone") or zone)
    day = _day(item["expires"])
    text = {key: str(item[key]).strip() for key in ("check", "reason", "approver", "ticket")}
    return Waiver(
        scope=scope,
        expires=day.isoformat(),
        timezone=name,
        accepts=tuple(dict.fromkeys(_list(item.get("accepts") or "fail"))),
        ends=_end(day, name).isoformat(),
        hosts=tuple(sorted(_reached(scope, hosts, groups))),
        origin=origin,
        **text,
    )


def _reached(scope: Mapping[str, Any], hosts: Iterable[str], groups: Mapping[str, Collection[str]]) -> list[str]:
    edges = [compile_glob(glob) for glob in scope.get("edges", ["*"])]
    wanted = [compile_glob(glob) for glob in scope.get("groups", [])]
    return [
        host
        for host in hosts
        if any(match(host) for match in edges)
        and (not wanted or any(match(group) for match in wanted for group in groups.get(host, ())))
    ]


def _day(value: Any) -> date:
    """The day that a YAML date or a text names; ValueError for all else, times among them."""
    if isinstance(value, datetime):
        raise ValueError("a time, not a day")
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("no day")
    day = date.fromisoformat(value)
    if day == date.max:
        raise ValueError("there is no day after it")
    return day


def _end(day: date, zone: str) -> datetime:
    """Midnight after the day, as UTC."""
    after = day + timedelta(days=1)
    try:
        return datetime(after.year, after.month, after.day, tzinfo=_zone(zone)).astimezone(timezone.utc)
    except OverflowError:
        return datetime.max.replace(microsecond=0, tzinfo=timezone.utc)


def _zone(name: Any) -> Any:
    if name == "UTC":
        return timezone.utc
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError, AttributeError):
        raise EdgepathError(f"timezone {name!r} is not in the controller's IANA database (such as UTC)") from None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _close(key: Any, known: Iterable[str], prefix: str = "") -> str:
    close = difflib.get_close_matches(str(key), list(known), n=1)
    return f"; did you mean {prefix}{close[0]}?" if close else ""
