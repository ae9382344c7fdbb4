# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of settings: which of them are of secrets, and which may be shown as they are."""

from __future__ import annotations

import functools
import re

from .shapes import mask, opaque, vocabulary

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_INSIDE = (
    "passw", "passphrase", "passcode", "passkey", "secret", "token", "credential", "apikey", "privatekey", "accesskey",
    "bearer", "signature", "cookie", "authoriz", "authoris",
)  # fmt: skip
_SECRET_WORDS = vocabulary(
    "pass pwd pw psk pin otp totp hmac auth authentication key keys salt seed nonce sas jwt community login cred creds "
    "sig hash digest cipher cert user username usr sid signing webhook dsn license licence"
)
# What such a name may end in and then no longer is a secret's own: `token_lifetime`, `session_refreshable`.
_ABOUT = vocabulary(
    "timeout ttl lifetime expiry expires expiration seconds minutes hours days duration interval size count enabled "
    "refreshable required rotation path file dir directory type method mode algorithm length provider"
)
_SHOWN = re.compile(r"[A-Za-z0-9_.@$/<\-*\[\]]+(?: [A-Za-z]+){0,2}", re.ASCII)


def split(name: str) -> list[str]:
    """The words of a name in lower case: `readTimeout_ms` is read, timeout, ms."""
    return [word.lower() for word in _WORDS.findall(name[:200])]


@functools.lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether a setting of this name holds a secret, or what goes with one."""
    words = split(name)
    if not words or words[-1] in _ABOUT:
        return False
    return not _SECRET_WORDS.isdisjoint(words) or any(part in "".join(words) for part in _INSIDE)


@functools.lru_cache(maxsize=4096)
def shown(name: str) -> str | None:
    """The name as it may be shown; None where it may be data that stands where a name would."""
    if name == "<<":  # YAML's key for what is taken over from elsewhere
        return name
    good = len(name) <= 100 and _SHOWN.fullmatch(name) and any(map(str.isalpha, name)) and not opaque(name)
    if not good or (" " in name and is_secret(name)):
        return None
    return name


def or_mask(name: str) -> str:
    return shown(name) or mask(name, "key")
