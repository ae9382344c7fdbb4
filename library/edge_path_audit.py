#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks all domains of the audit for the edges of a run, in one process."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_path_audit
short_description: Judge the whole export path of a run's edges
description:
  - Does what M(edge_dns_audit), M(edge_egress_audit), M(edge_iam_audit), M(edge_bucket_audit), M(edge_timeouts_audit)
    and M(edge_log_audit) do for the edges of a run, in this order, each building on what those before it found.
  - In one process, so that AWS is opened once for all of them. Where one domain fails, its checks are unknown and the
    others are judged all the same.
  - Runs on the controller, with the AWS credentials of the audit. Changes nothing.
options:
  run_dir:
    description: The directory of the run, as M(edge_run) returns it.
    type: path
    required: true
  domains:
    description: The domains to judge. By default those that the run was begun for.
    type: list
    elements: str
    choices: [dns, egress, iam, bucket, timeouts, log]
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- name: Judge the path of all edges
  edge_path_audit:
    run_dir: "{{ edge_run_dir }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
summary:
  description: How many findings have each status, by domain.
  returned: always
  type: dict
  sample: {dns: {pass: 18}, egress: {pass: 20, fail: 1}}
calls:
  description: The AWS calls made, by permission.
  returned: always
  type: dict
  sample: {"ec2:DescribeRouteTables": 1}
errors:
  description: What was wrong with edges that could not be judged, by domain and name.
  returned: always
  type: dict
  sample: {dns: {}, egress: {}}
"""

import importlib
from typing import TYPE_CHECKING

from ansible.module_utils.edge.module import Domain, audit_path

if TYPE_CHECKING:  # so that Ansible finds what it must pack where this travels; a domain that is not asked is not read
    from ansible.module_utils.edge.bucket import domain as _bucket  # noqa: F401
    from ansible.module_utils.edge.dns import domain as _dns  # noqa: F401
    from ansible.module_utils.edge.egress import domain as _egress  # noqa: F401
    from ansible.module_utils.edge.iam import domain as _iam  # noqa: F401
    from ansible.module_utils.edge.log import domain as _log  # noqa: F401
    from ansible.module_utils.edge.timeouts import domain as _timeouts  # noqa: F401


def load(name: str) -> Domain:
    """A domain of the audit, by its name."""
    return importlib.import_module(f"ansible.module_utils.edge.{name}.domain").DOMAIN


def main() -> None:
    audit_path(("dns", "egress", "iam", "bucket", "timeouts", "log"), load)


if __name__ == "__main__":
    main()
