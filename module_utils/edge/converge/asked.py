# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a fix at its word: what it must name, what the inventory must add, and states that must be there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..targets import Edge
from .model import CLOUD, Ref, Refused, State


def need(fix: Mapping[str, Any], name: str) -> Any:
    """A part of a fix; Refused where it is missing."""
    value = fix.get(name)
    if value in (None, "", [], ()):
        raise Refused(f"the fix {fix.get('action')} does not say {name}: make this change by hand")
    return value


def from_profile(edge: Edge, name: str, why: str) -> Any:
    """What only the operator can decide, from edge_profile; Refused where it is not there."""
    given = getattr(edge, "profile", None)
    value = given.get(name) if isinstance(given, Mapping) else None
    if value in (None, "", [], ()):
        raise Refused(f"{why}: set {name} in edge_profile")
    return value


def cloud(kind: str, name: Any) -> Ref:
    return Ref(CLOUD, kind, str(name))


def there(state: State, ref: Ref) -> Any:
    """A state that must not be absent."""
    if state is None:
        raise Refused(f"{ref.kind} {ref.name} is not there any more; audit again")
    return state
