# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of a timestamp in the order that DER asks for. Pure.

`openssl ts` and authorities built on it write them in the order of their configuration; strict readers refuse that
(ITU-T X.690, section 11.6).  The signature does not cover their order, and sorting changes no length.
"""

from __future__ import annotations

_CONSTRUCTED_0 = 0xA0


def sorted_certificates(raw: bytes) -> bytes:
    """The answer of an authority with its certificates sorted; anything else comes back as it is."""
    try:
        (answer,) = _children(raw, 0, len(raw))
        token = _children(raw, *answer[1:])[1]
        content = _children(raw, *token[1:])[1]
        (signed,) = _children(raw, *content[1:])
        (bag,) = [child for child in _children(raw, *signed[1:]) if child[0] == _CONSTRUCTED_0]
    except (ValueError, IndexError):
        return raw
    start, position, found = bag[1], bag[1], []
    for child in _children(raw, *bag[1:]):
        found.append(raw[position : child[2]])
        position = child[2]
    return raw[:start] + b"".join(sorted(found)) + raw[position:]


def _children(raw: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """(tag, first byte of the content, end) of each element; ValueError where they do not fill the place."""
    found = []
    while start < end:
        tag, length, head = raw[start], raw[start + 1], 2
        if length & 0x80:
            width = length & 0x7F
            if not 1 <= width <= 4:
                raise ValueError("a length that is none")
            length = int.from_bytes(raw[start + 2 : start + 2 + width], "big")
            head += width
        if start + head + length > end:
            raise ValueError("an element is longer than its place")
        found.append((tag, start + head, start + head + length))
        start += head + length
    return found
