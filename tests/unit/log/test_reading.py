# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs as they are on disks: rotated, packed, cut, binary, silent, with clocks that jump."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os

import pytest
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.log import reading, stream
from ansible.module_utils.edge.log.stream import LogStream

from tests.unit.log.logs import PATH, WINDOW, counts, every, lines, log_of, put, read

RESET = "2026-11-20T02:10:00.500Z WARN [export] part 7: read: connection reset by peer"
BUSY = every(5, "2026-11-20T01:00:00Z", "2026-11-20T04:00:00Z")


def test_lines_in_the_window(tmp_path):
    fact = log_of(tmp_path, BUSY, WINDOW)
    assert fact["covers"] == "all"
    assert fact["lines"] == 2161
    assert fact["lines_in_window"] == (900 + 20) // 5, "with ten seconds of slack on either side"
    assert fact["silence"] is None
    assert (fact["jumps"], fact["problems"], fact["unstamped"]) == ([], [], 0)


def test_a_failure_in_the_window_and_one_beside_it(tmp_path):
    text = BUSY + lines(RESET) + lines("2026-11-20T05:00:00Z connection refused")
    fact = log_of(tmp_path, text, WINDOW)
    assert counts(fact) == {"reset": 1}
    seen = fact["classes"]["reset"]
    assert seen["first"] == seen["last"] == "2026-11-20T02:10:00.500Z"
    assert seen["samples"] == [
        {"time": "2026-11-20T02:10:00.500Z", "path": PATH, "line": 2162, "text": RESET},
    ]


def test_without_a_window_all_lines_count(tmp_path):
    fact = log_of(tmp_path, BUSY + lines(RESET, "2026-11-20T05:00:00Z connection refused"))
    assert counts(fact) == {"reset": 1, "connection_refused": 1}
    assert fact["lines_in_window"] == fact["lines"] == 2163


def test_counts_first_last_and_few_samples(tmp_path):
    text = "".join(f"2026-11-20T02:05:{at:02d}Z upload {at} of k{'x' * at} failed: AccessDenied\n" for at in range(60))
    seen = log_of(tmp_path, text, WINDOW)["classes"]["access_denied"]
    assert (seen["count"], len(seen["samples"])) == (60, 5)
    assert (seen["first"], seen["last"]) == ("2026-11-20T02:05:00.000Z", "2026-11-20T02:05:59.000Z")
    assert [sample["line"] for sample in seen["samples"]] == [1, 2, 3, 4, 5]


def test_lines_of_one_shape_are_counted_each_and_shown_once(tmp_path):
    text = every(1, "2026-11-20T02:05:00Z", "2026-11-20T02:06:39Z", "read timed out after")
    seen = log_of(tmp_path, text, WINDOW)["classes"]["timeout"]
    assert (seen["count"], len(seen["samples"])) == (100, 1)


def test_status_codes_of_one_shape(tmp_path):
    codes = [200, 403, 204, 503, 200, 504, 206, 429]
    text = "".join(f"2026-11-20T02:05:{at:02d}Z PUT part status={code} done\n" for at, code in enumerate(codes))
    assert counts(log_of(tmp_path, text, WINDOW)) == {"access_denied": 1, "throttling": 2, "timeout": 1}


def test_a_stack_trace_has_the_time_of_its_line(tmp_path):
    text = BUSY + lines(
        "2026-11-20T02:10:00Z ERROR upload failed", "\tat com.example.Upload",
        "Caused by: java.net.SocketException: Broken pipe",
        "2026-11-20T05:00:00Z ERROR again", "Caused by: java.net.SocketException: Broken pipe",
    )  # fmt: skip
    seen = log_of(tmp_path, text, WINDOW)["classes"]["reset"]
    assert (seen["count"], seen["first"]) == (1, "2026-11-20T02:10:00.000Z")


def test_the_longest_silence(tmp_path):
    text = every(5, "2026-11-20T01:00:00Z", "2026-11-20T02:05:00Z") + every(
        5, "2026-11-20T02:12:30Z", "2026-11-20T04:00:00Z"
    )
    assert log_of(tmp_path, text, WINDOW)["silence"] == {
        "seconds": 450.0, "from": "2026-11-20T02:05:00.000Z", "to": "2026-11-20T02:12:30.000Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [
        (True, True, 900.0),  # nothing in the window
        (True, False, 900.0),  # the log ended before it
        (False, True, None),  # the log begins after it: that is no silence, but a log that is not there
    ],
)
def test_silence_is_told_where_the_log_reaches_back(tmp_path, before, after, seconds):
    text = every(5, "2026-11-20T01:00:00Z", "2026-11-20T02:00:00Z") if before else ""
    text += every(5, "2026-11-20T03:00:00Z", "2026-11-20T04:00:00Z") if after else ""
    fact = log_of(tmp_path, text, WINDOW)
    assert (fact["silence"] or {}).get("seconds") == seconds
    assert fact["covers"] == ("all" if before else "none")
    assert fact["lines_in_window"] == 0


def test_a_log_that_begins_in_the_window(tmp_path):
    assert log_of(tmp_path, every(5, "2026-11-20T02:10:00Z", "2026-11-20T04:00:00Z"), WINDOW)["covers"] == "part"


def test_a_clock_that_goes_back(tmp_path):
    text = every(5, "2026-11-20T02:00:00Z", "2026-11-20T02:10:00Z") + every(
        5, "2026-11-20T02:07:00Z", "2026-11-20T03:00:00Z"
    )
    fact = log_of(tmp_path, text, WINDOW)
    assert fact["jumps_count"] == 1
    assert fact["jumps"] == [
        {"from": "2026-11-20T02:10:00.000Z", "to": "2026-11-20T02:07:00.000Z", "seconds": -180.0, "path": PATH},
    ]


def test_lines_of_threads_out_of_order_are_no_jump(tmp_path):
    text = lines("2026-11-20T02:05:00Z a", "2026-11-20T02:04:59Z b", "2026-11-20T02:05:01Z c") + BUSY
    assert log_of(tmp_path, text)["jumps_count"] == 1  # that of BUSY, which begins an hour before


def test_summer_time_ends_in_a_log_without_offsets(tmp_path):
    text = "".join(
        f"2026-10-25 {hour}:{minute:02d}:{second:02d} tick\n"
        for hour in ("00", "01", "01", "02") for minute in range(60) for second in (0, 20, 40)
    )  # fmt: skip
    window = {"start": "2026-10-25T00:30:00Z", "end": "2026-10-25T01:30:00Z"}
    local = log_of(tmp_path, text, window, given_zone="Europe/London")
    assert (local["jumps_count"], local["silence"], local["lines_in_window"]) == (0, None, 181)
    assert local["zone"] == {"name": "Europe/London", "origin": "edge_log_timezone"}
    as_utc = log_of(tmp_path, text, window, given_zone="UTC")
    assert as_utc["jumps"][0]["seconds"] == pytest.approx(-3580)


def test_the_zone_of_the_node(tmp_path):
    (tmp_path / "etc").mkdir()
    os.symlink("/usr/share/zoneinfo/Europe/London", tmp_path / "etc/localtime")
    fact = log_of(tmp_path, "2026-07-20 03:10:00 tick\n")
    assert (fact["first"], fact["zone"]["origin"]) == ("2026-07-20T02:10:00.000Z", "/etc/localtime")


@pytest.mark.parametrize("wrong", ["Mars/Olympus", "../../etc/passwd", "", "+99:99", "Europe"])
def test_a_wrong_zone_is_named(tmp_path, wrong):
    fact = log_of(tmp_path, BUSY, given_zone=wrong)
    assert isinstance(fact, Unread)
    assert "edge_log_timezone" in fact.message


PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("packed", ["", *PACKERS])
@pytest.mark.parametrize(
    "name", ["edge.log.1", "edge.log-20261120", "edge.log.2026-11-20", "edge-2026-11-20.log", "edge.log.old"]
)
def test_rotations_are_found(tmp_path, name, packed):
    put(tmp_path, every(5, "2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z"))
    text = (every(5, "2026-11-20T00:00:00Z", "2026-11-20T03:00:00Z") + lines(RESET)).encode()
    put(tmp_path, PACKERS.get(packed, bytes)(text), f"/var/log/{name}{packed}")
    put(tmp_path, lines(RESET), "/var/log/other.log.1")
    put(tmp_path, lines(RESET), "/var/log/edge.log.swp")
    fact = read(tmp_path, WINDOW)
    assert counts(fact) == {"reset": 1}
    assert [file["path"] for file in fact["files"]] == [f"/var/log/{name}{packed}"]
    assert fact["rotations"] == 2


def test_a_window_over_three_files(tmp_path):
    hours = {
        "edge.log.2.gz": ("00:00:00", "02:04:55"),
        "edge.log.1": ("02:05:00", "02:09:55"),
        "edge.log": ("02:10:00", "05:00:00"),
    }
    for name, (start, end) in hours.items():
        text = every(5, f"2026-11-20T{start}Z", f"2026-11-20T{end}Z").encode()
        put(tmp_path, gzip.compress(text) if name.endswith("gz") else text, f"/var/log/{name}")
    put(
        tmp_path,
        every(5, "2026-11-18T00:00:00Z", "2026-11-18T02:00:00Z"),
        "/var/log/edge.log.3",
        "2026-11-18T02:00:00Z",
    )
    fact = read(tmp_path, WINDOW)
    assert [file["path"].rpartition("/")[2] for file in fact["files"]] == list(hours)
    assert (fact["lines_in_window"], fact["silence"], fact["jumps_count"]) == (184, None, 0)


def test_silence_between_two_files(tmp_path):
    put(tmp_path, every(5, "2026-11-20T00:00:00Z", "2026-11-20T02:00:00Z"), "/var/log/edge.log.1")
    put(tmp_path, every(5, "2026-11-20T03:00:00Z", "2026-11-20T04:00:00Z"))
    fact = read(tmp_path, WINDOW)
    assert (fact["covers"], fact["silence"]["seconds"]) == ("all", 900.0)


def test_no_year_over_the_turn_of_the_year_in_rotations(tmp_path):
    put(
        tmp_path,
        "Dec 31 23:50:00 h a: x\nJan  1 00:05:00 h a: connection refused\n",
        "/var/log/edge.log.1",
        "2027-01-01T00:05:00Z",
    )
    put(tmp_path, "Jan  1 00:10:00 h a: x\n", PATH, "2027-01-01T00:10:00Z")
    fact = read(tmp_path, {"start": "2026-12-31T23:55:00Z", "end": "2027-01-01T00:09:00Z"})
    assert counts(fact) == {"connection_refused": 1}
    assert fact["classes"]["connection_refused"]["first"] == "2027-01-01T00:05:00.000Z"
    assert fact["silence"]["seconds"] == 600.0


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_packed_log_that_is_cut_off(tmp_path, cut):
    packed = gzip.compress(lines(RESET).encode() + BUSY.encode())
    put(tmp_path, packed[: int(len(packed) * cut)], "/var/log/edge.log.1.gz")
    put(tmp_path, every(5, "2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z"))
    fact = read(tmp_path, WINDOW)
    assert counts(fact) == {"reset": 1}, "what can be read is read"
    [problem] = fact["problems"]
    assert "is cut off" in str(problem) and "/var/log/edge.log.1.gz" in str(problem)


def test_a_packed_log_that_is_damaged(tmp_path):
    put(tmp_path, b"\x1f\x8b" + os.urandom(200), "/var/log/edge.log.1.gz")
    put(tmp_path, BUSY)
    fact = read(tmp_path, WINDOW)
    assert len(fact["problems"]) == 1
    assert fact["lines_in_window"] == 184


def test_nul_bytes_of_a_crash(tmp_path):
    fact = log_of(tmp_path, BUSY.encode() + b"\0" * 300_000 + lines(RESET).encode() + b"\0\0", WINDOW)
    assert counts(fact) == {"reset": 1}
    assert fact["jumps_count"] == 1, "RESET is older than the end of BUSY"


@pytest.mark.parametrize("size", [stream.LONGEST_LINE // 2, 2 * stream.LONGEST_LINE, 5 * stream.LONGEST_LINE])
def test_a_giant_line(tmp_path, size):
    text = BUSY.encode() + b"2026-11-20T04:00:01Z " + b"x" * size + b"\n2026-11-20T04:00:02Z connection refused\n"
    fact = log_of(tmp_path, text)
    assert counts(fact) == {"connection_refused": 1}
    assert fact["lines"] == 2163
    assert fact["files"][0]["giant_lines"] == (size > stream.LONGEST_LINE)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "latin-1", "cp1252"])
def test_encodings(tmp_path, encoding):
    text = lines("2026-11-20T02:09:00Z über die Leitung", RESET)
    data = text.encode(encoding)
    fact = log_of(tmp_path, b"\xfe\xff" + data if encoding == "utf-16-be" else data, WINDOW)
    assert counts(fact) == {"reset": 1}
    assert fact["lines"] == 2


def test_mixed_encodings_and_line_ends(tmp_path):
    text = (
        "2026-11-20T02:09:00Z über\r\n".encode("latin-1")
        + "2026-11-20T02:09:01Z 録音\r\n".encode("shift-jis")
        + f"{RESET}\r\n".encode()
    )
    fact = log_of(tmp_path, text, WINDOW)
    assert (fact["lines_in_window"], counts(fact)) == (3, {"reset": 1})


def test_a_last_line_without_its_end(tmp_path):
    assert counts(log_of(tmp_path, lines("2026-11-20T02:09:00Z x") + RESET, WINDOW)) == {"reset": 1}


@pytest.mark.parametrize("text", ["no time at all\n" * 50, "\n\n\n", "\x00\x01\x02"])
def test_no_timestamps_is_unread(tmp_path, text):
    fact = log_of(tmp_path, text, WINDOW)
    assert isinstance(fact, Unread)
    assert "edge_log_format" in fact.message


def test_an_empty_log_is_no_log_of_the_window(tmp_path):
    fact = log_of(tmp_path, "", WINDOW)
    assert (fact["covers"], fact["files"], fact["lines"]) == ("none", [], 0)


def test_a_log_that_is_not_there(tmp_path):
    (tmp_path / "var/log").mkdir(parents=True)
    fact = read(tmp_path, WINDOW)
    assert isinstance(fact, Unread)
    assert "no such file; correct edge_log_path" in fact.message


def test_a_log_that_may_not_be_read(tmp_path, monkeypatch):
    put(tmp_path, BUSY)

    def refuse(real):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(stream, "open_regular", refuse)
    fact = read(tmp_path, WINDOW)
    assert (fact.state, fact.permissions) == ("denied", (f"read {PATH}",))


def test_a_pipe_in_the_place_of_a_log(tmp_path):
    (tmp_path / "var/log").mkdir(parents=True)
    os.mkfifo(tmp_path / "var/log/edge.log")
    fact = read(tmp_path, WINDOW)
    assert fact["covers"] == "none" if isinstance(fact, dict) else "regular file" in fact.message


def test_a_link_does_not_lead_out_of_a_copy(tmp_path):
    root = tmp_path / "root"
    put(tmp_path, lines(RESET), "/outside.log")
    (root / "var/log").mkdir(parents=True)
    os.symlink(f"../../../{'../' * 20}{tmp_path}/outside.log", root / "var/log/edge.log")
    fact = read(root, WINDOW)
    assert isinstance(fact, Unread) or counts(fact) == {}


def test_reading_ends_in_time(tmp_path):
    moments = iter(range(0, 1000, 50))
    fact = log_of(tmp_path, BUSY * 3, WINDOW, clock=lambda: next(moments))
    assert "give a shorter window" in str(fact["problems"])


def test_a_log_that_grows_while_it_is_read(tmp_path):
    path = put(tmp_path, BUSY)
    with LogStream(str(path)) as opened, path.open("ab") as writer:
        total = 0
        for block in opened.blocks():
            total += block.count(b"\n")
            writer.write(BUSY.encode() * 2)
            writer.flush()
    assert total == 2161


@pytest.mark.parametrize("block", [7, 64, 1000])
def test_blocks_of_any_size_hold_the_same_lines(tmp_path, block):
    path = put(tmp_path, BUSY + "\n\n" + RESET)
    with LogStream(str(path)) as opened:
        joined = b"".join(opened.blocks(block))
    assert joined == b"\n" + path.read_bytes()


def test_memory_does_not_grow_with_shapes(tmp_path, monkeypatch):
    from ansible.module_utils.edge.log import scan

    monkeypatch.setattr(scan, "_SHAPES_BYTES", 2000)
    text = "".join(
        f"2026-11-20T02:05:00Z {chr(103 + at % 20) * (at % 300)} connection reset by peer\n" for at in range(2000)
    )
    assert counts(log_of(tmp_path, text, WINDOW)) == {"reset": 2000}


def test_the_bound_leaves_time_for_the_rest_of_the_visit():
    assert reading.MAX_SECONDS <= 60
