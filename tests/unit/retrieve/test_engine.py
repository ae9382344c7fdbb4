# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine on a storage in memory, for what AWS has and SeaweedFS has not: part checksums, opaque ETags, denials."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.retrieve import checksums
from ansible.module_utils.edge.retrieve.engine import Transfer
from ansible.module_utils.edge.retrieve.errors import TransferError
from ansible.module_utils.edge.retrieve.fetching import Options
from ansible.module_utils.edge.retrieve.recorder import Recorder
from ansible.module_utils.edge.retrieve.store import Source

from tests.unit.retrieve.storage import content

BODY = content(1_000_003)
PART = 300_000
KEY, TAG = "calls/a.wav", '"0123456789abcdef0123456789abcdef-4"'
PIECES = [BODY[at : at + PART] for at in range(0, len(BODY), PART)]


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


class Storage:
    """What the engine asks of a Store. corrupt: positions whose byte is wrong in the first so many answers."""

    def __init__(self, *, part_checksums: bool = True, tag: str = TAG, **head: Any) -> None:
        self.source = Source("b")
        self.requests = self.generation = 0
        self.answer = {"ContentLength": len(BODY), "ETag": tag, "ServerSideEncryption": "aws:kms", **head}
        self.part_checksums = part_checksums
        self.corrupt: dict[int, int] = {}
        self.denied: set[str] = set()
        self.asked: list[tuple[int, int]] = []
        self.before: Callable[[], Any] = lambda: None

    def head(self, key: str, version_id: str, etag: str | None = None, part: int | None = None) -> dict[str, Any]:
        self._ask("head" if part is None else "part")
        if part is None:
            return dict(self.answer)
        own = {"ChecksumSHA256": sha256(PIECES[part - 1])} if self.part_checksums else {}
        return {**self.answer, "ContentLength": len(PIECES[part - 1]), **own}

    def attributes(self, key: str, version_id: str) -> dict[str, Any]:
        self._ask("attributes")
        if not self.part_checksums:
            return {"ObjectParts": {"TotalPartsCount": len(PIECES)}}
        parts = [
            {"PartNumber": number, "Size": len(piece), "ChecksumSHA256": sha256(piece)}
            for number, piece in enumerate(PIECES, start=1)
        ]
        return {"ObjectParts": {"TotalPartsCount": len(parts), "Parts": parts}}

    @contextmanager
    def open(self, key: str, version_id: str, etag: str, start: int, end: int) -> Iterator[Callable[[], bytes]]:
        self._ask("get")
        self.before()
        self.asked.append((start, end))
        data = bytearray(BODY[start:end])
        for position, times in self.corrupt.items():
            if start <= position < end and times > 0:
                self.corrupt[position] -= 1
                data[position - start] ^= 1
        pieces = iter([bytes(data[at : at + 70_000]) for at in range(0, len(data), 70_000)])
        yield lambda: next(pieces, b"")

    def _ask(self, what: str) -> None:
        self.requests += 1
        if what in self.denied:
            raise TransferError("denied", f"{what} is denied")


class Run:
    """One transfer into a folder; events: what was recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Mapping[str, Any]] = []
        self.ticks: list[int] = []

    def __call__(self, storage: Storage, **options: Any) -> dict[str, Any]:
        target = {"key": KEY, "version_id": "v", "etag": storage.answer["ETag"], "size": len(BODY)}
        recorder = Recorder(self.events.append)
        (self.folder / "partial").mkdir(exist_ok=True)
        given = Options(
            **{"range_bytes": 128_000, "base_delay": 0.001, "max_delay": 0.001, "concurrency": 2, **options}
        )
        transfer = Transfer(
            storage, target, str(self.final), str(self.folder / "partial"), given, recorder, lambda *_: None  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            return transfer.run(str(self.folder / "result.json"), lambda: self.ticks.append(1))
        finally:
            recorder.close()

    @property
    def final(self) -> Path:
        return self.folder / "objects" / KEY

    def kinds(self) -> list[Any]:
        return [event["type"] for event in self.events]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


COMPOSITE = {"ChecksumSHA256": checksums.composite("SHA256", [hashlib.sha256(piece).digest() for piece in PIECES]),
             "ChecksumType": "COMPOSITE"}  # fmt: skip


def test_parts_and_whole_agree(run: Run) -> None:
    result = run(Storage(**COMPOSITE))
    assert run.final.read_bytes() == BODY
    assert (result["sha256"], result["sha512"]) == (hashlib.sha256(BODY).hexdigest(), hashlib.sha512(BODY).hexdigest())
    assert result["verified"] is True
    assert {"what": "parts", "result": "4 of 4 have a checksum of their own, and agree"} in result["verification"]
    assert {"what": "ChecksumSHA256", "result": "agrees (COMPOSITE)"} in result["verification"]
    assert [part["computed"]["SHA256"] for part in result["parts"]] == [
        part["stated"]["SHA256"] for part in result["parts"]
    ]
    assert json.loads((run.folder / "result.json").read_text()) == result


def test_only_the_part_that_is_wrong_is_fetched_again(run: Run) -> None:
    storage = Storage(**COMPOSITE)
    storage.corrupt = {PART + 5: 1}
    result = run(storage)
    assert run.final.read_bytes() == BODY
    assert result["sha512"] == hashlib.sha512(BODY).hexdigest()
    assert result["received"] == len(BODY) + PART
    assert [event["part"] for event in run.events if event["type"] == "part_corrupt"] == [2]


def test_a_part_that_stays_wrong_leaves_nothing(run: Run) -> None:
    storage = Storage(**COMPOSITE)
    storage.corrupt = {PART + 5: 99}
    with pytest.raises(TransferError, match="part 2 has the SHA256 .* after 3 downloads"):
        run(storage)
    assert not run.final.exists()
    assert list((run.folder / "partial").iterdir()) == []
    assert not (run.folder / "result.json").exists()


def test_part_checksums_alone_verify(run: Run) -> None:
    result = run(Storage())
    assert result["verified"] is True
    assert result["received"] == len(BODY)


def test_parts_are_asked_one_by_one_where_the_attributes_are_denied(run: Run) -> None:
    storage = Storage(**COMPOSITE)
    storage.denied = {"attributes"}
    result = run(storage)
    assert result["verified"] is True
    assert result["attributes"] == {}
    assert len(result["parts"]) == len(PIECES)
    assert "attributes_unread" in run.kinds()


def test_unknown_parts_are_said_and_the_object_compared_with_itself(run: Run) -> None:
    storage = Storage(**COMPOSITE)
    storage.denied = {"attributes", "part"}
    result = run(storage)
    said = {item["what"]: item["result"] for item in result["verification"]}
    assert "their borders are not known" in said["ChecksumSHA256"]
    assert said["second download"] == "the same SHA-256 for every part"
    assert result["received"] == 2 * len(BODY)
    assert "layout_unknown" in run.kinds()


def opaque() -> Storage:
    return Storage(part_checksums=False)


def test_without_any_checksum_it_is_fetched_twice(run: Run) -> None:
    result = run(opaque())
    assert result["verified"] is True
    assert "no MD5 under aws:kms" in str(result["verification"])
    assert result["received"] == 2 * len(BODY)


def test_two_downloads_that_differ_leave_nothing(run: Run) -> None:
    storage = opaque()
    storage.corrupt = {PART + 5: 1}
    with pytest.raises(TransferError, match=f"two downloads differ within bytes {PART}-{2 * PART}"):
        run(storage)
    assert not run.final.exists()
    assert list((run.folder / "partial").iterdir()) == []


def test_without_any_checksum_it_may_be_refused_or_accepted(run: Run) -> None:
    with pytest.raises(TransferError, match="no checksum to compare with") as refused:
        run(opaque(), unverifiable="fail")
    assert refused.value.kind == "unverifiable"
    assert not run.final.exists()
    result = run(opaque(), unverifiable="accept")
    assert result["verified"] is False
    assert run.final.read_bytes() == BODY


@pytest.mark.parametrize(
    ("head", "words", "kind"),
    [
        ({"ContentLength": 5}, "the plan says 1000003", "changed"),
        ({"StorageClass": "GLACIER"}, "restore it first", "archived"),
        (
            {"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "DEEP_ARCHIVE_ACCESS"},
            "DEEP_ARCHIVE_ACCESS",
            "archived",
        ),
    ],
)
def test_what_is_refused_before_the_first_byte(run: Run, head: dict[str, Any], words: str, kind: str) -> None:
    storage = Storage(**head)
    with pytest.raises(TransferError, match=words) as refused:
        run(storage)
    assert refused.value.kind == kind
    assert storage.asked == []


def test_a_file_at_the_final_path_is_left_alone(run: Run) -> None:
    run.final.parent.mkdir(parents=True)
    run.final.write_bytes(b"precious")
    storage = Storage()
    with pytest.raises(TransferError, match="is there already"):
        run(storage)
    assert run.final.read_bytes() == b"precious"
    assert storage.requests == 0


def test_a_journal_that_cannot_be_written_ends_the_transfer(run: Run) -> None:
    class Full(list):  # type: ignore[type-arg]
        def append(self, event: Any) -> None:
            raise EdgepathError("cannot write the journal: No space left on device")

    run.events = Full()
    with pytest.raises(EdgepathError, match="cannot write the journal"):
        run(Storage())
    assert not run.final.exists()


def test_told_to_stop_it_keeps_what_it_has(run: Run) -> None:
    stopped = threading.Event()

    class Stop(list):  # type: ignore[type-arg]
        def append(self, tick: Any) -> None:
            stopped.set()
            raise KeyboardInterrupt

    storage, run.ticks = Storage(**COMPOSITE), Stop()
    storage.before = lambda: len(storage.asked) > 2 and stopped.wait(10.0)
    with pytest.raises(KeyboardInterrupt):
        run(storage)
    assert not run.final.exists()
    run.ticks = []
    done = run(Storage(**COMPOSITE))
    assert run.final.read_bytes() == BODY
    assert done["resumed"] + done["received"] == len(BODY)
    assert done["resumed"] > 0


def test_a_fault_of_the_program_is_no_hang(run: Run) -> None:
    storage = Storage()

    def broken() -> None:
        raise RuntimeError("broken")

    storage.before = broken
    with pytest.raises(RuntimeError, match="broken"):
        run(storage)
    assert not run.final.exists()
