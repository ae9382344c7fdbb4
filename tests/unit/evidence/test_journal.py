# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: a chain that tells of every change, and that a crash does not break."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.evidence import chain
from ansible.module_utils.edge.evidence.journal import Journal, JournalError, verify
from ansible.module_utils.edge.finding import EdgepathError
from hypothesis import given
from hypothesis import strategies as st

EVENTS: list[dict[str, Any]] = [
    {"type": "plan", "keys": ["a/ü.wav"], "note": 'quotes " and \\ and \n'},
    {"type": "get_range", "range": [0, 5], "seconds": 0.25, "nested": {"hash": "0" * 64, "prev": "x"}},
    {"type": "done", "ok": True, "nothing": None},
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def written(path: Path) -> bytes:
    with Journal(str(path)) as journal:
        for event in EVENTS:
            journal.append(event)
    return path.read_bytes()


def test_every_line_is_chained_as_the_module_says(tmp_path):
    data = written(tmp_path / "j")
    prev = "0" * 64
    for seq, raw in enumerate(data.splitlines(), start=1):
        line = json.loads(raw)
        digest = line.pop("hash")
        body = json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
        assert hashlib.sha256(body).hexdigest() == digest
        assert (line["prev"], line["seq"], line["event"]) == (prev, seq, EVENTS[seq - 1])
        prev = digest
    report = verify(str(tmp_path / "j"))
    assert (report.whole, report.entries, report.head) == (True, 3, prev)


def test_the_file_is_the_owners_alone(tmp_path):
    written(tmp_path / "j")
    assert os.stat(tmp_path / "j").st_mode & 0o777 == 0o600


def test_any_changed_byte_breaks_it(tmp_path):
    data = written(tmp_path / "j")
    for position in range(len(data)):
        for bit in (1, 0x20):
            changed = bytearray(data)
            changed[position] ^= bit
            assert not chain.check(io.BytesIO(changed)).whole, position


def test_removed_doubled_and_exchanged_lines_break_it(tmp_path):
    first, second, third = written(tmp_path / "j").splitlines(keepends=True)
    for lines in ([second, third], [first, third], [first, first, second, third], [first, third, second]):
        (tmp_path / "x").write_bytes(b"".join(lines))
        assert verify(str(tmp_path / "x")).problems


def test_a_cut_is_seen_wherever_it_is_not_between_lines(tmp_path):
    data = written(tmp_path / "j")
    for length in range(len(data)):
        between = length == 0 or data[length - 1 : length] == b"\n"
        assert chain.check(io.BytesIO(data[:length])).whole is between


def test_a_torn_line_is_taken_off_and_told(tmp_path):
    data = written(tmp_path / "j")
    for cut in (1, 40, 150):
        path = tmp_path / f"torn-{cut}"
        path.write_bytes(data[:-cut])
        with Journal(str(path)) as journal:
            journal.append({"type": "after"})
        assert verify(str(path)).whole
        told, after = (json.loads(line)["event"] for line in path.read_bytes().splitlines()[2:])
        kept = data.splitlines(keepends=True)[2][:-cut]
        assert told["discarded_bytes"] == len(kept)
        assert told["discarded_sha256"] == hashlib.sha256(kept).hexdigest()
        assert told["discarded_text"] == kept.decode()
        assert after == {"type": "after"}


def test_a_broken_journal_is_not_continued(tmp_path):
    data = written(tmp_path / "j").replace(b'"done"', b'"gone"')
    (tmp_path / "j").write_bytes(data)
    with pytest.raises(JournalError, match="line 3 does not have the hash"):
        Journal(str(tmp_path / "j"))
    assert (tmp_path / "j").read_bytes() == data


def test_one_writer_at_a_time(tmp_path):
    with Journal(str(tmp_path / "j")), pytest.raises(JournalError, match="in use"):
        Journal(str(tmp_path / "j"))


def test_threads_share_one_journal(tmp_path):
    with Journal(str(tmp_path / "j")) as journal:
        threads = [
            threading.Thread(target=lambda: [journal.append({"n": n}) for n in range(20)]) for _ in range(4)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (verify(str(tmp_path / "j")).whole, journal.entries) == (True, 80)


def test_what_is_no_json_is_refused_and_leaves_no_trace(tmp_path):
    with Journal(str(tmp_path / "j")) as journal:
        for event in ({"x": float("nan")}, {"x": b"bytes"}, {"x": "y" * chain.MAX_LINE}):
            with pytest.raises(EdgepathError):
                journal.append(event)
        journal.append({"x": 1})
    assert verify(str(tmp_path / "j")).entries == 1


def test_a_clock_that_goes_back_is_noted(tmp_path):
    times = iter(["2026-01-01T00:00:02.000000Z", "2026-01-01T00:00:01.000000Z"])
    with Journal(str(tmp_path / "j"), clock=lambda: next(times)) as journal:
        journal.append({})
        journal.append({})
    report = verify(str(tmp_path / "j"))
    assert report.whole
    assert "went back" in report.notes[0]


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    assert "cannot be read" in verify(str(tmp_path / "none")).problems[0]


@given(st.lists(st.dictionaries(st.text(max_size=5), json_values, max_size=3), max_size=5))
def test_whatever_is_written_is_read_back(events):
    prev, stream = chain.GENESIS, io.BytesIO()
    for seq, event in enumerate(events, start=1):
        line, prev = chain.link(event, seq, "t", prev)
        stream.write(line)
    stream.seek(0)
    report = chain.check(stream)
    assert (report.whole, report.entries, report.head) == (True, len(events), prev)


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"{{{text}}}\n".encode()))
def test_rubbish_is_reported_never_raised(data):
    report = chain.check(io.BytesIO(data))
    assert report.entries == 0
    assert not data or not report.whole


def test_a_line_without_end_is_not_read_into_memory():
    class Endless:
        asked = 0

        def readline(self, limit: int) -> bytes:
            Endless.asked = max(Endless.asked, limit)
            return b"x" * limit

    report = chain.check(Endless())  # type: ignore[arg-type]
    assert "longer than" in report.problems[0]
    assert Endless.asked == chain.MAX_LINE
