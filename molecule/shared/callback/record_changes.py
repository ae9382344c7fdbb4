# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes which objects each play changed, or in check mode said that it would, so that tests can compare the two."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record_changes
type: notification
short_description: Note which objects converge and rollback change
description:
  - Appends a line of JSON for each result of M(edge_converge) and M(edge_rollback) to C(changes.jsonl) in the
    scenario's ephemeral directory.
requirements:
  - the environment variable MOLECULE_EPHEMERAL_DIRECTORY
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record_changes"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        action = result.task.action
        if action not in ("edge_converge", "edge_rollback"):
            return
        line = {
            "play": os.getpid(),
            "action": action,
            "check": bool(context.CLIARGS.get("check")),
            "host": result.host.get_name(),
            "domain": result.task.args["domain"],
            "objects": [change["object"] for change in result.result.get("changes", [])],
            "held": result.result.get("held", []),
        }
        with (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "changes.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
