# SPDX-License-Identifier: GPL-3.0-or-later
"""DSSE envelopes (Dead Simple Signing Envelope, protocol v1.0.2), spelt in one way only. Pure.

One field a line, so that sed can take out the payload and openssl can check it; any other spelling of the same envelope
is refused, so that no byte of it can change unseen.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError

STATEMENT_TYPE = "application/vnd.in-toto+json"
CUSTODY_TYPE = "application/vnd.edgepath.custody+json"


@dataclass(frozen=True)
class Envelope:
    """payload: the bytes that were signed; keyid: SHA-256 (hex) of the public key's DER; signature: raw or DER."""

    type: str
    payload: bytes
    keyid: str
    signature: bytes


def signed_bytes(kind: str, payload: bytes) -> bytes:
    """What the signature is over: the pre-authentication encoding of the protocol."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def render(envelope: Envelope) -> bytes:
    text = {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.type,
        "signatures": [{"keyid": envelope.keyid, "sig": base64.b64encode(envelope.signature).decode()}],
    }
    return json.dumps(text, indent=1).encode() + b"\n"


def parse(raw: bytes, name: str) -> Envelope:
    """EdgepathError where it is no envelope with one signature, or is spelt in another way than `render` does."""
    try:
        data = json.loads(raw)
        (signature,) = data["signatures"]
        envelope = Envelope(
            str(data["payloadType"]),
            base64.b64decode(data["payload"], validate=True),
            str(signature["keyid"]),
            base64.b64decode(signature["sig"], validate=True),
        )
        same = render(envelope) == raw
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise EdgepathError(f"{name}: is no DSSE envelope with one signature") from None
    if not same:
        raise EdgepathError(f"{name}: the envelope is not spelt as it was written")
    return envelope


def payload(envelope: Envelope, kind: str, name: str) -> dict[str, Any]:
    """The JSON object that was signed."""
    if envelope.type != kind:
        raise EdgepathError(f"{name}: the payload is {envelope.type}, not {kind}")
    try:
        data = json.loads(envelope.payload)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise EdgepathError(f"{name}: the payload is no JSON object")
    return data


def document(data: Any) -> bytes:
    """A JSON document as it is signed: one field a line, ASCII, keys in order."""
    return json.dumps(data, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"
