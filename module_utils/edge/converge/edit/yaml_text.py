# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets and removes keys in YAML by the places that PyYAML's composer tells, so that every other byte stays. Pure.

A round-trip writer (ruamel.yaml) keeps comments, but sets indentation, quotes and line breaks anew.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from ..model import Refused
from .texts import Path, ending_of

_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_./:%@+-]*( [A-Za-z0-9]+)*")


def put(text: str, keys: Path, value: Any) -> str:
    """The text with a scalar at a value; a key that is not there yet becomes the last of its mapping."""
    root = _compose(text)
    if root is None:
        raise Refused("the file is empty; write the key by hand")
    parent = _descend(root, keys[:-1])
    node = _child(parent, keys[-1])
    if node is None:
        return _inserted(text, parent, str(keys[-1]), value)
    if not isinstance(node, yaml.ScalarNode):
        raise Refused("is no single value; change it by hand")
    start, end = node.start_mark.index, node.end_mark.index
    if node.style in ("|", ">"):
        raise Refused("is a text of several lines; change it by hand")
    written = spelled(value, node.style)
    # `key:` without a value has its place right behind the colon.
    gap = " " if start == end and text[start - 1 : start] == ":" else ""
    return f"{text[:start]}{gap}{written}{text[end:]}"


def remove(text: str, keys: Path) -> str:
    """The text without a key of a block mapping and what belongs to it, lines whole."""
    root = _compose(text)
    parent = _descend(root, keys[:-1])
    pair = next((pair for pair in _pairs(parent) if pair[0].value == str(keys[-1])), None)
    if pair is None or parent.flow_style or len(parent.value) < 2:
        raise Refused("cannot be taken out by itself; change it by hand")
    start = text.rfind("\n", 0, pair[0].start_mark.index) + 1
    if text[start : pair[0].start_mark.index].strip(" "):
        raise Refused("shares its line with something else; change it by hand")
    end = text.find("\n", pair[1].end_mark.index if isinstance(pair[1], yaml.ScalarNode) else _last(pair[1]))
    return text[:start] + (text[end + 1 :] if end >= 0 else "")


def _compose(text: str) -> Any:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        raise Refused("the file cannot be read as one document; change it by hand") from None


def _descend(node: Any, keys: Path) -> Any:
    for key in keys:
        found = _child(node, key)
        if found is None:
            raise Refused("its section is not there; write it by hand")
        node = found
    return node


def _child(node: Any, key: str | int) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
        return node.value[key] if key < len(node.value) else None
    found = [value for name, value in _pairs(node) if name.value == str(key)]
    return found[-1] if found else None


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    if not isinstance(node, yaml.MappingNode):
        raise Refused("its section is no mapping; change it by hand")
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def _inserted(text: str, parent: Any, name: str, value: Any) -> str:
    pairs = _pairs(parent)
    entry = f"{spelled(name, None)}: {spelled(value, None)}"
    if parent.flow_style:
        start = parent.start_mark.index + 1
        return f"{text[:start]}{entry}{', ' if pairs else ''}{text[start:]}"
    if not pairs:
        raise Refused("its section is empty; write it by hand")
    key = pairs[-1][0]
    indent = text[text.rfind("\n", 0, key.start_mark.index) + 1 : key.start_mark.index]
    indent = re.sub(r"[^ ]", " ", indent.lstrip("\ufeff"))
    at = text.find("\n", _last(pairs[-1][1]))
    ending = ending_of(text)
    if at < 0:
        return f"{text}{ending}{indent}{entry}"
    return f"{text[: at + 1]}{indent}{entry}{ending}{text[at + 1 :]}"


def _last(node: Any) -> int:
    """Where the last scalar of a node ends: marks of block collections lie behind the comments that follow."""
    while not isinstance(node, yaml.ScalarNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return int(node.end_mark.index) - 1
    return int(node.end_mark.index)


def spelled(value: Any, style: str | None) -> str:
    """A scalar as YAML writes it, in the quotes that stood there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return str(value)
    if style == '"':
        return json.dumps(value, ensure_ascii=False)
    if style == "'":
        return "'" + str(value).replace("'", "''") + "'"
    if _PLAIN.fullmatch(value) and ": " not in value and not value.endswith(":"):
        try:
            if yaml.safe_load(value) == value:
                return str(value)
        except (yaml.YAMLError, ValueError):
            pass
    return json.dumps(value, ensure_ascii=False)
