# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read on an edge before a change: states of objects, and the transfers that it would disturb."""

from __future__ import annotations

import base64
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.converge import on_node, transfers
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.targets import Edge


def _read(edge: Edge, *refs: tuple[str, str], run: Any = None) -> dict[str, Any]:
    wanted = [{"kind": kind, "name": name} for kind, name in refs]
    return on_node.gather(edge, wanted, run) if run else on_node.gather(edge, wanted)


def test_files_of_a_copy(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/odd").write_bytes(b"caf\xe9\r\n")
    (tmp_path / "etc/odd").chmod(0o600)
    (tmp_path / "etc/link").symlink_to("/etc/odd")
    (tmp_path / "etc/out").symlink_to("../../../../etc/odd")
    (tmp_path / "etc/loop").symlink_to("loop")
    (tmp_path / "etc/dangling").symlink_to("../run/none")
    (tmp_path / "etc/sub").symlink_to(".")
    os.mkfifo(tmp_path / "etc/pipe")
    (tmp_path / "etc/big").write_bytes(b"x" * (on_node.MAX_BYTES + 1))
    edge = Edge("a", root=str(tmp_path))
    names = (
        "odd",
        "link",
        "out",
        "none",
        "loop",
        "dangling",
        "sub/dangling",
        "sub/none",
        "no/none",
        "pipe",
        "big",
        "../etc/odd",
    )
    states = _read(edge, *(("file", f"/etc/{name}") for name in names), ("sysctl", "a.b"), ("nonsense", "x"))
    odd: dict[str, Any] = {"content": base64.b64encode(b"caf\xe9\r\n").decode(), "mode": "0600"}
    odd["mtime"] = (tmp_path / "etc/odd").stat().st_mtime_ns
    assert states["file:/etc/odd"] == odd
    assert states["file:/etc/link"] == states["file:/etc/out"] == {**odd, "target": "/etc/odd"}
    os.link(tmp_path / "etc/odd", tmp_path / "etc/even")
    assert _read(edge, ("file", "/etc/odd"))["file:/etc/odd"] == {**odd, "links": 2}
    assert states["file:/etc/none"] is states["file:/etc/sub/none"] is states["file:/etc/no/none"] is None
    for key in (
        "file:/etc/loop",
        "file:/etc/dangling",
        "file:/etc/sub/dangling",
        "file:/etc/pipe",
        "file:/etc/big",
        "file:/etc/../etc/odd",
        "sysctl:a.b",
        "nonsense:x",
    ):
        assert unread(states[key]) is not None, key


def test_services_and_rules_as_they_are_printed() -> None:
    printed = {
        "systemctl": "LoadState=loaded\nActiveState=active\nCanReload=yes\n",
        "nft": 'table inet f {\n\tchain o {\n\t\tip daddr 3.5.0.0/16 tcp dport 443 accept comment "edgepath"\n'
        '\t\ttcp dport 443 drop comment "not edgepath"\n\t}\n}\n',
    }
    seen: list[list[str]] = []

    def run(command: list[str]) -> Any:
        seen.append(command)
        return printed[command[0]]

    states = _read(Edge("a"), ("service", "squid.service"), ("firewall_rules", "inet f o"), run=run)
    assert states["service:squid.service"] == {"active": True, "can_reload": True}
    assert states["firewall_rules:inet f o"] == ["ip daddr 3.5.0.0/16 tcp dport 443 accept"]
    assert seen[1] == ["nft", "-n", "list", "chain", "inet", "f", "o"]
    printed["systemctl"] = "LoadState=not-found\nActiveState=inactive\nCanReload=no\n"
    assert _read(Edge("a"), ("service", "x.service"), run=run) == {"service:x.service": None}
    for garbled in ("", "<html></html>", "LoadState=loaded\n"):
        printed["systemctl"] = printed["nft"] = garbled
        odd = _read(Edge("a"), ("service", "x.service"), ("firewall_rules", "inet f o"), run=run)
        assert all(unread(state) is not None for state in odd.values()), garbled
    printed["nft"] = "table inet f {\n\tchain o {\n\t}\n}\n"
    assert _read(Edge("a"), ("firewall_rules", "inet f o"), run=run) == {"firewall_rules:inet f o": []}
    denied = Unread("denied", "nft", "nft", "no")
    assert unread(_read(Edge("a"), ("firewall_rules", "a b c"), run=lambda command: denied)["firewall_rules:a b c"])
    assert unread(_read(Edge("a"), ("service", "x;y"), run=run)["service:x;y"]) is not None
    listed = 'ip saddr ::1 tcp sport 443 accept comment "edgepath" # handle 7\n'
    assert on_node.handles(listed) == {"ip saddr ::1 tcp sport 443 accept": "7"}


def _hex(address: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    return "".join((word[::-1] if sys.byteorder == "little" else word).hex().upper() for word in words) + f":{port:04X}"


def _proc(root: Path, sockets: list[tuple[str, int, str, int]], owners: dict[int, tuple[int, str, str]]) -> str:
    """A /proc with connections (peer, port, state, inode), and the processes (pid, name, cgroup) that hold them."""
    (root / "net").mkdir(parents=True)
    for name, is_six in (("tcp", False), ("tcp6", True)):
        lines = ["  sl  local_address rem_address   st ..."]
        for peer, port, state, inode in sockets:
            if (":" in peer) == is_six:
                local = _hex("::1" if is_six else "10.0.0.1", 40000)
                lines.append(f"   0: {local} {_hex(peer, port)} {state} 0:0 0:0 0 0 0 {inode} 1")
        (root / "net" / name).write_text("\n".join(lines) + "\n")
    for inode, (pid, name, cgroup) in owners.items():
        (root / f"{pid}/fd").mkdir(parents=True)
        (root / f"{pid}/comm").write_text(f"{name}\n")
        (root / f"{pid}/cgroup").write_text(f"0::{cgroup}\n")
        (root / f"{pid}/fd/5").symlink_to(f"socket:[{inode}]")
    return str(root)


EDGE = Edge("a", storage_endpoint="https://s3.example", export_service="edge-export")
SQUID = (70, "squid", "/system.slice/squid.service")


@pytest.mark.parametrize(
    ("peer", "port", "state", "owner", "counts"),
    [
        ("52.95.142.10", 443, "01", SQUID, True),
        ("52.95.1.1", 443, "01", SQUID, True),  # S3 changes its addresses
        ("52.95.1.1", 443, "01", (70, "python3", "/system.slice/edge-export.service"), True),
        ("52.95.1.1", 443, "01", (70, "amazon-ssm", "/system.slice/amazon-ssm-agent.service"), False),
        ("52.95.142.10", 443, "01", (70, "curl", "/user.slice/session-1.scope"), True),
        ("52.95.1.1", 443, "01", None, True),
        ("52.95.142.10", 443, "06", SQUID, False),  # TIME_WAIT
        ("52.95.142.10", 22, "01", SQUID, False),
        ("127.0.0.1", 443, "01", SQUID, False),
        ("2a05:d050::1", 443, "01", SQUID, True),
        ("::ffff:52.95.142.10", 443, "01", SQUID, True),
    ],
)
def test_transfers(tmp_path: Path, peer: str, port: int, state: str, owner: Any, counts: bool) -> None:
    proc = _proc(tmp_path / "proc", [(peer, port, state, 777)], {777: owner} if owner else {})
    found = transfers.gather(EDGE, ["52.95.142.10"], proc)
    assert bool(found) is counts, found
    if counts:
        assert found[0]["peer"] == f"{peer.replace('::ffff:', '')}:{port}"
        assert found[0]["pid"] == (owner[0] if owner else None)
        assert found[0]["unit"] == (owner[2].rpartition("/")[2] if owner else None)


def test_transfers_of_a_copy_and_of_the_unreadable(tmp_path: Path) -> None:
    assert transfers.gather(Edge("a", root="/copy"), ["52.95.142.10"]) == []
    (tmp_path / "net/tcp").mkdir(parents=True)
    assert unread(transfers.gather(EDGE, ["52.95.142.10"], str(tmp_path))) is not None


def test_a_real_connection_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        port = server.getsockname()[1]
        edge = Edge("a", storage_endpoint=f"http://localhost:{port}")
        assert client.getpeername()[1] == port
        found = transfers.gather(edge, ["127.0.0.1"])
    assert [item["peer"] for item in found] == [f"127.0.0.1:{port}"] and found[0]["pid"] == os.getpid()
