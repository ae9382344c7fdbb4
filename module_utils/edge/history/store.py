# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a history: one writer at a time, its schema brought up to date, a damaged one kept aside and never overwritten.

The file of SQLite has a lock file beside it, since a database must not be kept aside while another run writes to it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from ..finding import EdgepathError
from .place import Place
from .schema import HEAD, metadata

WAIT_SECONDS = 120.0
_MAGIC = b"SQLite format 3\x00"
_ENDINGS = (".sqlite", ".sqlite3", ".db")
# SQLITE_CORRUPT and SQLITE_NOTADB (sqlite.org/rescode.html) as the driver words them.
_DAMAGE = ("malformed", "not a database", "quick_check")
# Any number that no other program on the same server takes; PostgreSQL's advisory locks have no names.
_ADVISORY_LOCK = 0x65646765

Result = TypeVar("Result")


class Damaged(Exception):
    """The database cannot be read as one; why says what it is instead."""


def write(place: Place, migrations: str, warnings: list[str], work: Callable[[Connection], Result]) -> Result:
    """What work returns, done in one transaction with no other writer beside it; EdgepathError where it cannot be.

    work may run twice: where the file turns out to be damaged it is kept aside, and work begins again in a new one.
    warnings: what was done to a database that was there before is added to it.
    """
    try:
        if place.path is None:
            with _server(place) as connection:
                _ready(connection, place, migrations, warnings)
                return work(connection)
        _meant(place.path)
        with _locked(place.path):
            try:
                return _in_file(place, migrations, warnings, work)
            except (Damaged, DatabaseError) as error:
                if not isinstance(error, Damaged) and not any(word in str(error) for word in _DAMAGE):
                    raise
                aside = _keep_aside(place.path)
                warnings.append(f"history {place.path}: {_said(error)}; it is kept as {aside}, and a new one was begun")
                return _in_file(place, migrations, warnings, work)
    except SQLAlchemyError as error:
        raise EdgepathError(f"history {place.name}: {_said(error)}") from None
    except OSError as error:
        raise EdgepathError(f"history {place.name}: {error.strerror}; set edge_history_url") from None


@contextlib.contextmanager
def reading(place: Place) -> Iterator[Connection]:
    """A connection that cannot write; EdgepathError where there is no history, or none that this edgepath reads."""
    if place.path is not None and not os.path.exists(place.path):
        raise EdgepathError(f"there is no history at {place.name} yet; an audit makes it")
    try:
        url, arguments = place.url, {}
        if place.path is not None:
            url = url.set(database=f"file:{_quoted(place.path)}", query={"mode": "ro", "uri": "true"})
            # A writer of a fleet's run keeps readers out for seconds (sqlite.org/lockingv3.html, cache spill).
            arguments = {"timeout": WAIT_SECONDS}
        engine = create_engine(url, connect_args=arguments)
        with contextlib.closing(_Disposed(engine)), engine.connect() as connection:
            revision = _revision(connection)
            if revision != HEAD:
                raise EdgepathError(
                    f"history {place.name}: its schema is {revision or 'none of edgepath'}, and this edgepath reads "
                    f"{HEAD}; the next audit sees to it"
                )
            yield connection
    except SQLAlchemyError as error:
        raise EdgepathError(f"history {place.name}: {_said(error)}") from None


class _Disposed:
    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def close(self) -> None:
        self._engine.dispose()


@contextlib.contextmanager
def _server(place: Place) -> Iterator[Connection]:
    try:
        engine = create_engine(place.url)
    except ImportError:
        raise EdgepathError("edge_history_url is of PostgreSQL, which needs psycopg on the controller") from None
    with contextlib.closing(_Disposed(engine)), engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield connection


def _meant(path: str) -> None:
    """Raise EdgepathError for a file that is no database and is not called one: it is not ours to rename."""
    if path.endswith(_ENDINGS) or not os.path.exists(path) or os.path.getsize(path) == 0:
        return
    with open(path, "rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise EdgepathError(f"{path} is no database; edge_history_url may name another file by mistake")


def _in_file(place: Place, migrations: str, warnings: list[str], work: Callable[[Connection], Result]) -> Result:
    with _opened(place) as connection:
        _ready(connection, place, migrations, warnings)
        return work(connection)


@contextlib.contextmanager
def _opened(place: Place) -> Iterator[Connection]:
    path = str(place.path)
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        os.fchmod(handle, 0o600)  # whatever the umask took from the owner as well
        os.close(handle)
    else:
        with open(path, "rb") as stream:
            if stream.read(len(_MAGIC)) != _MAGIC:
                raise Damaged("it is not a database")
    # The driver's own transactions would begin too late, with a read that another writer then outdates.
    engine = create_engine(place.url, connect_args={"isolation_level": None, "timeout": WAIT_SECONDS})
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with contextlib.closing(_Disposed(engine)), engine.begin() as connection:
        yield connection


def _ready(connection: Connection, place: Place, migrations: str, warnings: list[str]) -> None:
    """Bring the schema up to date; Damaged for a file that is broken or of a newer edgepath."""
    if place.path is not None:
        told = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if told != "ok":
            raise Damaged(f"it is damaged (quick_check: {told})")
    revision = _revision(connection)
    if revision == HEAD:
        return
    if revision is None and set(inspect(connection).get_table_names()):
        raise EdgepathError(
            f"{place.name} holds tables that are not edgepath's; edge_history_url must name its own place"
        )
    if revision is not None and revision not in _known(migrations):
        newer = f"its schema {revision} is not known to this edgepath, which writes {HEAD}"
        if place.path is None:
            raise EdgepathError(f"history {place.name}: {newer}; run the newer edgepath, or name another database")
        raise Damaged(newer)
    if revision is not None and place.path is not None:
        copy = _copy_aside(place.path, revision)
        warnings.append(
            f"history {place.path}: brought from schema {revision} to {HEAD}; it is kept as {copy} as it was"
        )
    _upgrade(connection, migrations)


def _revision(connection: Connection) -> str | None:
    """The schema of the database; None where edgepath made none."""
    names = set(inspect(connection).get_table_names())
    if "alembic_version" not in names or "runs" not in names:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _config(migrations: str, connection: Connection | None = None) -> Any:
    # Alembic takes a third of a second to load, and is needed once.
    from alembic.config import Config

    if not os.path.isdir(migrations):
        raise EdgepathError(f"{migrations} is no directory; migrations_dir must be the project's history/migrations")
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", migrations.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _known(migrations: str) -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_config(migrations)).walk_revisions()}


def _upgrade(connection: Connection, migrations: str) -> None:
    from alembic import command

    command.upgrade(_config(migrations, connection), HEAD)
    absent = set(metadata.tables) - set(inspect(connection).get_table_names())
    if absent:
        raise EdgepathError(f"the migrations in {migrations} did not make {', '.join(sorted(absent))}")


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Waits for other runs that write to the same file; the lock goes with the process, however it ends."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise EdgepathError(
                        f"history {path}: other runs have been writing for {WAIT_SECONDS:g} s; record this one later "
                        "with edge_history"
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _keep_aside(path: str) -> str:
    """Rename the database with all that belongs to it; returns its new name, which nothing else has."""
    aside = _free(path, "kept")
    # A rollback journal goes with its database, or it would be played into the new one (sqlite.org/howtocorrupt.html).
    for ending in ("-journal", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + ending, aside + ending)
    os.rename(path, aside)
    return aside


def _copy_aside(path: str, revision: str) -> str:
    copy = _free(path, f"schema-{revision}")
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    # A connection of its own sees what is committed, and that is the database before the migration.
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _free(path: str, word: str) -> str:
    stamp = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    names = (f"{path}.{word}-{stamp}{'' if number == 0 else f'-{number}'}" for number in range(1000))
    return next(name for name in names if not os.path.exists(name))


def _said(error: Exception) -> str:
    """The first line of what the database said, without the statement and its values."""
    origin = getattr(error, "orig", None) or error
    return " ".join(str(origin).split("\n", 1)[0].split())


def _quoted(path: str) -> str:
    """A path in a URI of SQLite (sqlite.org/uri.html, 3.1)."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
