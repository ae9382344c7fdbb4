# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the run in which an edge was audited last, which need not be the one that covers most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.latest import newest_with

DOCUMENTATION = r"""
name: edge_newest_run
short_description: The newest run that audited an edge
description:
  - The directory of the newest run that is finished and judged the edge's bounds in time.
positional: edge
options:
  _input:
    description: The directory of the runs.
    type: path
    required: true
  edge:
    description: The name of the edge.
    type: str
    required: true
author:
  - edgepath maintainers
"""

EXAMPLES = r"""
- ansible.builtin.debug:
    msg: "{{ '/srv/edgepath/runs' | edge_newest_run(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The run's directory; empty where no run holds the edge.
  type: path
"""


def edge_newest_run(runs_dir: str, edge: str) -> str:
    """The run's directory, or an empty text."""
    return newest_with(runs_dir, edge) or ""


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"edge_newest_run": edge_newest_run}
