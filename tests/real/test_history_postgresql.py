# SPDX-License-Identifier: GPL-3.0-or-later
"""The history in a real PostgreSQL, started for the tests; skipped, with the reason, where none is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.history import query
from ansible.module_utils.edge.history.prune import prune
from ansible.module_utils.edge.history.record import record
from ansible.module_utils.edge.history.schema import metadata
from sqlalchemy import text

from tests.unit.history import made

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgresql")]


def binaries() -> Path | None:
    """Where initdb is: on the path, or where Debian keeps its versions."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The directory of the socket of a server that only this machine's users can reach."""
    where = binaries()
    if where is None:
        pytest.skip("PostgreSQL is not installed (Debian's package is postgresql)")
    # It refuses to run as root, and a socket's path may have 107 characters.
    base = Path(tempfile.mkdtemp(prefix="edgepath-pg-", dir="/tmp"))
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        try:
            entry = pwd.getpwnam("postgres")
        except KeyError:
            entry = pwd.getpwnam("nobody")
        user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        os.chown(base, entry.pw_uid, entry.pw_gid)
    data = base / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(base)}

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=base, env=environment, **user)

    run(str(where / "initdb"), "-D", str(data), "-U", "edgepath", "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories={base} -c fsync=off"
    run(str(where / "pg_ctl"), "-D", str(data), "-w", "-l", str(base / "log"), "-o", options, "start")
    try:
        yield str(base)
    finally:
        run(str(where / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop")
        shutil.rmtree(base)


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """An empty database of its own for each test."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(host=server, user="edgepath", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql://edgepath@/{name}?host={server}"


def keep(url: str, number: int, edges: Any) -> Any:
    history = made.Kept(Path(), url)
    return history.write(lambda connection: record(connection, made.report(number, edges)))


def test_migrations_make_the_tables_that_the_code_speaks_of(url: str) -> None:
    keep(url, 0, {"london": []})
    found = made.Kept(Path(), url).read(
        lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
    )
    assert found == []


def test_it_tells_what_a_file_tells(url: str, tmp_path: Path) -> None:
    runs = [
        {"london": [("X-1", "a", "fail"), ("X-2", "a", "pass")], "paris": [("X-1", "a", "unknown")]},
        {"london": [("X-1", "a", "pass"), ("X-2", "a", "fail", "née \u2028 ünïcode")]},
        {"london": [("X-1", "b", "fail")], "paris": [("X-1", "a", "fail")]},
        {"london": [("X-1", "b", "fail"), ("X-2", "a", "unknown")], "paris": []},
    ]
    histories = [made.Kept(Path(), url), made.Kept(tmp_path / "h.sqlite")]
    for number, edges in enumerate(runs):
        told = [
            history.write(lambda connection, n=number, e=edges: record(connection, made.report(n, e)))
            for history in histories
        ]
        assert told[0] == told[1]
    for ask in (
        lambda connection: query.newest_runs(connection, 10),
        lambda connection: query.of_edge(connection, "london", None, 10),
        lambda connection: query.diff(connection, "run-0000", "run-0002"),
        lambda connection: query.trend(connection, ["london", "paris"], 3),
        lambda connection: query.flapping(connection, ["london", "paris"], 10, 1),
        lambda connection: query.verdicts_of(connection, ["london", "paris"], 3),
    ):
        answers = [history.read(ask) for history in histories]
        assert answers[0] == answers[1]
        assert answers[0]
    now = datetime(2027, 1, 1, tzinfo=timezone.utc)
    forgotten = [history.write(lambda connection: prune(connection, now, 0, 2)) for history in histories]
    assert forgotten == [2, 2]
    counts = [
        history.read(
            lambda connection: [
                connection.execute(text(f"SELECT count(*) FROM {name}")).scalar() for name in metadata.tables
            ]
        )
        for history in histories
    ]
    assert counts[0] == counts[1]


def of_a_process(url: str, number: int) -> None:
    keep(url, number, {"london": [("X-1", str(each), "fail") for each in range(50)]})


def test_many_processes_record_at_once(url: str) -> None:
    with ProcessPoolExecutor(6, mp_context=get_context("fork")) as pool:
        list(pool.map(of_a_process, [url] * 18, range(18)))
    told = made.Kept(Path(), url).read(lambda connection: query.of_edge(connection, "london", None, 100))
    assert told["runs"] == 18
    assert all(len(finding["moves"]) == 1 for finding in told["findings"])


def test_a_newer_schema_and_other_tables_are_refused_and_left_alone(url: str) -> None:
    keep(url, 0, {"london": []})
    history = made.Kept(Path(), url)
    history.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(EdgepathError, match="schema 9999 is not known to this edgepath.*run the newer edgepath"):
        keep(url, 1, {"london": []})
    with pytest.raises(EdgepathError, match="its schema is 9999"):
        history.read(lambda connection: query.newest_runs(connection, 1))


def test_a_server_that_is_not_there_is_one_clear_sentence(server: str) -> None:
    with pytest.raises(EdgepathError, match="^history postgresql://edgepath@/none"):
        keep(f"postgresql://edgepath@/none?host={server}", 0, {"london": []})
