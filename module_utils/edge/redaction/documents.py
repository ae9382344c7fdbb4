# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS documents as they may be shown: policies hold, as conditions, values that are shared as secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import shapes

# Conditions with which policies know a caller by a word (IAM User Guide, "AWS global condition context keys", "The
# confused deputy problem"). What a request brings for them is never known, so that nothing is judged by these values.
_HIDDEN = frozenset(("aws:referer", "aws:useragent", "sts:externalid"))
_Show = Callable[[str], bool]


def redact_document(state: Any) -> Any:
    """A document of which only words are shown that may be of a policy, a rule, a configuration."""
    return _walk(state, "", lambda text: all(map(_harmless, text.split())))


def without_shared_words(data: Any) -> Any:
    """Facts as they are, but for the words by which policies know a caller. Strings that hold JSON are read as such."""
    return _walk(data, "", _any)


def _any(text: str) -> bool:
    return isinstance(text, str)


def _walk(value: Any, key: str, show: _Show) -> Any:
    if isinstance(value, dict):
        return {name: _walk(item, str(name), show) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_walk(item, key, show) for item in value]
    if not isinstance(value, str):
        return value
    if key.lower().partition("/")[0] in _HIDDEN:
        return shapes.mask(value)
    if value.lstrip()[:1] == "{":
        return _held(value, show)
    return value if show(value) else shapes.mask(value)


def _held(text: str, show: _Show) -> str:
    if show(text) and not any(key in text.lower() for key in _HIDDEN):
        return text
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return text if show(text) else shapes.mask(text)
    clean = _walk(held, "", show)
    return text if clean == held else json.dumps(clean)


def _harmless(word: str) -> bool:
    return shapes.name(word) is not None if word.startswith("arn:") else shapes.plain(word) == word
