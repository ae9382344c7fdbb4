# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of one finding from one run to the next."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.history.changes import GONE, State, mark, step

FAIL = State("fail", "a", "broken")
TABLE = [
    (None, "fail", "a", "new"),
    (None, "unknown", "a", "new"),
    (None, "pass", "", None),
    (State("pass", "", "sound"), "fail", "a", "new"),
    (State("not_applicable", "", "sound"), "waived", "a", "new"),
    (State(GONE, "", "sound"), "fail", "a", "new"),
    (FAIL, "fail", "a", "unchanged"),
    (FAIL, "fail", "b", "changed"),
    (FAIL, "waived", "a", "changed"),
    (State("waived", "a", "broken"), "fail", "a", "changed"),
    (FAIL, "unknown", "c", "changed"),
    (State("unknown", "c", "broken"), "fail", "a", "changed"),
    (FAIL, "pass", "", "fixed"),
    (FAIL, "not_applicable", "", "fixed"),
    (FAIL, GONE, "", "fixed"),
    (State("waived", "a", "broken"), "pass", "", "fixed"),
    (State("unknown", "c", ""), "pass", "", "fixed"),
    (State("pass", "", "sound"), GONE, "", None),
    (State("pass", "", "sound"), "not_applicable", "", None),
]


@pytest.mark.parametrize(("before", "status", "said", "word"), TABLE)
def test_the_word_for_it(before: State | None, status: str, said: str, word: str | None) -> None:
    assert step(before, status, said).word == word


@pytest.mark.parametrize(
    ("statuses", "flips"),
    [
        (["fail", "pass", "fail", "pass"], 3),
        (["fail", "unknown", "fail"], 0),
        (["fail", "unknown", "pass"], 1),
        (["pass", "unknown", "fail"], 1),
        (["unknown", "fail", "waived", "fail"], 0),
        (["fail", GONE, "fail"], 2),
        (["pass", "not_applicable", GONE, "pass"], 0),
    ],
)
def test_a_flip_is_between_broken_and_sound_whatever_is_unknown_between(statuses: list[str], flips: int) -> None:
    state, counted = None, 0
    for status in statuses:
        taken = step(state, status, status)
        state, counted = taken.now, counted + taken.flip
    assert counted == flips


def test_a_sound_finding_that_reads_otherwise_has_not_moved() -> None:
    assert not step(State("pass", "", "sound"), "pass", "other").moved


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"observed": "600 s"}, True),
        ({"bound": {"kind": "idle", "setting": "read_timeout", "seconds": 600.0}}, True),
        ({"share": 0.5}, True),
        ({"permissions": ["s3:GetBucketPolicy"]}, True),
        ({"evidence": [{"request_id": "other"}]}, False),
        ({"waiver": {"ticket": "T-1"}}, False),
        ({"change": "new", "first_seen": "2026"}, False),
    ],
)
def test_the_mark_is_of_what_a_person_is_told(change: dict[str, Any], differs: bool) -> None:
    finding = {"observed": "900 s", "bound": {"kind": "idle", "setting": "read_timeout", "seconds": 900.0}}
    assert (mark(finding) != mark({**finding, **change})) is differs
