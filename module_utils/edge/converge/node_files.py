# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions that edit files of an edge have in common: fixes taken apart, files by their states. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..settings import SettingsError, format_of
from ..targets import Edge
from .edit.texts import new_file, text_of, with_text
from .model import NODE, Ref, Refused, State

Fix = Mapping[str, Any]
States = Mapping[str, State]
Edit = Callable[[str, Mapping[str, Any]], str]


def file(path: str) -> Ref:
    return Ref(NODE, "file", path)


def settings_of(fix: Fix) -> list[Mapping[str, Any]]:
    """The single settings of a fix: each with path, key and to, some with line."""
    given: list[Mapping[str, Any]] = [{"path": fix.get("path"), **item} for item in fix.get("settings") or [fix]]
    for item in given:
        for name in ("path", "key", "to"):
            if not isinstance(item.get(name), str) or not item[name]:
                raise Refused(f"the fix {fix.get('action')} does not say {name}: make this change by hand")
        if not item["path"].startswith("/"):
            raise Refused(f"{item['key']} does not stand in a file of the edge ({item['path']}); change it by hand")
    return given


def files_of(_edge: Edge, fix: Fix) -> list[Ref]:
    """The files of a fix's settings."""
    return [file(path) for path in dict.fromkeys(str(item["path"]) for item in settings_of(fix))]


def edited(fix: Fix, states: States, edit: Edit) -> dict[str, State]:
    """Every file of a fix with every one of its settings."""
    found: dict[str, State] = {}
    for item in settings_of(fix):
        path = str(item["path"])
        key = file(path).key
        state = found.get(key, states[key])
        text = text_of(state, path)
        found[key] = with_text(state or {}, edit(text, item))
    return found


def edited_file(edge: Edge, states: States, path: str, edit: Callable[[str], str]) -> dict[str, State]:
    """One file edited; where it is not there, made of an empty one."""
    key = file(path).key
    if states[key] is None:
        return {key: new_file(edge, edit(""))}
    return {key: with_text(states[key], edit(text_of(states[key], path)))}


def format_in(edge: Edge, path: str) -> str:
    """The format of a settings file of the edge."""
    try:
        return format_of(path, edge.export_config_format if path == edge.export_config_path else None)
    except SettingsError as error:
        raise Refused(str(error)) from None


def export_service(edge: Edge, _fix: Fix) -> Sequence[str]:
    return (edge.export_service,) if edge.export_service else ()


def units(*names: str) -> Callable[[Edge, Fix], Sequence[str]]:
    return lambda _edge, _fix: names


def tested(alone: str, in_place: str, mains: Iterable[str]) -> Callable[[Edge, Fix], str | None]:
    """The command that tests a new file: by itself where it is a program's main file, else in its place.

    alone: with %s for the file's path, "" where the program takes none that lies elsewhere.
    """
    known = tuple(mains)

    def validate(edge: Edge, fix: Fix) -> str | None:
        paths = {str(item["path"]) for item in settings_of(fix)}
        return alone if alone and paths <= {*known, *edge.proxy_config_paths} else in_place

    return validate
