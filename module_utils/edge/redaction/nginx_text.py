# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's configuration: the arguments of directives that are known as harmless, and of all others their names."""

from __future__ import annotations

import re

from . import command, proxy_words, shapes
from .proxy_words import NGINX, NGINX_DATA
from .shapes import vocabulary

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"(?:\\.|\$\{[^}\n]{0,100}\}|[^\s;{}])+", re.DOTALL)
_STRING = {
    '"': re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL),
    "'": re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL),
}
# Directives without an underscore that take what may be secret.
_OTHERS = vocabulary("set return rewrite break env")
_PARAMETER = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)*")
_MIME = re.compile(r"[a-z]{1,12}/[a-z0-9.+-]{1,80}|[a-z0-9]{1,5}")
_OPERATORS = frozenset(("=", "!=", "~", "~*", "!~", "!~*", "-f", "!-f", "-d", "-e"))
_CONDITION = re.compile(r"\(?!?\$[A-Za-z_][A-Za-z0-9_]{0,60}\)?")
_HEADERS = vocabulary("proxy_set_header add_header grpc_set_header fastcgi_param uwsgi_param scgi_param proxy_set_body "
                     "add_trailer more_set_headers")  # fmt: skip


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.out: list[str] = []
        self.pieces: list[str] = []  # of the directive that has begun: words, spaces and comments
        self.blocks: list[str] = []

    def read(self) -> str:
        at = 0
        while at < len(self.text):
            at = self._piece(at)
        self._end("")
        return "".join(self.out)

    def _piece(self, at: int) -> int:
        text, sign = self.text, self.text[at]
        if sign in ";{}":
            self._end(sign)
            return at + 1
        if sign == "#":
            end = text.find("\n", at)
            self.pieces.append("#")
            return end if end >= 0 else len(text)
        match = (_SPACE if sign.isspace() else _STRING.get(sign, _WORD)).match(text, at)
        if match is None:
            # A quote that nothing closes: nginx would not start, and must not seem to.
            rest = text[at:]
            self._end("")
            self.out.append(f"{sign}{shapes.mask(rest[1:])}" + "\n" * rest.count("\n"))
            return len(text)
        self.pieces.append(match.group())
        return match.end()

    def _end(self, sign: str) -> None:
        """A directive ends, or a block opens or closes."""
        words = [piece for piece in self.pieces if _is_word(piece)]
        block = self.blocks[-1] if self.blocks else ""
        clean = iter(_statement(words, block) if words else ())
        self.out += [next(clean) if _is_word(piece) else piece for piece in self.pieces]
        self.out.append(sign)
        self.pieces = []
        if sign == "{":
            self.blocks.append(_kind(words[0] if words else "", block))
        elif sign == "}" and self.blocks:
            self.blocks.pop()


def _is_word(piece: str) -> bool:
    return bool(piece) and not piece[0].isspace() and piece != "#"


def _kind(name: str, outer: str) -> str:
    """Whether what stands in a block are directives (""), or data and code, of which nothing is known."""
    if name == "types" and not outer:
        return name
    return "data" if outer or name in NGINX_DATA or name not in NGINX else ""


def _statement(words: list[str], block: str) -> list[str]:
    if block == "types":
        return [word if _MIME.fullmatch(word) else _hidden(word) for word in words]
    name = proxy_words.directive(words[0], NGINX | _OTHERS, bool(block))
    if name is None or block:
        first = words[0] if name is not None else _hidden(words[0])
        return [first, *(_other(word) for word in words[1:])]
    return [name, *_arguments(name, words[1:])]


def _bare(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] in "\"'" and word[-1] == word[0] else word


def _other(word: str) -> str:
    """An argument of a directive that is not known as harmless."""
    return word if shapes.is_flag(word) else _hidden(word)


def _hidden(word: str) -> str:
    return shapes.mask(_bare(word)) + "\n" * word.count("\n")


def _harmless(word: str) -> str:
    """An argument of a directive that is. Regular expressions in quotes may hold spaces."""
    bare = _bare(word)
    shown = [proxy_words.argument(part) for part in bare.split()]
    if None in shown or "\n" in word or (bare != word and "\\" in bare):
        return _hidden(word)
    return word if shown == bare.split() else " ".join(str(part) for part in shown)


def _arguments(name: str, words: list[str]) -> list[str]:
    if name in NGINX and name != "if":
        return [_harmless(word) for word in words]
    if name in _HEADERS and words:
        first = words[0] if proxy_words.directive(words[0], frozenset()) or _PARAMETER.fullmatch(words[0]) else None
        values = [word if proxy_words.header(_bare(words[0]), _bare(word)) is not None else _hidden(word)
                  for word in words[1:]]  # fmt: skip
        return [first or _hidden(words[0]), *values]
    if name == "if":
        return [word if word in _OPERATORS or _CONDITION.fullmatch(word) else _hidden(word) for word in words]
    if name == "env" and words:
        return [command.assignments(words[0]) if "=" in words[0] else _harmless(words[0])]
    if name in ("set", "log_format", "auth_request_set") and words:
        return [_harmless(words[0]), *(_hidden(word) for word in words[1:])]
    if name == "return":
        return [word if shapes.amount(word) else shapes.url(word) or _hidden(word) if "://" in word else _hidden(word)
                for word in words]  # fmt: skip
    return [_other(word) for word in words]


def redact_nginx(text: str) -> str:
    return _Reader(text).read()
