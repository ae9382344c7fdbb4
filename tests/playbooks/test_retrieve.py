# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-playbook retrieve.yml` on the embedded lab, as a user runs it, through a path with faults."""

from __future__ import annotations

import io
import json
import os
import random
import re
import subprocess
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import pytest
from ansible.module_utils.edge.evidence.journal import verify

from lab.fault_proxy import Fault, FaultProxy

from .conftest import BIN, ROOT

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("retrieving")]

BUCKET = "harbour-recordings"
CONVERSATION = "2f0e7a44-90c3-4f0c-8a55-0d6b0f4f6a01"
RECORDING, SECOND = "7d3c6a52-18f0-4b9b-9c43-2f1f9f1c0b11", "9a1b2c3d-18f0-4b9b-9c43-2f1f9f1c0b12"
FOLDER = f"exports/org/year=2026/month=11/day=21/hour=05/conversation_id={CONVERSATION}"
KEY = f"{FOLDER}/{RECORDING}.wav"
SECONDS = 120
GET = "^GET .*[.]wav"


@dataclass
class Retrieval:
    status: int
    output: str
    folder: Path

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


@dataclass
class Lab:
    url: str
    environment: dict[str, str]
    secret: str


def noise(seed: int) -> bytes:
    """A WAV file of SECONDS, 16 kHz, without a silent stretch."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(random.Random(seed).randbytes(SECONDS * 32000))
    return stream.getvalue()


@pytest.fixture(scope="module")
def lab(lab_environment: dict[str, str]) -> Lab:
    """The lab with a conversation of two recordings of two minutes, and the keys of one who may read them."""
    state = json.loads((Path(lab_environment["EDGEPATH_LAB_DIR"]) / "lab.json").read_text())
    keys, url = state["credentials"]["operator"], state["endpoints"]["object_store"]
    style = botocore.config.Config(s3={"addressing_style": "path"})
    s3 = boto3.client("s3", endpoint_url=url, region_name="eu-west-2", config=style,
                      aws_access_key_id=keys["access_key_id"],
                      aws_secret_access_key=keys["secret_access_key"])  # fmt: skip
    for number, recording in enumerate((RECORDING, SECOND)):
        about = {"conversationId": CONVERSATION, "recordingId": recording, "durationMs": SECONDS * 1000}
        s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}/{recording}.wav", Body=noise(number))
        s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}/{recording}_metadata.json", Body=json.dumps(about).encode())
    environment = {
        **os.environ, **lab_environment, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1",
        "AWS_ACCESS_KEY_ID": keys["access_key_id"], "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
    }  # fmt: skip
    return Lab(url, environment, keys["secret_access_key"])


@pytest.fixture
def retrieve(lab: Lab, tmp_path: Path) -> Callable[..., Retrieval]:
    """Runs `ansible-playbook retrieve.yml` for the edge harbour; keywords are variables of the role."""

    def play(*arguments: str, **variables: Any) -> Retrieval:
        given = {
            "dir": str(tmp_path / "matter"),
            "custodian": "J. Smith, telephony operations",
            "matter": "Case 4711",
            "signing_key": str(tmp_path / "key.pem"),
            "generate_key": True,
            **variables,
        }
        extra = json.dumps({f"edge_retrieve_{name}": value for name, value in given.items() if value is not None})
        answer = subprocess.run(
            ["ansible-playbook", "retrieve.yml", "--limit", "harbour", "-e", extra, *arguments],
            cwd=ROOT, env=lab.environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Retrieval(answer.returncode, answer.stdout + answer.stderr, tmp_path / "matter" / "harbour")

    return play


def job(path: Path, *recordings: str) -> str:
    failed = [
        {"recordingId": name, "conversationId": CONVERSATION, "durationMs": SECONDS * 1000, "channels": 1}
        for name in recordings
    ]
    path.write_text(json.dumps({"id": "9b2f61c4", "state": "FAILED", "failedRecordings": failed}))
    return str(path)


def test_a_failed_job_becomes_a_package_through_resets_and_a_slow_path(
    lab: Lab, retrieve: Callable[..., Retrieval], tmp_path: Path
) -> None:
    faults = [
        Fault("reset", after_bytes=1_000_000, request=GET, times=3),
        Fault("trickle", rate=1_500_000, request=GET),
    ]
    wanted = job(tmp_path / "job.json", RECORDING, SECOND)
    with FaultProxy(lab.url.partition("//")[2], faults) as proxy:
        done = retrieve(job_path=wanted, endpoint_url=proxy.url, progress_seconds=0.1)
        assert proxy.events("reset")
    assert done.status == 0, done.output
    assert "harbour: plan: 2 asked for; 4 of 4 objects are to be fetched" in done.output
    progress = re.findall(r"harbour: .* MiB of .* MiB \(\d+ %\), .*B/s, .*; \d of 4: exports/", done.output)
    assert len(progress) >= 3, done.output
    assert any(" left;" in line for line in progress)
    assert "packaged 2, missing 0, duplicate 0: complete" in done.output
    assert done.json("reconciliation.json")["complete"] is True
    assert done.json("receipt.json")["audio"] == {"continuous": 2}
    assert done.json("receipt.json")["keyid"] in done.output
    package = done.folder / "package"
    assert done.json("package/evidence/provenance.json")["clock"]["source"].startswith("HTTP Date of http")
    assert json.loads((package / "evidence/job.json").read_text())["jobs"][0]["id"] == "9b2f61c4"
    assert verify(str(done.folder / "retrieved" / "journal.jsonl")).whole
    assert not (done.folder / "retrieved" / "progress.json").exists()
    checked = subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "manifest-sha256.txt"], cwd=package)
    assert checked.returncode == 0
    assert_no_secret(lab, done, tmp_path)

    again = retrieve(job_path=wanted)
    assert again.status == 0, again.output
    assert re.search(r"harbour\s+: ok=\d+\s+changed=0 ", again.output)

    (package / "data" / KEY).chmod(0o600)
    with (package / "data" / KEY).open("r+b") as stream:
        stream.write(b"X")
    broken = retrieve(job_path=wanted)
    assert broken.status == 2
    assert "is broken" in broken.output


def assert_no_secret(lab: Lab, done: Retrieval, tmp_path: Path) -> None:
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert lab.secret.encode() not in data, path
        assert b"X-Amz-Signature" not in data, path
        assert b"Signature=" not in data, path
    assert lab.secret not in done.output


def test_check_shows_the_plan_and_writes_nothing(retrieve: Callable[..., Retrieval], tmp_path: Path) -> None:
    done = retrieve("--check", "--diff", conversations=[CONVERSATION])
    assert done.status == 0, done.output
    assert f"fetch      {KEY}, version" in done.output
    assert f"+{KEY} version" in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_is_not_there_ends_it_before_the_first_byte(
    retrieve: Callable[..., Retrieval], tmp_path: Path
) -> None:
    gone = "00000000-18f0-4b9b-9c43-2f1f9f1c0b13"
    done = retrieve(recordings=[RECORDING, gone])
    assert done.status == 2
    assert f"MISSING    recording {gone}" in done.output
    assert list((done.folder / "retrieved" / "objects").iterdir()) == []
    assert not (done.folder / "package").exists()

    partly = retrieve(recordings=[RECORDING, gone], fetch_incomplete=True)
    assert partly.status == 2
    assert f"NOT COMPLETE; recording {gone} is missing" in partly.output
    assert (partly.folder / "package" / "data" / KEY).exists()
    assert partly.json("package/evidence/reconciliation.json")["complete"] is False


def test_two_versions_are_no_guess(retrieve: Callable[..., Retrieval]) -> None:
    done = retrieve("--check", job_path="lab/data/failed-job.json")
    assert done.status == 2
    assert "AMBIGUOUS" in done.output
    failure = done.output.partition("TASK [edge_retrieve : Retrieve | Fetch]")[2]
    assert "2 versions; the rule is to fail. Choose latest or as_of" in failure


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"generate_key": False}, "cannot read the signing key"),
        ({"dir": None}, "missing required arguments: edge_retrieve_dir"),
    ],
)
def test_what_a_package_needs_is_asked_for_before_anything_is_fetched(
    retrieve: Callable[..., Retrieval], tmp_path: Path, variables: dict[str, Any], words: str
) -> None:
    done = retrieve(keys=[KEY], **variables)
    assert done.status == 2
    assert words in done.output
    assert not (done.folder / "retrieved").exists()


def test_an_edge_that_cannot_be_reached_from_here(lab: Lab, retrieve: Callable[..., Retrieval], tmp_path: Path) -> None:
    """A window of time, without a package, by an inventory whose edge has a far address, its own Python and root."""
    host = {
        "ansible_host": "192.0.2.1", "ansible_connection": "ssh", "ansible_become": True,
        "ansible_python_interpreter": "/opt/appliance/python", "edge_bucket": BUCKET, "edge_prefix": "exports/",
        "edge_storage_kind": "s3_compatible", "edge_storage_endpoint": lab.url, "edge_region": "eu-west-2",
    }  # fmt: skip
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"edges": {"hosts": {"harbour": host}}}))
    done = retrieve("-i", str(inventory), since="2026-11-21T05:00:00Z", until="2026-11-21T06:00:00Z", package=False)
    assert done.status == 0, done.output
    assert done.json("retrieved/reconciliation.json")["complete"] is True
    assert len(done.json("retrieved/plan.json")["objects"]) == 4
    assert sorted(path.name for path in done.folder.iterdir()) == ["retrieved"]


def test_nothing_asked_for_is_an_error(retrieve: Callable[..., Retrieval]) -> None:
    done = retrieve(package=False)
    assert done.status == 2
    assert "nothing is asked for" in done.output
