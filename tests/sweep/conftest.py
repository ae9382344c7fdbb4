# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's world, recorded once a worker: its edges, what was read on them, what AWS answered, and the report."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.httpsession
import pytest

from tests.playbooks.conftest import exported, run_lab

from . import replay

ALL = ("healthy", "london", "walled", "patchy", "denied", "stale", "blind", "harbour")
FEW = ("healthy", "patchy", "stale")
# One in AWS, and one whose storage is not.
TWO = ("healthy", "harbour")
# One whose path is in order and one that is cut: what is not read on them must neither pass nor cut.
NODES = ("healthy", "london")
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class World:
    """What the sweeps disturb. facts: by edge.  tape: AWS' answers.  report: of the undisturbed run.  calls: by domain.
    asked: the permissions that an audit of the few edges, or of the two, asks for."""

    environment: dict[str, str]
    edges: list[dict[str, Any]]
    facts: dict[str, Any]
    tape: replay.Tape
    report: dict[str, Any]
    calls: dict[str, dict[str, int]]
    asked: dict[tuple[str, ...], set[str]]

    def of(self, *names: str) -> list[dict[str, Any]]:
        return [edge for edge in self.edges if edge["name"] in names]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("sweep") / "lab"
    run_lab("up", "--dir", str(directory))
    try:
        yield recorded(exported(run_lab("env", "--dir", str(directory))), tmp_path_factory)
    finally:
        run_lab("down", "--dir", str(directory))


def recorded(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> World:
    edges = inventory({**os.environ, **environment})
    facts = {edge["name"]: replay.visit(edge) for edge in edges}
    tape: replay.Tape = {}
    run_dir = tmp_path_factory.mktemp("undisturbed")
    wire = replay.Wire(tape, botocore.httpsession.URLLib3Session.send)
    with replay.wired(wire, environment):
        # A sweep of fewer edges asks for fewer things in one request: another request, with an answer of its own.
        asked: dict[tuple[str, ...], set[str]] = {}
        for names in (TWO, FEW, *((name,) for name in NODES)):
            wire.made.clear()
            replay.audit(tmp_path_factory.mktemp("few"), [edge for edge in edges if edge["name"] in names], facts)
            asked[names] = {call.permission for call in wire.made}
        report = replay.audit(run_dir, edges, facts)
    calls = {
        domain: json.loads((run_dir / f"{domain}.json").read_text(encoding="utf-8"))["calls"]
        for domain in replay.DOMAINS
    }
    return World(environment, edges, facts, tape, report, calls, asked)


def inventory(environment: dict[str, str]) -> list[dict[str, Any]]:
    """The lab's edges as the playbook's first step sees them."""
    command = [str(Path(sys.executable).parent / "ansible"), "localhost", "-o", "-m", "debug", "-a",
               "msg={{ groups['edges'] | edge_targets(hostvars) | to_json | b64encode }}"]  # fmt: skip
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True)
    edges: list[dict[str, Any]] = json.loads(base64.b64decode(json.loads(answer.stdout.partition("=>")[2])["msg"]))
    return edges


@pytest.fixture
def disturbed(world: World, tmp_path: Path) -> Callable[..., tuple[dict[str, Any], replay.Wire]]:
    """Audits edges of the world with one fault; returns the report and the wire."""

    def run(
        names: tuple[str, ...], meets: Callable[[replay.Call], bool], fault: replay.Fault, facts: Any = None
    ) -> tuple[dict[str, Any], replay.Wire]:
        wire = replay.Wire(world.tape)
        wire.meets, wire.fault = meets, fault
        with replay.wired(wire, world.environment):
            report = replay.audit(tmp_path / "run", world.of(*names), {**world.facts, **(facts or {})})
        return report, wire

    return run
