# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that changes its addresses, or ceases to resolve, while a transfer runs."""

from __future__ import annotations

import threading

from ansible.module_utils.edge.probe.drift import Drift
from ansible.module_utils.edge.probe.wire import Ended


class Answers:
    """A resolver that gives one answer after the other, and says when all were given."""

    def __init__(self, *answers):
        self.left = list(answers)
        self.over = threading.Event()

    def __call__(self):
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if len(self.left) == 1:
            self.over.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


def watched(*answers, first=("10.0.0.1",)):
    resolver = Answers(*answers)
    with Drift(resolver, list(first), interval=0.001) as drift:
        assert resolver.over.wait(10)
    return drift.to_fact()


def test_new_addresses_are_told():
    fact = watched(["10.0.0.1"], ["10.0.0.2", "10.0.0.1"], ["10.0.0.3"])
    assert fact["addresses"] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert fact["new"] == ["10.0.0.2", "10.0.0.3"]
    assert fact["failures"] == [] and fact["asked"] >= 3


def test_a_failure_is_told_with_its_second_and_asking_goes_on():
    fact = watched(Ended("timeout", "x was not resolved within 15 s"), OSError("no such name"), ["10.0.0.1"])
    assert [item["error_text"] for item in fact["failures"]] == ["x was not resolved within 15 s", "no such name"]
    assert all(item["second"] >= 0 for item in fact["failures"])
    assert fact["addresses"] == ["10.0.0.1"]


def test_failures_without_end_are_bounded():
    resolver = Answers(OSError("no"), OSError("no"))
    done = threading.Event()

    def resolve():
        if resolver.over.is_set() and drift._asked > 50:
            done.set()
        return resolver()

    drift = Drift(resolve, [], interval=0.0001)
    with drift:
        assert done.wait(10)
    assert len(drift.to_fact()["failures"]) == 20


def test_it_asks_once_at_the_end_of_a_short_transfer():
    with Drift(lambda: ["10.0.0.1"], ["10.0.0.1"], interval=60.0) as drift:
        pass
    assert drift.to_fact()["asked"] == 1
