# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of a retrieval: SNTP over a real socket, and what the journal notes of it."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible.module_utils.edge.evidence import clock
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.retrieve import sntp

from tests.unit.retrieve.storage import Storage, content, events

pytestmark = pytest.mark.xdist_group("retrieve")
NTP = 2208988800


def stamp(seconds: float) -> bytes:
    return struct.pack(">II", int(seconds) + NTP, int(seconds % 1 * 2**32))


@contextmanager
def time_server(answer: Callable[[bytes], bytes | None]) -> Iterator[str]:
    """Answers every packet; yields ``host:port``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
        serving.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                packet, client = serving.recvfrom(512)
                if packet == b"end":
                    return
                said = answer(packet)
                if said is not None:
                    serving.sendto(said, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{serving.getsockname()[1]}"
        finally:
            serving.sendto(b"end", serving.getsockname())
            thread.join()


def ahead(seconds: float) -> Callable[[bytes], bytes]:
    """A server of stratum 2 whose clock is so far ahead."""

    def answer(packet: bytes) -> bytes:
        now = stamp(time.time() + seconds)
        return bytes([0x24, 2]) + bytes(22) + packet[40:48] + now + now

    return answer


def test_a_time_server_is_asked() -> None:
    with time_server(ahead(90.0)) as server:
        found = sntp.measure(server)
    assert found["source"] == f"SNTP of {server}"
    assert abs(found["offset_seconds"] - 90.0) <= found["uncertainty_seconds"] + 0.01


def test_an_answer_to_somebody_else_is_refused() -> None:
    with time_server(lambda packet: ahead(0.0)(bytes(48))) as server, pytest.raises(EdgepathError, match="another"):
        sntp.measure(server)


@pytest.mark.parametrize("raw", [b"", b"\x24\x02", bytes(48)])
def test_an_answer_that_is_none_is_refused(raw: bytes) -> None:
    with time_server(lambda packet: raw) as server, pytest.raises(EdgepathError, match="no answer of a synchronised"):
        sntp.measure(server)


def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sntp, "_SECONDS", 0.02)
    asked: list[bytes] = []
    with time_server(lambda packet: asked.append(packet)) as server, pytest.raises(EdgepathError, match="no answer"):
        sntp.measure(server)
    assert len(asked) == 3


@pytest.mark.parametrize("server", ["time.example:x", ":123", "time.example:0", "time.example:70000"])
def test_places_that_are_none(server: str) -> None:
    with pytest.raises(EdgepathError, match="no name or address with a port"):
        sntp.measure(server)


@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("time.example", ("time.example", 123)),
        ("time.example:1123", ("time.example", 1123)),
        ("2001:db8::1", ("2001:db8::1", 123)),
        ("[2001:db8::1]", ("2001:db8::1", 123)),
        ("[2001:db8::1]:1123", ("2001:db8::1", 1123)),
    ],
)
def test_places(server: str, place: tuple[str, int]) -> None:
    assert sntp._place(server) == place


def test_the_journal_notes_both_clocks(storage: Storage, fetch: Callable[..., object], dest: Path) -> None:
    storage.put("calls/timed.wav", content(1000))
    with time_server(ahead(-7.0)) as server:
        fetch(storage.url, "calls/timed.wav", sntp_server=server)
    noted = events(dest, "clock")
    assert [event["source"].partition(" of ")[0] for event in noted] == ["SNTP", "SNTP", "HTTP Date"]
    assert all(abs(event["offset_seconds"] + 7.0) <= event["uncertainty_seconds"] + 0.01 for event in noted[:2])
    assert abs(noted[2]["offset_seconds"]) <= noted[2]["uncertainty_seconds"] + 0.01
    lines = [json.loads(line)["event"] for line in (dest / "journal.jsonl").read_text().splitlines()]
    assert (clock.from_events(lines) or {})["source"] == f"SNTP of {server}"


def test_a_time_server_that_is_silent_ends_nothing(
    storage: Storage, fetch: Callable[..., object], dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sntp, "_SECONDS", 0.02)
    storage.put("calls/untimed.wav", content(1000))
    with time_server(lambda packet: None) as server:
        fetch(storage.url, "calls/untimed.wav", sntp_server=server)
    unread = [event for event in events(dest, "clock") if "unread" in event]
    assert len(unread) == 2
    assert (dest / "objects" / "calls" / "untimed.wav").exists()
