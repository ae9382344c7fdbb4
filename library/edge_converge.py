#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the changes that a run's plan holds for one edge in one domain. An action plugin does the work."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_converge
short_description: Make the planned changes of one domain on one edge
description:
  - Works out, from the plan of the run and the present state of every object, what is to change; saves each object's
    state under C(before/) of the run; writes it; and reads it again.
  - What others put into an object stays. A plan whose objects stand as they should changes nothing.
  - Programs are told to read their files again, and are restarted only where C(edge_converge_restart)
    names them.
  - Stops before it changes anything where a change would disturb a transfer that is live.
options:
  run_dir:
    description: The run whose audit found what is to be changed, and whose plan M(edge_converge_session) made.
    type: path
    required: true
  domain:
    description: The domain whose fixes are applied.
    type: str
    required: true
    choices: [dns, egress, iam, bucket, timeouts]
  during_transfer:
    description: Whether changes that disturb live transfers are made all the same.
    type: bool
    default: false
author:
  - edgepath maintainers
notes:
  - Supports check mode and diff mode; both work out the very changes that a real run makes.
"""

EXAMPLES = r"""
- name: Apply the fixes of name resolution
  edge_converge:
    run_dir: "{{ edge_run_dir }}"
    domain: dns
"""

RETURN = r"""
changes:
  description: The objects that changed, or in check mode would change, and the checks that asked for it.
  returned: success
  type: list
  elements: dict
  sample: [{object: "file:/etc/squid/squid.conf", why: [TIMEOUTS-04]}]
held:
  description: The fixes that were not applied, each with the reason.
  returned: success
  type: list
  elements: str
  sample: ["BUCKET-04 enable_object_lock: it cannot be undone; name enable_object_lock in edge_converge_allow"]
told:
  description: Objects whose programs are told only now, since an earlier run was killed before it told them.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.edge.converge.options import CONVERGE


def main() -> None:
    module = AnsibleModule(argument_spec=CONVERGE, supports_check_mode=True)
    module.fail_json(msg="edge_converge is an action plugin; name its directory in action_plugins of ansible.cfg")


if __name__ == "__main__":
    main()
