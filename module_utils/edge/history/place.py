# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a history lies: a file of SQLite, or a database of PostgreSQL."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ..finding import EdgepathError

_SHAPES = "an absolute path, sqlite:////path or postgresql://user@host/database"


@dataclass(frozen=True)
class Place:
    """url: for SQLAlchemy.  path: of the file, None for a server.  name: for messages, without anything secret."""

    url: URL
    path: str | None
    name: str


def place(url: str) -> Place:
    """The place that edge_history_url names; EdgepathError where it names none, or holds a password."""
    if url.startswith("/"):
        return _file(url)
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise EdgepathError(f"edge_history_url is no URL of a database; give {_SHAPES}") from None
    if parsed.password is not None or "password" in parsed.query:
        raise EdgepathError(
            "edge_history_url holds a password, which process lists and logs would show; keep it in ~/.pgpass or a "
            "pg_service.conf (libpq, The Password File), and leave it out of the URL"
        )
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        if not parsed.database or not os.path.isabs(parsed.database):
            raise EdgepathError("edge_history_url names no file by an absolute path; it is sqlite:// and /path")
        return _file(parsed.database)
    if kind == "postgresql":
        return Place(parsed.set(drivername="postgresql+psycopg"), None, parsed.render_as_string())
    raise EdgepathError(f"edge_history_url: {kind} is not supported; give {_SHAPES}")


def _file(path: str) -> Place:
    if "\0" in path:
        raise EdgepathError("edge_history_url holds a null character, which no path can")
    path = os.path.normpath(path)
    return Place(URL.create("sqlite", database=path), path, path)
