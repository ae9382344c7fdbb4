# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of converge.node.Node, one after another, on the host of the task: reads, writes and reloads."""

# ruff: noqa: E402 - the project's module_utils must be on the path first
from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.plugins.action import ActionBase

_HOUSE = str(Path(__file__).resolve().parents[3] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.converge.model import NODE, ObjectChange, Ref
from ansible.module_utils.edge.converge.node import Node
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.targets import Edge


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        options = self._task.args["edge"]
        node = Node(self, task_vars or {}, Edge.from_mapping(options), options)
        return {"answers": [self._step(node, step) for step in self._task.args["steps"]]}

    def _step(self, node: Node, step: dict[str, Any]) -> Any:
        try:
            if "write" in step:
                return node.write(ObjectChange.from_dict(step["write"]))
            if "reload" in step:
                return node.reload(step["reload"])
            return list(node.read([Ref(NODE, *ref.split(":", 1)) for ref in step["read"]], ["127.0.0.1"]))
        except EdgepathError as error:
            return {"error": str(error)}
