# SPDX-License-Identifier: GPL-3.0-or-later
"""A log line as it may leave the edge: short, printable, without secrets and telephone numbers (redaction/prose.py)."""

from __future__ import annotations

import re

from ..redaction.prose import redact_prose

_SHOWN = 300
# AWS says at the end of a refusal which policy refused, after two ARNs and the name of the key.
_REFUSAL, _SHOWN_OF_A_REFUSAL = "is not authorized to perform", 900
# Of a line that is longer only so much is looked at, and of that all but the last word, which may be cut off.
_LOOKED_AT = 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def sample_text(line: bytes) -> str:
    """The start of a log line, redacted."""
    text = line[:_LOOKED_AT].decode("utf-8", errors="replace")
    if len(line) > _LOOKED_AT:
        text = text[: max(text.rfind(" "), 0)]
    text = redact_prose(_CONTROL.sub(" ", text).strip())
    shown = _SHOWN_OF_A_REFUSAL if _REFUSAL in text else _SHOWN
    return text if len(text) <= shown and len(line) <= _LOOKED_AT else f"{text[:shown]}..."
