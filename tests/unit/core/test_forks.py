# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in further processes: the same results in the same order, and whatever goes wrong there is told here."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from ansible.module_utils.edge import forks
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.forks import Ended, beside, shared_out
from hypothesis import given
from hypothesis import strategies as st

ENDED = "the process for judging iam ended early; is memory short?"
BROKE = r"judging iam broke: \w+: .*\.py:\d+"


def square(numbers):
    return [number * number for number in numbers]


@pytest.fixture
def processors(monkeypatch):
    def have(count):
        monkeypatch.setattr(forks, "_processors", lambda: count)

    return have


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9), st.integers(1, 50))
def test_the_same_results_in_the_same_order(numbers, processors, least):
    kept, forks._processors = forks._processors, lambda: processors
    try:
        assert shared_out(square, numbers, least, "squaring") == square(numbers)
    finally:
        forks._processors = kept


def test_the_work_is_done_by_as_many_as_are_worth_it(processors):
    def who(items):
        time.sleep(0.05)
        return [os.getpid()] * len(items)

    processors(3)
    assert len(set(shared_out(who, range(30), 10, "asking"))) == 3
    assert set(shared_out(who, range(9), 10, "asking")) == {os.getpid()}
    processors(64)
    assert len(set(shared_out(who, range(1000), 10, "asking"))) == forks.MOST_PROCESSES


def test_what_a_killed_process_should_have_done_is_done_here(processors):
    parent = os.getpid()

    def work(items):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return list(items)

    processors(3)
    assert shared_out(work, range(9), 1, "judging iam") == list(range(9))


def test_where_no_process_is_to_be_had_the_work_is_done_here(processors, monkeypatch):
    def refused():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    processors(3)
    monkeypatch.setattr(os, "fork", refused)
    assert shared_out(square, range(9), 1, "squaring") == square(range(9))


def test_a_process_that_is_killed_is_told():
    with beside(lambda: os.kill(os.getpid(), signal.SIGKILL), "judging iam") as wait, pytest.raises(Ended, match=ENDED):
        wait()


def test_a_process_that_is_killed_while_it_sends_is_told():
    told, tell = os.pipe()

    def job():
        os.write(tell, str(os.getpid()).encode())
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return b"x" * (1 << 22)  # more than a pipe holds

    with beside(job, "judging iam") as wait:
        os.waitid(os.P_PID, int(os.read(told, 20)), os.WEXITED | os.WNOWAIT)
        with pytest.raises(Ended, match=ENDED):
            wait()


@pytest.mark.parametrize("result", [lambda: {}["key"], lambda: lambda: None], ids=["a defect", "not picklable"])
def test_what_breaks_there_is_told_here(result):
    with (
        beside(result, "judging iam") as wait,
        pytest.raises(EdgepathError, match=r"judging iam broke: \w+: .*\.py:\d+"),
    ):
        wait()


def test_an_error_of_the_job_is_raised_here():
    def job():
        raise EdgepathError("cannot write report.csv: No space left on device")

    with beside(job, "writing csv") as wait, pytest.raises(EdgepathError, match="No space left"):
        wait()


def test_nobody_is_left_where_this_side_fails(monkeypatch):
    forked, fork = [], os.fork
    monkeypatch.setattr(os, "fork", lambda: forked.append(fork()) or forked[-1])
    with pytest.raises(ZeroDivisionError), beside(lambda: b"x" * (1 << 22), "making much"):
        raise ZeroDivisionError
    [pid] = forked
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
