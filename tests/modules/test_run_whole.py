# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is whole, or it is not `latest`: killed or out of space at every moment between its first file and its link."""

from __future__ import annotations

import contextlib
import csv
import errno
import importlib
import io
import json
import os
import resource
import signal
import stat
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge import ended
from ansible.module_utils.edge.history import place, store
from ansible.module_utils.edge.latest import newest_with, runs
from ansible.module_utils.edge.report import Gate
from ansible.module_utils.edge.run import complete, make_private, read_json, state_of, write_json
from ansible.module_utils.testing import patch_module_args

from tests.unit.history import made
from tests.unit.writers import reports

RUN, AUDIT, REPORT, WRITE, MERGE, HISTORY = (
    importlib.import_module(f"edge_{name}")
    for name in ("run", "path_audit", "report", "report_write", "report_merge", "history")
)
EDGE = {"name": "london", "bucket": "recordings", "region": "eu-west-2"}
FILES = ("report.html", "report.junit.xml", "report.sarif", "findings.ocsf.json", "metrics.prom", "findings.csv")
# Everything that a disk can refuse, and between any two of which a process can be killed.
CALLS = ("fsync", "replace", "symlink", "mkdir", "chmod", "unlink")


def module_of(module: Any, **arguments: Any) -> dict[str, Any]:
    """What a module answers through its main()."""
    said = io.StringIO()
    with patch_module_args(arguments), contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        module.main()
    answer: dict[str, Any] = json.loads(said.getvalue())
    return answer


def published(directory: Path) -> dict[str, Any]:
    """A run from its beginning to its link, as the roles do it; what the module says that failed, or the last."""
    begun = module_of(RUN, runs_dir=str(directory), edges=[EDGE], inventory=["london"])
    if "run_dir" not in begun:
        return begun
    run_dir = begun["run_dir"]
    told = module_of(AUDIT, run_dir=run_dir, domains=["timeouts"])
    told = told if told.get("failed") else module_of(REPORT, run_dir=run_dir)
    return told if told.get("failed") else module_of(WRITE, run_dir=run_dir, template_dir=str(reports.TEMPLATES))


def assert_whole(run_dir: Path) -> None:
    """Every format is there and can be read to its end."""
    assert complete(str(run_dir))
    page, junit, sarif, ocsf, metrics, table = ((run_dir / name).read_text(encoding="utf-8") for name in FILES)
    assert page.rstrip().endswith("</html>")
    assert ElementTree.fromstring(junit).tag == "testsuites"
    assert json.loads(sarif)["version"] == "2.1.0"
    assert len(json.loads(ocsf)) == len(list(csv.DictReader(io.StringIO(table)))) > 100
    assert metrics.endswith("\n")
    assert read_json(str(run_dir / "report.json"))["edges"].keys() == {"london"}


def assert_latest_is_whole(directory: Path, old: Path | None) -> None:
    """`latest` leads to a whole run, to the one before where the new one is not; no other is taken for it."""
    link = directory / "latest"
    assert link.exists() == link.is_symlink(), "the link leads nowhere"
    if old is not None:
        assert link.exists()
    if link.exists():
        assert_whole(link.resolve())
    newest = newest_with(str(directory), "london")
    assert newest is None or complete(newest)
    for run_dir in map(Path, runs(str(directory))):
        if complete(str(run_dir)):
            assert_whole(run_dir)
        else:
            assert state_of(str(run_dir)) in ("begun", "failed")
            assert str(run_dir) != newest


@contextlib.contextmanager
def failing(at: int, fault: Callable[[], None]) -> Iterator[list[int]]:
    """The at-th of the calls meets a fault before it is made; yields how many there were."""
    counted = [0]
    real = {name: getattr(os, name) for name in CALLS}

    def through(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            counted[0] += 1
            if counted[0] == at:
                fault()
            return real[name](*arguments, **options)

        return call

    for name in CALLS:
        setattr(os, name, through(name))
    try:
        yield counted
    finally:
        for name in CALLS:
            setattr(os, name, real[name])


def in_a_child(work: Callable[[], Any]) -> int:
    """Do it in a process of its own; its status, negative where a signal ended it."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = int(bool(work()))
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def moments(directory: Path) -> int:
    """How many calls a run makes there, which may fail or come too late."""
    with failing(-1, lambda: None) as counted:
        assert not published(directory).get("failed")
    assert counted[0] > 25
    return counted[0]


def killed_at(moment: int, directory: Path) -> int:
    def work() -> bool:
        with failing(moment, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            return bool(published(directory).get("failed"))

    return in_a_child(work)


def test_the_first_run_killed_at_every_moment(tmp_path: Path) -> None:
    every = moments(tmp_path / "counted")
    for moment in range(1, every + 2):
        directory = tmp_path / str(moment)
        assert killed_at(moment, directory) == (-signal.SIGKILL if moment <= every else 0)
        assert_latest_is_whole(directory, None)


def test_a_further_run_killed_at_every_moment(tmp_path: Path) -> None:
    """Each meets what the killed ones before it left, and is not held up by it."""
    assert published(tmp_path)["link"] == "latest"
    every = moments(tmp_path)
    old = (tmp_path / "latest").resolve()
    for moment in range(1, every + 1):
        assert killed_at(moment, tmp_path) == -signal.SIGKILL
        assert_latest_is_whole(tmp_path, old)
        if moment < every - 1:  # the last of all is the directory's fsync, when the link is made
            assert (tmp_path / "latest").resolve() == old
    assert published(tmp_path)["link"] == "latest"
    assert_latest_is_whole(tmp_path, old)


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_without_space_at_every_moment(tmp_path: Path) -> None:
    assert published(tmp_path)["link"] == "latest"
    every = moments(tmp_path)
    old = (tmp_path / "latest").resolve()
    failed = 0
    for moment in range(1, every + 1):
        with failing(moment, no_space):
            told = published(tmp_path)
        if not told.get("failed"):
            old = (tmp_path / "latest").resolve()  # what failed was needless, as to remove what is not there
            continue
        failed += 1
        assert "No space left" in told["msg"]
        if moment < every:
            assert (tmp_path / "latest").resolve() == old, "a run that failed is latest"
        assert not list(tmp_path.rglob(".tmp-*"))
        newest = Path(runs(str(tmp_path))[0])
        if not complete(str(newest)) and (newest / "report.json").exists():
            assert "No space left" in read_json(str(newest / "state.json"))["why"]
    assert failed > every - 5
    assert_latest_is_whole(tmp_path, old)


@pytest.mark.parametrize("size", [1, 1000, 20_000, 60_000, 120_000, 200_000])
def test_files_that_may_grow_no_further(tmp_path: Path, size: int) -> None:
    """The kernel itself refuses to write on, in the middle of a file (setrlimit(2), RLIMIT_FSIZE)."""
    assert published(tmp_path)["link"] == "latest"
    old = (tmp_path / "latest").resolve()
    biggest = max(path.stat().st_size for path in old.iterdir())
    assert size < biggest, "the limit is met by nothing"

    def limited() -> bool:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return bool(published(tmp_path).get("failed"))

    assert in_a_child(limited) == 1
    assert (tmp_path / "latest").resolve() == old
    assert_latest_is_whole(tmp_path, old)
    assert not list(tmp_path.rglob(".tmp-*"))


def test_a_probe_that_fails_leaves_the_formats_and_says_so(tmp_path: Path) -> None:
    """A report is written anew beside its formats: a run is not whole meanwhile, and takes no link from a newer one."""
    assert published(tmp_path)["link"] == "latest"
    older = (tmp_path / "latest").resolve()
    assert published(tmp_path)["link"] == "latest"
    newer = (tmp_path / "latest").resolve()
    assert newer != older
    REPORT.report(str(older), Gate())
    assert state_of(str(older)) == "rewriting"
    assert newest_with(str(tmp_path), "london") == str(newer)
    with failing(3, no_space):
        told = module_of(WRITE, run_dir=str(older), template_dir=str(reports.TEMPLATES))
    assert told["failed"] and state_of(str(older)) == "failed"
    told = module_of(WRITE, run_dir=str(older), template_dir=str(reports.TEMPLATES))
    assert told["link"] is None
    assert (tmp_path / "latest").resolve() == newer
    assert_whole(older)


def test_formats_made_anew_are_all_new_or_all_old(tmp_path: Path) -> None:
    published(tmp_path)
    run_dir = (tmp_path / "latest").resolve()
    before = {name: (run_dir / name).read_bytes() for name in FILES}
    for moment in range(1, 7):
        with failing(moment, no_space):
            told = module_of(WRITE, run_dir=str(run_dir), template_dir=str(reports.TEMPLATES), formats=["html", "csv"])
        if told.get("failed"):
            assert {name: (run_dir / name).read_bytes() for name in FILES} == before
    assert complete(str(run_dir)), "the formats that are there are of a whole run still"


def test_a_merge_takes_no_shard_that_is_not_whole(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    published(shards)
    whole = (shards / "latest").resolve()
    begun = RUN.begin(str(shards), [{**EDGE, "name": "paris"}], "audit")["run_dir"]
    REPORT.report(begun, Gate())
    arguments = {"runs_dir": str(tmp_path / "fleet"), "reports": [str(shards)], "expected": ["london", "paris"]}
    told = module_of(MERGE, **arguments)
    assert [run["id"] for run in told["merged"]] == [whole.name]
    said = json.dumps(told["warnings"])
    assert f"{begun}/report.json: left out, since its run has not ended" in said
    assert told["edges"]["paris"]["verdict"] == "unknown"
    # The merged run is no whole one before its own formats are there.
    assert not (tmp_path / "fleet" / "latest").exists()
    assert module_of(WRITE, run_dir=told["run_dir"], formats=["csv"])["link"] == "latest"
    # A report that was copied without its run is all that there is of it.
    copied = tmp_path / "copied.json"
    copied.write_bytes(Path(begun, "report.json").read_bytes())
    told = module_of(MERGE, **{**arguments, "reports": [str(copied)]})
    assert [run["edges"] for run in told["merged"]] == [1]


def test_the_history_takes_no_run_that_is_not_whole(tmp_path: Path) -> None:
    """What a run found that never came to be whole is new still in the next."""
    url = str(tmp_path / "history.sqlite")

    def recorded(number: int, state: str, phases: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
        run_dir = tmp_path / f"run-{number}"
        write_json(str(run_dir / "state.json"), {"state": "begun"})
        answers = [("X-1", "a", "fail")] if number else []
        write_json(str(run_dir / "report.json"), made.raw(number, {"london": [("X-2", "b", "fail"), *answers]}))
        told = {}
        for phase in phases:
            if phase == "record":
                write_json(str(run_dir / "state.json"), {"state": state})
            told = module_of(HISTORY, run_dir=str(run_dir), url=url, migrations_dir=made.MIGRATIONS, phase=phase)
        return told, read_json(str(run_dir / "report.json"))

    assert recorded(0, "complete", ("compare", "record"))[0]["recorded"]
    killed, report = recorded(1, "begun", ("compare", "record"))
    assert not killed["recorded"] and "not ended, or was killed" in killed["msg"]
    assert [item["change"] for item in report["edges"]["london"]["findings"] if item["check"] == "X-1"] == ["new"]
    told, report = recorded(2, "complete", ("compare", "record"))
    assert (told["recorded"], told["since"]) == (True, "run-0000")
    assert [item["change"] for item in report["edges"]["london"]["findings"] if item["check"] == "X-1"] == ["new"]
    told, report = recorded(3, "complete", ("compare", "record"))
    assert told["counts"]["new"] == 0
    with store.reading(place.place(url)) as connection:
        kept = connection.exec_driver_sql("SELECT id FROM runs ORDER BY seq").scalars().all()
    assert kept == ["run-0000", "run-0002", "run-0003"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
def test_a_run_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        directory = tmp_path / "srv" / "runs"
        assert published(directory)["link"] == "latest"
        run_dir = (directory / "latest").resolve()
        told = module_of(
            HISTORY, run_dir=str(run_dir), url=str(directory / "history.sqlite"), migrations_dir=made.MIGRATIONS
        )
        assert told["recorded"], told
    finally:
        os.umask(before)
    for path in [tmp_path / "srv", *(tmp_path / "srv").rglob("*")]:
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode & 0o077 == 0, f"{path} is {mode:o}"


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """A control node that is shared: whoever made the directory of the runs decided who may look into it."""
    shared = tmp_path / "runs"
    shared.mkdir()
    shared.chmod(0o2750)
    make_private(str(shared / "a" / "b"))
    assert stat.S_IMODE(shared.stat().st_mode) == 0o2750
    assert stat.S_IMODE((shared / "a").stat().st_mode) & 0o777 == 0o700


def test_what_lies_beside_the_runs_is_no_run(tmp_path: Path) -> None:
    published(tmp_path)
    (run_dir,) = runs(str(tmp_path))
    (tmp_path / "latest-partial").symlink_to(os.path.basename(run_dir))
    (tmp_path / "outbox").mkdir()
    (tmp_path / "history.sqlite").touch()
    assert runs(str(tmp_path)) == [run_dir]
    assert ended.unfinished(run_dir) is None
    (Path(run_dir) / "state.json").write_text("{")
    assert ended.unfinished(run_dir) == "its run has not ended, or was killed"
    assert newest_with(str(tmp_path), "london") is None
