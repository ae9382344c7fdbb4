# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through its main(), against SeaweedFS: plan, fetch, fetch nothing again, and fail closed."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.evidence.journal import verify
from ansible.module_utils.testing import patch_module_args

from lab.process import Server
from lab.servers import ObjectStore
from tests.unit.retrieve.storage import BUCKET, KEYS, Storage, content

pytestmark = pytest.mark.xdist_group("retrieve")
MODULE = importlib.import_module("edge_recording_retrieve")

RECORDING, MISSING = "5a1f33f0-6a55-4c1b-8f6e-90d0a7c2b6e1", "00000000-6a55-4c1b-8f6e-90d0a7c2b6e1"
CONVERSATION = "c8b8f8a4-1f0e-4f65-9e0b-2a64f3b0d7aa"
FOLDER = f"org/year=2026/month=11/day=20/hour=02/conversation_id={CONVERSATION}"
KEY, BESIDE = f"{FOLDER}/{RECORDING}.opus", f"{FOLDER}/{RECORDING}_metadata.json"
TWICE, HIDDEN = f"{FOLDER}/twice.opus", f"{FOLDER}/hidden.opus"
BODY = content(100_000)
JOB = {
    "id": "9b2f61c4", "state": "FAILED",
    "failedRecordings": [{"recording": {"id": RECORDING}, "conversation": {"id": CONVERSATION}}],
}  # fmt: skip


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    home = tmp_path_factory.mktemp("storage")
    started: list[Server] = []
    try:
        found = Storage(ObjectStore(home, home, KEYS, started.append).url())
        found.s3.create_bucket(Bucket=BUCKET)
        found.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        found.put(KEY, BODY)
        found.put(BESIDE, b"{}")
        found.put(TWICE, b"first")
        found.put(TWICE, b"second")
        found.put(HIDDEN, b"hidden")
        found.s3.delete_object(Bucket=BUCKET, Key=HIDDEN)
        yield found
    finally:
        for server in started:
            server.stop()


@pytest.fixture
def run(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, Any]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS["operator"]["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["operator"]["secret_access_key"])

    def call(**parameters: Any) -> dict[str, Any]:
        given = {
            "dest": str(tmp_path / "dest"),
            "bucket": BUCKET,
            "endpoint_url": storage.url,
            "attempts": 2,
            **parameters,
        }
        with patch_module_args(given), pytest.raises(SystemExit) as ended:
            MODULE.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert ended.value.code == (1 if result.get("failed") else 0)
        return result

    return call


def test_a_failed_job_is_fetched_and_then_there_is_nothing_left_to_do(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    dest = tmp_path / "dest"
    planned = run(jobs=[JOB], prefix="org/", _ansible_check_mode=True, _ansible_diff=True)
    assert planned["changed"] is True
    assert [(item["key"], item["state"]) for item in planned["plan"]["objects"]] == [(KEY, "fetch"), (BESIDE, "fetch")]
    assert f"{KEY} version" in planned["diff"]["after"]
    assert planned["diff"]["before"] == ""
    assert not dest.exists()

    done = run(jobs=[JOB], prefix="org/")
    assert (done["changed"], done["complete"], done["failures"]) == (True, True, {})
    assert (dest / "objects" / KEY).read_bytes() == BODY
    assert (dest / "objects" / BESIDE).read_bytes() == b"{}"
    assert {record["key"] for record in done["records"]} == {KEY, BESIDE}
    assert json.loads((dest / "plan.json").read_text()) == done["plan"]
    assert json.loads((dest / "reconciliation.json").read_text()) == done["reconciliation"]
    assert verify(str(dest / "journal.jsonl")).whole

    again = run(jobs=[JOB], prefix="org/")
    assert (again["changed"], again["complete"], again["requests"]) == (False, True, 0)
    assert again["diff"]["before"] == again["diff"]["after"] != ""


def test_a_saved_job_conversations_and_a_window(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps(JOB))
    saved = run(job_path=str(tmp_path / "job.json"), _ansible_check_mode=True)
    assert len(saved["plan"]["objects"]) == 2
    rule = {"rule": "latest", "delete_markers": "fetch_below", "_ansible_check_mode": True}
    conversation = run(conversations=[CONVERSATION], **rule)
    window = run(prefix="org/", since="2026-11-20T02:30:00Z", until="2026-11-20T03:00:00Z", **rule)
    assert [item["key"] for item in conversation["plan"]["objects"]] == sorted([KEY, BESIDE, TWICE, HIDDEN])
    assert len(window["plan"]["objects"]) == 4
    assert run(prefix="org/", since="2026-11-20T03:00:00Z", **rule)["plan"]["missing"]


def test_a_recording_that_is_not_there_keeps_everything_from_being_fetched(
    run: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    done = run(recordings=[RECORDING, MISSING])
    assert done["failed"] is True
    assert f"recording {MISSING} is missing: no object version" in done["msg"]
    assert done["reconciliation"]["missing"] == 1
    assert not (tmp_path / "dest" / "objects" / KEY).exists()
    rest = run(recordings=[RECORDING, MISSING], fetch_incomplete=True)
    assert (rest["failed"], rest["changed"], rest["complete"]) == (True, True, False)
    assert (tmp_path / "dest" / "objects" / KEY).read_bytes() == BODY
    assert run(recordings=[RECORDING, MISSING], _ansible_check_mode=True)["failed"] is True


@pytest.mark.parametrize(
    ("key", "options", "words"),
    [
        (TWICE, {}, "2 versions; the rule is to fail"),
        (HIDDEN, {"rule": "latest"}, "a delete marker of"),
        (TWICE, {"rule": "as_of", "as_of": "2020-01-01T00:00:00Z"}, "nothing was there at 2020-01-01"),
    ],
)
def test_what_is_ambiguous_fails_by_default(
    run: Callable[..., dict[str, Any]], key: str, options: dict[str, Any], words: str
) -> None:
    done = run(keys=[key], **options)
    assert done["failed"] is True
    assert words in done["msg"]


@pytest.mark.parametrize(
    ("key", "options", "body"),
    [
        (TWICE, {"rule": "latest"}, b"second"),
        (HIDDEN, {"rule": "latest", "delete_markers": "fetch_below"}, b"hidden"),
        (TWICE, {"rule": "as_of", "as_of": "2099-01-01T00:00:00Z"}, b"second"),
    ],
)
def test_a_rule_decides(
    run: Callable[..., dict[str, Any]], tmp_path: Path, key: str, options: dict[str, Any], body: bytes
) -> None:
    done = run(keys=[key], **options)
    assert done["complete"] is True
    assert (tmp_path / "dest" / "objects" / key).read_bytes() == body
    assert done["plan"]["objects"][0]["notes"]


def test_a_decision_stays_until_it_is_made_anew(
    run: Callable[..., dict[str, Any]], storage: Storage, tmp_path: Path
) -> None:
    storage.put("calls/moves.opus", b"one")
    first = run(keys=["calls/moves.opus"], rule="latest")
    storage.put("calls/moves.opus", b"two")
    again = run(keys=["calls/moves.opus"], rule="latest")
    assert again["plan"] == first["plan"]
    assert again["changed"] is False
    anew = run(keys=["calls/moves.opus"], rule="latest", replan=True)
    assert "is there already" in anew["msg"]
    assert (tmp_path / "dest" / "objects" / "calls/moves.opus").read_bytes() == b"one"


def test_a_folder_is_for_one_request(run: Callable[..., dict[str, Any]]) -> None:
    run(keys=[KEY])
    other = run(keys=[TWICE], rule="latest")
    assert "is the plan of another request" in other["msg"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "nothing is asked for; give one of jobs"),
        ({"since": "yesterday"}, "since: 'yesterday' is not a time"),
        ({"keys": [KEY], "as_of": "2026-01-01T00:00:00Z"}, "the rule as_of, and only that, needs a time"),
        ({"keys": [KEY], "rule": "as_of"}, "the rule as_of, and only that, needs a time"),
        ({"keys": [KEY], "concurrency": 0}, "concurrency must be more than 0"),
        ({"jobs": [{"id": "j", "state": "FAILED"}]}, "names no recordings"),
        ({"job_path": "/nonexistent.json"}, "cannot read the job document"),
        ({"keys": [KEY], "bucket": "no-such-bucket"}, "NoSuchBucket"),
        ({"keys": [KEY], "aws_profile": "nobody"}, "nobody"),
        ({"keys": [KEY], "endpoint_url": "https://me:secret@s3.example.net"}, "holds a user name or a password"),
    ],
)
def test_what_cannot_be_asked(run: Callable[..., dict[str, Any]], options: dict[str, Any], words: str) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert words in result["msg"]


def test_no_secret_is_left_behind(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = run(keys=[KEY])
    left = [path.read_bytes() for path in (tmp_path / "dest").rglob("*") if path.is_file()]
    for secret in (KEYS["operator"]["secret_access_key"], KEYS["operator"]["access_key_id"]):
        assert secret not in json.dumps(result)
        assert not any(secret.encode() in each for each in left)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "dest").rglob("*"))


def test_nothing_is_written_elsewhere(
    run: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            written.append(str(arguments[0]))
        elif watching and event in ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate"):
            written.append(str(arguments[1] if event in ("os.rename", "os.link", "os.symlink") else arguments[0]))

    watching = True
    sys.addaudithook(audit)
    try:
        result = run(keys=[KEY])
    finally:
        watching = False
    assert result["complete"] is True
    # By its descriptor a file has been opened under its name before.
    elsewhere = {path for path in written if not path.isdigit() and not path.startswith(str(tmp_path / "dest"))}
    assert len(written) > 5
    assert {path for path in elsewhere if "__pycache__" not in path} == set()
