# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks against stated lengths and lawful pauses: what explains what, and what nothing explains."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.edge.audio.model import KINDS, AudioReport
from ansible.module_utils.edge.audio.reconcile import pauses, reconcile, stated_seconds
from hypothesis import given
from hypothesis import strategies as st

SECURE = {"type": "Pause", "reason": "SecurePause", "recordingLocation": 20_000, "durationMs": 10_000}
QUEUE = {"reason": "FlowOrQueue", "realtimeLocation": 0, "location": 0, "durationMs": 30_000}
BOOKMARK = {"type": "Bookmark", "location": 1000, "durationMs": 500}


def heard(seconds: float | None = 100.0, *defects: tuple[str, float | None, float | None]) -> AudioReport:
    report = AudioReport("Ogg", "opus", 2, 48000, 1000, None, seconds)
    for kind, at, length in defects:
        report.add(kind, "detail", at, 7, length)
    return report


def lawful(*annotations: Any):
    return pauses(annotations)[0]


CASES: dict[str, tuple[AudioReport, dict[str, Any], tuple[Any, ...], str]] = {
    "as long as stated": (heard(), {"metadata": 100.4}, (), "continuous"),
    "nothing states a length": (heard(), {"metadata": None}, (), "uncompared"),
    "one of two states it": (heard(), {"metadata": None, "job": 100.0}, (), "continuous"),
    "too short": (heard(), {"metadata": 160.0}, (), "defective"),
    "too long": (heard(), {"metadata": 60.0}, (), "defective"),
    "one of two contradicts": (heard(), {"metadata": 100.0, "job": 200.0}, (), "defective"),
    "short by the pauses": (heard(), {"metadata": 140.0}, (SECURE, QUEUE), "explained"),
    "short by one kind of pause": (heard(), {"metadata": 110.0}, (SECURE, QUEUE), "explained"),
    "short by more than the pauses": (heard(), {"metadata": 115.0}, (SECURE,), "defective"),
    "a gap in a pause": (heard(100.0, ("gap", 20.5, 9.0)), {"metadata": 100.0}, (SECURE,), "explained"),
    "a gap beside a pause": (heard(100.0, ("gap", 35.0, 9.0)), {"metadata": 100.0}, (SECURE,), "defective"),
    "a gap longer than its pause": (heard(100.0, ("gap", 20.5, 19.0)), {"metadata": 100.0}, (SECURE,), "defective"),
    "a gap of unknown place": (heard(100.0, ("gap", None, 9.0)), {"metadata": 100.0}, (SECURE,), "defective"),
    "a gap in a bookmark": (heard(100.0, ("gap", 1.0, 0.4)), {"metadata": 100.0}, (BOOKMARK,), "defective"),
    "silence in a pause": (heard(100.0, ("zero_run", 5.0, 20.0)), {"metadata": 100.0}, (QUEUE,), "explained"),
    "silence": (heard(100.0, ("zero_run", 50.0, 2.0)), {"metadata": 100.0}, (QUEUE,), "doubtful"),
    "damage in a pause": (heard(100.0, ("bad_checksum", 21.0, 0.1)), {"metadata": 100.0}, (SECURE,), "defective"),
    "not walked": (heard(None, ("unrecognised", None, None)), {"metadata": 100.0}, (), "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_table(name):
    report, stated, annotations, expected = CASES[name]
    result = reconcile(report, stated, lawful(*annotations))
    assert result["status"] == expected
    assert "as the storage gave it" in result["sentence"] or expected == "unknown"
    json.dumps(result, allow_nan=False)


def test_the_explanation_names_the_pause():
    result = reconcile(heard(100.0, ("gap", 20.5, 9.0)), {"job": 100.0}, lawful(SECURE))
    assert result["defects"][0]["explained_by"] == "SecurePause at 20.000 s for 10.000 s (recordingLocation)"


def test_the_stated_channels_must_be_there():
    assert reconcile(heard(), {"job": 100.0}, (), channels=1)["status"] == "defective"
    assert reconcile(heard(), {"job": 100.0}, (), channels=2)["status"] == "continuous"


def test_what_was_decoded_counts_more_than_what_the_structure_says():
    report = heard()
    report.decoded_seconds = 50.0
    assert reconcile(report, {"job": 100.0})["status"] == "defective"


@pytest.mark.parametrize(
    ("document", "seconds"),
    [
        ({"durationMs": 1500}, 1.5),
        ({"outputDurationMs": 2000}, 2.0),
        ({"startTime": "2026-11-20T02:00:00.000Z", "endTime": "2026-11-20T02:01:00.500Z"}, 60.5),
        ({"startTime": "2026-11-20T02:00:00Z", "endTime": "2026-11-20T01:00:00Z"}, None),
        ({"startTime": "yesterday", "endTime": 7}, None),
        ({"startTime": "2026-11-20T02:00:00", "endTime": "2026-11-20T02:00:00Z"}, None),
        ({"durationMs": True}, None),
        ({"durationMs": "long"}, None),
        ({}, None),
        ([], None),
    ],
)
def test_stated_seconds(document, seconds):
    assert stated_seconds(document) == seconds


def test_unreadable_annotations_are_told():
    found, problems = pauses(
        ["text", {"reason": "SecurePause"}, {"reason": "Hold", "location": -1, "durationMs": 5}, SECURE]
    )
    assert len(found) == 1
    assert len(problems) == 3


@given(
    annotations=st.lists(
        st.dictionaries(st.sampled_from(sorted({*SECURE, *QUEUE})), st.none() | st.floats() | st.text())
    ),
    kind=st.sampled_from(sorted(set(KINDS) - {"gap", "zero_run", "duration_mismatch"})),
)
def test_no_annotation_explains_damage(annotations, kind):
    result = reconcile(heard(100.0, (kind, 20.0, 1.0)), {"job": 100.0}, lawful(*annotations, SECURE, QUEUE))
    assert result["status"] in ("defective", "unknown")
