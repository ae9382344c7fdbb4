# SPDX-License-Identifier: GPL-3.0-or-later
"""A change as --diff shows it: text for files, YAML-like JSON for everything else, secrets taken out."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from ..timeouts.redact import redact_text
from .model import ObjectChange, State


def diff(change: ObjectChange) -> dict[str, str]:
    """In the form of Ansible's own modules: before, after, before_header, after_header."""
    header = f"{change.ref.kind} {change.ref.name}"
    before, after = _shown(change.ref.kind, change.before), _shown(change.ref.kind, change.after)
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def _shown(kind: str, state: State) -> str:
    if state is None:
        return ""
    if kind == "file" and isinstance(state, dict) and "content" in state:
        return _attributes(state) + _text(state["content"])
    if isinstance(state, str):
        return redact_text(state) + "\n"
    return redact_text(json.dumps(state, indent=2, sort_keys=True)) + "\n"


def _attributes(state: dict[str, Any]) -> str:
    """What a file is besides its bytes, where it can differ: shown so that a change of mode alone is seen."""
    shown = {
        key: value for key, value in sorted(state.items()) if key not in ("content", "mtime") and value is not None
    }
    return "# " + ", ".join(f"{key} {value}" for key, value in shown.items()) + "\n" if shown else ""


def _text(content: str) -> str:
    try:
        return redact_text(base64.b64decode(content, validate=True).decode("utf-8"))
    except (binascii.Error, UnicodeDecodeError):
        return "(not text)\n"
