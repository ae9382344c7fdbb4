# SPDX-License-Identifier: GPL-3.0-or-later
"""resolv.conf, hosts, nsswitch.conf and packet filters: their own words, addresses and names of hosts are shown."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from . import names, shapes
from .command import split, unquoted
from .prose import words_only
from .shapes import vocabulary

_SPACES = re.compile(r"(\s+)")
_KEYWORDS = vocabulary("nameserver domain search sortlist options")
_DATABASES = vocabulary("passwd group shadow gshadow hosts networks protocols services ethers rpc netgroup automount "
                       "initgroups aliases publickey sudoers netmasks bootparams")  # fmt: skip
_OPTION = re.compile(r"[a-z][a-z0-9-]{0,29}(?::[0-9]{1,9})?")
_ACTION = re.compile(r"\[?!?[A-Za-z]{1,12}=[a-z]{1,12}\]?|[a-z][a-z_-]{0,19}[0-9]{0,2}(?:_minimal)?")
_FREE = vocabulary("--comment --log-prefix --nflog-prefix --string --hex-string comment prefix")


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.split("%", 1)[0].partition("/")[0])
    except ValueError:
        return False
    return True


def redact_resolver(text: str) -> str:
    """resolv.conf, hosts or nsswitch.conf; what each line is, its first word tells."""
    return "\n".join(line_of_resolver(line) for line in text.split("\n"))


def line_of_resolver(line: str) -> str:
    at = min((place for place in (line.find("#"), line.find(";")) if place >= 0), default=len(line))
    pieces = _SPACES.split(line[:at])
    first = next((piece for piece in pieces if piece and not piece.isspace()), "")
    shown = "".join(piece if not piece or piece.isspace() else _word(piece, first, piece is first) for piece in pieces)
    return shown + line[at : at + 1]


def actions(value: str) -> str:
    """The services of a database of nsswitch.conf, and what is done on which of their answers."""
    words = value.replace("[", " [").replace("]", "] ").split()
    return " ".join(word if word in ("[", "]") or _ACTION.fullmatch(word) else shapes.mask(word) for word in words)


_RESOLVED = re.compile(r"[A-Za-z0-9.:#%~_ \[\]/-]{0,500}")


def resolved(settings: dict[str, str]) -> dict[str, str]:
    """The settings of resolved.conf(5): addresses, domains and words."""
    return {
        names.or_mask(key): value if _is_resolved(key, value) else shapes.mask(value) for key, value in settings.items()
    }


def _is_resolved(key: str, value: str) -> bool:
    return _RESOLVED.fullmatch(value) is not None and not names.is_secret(key) and not shapes.opaque(value)


def _word(word: str, first: str, leads: bool) -> str:
    database = first.endswith(":") and first[:-1] in _DATABASES
    if leads and (word in _KEYWORDS or database):
        return word
    if is_address(word):
        return word
    if leads:
        return names.or_mask(word) if word.isalpha() else shapes.mask(word)
    pattern = _ACTION if database else _OPTION
    if first == "options" or database:
        good = pattern.fullmatch(word) is not None
    else:
        good = (first in _KEYWORDS or is_address(first)) and shapes.host(word) is not None
    return word if good and not shapes.opaque(word) else shapes.mask(word)


def redact_filter(text: str) -> str:
    """The rules of a packet filter as text: comments and prefixes of log lines are its free text."""
    return "\n".join(_rule(line) for line in text.split("\n"))


def _rule(line: str) -> str:
    bare = line.lstrip()
    if bare[:1] == "#":
        # iptables-save tells its tables and its time in comments of its own.
        return line[: len(line) - len(bare)] + "#"
    before = ""
    shown = []
    for piece in split(line):
        if not piece.isspace():
            free, last = before in _FREE or names.is_secret(before), before
            before = piece
            inner = unquoted(piece)
            piece = shapes.mask(inner) if free or not all(_of_rule(part, last) for part in inner.split()) else piece
        shown.append(piece)
    return "".join(shown)


def _of_rule(word: str, before: str) -> bool:
    """A word of a rule: letters, numbers and addresses; a name that mixes them where a name is due."""
    named = before.startswith("-") or before in _NAMING
    return (words_only(word) or named or is_address(word) or _RANGE.fullmatch(word) is not None) and shapes.plain(
        word
    ) == word


_NAMING = vocabulary("table chain iifname oifname iif oif ip ip6 inet set map jump goto element name device set")
_RANGE = re.compile(r"!?@?\[?[0-9A-Fa-fx.:/,-]{1,200}\]?|:[A-Za-z0-9_-]{1,60}|@[A-Za-z0-9_.-]{1,60}")


def redact_ruleset(held: Any) -> Any:
    """The same of `nft -j list ruleset`."""
    if isinstance(held, list):
        return [redact_ruleset(item) for item in held]
    if isinstance(held, dict):
        return {key: _member(key, value) for key, value in held.items()}
    return held if not isinstance(held, str) or shapes.plain(held) == held else shapes.mask(held)


def _member(key: str, value: Any) -> Any:
    if isinstance(value, str) and key in ("comment", "prefix", "userdata"):
        return shapes.mask(value)
    return redact_ruleset(value)


_STATE = re.compile(
    r"[A-Za-z_-]{1,24}(?::[A-Z][a-z]{1,10})?|[a-z_]{1,24}:[0-9.,/a-z%-]{1,40}|timer:\([a-z]{1,12},[0-9.a-z]{0,20},[0-9]{1,6}\)"
)
_PLACE = re.compile(r"(?:\[?[0-9A-Fa-f:.]{2,45}\]?(?:%[\w.-]{1,15})?|\*):(?:[0-9]{1,5}|\*)|[0-9.]{1,20}(?:[KMG]?bps)?")


def redact_sockets(text: str) -> str:
    """What `ss` prints: states, addresses and the names of its values with their numbers."""
    lines = (_SPACES.split(line) for line in text.split("\n"))
    return "\n".join("".join(piece if _of_socket(piece) else shapes.mask(piece) for piece in line) for line in lines)


def _of_socket(piece: str) -> bool:
    if not piece or piece.isspace() or _PLACE.fullmatch(piece):
        return True
    return _STATE.fullmatch(piece) is not None and not shapes.opaque(piece)
