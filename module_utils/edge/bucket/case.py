# SPDX-License-Identifier: GPL-3.0-or-later
"""One edge and its bucket's facts, as the judging functions ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..finding import Asker, Finding, Unread, unread
from ..targets import Edge
from .catalogue import CATALOGUE
from .lifecycle import moment


@dataclass(frozen=True)
class Case:
    """facts: as facts.gather leaves them."""

    edge: Edge
    facts: Mapping[str, Any]
    ask: Asker

    @classmethod
    def of(cls, edge: Edge, facts: Mapping[str, Any]) -> Case:
        return cls(edge, facts, Asker(edge.name, CATALOGUE))

    @property
    def bucket(self) -> str:
        return self.edge.bucket or ""

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"

    @property
    def in_aws(self) -> bool:
        return self.edge.storage_kind == "aws"

    @property
    def observed(self) -> datetime:
        """When the facts were read; the simulation's "now"."""
        return moment(str(self.facts["observed"]))

    def fact(self, *path: str) -> Any:
        """The value at a path: None where absent, an Unread where it, or what holds it, was not read."""
        value: Any = self.facts
        if path[0] not in value:
            message = f"{path[0]} of bucket {self.bucket} was not read"
            return Unread("not_collected", "gather", self.bucket, message)
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
            failed = unread(value)
            if failed is not None:
                return failed
            if not_implemented(value) is not None:
                return value
        return value

    def open_question(self, check: str, *facts: Any) -> Finding | None:
        """The finding where one of the facts that a check needs was not read or is not implemented, else None."""
        for fact in facts:
            if isinstance(fact, Unread):
                return self.ask.unknown(check, self.arn, fact)
        missing = [name for name in map(not_implemented, facts) if name is not None]
        if missing:
            observed = f"the storage does not implement {', '.join(missing)}"
            return self.ask.not_applicable(check, self.arn, observed, evidence=({"operation": missing[0]},))
        return None

    def passed(self, check: str, observed: str, **fields: Any) -> Finding:
        return self.ask.passed(check, self.arn, observed, **fields)

    def failed(self, check: str, observed: str, **fields: Any) -> Finding:
        return self.ask.failed(check, self.arn, observed, **fields)

    def not_applicable(self, check: str, observed: str) -> Finding:
        return self.ask.not_applicable(check, self.arn, observed)

    def unknown(self, check: str, state: str, operation: str, message: str) -> Finding:
        return self.ask.unknown(check, self.arn, Unread(state, operation, self.bucket, message))

    def fix(self, action: str, summary: str, **parameters: Any) -> dict[str, Any]:
        """The smallest change, as data for the converge role of this domain."""
        return {"action": action, "summary": summary, "bucket": self.bucket, **parameters}

    def settled(self, fact: Any) -> Any:
        """The fact where it was read, None where it was not read or is not implemented: for what merely adds detail."""
        return None if isinstance(fact, Unread) or not_implemented(fact) is not None else fact


def not_implemented(fact: Any) -> str | None:
    """The operation that the storage does not implement, where the fact says so."""
    return str(fact["$not_implemented"]) if isinstance(fact, Mapping) and "$not_implemented" in fact else None
