# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads saved job documents, within bounds."""

from __future__ import annotations

import os
import stat

from ..finding import EdgepathError
from .document import jobs_of
from .model import Job

MAX_BYTES = 32 * 1024 * 1024


def read_document(path: str) -> list[Job]:
    """The jobs of a saved document; EdgepathError where it cannot be read or understood."""
    return jobs_of(read_text(path), path)


def read_text(path: str) -> str:
    """The text of a document; a FIFO or a file of gigabytes is refused, not read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise EdgepathError(f"{path}: is not a regular file; give a saved job document")
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EdgepathError(f"cannot read the job document {os.path.abspath(path)!r}: {reason}") from None
    if len(data) > MAX_BYTES:
        raise EdgepathError(f"{path}: is larger than {MAX_BYTES // 1024 // 1024} MiB; give the document of one job")
    return data.decode("utf-8-sig", errors="replace")
