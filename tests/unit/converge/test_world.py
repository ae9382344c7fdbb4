# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode remembers between steps, and that the states of files are not shown by a connection."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.edge.converge.model import CLOUD, NODE, ObjectChange, Ref
from ansible.module_utils.edge.converge.node import Node
from ansible.module_utils.edge.converge.world import EdgeWorld
from ansible.module_utils.edge.finding import EdgepathError, Unread
from ansible.module_utils.edge.targets import Edge

FILE = Ref(NODE, "file", "/etc/a")
BUCKET = Ref(CLOUD, "bucket_versioning", "b")


def _world(run_dir: Path, name: str, **more: Any) -> EdgeWorld:
    return EdgeWorld(Edge.from_mapping({"name": name, **more}), str(run_dir), lambda: pytest.fail("no node is needed"))


def _seen(world: EdgeWorld, states: dict[str, Any]) -> list[Any]:
    return list(world.predicted(states, [FILE, BUCKET]).values())


def test_later_steps_see_what_earlier_ones_would_change(tmp_path: Path) -> None:
    states = {FILE.key: "f1", BUCKET.key: "b1"}
    _world(tmp_path, "london").predict([ObjectChange(FILE, "f1", "f2"), ObjectChange(BUCKET, "b1", "b2")])
    assert _seen(_world(tmp_path, "london"), states) == ["f2", "b2"]
    assert _seen(_world(tmp_path, "walled"), states) == ["f1", "b2"], "a file is on its edge alone"
    elsewhere = _world(tmp_path, "far", storage_kind="s3_compatible", storage_endpoint="https://s3.example.org")
    assert _seen(elsewhere, states) == ["f1", "b1"], "another storage's bucket of the same name"
    unread = Unread("denied", "s3:GetBucketVersioning", "b", "AccessDenied").to_fact()
    assert _seen(_world(tmp_path, "walled"), {**states, BUCKET.key: unread})[1] == unread


def test_a_step_without_changes_writes_nothing_over_what_others_predict(tmp_path: Path) -> None:
    _world(tmp_path, "london").predict([])
    assert list(tmp_path.iterdir()) == []


def test_what_modules_print_is_no_connections_to_show() -> None:
    """At -vvv ssh shows it; the states of files are their whole content."""
    context = SimpleNamespace(no_log=False)
    seen: list[bool] = []

    def execute(module_name: str, **_: Any) -> dict[str, Any]:
        seen.append(context.no_log)
        return {"states": {FILE.key: None}, "transfers": []} if len(seen) == 1 else {"failed": True, "msg": "no"}

    plugin = SimpleNamespace(
        _execute_module=execute, _play_context=context, _connection=SimpleNamespace(_play_context=context)
    )
    node = Node(plugin, {}, Edge("london"), {"name": "london"})
    assert node.read([FILE])[0] == {FILE.key: None}
    with pytest.raises(EdgepathError):
        node.read([FILE])
    assert seen == [True, True] and context.no_log is False
