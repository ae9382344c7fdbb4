# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts dnspython on an edge where nothing may be installed, and leaves nothing there.

The action plugin packs it on the controller (packing.py) as text for a module's argument. On the edge `unpack` puts it
on sys.path from memory (memfd_create(2), read by zipimport through /proc/self/fd), or where a node has no such thing
from a temporary file that has no name any more, or that is removed when the module ends.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import contextlib
import os
import sys
import tempfile
import zlib

from .finding import EdgepathError


def unpack(text: str) -> str:
    """Make `import dns` work from the packed text, before any other dnspython of the node; the path that was added.

    EdgepathError where the text is damaged, or the node can hold it neither in memory nor in a temporary file.
    """
    try:
        data = zlib.decompress(base64.b64decode(text, validate=True))  # zlib holds a checksum of the whole
    except (binascii.Error, ValueError, zlib.error) as error:
        raise EdgepathError(f"dnspython did not arrive whole on the edge: {error}; run the audit again") from None
    try:
        path = _place(data)
    except OSError as error:
        raise EdgepathError(f"the edge can hold dnspython neither in memory nor in a file: {error}") from None
    sys.path.insert(0, path)
    return path


def _place(data: bytes) -> str:
    """A path under which the data can be read for as long as this process lives."""
    if os.path.isdir("/proc/self/fd"):
        for opener in (_memory, _nameless):
            handle = opener()
            if handle is None:
                continue
            with os.fdopen(os.dup(handle), "wb") as stream:
                stream.write(data)
            return f"/proc/self/fd/{handle}"
    handle, path = tempfile.mkstemp(prefix="edgepath-", suffix=".zip")
    atexit.register(_remove, path)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    return path


def _memory() -> int | None:
    create = getattr(os, "memfd_create", None)
    if create is None:
        return None
    try:
        return int(create("edgepath-dnspython"))
    except OSError:  # an old kernel, or a sandbox that forbids it: the next way is tried
        return None


def _nameless() -> int | None:
    try:
        handle, path = tempfile.mkstemp(prefix="edgepath-")
    except OSError:  # no directory can be written: the caller's last way reports it
        return None
    os.unlink(path)
    return handle


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
