#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open and close a converge or a rollback. An action plugin does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_converge_session
short_description: Open and close a converge or a rollback
description:
  - Opening takes the lock, so that two changes never run at once. The lock of a process that is gone is taken over.
  - Opening a converge makes the plan C(plan.json) from the findings of the run.
  - Opening a rollback picks the runs to undo.
  - Closing says that the converge is complete, and gives the lock back.
options:
  state:
    description: Whether to open or to close.
    type: str
    required: true
    choices: [opened, closed]
  purpose:
    description: What the session is for.
    type: str
    required: true
    choices: [converge, rollback]
  runs_dir:
    description: The directory that holds all runs.
    type: path
    required: true
  run_dir:
    description:
      - The run that is converged, or undone.
      - For a rollback the default is the newest converge that stands, with the interrupted ones right before it.
    type: path
  allow:
    description: Actions that are done only by consent, such as V(enable_object_lock), which cannot be undone.
    type: list
    elements: str
    default: []
  skip:
    description: Checks or actions that are left alone.
    type: list
    elements: str
    default: []
  edges:
    description: The edges whose newest converge a rollback undoes. Without any, whichever is newest.
    type: list
    elements: str
    default: []
  limited:
    description: Whether the edges are a choice, so that others which the runs changed are left for another time.
    type: bool
    default: false
author:
  - edgepath maintainers
notes:
  - Runs on the controller. In check mode the plan is written too, into the directory of the run; nothing else is.
"""

EXAMPLES = r"""
- name: Plan the changes
  edge_converge_session:
    state: opened
    purpose: converge
    runs_dir: /srv/edgepath/runs
    run_dir: "{{ edge_run_dir }}"
"""

RETURN = r"""
missing:
  description: What the runs changed on edges that the inventory does not know, and that is not put back therefore.
  returned: when a rollback is opened
  type: list
  elements: str
  sample: []
plan:
  description: What will be applied, a line each.
  returned: when a converge is opened
  type: list
  elements: str
  sample: ["london: set read_timeout to 100 minutes [TIMEOUTS-04]"]
held:
  description: What will not be applied, with the reason.
  returned: when a converge is opened
  type: list
  elements: str
  sample: []
runs:
  description: The runs that will be undone, newest first.
  returned: when a rollback is opened
  type: list
  elements: str
  sample: [/srv/edgepath/runs/20261123T031500Z-5f0c1d]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.converge.options import SESSION


def main() -> None:
    module = AnsibleModule(argument_spec=SESSION, supports_check_mode=True)
    module.fail_json(
        msg="edge_converge_session is an action plugin; name its directory in action_plugins of ansible.cfg"
    )


if __name__ == "__main__":
    main()
