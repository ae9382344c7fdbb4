# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of the domain timeouts are applied: bounds in the export's, the proxies' and the kernel's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..settings import SettingsError, format_of
from ..targets import Edge
from .edit import keypath, squid
from .edit.texts import text_of, with_text
from .model import NODE, Action, Ref, Refused, State

Fix = Mapping[str, Any]
States = Mapping[str, State]

# What each program does with open connections when it reads its files again.
_SQUID = (
    "squid -k reconfigure closes its listening ports for a moment, so that new connections of a transfer are refused "
    "(Squid, src/main.cc, mainReconfigureStart)"
)
_EXPORT = "the export service reads its configuration again, and what that does to an open transfer is not published"


def settings_of(fix: Fix) -> list[Mapping[str, Any]]:
    """The single settings of a fix: each with path, key, line and to."""
    given = fix.get("settings") or [fix]
    for item in given:
        for name in ("path", "key", "to"):
            if not isinstance(item.get(name), str) or not item[name]:
                raise Refused(f"the fix {fix.get('action')} states no {name}; audit again with this version")
        if not item["path"].startswith("/"):
            raise Refused(f"{item['key']} is not set in a file of the edge ({item['path']}); change it by hand")
    return list(given)


def files_of(edge: Edge, fix: Fix) -> list[Ref]:  # noqa: ARG001 - the signature of Action.refs
    return [Ref(NODE, "file", path) for path in dict.fromkeys(str(item["path"]) for item in settings_of(fix))]


def edited(fix: Fix, states: States, edit: Callable[[str, Mapping[str, Any]], str]) -> dict[str, State]:
    """Every file of a fix with every one of its settings."""
    found = dict(states)
    for item in settings_of(fix):
        key = Ref(NODE, "file", str(item["path"])).key
        found[key] = with_text(found[key], edit(text_of(found[key], str(item["path"])), item))
    return found


def _export_timeout(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:
    def edit(text: str, item: Mapping[str, Any]) -> str:
        path = str(item["path"])
        return keypath.set_key(text, format_in(edge, path), path, str(item["key"]), str(item["to"]))

    return edited(fix, states, edit)


def format_in(edge: Edge, path: str) -> str:
    """The format of a settings file of the edge."""
    try:
        return format_of(path, edge.export_config_format if path == edge.export_config_path else None)
    except SettingsError as error:
        raise Refused(str(error)) from None


def export_service(edge: Edge, fix: Fix) -> Sequence[str]:  # noqa: ARG001
    return (edge.export_service,) if edge.export_service else ()


def _squid(edge: Edge, fix: Fix, states: States) -> Mapping[str, State]:  # noqa: ARG001
    def edit(text: str, item: Mapping[str, Any]) -> str:
        return squid.set_directive(text, str(item["path"]), str(item["key"]), str(item["to"]), item.get("line"))

    return edited(fix, states, edit)


def _test(command: str, in_place: str, mains: Iterable[str]) -> Callable[[Edge, Fix], str | None]:
    """The command that tests a new file: alone where it is a program's main file, else in its place."""

    def validate(edge: Edge, fix: Fix) -> str | None:
        paths = {str(item["path"]) for item in settings_of(fix)}
        return command if paths <= {*mains, *edge.proxy_config_paths} else in_place

    return validate


def _unit(name: str) -> Callable[[Edge, Fix], Sequence[str]]:
    return lambda _edge, _fix: (name,)


ACTIONS: tuple[Action, ...] = (
    Action("set_export_timeout", files_of, _export_timeout, disruptive=_EXPORT, reloads=export_service),
    Action(
        "set_squid_timeout", files_of, _squid, disruptive=_SQUID, reloads=_unit("squid"),
        validate=_test("squid -k parse -f %s", "squid -k parse", ("/etc/squid/squid.conf",)),
    ),
)  # fmt: skip
