# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that a value under a known key may have, and the mask in place of every other value."""

from __future__ import annotations

import re
from typing import Callable, Union

REDACTED = "REDACTED"


def vocabulary(text: str) -> frozenset[str]:
    """The words of a table, which stand with spaces between them."""
    return frozenset(text.split())


_MASKED = re.compile(rf"{REDACTED}\([a-z]{{1,10}}-[0-9]{{1,9}}\)")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
# Longer than any address, path or list of hosts that people write; past it a value is data.
LONGEST = 2000
_PART = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)[ ]?([A-Za-z%/]{0,12})(,?[ ]?)")
_UNITS = vocabulary(
    "us usec ms msec millis millisecond milliseconds s sec secs second seconds m min mins minute minutes h hr hrs "
    "hour hours d day days w week weeks month months y year years decade decades fortnight fortnights k kb kib mb "
    "mib g gb gib t tb tib b byte bytes kbytes mbytes gbytes kbit mbit gbit bps kbps mbps gbps % x r/s r/m b/s "
    "kb/s mb/s gb/s mib/s kbit/s mbit/s gbit/s"
)
_ISO = re.compile(r"P(?:[0-9]{1,9}D)?(?:T[0-9HMS.]{1,30})?")
_NEVER = vocabulary("inf infinity infinite never unlimited forever default auto max")
_FLAGS = vocabulary(
    "true false yes no on off y n enabled disabled enable disable none null nil ~ always required optional"
)
_NOTHING = frozenset(("", "null", "none", "~", '""', "''", "{}", "[]"))
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9._:-]{0,99}")
_HOST = re.compile(
    r"!?(?:\*\.?|\.)?[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_-]{1,63}){0,20}\.?(?::(?:[0-9]{1,5}|\*))?"
    r"|\[?[0-9A-Fa-f:.]{2,45}\]?(?:%[A-Za-z0-9._-]{1,15})?(?::[0-9]{1,5})?|\*"
)
_CIDR = re.compile(r"[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}")
_PATH = re.compile(r"[A-Za-z0-9._~/@%+=,:{}$*?\\-]+")
_ARN = re.compile(
    r"arn:aws[a-z-]{0,12}:[a-z0-9-]{1,40}:[a-z0-9-]{0,30}:[0-9*]{0,12}:[\w.:/*?${}@=,+-]{1,1100}", re.ASCII
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}")
# Secrets whose makers give them a beginning of their own, and hashes in the form of crypt(5).
_BEGINNINGS = re.compile(
    r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12}|eyJ[\w-]{8}|gh[oprsu]_\w|github_pat_|glpat-|xox[abeprs]-"
    r"|[rs]k_(?:live|test)_|AIza[\w-]{8}|ya29\.|hvs\.|npm_\w{8}|dop_v1_|SG\.[\w-]{8}|-----BEGIN|\$(?:apr1|[0-9][a-z]?)\$"
    r"|\{S?SHA[0-9]*\}|PRIVATE KEY",
    re.ASCII,
)
_RUN = re.compile(r"[A-Za-z0-9+/=]{16,}")
_PIECE = re.compile(r"[A-Za-z0-9]{16,}")
_JUMP = re.compile(r"(?<=[a-z])[A-Z]|(?<=[0-9])[A-Za-z]|(?<=[A-Za-z])[0-9]")
_AWS_ID = re.compile(r"[0-9a-f]{17}")  # the resource ids of EC2: i-0123456789abcdef0

Shape = Callable[[str], Union[str, None]]


def mask(value: str, kind: str = "") -> str:
    """What takes a value's place: its type and length. What is masked already stays."""
    if _MASKED.fullmatch(value):
        return value
    kind = kind or ("number" if _NUMBER.fullmatch(value) else "string")
    return f"{REDACTED}({kind}-{len(value)})"


def is_nothing(value: str) -> bool:
    return value.strip().lower() in _NOTHING


def is_flag(value: str) -> bool:
    return len(value) < 10 and value.lower() in _FLAGS


def opaque(text: str) -> bool:
    """Whether a text holds what looks like a key, a token or a hash, wherever in it."""
    if _BEGINNINGS.search(text):
        return True
    return any(_random_run(run.group()) for run in _RUN.finditer(text))


def _random_run(run: str) -> bool:
    if any(_random(piece.group()) for piece in _PIECE.finditer(run)):
        return True
    # Base64 has a slash or a plus here and there, which cuts it into short pieces.
    return len(run) >= 32 and any(looks_random(piece) for piece in re.split(r"[/+=]", run) if len(piece) > 5)


def _random(piece: str) -> bool:
    if _AWS_ID.fullmatch(piece):
        return False
    return len(piece) >= 64 or (_jumps(piece) >= 3 and _dense(piece))


def looks_random(piece: str) -> bool:
    """Whether cases and digits change in it as in base64, and not as in a name."""
    return _jumps(piece) >= 2 and _dense(piece)


def _jumps(piece: str) -> int:
    return len(_JUMP.findall(piece))


def _dense(piece: str) -> bool:
    return _jumps(piece) * 5 >= len(piece)


def amount(value: str) -> str | None:
    """A number, a time or a size with its unit, or a word for no limit."""
    text = value.strip()
    if len(text) > 100:
        return None
    good = _number_with_units(text) or _ISO.fullmatch(text) or text.lower() in _NEVER or is_flag(text)
    return value if good else None


def _number_with_units(text: str) -> bool:
    """`900`, `15 minutes`, `1h 30m`, `4096 131072 6291456`: between two numbers stands a unit or a space."""
    at = 1 if text[:1] in ("-", "+") else 0
    apart = True
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or not apart or (part.group(2) and part.group(2).lower() not in _UNITS):
            return False
        apart = bool(part.group(2) or part.group(3))
        at = part.end()
    return bool(text) and text[-1] not in " ,+-"


def flag(value: str) -> str | None:
    return value if is_flag(value.strip()) or value.strip() in ("0", "1") else None


def flag_or_path(value: str) -> str | None:
    """`verify: true`, `verify: /etc/ssl/certs/ca.pem`."""
    return flag(value) or (path(value) if value.startswith("/") else None)


def word(value: str) -> str | None:
    """A name: of a region, a bucket, a profile, a class of storage."""
    return value if (_WORD.fullmatch(value) or flag(value)) and not opaque(value) else None


def words(value: str) -> str | None:
    """Names, numbers and hosts, one after the other."""
    parts = re.split(r"[\s,;]+", value.strip())
    good = len(value) <= LONGEST and all(not part or word(part) or amount(part) or host(part) for part in parts)
    return value if good else None


def host(value: str) -> str | None:
    """Host names, addresses and networks, with or without ports; several, between commas or spaces."""
    if len(value) > LONGEST or opaque(value):
        return None
    parts = [part for part in re.split(r"[\s,|]+", value.strip()) if part]
    return value if all(_HOST.fullmatch(part) or _CIDR.fullmatch(part) for part in parts) else None


def path(value: str) -> str | None:
    """Paths; several, between colons, commas or spaces."""
    if len(value) > LONGEST or opaque(value):
        return None
    parts = [part for part in value.split() if part]
    return value if all(_PATH.fullmatch(part) and not _has_login(part) for part in parts) else None


def _has_login(part: str) -> bool:
    """`user:password@host`, which would pass for a path."""
    before, at, _ = part.rpartition("@")
    return bool(at) and ":" in before


def name(value: str) -> str | None:
    """What names a thing in AWS: an ARN, an identifier, an alias."""
    if _ARN.fullmatch(value):
        return value if not _BEGINNINGS.search(value) else None
    return value if _UUID.fullmatch(value) or word(value) or (path(value) and not value.startswith("$")) else None


def identity(value: str) -> str | None:
    return value if _ARN.fullmatch(value) or re.fullmatch(r"[0-9]{12}", value) else name(value)


def url(value: str) -> str | None:
    """A URL or a host: its login and the values of its query are masked, host and path stay."""
    if len(value) > LONGEST:
        return None
    scheme, sign, rest = value.partition("://")
    if not sign:
        scheme, rest = "", value
    elif not _SCHEME.fullmatch(scheme):
        return None
    before_query, mark, query = rest.partition("?")
    authority, slash, way = before_query.partition("/")
    login, at, place = authority.rpartition("@")
    if place and not (_HOST.fullmatch(place) or place.startswith("$")) or opaque(place):
        return None
    if not place and (at or not slash):
        return None
    shown = "/".join(_segment(part) for part in way.split("/"))
    masked = f"{REDACTED}@" if at and login else at
    return f"{scheme}{sign}{masked}{place}{slash}{shown}{mark}{_query(query)}"


def _segment(part: str) -> str:
    return part if not part or (_PATH.fullmatch(part) and not opaque(part)) else mask(part)


# What a presigned URL and a listing say besides who signed (Amazon S3, "Authenticating requests: query parameters").
_PARAMETERS = vocabulary(
    "x-amz-algorithm x-amz-date x-amz-expires x-amz-signedheaders x-id partnumber list-type prefix delimiter max-keys "
    "uploads location policy versioning versions lifecycle acl expires encoding-type"
)


def _query(query: str) -> str:
    shown = []
    for part in query.split("&"):
        key, equals, value = part.partition("=")
        harmless = key.lower() in _PARAMETERS and _PATH.fullmatch(value or "-") and not opaque(value)
        key = key if _WORD.fullmatch(key) and not opaque(key) else mask(key) if key else ""
        shown.append(f"{key}{equals}{value if harmless or not value else mask(value)}")
    return "&".join(shown)


_PLAIN = re.compile(r"[\w.:/\-*~^$@%+=,\[\]{}()|?\\!<>&;\"']+", re.ASCII)


def plain(value: str) -> str | None:
    """A word of a directive that is known as harmless."""
    if len(value) > LONGEST:
        return None
    if "://" in value:
        head, equals, rest = value.partition("=")
        if equals and "://" in rest and _WORD.fullmatch(head):
            shown = url(rest)
            return None if shown is None else f"{head}={shown}"
        return url(value)
    if value.startswith("arn:"):
        return name(value)
    if not _PLAIN.fullmatch(value) or opaque(value):
        return None
    if _has_login(value):
        return f"{REDACTED}@{value.rpartition('@')[2]}"
    return value


def known(shape: Shape, value: str) -> str | None:
    """The value as it may be shown, None where it has another shape; quotes around it stay."""
    quote = value[:1] if len(value) > 1 and value[:1] in "\"'" and value[-1:] == value[:1] else ""
    inner = value[1:-1] if quote else value
    shown = shape(inner)
    return None if shown is None or "\n" in inner or (quote and "\\" in inner) else f"{quote}{shown}{quote}"
