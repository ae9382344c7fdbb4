# SPDX-License-Identifier: GPL-3.0-or-later
"""A history that is there already: damaged, older, newer, another program's; and many runs that write at once."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.history import query, store
from ansible.module_utils.edge.history.place import place
from ansible.module_utils.edge.history.record import known, record
from ansible.module_utils.edge.history.schema import HEAD, metadata

from tests.unit.history import made

ROOT = Path(__file__).resolve().parents[3]
LONDON = {"london": [("X-1", "a", "fail"), ("X-2", "a", "pass")]}


@pytest.fixture
def kept(tmp_path: Path) -> made.Kept:
    return made.Kept(tmp_path / "history.sqlite")


def keep(history: made.Kept, number: int, edges: Any = None) -> Any:
    return history.write(lambda connection: record(connection, made.report(number, edges or LONDON)))


def ids(history: made.Kept) -> list[str]:
    return [run["id"] for run in history.read(lambda connection: query.newest_runs(connection, 100))]


def beside(history: made.Kept) -> list[str]:
    """The files beside the database, those of the lock left out."""
    path = Path(str(history.place.path))
    return sorted(each.name for each in path.parent.iterdir() if each != path and each.suffix != ".lock")


def test_migrations_make_the_tables_that_the_code_speaks_of(kept: made.Kept) -> None:
    keep(kept, 0)
    found = kept.read(lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert found == []


def test_a_new_history_is_its_owners_alone(kept: made.Kept) -> None:
    keep(kept, 0)
    path = Path(str(kept.place.path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept.warnings == []
    assert beside(kept) == []


def header(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.write(b"\0" * 100)


def pages(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(os.urandom(path.stat().st_size - 4096))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def text_file(path: Path) -> None:
    path.write_text("no database at all\n" * 100)


@pytest.mark.parametrize("damage", [header, pages, cut, text_file])
def test_a_damaged_history_is_kept_aside_as_it_is_and_a_new_one_begun(kept: made.Kept, damage: Any) -> None:
    keep(kept, 0)
    path = Path(str(kept.place.path))
    damage(path)
    content = path.read_bytes()
    told = keep(kept, 1)
    assert told.since is None
    assert ids(kept) == ["run-0001"]
    [aside] = beside(kept)
    assert (path.parent / aside).read_bytes() == content
    assert len(kept.warnings) == 1
    assert f"it is kept as {path.parent / aside}, and a new one was begun" in kept.warnings[0]
    keep(kept, 2)
    assert ids(kept) == ["run-0002", "run-0001"]
    assert len(kept.warnings) == 1


def test_damage_that_shows_only_while_it_is_written_is_kept_aside_too(kept: made.Kept) -> None:
    keep(kept, 0)
    tries: list[int] = []

    def work(connection: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise store.DatabaseError("INSERT", {}, sqlite3.DatabaseError("database disk image is malformed"))
        return record(connection, made.report(1, LONDON))

    kept.write(work)
    assert ids(kept) == ["run-0001"]
    assert len(beside(kept)) == 1


def test_several_that_are_kept_aside_in_one_second_overwrite_none(kept: made.Kept) -> None:
    for number in range(3):
        keep(kept, number)
        header(Path(str(kept.place.path)))
    keep(kept, 3)
    assert len(beside(kept)) == 3


def test_a_rollback_journal_goes_with_the_damaged_database(kept: made.Kept) -> None:
    keep(kept, 0)
    path = Path(str(kept.place.path))
    header(path)
    Path(f"{path}-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 600)
    keep(kept, 1)
    assert ids(kept) == ["run-0001"]
    assert [name.endswith("-journal") for name in beside(kept)] == [False, True]


def test_a_history_of_a_newer_edgepath_is_kept_aside(kept: made.Kept) -> None:
    keep(kept, 0)
    with sqlite3.connect(str(kept.place.path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(EdgepathError, match="its schema is 9999, and this edgepath reads"):
        ids(kept)
    keep(kept, 1)
    assert ids(kept) == ["run-0001"]
    assert "its schema 9999 is not known to this edgepath" in kept.warnings[0]
    [aside] = beside(kept)
    with sqlite3.connect(Path(str(kept.place.path)).parent / aside) as connection:
        assert connection.execute("SELECT id FROM runs").fetchall() == [("run-0000",)]
    connection.close()


LATER = """
from alembic import op
import sqlalchemy as sa
revision = "0002"
down_revision = "0001"
def upgrade():
    op.add_column("runs", sa.Column("note", sa.Text, nullable=False, server_default="none"))
"""


def test_a_history_of_an_older_edgepath_is_brought_up_to_date_after_a_copy(
    kept: made.Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(kept, 0)
    later = tmp_path / "later"
    shutil.copytree(made.MIGRATIONS, later)
    (later / "versions" / "0002_later.py").write_text(LATER)
    monkeypatch.setattr(store, "HEAD", "0002")
    monkeypatch.setattr(made, "MIGRATIONS", str(later))
    told = keep(kept, 1)
    assert told.since == "run-0000"
    assert set(told.changes.values()) == {"unchanged"}
    assert ids(kept) == ["run-0001", "run-0000"]
    [copy] = [name for name in beside(kept) if name.startswith("history.sqlite.schema-0001-")]
    assert copy in kept.warnings[0]
    with sqlite3.connect(tmp_path / copy) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert "note" not in [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    connection.close()


def test_a_migration_that_breaks_leaves_the_history_as_it_was(
    kept: made.Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(kept, 0)
    later = tmp_path / "later"
    shutil.copytree(made.MIGRATIONS, later)
    (later / "versions" / "0002_later.py").write_text(LATER + '    op.execute("SELECT * FROM nothing_of_the_kind")\n')
    with monkeypatch.context() as patched:
        patched.setattr(store, "HEAD", "0002")
        patched.setattr(made, "MIGRATIONS", str(later))
        with pytest.raises(EdgepathError, match="no such table: nothing_of_the_kind"):
            keep(kept, 1)
    keep(kept, 1)
    assert ids(kept) == ["run-0001", "run-0000"]


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(EdgepathError, match="holds tables that are not edgepath's"):
        keep(made.Kept(path), 0)
    assert path.read_bytes() == before
    assert beside(made.Kept(path)) == []


def test_a_file_that_is_no_database_and_is_not_called_one_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost\n")
    with pytest.raises(EdgepathError, match="may name another file by mistake"):
        keep(made.Kept(path), 0)
    assert path.read_text() == "127.0.0.1 localhost\n"
    assert list(tmp_path.iterdir()) == [path]


def test_to_read_makes_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    history = made.Kept(tmp_path / "none" / "history.sqlite")
    with pytest.raises(EdgepathError, match="there is no history at .* yet; an audit makes it"):
        ids(history)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "broken.sqlite").write_text("nothing\n" * 200)
    with pytest.raises(EdgepathError, match="not a database"):
        ids(made.Kept(tmp_path / "broken.sqlite"))


def test_a_path_may_hold_what_means_something_in_a_uri(tmp_path: Path) -> None:
    history = made.Kept(tmp_path / "a?b#c %41" / "history.sqlite")
    keep(history, 0)
    assert ids(history) == ["run-0000"]


def test_what_work_wrote_before_it_broke_is_not_kept(kept: made.Kept) -> None:
    keep(kept, 0)

    def work(connection: Any) -> None:
        record(connection, made.report(1, LONDON))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.write(work)
    assert ids(kept) == ["run-0000"]


def of_a_process(path: str, number: int) -> list[str]:
    """Records one run as a process of its own does; returns the warnings."""
    history = made.Kept(Path(path))
    keep(history, number)
    return history.warnings


@pytest.mark.parametrize("begin", ["absent", "damaged"])
def test_many_processes_record_at_once(kept: made.Kept, begin: str) -> None:
    path = Path(str(kept.place.path))
    if begin == "damaged":
        path.write_bytes(b"\0" * 8192)
    number = 24
    with ProcessPoolExecutor(8, mp_context=get_context("fork")) as pool:
        warnings = list(pool.map(of_a_process, [str(path)] * number, range(number)))
    assert sum(map(len, warnings)) == (begin == "damaged")
    assert len(beside(kept)) == (begin == "damaged")
    assert sorted(ids(kept)) == [f"run-{each:04}" for each in range(number)]
    told = kept.read(lambda connection: query.of_edge(connection, "london", None, 100))
    assert told["runs"] == number
    with sqlite3.connect(path) as connection:
        assert [row[0] for row in connection.execute("SELECT nth FROM verdicts ORDER BY seq")] == list(range(1, 25))
        assert connection.execute("SELECT count(*) FROM transitions").fetchone() == (2,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_process_that_is_killed_while_it_writes_leaves_no_lock_and_no_half_run(kept: made.Kept) -> None:
    keep(kept, 0)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tests.conftest\n"
        "from pathlib import Path; from tests.unit.history import made\n"
        "from ansible.module_utils.edge.history.record import record\n"
        "def work(connection):\n"
        "    record(connection, made.report(1, {'london': [('X-1', str(n), 'fail') for n in range(5000)]}))\n"
        "    print('written', flush=True); sys.stdin.read()\n"
        "made.Kept(Path(sys.argv[2])).write(work)\n"
    )
    command = [sys.executable, "-c", script, str(ROOT), str(kept.place.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    keep(kept, 2)
    assert ids(kept) == ["run-0002", "run-0000"]
    assert kept.warnings == []


def test_a_writer_that_never_ends_is_not_waited_for_for_ever(kept: made.Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "WAIT_SECONDS", 0.0)

    def work(connection: Any) -> None:
        with pytest.raises(EdgepathError, match="other runs have been writing for 0 s"):
            keep(made.Kept(Path(str(kept.place.path))), 1)

    kept.write(work)


def test_a_run_is_known_by_its_id(kept: made.Kept) -> None:
    keep(kept, 0)
    assert kept.read(lambda connection: (known(connection, "run-0000"), known(connection, "run-0001"))) == (1, None)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("history.sqlite", "no URL of a database"),
        ("sqlite:///history.sqlite", "by an absolute path"),
        ("sqlite://", "by an absolute path"),
        ("mysql://user@host/base", "mysql is not supported"),
        ("postgresql://user:secret@host/base", "holds a password"),
        ("postgresql://user@host/base?password=secret", "holds a password"),
        ("postgresql://:secret@/base", "holds a password"),
    ],
)
def test_a_place_that_is_none_is_refused_and_no_secret_is_told(url: str, message: str) -> None:
    with pytest.raises(EdgepathError, match=message) as error:
        place(url)
    assert "secret" not in str(error.value)


def test_places() -> None:
    assert place("/srv/../srv/h.sqlite").path == "/srv/h.sqlite"
    assert place("sqlite:////srv/h.sqlite") == place("/srv/h.sqlite")
    server = place("postgresql://user@host/base?sslmode=verify-full")
    assert server.path is None
    assert server.url.drivername == "postgresql+psycopg"
    assert HEAD == "0001"
