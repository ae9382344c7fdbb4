# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a node, read below a root that may be a copy of it: symbolic links never lead out of the copy."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from ..finding import Unread

# A resolver configuration is some hundred bytes; a hosts file that blocks advertisers some megabytes.
MAX_BYTES = 4 * 1024 * 1024
_MAX_LINKS = 40  # the kernel's own limit (path_resolution(7))


@dataclass(frozen=True)
class NodeFile:
    """A file of the node. path: on the node.  link: what the path itself is a link to, or None.
    target: where the links end, on the node.  text: None where nothing is there."""

    path: str
    link: str | None
    target: str
    text: str | None


def read_text(root: str, path: str) -> NodeFile | Unread:
    """A file below a root, as text. Bytes that are not UTF-8 are replaced. Never blocks on a pipe or a device."""
    try:
        target = _follow(root, path)
        link = os.readlink(_below(root, path)) if os.path.islink(_below(root, path)) else None
        handle = os.open(_below(root, target), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return NodeFile(path, _link(root, path), path, None)
    except PermissionError:
        return Unread("denied", "read", path, f"cannot read {path}: permission denied; run the audit with become: true")
    except OSError as error:
        return Unread("error", "read", path, f"cannot read {path}: {error.strerror or error}")
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return Unread("error", "read", path, f"cannot read {path}: {target} is not a regular file")
        data = _all_of(handle)
    except OSError as error:
        return Unread("error", "read", path, f"cannot read {path}: {error.strerror or error}")
    finally:
        os.close(handle)
    if len(data) > MAX_BYTES:
        return Unread("error", "read", path, f"cannot read {path}: it is larger than {MAX_BYTES} bytes")
    return NodeFile(path, link, target, data.decode("utf-8", errors="replace"))


def _all_of(handle: int) -> bytes:
    """What the file holds, and one byte more than is taken of a file that is too large."""
    data = b""
    while len(data) <= MAX_BYTES:
        part = os.read(handle, MAX_BYTES + 1 - len(data))
        if not part:
            break
        data += part
    return data


def listing(root: str, directory: str, ending: str) -> list[str] | Unread:
    """The paths (on the node) of a directory's files with an ending, sorted; empty where there is no directory."""
    try:
        names = sorted(os.listdir(_below(root, _follow(root, directory))))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        return Unread("denied", "read", directory, f"cannot list {directory}: permission denied; use become: true")
    except OSError as error:
        return Unread("error", "read", directory, f"cannot list {directory}: {error.strerror or error}")
    return [f"{directory}/{name}" for name in names if name.endswith(ending)]


def _below(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))


def _link(root: str, path: str) -> str | None:
    try:
        return os.readlink(_below(root, path))
    except OSError:
        return None


def _follow(root: str, path: str) -> str:
    """The path on the node that all links of a path lead to; absolute links start at the root again."""
    parts = [part for part in path.split("/") if part]
    done: list[str] = []
    links = 0
    while parts:
        part = parts.pop(0)
        if part == "..":
            done = done[:-1]
            continue
        if part == ".":
            continue
        here = _below(root, "/".join([*done, part]))
        if not os.path.islink(here):
            done.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(40, f"{path} leads through too many symbolic links")
        target = os.readlink(here)
        if target.startswith("/"):
            done = []
        parts = [piece for piece in target.split("/") if piece] + parts
    return "/" + "/".join(done)
