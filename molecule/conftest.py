# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests share: the nodes by SSH, exports on them, and the state that they had before anything."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testinfra

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lab.hosts import observe  # noqa: E402 - the project is on the path only now

PLACE = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
SITE = PLACE / "hosts" / "hosts.json"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `node` runs once for each of the scenario's nodes."""
    if "node" in metafunc.fixturenames:
        names = list(read(SITE)["hosts"]) if SITE.exists() else []
        metafunc.parametrize("node", names, indirect=True, scope="session")


class Node:
    """One node. host: testinfra's, by SSH."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind: str = read(SITE)["hosts"][name]["kind"]
        self.host = testinfra.get_host(f"ssh://{name}", ssh_config=str(PLACE / "hosts" / "ssh_config"))

    def run(self, command: str) -> str:
        done = self.host.run(command)
        assert done.rc == 0, f"{self.name}: {command}: {done.stderr}"
        return str(done.stdout)

    def export(self, *minutes: int) -> dict[str, Any]:
        """The job's document, whether it was completed or failed."""
        lengths = " ".join(str(each) for each in minutes)
        done = self.host.run(f"/opt/edge/bin/export submit --config /opt/edge/export.ini {lengths}")
        assert done.rc in (0, 1), f"{self.name}: {done.stderr}"
        job: dict[str, Any] = json.loads(done.stdout)
        assert (job["state"] == "COMPLETED") == (done.rc == 0)
        return job

    def state(self) -> dict[str, Any]:
        return observe.node_state(self.run)


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Node:
    return Node(request.param)


@pytest.fixture(scope="session")
def site() -> dict[str, Any]:
    """What is in hosts.json."""
    found: dict[str, Any] = read(SITE)
    return found


@pytest.fixture(scope="session")
def report() -> dict[str, Any]:
    """The newest audit's."""
    # runs/latest stays with fuller runs where a play was limited to one edge.
    newest = max((PLACE / "runs").glob("*/report.json"), key=lambda path: path.stat().st_mtime)
    return read(newest)


@pytest.fixture(scope="session")
def original() -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """What something looked like when it was first seen, before any play of the project's."""

    def first(name: str, now: dict[str, Any]) -> dict[str, Any]:
        path = PLACE / "original" / f"{name}.json"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(now, default=str), encoding="utf-8")
        return read(path)

    return first


@pytest.fixture(scope="session")
def account() -> dict[str, Any]:
    """The lab's account as it is now: its network, and the roles and buckets of the scenario's edges."""
    edges = {each["edge"] for each in read(SITE)["hosts"].values()} if SITE.exists() else set()
    edges |= set(os.environ.get("EDGEPATH_EDGES", "").split())
    state = observe.account_state(
        read(PLACE / "lab" / "lab.json"),
        sorted(f"edge-{edge}" for edge in edges),
        sorted(f"euw2-recordings-{edge}" for edge in edges),
    )
    return json.loads(json.dumps(state, default=str))


@pytest.fixture(scope="session")
def plays() -> list[dict[str, Any]]:
    """Each play that could change something: {"check": bool, "action", "objects": {(host, domain, object)}}."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    path = PLACE / "changes.jsonl"
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        line = json.loads(text)
        play = found.setdefault(
            (line["play"], line["action"]), {"check": line["check"], "action": line["action"], "objects": set()}
        )
        play["objects"] |= {(line["host"], line["domain"], each) for each in line["objects"]}
    return list(found.values())
