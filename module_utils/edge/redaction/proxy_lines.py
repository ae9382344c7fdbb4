# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid's and HAProxy's configuration, line by line, as nginx_text.py does nginx's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from . import command, names, proxy_words, shapes
from .proxy_words import HAPROXY, HAPROXY_FETCHES, SQUID, SQUID_ACLS
from .shapes import vocabulary

_SPACES = re.compile(r"(\s+)")
_NAME = re.compile(r"!?[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_CONDITION = re.compile(r"-?[0-9]{1,9}|=|true|false")
_TELLING = 4  # what follows the fourth word of a directive is shown or masked as that is
_SQUID_HEADERS = vocabulary(
    "request_header_add reply_header_add request_header_replace reply_header_replace header_replace"
)
_SQUID_PROGRAMS = vocabulary(
    "external_acl_type url_rewrite_program store_id_program redirect_program icap_service ecap_service "
    "url_rewrite_extras log_access"
)
_AUTH_AMOUNTS = vocabulary("children credentialsttl casesensitive keep_alive nonce_garbage_interval nonce_max_duration "
                          "nonce_max_count nonce_strictness check_nonce_count utf8 blankpassword")  # fmt: skip


def redact_squid(text: str) -> str:
    out = []
    carried: list[str] = []  # the words of the lines before, where a backslash joins this one to them
    for line in text.split("\n"):
        end = "\\" if line.endswith("\\") else ""
        pieces = _SPACES.split(line[: len(line) - len(end)])
        words = [piece for piece in pieces if piece and not piece.isspace()]
        comment = next((at for at, word in enumerate(words) if word.startswith("#")), None)
        kept = words if comment is None else words[:comment]
        clean = iter(_squid(carried + kept)[len(carried) :] + ["#"] * (comment is not None))
        shown = "".join(piece if not piece or piece.isspace() else next(clean, "") for piece in pieces)
        out.append((shown.rstrip() if comment is not None else shown) + end)
        carried = (carried + kept)[:_TELLING] if end else []
    return "\n".join(out)


def _squid(words: Sequence[str]) -> list[str]:
    if not words:
        return []
    name = proxy_words.directive(words[0], SQUID | _SQUID_OTHERS)
    if name is None:
        return [shapes.mask(word) for word in words]
    return [name, *_squid_arguments(name, list(words[1:]))]


_SQUID_OTHERS = vocabulary("acl logformat")


def _squid_arguments(name: str, words: list[str]) -> list[str]:
    if name == "if":
        return [word if _CONDITION.fullmatch(word) else shapes.mask(word) for word in words]
    if name in SQUID or name in ("cache_peer", "request_header_access", "reply_header_access"):
        return proxy_words.arguments(words)
    if name == "acl":
        head = [_name(word) for word in words[:2]]
        known = len(words) > 1 and words[1] in SQUID_ACLS
        return head + [
            _argument(word) if known or word in ("-i", "-n", "--") else shapes.mask(word) for word in words[2:]
        ]
    if name == "auth_param":
        return _auth_param(words)
    if name in _SQUID_HEADERS:
        value = " ".join(words[1:]).strip('"')
        good = bool(words) and proxy_words.header(words[0], value) is not None
        return [_name(word) for word in words[:1]] + [word if good else shapes.mask(word) for word in words[1:]]
    if name in _SQUID_PROGRAMS:
        return [_program_word(word) for word in words]
    return [word if shapes.is_flag(word) else shapes.mask(word) for word in words]


def _argument(word: str) -> str:
    shown = proxy_words.argument(word)
    return shapes.mask(word) if shown is None else shown


def _name(word: str) -> str:
    return word if _NAME.fullmatch(word) and not shapes.opaque(word) else shapes.mask(word)


def _program_word(word: str) -> str:
    """A word of a helper's command line: its path, and numbers by name (`ttl=60`)."""
    key, equals, value = word.partition("=")
    if equals:
        good = names.shown(key) and not names.is_secret(key) and shapes.amount(value)
        return word if good else f"{names.or_mask(key)}={shapes.mask(value)}"
    return word if word.startswith("/") and shapes.path(word) and "=" not in word else shapes.mask(word)


def _auth_param(words: list[str]) -> list[str]:
    head = [_name(word) for word in words[:2]]
    rest = words[2:]
    if len(words) > 1 and words[1] in _AUTH_AMOUNTS:
        return head + [_argument(word) for word in rest]
    first = len(words) > 1 and words[1] == "program"
    return head + [_program_word(word) if first and at == 0 else shapes.mask(word) for at, word in enumerate(rest)]


_HAPROXY_OTHERS = vocabulary("acl option stats user group cookie redirect capture no http-check tcp-check")
_RULES = vocabulary("http-request http-response http-after-response tcp-request tcp-response")
_HEADER_ACTIONS = vocabulary("set-header add-header replace-header replace-value del-header")
_PLAIN_ACTIONS = vocabulary(
    "set-timeout deny allow accept reject content connection session inspect-delay tarpit silent-drop set-log-level "
    "set-nice set-tos set-mark disable-l7-retry wait-for-body set-dst-port set-src"
)
_STATS = vocabulary("enable socket timeout refresh show-node show-legends hide-version maxconn bind-process")
_OPTIONS_WITH_HOSTS = vocabulary("forwardfor originalto")


def redact_haproxy(text: str) -> str:
    out = []
    section = ""
    for line in text.split("\n"):
        bare = line.lstrip()
        if bare[:1] == "#":
            out.append(line[: len(line) - len(bare)] + "#")
            continue
        pieces = command.split(line)
        words = [piece for piece in pieces if not piece.isspace()]
        comment = next((at for at, word in enumerate(words) if word.startswith("#")), None)
        kept = words if comment is None else words[:comment]
        section = kept[0] if kept and kept[0] in _SECTIONS else section
        clean = iter(
            _shown(kept, _haproxy([command.unquoted(word) for word in kept], section)) + ["#"] * (comment is not None)
        )
        shown = "".join(piece if piece.isspace() else next(clean, "") for piece in pieces)
        out.append(shown.rstrip() if comment is not None else shown)
    return "\n".join(out)


_SECTIONS = vocabulary("global defaults frontend backend listen userlist peers resolvers")


def _shown(words: Sequence[str], clean: Sequence[str]) -> list[str]:
    """Words that may be shown as they are written; a quote that nothing closes still closes nothing."""
    found = []
    for word, shown in zip(words, clean):
        if word[:1] in ("'", '"') and (len(word) == 1 or word[-1] != word[0]):
            found.append(word[0] + shapes.mask(word[1:]))
        else:
            found.append(word if command.unquoted(word) == shown else shown)
    return found


def _haproxy(words: list[str], section: str) -> list[str]:
    if not words:
        return []
    if words[0] == "no" and len(words) > 1:
        return [words[0], *_haproxy(words[1:], section)]
    name = proxy_words.directive(words[0], HAPROXY | _HAPROXY_OTHERS | _RULES)
    if name is None:
        return [shapes.mask(word) for word in words]
    rest = words[1:]
    if name in ("user", "group") and (section == "userlist" or len(rest) > 1):
        return [name, *(_name(word) if at == 0 or word in ("password", "insecure-password", "groups", "users") else
                        shapes.mask(word) for at, word in enumerate(rest))]  # fmt: skip
    return [name, *_haproxy_arguments(name, rest)]


def _haproxy_arguments(name: str, words: list[str]) -> list[str]:
    if name in ("setenv", "presetenv") and len(words) > 1:
        return [names.or_mask(words[0]), *(command.variable(words[0], word) for word in words[1:])]
    if name in HAPROXY or name in ("user", "group"):
        end = next((at for at, word in enumerate(words) if word in ("if", "unless")), len(words))
        return proxy_words.arguments(words[:end]) + _conditions(words[end:])
    if name == "acl":
        return [_name(word) for word in words[:1]] + _match(words[1:])
    if name in _RULES:
        return _rule(words)
    if name == "option":
        keep = 3 if words[:1] == ["httpchk"] else len(words) if words and words[0] in _OPTIONS_WITH_HOSTS else 1
        return [_argument(word) if at < keep else shapes.mask(word) for at, word in enumerate(words)]
    if name == "stats":
        good = bool(words) and words[0] in _STATS
        return [_argument(word) if good or at == 0 else shapes.mask(word) for at, word in enumerate(words)]
    if name in ("http-check", "tcp-check") and words[:2] == ["expect", "status"]:
        return [_argument(word) for word in words]
    first = [_name(word) for word in words[:1]] if name in ("http-check", "tcp-check", "redirect", "cookie") else []
    return first + [shapes.mask(word) for word in words[len(first) :]]


def _rule(words: list[str]) -> list[str]:
    """`http-request set-header Name value if ...`, and its like."""
    if not words:
        return []
    if words[0] in _HEADER_ACTIONS:
        name = words[1] if len(words) > 1 else ""

        def value(word: str) -> str:
            return word if proxy_words.header(name, word) is not None else shapes.mask(word)

        head = [_name(word) for word in words[:2]]
        return head + _until_condition(words[2:], value)
    if words[0] in _PLAIN_ACTIONS:
        return _until_condition(words, _argument)
    return [_name(words[0]), *_until_condition(words[1:], shapes.mask)]


def _until_condition(words: list[str], show: object) -> list[str]:
    at = next((at for at, word in enumerate(words) if word in ("if", "unless")), len(words))
    shown = [show(word) for word in words[:at]]  # type: ignore[operator]
    return shown + _conditions(words[at:])


def _conditions(words: list[str]) -> list[str]:
    """Names of acls as they are; of `{ fetch pattern }` only what _match shows."""
    shown: list[str] = []
    at = 0
    while at < len(words):
        if words[at] in ("{", "!{"):
            end = next((place for place in range(at, len(words)) if words[place] == "}"), len(words))
            shown += [words[at], *_match(words[at + 1 : end]), *words[end : end + 1]]
            at = end + 1
            continue
        shown.append(words[at] if words[at] in ("||", "or", "and", "!") else _name(words[at]))
        at += 1
    return shown


def _match(words: list[str]) -> list[str]:
    """A fetch and the patterns that it is compared with."""
    if not words:
        return []
    known = HAPROXY_FETCHES.fullmatch(words[0]) is not None
    fetch = (
        words[0]
        if known or re.fullmatch(r"!?[a-z][\w.]{0,40}(?:\([\w.,-]{0,60}\))?(?:,[a-z_]{1,20})*", words[0])
        else None
    )
    return [fetch or shapes.mask(words[0]), *(_argument(word) if known or word.startswith("-") and len(word) == 2 else
                                               shapes.mask(word) for word in words[1:])]  # fmt: skip
