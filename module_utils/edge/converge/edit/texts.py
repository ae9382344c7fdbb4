# SPDX-License-Identifier: GPL-3.0-or-later
"""Files' states as text and back, bit for bit. Pure.

Bytes that are not UTF-8 pass through as surrogates, so that what is not edited returns as it was.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Union

from ...targets import Edge
from ..model import Refused, State

# The keys that lead to a value of a settings file: names, and places in lists.
Path = tuple[Union[str, int], ...]


def text_of(state: State, path: str) -> str:
    """The text of a file's state; Refused where there is no file, or it is not text."""
    if state is None:
        raise Refused(f"{path}: there is no such file; audit again")
    data = base64.b64decode(state["content"])
    if b"\0" in data:
        raise Refused(f"{path}: is not text; change it by hand")
    return data.decode("utf-8", errors="surrogateescape")


def with_text(state: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The same file with another text: changed now, and under this name alone."""
    data = text.encode("utf-8", errors="surrogateescape")
    kept = {key: value for key, value in state.items() if key not in ("links", "mtime")}
    return {**kept, "content": base64.b64encode(data).decode("ascii")}


def new_file(edge: Edge, text: str, mode: str = "0644") -> dict[str, Any]:
    """The state of a file that is not there yet, root's. A copy of a node belongs to whoever keeps it."""
    owned = {"owner": "root", "group": "root"} if edge.root == "/" else {}
    return with_text({"mode": mode, **owned}, text)


def ending_of(text: str) -> str:
    """How most lines of a text end."""
    windows = text.count("\r\n")
    return "\r\n" if windows and windows * 2 > text.count("\n") else "\n"


def lines_of(text: str) -> list[str]:
    """The lines with their endings; joined they are the text."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def parted(line: str) -> tuple[str, str]:
    """A line and its ending."""
    body = line.rstrip("\n")
    body = body[:-1] if line.endswith("\r\n") else body
    return body, line[len(body) :]


def appended(text: str, line: str) -> str:
    """The text with one line more; a last line without an ending gets one first."""
    ending = ending_of(text)
    head = text if not text or text.endswith("\n") else text + ending
    return f"{head}{line}{ending}"


def one_line(value: str, what: str) -> str:
    """A value that may be written into a file: Refused where it would break out of its line."""
    if not value or not value.isprintable():
        raise Refused(f"{what}: {value[:60]!r} is no value that is written into a file")
    return value
