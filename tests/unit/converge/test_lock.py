# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.module_utils.edge.converge import lock
from ansible.module_utils.edge.finding import EdgepathError


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_a_living_holder_refuses_others_by_name_and_itself_not(tmp_path: Path) -> None:
    other = _sleeper()
    try:
        lock.take(str(tmp_path), other.pid, "converge", "run-1")
        with pytest.raises(EdgepathError, match=rf"converge of run run-1 is going on .*process {other.pid}"):
            lock.take(str(tmp_path), os.getpid(), "rollback", "run-2")
        lock.take(str(tmp_path), other.pid, "converge", "run-1")
        lock.release(str(tmp_path), os.getpid())
        assert (tmp_path / lock.LOCK).exists(), "only its holder may give it back"
    finally:
        other.communicate(b"\n")


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    other = _sleeper()
    lock.take(str(tmp_path), other.pid, "converge", "run-1")
    other.kill()
    other.wait()
    lock.take(str(tmp_path), os.getpid(), "converge", "run-2")
    lock.release(str(tmp_path), os.getpid())
    assert not (tmp_path / lock.LOCK).exists()


def test_a_number_used_again_is_another_process(tmp_path: Path) -> None:
    lock.take(str(tmp_path), os.getpid(), "converge", "run-1")
    path = tmp_path / lock.LOCK
    path.write_text(json.dumps({**json.loads(path.read_text()), "started": "1"}))
    lock.take(str(tmp_path), os.getpid(), "converge", "run-2")
    assert json.loads(path.read_text())["run"] == "run-2"


def test_of_another_hosts_process_nothing_is_presumed(tmp_path: Path) -> None:
    lock.take(str(tmp_path), os.getpid(), "converge", "run-1")
    path = tmp_path / lock.LOCK
    path.write_text(json.dumps({**json.loads(path.read_text()), "host": "elsewhere", "pid": 999999999}))
    with pytest.raises(EdgepathError, match="remove"):
        lock.take(str(tmp_path), os.getpid(), "converge", "run-2")


def test_a_damaged_lock_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / lock.LOCK).write_text("{")
    with pytest.raises(EdgepathError, match="make sure that no converge is running"):
        lock.take(str(tmp_path), os.getpid(), "converge", "run-2")


def test_a_killed_holders_worker_ends_its_task_first(tmp_path: Path) -> None:
    other = _sleeper()
    lock.take(str(tmp_path), other.pid, "converge", "run-1")
    other.kill()
    other.wait()
    refused = pytest.raises(EdgepathError, match="run-1 was killed, and what it had begun .* is going on")
    with lock.working(str(tmp_path)), lock.working(str(tmp_path)), refused:
        lock.take(str(tmp_path), os.getpid(), "converge", "run-2", patience=0)
    lock.take(str(tmp_path), os.getpid(), "converge", "run-2")
    with lock.working(str(tmp_path)):
        lock.take(str(tmp_path), os.getpid(), "converge", "run-2")


def _try(directory: str, barrier: object, answers: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    try:
        lock.take(directory, os.getpid(), "converge", "r")
        answers.put(True)  # type: ignore[attr-defined]
    except EdgepathError:
        answers.put(False)  # type: ignore[attr-defined]
    barrier.wait()  # type: ignore[attr-defined]


def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(8), context.Queue()
    workers = [context.Process(target=_try, args=(str(tmp_path), barrier, answers)) for _ in range(8)]
    for worker in workers:
        worker.start()
    got = [answers.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join()
    assert sorted(got) == [False] * 7 + [True]


def test_the_last_task_of_a_killed_run_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = _sleeper()
    lock.take(str(tmp_path), other.pid, "converge", "run-1")
    other.kill()
    other.wait()
    with contextlib.ExitStack() as task:
        task.enter_context(lock.working(str(tmp_path)))
        looked: list[float] = []

        def looks(seconds: float) -> None:
            looked.append(seconds)
            if len(looked) == 3:
                task.close()

        monkeypatch.setattr("ansible.module_utils.edge.converge.lock.time.sleep", looks)
        lock.take(str(tmp_path), os.getpid(), "converge", "run-2")
    assert len(looked) == 3
