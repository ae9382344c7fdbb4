#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory script of the scenarios on hosts: how nodes are reached, and what the control plane calls them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def read(directory: Path, name: str) -> dict[str, Any]:
    """A document of the lab; {} before `create` has made it."""
    try:
        found: dict[str, Any] = json.loads((directory / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def inventory(hosts: dict[str, Any], lab: dict[str, Any]) -> dict[str, Any]:
    """One group, `edges`."""
    ssh = hosts.get("ssh", {})
    variables = {name: reached(node, ssh) for name, node in hosts.get("hosts", {}).items()}
    for name, own in variables.items():
        known = lab.get("hosts", {}).get(hosts["hosts"][name]["edge"], {})
        own.update({key: value for key, value in known.items() if key not in ("edge_root", "edge_dns_port")})
    return {"edges": {"hosts": list(variables)}, "_meta": {"hostvars": variables}}


def reached(node: dict[str, Any], ssh: dict[str, str]) -> dict[str, Any]:
    """By SSH and nothing else, with this site's own keys and control path."""
    return {
        "ansible_host": node["address"],
        "ansible_user": "root",
        "ansible_ssh_private_key_file": ssh["key"],
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={ssh['known_hosts']} -o IdentitiesOnly=yes",
        "ansible_control_path_dir": ssh["control"],
        "edge_bucket": node["bucket"],
        "node_kind": node["kind"],
    }


if __name__ == "__main__":
    place = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
    json.dump(inventory(read(place / "hosts", "hosts.json"), read(place / "lab", "lab.json")), sys.stdout, indent=2)
