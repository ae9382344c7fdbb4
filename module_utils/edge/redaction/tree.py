# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, and what hangs below them: whether a value may be shown where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from . import names, shapes
from .settings_words import Vocabulary
from .shapes import Shape

_DEEPEST_NAMED = 12


@dataclass(frozen=True)
class Place:
    """What is known of the key that a value hangs below. secret: it, or one above it, is a secret's."""

    vocabulary: Vocabulary
    shape: Shape | None = None
    secret: bool = False
    path: str = ""
    depth: int = 0

    def below(self, key: str) -> Place:
        """The place of a key in the mapping that stands here."""
        depth = self.depth + 1
        path = f"{self.path}.{key}" if self.path else key
        path = path if depth <= _DEEPEST_NAMED and len(path) <= 400 else ""
        shape = self.vocabulary.shape(key, path) if len(key) <= 200 else None
        if shape is None and self.shape is shapes.amount and not names.is_secret(key):
            shape = shapes.amount  # `timeouts: {read: 900, connect: 10}`
        secret = self.secret or (shape is None and names.is_secret(key))
        return Place(self.vocabulary, shape, secret, path, depth)

    def shown(self, value: str) -> str | None:
        """The value as it may be shown here, None where it may not."""
        if shapes.is_nothing(value):
            return value
        if self.secret:
            return value if self.shape is shapes.amount and shapes.amount(value) else None
        if self.shape is not None:
            return shapes.known(self.shape, value)
        return value if shapes.is_flag(value) else None

    def or_mask(self, value: str) -> str:
        shown = self.shown(value)
        return shapes.mask(_inner(value)) if shown is None else shown

    def quoted(self, value: str) -> str:
        """As or_mask, for documents in which every text stands in quotes; its line feeds stay."""
        shown = self.shown(value)
        if shown is not None:
            return shown
        return f'"{shapes.mask(_inner(value))}"' + "\n" * value.count("\n")


def _inner(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[:1] in "\"'" and value[-1] == value[0] else value
