# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy strings that may hold variables: ${aws:username}, ${aws:PrincipalTag/team, 'none'}, ${*} ${?} ${$}.

Source: AWS IAM User Guide, "IAM policy elements: Variables and tags". Variables exist in Version 2012-10-17 alone; in
2008-10-17 they are literal text. What a variable brings in is literal: its `*` and `?` match themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from .context import Context, lookup_single
from .glob import ANY, ANY_IN_SEGMENT, ONE_IN_SEGMENT, Matcher, Token, compile_tokens, tokenize
from .truth import MAYBE, NO, YES

# Longer names or defaults are not variables; the limits keep the scan of hostile text linear.
_LONGEST_NAME = 512
_LONGEST_DEFAULT = 4096


@dataclass(frozen=True)
class Variable:
    """`key` is the context key in lower case, `shown` as written, `default` the text used where the key is absent."""

    key: str
    shown: str
    default: str | None


@dataclass(frozen=True)
class _Literal:
    text: str


_Piece = Union[str, Variable, _Literal]
_Part = Union[str, int, Variable]


class Template:
    """A compiled policy string: literal text, wildcards and variables in order."""

    __slots__ = ("_parts", "variables")

    def __init__(self, parts: Sequence[_Part]) -> None:
        self._parts = tuple(parts)
        self.variables = tuple(part for part in self._parts if isinstance(part, Variable))

    def static_tokens(self) -> list[Token]:
        """The tokens of a template that has no variables."""
        return [part for part in self._parts if not isinstance(part, Variable)]

    def static_matcher(self) -> Matcher:
        """The predicate of a template that has no variables."""
        return compile_tokens(self.static_tokens())

    def resolve(self, context: Context) -> tuple[int, list[Token]]:
        """Substitute the variables.

        Returns YES and the tokens; or NO (a variable has no value) or MAYBE (its value is not known), then with `*` in
        place of that variable, so that a text which cannot match whatever the value is can still be told.
        """
        status = YES
        tokens: list[Token] = []
        for part in self._parts:
            if not isinstance(part, Variable):
                tokens.append(part)
                continue
            known, value = lookup_single(context, part.key)
            if known == NO and part.default is not None:
                known, value = YES, part.default
            tokens.append(value if known == YES else ANY)
            status = min(known, status)
        return status, tokens

    def truth(self, text: str, context: Context, unset: int) -> int:
        """Whether `text` matches; `unset` is the answer where a variable without a value stands in its way."""
        status, tokens = self.resolve(context)
        if not compile_tokens(tokens)(text):
            return NO
        return YES if status == YES else unset if status == NO else MAYBE


def parse_plain(text: str, variables: bool) -> Template:
    """A string without wildcards (StringEquals)."""
    return Template([_as_part(piece) for piece in _split(text, variables)])


def parse_glob(text: str, variables: bool) -> Template:
    """A string with wildcards anywhere (StringLike, ArnLike)."""
    parts: list[_Part] = []
    for piece in _split(text, variables):
        parts.extend(tokenize(piece) if isinstance(piece, str) else [_as_part(piece)])
    return Template(parts)


def parse_resource(text: str, variables: bool) -> Template:
    """A Resource ARN pattern.

    In the first five segments a wildcard stays inside its segment, except a `*` that ends the segment; the resource
    part (after the fifth colon) has no inner borders. Variables count in the resource part only.
    Source: AWS IAM User Guide, "IAM JSON policy elements: Resource".
    """
    head_end = _resource_part(text)
    parts: list[_Part] = []
    head = text[:head_end]
    for index, char in enumerate(head):
        last = index + 1 == len(text) or text[index + 1] == ":"
        if char == "*":
            parts.append(ANY if last else ANY_IN_SEGMENT)
        elif char == "?":
            parts.append(ONE_IN_SEGMENT)
        else:
            parts.append(char)
    for piece in _split(text[head_end:], variables):
        parts.extend(tokenize(piece) if isinstance(piece, str) else [_as_part(piece)])
    return Template(_join(parts))


def _resource_part(text: str) -> int:
    position = 0
    for _ in range(5):
        position = text.find(":", position) + 1
        if position == 0:
            return len(text)
    return position


def _join(parts: Sequence[_Part]) -> list[_Part]:
    joined: list[_Part] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, str):
            run.append(part)
            continue
        if run:
            joined.append("".join(run))
            run = []
        joined.append(part)
    if run:
        joined.append("".join(run))
    return joined


def _as_part(piece: _Piece) -> _Part:
    return piece.text if isinstance(piece, _Literal) else piece


def _split(text: str, variables: bool) -> list[_Piece]:
    if not variables or "${" not in text:
        return [text] if text else []
    pieces: list[_Piece] = []
    start = position = 0
    while True:
        opening = text.find("${", position)
        if opening < 0:
            break
        variable, end = _read_variable(text, opening + 2)
        if variable is None:
            position = opening + 2
            continue
        if opening > start:
            pieces.append(text[start:opening])
        pieces.append(variable)
        start = position = end
    if start < len(text):
        pieces.append(text[start:])
    return pieces


def _read_variable(text: str, start: int) -> tuple[Variable | _Literal | None, int]:
    """The variable whose inside begins at `start`, and the position after its brace; None where it is plain text."""
    if text[start : start + 2] in ("*}", "?}", "$}"):
        return _Literal(text[start]), start + 2
    window = text[start : start + _LONGEST_NAME]
    length = next((index for index, char in enumerate(window) if char in ",}${'"), -1)
    if length < 0 or window[length] in "${'":
        return None, start
    shown = window[:length].strip()
    if not shown:
        return None, start
    if window[length] == "}":
        return Variable(shown.lower(), shown, None), start + length + 1
    opening = start + length + 1
    while text[opening : opening + 1] == " ":
        opening += 1
    if text[opening : opening + 1] != "'":
        return None, start
    closing = text.find("'", opening + 1, opening + 1 + _LONGEST_DEFAULT)
    if closing < 0 or text[closing + 1 : closing + 2] != "}":
        return None, start
    return Variable(shown.lower(), shown, text[opening + 1 : closing]), closing + 2
