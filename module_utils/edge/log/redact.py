# SPDX-License-Identifier: GPL-3.0-or-later
"""A log line as it may leave the edge: short, printable, without secrets and telephone numbers."""

from __future__ import annotations

import re

from ..timeouts.redact import REDACTED, redact_text

_SHOWN = 300
# AWS says at the end of a refusal which policy refused, after two ARNs and the name of the key.
_REFUSAL, _SHOWN_OF_A_REFUSAL = "is not authorized to perform", 900
# The search for secrets takes time that grows with the square of a line; past this nothing is looked at, nor shown.
_LOOKED_AT = 1200
_SHAPES = (
    # JSON Web Tokens (RFC 7519, 3.1): two or three parts of base64url, the first of which begins with `{"`.
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+){1,2}"), REDACTED),
    # Session tokens and signatures by their sheer length: base64 of 40 characters and more.
    (re.compile(r"(?<![\w/+])(?=[\w/+]*\d)(?=[\w/+]*[a-z])(?=[\w/+]*[A-Z])[\w/+]{40,}={0,2}"), REDACTED),
    # Telephone numbers: E.164 with its plus sign, and the user part of SIP and tel URIs (RFC 3261, 19.1; RFC 3966).
    (re.compile(r"\+\d{7,15}\b"), "+REDACTED"),
    (re.compile(r"(?i)\b((?:sips?|tel):)\+?[\d().-]{3,20}"), rf"\g<1>{REDACTED}"),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def sample_text(line: bytes) -> str:
    """The start of a log line, redacted."""
    text = _CONTROL.sub(" ", line[:_LOOKED_AT].decode("utf-8", errors="replace")).strip()
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    text = redact_text(text)
    shown = _SHOWN_OF_A_REFUSAL if _REFUSAL in text else _SHOWN
    return text if len(text) <= shown and len(line) <= _LOOKED_AT else f"{text[:shown]}..."
