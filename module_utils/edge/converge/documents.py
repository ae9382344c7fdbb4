# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS documents as they may be shown: policies hold, as conditions, values that are shared as secrets."""

from __future__ import annotations

import json
from typing import Any

from ..redaction import shapes

# Conditions with which policies are made to know a caller by a value (IAM User Guide, "Global condition context keys",
# "The confused deputy problem").
_SHARED = frozenset(("aws:referer", "aws:useragent", "sts:externalid", "aws:requesttag", "aws:principaltag"))


def redact_document(state: Any) -> Any:
    """Every text by itself; a document that stands in a text as a document."""
    if isinstance(state, str) and state.lstrip()[:1] == "{":
        try:
            return json.dumps(redact_document(json.loads(state)), indent=2, sort_keys=True)
        except ValueError:
            return shapes.mask(state)
    return _walk(state, "")


def _walk(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _walk(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, key) for item in value]
    if not isinstance(value, str):
        return value
    if key.lower().partition("/")[0] in _SHARED:
        return shapes.mask(value)
    if value.lstrip()[:1] == "{":
        return redact_document(value)
    good = all(_harmless(word) for word in value.split())
    return value if good else shapes.mask(value)


def _harmless(word: str) -> bool:
    return shapes.name(word) is not None if word.startswith("arn:") else shapes.plain(word) == word
