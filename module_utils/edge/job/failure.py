# SPDX-License-Identifier: GPL-3.0-or-later
"""The class of a failure, from a job's own words: the classes of the edge's log, and what only a platform says."""

from __future__ import annotations

import re

from ..log.classes import CODES, by_words

_EXPIRED = re.compile(r"token (?:has )?expired|expired ?token|url (?:has )?expired|request has expired", re.IGNORECASE)
_NOT_FOUND = re.compile(r"no ?such ?(?:key|bucket)|not found|\b404\b", re.IGNORECASE)
_CANCELLED = re.compile(r"cancell?ed", re.IGNORECASE)


def failure_class(error: str | None, code: int | None, message: str | None) -> str | None:
    """connection_refused, access_denied, credentials_expired, timeout, reset, tls, dns, throttling, not_found,
    cancelled; None where the words tell none. error: the code word; code: the HTTP status.
    """
    text = " ".join(word for word in (error, message) if word)
    if _EXPIRED.search(text):
        return "credentials_expired"
    # The message before the code word: STREAM_TERMINATION_ERROR tells less than what follows it.
    for words in (message, error):
        found = by_words(words.encode("utf-8", "replace")) if words else None
        if found is not None:
            return found
    if _NOT_FOUND.search(text) or code == 404:
        return "not_found"
    if _CANCELLED.search(text):
        return "cancelled"
    return CODES.get(str(code).encode()) if code is not None else None
