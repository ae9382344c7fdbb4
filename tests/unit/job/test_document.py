# SPDX-License-Identifier: GPL-3.0-or-later
"""Job documents in both vocabularies, and documents that are none: always a job or one clear message."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.job.choose import telling, with_window
from ansible.module_utils.edge.job.document import jobs_from, jobs_of
from ansible.module_utils.edge.job.failure import failure_class
from ansible.module_utils.edge.job.model import WORDS, Job, JobState
from ansible.module_utils.edge.job.saved import read_document
from ansible.module_utils.edge.timeouts.death import rank
from hypothesis import given
from hypothesis import strategies as st

SAVED = Path(__file__).resolve().parents[3] / "lab/data/failed-job.json"
WINDOW = {"start": "2026-11-20T02:03:41.225Z", "end": "2026-11-20T02:18:41.231Z"}

# As an operator types it: one level, the code word in the place of the state.
FLAT = {
    "id": "9b2f61c4", "status": "STREAM_TERMINATION_ERROR", "code": 502,
    "message": "Audio stream handshake failed with upstream BYOC provider; connection reset by peer",
    "started": "2026-11-20T02:03:41.225Z", "finished": "2026-11-20T02:18:41.231Z",
}  # fmt: skip
PUBLIC = {
    "id": "9b2f61c4", "state": "FAILED", "dateCreated": "2026-11-20T02:00:00.381Z", "totalFailedRecordings": 1,
    "errorMessage": "connection reset by peer", "failedRecordings": "/api/v2/recording/jobs/9b2f61c4/failedrecordings",
    "recordingJobsQuery": {"action": "EXPORT"},
}  # fmt: skip


def one(data):
    [job] = jobs_from(data, "job.json")
    return job


def test_the_incident():
    [job] = read_document(str(SAVED))
    assert (job.state, job.error, job.code, job.failure) == (JobState.FAILED, "STREAM_TERMINATION_ERROR", 502, "reset")
    [recording] = job.recordings
    assert (recording.audio_seconds, recording.transfer_seconds) == (3720.0, 900.006)
    assert job.window.to_dict() == WINDOW
    observed = job.observed()
    assert (observed["duration_seconds"], observed["code"]) == (900.006, 502)
    assert "connection reset by peer" in observed["error_text"]


def test_the_incident_leads_to_a_15_minute_timer():
    [job] = read_document(str(SAVED))
    squid = {
        "check": "TIMEOUTS-04",
        "setting": "read_timeout",
        "seconds": 900.0,
        "kind": "idle",
        "hop": "proxy",
        "origin": "default of Squid",
    }
    assert rank(job.observed(), [squid])[0]["check"] == "TIMEOUTS-04"


def test_a_flat_document():
    job = one(FLAT)
    assert (job.state, job.error, job.code, job.failure) == (JobState.FAILED, "STREAM_TERMINATION_ERROR", 502, "reset")
    assert job.window.to_dict() == WINDOW
    assert job.observed()["duration_seconds"] == 900.006


def test_the_public_shape():
    job = one(PUBLIC)
    assert (job.state, job.failure, job.recordings, job.window) == (JobState.FAILED, "reset", (), None)
    assert job.observed()["duration_seconds"] is None, "the interface tells no end: nothing may be made of it"
    listing = {"failedRecordings": {"entities": [{"conversation": {"id": "c"}, "recording": {"id": "r"}}]}}
    [recording] = one({**PUBLIC, **listing}).recordings
    assert (recording.recording, recording.conversation) == ("r", "c")


@pytest.mark.parametrize("data", [[FLAT, PUBLIC], {"entities": [FLAT, PUBLIC]}, {"jobs": [FLAT, PUBLIC]}])
def test_several_jobs(data):
    jobs = jobs_from(data, "job.json")
    assert len(jobs) == 2
    assert telling(jobs) is jobs[0], "the one that ended last"


def test_a_job_that_failed_is_told_before_one_that_did_not():
    done = {**PUBLIC, "id": "later", "state": "FULFILLED", "dateFinished": "2026-11-22T00:00:00Z"}
    assert telling(jobs_from([done, FLAT], "x")).id == "9b2f61c4"
    assert telling(jobs_from([done], "x")).failed is False


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("PENDING", "PENDING"), ("READY", "READY"), ("PROCESSING", "PROCESSING"), ("FULFILLED", "FULFILLED"),
        ("FAILED", "FAILED"), ("CANCELLED", "CANCELLED"), ("IN_PROGRESS", "PROCESSING"), ("in progress", "PROCESSING"),
        ("Completed", "FULFILLED"), ("canceled", "CANCELLED"), ("stream-termination-error", "FAILED"),
    ],
)  # fmt: skip
def test_both_vocabularies(word, state):
    assert one({"state": word}).state is JobState[state]


def test_every_word_is_a_state():
    assert {state.value for state in JobState} <= set(WORDS)


@pytest.mark.parametrize(
    ("key", "value", "seconds"),
    [
        ("durationMs", 3720000, 3720.0), ("durationSeconds", "3720", 3720.0), ("duration_minutes", 62, 3720.0),
        ("durationMs", 0, 0.0),
    ],
)  # fmt: skip
def test_units_of_a_duration(key, value, seconds):
    assert (
        one({"state": "FAILED", "failedRecordings": [{"id": "r", key: value}]}).recordings[0].audio_seconds == seconds
    )


def test_times_as_numbers():
    job = one({"state": "FAILED", "started": 1795140221, "finished": 1795141121000})
    assert job.observed()["duration_seconds"] == 900.0


def test_the_window_is_that_of_the_failed_transfers():
    recordings = [
        {"startedAt": "2026-11-20T02:10:00Z", "failedAt": "2026-11-20T02:25:00Z"},
        {"startedAt": "2026-11-20T02:05:00Z", "failedAt": "2026-11-20T02:06:00Z"},
        "named-only",
    ]
    job = one({"state": "FAILED", "dateCreated": "2026-11-20T01:00:00Z", "failedRecordings": recordings})
    assert job.window.to_dict() == {"start": "2026-11-20T02:05:00.000Z", "end": "2026-11-20T02:25:00.000Z"}
    assert job.observed()["duration_seconds"] == 900.0


def test_recordings_that_are_all_listed():
    listed = [{"id": "a", "status": "COMPLETED"}, {"id": "b", "status": "FAILED"}]
    assert [item.recording for item in one({"state": "FAILED", "recordings": listed}).recordings] == ["b"]


@pytest.mark.parametrize(
    ("error", "code", "message", "name"),
    [
        ("STREAM_TERMINATION_ERROR", 502, "connection reset by peer", "reset"),
        ("STREAM_TERMINATION_ERROR", 502, "Read timed out", "timeout"),
        (None, 403, None, "access_denied"),
        (None, None, "The provided token has expired.", "credentials_expired"),
        (None, None, "AccessDenied", "access_denied"),
        (None, 404, None, "not_found"),
        ("NoSuchBucket", None, None, "not_found"),
        (None, None, "job was cancelled by user", "cancelled"),
        (None, None, "something else", None),
        (None, None, None, None),
    ],
)
def test_the_class_of_a_failure(error, code, message, name):
    assert failure_class(error, code, message) == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: not valid JSON"),
        ("{\n  'id': 1}", "line 2: not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("3", "holds a number"),
        ("null", "holds null"),
        ("[]", "holds no job"),
        ("[1]", "[0]: is a number"),
        ('{"entities": [{"state": "FAILED"}, {"id": 1}]}', "entities[1].state: is missing"),
        ("{}", "state: is missing"),
        ('{"state": "EXPLODED"}', "state: 'EXPLODED' is not a state"),
        ('{"state": 3}', "state: is a number"),
        ('{"state": "FAILED", "finished": "yesterday"}', "finished: 'yesterday' is not a time"),
        ('{"state": "FAILED", "dateFailed": {"a": 1}}', "dateFailed: {'a': 1} is not a time"),
        ('{"state": "FAILED", "started": true}', "started: True is not a time"),
        ('{"state": "FAILED", "started": -5}', "started: -5 is not a number"),
        ('{"state": "FAILED", "started": 1e400}', "started: inf is not a number"),
        ('{"state": "FAILED", "code": 5.5}', "code: 5.5 is not a status code"),
        ('{"state": "FAILED", "error": []}', "error: is a list"),
        ('{"state": "FAILED", "error": {"message": []}}', "error.message: is a list"),
        ('{"state": "FAILED", "failedRecordings": 3}', "failedRecordings: is a number"),
        ('{"state": "FAILED", "failedRecordings": [null]}', "failedRecordings[0]: is null"),
        ('{"state": "FAILED", "failedRecordings": [{"durationMs": "long"}]}', "failedRecordings[0].durationMs: 'long'"),
        ('{"state": "FAILED", "failedRecordings": [{"durationMs": -1}]}', "failedRecordings[0].durationMs: -1"),
        ('{"state": "FAILED", "failedRecordings": [{"recording": {"id": []}}]}', "failedRecordings[0].recording.id"),
    ],
)
def test_a_bad_document_names_file_and_key(text, words):
    with pytest.raises(EdgepathError) as error:
        jobs_of(text, "/srv/jobs/job.json")
    assert str(error.value).startswith("/srv/jobs/job.json")
    assert words in str(error.value)


KNOWN = [*WORDS, WINDOW["start"]]
KEYS = [*FLAT, *PUBLIC, "error", "durationMs", "startedAt", "failedAt", "entities"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(KNOWN),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


def as_jobs(text):
    try:
        return jobs_of(text, "job.json")
    except EdgepathError as error:
        assert str(error).startswith("job.json")
        return []


@given(JSON)
def test_any_json_is_jobs_or_one_error(data):
    for job in as_jobs(json.dumps(data)):
        assert isinstance(job, Job)
        json.dumps(job.to_dict(), allow_nan=False)
        rank(job.observed(), None)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("utf-8", "replace")))
def test_any_text_is_jobs_or_one_error(text):
    as_jobs(text)


def test_files_that_are_no_documents(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, words in (("absent", "No such file"), ("pipe", "not a regular file"), ("", "Is a directory")):
        with pytest.raises(EdgepathError, match=words):
            read_document(str(tmp_path / path))
    with pytest.raises(EdgepathError, match="cannot read"):
        read_document("a\0b")


def test_an_edge_gets_its_job_s_window():
    edge = {"name": "london", "job_path": str(SAVED)}
    assert with_window(edge) == {**edge, "window": WINDOW}
    own = {**edge, "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}}
    assert with_window(own) == own
    assert with_window({"name": "leeds"}) == {"name": "leeds"}


def test_a_wrong_document_names_the_edge(tmp_path):
    with pytest.raises(EdgepathError, match="edge london: edge_job_path: .*absent.json"):
        with_window({"name": "london", "job_path": str(tmp_path / "absent.json")})
