# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ansible.module_utils.edge.converge.model import NotWritten, ObjectChange, Ref


class Killed(BaseException):
    """The process ended here, as SIGKILL ends it: nothing after this runs."""


class FakeWorld:
    """A world in memory that counts its steps and can die at any of them."""

    def __init__(self, states: dict[str, Any]) -> None:
        self.states = dict(states)
        self.loaded = dict(states)  # what the running programs have read
        self.steps = 0
        self.dies_at: int | None = None

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Killed

    def read(self, refs: Sequence[Ref]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        self._step()
        return {ref.key: self.states.get(ref.key) for ref in refs}, []

    def absence(self, ref: Ref) -> str:
        return "ENOENT"

    def write(self, change: ObjectChange) -> None:
        self._step()
        if self.states.get(change.ref.key) not in (change.before, change.after):
            raise NotWritten(f"{change.ref.key} was changed by somebody else")
        self.states[change.ref.key] = change.after
        self._step()

    def reload(self, units: Sequence[str]) -> list[str]:
        self._step()
        self.loaded = dict(self.states)
        self._step()
        return []


@pytest.fixture
def killed() -> type[BaseException]:
    return Killed


@pytest.fixture
def world_of() -> type[FakeWorld]:
    return FakeWorld
