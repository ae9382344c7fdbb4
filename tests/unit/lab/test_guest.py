# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab is a guest: what else is on the machine does not stop it, and is not touched by it."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import pwd
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import lifecycle, servers, squid, transfer
from lab.process import LabError, PortTaken, Server, free_ports

HERE = dict(zip(("ns", "pid", "start"), squid._starter(os.getpid()), strict=True))


# --- Squid: a name of its own


def test_no_two_squids_have_one_name_and_each_is_one_that_squid_takes() -> None:
    names = [squid.service_name() for _ in range(3)]
    assert len({*names, "squid"}) == 4
    assert all(name.isalnum() and name.isascii() for name in names), "squid -n takes letters and digits alone"


def test_a_name_is_never_longer_than_squid_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The greatest process number and the greatest namespace that Linux gives, after twenty years without a restart."""
    monkeypatch.setattr(os, "stat", lambda path: os.stat_result((0, 2**32 - 1, *[0] * 8)))
    monkeypatch.setattr(os, "getpid", lambda: 2**22)
    monkeypatch.setattr(squid, "process_start", lambda pid: str(20 * 366 * 86400 * 100))
    name = squid.service_name()
    assert len(name) <= 32
    own = squid._OWN.fullmatch(f"{name}-cf__metadata.shm")
    assert own and [int(part, 36) for part in own.groups()] == [2**32 - 1, 2**22, 20 * 366 * 86400 * 100]


@pytest.mark.parametrize(
    ("name", "swept"),
    [
        ("edgepath{ns}{dead}0000001000-cf__metadata.shm", True),
        ("edgepath{ns}{pid}0000001000-cf__queues.shm", True),  # the number was given to another process since
        ("edgepath{ns}{pid}{start}000-cf__queues.shm", False),  # ours, and running
        ("edgepath0000001{dead}0000001000-cf__queues.shm", False),  # of a container whose processes cannot be seen
        ("squid-cf__metadata.shm", False),
        ("edgepath-cf__metadata.shm", False),
        ("sem.edgepath{ns}{dead}0000001000", False),
    ],
)
def test_only_what_a_killed_one_left_is_swept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, swept: bool
) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    path = tmp_path / name.format_map({**HERE, "dead": squid._base36(int(dead.stdout), 5)})
    path.touch()
    mine = squid.account()
    if mine is not None:
        os.chown(path, mine.pw_uid, -1)
    monkeypatch.setattr(squid, "SHARED", tmp_path)
    squid.sweep()
    assert path.exists() is not swept


def test_another_users_are_left_and_no_shared_memory_at_all_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / f"edgepath{HERE['ns']}{HERE['pid']}0000001000-cf__queues.shm"
    path.touch()
    other = pwd.struct_passwd(("other", "x", os.stat(path).st_uid + 1, 0, "", "", ""))
    monkeypatch.setattr(squid, "SHARED", tmp_path)
    monkeypatch.setattr(squid, "account", lambda: other)
    squid.sweep()
    assert path.exists()
    monkeypatch.setattr(squid, "SHARED", tmp_path / "nothing")
    squid.sweep()


# --- Squid: where it does not work, the lab's own proxy does

NOT_A_SQUID = {
    "ends": ("#!/bin/sh\necho '2026/01/01 00:00:00| FATAL: Bungled squid.conf' >&2\necho more >&2\nexit 1\n",
             "ended with status 1: FATAL: Bungled squid.conf"),
    "lacks a library": ("#!/bin/sh\necho 'squid: error while loading shared libraries: libecap.so.3' >&2\nexit 127\n",
                        "ended with status 127: squid: error while loading shared libraries: libecap.so.3"),
    "dies": ("#!/bin/sh\nkill -BUS $$\n", "was ended by SIGBUS"),
    "is no program": ("\x7fELF nonsense", "cannot be run: Exec format error"),
    "says nothing": ("#!/bin/sh\nexit 3\n", "ended with status 3"),
    "finds each port taken": ("#!/bin/sh\necho 'commBind: (98) Address already in use' >&2\nexit 1\n",
                              "ended with status 1: commBind: (98) Address already in use"),
    "does not listen": ("#!/bin/sh\nexec sleep 60\n", "did not listen within 1 s"),
    "opens no tunnel": (
        f"#!/bin/sh\nexec {sys.executable} -c '" + """
import http.server, re, sys
port = int(re.search(r"http_port 127.0.0.1:([0-9]+)", sys.stdin.read())[1])
server = http.server.HTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler)
print("Accepting HTTP Socket connections", flush=True)
server.serve_forever()
'
""", "Tunnel connection failed: 501"),
}  # fmt: skip


@pytest.fixture
def storage() -> Iterator[str]:
    """host:port of something that greets whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    client.sendall(b"HTTP/1.0 200 Hello\r\n\r\n")
                    client.close()

        threading.Thread(target=greet, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def answer_through(connect: Any) -> int:
    with contextlib.closing(connect()) as connection:
        connection.request("GET", "/")
        return int(connection.getresponse().status)


@pytest.mark.parametrize("kind", sorted(NOT_A_SQUID))
def test_a_squid_that_does_not_work_is_told_in_a_line_and_replaced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, storage: str, kind: str
) -> None:
    text, why = NOT_A_SQUID[kind]
    program = tmp_path / "squid"
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setattr(squid, "program", lambda: str(program))
    monkeypatch.setattr(squid, "account", lambda: None)  # another could not read what this test writes
    if kind == "does not listen":
        monkeypatch.setattr(squid, "_SECONDS", 1.0)
    with transfer._proxy(5.0, 1.0, storage, tmp_path) as (name, _, connect):
        assert name == "the lab's own proxy"
        assert answer_through(connect) == 200
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("transfer: Squid does not work here (") and why in line
    assert line.endswith("; the lab's own proxy takes its place")
    assert [path.name for path in tmp_path.iterdir()] == ["squid"], "the place of the attempt stayed"


def test_without_a_squid_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, storage: str
) -> None:
    monkeypatch.setattr(squid, "program", lambda: None)
    with transfer._proxy(5.0, 1.0, storage, tmp_path) as (name, _, connect):
        assert (name, answer_through(connect)) == ("the lab's own proxy", 200)
    assert capsys.readouterr().out == ""


# --- Ports and sockets


def test_a_port_that_was_taken_meanwhile_is_no_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = free_ports
    given: list[list[int]] = []
    started: list[Server] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.53.1", 0))
        taken = other.getsockname()[1]

        def offer(count: int) -> list[int]:
            given.append(real(count) if given else [taken])
            return list(given[-1])

        monkeypatch.setattr(servers, "free_ports", offer)
        try:
            assert servers.name_server(tmp_path, tmp_path, started.append) == given[1][0] != taken
        finally:
            for server in started:
                server.stop()
        assert len(started) == 2


def test_a_port_that_stays_taken_is_told(tmp_path: Path) -> None:
    script = "import sys; sys.exit('bind: address already in use')"
    server = Server("it", [sys.executable, "-c", script], tmp_path / "log")
    with pytest.raises(PortTaken, match="it ended with status 1"):
        server.wait(lambda: False, 30.0)


@pytest.mark.parametrize(("mode", "why"), [(0o755, "Exec format error"), (0o644, "Permission denied")])
def test_a_program_that_cannot_be_run_is_a_sentence(tmp_path: Path, mode: int, why: str) -> None:
    program = tmp_path / "weed"
    program.write_text("made for another processor")
    program.chmod(mode)
    with pytest.raises(LabError, match=f"{re.escape(str(program))} cannot be run: {why}"):
        Server("SeaweedFS", [str(program)], tmp_path / "log")


def test_ports_at_which_sockets_stand_are_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offers = [list(range(start, start + 8)) for start in (1000, 2000)]
    monkeypatch.setattr(servers, "SOCKET_PREFIX", f"{tmp_path}/seaweedfs-")
    monkeypatch.setattr(servers, "free_ports", lambda count: offers[0] if len(offers) == 1 else offers.pop(0))
    (tmp_path / "seaweedfs-volume-grpc-1003.sock").symlink_to("/nothing")
    assert min(servers.object_store_ports().values()) == 2000
    (tmp_path / "seaweedfs-s3-2006.sock").touch()
    with pytest.raises(LabError, match="remove those of killed labs"):
        servers.object_store_ports()
    monkeypatch.setattr(servers, "SOCKET_PREFIX", f"{tmp_path}/nothing/seaweedfs-")
    with pytest.raises(LabError, match="this user may not write there"):
        servers.object_store_ports()


def test_a_socket_that_answers_is_not_removed(tmp_path: Path) -> None:
    dead, living, plain = (tmp_path / name for name in ("dead", "living", "nothing"))
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        first.bind(str(dead))
        second.bind(str(living))
        second.listen()
        first.close()
        for path in (dead, living, plain):
            servers.remove_socket(path)
        assert [path.name for path in tmp_path.iterdir()] == ["living"]


# --- Directories that are not to be had


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EROFS, "no lab can be in {}: Read-only file system; name another directory with --dir"),
        (errno.ENOSPC, "no lab can be in {}: No space left on device; name another directory with --dir"),
        (errno.EACCES, "belongs to {owner}: no lab of yours can be there; name a directory of your own with --dir"),
    ],
)
def test_a_directory_that_is_refused_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, told: str
) -> None:
    directory = tmp_path / "lab"
    owner = tmp_path.owner()

    def refuse(path: Path, **_: Any) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    if number == errno.EACCES:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(LabError) as refused:
        lifecycle.Lab(directory).start()
    assert told.format(directory, owner=owner) in str(refused.value)
    assert "\n" not in str(refused.value) and "Errno" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}),
        ({"LC_ALL": "xx_YY.UTF-8"}, {"LC_ALL": "C.UTF-8"}),  # as ssh brings it from another machine
        ({"LC_ALL": "C.UTF-8"}, {}),
        ({"HOME": "/nothing/of/that/name"}, {"HOME": "home"}),
        ({"HOME": "~"}, {"HOME": "home"}),  # what it is taken for where there is none
        ({"HOME": "here"}, {}),
    ],
)
def test_what_ansible_needs_of_a_user_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: dict[str, str], changed: dict[str, str]
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in given.items():
        monkeypatch.setenv(name, str(tmp_path) if value == "here" else value)
    state = {"credentials": {"auditor": {"access_key_id": "a", "secret_access_key": "b"}}}
    found = lifecycle.environment(tmp_path, state)
    expected = {"LC_ALL": os.environ["LC_ALL"], "HOME": os.environ["HOME"], **changed}
    if "HOME" in changed:
        expected["HOME"] = str(tmp_path / "home")
    assert {name: found[name] for name in expected} == expected


def test_a_file_in_the_way_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for directory in (tmp_path / "file", tmp_path / "file/lab"):
        with pytest.raises(LabError, match=f"no lab can be in {re.escape(str(directory))}: "):
            lifecycle.Lab(directory).start()
        assert lifecycle.running(directory) is None and lifecycle.holder(directory) is None


def test_a_transfer_without_a_lab_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGEPATH_LAB_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["transfer"])
    with pytest.raises(LabError, match=f"no lab runs in {re.escape(str(tmp_path))}; start it"):
        transfer.main()


def test_a_proxy_of_the_users_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where a command of the lab is called by hand, outside its environment."""
    from lab import seed

    (port,) = free_ports(1)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def note() -> None:
            client, _ = server.accept()
            asked.append(client.recv(65536).decode().splitlines()[0])
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            client.close()

        thread = threading.Thread(target=note, daemon=True)
        thread.start()
        client = seed.client("s3", f"http://127.0.0.1:{server.getsockname()[1]}", attempts=1)
        with contextlib.suppress(http.client.HTTPException):
            client.head_bucket(Bucket="b")
        thread.join()
    assert asked == ["HEAD /b HTTP/1.1"]
