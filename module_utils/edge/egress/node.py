# SPDX-License-Identifier: GPL-3.0-or-later
"""Section "host" of an edge's facts. Standard library only."""

from __future__ import annotations

from typing import Any

from ..finding import Unread
from ..targets import Edge


def gather_node(edge: Edge) -> Any:
    return Unread("not_collected", "read", edge.name, "not yet").to_fact()
