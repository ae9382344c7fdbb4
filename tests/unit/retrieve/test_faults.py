# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of the path, on SeaweedFS behind the fault proxy: complete and verified, or nothing at the final path."""

from __future__ import annotations

import datetime
import functools
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.crt.auth
import pytest
from ansible.module_utils.edge.evidence.journal import verify
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.retrieve.retrieval import Retrieved

from lab.fault_proxy import Fault, FaultProxy
from tests.unit.retrieve.storage import BUCKET, MIB, Storage, content, events, same, session

pytestmark = pytest.mark.xdist_group("retrieve")
Fetch = Callable[..., Retrieved]

LONG, ONE = "calls/long.wav", "calls/one.wav"
GET = "^GET .*(long|one)[.]wav[?](?!attributes)"
SIZE = 24 * MIB


# Made where they are used: every worker imports this file, and one runs it.
@functools.cache
def body() -> bytes:
    return content(SIZE)


@functools.cache
def one_body() -> bytes:
    return content(6 * MIB, seed=8)


@pytest.fixture(scope="module", autouse=True)
def recordings(storage: Storage) -> Iterator[None]:
    storage.put_parts(LONG, body(), 5 * MIB, "SHA256")
    storage.put(ONE, one_body())
    yield
    body.cache_clear()
    one_body.cache_clear()


def assert_whole(done: Retrieved, dest: Path, key: str = LONG, whole: bytes | None = None) -> None:
    assert done.failures == {}
    assert done.reconciliation["complete"] is True
    assert same(dest / "objects" / key, body() if whole is None else whole)
    assert verify(str(dest / "journal.jsonl")).whole
    assert list((dest / "partial").iterdir()) == []


def assert_nothing(done: Retrieved, dest: Path, words: str, key: str = LONG) -> None:
    assert words in done.failures[key]
    assert done.reconciliation["complete"] is False
    assert [path for path in (dest / "objects").rglob("*") if path.is_file()] == []
    assert list((dest / "results").iterdir()) == []
    assert verify(str(dest / "journal.jsonl")).whole


def hasty(kind: str) -> dict[str, Any]:
    """Short of patience for that kind of fault alone: a busy machine is slow in every way."""
    return {"stall": {"idle_seconds": 0.5}, "slow": {"options": {"window_seconds": 1.0}}}.get(kind, {})


def kinds(dest: Path) -> set[str]:
    return {event["kind"] for event in events(dest, "retry")}


FAULTS = [
    ("reset in every answer", Fault("reset", after_bytes=3_000_000, request=GET), "reset"),
    ("reset before the first byte", Fault("reset", after_bytes=0, request=GET, times=3), "reset"),
    ("an answer that ends early", Fault("cut", after_bytes=2_000_000, request=GET, times=4), "reset"),
    ("black hole in the body", Fault("blackhole", after_bytes=1_000_000, request=GET, times=2), "stall"),
    ("black hole before the answer", Fault("blackhole", after_seconds=0.0, request=GET, times=1), "stall"),
    ("stall for ever", Fault("stall", after_bytes=1_000_000, request=GET, times=2), "stall"),
    ("slow trickle", Fault("trickle", rate=20_000, request=GET, times=2), "slow"),
    ("burst of 502", Fault("status", status=502, request=GET, times=8), "server"),
    ("burst of SlowDown", Fault("status", status=503, request=GET, times=8), "throttled"),
    ("burst of 500 from the first request on", Fault("status", status=500, times=4), "server"),
]


@pytest.mark.parametrize(("fault", "kind"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_what_breaks_the_connection(storage: Storage, fetch: Fetch, dest: Path, fault: Fault, kind: str) -> None:
    with FaultProxy(storage.host, [fault]) as proxy:
        done = fetch(proxy.url, LONG, **hasty(kind))
        came = sum(entry["bytes_down"] for entry in proxy.log)
    assert_whole(done, dest)
    assert kinds(dest) == {kind}
    assert came <= SIZE * 1.02
    assert done.results[0]["received"] == SIZE
    assert done.results[0]["retries"] == sum(event.get("key") == LONG for event in events(dest, "retry"))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("refuse"), "cannot read"),
        (Fault("status", status=502), "given up after 6 attempts"),
        (Fault("blackhole", after_seconds=0.0), "given up after 6 attempts"),
    ],
)
def test_storage_that_never_answers(storage: Storage, fetch: Fetch, dest: Path, fault: Fault, words: str) -> None:
    with FaultProxy(storage.host, [fault]) as proxy, pytest.raises(EdgepathError, match=words):
        fetch(proxy.url, LONG, idle_seconds=0.5)
    assert not (dest / "plan.json").exists()
    assert events(dest, "failed")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("reset", after_bytes=1000, request=GET), "given up after 6 attempts"),
        (Fault("trickle", rate=2000, request=GET), "less than"),
    ],
)
def test_a_connection_that_never_brings_enough(
    storage: Storage, fetch: Fetch, dest: Path, fault: Fault, words: str
) -> None:
    with FaultProxy(storage.host, [fault]) as proxy:
        done = fetch(proxy.url, LONG, options={"window_seconds": 0.1, "attempts": 3 if fault.rate else 6})
    assert_nothing(done, dest, words)


FLIPPED = [
    ("SHA256", None),
    ("SHA1", None),
    ("CRC32", "FULL_OBJECT"),
    ("CRC32C", None),
    ("CRC64NVME", None),
    (None, None),
]


@pytest.mark.parametrize(("algorithm", "kind"), FLIPPED)
def test_one_bit_flipped_on_the_way(
    storage: Storage, fetch: Fetch, dest: Path, algorithm: str | None, kind: str | None
) -> None:
    whole = content(11 * MIB + 5, seed=9)
    storage.put_parts(f"calls/{algorithm}-long.wav", whole, 5 * MIB, algorithm, kind)
    flip = Fault("flip", after_bytes=7_000_000, request=GET, times=1)
    with FaultProxy(storage.host, [flip]) as proxy:
        done = fetch(proxy.url, f"calls/{algorithm}-long.wav")
        assert len(proxy.events("flip")) == 1
    assert_whole(done, dest, f"calls/{algorithm}-long.wav", whole)
    assert [event["round"] for event in events(dest, "object_corrupt")] == [1]
    assert done.results[0]["service_checksums"]["agree"] == [f"Checksum{algorithm}" if algorithm else "ETag"]


@pytest.mark.parametrize("key", [LONG, ONE])
def test_one_bit_flipped_every_time(storage: Storage, fetch: Fetch, dest: Path, key: str) -> None:
    with FaultProxy(storage.host, [Fault("flip", after_bytes=1_000_000, request=GET)]) as proxy:
        done = fetch(proxy.url, key, options={"concurrency": 1})
    assert_nothing(done, dest, "the same each time", key)
    assert list((dest / "partial").iterdir()) == []


def test_one_bit_flipped_in_a_single_part_object(storage: Storage, fetch: Fetch, dest: Path) -> None:
    with FaultProxy(storage.host, [Fault("flip", after_bytes=1_000_000, request=GET, times=1)]) as proxy:
        done = fetch(proxy.url, ONE)
    assert_whole(done, dest, ONE, one_body())


def meddling(at: int, act: Callable[[], Any]) -> Callable[[], Any]:
    """A session whose n-th GetObject is preceded by something that another client does."""
    calls = []

    def make() -> Any:
        made = session()

        def before(**_: Any) -> None:
            calls.append(1)
            if len(calls) == at:
                act()

        made.events.register("before-call.s3.GetObject", before)
        return made

    return make


def test_overwritten_in_mid_download(storage: Storage, fetch: Fetch, dest: Path) -> None:
    storage.put_parts("calls/over.wav", body(), 5 * MIB)
    act = meddling(2, lambda: storage.put("calls/over.wav", b"another"))
    done = fetch(storage.url, "calls/over.wav", session=act, options={"concurrency": 1})
    assert_whole(done, dest, "calls/over.wav")


def test_overwritten_in_mid_download_without_versions(storage: Storage, fetch: Fetch, dest: Path) -> None:
    storage.s3.create_bucket(Bucket="unversioned")
    storage.put("calls/long.wav", body(), "unversioned")
    act = meddling(2, lambda: storage.put("calls/long.wav", body()[::-1], "unversioned"))
    done = fetch(storage.url, LONG, bucket="unversioned", session=act, options={"concurrency": 1})
    assert_nothing(done, dest, "another object is there now")
    assert list((dest / "partial").iterdir()) == []


def test_deleted_in_mid_download(storage: Storage, fetch: Fetch, dest: Path) -> None:
    storage.put_parts("calls/gone.wav", body(), 5 * MIB)
    act = meddling(2, lambda: storage.s3.delete_object(Bucket=BUCKET, Key="calls/gone.wav"))
    done = fetch(storage.url, "calls/gone.wav", session=act, options={"concurrency": 1})
    assert_whole(done, dest, "calls/gone.wav")


def test_version_deleted_for_good_in_mid_download(storage: Storage, fetch: Fetch, dest: Path) -> None:
    version = storage.put("calls/lost.wav", body())["VersionId"]
    act = meddling(2, lambda: storage.s3.delete_object(Bucket=BUCKET, Key="calls/lost.wav", VersionId=version))
    done = fetch(storage.url, "calls/lost.wav", session=act, options={"concurrency": 1})
    assert_nothing(done, dest, "look for it among the versions", "calls/lost.wav")


def refusing(code: str, status: int, after: int, sessions: int) -> Callable[[], Any]:
    """Sessions of which the first is refused after some requests and the next few at once, as S3 refuses."""
    made: list[Any] = []

    def make() -> Any:
        number = len(made)
        made.append(session())
        seen = []

        def before(request: Any, **_: Any) -> Any:
            seen.append(1)
            if number >= sessions or (number == 0 and len(seen) <= after):
                return None
            body = f"<Error><Code>{code}</Code><Message>refused</Message></Error>".encode()
            answer = botocore.awsrequest.AWSResponse(request.url, status, {}, None)
            answer._content = body
            return answer

        made[-1].events.register("before-send.s3", before)
        return made[-1]

    return make


def test_credentials_that_expire_in_mid_transfer(storage: Storage, fetch: Fetch, dest: Path) -> None:
    done = fetch(storage.url, LONG, session=refusing("ExpiredToken", 400, after=5, sessions=1))
    assert_whole(done, dest)
    assert kinds(dest) == {"credentials"}
    assert len(events(dest, "credentials_renewed")) == 1


def test_credentials_that_cannot_be_renewed(storage: Storage, fetch: Fetch, dest: Path) -> None:
    done = fetch(storage.url, LONG, session=refusing("ExpiredToken", 400, after=5, sessions=1000))
    assert_nothing(done, dest, "renew the credentials")


def test_access_that_is_taken_away(storage: Storage, fetch: Fetch, dest: Path) -> None:
    done = fetch(storage.url, LONG, session=refusing("AccessDenied", 403, after=5, sessions=1000))
    assert_nothing(done, dest, "AccessDenied")
    assert kinds(dest) == set()


def test_a_clock_that_is_an_hour_off(
    storage: Storage, fetch: Fetch, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(remove_tzinfo: bool = True) -> datetime.datetime:
        then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        return then.replace(tzinfo=None) if remove_tzinfo else then

    monkeypatch.setattr(botocore.auth, "get_current_datetime", late)
    monkeypatch.setattr(botocore.crt.auth, "get_current_datetime", late)
    with pytest.raises(EdgepathError, match="clock is off"):
        fetch(storage.url, LONG)
    assert not (dest / "plan.json").exists()


@pytest.fixture
def small_files() -> Iterator[None]:
    """Files of this process can be no longer than 16 MiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * MIB, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_system_that_refuses(storage: Storage, fetch: Fetch, dest: Path, small_files: None) -> None:
    done = fetch(storage.url, LONG)
    assert_nothing(done, dest, "File too large")
    assert list((dest / "partial").iterdir()) == []


def test_a_full_disk(storage: Storage, fetch: Fetch, dest: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("cannot run here because mounting a small file system takes root")
    dest.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "edgepath-test", str(dest)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("cannot run here because mounting is not allowed, even to root")
    try:
        with pytest.raises(EdgepathError, match="(19|20) MiB free, the recordings need 26 MiB"):
            fetch(storage.url, LONG)
        assert not (dest / "objects" / LONG).exists()
    finally:
        subprocess.run(["umount", str(dest)], check=True)


def interrupted(storage: Storage, fetch: Fetch) -> None:
    """A first run that got 15 of the 24 MiB."""
    refused = refusing("AccessDenied", 403, after=5, sessions=1)
    first = fetch(storage.url, LONG, session=refused, options={"concurrency": 1})
    assert "AccessDenied" in first.failures[LONG]


def test_another_run_fetches_only_what_is_missing(storage: Storage, fetch: Fetch, dest: Path) -> None:
    interrupted(storage, fetch)
    done = fetch(storage.url, LONG)
    assert_whole(done, dest)
    assert done.results[0]["resumed"] == 15 * MIB
    assert done.results[0]["received"] == 9 * MIB
    assert events(dest, "resumed")[0]["ranges"] == [[0, 15 * MIB]]


def test_another_run_believes_the_disk_only_where_it_is_right(storage: Storage, fetch: Fetch, dest: Path) -> None:
    interrupted(storage, fetch)
    (partial,) = (dest / "partial").glob("*.partial")
    with partial.open("r+b") as stream:
        stream.seek(5 * MIB)
        byte = stream.read(1)
        stream.seek(5 * MIB)
        stream.write(bytes([byte[0] ^ 1]))
    done = fetch(storage.url, LONG)
    assert_whole(done, dest)
    assert 14 * MIB <= done.results[0]["resumed"] < 15 * MIB


def test_a_run_after_success_fetches_nothing(storage: Storage, fetch: Fetch, dest: Path) -> None:
    first = fetch(storage.url, LONG)
    again = fetch(storage.url, LONG)
    assert (first.added, again.added, again.before) == ({LONG}, set(), {LONG})
    assert again.requests == 0
    assert again.reconciliation["complete"] is True


def test_a_file_that_was_changed_since_is_not_overwritten(storage: Storage, fetch: Fetch, dest: Path) -> None:
    fetch(storage.url, LONG)
    (dest / "objects" / LONG).write_bytes(b"other")
    done = fetch(storage.url, LONG)
    assert "is there already" in done.failures[LONG]
    assert (dest / "objects" / LONG).read_bytes() == b"other"


def test_killed_at_random_moments(storage: Storage, dest: Path) -> None:
    moments = random.Random(20)
    command = [sys.executable, str(Path(__file__).with_name("zygote.py")), storage.url, LONG, str(dest)]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin is not None
    assert parent.stdout is not None
    came, killed = 0, 0
    try:
        for _ in range(20):
            with FaultProxy(storage.host, [Fault("trickle", rate=4_000_000, request=GET)]) as proxy:
                print(proxy.url, file=parent.stdin, flush=True)
                child = int(parent.stdout.readline())
                time.sleep(moments.uniform(0.02, 0.25))
                os.kill(child, signal.SIGKILL)
                killed += int(parent.stdout.readline()) == -signal.SIGKILL
                came += sum(entry["bytes_down"] for entry in proxy.log)
            assert not (dest / "objects" / LONG).exists() or same(dest / "objects" / LONG, body())
        with FaultProxy(storage.host) as proxy:
            print(proxy.url, file=parent.stdin, flush=True)
            parent.stdout.readline()
            assert int(parent.stdout.readline()) == 0
            came += sum(entry["bytes_down"] for entry in proxy.log)
    finally:
        parent.stdin.close()
        parent.wait()
    assert same(dest / "objects" / LONG, body())
    assert verify(str(dest / "journal.jsonl")).whole
    assert killed >= 10
    # Each kill may cost each of the four connections the block that it was in, and what the kernel held.
    assert came <= SIZE + killed * 4 * MIB
