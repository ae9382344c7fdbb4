# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in further processes: the same results in the same order, and whatever goes wrong there is told here."""

from __future__ import annotations

import os
import signal
import time

import pytest
from ansible.module_utils.edge import forks
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.forks import beside, shared_out
from hypothesis import given
from hypothesis import strategies as st


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


def test_a_process_that_is_killed_is_told(processors):
    parent = os.getpid()

    def work(items):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return list(items)

    processors(2)
    with pytest.raises(EdgepathError, match="the process for judging iam ended early; is memory short?"):
        shared_out(work, range(8), 1, "judging iam")


def test_an_error_of_the_job_is_raised_here():
    def job():
        raise EdgepathError("cannot write report.csv: No space left on device")

    with beside(job, "writing csv") as wait, pytest.raises(EdgepathError, match="No space left"):
        wait()


def test_nobody_is_left_where_this_side_fails():
    with pytest.raises(ZeroDivisionError), beside(lambda: b"x" * (1 << 22), "making much"):
        raise ZeroDivisionError
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
