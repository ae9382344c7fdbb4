# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges' file trees: what a node of each would hold, from the files below lab/roots, values filled in.

roots/common is every edge's; roots/NAME lies over it for the edge of that name. What commands would print on the node
is recorded below /var/lib/edgepath/recorded, as the audit reads it of a copy of a node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from .world import FORMER_S3_ADDRESS, NAME_SERVERS, OBJECT_STORE_NAME, REGION, LabEdge

_ROOTS = Path(__file__).parent / "roots"
_EXPORT_PID = 1412  # as recorded in systemctl-show.txt
_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/var/lib/export"}
_ARGUMENTS = ("/opt/edge/bin/export", "--config", "/opt/edge/export.yaml")

# As set by etc/sysctl.d/60-export.conf; the rest are the kernel's defaults on a node of 16 GiB (Linux ip-sysctl,
# nf_conntrack-sysctl).
_SYSCTLS = {
    "net.core.rmem_max": "212992",
    "net.core.wmem_max": "212992",
    "net.ipv4.ip_local_port_range": "32768\t60999",
    "net.ipv4.tcp_keepalive_intvl": "30",
    "net.ipv4.tcp_keepalive_probes": "5",
    "net.ipv4.tcp_keepalive_time": "60",
    "net.ipv4.tcp_mtu_probing": "1",
    "net.ipv4.tcp_retries2": "8",
    "net.ipv4.tcp_rmem": "4096\t131072\t6291456",
    "net.ipv4.tcp_slow_start_after_idle": "0",
    "net.ipv4.tcp_wmem": "4096\t16384\t4194304",
    "net.netfilter.nf_conntrack_tcp_timeout_established": "432000",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "300",
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "300",
}


def write(root: Path, edge: LabEdge, address: str, object_store_url: str) -> None:
    """The tree of one edge. address: of its interface."""
    values = {
        "name": edge.name,
        "address": address,
        "bucket": edge.bucket,
        "endpoint": storage_endpoint(edge, object_store_url),
        "former": FORMER_S3_ADDRESS,
        "nameservers": "\n".join(f"nameserver {each}" for each in NAME_SERVERS),
    }
    files = {**_templates("common"), **_templates(edge.name)}
    for path, text in files.items():
        _write(root / path, Template(text).substitute(values))
    for name, value in _SYSCTLS.items():
        _write(root / "proc/sys" / name.replace(".", "/"), f"{value}\n")
    _write(root / f"proc/{_EXPORT_PID}/environ", "".join(f"{key}={value}\0" for key, value in _ENVIRONMENT.items()))
    _write(root / f"proc/{_EXPORT_PID}/cmdline", "".join(f"{word}\0" for word in _ARGUMENTS))


def storage_endpoint(edge: LabEdge, object_store_url: str) -> str:
    """Where an edge exports to, as its own configuration and the inventory say."""
    if edge.on_aws:
        return f"https://s3.{REGION}.amazonaws.com"
    return f"http://{OBJECT_STORE_NAME}:{object_store_url.rpartition(':')[2]}"


_CACHE: dict[str, Mapping[str, str]] = {}


def _templates(name: str) -> Mapping[str, str]:
    if name not in _CACHE:
        _CACHE[name] = dict(_read(_ROOTS / name))
    return _CACHE[name]


def _read(directory: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(directory)), path.read_text()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
