# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings files of programs that are not ours: parse by format, look up by dotted key path, read durations.

Text in, values out; nothing here opens a file. Every error is a SettingsError that says which file, line and key.
"""

from __future__ import annotations

import configparser
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from .finding import EdgepathError

FORMATS = ("yaml", "json", "ini", "properties", "toml")
_ENDINGS = {
    ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".ini": "ini", ".cfg": "ini", ".conf": "ini",
    ".properties": "properties", ".toml": "toml",
}  # fmt: skip

# Seconds. Months and years are the programs' own business (Squid counts 30 days, systemd 30.44).
_UNITS = {
    "us": 1e-6, "usec": 1e-6, "µs": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6,
    "ms": 1e-3, "msec": 1e-3, "millis": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3,
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0, "w": 604800.0, "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
_NEVER = {"inf", "infinity", "infinite", "never", "unlimited", "off", "disabled"}
_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-zµ]*)\s*,?")
# ISO 8601 duration as java.time.Duration prints it: days and smaller only.
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$", re.IGNORECASE)
_KEY_UNIT = re.compile(r"(?:[_.-]|(?<=[a-z]))(ms|millis|milliseconds|s|sec|secs|seconds|min|mins|minutes|hours)$", re.I)
_LONGEST_VALUE = 200


class SettingsError(EdgepathError):
    """A settings file, or one value in it, that cannot be understood. line: where known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def format_of(path: str, given: str | None = None) -> str:
    """The format of a file: as given, or told from its ending."""
    if given:
        return given
    ending = path[path.rfind(".") :].lower() if "." in path.rsplit("/", 1)[-1] else ""
    if ending not in _ENDINGS:
        raise SettingsError(f"{path}: the format cannot be told from the name; say one of {', '.join(FORMATS)}")
    return _ENDINGS[ending]


def parse_settings(text: str, format_: str, path: str) -> dict[str, Any]:
    """The settings as nested mappings; {} for an empty file. path: the file's name, for messages.

    Raises SettingsError, and nothing else, where the text is not of that format.
    """
    reader = {"yaml": _yaml, "json": _json, "ini": _ini, "properties": _properties, "toml": _toml}.get(format_)
    if reader is None:
        raise SettingsError(f"{path}: unknown format {format_!r}; known are {', '.join(FORMATS)}")
    try:
        tree = reader(text.lstrip("\ufeff"))
    except SettingsError as error:
        where = f" line {error.line}" if error.line else ""
        raise SettingsError(f"{path}{where}: not valid {format_}: {error}", error.line) from None
    except RecursionError:
        raise SettingsError(f"{path}: not valid {format_}: nested too deeply") from None
    if tree is None:
        return {}
    if not isinstance(tree, Mapping):
        raise SettingsError(f"{path}: holds a {type(tree).__name__}, not settings by name")
    return dict(tree)


def _yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SettingsError(error.problem or "syntax", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise SettingsError(str(error).splitlines()[0] if str(error) else "syntax") from None
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
        # PyYAML's constructors let these through for tagged scalars that are no such thing (`!!int ''`).
        raise SettingsError(f"a value does not fit its tag ({error})") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except json.JSONDecodeError as error:
        raise SettingsError(error.msg, error.lineno) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _ini(text: str) -> dict[str, Any]:
    parser = configparser.ConfigParser(
        interpolation=None, strict=False, allow_no_value=True, inline_comment_prefixes=("#", ";")
    )
    setattr(parser, "optionxform", str)  # noqa: B010 - the documented way to keep the case of keys
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError as error:
        raise SettingsError("no [section] before it; a file without sections is `properties`", error.lineno) from None
    except configparser.ParsingError as error:
        raise SettingsError(
            "neither a [section] nor key = value", error.errors[0][0] if error.errors else None
        ) from None
    except (configparser.Error, AttributeError, TypeError) as error:
        raise SettingsError(str(error).splitlines()[0]) from None
    tree: dict[str, Any] = dict(parser.defaults())
    for section in parser.sections():
        tree[section] = dict(parser.items(section))
    return tree


_PROPERTY = re.compile(r"(?P<key>(?:\\.|[^\\:=\s])+)\s*[:=\s]?\s*(?P<value>.*)", re.DOTALL)


def _properties(text: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for number, line in _logical_lines(text):
        match = _PROPERTY.match(line)
        if match is None:
            raise SettingsError("a value without a key", number)
        tree[re.sub(r"\\(.)", r"\1", match.group("key"))] = match.group("value").strip()
    return tree


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines of a properties file: comments left out, a trailing backslash joins the next line."""
    pending, start = "", 0
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip() if pending else raw.lstrip().rstrip("\r")
        if not pending and (not line or line[0] in "#!"):
            continue
        start = start or number
        pending += line
        trailing = len(pending) - len(pending.rstrip("\\"))
        if trailing % 2:
            pending = pending[:-1]
            if pending:
                continue
        if pending.strip():
            yield start, pending.strip()
        pending, start = "", 0
    if pending.strip():
        yield start, pending.strip()


def _toml(text: str) -> Any:
    try:
        import tomllib
    except ImportError:
        raise SettingsError("TOML needs Python 3.11 or later on the controller") from None
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise SettingsError(str(error), int(line.group(1)) if line else None) from None
    except (ValueError, OverflowError) as error:
        raise SettingsError(str(error)) from None


ABSENT: Any = object()


def lookup(tree: Any, dotted: str, default: Any = None) -> Any:
    """The value at a dotted key path (`export.read_timeout`, `servers.0.proxy`), or default where it is absent.

    A key that itself holds dots is found too, the longest first; case is ignored where the exact key is absent.
    """
    found = _descend(tree, dotted.split("."))
    return default if found is ABSENT else found


def _descend(tree: Any, parts: Sequence[str]) -> Any:
    if not parts:
        return tree
    if isinstance(tree, Mapping):
        for count in range(len(parts), 0, -1):
            child = _child(tree, ".".join(parts[:count]))
            if child is not ABSENT:
                found = _descend(child, parts[count:])
                if found is not ABSENT:
                    return found
    elif isinstance(tree, (list, tuple)) and parts[0].isdecimal() and int(parts[0]) < len(tree):
        return _descend(tree[int(parts[0])], parts[1:])
    return ABSENT


def _child(tree: Mapping[Any, Any], key: str) -> Any:
    if key in tree:
        return tree[key]
    for name, value in tree.items():
        if str(name).lower() == key.lower():
            return value
    return ABSENT


def leaves(tree: Any, limit: int = 5000) -> dict[str, Any]:
    """Every scalar by its dotted key path. limit: no more than so many (a YAML file can alias itself to millions)."""
    found: dict[str, Any] = {}
    stack: list[tuple[str, Any, int]] = [("", tree, 0)]
    visited = 0
    while stack and len(found) < limit and visited < 10 * limit:
        prefix, node, depth = stack.pop()
        visited += 1
        if isinstance(node, Mapping) and depth < 50:
            stack.extend((f"{prefix}.{key}" if prefix else str(key), child, depth + 1) for key, child in node.items())
        elif isinstance(node, (list, tuple)) and depth < 50:
            stack.extend((f"{prefix}.{at}" if prefix else str(at), child, depth + 1) for at, child in enumerate(node))
        elif prefix and not isinstance(node, (Mapping, list, tuple)):
            found[prefix] = node
    return found


def line_of(text: str, dotted: str) -> int | None:
    """The line on which a key stands, so that a person can go there; None where it is not found."""
    *parents, name = dotted.split(".")
    match = _key_in(text, dotted, 0)
    if match is None:
        parent = _key_in(text, parents[-1], 0) if parents else None
        match = (_key_in(text, name, parent.end()) if parent else None) or _key_in(text, name, 0)
    return text.count("\n", 0, match.start("key")) + 1 if match else None


def _key_in(text: str, key: str, start: int) -> re.Match[str] | None:
    name = re.escape(key)
    pattern = rf"""(?:^[ \t\-\[{{,]*|["']|[{{,][ \t]*)(?P<key>{name})["']?[ \t]*[:=\]]"""
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(text, start)


def unit_of_key(key: str) -> str:
    """The unit that a key's own name states (`read_timeout_ms`, `idleMinutes`), seconds where it states none."""
    match = _KEY_UNIT.search(key)
    return match.group(1).lower() if match else "s"


def parse_duration(value: Any, default_unit: str = "s") -> float:
    """Seconds, math.inf for never. Numbers are in default_unit; `15 minutes`, `900s`, `2h30m`, `PT15M` say theirs.

    Zero is 0.0: whether it means never or at once is the program's business. Raises SettingsError for what is no
    duration, negative ones among them.
    """
    if isinstance(value, bool) or value is None or not isinstance(value, (int, float, str)):
        raise SettingsError(f"{_short(value)} is not a duration")
    seconds = _number(value, default_unit) if isinstance(value, (int, float)) else _words(value, default_unit)
    if math.isnan(seconds):
        raise SettingsError(f"{_short(value)} is not a duration")
    if seconds < 0:
        raise SettingsError(f"{_short(value)} is negative; a duration is 0 or more")
    return seconds


def _number(value: float, unit: str) -> float:
    try:
        return float(value) * _UNITS[unit]
    except OverflowError:
        raise SettingsError(f"{_short(value)} is not a duration") from None


def _words(text: str, default_unit: str) -> float:
    words = text.strip().strip("\"'").strip()
    if len(words) > _LONGEST_VALUE or not words.isprintable():
        raise SettingsError(f"{_short(text)} is not a duration")
    if words.lower() in _NEVER:
        return math.inf
    if words[:1] == "-" and words[1:2].isdigit():
        raise SettingsError(f"{_short(text)} is negative; a duration is 0 or more")
    iso = _ISO.match(words)
    if iso and any(iso.groups()):
        return sum(float(part) * size for part, size in zip(iso.groups(), (86400.0, 3600.0, 60.0, 1.0)) if part)
    total, at = 0.0, 0
    while at < len(words):
        match = _PART.match(words, at)
        unit = match.group(2).lower() if match else ""
        alone = match is not None and at == 0 and match.end() == len(words)
        if match is None or (not unit and not alone) or (unit and unit not in _UNITS):
            raise SettingsError(f"{_short(text)} is not a duration (such as 900, 900s, 15 minutes or 2h30m)")
        total += float(match.group(1)) * _UNITS[unit or default_unit]
        at = match.end()
    if not words:
        raise SettingsError("an empty value is not a duration")
    return total


def _short(value: Any) -> str:
    if isinstance(value, int) and abs(value) > 10**15:
        return "so large a number"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
