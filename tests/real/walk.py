# SPDX-License-Identifier: GPL-3.0-or-later
"""A probe with its prediction: the ladder from the very file that the real server runs with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.edge.finding import Finding
from ansible.module_utils.edge.probe import node, observe
from ansible.module_utils.edge.probe.checks import judge
from ansible.module_utils.edge.probe.predict import bounds_of
from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.timeouts.checks import ladder_facts
from ansible.module_utils.edge.timeouts.node import gather_node

from tests.real.storage import BUCKET, SECRETS

# An export that moves an hour at real time: whatever is cut here within seconds is too short for it.
PAYLOAD = {"longest_minutes": 60, "pace": 1, "codec": "pcm16_8k", "channels": 2, "delivery": "buffered"}


@dataclass
class Walked:
    facts: dict[str, Any]
    lines: list[dict[str, Any]]
    findings: dict[str, Finding]
    ladder: list[dict[str, Any]]

    def line(self, what: str) -> dict[str, Any]:
        return next(line for line in self.lines if line["what"].startswith(what))

    def stage(self, name: str) -> dict[str, Any]:
        return next(stage for stage in self.facts["stages"] if stage["stage"] == name)


def ladder(root: Path, endpoint: str, configuration: Path | None) -> tuple[Edge, list[dict[str, Any]]]:
    """The edge, with a copy of the server's configuration as its proxy's, and the ladder that follows."""
    named = []
    if configuration is not None:
        copy = root / "etc" / configuration.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(configuration.read_text())
        named = [f"/etc/{configuration.name}"]
    edge = Edge.from_mapping(
        {"name": "edge", "root": str(root), "storage_kind": "s3_compatible", "storage_endpoint": endpoint,
         "bucket": BUCKET, "prefix": "exports/", "payload": PAYLOAD, "proxy_config_paths": named}
    )  # fmt: skip
    upstream = {"egress": {"bounds": [], "route": None, "in_aws": False, "private_addresses": []}, "dns": {}}
    return edge, ladder_facts(edge, plain(gather_node(edge)), upstream)["ladder"]


def walk(root: Path, endpoint: str, configuration: Path | None, **more: Any) -> Walked:
    """Predict, probe, compare and judge."""
    edge, rungs = ladder(root, endpoint, configuration)
    rungs += more.pop("bounds", [])
    options = {
        "addressing": "auto", "proxy": None, "ca_file": None, "stage_timeout": 3.0, "paced_seconds": 0.0,
        "pause_factors": [], "write": False, "max_seconds": 45.0, "max_bytes": 2**27, "max_cost_usd": 1.0,
        "rate": 200_000.0, "key": None, "bounds": rungs, **SECRETS, **more,
    }  # fmt: skip
    facts = plain(node.probe(edge, bounds_of(rungs), options))
    findings = {finding.check: finding for finding in judge(edge, facts, {"timeouts": {"ladder": rungs}})}
    return Walked(facts, observe.side_by_side(facts, bounds_of(rungs)), findings, rungs)
