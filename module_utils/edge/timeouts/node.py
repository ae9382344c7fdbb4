# SPDX-License-Identifier: GPL-3.0-or-later
"""The section `timeouts` of what is read on an edge: every place that may bound a transfer in time.

Standard library only: this runs on the edge. Secrets are taken out before anything is returned.
"""

from __future__ import annotations

import re
from typing import Any

from ..finding import Unread
from ..redaction.choose import format_of, redact
from ..redaction.shapes import REDACTED
from ..targets import Edge
from .files import Node
from .node_proxies import proxy_configs
from .node_system import Runner, process, run_command, sockets, sysctls, unit


def gather_node(edge: Edge, run: Runner = run_command) -> dict[str, Any]:
    """The facts of one edge, read where this runs, below edge.root.

    {"live": bool, "export_config": {"path", "text"} | unread | None, "recording_storage": the same,
     "proxy_configs": [...] (node_proxies), "sysctl": {...}, "unit": ..., "process": ..., "sockets": text | unread
     (node_system), "aws_config": [{"path", "text"}]}.
    """
    node = Node(edge.root)
    service = unit(node, edge.export_service, run)
    properties = service.get("properties") if isinstance(service, dict) else None
    running = process(node, properties)
    return {
        "live": node.live,
        "export_config": _named(node, edge.export_config_path, "edge_export_config_path", edge),
        "recording_storage": _named(node, edge.recording_storage_path, "edge_recording_storage_path"),
        "proxy_configs": proxy_configs(node, edge.proxy_config_paths, run),
        "sysctl": sysctls(node),
        "unit": service,
        "process": running,
        "sockets": sockets(node, run),
        "aws_config": _aws_config(node, service, running),
    }


def _named(node: Node, path: str | None, variable: str, edge: Edge | None = None) -> Any:
    """A settings file. edge: whose inventory says more of it: its format, and where in it what stands."""
    if path is None:
        return None
    text = node.wanted(path, variable)
    if isinstance(text, Unread):
        return text.to_fact()
    keys = {} if edge is None else {where: name for name, where in edge.export_config_keys.items()}
    return {
        "path": path,
        "text": redact(text, format_of(path, None if edge is None else edge.export_config_format), keys),
    }


def _aws_config(node: Node, service: Any, running: Any) -> list[Any]:
    """The shared AWS configuration that the export may read: AWS_CONFIG_FILE, or ~/.aws/config of its user."""
    environment = running.get("environment") if isinstance(running, dict) else None
    given = environment.get("AWS_CONFIG_FILE") if isinstance(environment, dict) else None
    paths = [given] if given else _home_configs(node, service)
    found: list[Any] = []
    for path in dict.fromkeys(paths):
        if REDACTED in path:
            hidden = Unread(
                "error", "read", "AWS_CONFIG_FILE", "AWS_CONFIG_FILE: was redacted on the edge, so it is not read"
            )
            found.append({"path": path, "text": hidden.to_fact()})
            continue
        text = node.read(path, "aws")
        if isinstance(text, Unread):
            found.append({"path": path, "text": text.to_fact()})
        elif text is not None:
            found.append({"path": path, "text": text})
    return found


def _home_configs(node: Node, service: Any) -> list[str]:
    """~/.aws/config of the unit's User=; of root where it has none (systemd.exec(5))."""
    files = service.get("files", []) if isinstance(service, dict) else []
    texts = [item["text"] for item in files if isinstance(item["text"], str)]
    users = re.findall(r"(?m)^\s*User\s*=\s*(\S+)\s*$", "\n".join(texts))
    passwd = node.read_raw("/etc/passwd")
    homes = {}
    for line in passwd.splitlines() if isinstance(passwd, str) else []:
        fields = line.split(":")
        if len(fields) >= 6:
            homes[fields[0]] = fields[5]
    user = users[-1] if users else "root"
    return [f"{homes.get(user, '/root').rstrip('/')}/.aws/config"]
