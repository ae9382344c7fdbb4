# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of an edge's files, as small as the checks need it, and the facts that follow from it."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.timeouts.node import gather_node

GOOD_SYSCTLS = {
    "net/ipv4/tcp_keepalive_time": "60",
    "net/ipv4/tcp_keepalive_intvl": "30",
    "net/ipv4/tcp_keepalive_probes": "5",
    "net/ipv4/tcp_retries2": "8",
    "net/ipv4/tcp_mtu_probing": "1",
    "net/ipv4/tcp_slow_start_after_idle": "0",
    "net/ipv4/tcp_rmem": "4096\t131072\t6291456",
    "net/ipv4/tcp_wmem": "4096\t16384\t4194304",
    "net/core/rmem_max": "212992",
    "net/core/wmem_max": "212992",
}
SYSCTL_D = "".join(f"{key.replace('/', '.')} = {value}\n" for key, value in GOOD_SYSCTLS.items() if "ipv4" in key)
EXPORT = "export:\n  read_timeout: 7200\n"
UNIT = "[Unit]\nDescription=Recording export\n[Service]\nExecStart=/opt/edge/export --config /etc/edge/export.yaml\n"
SQUID = "# the defaults of the distribution, without a read_timeout\nacl localnet src 10.0.0.0/8\nhttp_port 3128\n"

EGRESS = {"route": {"kind": "gateway_endpoint", "id": "vpce-1"}, "bounds": [], "private_addresses": ["10.40.1.20"]}
DNS = {"storage_addresses": ["52.95.149.10"]}
UPSTREAM = {"egress": EGRESS, "dns": DNS}
NAT = {"kind": "idle", "hop": "gateway", "setting": "NAT gateway idle timeout", "origin": "nat-1", "seconds": 350.0,
       "reset_by": "packets"}  # fmt: skip
BEHIND_NAT = {**UPSTREAM, "egress": {**EGRESS, "route": {"kind": "nat_gateway", "id": "nat-1"}, "bounds": [NAT]}}

FILES = {
    "etc/edge/export.yaml": EXPORT,
    "etc/edge/recording-storage.yaml": "storage:\n  bucket: recordings\n",
    "etc/systemd/system/edge-export.service": UNIT,
    "etc/sysctl.d/90-edgepath.conf": SYSCTL_D,
    **{f"proc/sys/{key}": f"{value}\n" for key, value in GOOD_SYSCTLS.items()},
}
LONDON = {
    "etc/squid/squid.conf": SQUID,
    "etc/edge/export.yaml": EXPORT + "  proxy: http://127.0.0.1:3128\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def options(root: Path, **more: object) -> dict[str, object]:
    return {
        "name": "london", "region": "eu-west-2", "root": str(root), "export_config_path": "/etc/edge/export.yaml",
        "recording_storage_path": "/etc/edge/recording-storage.yaml", "export_service": "edge-export.service",
        "payload": {"longest_minutes": 240, "pace": 3, "codec": "pcm16_8k", "channels": 2}, **more,
    }  # fmt: skip


def make(root: Path, files: dict[str, str] | None = None, **more: object) -> tuple[Edge, dict]:
    """The edge and its facts, from FILES with `files` over them."""
    write(root, {**FILES, **(files or {})})
    edge = Edge.from_mapping(options(root, **more))
    return edge, plain(gather_node(edge))
