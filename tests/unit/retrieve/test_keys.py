# SPDX-License-Identifier: GPL-3.0-or-later
"""What keys say, what is asked for, and where recordings are put."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.job.document import jobs_from
from ansible.module_utils.edge.retrieve.asked import Asked, from_jobs
from ansible.module_utils.edge.retrieve.keys import belongs, hour, local_paths, stem
from hypothesis import given
from hypothesis import strategies as st

RECORDING, OTHER = "5a1f33f0-6a55-4c1b-8f6e-90d0a7c2b6e1", "5a1f33f0-6a55-4c1b-8f6e-90d0a7c2b6e2"
CONVERSATION = "c8b8f8a4-1f0e-4f65-9e0b-2a64f3b0d7aa"
FOLDER = f"org/year=2026/month=11/day=20/hour=02/conversation_id={CONVERSATION}"
WRITTEN = datetime(2026, 11, 21, tzinfo=timezone.utc)


def at(hours: float) -> datetime:
    return datetime(2026, 11, 20, tzinfo=timezone.utc) + timedelta(hours=hours)


WANTED = [
    (Asked("recording", RECORDING), f"{FOLDER}/{RECORDING}.opus", True),
    (Asked("recording", RECORDING), f"{FOLDER}/{RECORDING}", True),
    (Asked("recording", RECORDING), f"{FOLDER}/{RECORDING}-long.wav", True),
    (Asked("recording", RECORDING), f"{FOLDER}/{RECORDING}_metadata.json", True),
    (Asked("recording", RECORDING), f"{FOLDER}/{RECORDING}2.opus", False),
    (Asked("recording", RECORDING), f"{FOLDER}/{OTHER}.opus", False),
    (Asked("recording", RECORDING), f"{RECORDING}/a.opus", False),
    (Asked("recording", RECORDING, CONVERSATION), f"{FOLDER}/{RECORDING}.opus", True),
    (Asked("recording", RECORDING, "another"), f"{FOLDER}/{RECORDING}.opus", False),
    (Asked("recording", RECORDING, "another"), f"flat/{RECORDING}.opus", True),
    (Asked("conversation", CONVERSATION), f"{FOLDER}/a.opus", True),
    (Asked("conversation", CONVERSATION), f"calls/{CONVERSATION}/a.opus", True),
    (Asked("conversation", CONVERSATION), f"calls/{CONVERSATION}.opus", False),
    (Asked("conversation", CONVERSATION), f"calls/{CONVERSATION}2/a.opus", False),
    (Asked("key", "calls/a"), "calls/a", True),
    (Asked("key", "calls/a"), "calls/a.opus", False),
    (Asked("prefix", "org/"), f"{FOLDER}/a.opus", True),
    (Asked("prefix", "org/"), "other/a.opus", False),
    (Asked("prefix", "org/"), "org/folder/", False),
    (Asked("prefix", "org/", since=at(2)), f"{FOLDER}/a.opus", True),
    (Asked("prefix", "org/", since=at(2.5)), f"{FOLDER}/a.opus", True),
    (Asked("prefix", "org/", since=at(3)), f"{FOLDER}/a.opus", False),
    (Asked("prefix", "org/", until=at(2)), f"{FOLDER}/a.opus", False),
    (Asked("prefix", "org/", until=at(2.1)), f"{FOLDER}/a.opus", True),
    (Asked("prefix", "", since=WRITTEN), "flat/a.opus", True),
    (Asked("prefix", "", until=WRITTEN), "flat/a.opus", False),
]


@pytest.mark.parametrize(("asked", "key", "expected"), WANTED)
def test_whether_a_key_is_wanted(asked: Asked, key: str, expected: bool) -> None:
    assert asked.wants(key, WRITTEN) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (f"a/{RECORDING}-long.wav", f"a/{RECORDING}"),
        (f"a/{RECORDING}_metadata.json", f"a/{RECORDING}"),
        ("a/call.wav", "a/call"),
        ("a/.hidden", "a/.hidden"),
        ("call", "call"),
    ],
)
def test_what_a_key_and_its_metadata_begin_with(key: str, expected: str) -> None:
    assert stem(key) == expected


def test_metadata_belongs_to_its_own_recording() -> None:
    assert belongs(f"a/{RECORDING}_metadata.json", f"a/{RECORDING}-long.wav")
    assert not belongs(f"a/{RECORDING}_metadata.json", f"a/{OTHER}.wav")
    assert not belongs(f"b/{RECORDING}_metadata.json", f"a/{RECORDING}.wav")
    assert not belongs(f"a/{RECORDING}_metadata.json", f"a/{RECORDING}_metadata.json")
    assert not belongs("a/1_metadata.json", "a/12.wav")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (f"{FOLDER}/a", (at(2), 3600)),
        ("year=2026/month=11/day=20/a", (at(0), 86400)),
        ("year=2026/month=13/day=20/a", None),
        ("year=2026/month=11/day=20/hour=24/a", None),
        ("fiscalyear=2026/month=11/day=20/a", None),
    ],
)
def test_the_hour_of_a_key(key: str, expected: tuple[datetime, int] | None) -> None:
    assert hour(key) == expected


def test_a_failed_job_names_what_to_ask_for() -> None:
    job = {
        "id": "j", "state": "FAILED",
        "failedRecordings": [
            {"recording": {"id": RECORDING}, "conversation": {"id": CONVERSATION}},
            {"recording_id": RECORDING, "conversation_id": CONVERSATION},
            {"conversation": {"id": "c2"}},
        ],
    }  # fmt: skip
    first = jobs_from(job, "job")
    assert from_jobs(first) == [Asked("recording", RECORDING, CONVERSATION), Asked("conversation", "c2")]
    assert from_jobs(jobs_from([each.to_dict() for each in first], "job")) == from_jobs(first)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({"id": "j", "state": "FAILED"}, "names no recordings"),
        ({"id": "j", "state": "FAILED", "failedRecordings": [{}]}, "without any id"),
    ],
)
def test_a_job_that_does_not_say_what_is_missing(job: dict[str, object], words: str) -> None:
    with pytest.raises(EdgepathError, match=words):
        from_jobs(jobs_from(job, "job"))


def test_an_empty_id_is_refused() -> None:
    with pytest.raises(EdgepathError, match="an empty key"):
        Asked("key", "")


KEYS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), unique=True, max_size=12)


@given(KEYS)
def test_every_key_has_a_place_of_its_own_below_the_folder(keys: list[str]) -> None:
    paths = local_paths(keys)
    assert len(set(paths.values())) == len(keys)
    for path in paths.values():
        parts = path.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert "\x00" not in path
        assert path.isprintable()
        assert not any(other.startswith(f"{path}/") for other in paths.values())


def test_paths_are_the_keys_where_they_can_be() -> None:
    keys = [f"{FOLDER}/{RECORDING}.opus", "a/../b", "a//b", "x", "x/y", "naïve/50%"]
    assert list(local_paths(keys).values()) == [
        f"{FOLDER}/{RECORDING}.opus", "a/%2E%2E/b", "a/%/b", "x%", "x/y", "na%C3%AFve/50%25",
    ]  # fmt: skip


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(ValueError, match="too long for a file name"):
        local_paths(["a/" + "x" * 300])
