# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets one key of a settings file of any format, and nothing else: comments, order and indentation stay. Pure.

The edited text is parsed again before it is given back: exactly the wanted key has the wanted value, and every other
key the one that it had, or the edit is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Union

from ...settings import ABSENT, SettingsError, leaves, parse_settings
from ..model import Refused
from . import ini_text, json_text, toml_text, yaml_text
from .texts import Path, one_line

Scalar = Union[str, int, float, bool, None]
Editor = Callable[[str, Path, Any], str]
_EDITORS: Mapping[str, Editor] = {
    "yaml": yaml_text.put, "json": json_text.put, "ini": ini_text.put_ini, "properties": ini_text.put_property,
    "toml": toml_text.put,
}  # fmt: skip
_REMOVERS: Mapping[str, Callable[[str, Path], str]] = {
    "yaml": yaml_text.remove, "json": json_text.remove, "ini": ini_text.remove_ini,
    "properties": ini_text.remove_property, "toml": toml_text.remove,
}  # fmt: skip


def set_key(text: str, format_: str, path: str, dotted: str, value: str) -> str:
    """The text with a key at a value, the value in the type that the key has now (a new one: as it looks).

    Refused where the text cannot be parsed, the key's place cannot be told, or the edit would change anything else.
    """
    one_line(value, f"{path}: {dotted}")
    keys, present = locate(_parsed(text, format_, path), dotted)
    if format_ == "properties" and present is ABSENT:
        keys = (dotted,)  # there are no sections: the dots are part of the name
    return set_path(text, format_, path, keys, _typed(value, present, format_), present)


def set_path(text: str, format_: str, path: str, keys: Path, wanted: Any, present: Any = ABSENT) -> str:
    """The same by the very keys, the value as it is. present: what is there now."""
    dotted = ".".join(str(key) for key in keys)
    if present is not ABSENT and type(present) is type(wanted) and present == wanted:
        return text
    if isinstance(present, (Mapping, list, tuple)):
        raise Refused(f"{path}: {dotted} holds more than one value; change it by hand")
    tree = _parsed(text, format_, path)
    try:
        edited = _EDITORS[format_](text, keys, wanted)
    except Refused as why:
        raise Refused(f"{path}: {dotted}: {why}") from None
    _proven(edited, format_, path, dotted, with_key(tree, keys, wanted))
    return edited


def remove_key(text: str, format_: str, path: str, dotted: str) -> str:
    """The text without a key; as it is where it has no such key."""
    tree = _parsed(text, format_, path)
    keys, present = locate(tree, dotted)
    if present is ABSENT:
        return text
    try:
        edited = _REMOVERS[format_](text, keys)
    except Refused as why:
        raise Refused(f"{path}: {dotted}: {why}") from None
    _proven(edited, format_, path, dotted, without_key(tree, keys))
    return edited


def _parsed(text: str, format_: str, path: str) -> dict[str, Any]:
    try:
        return parse_settings(text, format_, path)
    except SettingsError as error:
        raise Refused(f"{error}; it is not edited") from None


def _proven(edited: str, format_: str, path: str, dotted: str, expected: Any) -> None:
    try:
        got = parse_settings(edited, format_, path)
    except SettingsError:
        got = {}
    if got != expected and repr(got) != repr(expected):
        raise Refused(f"{path}: {dotted} cannot be changed without changing more; change it by hand")


def locate(tree: Any, dotted: str) -> tuple[Path, Any]:
    """The keys that settings.lookup follows to a dotted path, and the value there; for a new key its parent's, and
    ABSENT."""
    parts = dotted.split(".")
    found = _follow(tree, parts)
    if found is not None:
        return found
    parent = _follow(tree, parts[:-1]) if len(parts) > 1 else ((), tree)
    if parent is None or not isinstance(parent[1], Mapping):
        return tuple(parts), ABSENT
    return (*parent[0], parts[-1]), ABSENT


def value_at(text: str, format_: str, path: str, dotted: str) -> Any:
    """The value of a key, ABSENT where there is none."""
    return locate(_parsed(text, format_, path), dotted)[1]


def named(text: str, format_: str, path: str, name: str) -> list[str]:
    """The dotted paths whose last part is a name, whatever its case."""
    low = name.lower()
    found = leaves(_parsed(text, format_, path))
    return [key for key in found if key.lower() == low or key.lower().endswith(f".{low}")]


def place_of(text: str, format_: str, path: str, name: str) -> str:
    """The dotted path of an option by its name: where it stands now, else beside the export's read_timeout.

    Refused where neither is in one place only.
    """
    tree = _parsed(text, format_, path)
    for wanted in (name, *_NEIGHBOURS):
        found = [key for key in leaves(tree) if _plain(key.rpartition(".")[2]) == _plain(wanted)]
        if len(found) > 1:
            break
        if found:
            return found[0] if wanted == name else f"{found[0].rpartition('.')[0]}.{name}".lstrip(".")
    raise Refused(f"{path}: where {name} belongs cannot be told; say it in edge_export_config_keys")


# Options of which one, where it stands alone, tells the section of the others.
_NEIGHBOURS = ("read_timeout", "connect_timeout", "bucket")


def _plain(key: str) -> str:
    return re.sub(r"[_-]", "", key).lower()


def _follow(tree: Any, parts: list[str]) -> tuple[Path, Any] | None:
    if not parts:
        return (), tree
    if isinstance(tree, Mapping):
        for count in range(len(parts), 0, -1):
            name = ".".join(parts[:count])
            for key in _spelled(tree, name):
                below = _follow(tree[key], parts[count:])
                if below is not None:
                    return (key, *below[0]), below[1]
    elif isinstance(tree, (list, tuple)) and parts[0].isdecimal() and int(parts[0]) < len(tree):
        below = _follow(tree[int(parts[0])], parts[1:])
        return None if below is None else ((int(parts[0]), *below[0]), below[1])
    return None


def _spelled(tree: Mapping[Any, Any], name: str) -> list[Any]:
    if name in tree:
        return [name]
    return [key for key in tree if str(key).lower() == name.lower()][:1]


def with_key(tree: Any, keys: Path, value: Any) -> Any:
    """A copy of a tree with one value set."""
    if not keys:
        return value
    first, rest = keys[0], keys[1:]
    if isinstance(tree, (list, tuple)):
        return [with_key(item, rest, value) if at == first else item for at, item in enumerate(tree)]
    known = tree if isinstance(tree, Mapping) else {}
    return {**known, first: with_key(known.get(first, {}), rest, value)}


def without_key(tree: Any, keys: Path) -> Any:
    """A copy of a tree without one key."""
    first, rest = keys[0], keys[1:]
    if isinstance(tree, (list, tuple)):
        return [without_key(item, rest) if at == first else item for at, item in enumerate(tree)]
    if not rest:
        return {key: item for key, item in tree.items() if key != first}
    return {key: without_key(item, rest) if key == first else item for key, item in tree.items()}


def _typed(value: str, present: Any, format_: str) -> Scalar:
    """The value as the file would hold it."""
    if format_ in ("ini", "properties"):
        return value
    if isinstance(present, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value.isascii() and value.isdigit() and (len(value) == 1 or value[0] != "0"):
        return int(value)
    return value
