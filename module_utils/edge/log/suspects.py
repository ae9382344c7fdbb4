# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a block of log lines a keyword of a class (classes.py) stands.

Searching for some forty words one after the other takes forty passes. Here one pass of one regular expression finds
them all: the block is read as UTF-16, two of its bytes as one character, and each word is searched for by two
neighbouring characters, four of its letters, of which the first pair is rare in text. What is found so is compared with
the word itself, so that nothing is found that is not there.

A word may begin at an even or at an odd byte, and is then cut into other pairs: it has a pair of characters for either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .classes import KEYWORDS

# Lower case, and no byte above 127: two such bytes as one character would be half of a surrogate pair.
LOWER = bytes(byte if byte < 128 else 127 for byte in bytes(range(256)).lower())
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_")
_NO_WORD_BYTES = tuple(byte for byte in range(128) if byte not in _WORD_BYTES)
# How often a letter stands in English text, in thousands; all else is more common in logs.
_PER_MILLE = (127, 91, 82, 75, 70, 67, 63, 60, 61, 40, 63, 48, 28, 24, 42, 19, 20, 24, 20, 35, 10, 8, 2, 2, 1, 1)
_LETTERS = dict(zip(b"etaoinsrhldcumfpgwybvkxjqz", _PER_MILLE))
_OTHERS = 300
# Pairs that English is full of, and logs of recordings: export, conversation, invite, file, queue, time.
_COMMON = frozenset(
    (b"th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro "
     b"ic ne ea ra ce li ch ll be ma si om ur im xp po nv fi qu ue ex").split()
)  # fmt: skip
# What stands before a word of three letters, which begins a word of the text or ends one of these: openssl, _ssl.
_COMPOUNDS = b"n_"

# Three or four bytes of a word, and where in it they begin.
Gram = tuple[bytes, int]


def _rarity(pair: bytes) -> int:
    rarity = _LETTERS.get(pair[0], _OTHERS) * _LETTERS.get(pair[1], _OTHERS)
    return rarity * 20 if pair in _COMMON else rarity


def _grams(word: bytes, parity: int) -> list[Gram]:
    """What to search for of a word that begins at a byte of this parity."""
    whole = [(word[at : at + 4], at) for at in range(parity, len(word) - 3, 2)]
    short = [(word[at : at + 3], at) for at in range(parity, len(word) - 2, 2)]
    if whole or short:
        return [min(whole or short, key=lambda gram: _rarity(gram[0][:2]))]
    return [(bytes([byte]) + word, -1) for byte in (*_NO_WORD_BYTES, *_COMPOUNDS)]


def _table() -> tuple[re.Pattern[str], dict[str, tuple[Gram, ...]]]:
    """The expression, and for each two characters that it may find the words that they may be of, with their offsets.

    The expression knows first characters and second ones, not which belong together: `re` tries alternatives one by
    one, but looks a character up in a set at once.
    """
    words: dict[str, set[Gram]] = {}
    wanted = [(word, *gram) for word in KEYWORDS for parity in (0, 1) for gram in _grams(word, parity)]
    for word, gram, offset in wanted:
        for byte in [gram[3]] if len(gram) == 4 else range(128):
            words.setdefault((gram[:3] + bytes([byte])).decode("utf-16-be"), set()).add((word, offset))
    firsts, seconds = ("".join(sorted({pair[at] for pair in words})) for at in (0, 1))
    expression = re.compile(f"[{re.escape(firsts)}](?=[{re.escape(seconds)}])")
    return expression, {pair: tuple(sorted(found)) for pair, found in words.items()}


_FIND, _WORDS = _table()


def lowered(block: bytes) -> bytes:
    """The block as suspects() takes it: in lower case, every byte in its place."""
    return block.translate(LOWER)


def suspects(low: bytes) -> Iterator[tuple[int, bytes]]:
    """Where a keyword begins, and which, in about their order; all of them, some twice. low: of lowered()."""
    text = (low if len(low) % 2 == 0 else low + b" ").decode("utf-16-be")
    words = _WORDS.get
    for match in _FIND.finditer(text):
        at = match.start()
        for word, offset in words(text[at : at + 2], ()):
            if low.startswith(word, 2 * at - offset):
                yield 2 * at - offset, word
