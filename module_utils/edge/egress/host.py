# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's own firewall: what its output and input chains do with the connection and its answers."""

from __future__ import annotations

from typing import Any

from ..finding import unread
from . import prefixes
from .answers import Answer, Judged, everywhere, unknown
from .model import not_read


def judge(section: Any, destinations: prefixes.Ranges, traffic: Any) -> Judged:
    gone = unread(section) or (unread(section.get("firewall")) if section else None)
    if gone is not None or not section:
        return everywhere(destinations, unknown(gone or not_read("host", "nothing was read on the edge")))
    return everywhere(destinations, Answer("allow", "host", "no firewall"))


def source_addresses(section: Any) -> dict[int, str]:
    return {}


def has_route(section: Any, version: int) -> bool | None:
    return None


def addresses(section: Any) -> list[str]:
    return []
