# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of the domain dns that concern the VPC are applied. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..targets import Edge
from .asked import cloud, need, there
from .model import Action, Ref, State


def _refs(_edge: Edge, fix: Mapping[str, Any]) -> Sequence[Ref]:
    return [cloud("vpc_attribute", f"{need(fix, 'vpc_id')}/{need(fix, 'attribute')}")]


def _desired(edge: Edge, fix: Mapping[str, Any], states: Mapping[str, State]) -> Mapping[str, State]:
    (ref,) = _refs(edge, fix)
    there(states[ref.key], ref)
    return {ref.key: bool(fix["value"])}


ACTIONS: tuple[Action, ...] = (Action("set_vpc_attribute", _refs, _desired),)
