# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets and removes keys of TOML with tomlkit, which keeps style and comments. Pure."""

from __future__ import annotations

from typing import Any

from ..model import Refused
from .texts import Path


def put(text: str, keys: Path, value: Any) -> str:
    """The text with a key at a value."""
    document, parent = _parent(text, keys)
    parent[keys[-1]] = value
    return _written(document)


def remove(text: str, keys: Path) -> str:
    document, parent = _parent(text, keys)
    del parent[keys[-1]]
    return _written(document)


def _parent(text: str, keys: Path) -> tuple[Any, Any]:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
    except (TOMLKitError, ValueError, RecursionError):
        raise Refused("the file cannot be read for editing; change it by hand") from None
    node: Any = document
    for key in keys[:-1]:
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError, TOMLKitError):
            raise Refused("its section is not there; write it by hand") from None
    return document, node


def _written(document: Any) -> str:
    import tomlkit

    return tomlkit.dumps(document)
