# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module edge_path_probe, and what an argument spec cannot refuse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..finding import SEVERITIES, Bound, EdgepathError
from .credentials import METADATA
from .predict import bounds_of

OPTIONS: dict[str, dict[str, Any]] = {
    "edge": {"type": "dict"},
    "run_dir": {"type": "path"},
    "bounds": {"type": "list", "elements": "dict"},
    "key": {"type": "str", "no_log": False},
    "proxy": {"type": "str", "no_log": True},
    "addressing": {"type": "str", "choices": ["auto", "virtual", "path"], "default": "auto"},
    "ca_file": {"type": "path"},
    "write": {"type": "bool", "default": False},
    "rate": {"type": "float"},
    "paced_seconds": {"type": "float", "default": 60},
    "pause_factors": {"type": "list", "elements": "float", "default": [0.95, 1.05]},
    "stage_timeout": {"type": "float", "default": 15},
    "max_seconds": {"type": "float", "default": 1800},
    "max_bytes": {"type": "int", "default": 134217728},
    "max_cost_usd": {"type": "float", "default": 0.1},
    "access_key_id": {"type": "str", "no_log": True},
    "secret_access_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
    "credentials_file": {"type": "str"},
    "profile": {"type": "str"},
    "metadata_url": {"type": "str", "default": METADATA},
    "fail_on": {"type": "str", "choices": [*SEVERITIES, "never"], "default": "high"},
    "allow_unknown": {"type": "bool", "default": False},
}
_POSITIVE = ("rate", "stage_timeout", "max_seconds", "max_bytes", "max_cost_usd")
_MOST_BOUNDS = 100


def validated(options: Mapping[str, Any]) -> list[Bound]:
    """The bounds that the options give; EdgepathError where a number makes no sense."""
    for name in _POSITIVE:
        value = options.get(name)
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise EdgepathError(f"{name} must be a positive number, not {value:g}")
    if not (options["paced_seconds"] >= 0 and math.isfinite(options["paced_seconds"])):
        raise EdgepathError("paced_seconds must be 0 or more")
    if any(not (factor > 0 and math.isfinite(factor)) for factor in options["pause_factors"]):
        raise EdgepathError("pause_factors must be positive numbers, such as 0.95 and 1.05")
    given = options.get("bounds") or []
    if len(given) > _MOST_BOUNDS:
        raise EdgepathError(f"bounds: {len(given)} are too many; give at most {_MOST_BOUNDS}")
    try:
        return bounds_of(given)
    except (TypeError, ValueError) as error:
        raise EdgepathError(f"bounds: {error}") from None
