# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the policy engine: a policy with defects, and a request that makes no sense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """One fault of a policy document: `path` is a JSON path ("$.Statement[0].Action"), `message` one sentence."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class PolicyError(ValueError):
    """A policy document that AWS would not store; `defects` lists every fault found, not the first alone."""

    def __init__(self, name: str, defects: Sequence[Defect]) -> None:
        self.name = name
        self.defects: tuple[Defect, ...] = tuple(defects)
        super().__init__(f"policy {name}: " + "; ".join(str(defect) for defect in self.defects))


class RequestError(ValueError):
    """A request that cannot be judged as given: an unreadable principal, action, resource or context value."""
