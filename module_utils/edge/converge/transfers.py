# SPDX-License-Identifier: GPL-3.0-or-later
"""Live transfers on an edge: established connections that carry recordings to or from the storage.

Standard library only: this runs on the edge. Sources: proc(5), /proc/net/tcp and /proc/PID/fd, /proc/PID/cgroup.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from ..finding import Unread
from ..targets import Edge

_ESTABLISHED = "01"
PROXIES = ("squid", "nginx", "haproxy", "envoy")
MAX_PROCESSES = 65536


def gather(edge: Edge, addresses: Iterable[str] = (), proc: str = "/proc") -> Any:
    """[{"peer": "52.95.1.1:443", "process", "pid", "unit"}, ...], or an unread fact. [] of a copy of a node.

    addresses: of the storage, as far as they are known; where none are, its name is resolved. A connection counts
    where its peer is one of these, or where the export service or a proxy holds it to the storage's port of another
    host: S3 changes its addresses by the second. Whose owner is not known counts as well.
    """
    if edge.root != "/":
        return []
    known = {_plain(address) for address in list(addresses) or _resolved(edge.storage_host)}
    try:
        found = [item for item in _connections(proc) if item[2] == edge.storage_port]
    except OSError as error:
        message = f"the connections of edge {edge.name} cannot be read: {error}"
        return Unread("error", "read", f"{proc}/net/tcp", message).to_fact()
    owners = _owners(proc, {inode for inode, _, _ in found})
    transfers = []
    for inode, host, port in found:
        owner = owners.get(inode)
        if _counts(edge, host, owner, known):
            transfers.append({"peer": f"{host}:{port}", **(owner or {"process": None, "pid": None, "unit": None})})
    return transfers


def _counts(edge: Edge, host: str, owner: dict[str, Any] | None, known: set[str]) -> bool:
    if host in known:
        return True
    if ipaddress.ip_address(host).is_loopback:
        return False
    if owner is None:
        return True
    service = edge.export_service or ""
    service = service if "." in service else f"{service}.service"
    return owner["unit"] == service or owner["process"] in PROXIES


def _resolved(host: str) -> list[str]:
    try:
        return [str(item[4][0]) for item in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []  # a name that does not resolve has no transfers by its name; the others are still told by their owner


def _plain(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _connections(proc: str) -> Iterator[tuple[str, str, int]]:
    """(inode, peer, port) of every established connection."""
    for name in ("tcp", "tcp6"):
        try:
            with open(f"{proc}/net/{name}", encoding="ascii") as stream:
                lines = stream.read().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            words = line.split()
            if len(words) > 9 and words[3] == _ESTABLISHED:
                host, _, port = words[2].partition(":")
                yield words[9], _plain(_address(host)), int(port, 16)


def _address(word: str) -> str:
    """The kernel prints each 32 bit word of an address in the order of the machine."""
    little = sys.byteorder == "little"
    groups = [bytes.fromhex(word[at : at + 8]) for at in range(0, len(word), 8)]
    packed = b"".join(group[::-1] if little else group for group in groups)
    return str(ipaddress.ip_address(packed))


def _owners(proc: str, inodes: set[str]) -> dict[str, dict[str, Any]]:
    """The process of each socket, as far as this user may see."""
    found: dict[str, dict[str, Any]] = {}
    if not inodes:
        return found
    for pid in [name for name in os.listdir(proc) if name.isdigit()][:MAX_PROCESSES]:
        for inode in _sockets_of(f"{proc}/{pid}/fd") & inodes:
            known = found.get(inode)
            # A socket that a child inherited belongs to whoever started it.
            if known is None or int(pid) < known["pid"]:
                unit = _unit(_text(f"{proc}/{pid}/cgroup"))
                found[inode] = {"process": _text(f"{proc}/{pid}/comm").strip() or None, "pid": int(pid), "unit": unit}
    return found


def _sockets_of(directory: str) -> set[str]:
    found: set[str] = set()
    try:
        names = os.listdir(directory)
    except OSError:
        return found  # another user's, or ended meanwhile: its sockets have no known owner, and count
    for name in names:
        try:
            target = os.readlink(f"{directory}/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(65536)
    except OSError:
        return ""


def _unit(cgroup: str) -> str | None:
    """The unit of the systemd control group that a process is in."""
    found = re.findall(r"/([^/\n]+\.(?:service|scope))(?=/|\n|$)", cgroup)
    return found[-1] if found else None
