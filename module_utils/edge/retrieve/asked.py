# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for: recordings, conversations, keys, or all below a prefix in a window of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..finding import EdgepathError
from ..job.model import Job
from .keys import hour, is_conversation, is_recording, stem

KINDS = ("key", "recording", "conversation", "prefix")


@dataclass(frozen=True)
class Asked:
    """One thing asked for.

    value: a key, an id, or a prefix ("" is the whole bucket).  conversation: of a recording, where it is known.
    since, until: of a prefix; None is open. until is exclusive.
    """

    kind: str
    value: str
    conversation: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"nothing can be asked for by {self.kind!r}")
        if self.kind != "prefix" and not self.value:
            raise EdgepathError(f"an empty {self.kind} was asked for")

    @property
    def name(self) -> str:
        """What it is called in plans and reports: ``recording 5a1f...``."""
        return f"{self.kind} {self.value}"

    def wants(self, key: str, written: datetime) -> bool:
        """Whether a key is what was asked for; written: when its newest version was."""
        if self.kind == "key":
            return key == self.value
        if self.kind == "recording":
            known = self.conversation is None or "conversation_id=" not in key
            return is_recording(key, self.value) and (known or is_conversation(key, str(self.conversation)))
        if self.kind == "conversation":
            return is_conversation(key, self.value)
        return key.startswith(self.value) and not key.endswith("/") and self._in_window(key, written)

    def search(self, prefix: str) -> str:
        """The prefix below which it is to be looked for. prefix: where the recordings are in general."""
        if self.kind == "key":
            return stem(self.value)
        return self.value if self.kind == "prefix" else prefix

    def _in_window(self, key: str, written: datetime) -> bool:
        folder = hour(key)
        begun, seconds = folder if folder is not None else (written, 0)
        ended = begun + timedelta(seconds=seconds)
        after = self.since is None or (ended > self.since if seconds else begun >= self.since)
        return after and (self.until is None or begun < self.until)

    def to_dict(self) -> dict[str, Any]:
        given = {"conversation": self.conversation, "since": self.since, "until": self.until}
        kept = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in given.items()
            if value is not None
        }
        return {"kind": self.kind, "value": self.value, **kept}


def from_jobs(jobs: Iterable[Job]) -> list[Asked]:
    """What failed jobs left out; EdgepathError where a job does not say what that is."""
    asked: list[Asked] = []
    for job in jobs:
        if job.failed and not job.recordings:
            raise EdgepathError(f"job {job.id} failed, but names no recordings; read it with its failed recordings")
        for item in job.recordings:
            if item.recording is None and item.conversation is None:
                raise EdgepathError(f"job {job.id} lists a recording without any id")
            kind, value = ("recording", item.recording) if item.recording else ("conversation", item.conversation)
            asked.append(Asked(kind, str(value), item.conversation if kind == "recording" else None))
    return unique(asked)


def unique(asked: Iterable[Asked]) -> list[Asked]:
    """Each thing once, in the order of asking."""
    return list(dict.fromkeys(asked))
