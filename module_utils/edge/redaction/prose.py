# SPDX-License-Identifier: GPL-3.0-or-later
"""A line of a log, or a program's message: free text, of which no vocabulary knows all words.

Kept is what a log line is made of: times, levels, words of letters, numbers with their units, hosts, addresses, paths,
ARNs, names of errors and operations, short identifiers after a word that says that they are one. Masked is what is
told to be a secret by the name before it, what stands under a name that is not known, and what mixes letters and digits
as passwords and keys do.
"""

from __future__ import annotations

import re

from . import names, shapes
from .flow import Flow
from .log_words import CONNECTING, IDENTIFIED, KEYS, SPEAKING, TECHNICAL, TELLING
from .settings_words import Vocabulary, of_setting
from .shapes import mask, vocabulary
from .tree import Place

_SPACES = re.compile(r"(\s+)")
_STAMP = re.compile(
    r"\[?(?:(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}/[A-Z][a-z]{2}/[0-9]{4}|[0-9]{4}/[0-9]{2}/[0-9]{2})(?:[T:])?)?"
    r"(?:[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?\]?"
)
_OPEN, _CLOSE = "([{<\"'`", ")]}>\"'`,;:.!?"
_OPTION = re.compile(r"--?[A-Za-z][\w-]{0,60}", re.ASCII)
_LETTERS = re.compile(r"[^\W\d_]+(?:['\u2019.][^\W\d_]+)*")
_NAMED = re.compile(r"[A-Za-z_$][\w$.-]{0,120}\[[0-9]{1,10}\]", re.ASCII)
_SOURCE = re.compile(r"[\w$.<>/-]{1,120}\.(?:java|py|go|js|ts|cs|c|cc|cpp|h|rb|rs|lua|scala|kt):[0-9]{1,7}", re.ASCII)
_ACTION = re.compile(r"(?:s3|s3express|kms|sts|iam|ec2|logs|route53|sqs|sns):[A-Za-z*]{1,60}")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{1,16}|[A-Z0-9]{8,20}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOTTED = re.compile(r"[A-Za-z_*-][\w*-]{0,62}(?:\.[A-Za-z0-9_*-][\w*$-]{0,62}){1,15}\.?(?::[0-9]{1,5})?", re.ASCII)
_ADDRESS = re.compile(
    r"\[?(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})\]?(?:[:/#][0-9]{1,5})?"
)
_TELEPHONE = re.compile(r"\+[0-9][0-9().-]{5,20}|(?:sips?|tel):.*", re.IGNORECASE)
_NUMBER = re.compile(r"[-+#]?[0-9][0-9.,:/x-]{0,40}%?|[0-9]{1,18}(?:\.[0-9]{1,9})?[A-Za-z%/]{1,12}")
_FILE = re.compile(r"[\w.~@+-]*(?:/[\w.~@+=:-]+)+/?", re.ASCII)
_JSON = re.compile(r"\{\s*[\"']")


def redact_prose(text: str) -> str:
    """Line by line; JSON in a line as JSON."""
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    start = _JSON.search(line)
    if start is None:
        return _Words().read(line)
    out: list[str] = []
    end = Flow(line).group(start.start(), Place(Vocabulary(None, _VOCABULARY)), out)
    return _Words().read(line[: start.start()]) + "".join(out).replace("\n", " ") + _Words().read(line[end:])


class _Words:
    """Reads a line word by word. hide: the words before said that what comes is a secret. quote: masked up to it."""

    def __init__(self) -> None:
        self.hide = False
        self.quote = ""
        self.before = ""
        self.option = False

    def read(self, line: str) -> str:
        return "".join(piece if not piece or piece.isspace() else self._word(piece) for piece in _SPACES.split(line))

    def _word(self, piece: str) -> str:
        if self.quote:
            return self._quoted(piece)
        start = len(piece) - len(piece.lstrip(_OPEN))
        end = len(piece.rstrip(_CLOSE))
        core = piece[start:end]
        if not core:
            return piece
        shown = self._core(core, piece[start - 1 : start], piece[end:])
        self.before = core.lower()
        return piece[:start] + shown + piece[end:]

    def _quoted(self, piece: str) -> str:
        at = piece.find(self.quote)
        if at < 0:
            return mask(piece)
        self.quote, self.hide = "", False
        return (
            (mask(piece[:at]) if at else "")
            + piece[at : at + 1]
            + (self._word(piece[at + 1 :]) if piece[at + 1 :] else "")
        )

    def _core(self, core: str, opened: str, tail: str) -> str:
        if self.hide or self.option:
            return self._hidden(core, opened, tail)
        if 0 < core.find("(") < len(core) - 1 and core.count("(") <= _CALLS and "://" not in core:
            return self._called(core, tail)
        if "=" in core and "://" not in core.partition("=")[0]:
            return self._assignment(core, tail)
        if _OPTION.fullmatch(core):
            self.option = of_setting(core.lstrip("-")) is None
            return core if not shapes.opaque(core) else mask(core)
        shown = _shown(core, self.before)
        self.hide = _names_a_secret(core, tail)
        return mask(core) if shown is None else shown

    def _called(self, core: str, tail: str) -> str:
        """`deliver(Record.java:319`, `Pool(host='s3.example.org'`: what is called, and what with."""
        name, _, rest = core.partition("(")
        start = len(rest) - len(rest.lstrip(_OPEN))
        shown = self._core(name, "", "(")
        inner = rest[start:].rstrip(_CLOSE)
        told = self._core(inner, rest[start - 1 : start], tail) if inner else ""
        return f"{shown}({rest[:start]}{told}{_end(rest[start:])}"

    def _hidden(self, core: str, opened: str, tail: str) -> str:
        """A word after a secret's name: only what cannot be the secret itself is shown."""
        low = core.lower()
        self.option = False
        if self.hide and low in CONNECTING:
            return core
        self.hide = self.hide and _names_a_secret(core, tail)
        if low in TELLING or self.hide or (core.startswith("arn:") and shapes.name(core)):
            return core
        if opened in ("'", '"') and opened not in tail:
            self.quote = opened
        return mask(core)

    def _assignment(self, core: str, tail: str) -> str:
        """`name=value`, perhaps several with commas or ampersands between them."""
        name, _, value = core.partition("=")
        bare = name.lstrip("-")
        shown_name = names.or_mask(bare)
        head = f"{name[: len(name) - len(bare)]}{shown_name}="
        if not value:
            self.hide = not tail.strip(",;") and (names.is_secret(bare) or _shape(bare) is None)
            return head
        low = bare.lower()
        inner = value.lstrip("\"'")
        opened = value[: len(value) - len(inner)]
        closed = inner.rstrip("\"',")
        open_ = bool(opened) and closed == inner and opened[:1] not in tail
        if low in SPEAKING:
            self.hide = _names_a_secret(closed, tail)
            return head + opened + (_shown(closed, low) or mask(closed)) + inner[len(closed) :]
        shape = _shape(bare)
        shown = None if shape is None or names.is_secret(bare) and low not in KEYS else shape(closed)
        self.quote = opened[:1] if open_ else ""
        return head + opened + (mask(closed) if shown is None else shown) + inner[len(closed) :]


def _end(text: str) -> str:
    return text[len(text.rstrip(_CLOSE)) :]


def _shape(name: str) -> shapes.Shape | None:
    return KEYS.get(name.lower()) or of_setting(name)


# An error that is named for a secret: `ExpiredToken:`, `InvalidAccessKeyId:`, `SignatureDoesNotMatch:`.
_ERRORS = vocabulary("expired invalid error exception mismatch missing required failed failure not denied refresh")


def _names_a_secret(core: str, tail: str) -> bool:
    """`password`, `the token is`, and with a sign behind it `Authorization:`, `X-Auth-Key:`."""
    if tail[:1] in (":", "=") or tail[-1:] in (":", "=") or tail[:2] in ('":', "':"):
        return names.is_secret(core) and not _ERRORS & set(names.split(core))
    low = core.lower()
    return low in ("pin", "psk", "otp", "bearer", "basic", "credentials") or (
        core.isalpha()
        and any(part in low for part in ("passw", "passphrase", "passcode", "secret", "apikey"))
        or low in ("token", "credential", "pwd", "passwd", "pass", "key")
    )


def _shown(core: str, before: str) -> str | None:
    """A word as it may be shown; None where it may be a key or a password."""
    for part in ("->", "=>"):
        if part in core:
            shown = [_shown(piece, before) or mask(piece) for piece in core.split(part) if piece]
            return part.join(shown)
    if "://" in core:
        return shapes.url(core)
    if core.startswith("arn:"):
        return shapes.name(core)
    if _TELEPHONE.fullmatch(core):
        return core[: core.find(":") + 1] + mask(core[core.find(":") + 1 :])
    return core if _harmless(core, before) else None


def _harmless(core: str, before: str) -> bool:
    if shapes.opaque(core) and not (before in IDENTIFIED and _HEX.fullmatch(core)):
        return False
    low = core.lower()
    if core.isdigit() or low in TECHNICAL or low in TELLING:
        return True
    whole = (_STAMP, _ADDRESS, _NUMBER, _NAMED, _SOURCE, _ACTION, _DOTTED, _UUID)
    if any(pattern.fullmatch(core) for pattern in whole):
        return (
            _NUMBER.fullmatch(core) is None or core[-1].isdigit() or core[-1] == "%" or shapes.amount(core) is not None
        )
    if before in IDENTIFIED and (_HEX.fullmatch(core) or shapes.word(core) and before == "bucket"):
        return True
    return words_only(core) or (_FILE.fullmatch(core) is not None and all(map(words_only, core.split("/"))))


# `S3Uploader`, `EC2Client`: names that begin with that of a service.
_SERVICE = re.compile(r"^(?:S3|EC2|V[1-9]|IPv[46])(?=[A-Z][a-z])")
_CALLS = 3
_BRACKETS = re.compile(r"[<>\[\](){}]")


def words_only(text: str) -> bool:
    """Words of letters, and numbers, with hyphens and the like between them; of mixed ones the shortest alone."""
    text = _SERVICE.sub("", text)
    parts = [part for part in re.split(r"[-_.,:;/|+~()\[\]{}<>*\"'`!?#&@=\\]", text) if part]
    mixed = [part for part in parts if not _LETTERS.fullmatch(part) and not part.isdigit()]
    odd = [part for part in parts if _LETTERS.fullmatch(part) and shapes.looks_random(part)]
    inner = [part for part in _BRACKETS.split(text) if part]
    if len(inner) > 1 and any(_names_a_secret(part, "") for part in inner[:-1]):
        return False
    if odd or ("@" in text) or (":" in text and not text.endswith(":")):
        return False
    return all(part.lower() in TECHNICAL or (len(parts) > 1 and len(part) < 5 and part.islower()) for part in mixed)


def _prose_value(value: str) -> str | None:
    """The text of a field that speaks: `"msg": "connection reset by peer"`."""
    return _Words().read(value)


_VOCABULARY = {**KEYS, **dict.fromkeys(SPEAKING, _prose_value)}
