# SPDX-License-Identifier: GPL-3.0-or-later
"""The export's own side: its configuration, its unit and environment, read from the facts of the edge.

Pure: texts in, values with their origin out; what cannot be understood is Unread, naming file, line and key.
"""

from __future__ import annotations

import configparser
import functools
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Union

from ..finding import Unread, unread
from ..redaction.shapes import REDACTED
from ..settings import SettingsError, format_of, leaves, line_of, lookup, parse_duration, parse_settings, unit_of_key
from ..targets import Edge
from .unread_parts import first_unread, readable

_SUFFIX = re.compile(r"(?:[_.-]?(?:ms|millis|milliseconds|sec|secs|seconds|min|mins|minutes|hours|s))$", re.IGNORECASE)
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "none")
_MISSING = object()


@dataclass(frozen=True)
class Found:
    """A value and where it stands. key: its dotted path; origin: file:line; path: the file."""

    value: Any
    key: str
    origin: str
    path: str


# The value; None where the document has none; Unread where it cannot be told.
Value = Union[Found, None, Unread]


class Document:
    """A settings file of the edge as the facts hold it: {"path", "text"}, unread, or None (not named)."""

    def __init__(self, fact: Any, format_: str | None = None) -> None:
        self.named = fact is not None
        self.problem = first_unread(fact)
        self.tree: dict[str, Any] = {}
        self.path, self.text = "", ""
        if not self.named or self.problem is not None:
            return
        self.path, self.text = str(fact.get("path", "")), str(fact.get("text", ""))
        try:
            self.tree = _parsed(self.text, format_of(self.path, format_), self.path)
        except SettingsError as error:
            self.problem = Unread("error", "parse", self.path, str(error))

    def find(self, name: str, mapped: str | None = None) -> Value:
        """A setting: where the inventory says that it stands, else by its own name, if that is in one place only."""
        if self.problem is not None or not self.named:
            return self.problem
        keys = [mapped] if mapped else self._by_name(name)
        values = {key: lookup(self.tree, key, _MISSING) for key in keys}
        values = {key: value for key, value in values.items() if value is not _MISSING and value is not None}
        if not values:
            return None
        if len({str(value) for value in values.values()}) > 1:
            message = (
                f"{self.path}: {name} stands at {' and '.join(sorted(values))}; say which in edge_export_config_keys"
            )
            return Unread("error", "parse", self.path, message)
        key, value = next(iter(values.items()))
        line = line_of(self.text, key)
        origin = f"{self.path}:{line}" if line else self.path
        if isinstance(value, str) and REDACTED in value:
            return Unread(
                "error", "parse", origin, f"{origin}: {key}: was redacted on the edge, so it cannot be judged"
            )
        return Found(value, key, origin, self.path)

    def _by_name(self, name: str) -> list[str]:
        if lookup(self.tree, name, _MISSING) is not _MISSING:
            return [name]
        found: dict[str, None] = {}
        wanted = _plain(name)
        for key in leaves(self.tree):
            parts = key.split(".")
            ends = [at for at, part in enumerate(parts, start=1) if _plain(part) == wanted]
            found.update({".".join(parts[:at]): None for at in ends[:1]})
        return list(found)


# The checks of an edge ask the same two files again and again. The tree is read, never changed.
@functools.lru_cache(maxsize=8)
def _parsed(text: str, format_: str, path: str) -> dict[str, Any]:
    return parse_settings(text, format_, path)


@functools.lru_cache(maxsize=1024)
def _plain(key: str) -> str:
    return re.sub(r"[_\-\s]", "", _SUFFIX.sub("", key)).lower()


def seconds(found: Found) -> float | Unread:
    """A found value as a duration; math.inf for never. What 0 means is not known of a program that is not ours."""
    try:
        value = parse_duration(found.value, unit_of_key(found.key.rsplit(".", 1)[-1]))
    except SettingsError as error:
        return Unread("error", "parse", found.origin, f"{found.origin}: {found.key}: {error}")
    if value == 0:
        message = f"{found.origin}: {found.key}: 0 may mean never or at once; write the time that is meant"
        return Unread("error", "parse", found.origin, message)
    return value


def truth(found: Found) -> bool | Unread:
    """A found value as yes or no."""
    word = str(found.value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    return Unread(
        "error", "parse", found.origin, f"{found.origin}: {found.key}: {word[:40]!r} is neither true nor false"
    )


def export_document(edge: Edge, facts: Mapping[str, Any]) -> Document:
    return Document(facts.get("export_config"), edge.export_config_format)


def storage_document(facts: Mapping[str, Any]) -> Document:
    return Document(facts.get("recording_storage"))


@dataclass(frozen=True)
class Service:
    """The export service as systemd runs it. settings: [Service] directives in force, each with its origin."""

    name: str
    settings: Mapping[str, Found]
    environment: Mapping[str, str]
    origins: Mapping[str, str]
    gaps: tuple[Unread, ...]


def service(facts: Mapping[str, Any]) -> Service | Unread | None:
    """From the unit's files in order, then `systemctl show`, then the running process: the later is more effective."""
    unit = facts.get("unit")
    problem = unread(unit)
    if problem is not None or unit is None:
        return problem
    gaps: list[Unread] = []
    found, environment, origins = _from_files(readable(unit.get("files"), gaps))
    for item in readable(unit.get("environment_files"), gaps):
        for name, value in _variables(item["text"]):
            environment[name], origins[name] = value, item["path"]
    shown = shown_properties(unit)
    for name, property_ in _SHOWN.items():
        if shown.get(property_):
            origin = found[name].origin if name in found else f"systemctl show {unit['name']}"
            found[name] = Found(shown[property_], name, origin, unit_path(unit))
    running = facts.get("process")
    gap = unread(running) or first_unread((running or {}).get("environment"))
    if gap is not None:
        gaps.append(gap)
    elif running is not None:
        environment = dict(running["environment"])
        origins = dict.fromkeys(environment, f"/proc/{running['pid']}/environ")
    return Service(unit["name"], found, environment, origins, tuple(gaps))


# Directives, and what `systemctl show` calls them.
_SHOWN = {"RuntimeMaxSec": "RuntimeMaxUSec", "TimeoutStartSec": "TimeoutStartUSec", "Type": "Type"}


def shown_properties(unit: Mapping[str, Any]) -> Mapping[str, str]:
    """What `systemctl show` said; {} where it was not asked, or not all of it could be read."""
    properties = unit.get("properties")
    return properties if isinstance(properties, Mapping) and first_unread(properties) is None else {}


def unit_path(unit: Mapping[str, Any]) -> str:
    files = readable(unit.get("files"), []) or [{"path": f"/etc/systemd/system/{unit['name']}"}]
    return str(files[0]["path"])


def _from_files(files: list[Any]) -> tuple[dict[str, Found], dict[str, str], dict[str, str]]:
    found: dict[str, Found] = {}
    environment: dict[str, str] = {}
    origins: dict[str, str] = {}
    for item in files:
        text, path = item["text"], item["path"]
        for number, section, key, value in _directives(text) if isinstance(text, str) else ():
            if section != "Service":
                continue
            if key == "Environment":
                if not value:
                    environment.clear()
                for name, assigned in _assignments(value):
                    environment[name], origins[name] = assigned, f"{path}:{number}"
            elif value:
                found[key] = Found(value, key, f"{path}:{number}", path)
            else:
                found.pop(key, None)
    return found, environment, origins


def _directives(text: str) -> Iterable[tuple[int, str, str, str]]:
    section, pending, start = "", "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        start = start if pending else number
        pending = f"{pending} {stripped}".strip()
        if pending.endswith("\\"):
            pending = pending[:-1].rstrip()
            continue
        if pending.startswith("[") and pending.endswith("]"):
            section = pending[1:-1]
        elif "=" in pending:
            key, _, value = pending.partition("=")
            yield start, section, key.strip(), value.strip()
        pending = ""


def _assignments(value: str) -> list[tuple[str, str]]:
    try:
        words = shlex.split(value)
    except ValueError:
        words = value.split()
    return [(name, assigned) for name, equals, assigned in (word.partition("=") for word in words) if equals]


def _variables(text: str) -> list[tuple[str, str]]:
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and line[0] not in "#;" and "=" in line)
    return [(name.strip(), value.strip().strip("\"'")) for name, _, value in pairs]


# systemd.time(7); a number alone is seconds.
_SYSTEMD_UNITS = {"month": 2629800.0, "months": 2629800.0, "M": 2629800.0, "y": 31557600.0, "year": 31557600.0}


def systemd_seconds(found: Found) -> float | Unread:
    """A time span of systemd's: `15min`, `1h 30min`, `infinity`."""
    text = str(found.value).strip()
    long = re.fullmatch(r"(\d{1,9}) ?(months?|M|y|year)", text)
    if long:
        return int(long.group(1)) * _SYSTEMD_UNITS[long.group(2)]
    try:
        value = parse_duration(text)
    except SettingsError as error:
        return Unread("error", "parse", found.origin, f"{found.origin}: {found.key}: {error}")
    if value == 0:
        message = f"{found.origin}: {found.key}=0 is not documented; write infinity, or the time that is meant"
        return Unread("error", "parse", found.origin, message)
    return value


def aws_setting(facts: Mapping[str, Any], name: str, profile: str = "default") -> Value:
    """A setting of the shared AWS configuration for a profile."""
    gaps: list[Unread] = []
    items = readable(facts.get("aws_config"), gaps)
    if gaps:
        return gaps[0]
    for item in items:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(item["text"])
        except (configparser.Error, AttributeError, TypeError) as error:
            first = str(error).splitlines()[0]
            return Unread("error", "parse", item["path"], f"{item['path']}: not valid ini: {first}")
        section = profile if profile == "default" and parser.has_section("default") else f"profile {profile}"
        if parser.has_option(section, name):
            line = line_of(item["text"], name)
            return Found(
                parser.get(section, name), name, f"{item['path']}:{line}" if line else item["path"], item["path"]
            )
    return None
