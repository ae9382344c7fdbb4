# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs of converge and rollback: the plugins validate by them, the modules document them."""

from __future__ import annotations

from typing import Any

from .model import ORDER

SESSION: dict[str, Any] = {
    "state": {"type": "str", "required": True, "choices": ["opened", "closed"]},
    "purpose": {"type": "str", "required": True, "choices": ["converge", "rollback"]},
    "runs_dir": {"type": "path", "required": True},
    "run_dir": {"type": "path"},
    "allow": {"type": "list", "elements": "str", "default": []},
    "skip": {"type": "list", "elements": "str", "default": []},
    "edges": {"type": "list", "elements": "str", "default": []},
    "limited": {"type": "bool", "default": False},
}
CONVERGE: dict[str, Any] = {
    "run_dir": {"type": "path", "required": True},
    "domain": {"type": "str", "required": True, "choices": list(ORDER)},
    "during_transfer": {"type": "bool", "default": False},
}
ROLLBACK: dict[str, Any] = {
    "runs": {"type": "list", "elements": "path", "required": True},
    "domain": {"type": "str", "required": True, "choices": list(ORDER)},
    "only": {"type": "bool", "default": False},
    "during_transfer": {"type": "bool", "default": False},
}
