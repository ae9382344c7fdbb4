# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of notices, as the Standard Webhooks specification has them (standardwebhooks.com, version 1.0). Pure.

What is signed is ``<id>.<timestamp>.<body>``: the id is the same each time a notice is sent, so that a receiver takes
it once; the timestamp is of the attempt, so that a receiver refuses what is old. A signature is ``v1,<base64>``
(HMAC-SHA256) or ``v1a,<base64>`` (Ed25519), and several stand beside each other with a space between.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence

from ..finding import EdgepathError

# (id, timestamp, body) -> signatures
Signer = Callable[[str, int, bytes], "list[str]"]

_PREFIX = "whsec_"
# Standard Webhooks, "Signature scheme": a symmetric secret has 24 to 64 bytes.
SHORTEST_SECRET = 24


def secret_from(text: str, where: str) -> bytes:
    """The secret of a file or variable: ``whsec_<base64>``, or text that is taken as it stands; never repeated."""
    text = text.strip()
    if text.startswith(_PREFIX):
        try:
            secret = base64.b64decode(text[len(_PREFIX) :], validate=True)
        except (binascii.Error, ValueError):
            raise EdgepathError(f"{where}: what follows whsec_ is not base64") from None
    else:
        secret = text.encode()
    if len(secret) < SHORTEST_SECRET:
        raise EdgepathError(f"{where}: the secret has {len(secret)} bytes and must have {SHORTEST_SECRET} or more")
    return secret


def signed_content(notice_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{notice_id}.{timestamp}.".encode() + body


def by_secret(secret: bytes, notice_id: str, timestamp: int, body: bytes) -> str:
    """``v1,<base64 of the HMAC-SHA256>``."""
    digest = hmac.new(secret, signed_content(notice_id, timestamp, body), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def by_key(sign: Callable[[bytes], bytes], notice_id: str, timestamp: int, body: bytes) -> str:
    """``v1a,<base64 of the Ed25519 signature>``. sign: of the private key."""
    return f"v1a,{base64.b64encode(sign(signed_content(notice_id, timestamp, body))).decode()}"


def body_of_parts(parts: Sequence[bytes]) -> bytes:
    """What is signed of an e-mail: the SHA-256 of each part after decoding, in hexadecimal, one a line."""
    return "\n".join(hashlib.sha256(part).hexdigest() for part in parts).encode()
