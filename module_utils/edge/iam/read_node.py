# SPDX-License-Identifier: GPL-3.0-or-later
"""What the edge's own files say of access: the calls that the export is told to make, keys that lie about, refusals.

Takes what the visit to the edge brought (sections `timeouts` and `log`, redacted there) and keeps a few answers; of
text, the log's lines of refused requests alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..finding import EdgepathError, Unread, unread
from ..settings import format_of, lookup, parse_settings
from ..targets import Edge
from .observed import parse_denial

_YES = ("true", "yes", "on", "1")
# Settings of the export that add calls to its plan, by their name in edge_export_config_keys.
ASKED = ("versions", "legal_hold", "retention")
# The names under which SDKs and settings documents keep long-lived keys, the separators left out; the sign after the
# name and a value that is not empty.
_KEY_SETTING = re.compile(
    r"""(?im)^(?P<before>[^\n#;]*?["']?(?P<name>[\w.\-]*(?:access[_\-.]?key(?:[_\-.]?id)?|secret[_\-.]?(?:access[_\-.]?)?key)))["']?"""
    r"""[ \t]*[:=][ \t]*(?P<value>[^\s#;,}][^\n]*)"""
)
_EMPTY = re.compile(r"""^(?:null|none|~|""|''|\{\}|\[\])?[ \t,}]*$""", re.IGNORECASE)
# What makes a bare "Access Denied" one of the storage's, and not of a login or of another protocol.
_OF_STORAGE = re.compile(r"\bS3\b|amazon|<Code>|HostId|Request ?Id|RequestId", re.IGNORECASE)
_ENVIRONMENT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def from_node(edge: Edge, section: Any) -> dict[str, Any]:
    """{"asks": {"versions": bool | None | unread, ...}, "static_keys": [{"file", "setting"}] | None | Unread}.

    None: nothing says whether the export asks for it; no settings were named in which keys could stand.
    """
    gone = unread(section)
    if gone is not None or not isinstance(section, Mapping):
        because = gone or Unread("error", "edge_facts", edge.name, f"edge {edge.name}: what came back is no mapping")
        asked = {name: because if edge.export_config_keys.get(name) else None for name in ASKED}
        return {"asks": asked, "static_keys": because}
    return {
        "asks": {name: _asked(edge, name, section.get("export_config")) for name in ASKED},
        "static_keys": _static_keys(section),
    }


def denials_of(section: Any) -> Any:
    """The lines of refused requests in the log and the journal, from the section `log`; None: none are kept here.

    A line that could be of anything is left out: LOG-02 tells of it. Unread where nothing was found and something of
    the log was not read.
    """
    gone = unread(section)
    if gone is not None or not isinstance(section, Mapping):
        return gone
    lines: list[str] = []
    hidden: Unread | None = None
    for name in ("log", "journal"):
        held = section.get(name)
        hidden = hidden or unread(held)
        seen = held.get("classes", {}).get("access_denied") if isinstance(held, Mapping) else None
        lines += [str(sample["text"]) for sample in (seen or {}).get("samples", ())]
    kept = [line for line in lines if _of_storage(line)]
    if kept or (hidden is None and all(section.get(name) is None for name in ("log", "journal"))):
        return kept or None
    return hidden or []


def _of_storage(line: str) -> bool:
    denial = parse_denial(line)
    return denial is not None and bool(denial.action or denial.call or _OF_STORAGE.search(line))


def _asked(edge: Edge, name: str, config: Any) -> Any:
    key = edge.export_config_keys.get(name)
    if key is None or edge.export_config_path is None:
        return None
    gone = unread(config)
    if gone is not None:
        return gone
    path = edge.export_config_path
    if not isinstance(config, Mapping) or not isinstance(config.get("text"), str):
        message = f"edge {edge.name}: the export configuration is not among the facts that came back"
        return Unread("not_collected", "read", path, message)
    try:
        value = lookup(parse_settings(config["text"], format_of(path, edge.export_config_format), path), key)
    except EdgepathError as error:
        return Unread("error", "read", path, f"edge {edge.name}: {error}")
    return None if value is None else str(value).strip().lower() in _YES


def _static_keys(section: Mapping[str, Any]) -> Any:
    if all(section.get(name) is None for name in ("recording_storage", "export_config", "process")):
        return None
    found: list[dict[str, str]] = []
    hidden: Unread | None = None
    for name in ("recording_storage", "export_config"):
        document = section.get(name)
        gone = unread(document)
        if isinstance(document, Mapping) and gone is None:
            found += [
                {"file": str(document.get("path")), "setting": each}
                for each in settings_with_keys(document.get("text"))
            ]
        hidden = hidden or gone
    process = section.get("process")
    hidden = hidden or unread(process)
    environment = process.get("environment") if isinstance(process, Mapping) else None
    hidden = hidden or unread(environment)
    for name in _ENVIRONMENT:
        if isinstance(environment, Mapping) and environment.get(name):
            found.append({"file": "the environment of the export's process", "setting": name})
    return found if found or hidden is None else hidden


def settings_with_keys(text: Any) -> list[str]:
    """The names of settings in a text that hold an access key or its secret; values are never returned."""
    if not isinstance(text, str):
        return []
    names = [
        match.group("name") for match in _KEY_SETTING.finditer(text) if not _EMPTY.match(match.group("value").strip())
    ]
    return list(dict.fromkeys(names))
