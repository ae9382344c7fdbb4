# SPDX-License-Identifier: GPL-3.0-or-later
"""What a log line reports: one class of failure, or none. Bytes in, so that no encoding has to be known.

Deciding is dear and nearly all lines are harmless, so a line is first looked at by its *shape*: lower case, with every
digit and every letter a-f as `0`, which leaves one shape of all lines that differ in times, numbers and identifiers.
What the words of a line of a shape report, those of every line of that shape do; status codes are looked for besides.
"""

from __future__ import annotations

import re
from collections.abc import Collection

# The order decides where a line fits more than one: the most telling first.
CLASSES = ("dns", "tls", "throttling", "access_denied", "connection_refused", "reset", "timeout")

_HEXADECIMAL = frozenset(b"0123456789abcdef")
SHAPE = bytes(48 if byte in _HEXADECIMAL else byte for byte in bytes(range(256)).lower())

# Words in lower case, with the keywords of which at least one is in every line that they match.
# errno names: errno(3); getaddrinfo: gai_strerror(3); rcodes: RFC 1035, 4.1.1; S3: Amazon S3 API Reference, Error
# responses; Java: java.net, javax.net.ssl; Go: package net; curl: libcurl-errors(3); boto: botocore.exceptions.
_PATTERNS: dict[str, tuple[bytes, tuple[bytes, ...]]] = {
    "dns": (
        rb"getaddrinfo|gaierror|unknown ?host|service not known|name resolution|enotfound|eai_\w+|nxdomain|servfail"
        rb"|no such host|(?:could ?n[o']t|cannot|can't|unable to|failed to|failure) resolve"
        rb"|\bdns\w*[ :_-]+(?:\w+ ){0,3}(?:fail|error|time)",
        (b"addrinfo", b"gaierror", b"unknown", b"not known", b"resol", b"notfound", b"eai_", b"nxdomain", b"servfail",
         b"such host", b"dns"),
    ),
    "tls": (
        rb"(?:(?<![a-z0-9])(?:open)?(?:ssl|tls)|x\.?509|certificate).{0,80}"
        rb"(?:fail|error|alert|expired|invalid|untrusted|unknown ca|mismatch"
        rb"|self.signed|not valid|bad |timed? ?out|reset|eof|refused|abort)"
        rb"|(?:fail|error|alert|expired|invalid|untrusted|unable|cannot|bad).{0,80}"
        rb"(?:(?<![a-z0-9])(?:open)?(?:ssl|tls)|x\.?509|certificate)"
        rb"|pkix path",
        (b"ssl", b"tls", b"x509", b"x.509", b"certificate", b"pkix"),
    ),
    "throttling": (
        rb"slow ?down\b|throttl|too ?many ?requests|(?:rate|request ?limit|limit|bandwidth) ?exceeded"
        rb"|reduce your request rate|service ?unavailable",
        (b"slow", b"throttl", b"many", b"exceeded", b"request rate", b"unavailable"),
    ),
    "access_denied": (
        rb"(?:access|permission|authori[sz]ation|request) ?(?:is |was |has been )?denied|forbidden"
        rb"|signaturedoesnotmatch|invalidaccesskeyid|expiredtoken|invalidtoken|token (?:has |is )?expired"
        rb"|requesttimetooskewed|not authori[sz]ed|unauthori[sz]ed|accountproblem|invalidobjectstate",
        (b"denied", b"forbidden", b"doesnotmatch", b"invalidaccess", b"invalidtoken", b"invalidobject",
         b"expired", b"tooskewed", b"authori", b"accountproblem"),
    ),
    "connection_refused": (rb"connection ?refused|connrefused|actively refused", (b"refused",)),
    "reset": (
        rb"connection (?:was |is |has been )?reset|connectionreset|connreset|reset by|broken pipe|\bepipe\b"
        rb"|stream_termination|connection ?(?:was )?aborted|connaborted|forcibly closed"
        rb"|closed by (?:the )?(?:remote|peer)|unexpected (?:end of file|eof)|premature (?:end|eof|close)"
        rb"|incompleteread|bad gateway",
        (b"reset", b"en pipe", b"epipe", b"stream_termination", b"aborted", b"closed", b"unexpected", b"premature",
         b"incompleteread", b"bad gateway"),
    ),
    "timeout": (
        rb"timed ?out|(?:error|failed|failure|exception)\W{1,3}(?:\w+ )?time-?out|time-?out(?:error|exception"
        rb"| (?:waiting|after|while|reading|writing|connecting|exceeded|expired|occurred|error|on ))"
        rb"|(?:read|write|connect|connection|request|socket|idle|gateway|operation|response|upload|transfer|session"
        rb"|handshake) ?time-?out(?![ \w]*[=:]\s*\d)|deadline exceeded|no progress",
        (b"timed out", b"timedout", b"timeout", b"time-out", b"exceeded", b"no progress"),
    ),
}  # fmt: skip
# RFC 9110, 15.5 and 15.6; RFC 6585, 4; S3 sends 503 for SlowDown.
CODES = {
    b"401": "access_denied", b"403": "access_denied", b"407": "access_denied", b"408": "timeout", b"429": "throttling",
    b"502": "reset", b"503": "throttling", b"504": "timeout",
}  # fmt: skip

_RULES = tuple((name, re.compile(_PATTERNS[name][0])) for name in CLASSES)
KEYWORDS = tuple(dict.fromkeys(word for name in CLASSES for word in _PATTERNS[name][1]))
# A status code stands after such a word: `HTTP/1.1" 503`, `status=403`, `statusCode: 502`.
_CODE_WORDS = (b"http", b"status", b"code")
_BEFORE_CODE = rb"[^\s=:]{0,12}[ =:/\"]{1,3}("
# One expression a word: what begins with plain text is searched for many times as fast as what does not.
_CODED = tuple(re.compile(word + _BEFORE_CODE + b"|".join(CODES) + rb")\b") for word in _CODE_WORDS)
MEANING = {word: frozenset(name for name in CLASSES if word in _PATTERNS[name][1]) for word in KEYWORDS}
# `read_timeout=30` is a setting; it is an event only where a word of failure stands before it.
_SETTING = re.compile(
    rb"time-?out(?!error|exception| (?:waiting|after|while|reading|writing|connecting|exceeded|expired|occurred|error"
    rb"|on ))[ \w]*[=:]\s*\d"
)
# Statements that something did not happen, and settings, are no events.
_HARMLESS = re.compile(
    rb"\b(?:0|no|zero|without(?: any)?) (?:connection |read |write )?(?:timeouts|resets|retries|errors|failures)\b"
    rb"|\btimeouts?\s*[=:]\s*(?:0\b|none|off)"
)
LONGEST = 16 * 1024


def by_words(line: bytes, among: Collection[str] = CLASSES) -> str | None:
    """The class that the words of a line tell. among: the classes that are possible."""
    rules = [(name, rule) for name, rule in _RULES if name in among]
    text = line[:LONGEST].lower() if rules else b""
    found = next((name for name, rule in rules if rule.search(text)), None)
    if found is None or not _HARMLESS.search(text):
        return found
    text = _HARMLESS.sub(b"", text)
    return next((name for name, rule in rules if rule.search(text)), None)


def is_setting(low: bytes, place: int, start: int) -> bool:
    """Whether the `timeout` at a place of a line (in lower case, which begins at start) is a setting, and no event."""
    if _SETTING.match(low, place) is None:
        return False
    head = low[start:place]
    return not (b"error" in head or b"fail" in head or b"exception" in head)


def codes(low: bytes) -> list[int]:
    """Where in lines, in lower case, a status code of CODES stands."""
    return sorted({match.start(1) for rule in _CODED for match in rule.finditer(low)})


def classify(line: bytes) -> str | None:
    """The class of a line by itself, None for a harmless one."""
    low = line[:LONGEST].lower()
    return by_words(line) or next((CODES[low[at : at + 3]] for at in codes(low)), None)
