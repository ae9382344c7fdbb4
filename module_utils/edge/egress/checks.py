# SPDX-License-Identifier: GPL-3.0-or-later
"""What the egress domain asks of each edge. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import Asker, Finding, Unread, unread
from ..targets import Edge
from . import hygiene, paths
from .catalogue import CATALOGUE
from .model import NOT_UNDERSTOOD
from .subject import Subject

__all__ = ["CATALOGUE", "judge"]


def judge(edge: Edge, facts: Any, upstream: Mapping[str, Any]) -> list[Finding]:
    """The findings of one edge, one or more for every check of the catalogue.

    facts: as facts.gather leaves them.  upstream: ``{"dns": facts or Unread}``.
    """
    ask = Asker(edge.name, CATALOGUE)
    gone = unread(facts)
    if gone is None:
        try:
            subject = Subject.of(edge, facts, upstream)
            return [*paths.judge(ask, subject), *hygiene.judge(ask, subject)]
        except NOT_UNDERSTOOD as error:
            message = f"edge {edge.name}: the egress facts are not understood: {type(error).__name__}: {error}"
            gone = Unread("error", "judge", edge.name, message)
    return [ask.unknown(check, edge.name, gone) for check in CATALOGUE]
