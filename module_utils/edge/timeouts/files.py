# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a node's files below a root, within bounds: never outside the root, never endless, never blocking.

Standard library only: this runs on the edge.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
import stat
from collections.abc import Mapping
from typing import Union

from ..finding import Unread
from ..redaction.choose import redact

# A configuration file of a megabyte is a mistake or an attack; the largest that Debian ships is Squid's, 0.3 MB.
MAX_BYTES = 1024 * 1024
MAX_ARGUMENTS = 8 * 1024 * 1024  # execve(2): a quarter of the stack's limit, 2 MiB where it is the usual one
MAX_LINKS = 40  # as the kernel's own limit (path_resolution(7))
MAX_MATCHES = 128

# The text; None where the file is absent; Unread where it could not be read.
Text = Union[str, None, Unread]


class Node:
    """The files of one node. root: / on the node itself, the directory of a copy elsewhere. Paths are the node's."""

    def __init__(self, root: str) -> None:
        self.root = os.path.normpath(root)
        self.live = self.root == "/"

    def resolve(self, path: str) -> str | None:
        """The file behind a node's path with symbolic links followed as the node would; None where they loop."""
        pending = [part for part in path.split("/") if part]
        done: list[str] = []
        links = 0
        while pending:
            part = pending.pop(0)
            if part in (".", ".."):
                done = done[:-1] if part == ".." else done
                continue
            candidate = os.path.join(self.root, *done, part)
            if not os.path.islink(candidate):
                done.append(part)
                continue
            links += 1
            if links > MAX_LINKS:
                return None
            target = os.readlink(candidate)
            done = [] if target.startswith("/") else done
            pending = [piece for piece in target.split("/") if piece] + pending
        return os.path.join(self.root, *done)

    def read(self, path: str, kind: str, keys: Mapping[str, str] | None = None) -> Text:
        """The text of a file as it may leave the node. kind, keys: as redaction.choose.redact takes them."""
        raw = self.read_raw(path)
        return redact(raw, kind, keys) if isinstance(raw, str) else raw

    def read_raw(self, path: str, limit: int = MAX_BYTES) -> Text:
        """The text of a file as it is. Whoever calls this redacts."""
        data = self.read_bytes(path, limit)
        if not isinstance(data, bytes):
            return data
        if b"\0" in data:
            return Unread("error", "read", path, f"{path}: is not text")
        return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")

    def read_bytes(self, path: str, limit: int = MAX_BYTES) -> bytes | Unread | None:
        """The content of a file; None where it is absent."""
        try:
            real = self.resolve(path)
            if real is None:
                return Unread("error", "read", path, f"{path}: symbolic links go round in a loop")
            data = _bytes(real, limit)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            message = (
                f"{path}: permission denied; the audit needs to read it (become root, or open it to the audit's group)"
            )
            return Unread("denied", "read", path, message, (f"read {path}",))
        except (OSError, ValueError) as error:
            return Unread("error", "read", path, f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}")
        return Unread("error", "read", path, f"{path}: {data}") if isinstance(data, str) else data

    def nul_separated(self, path: str) -> list[str] | Unread:
        """The items of /proc/PID/environ or /proc/PID/cmdline (proc(5)); an error where the process is gone."""
        data = self.read_bytes(path, MAX_ARGUMENTS)
        if data is None:
            return Unread("error", "read", path, f"{path}: no such file; the process has ended")
        if isinstance(data, Unread):
            return data
        return [item.decode("utf-8", errors="replace") for item in data.split(b"\0") if item]

    def wanted(self, path: str, variable: str) -> str | Unread:
        """The text, as it is, of a file that the inventory names: where it is absent, that is an error."""
        text = self.read_raw(path)
        if text is None:
            return Unread("error", "read", path, f"{path}: no such file; correct {variable}")
        return text

    def exists(self, path: str) -> bool:
        try:
            real = self.resolve(path)
            return real is not None and os.path.exists(real)
        except (OSError, ValueError):
            return False

    def is_masked(self, path: str) -> bool:
        """Whether a file is empty on purpose: a link to /dev/null, or nothing in it (systemd.unit(5), sysctl.d(5))."""
        try:
            real = self.resolve(path)
            null = os.path.join(self.root, "dev/null")
            return real == null or (real is not None and os.path.isfile(real) and os.path.getsize(real) == 0)
        except (OSError, ValueError):
            return False

    def names(self, directory: str) -> list[str] | Unread:
        """The names in a directory, sorted; [] where it is absent."""
        try:
            real = self.resolve(directory)
            return sorted(os.listdir(real)) if real is not None else []
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError:
            return Unread("denied", "list", directory, f"{directory}: permission denied", (f"list {directory}",))
        except (OSError, ValueError) as error:
            return Unread("error", "list", directory, f"{directory}: cannot be listed: {error}")

    def glob(self, pattern: str) -> list[str] | Unread:
        """The node's paths that match, sorted; wildcards may stand in any part. No more than MAX_MATCHES."""
        found = ["/"]
        for part in [piece for piece in posixpath.normpath(pattern).split("/") if piece]:
            if not any(sign in part for sign in "*?["):
                found = [posixpath.join(base, part) for base in found]
                continue
            wider: list[str] = []
            for base in found:
                names = self.names(base)
                if isinstance(names, Unread):
                    return names
                hidden = part.startswith(".")
                wider += [
                    posixpath.join(base, name)
                    for name in names
                    if fnmatch.fnmatchcase(name, part) and (hidden or not name.startswith("."))
                ]
            found = wider
        existing = [path for path in found if self.exists(path)]
        if len(existing) > MAX_MATCHES:
            return Unread("error", "list", pattern, f"{pattern}: matches more than {MAX_MATCHES} files")
        return existing


def _bytes(real: str, limit: int) -> bytes | str:
    """The content of a regular file, or the sentence that says why not. O_NONBLOCK: a FIFO would wait for ever."""
    handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return "is not a regular file"
        data = stream.read(limit + 1)
    if len(data) > limit:
        return f"is larger than {limit // 1024} KiB, which no configuration is; nothing of it was read"
    return data
