# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs edge_notify from the tree where it is to run with the controller's own Python: see Here."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

_HOUSE = str(Path(__file__).resolve().parents[1] / "module_utils")
if _HOUSE not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_HOUSE)

from ansible.module_utils.edge.here import Here


class ActionModule(Here):
    """The module of the same name."""
