#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the history: the newest runs, one edge, or two runs side by side."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_history_info
short_description: Show the history of audits
description:
  - Reads what M(edge_history) recorded. Without further options the newest runs; with O(edge) the verdicts and findings
    of that edge; with O(diff_from) or O(diff_to) what is new, fixed and changed between two runs.
  - Nothing is ever written. Runs on the controller.
options:
  url:
    description: Where the history is, as for M(edge_history).
    type: str
    required: true
  edge:
    description: An edge whose verdicts and findings are shown.
    type: str
  check:
    description: With O(edge), a check to whose findings that is narrowed.
    type: str
  limit:
    description: How many runs are shown, the newest.
    type: int
    default: 20
  diff_from:
    description: The older of two runs, an id or its beginning. The newest run before the other by default.
    type: str
  diff_to:
    description: The newer of two runs, an id or its beginning. The newest of all by default.
    type: str
author:
  - edgepath maintainers
requirements:
  - sqlalchemy
  - psycopg, for PostgreSQL
"""

EXAMPLES = r"""
- name: Show what changed since yesterday's run
  edge_history_info:
    url: /srv/edgepath/history.sqlite
    diff_from: "20261122"
  delegate_to: localhost
"""

RETURN = r"""
runs:
  description: The newest runs.
  returned: where neither an edge nor two runs are asked for
  type: list
  elements: dict
edge:
  description: The edge, its verdicts and its findings.
  returned: with O(edge)
  type: dict
diff:
  description: What is new, fixed and changed from one run to the other.
  returned: with O(diff_from) or O(diff_to)
  type: dict
text:
  description: The same as a person reads it, a line an element.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.edge.finding import EdgepathError

try:
    from ansible.module_utils.edge.history import place, query, store, text

    MISSING = None
except ImportError as error:
    MISSING = error.name


def look(params: dict[str, object]) -> dict[str, object]:
    """What params ask for, with its text."""
    if not params["url"]:
        raise EdgepathError("edge_history_url is empty, so that no history is kept")
    with store.reading(place.place(str(params["url"]))) as connection:
        if params["diff_from"] or params["diff_to"]:
            told = query.diff(connection, params["diff_from"], params["diff_to"])
            return {"diff": told, "text": text.diff(told)}
        if params["edge"]:
            told = query.of_edge(connection, params["edge"], params["check"], params["limit"])
            return {"edge": told, "text": text.edge(told)}
        rows = query.newest_runs(connection, params["limit"])
        return {"runs": rows, "text": text.runs(rows)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "edge": {"type": "str"},
            "check": {"type": "str"},
            "limit": {"type": "int", "default": 20},
            "diff_from": {"type": "str"},
            "diff_to": {"type": "str"},
        },
        required_by={"check": ["edge"]},
        mutually_exclusive=[("edge", "diff_from"), ("edge", "diff_to")],
        supports_check_mode=True,
    )
    if MISSING is not None:
        module.fail_json(msg=missing_required_lib(MISSING))
    try:
        result = look(module.params)
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
