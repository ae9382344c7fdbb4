# SPDX-License-Identifier: GPL-3.0-or-later
"""The file under way: what is believed of it after a crash, and how it gets its final name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.retrieve.checksums import BLOCK_CHECK
from ansible.module_utils.edge.retrieve.errors import TransferError
from ansible.module_utils.edge.retrieve.partial import Partial
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BODY = bytes(range(256)) * 40
IDENTITY: dict[str, Any] = {"bucket": "b", "key": "k", "version_id": "v", "etag": '"e"', "size": len(BODY)}
CRC = BLOCK_CHECK[1]


def fill(folder: Path, *blocks: tuple[int, int]) -> Partial:
    partial = Partial(str(folder), IDENTITY)
    partial.open()
    for start, end in blocks:
        partial.write(start, BODY[start:end])
        partial.block(start, end, CRC(BODY[start:end], 0))
    partial.close()
    return partial


def resumed(folder: Path, **changes: Any) -> list[tuple[int, int]]:
    partial = Partial(str(folder), {**IDENTITY, **changes})
    try:
        return list(partial.open())
    finally:
        partial.close()


def test_another_run_finds_what_was_noted(tmp_path: Path) -> None:
    fill(tmp_path, (0, 100), (200, 300), (100, 200), (9000, 9100))
    assert resumed(tmp_path) == [(0, 300), (9000, 9100)]
    assert resumed(tmp_path) == [(0, 300), (9000, 9100)]


@pytest.mark.parametrize("change", [{"version_id": "w"}, {"etag": '"f"'}, {"bucket": "c"}])
def test_another_version_begins_anew(tmp_path: Path, change: dict[str, Any]) -> None:
    fill(tmp_path, (0, 100))
    assert resumed(tmp_path, **change) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.integers(0, 4), st.integers(0, 300), st.integers(0, 255))
def test_whatever_happened_to_the_note_only_right_bytes_are_believed(
    tmp_path: Path, seed: int, at: int, value: int
) -> None:
    folder = tmp_path / f"{seed}-{at}-{value}"
    folder.mkdir(exist_ok=True)
    partial = fill(folder, (0, 100), (100, 350), (400, 500))
    note = bytearray(Path(partial.note_path).read_bytes())
    if seed == 0:
        note = note[:at]
    else:
        note[min(at * seed, len(note) - 1)] = value
    Path(partial.note_path).write_bytes(note)
    fresh = Partial(str(folder), IDENTITY)
    try:
        for start, end in fresh.open():
            assert Path(fresh.path).read_bytes()[start:end] == BODY[start:end]
    finally:
        fresh.close()


def test_bytes_that_changed_on_the_disk_are_not_believed(tmp_path: Path) -> None:
    partial = fill(tmp_path, (0, 100), (100, 200), (200, 300))
    with open(partial.path, "r+b") as stream:
        stream.seek(150)
        stream.write(b"\x00\x01")
    assert resumed(tmp_path) == [(0, 100), (200, 300)]


def test_a_file_that_was_cut_short_is_not_believed(tmp_path: Path) -> None:
    partial = fill(tmp_path, (0, 100), (9000, 9100))
    os.truncate(partial.path, 9050)
    assert resumed(tmp_path) == [(0, 100)]


def test_a_note_that_names_bytes_beyond_the_end(tmp_path: Path) -> None:
    partial = fill(tmp_path, (0, 100))
    with open(partial.note_path, "a") as stream:
        for start, end in ((-5, 10), (50, 20), (0, len(BODY) + 1), (True, 5)):
            stream.write(json.dumps({"start": start, "end": end, "crc": 0}) + "\n")
        stream.write("[1]\n")
    assert resumed(tmp_path) in ([(0, 100)], [])


def test_forgotten_blocks_stay_forgotten(tmp_path: Path) -> None:
    partial = Partial(str(tmp_path), IDENTITY)
    partial.open()
    for start, end in ((0, 100), (100, 200), (200, 300)):
        partial.write(start, BODY[start:end])
        partial.block(start, end, CRC(BODY[start:end], 0))
    partial.discard(150, 160)
    assert list(partial.kept()) == [(0, 100), (200, 300)]
    partial.close()
    assert resumed(tmp_path) == [(0, 100), (200, 300)]


def test_the_final_name_is_given_once(tmp_path: Path) -> None:
    final = tmp_path / "objects" / "a" / "k"
    partial = fill(tmp_path, (0, len(BODY)))
    partial.open()
    partial.finish(str(final))
    assert final.read_bytes() == BODY
    assert final.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["objects"]
    again = fill(tmp_path, (0, len(BODY)))
    again.open()
    with pytest.raises(TransferError, match="is there already"):
        again.finish(str(final))
    again.close()


def test_too_little_room_leaves_nothing(tmp_path: Path) -> None:
    room = os.statvfs(tmp_path)
    size = room.f_bavail * room.f_frsize * 2
    partial = Partial(str(tmp_path), {**IDENTITY, "size": size})
    with pytest.raises(TransferError, match="free some or choose another destination") as refused:
        partial.open()
    assert refused.value.kind == "disk"
    assert list(tmp_path.iterdir()) == []
