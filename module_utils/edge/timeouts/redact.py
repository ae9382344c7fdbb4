# SPDX-License-Identifier: GPL-3.0-or-later
"""Take secrets out of configuration text, environments and command lines, before anything leaves the edge.

Line breaks and keys stay, so that line numbers and every other setting can still be read. What merely looks like a
secret is taken out too: a lost value leads to an unknown finding, a kept one leads out of the house.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

REDACTED = "REDACTED"

_WORDS = (
    r"secret|passw(?:or)?d|passphrase|passcode|pwd|token|api[_\-]?key|access[_\-]?key|private[_\-]?key|account[_\-]?key"
    r"|encryption[_\-]?key|customer[_\-]?key|credential|authorization|signature|bearer|(?<![a-z])cookie(?![a-z])"
)
_HARMLESS = re.compile(
    r"(?:timeout|ttl|lifetime|expir\w*|seconds|minutes|duration|interval|size|count|enabled|refreshable)$",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(_WORDS, re.IGNORECASE)
_KEY = re.compile(
    rf"(?P<key>(?P<quote>[\"']?)[\w.\-]*(?:{_WORDS})[\w.\-]*(?P=quote))(?P<separator>[ \t]*[:=][ \t]*|[ \t]+)",
    re.IGNORECASE,
)
# Secrets by their own shape, wherever they stand.
_SHAPES = (
    # AWS access key and principal ids (IAM user guide, "Unique identifiers").
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), REDACTED),
    (re.compile(r"(?<=://)[^/\s\"'@]*@"), f"{REDACTED}@"),
    (re.compile(r"(?i)(\b(?:bearer|basic)[ \t]+)[A-Za-z0-9+/=._~\-]{6,}"), rf"\g<1>{REDACTED}"),
    # Presigned URLs (S3, "Authenticating requests: using query parameters") and SAS-like ones.
    (re.compile(r"(?i)([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature|sig)=)[^&\s\"']+"),
     rf"\g<1>{REDACTED}"),
    # HAProxy `stats auth user:password`, Squid `login=user:password`.
    (re.compile(r"(?i)(\bauth[ \t]+)[^\s:;]+:[^\s;]+"), rf"\g<1>{REDACTED}"),
    (re.compile(r"(?i)(\blogin=)[^\s;]+"), rf"\g<1>{REDACTED}"),
)  # fmt: skip
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_STRING = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_ENVIRONMENT = re.compile(r"(?m)^([ \t]*(?:Environment|DefaultEnvironment)[ \t]*=)(.*)$")
_WORD = re.compile(r"\"(?:\\.|[^\"\\])*\"?|'[^']*'?|[^\s\"']+(?:\"[^\"]*\"?|'[^']*'?)?")
_BLOCK = re.compile(r"[|>][+\-0-9]*[ \t]*(?:#.*)?$")


def is_secret(name: str) -> bool:
    """Whether a setting or variable of this name holds a secret."""
    return bool(_SECRET_NAME.search(name)) and not _HARMLESS.search(name.strip("\"'"))


def redact_text(text: str) -> str:
    """The text without secrets, line for line."""
    text = _PEM.sub(lambda match: "\n".join([REDACTED] * (match.group().count("\n") + 1)), text)
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    pieces: list[str] = []
    at = 0
    for match in _ENVIRONMENT.finditer(text):
        pieces += [_by_key(text[at : match.start()]), match.group(1), _assignments(match.group(2))]
        at = match.end()
    return "".join([*pieces, _by_key(text[at:])])


def redact_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables whose names tell of a secret lose their value; the others lose what looks like one."""
    return {name: REDACTED if is_secret(name) else redact_text(value) for name, value in environment.items()}


def redact_arguments(arguments: Sequence[str]) -> list[str]:
    """A command line without secrets: `--token=x`, `--token x`, and URLs with credentials."""
    clean: list[str] = []
    hide_next = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if hide_next:
            clean.append(REDACTED)
        elif equals and is_secret(name):
            clean.append(f"{name}={REDACTED}")
        else:
            clean.append(redact_text(argument))
        hide_next = not hide_next and argument.startswith("-") and not equals and is_secret(argument)
    return clean


def _assignments(words: str) -> str:
    """The value of a unit's Environment=: each `NAME=value` word by itself, so that its neighbours stay."""

    def one(match: re.Match[str]) -> str:
        word = match.group()
        name, equals, _ = word.partition("=")
        return f"{name.lstrip(chr(34) + chr(39))}={REDACTED}" if equals and is_secret(name) else word

    return _WORD.sub(one, words)


def _by_key(text: str) -> str:
    pieces: list[str] = []
    at = 0
    while True:
        match = _KEY.search(text, at)
        if match is None:
            pieces.append(text[at:])
            return "".join(pieces)
        if not is_secret(match.group("key")):
            pieces.append(text[at : match.end()])
            at = match.end()
            continue
        start = match.end()
        pieces.append(text[at:start])
        end, replacement = _value(text, match)
        pieces.append(replacement)
        at = max(end, start)


def _value(text: str, match: re.Match[str]) -> tuple[int, str]:
    """Where the value after a secret's key ends, and what takes its place."""
    start = match.end()
    first = text[start : start + 1]
    if first in ("{", "[") and first:
        return _group(text, start)
    if first in ('"', "'") and first:
        quoted = _STRING.match(text, start)
        if quoted:
            return quoted.end(), first + _lines(quoted.group()) + first
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    rest = text[start:line_end]
    nested = match.group("separator").strip() in (":", "=") and not rest.strip()
    if nested or _BLOCK.match(rest):
        return _indented(text, match.start(), line_end, rest)
    end = start + len(rest[: _stop(text, match, rest)].rstrip())
    while text[line_end - 1 : line_end] == "\\" and end == line_end:
        end = line_end = text.find("\n", line_end + 1) if "\n" in text[line_end + 1 :] else len(text)
    return end, _lines(text[start:end]) if end > start else ""


def _stop(text: str, match: re.Match[str], rest: str) -> int:
    """How much of the line belongs to an unquoted value."""
    before = text[max(0, match.start() - 1) : match.start()]
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    if before in ("?", "&") and before:
        ends = re.search(r"[&\s\"']", rest)
    elif line.count("{") > line.count("}") or line.count("[") > line.count("]"):
        ends = re.search(r"[,;}\]]", rest)
    elif match.group("separator").strip():
        return len(rest)
    else:
        ends = re.search(r"[;{}]", rest)
    return ends.start() if ends else len(rest)


def _group(text: str, start: int) -> tuple[int, str]:
    """A whole {...} or [...] after a secret's key: every value in it goes, the brackets stay."""
    depth, at = 0, start
    while at < len(text):
        quoted = _STRING.match(text, at)
        if quoted:
            at = quoted.end()
            continue
        depth += (text[at] in "{[") - (text[at] in "}]")
        at += 1
        if depth == 0:
            break
    body = text[start:at]
    return at, body[0] + "\n" * body.count("\n") + {"{": "}", "[": "]"}[body[0]]


def _indented(text: str, key_at: int, line_end: int, rest: str) -> tuple[int, str]:
    """The lines below a secret's key that are indented deeper: a block scalar, a list or a mapping."""
    line_start = text.rfind("\n", 0, key_at) + 1
    head = text[line_start:key_at]
    indent = len(head) - len(head.lstrip(" \t-"))
    lines: list[str] = []
    at = line_end
    while at < len(text):
        following = text.find("\n", at + 1)
        following = len(text) if following < 0 else following
        line = text[at + 1 : following]
        deeper = len(line) - len(line.lstrip(" \t"))
        if line.strip() and deeper <= indent and not (deeper == indent and line.lstrip().startswith("- ")):
            break
        lines.append(_hidden(line, deeper, bool(rest.strip())))
        at = following
    return at, rest + "".join(f"\n{line}" for line in lines)


def _hidden(line: str, indent: int, scalar: bool) -> str:
    if not line.strip():
        return line
    name = None if scalar else re.match(r"[ \t\-]*[\w.\-\"']+:", line)
    return (
        f"{name.group()} {REDACTED}"
        if name and name.end() < len(line)
        else (line if name else f"{line[:indent]}{'- ' if line.lstrip().startswith('- ') else ''}{REDACTED}")
    )


def _lines(value: str) -> str:
    return REDACTED + "\n" * value.count("\n")
