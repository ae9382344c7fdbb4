# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for: recordings, conversations, keys, or all below a prefix in a window of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..finding import EdgepathError
from .keys import hour, is_conversation, is_recording, stem

KINDS = ("key", "recording", "conversation", "prefix")
# Where a job document keeps its list; the first that is there is taken.
_LISTS = ("failed_recordings", "failedRecordings", "recordings", "entities", "missing", "failed", "conversations")


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


def from_job(document: Any) -> list[Asked]:
    """The recordings that a failed job left out.

    Understood: a list, or a mapping with a list under failed_recordings, recordings, entities, ...; an item is an id
    (of a recording), or a mapping with the recording's or the conversation's id, flat or nested, in either spelling.
    """
    return unique(_item(item, number) for number, item in enumerate(_list(document), start=1))


def unique(asked: Iterable[Asked]) -> list[Asked]:
    return list(dict.fromkeys(asked))


def _list(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    if isinstance(document, Mapping):
        for name in _LISTS:
            if isinstance(document.get(name), list):
                return list(document[name])
    raise EdgepathError(f"the job document holds no list of recordings (looked for {', '.join(_LISTS)})")


def _item(item: Any, number: int) -> Asked:
    if isinstance(item, str):
        return Asked("recording", item)
    if isinstance(item, Mapping):
        key = item.get("key")
        recording = _id(item, "recording")
        conversation = _id(item, "conversation")
        if isinstance(key, str) and key:
            return Asked("key", key)
        if recording is not None:
            return Asked("recording", recording, conversation)
        if conversation is not None:
            return Asked("conversation", conversation)
        if isinstance(item.get("id"), str) and item["id"]:
            return Asked("recording", item["id"])
    raise EdgepathError(f"item {number} of the job document names no recording, conversation or key")


def _id(item: Mapping[str, Any], what: str) -> str | None:
    nested = item.get(what)
    given = [item.get(f"{what}_id"), item.get(f"{what}Id"), nested.get("id") if isinstance(nested, Mapping) else nested]
    return next((value for value in given if isinstance(value, str) and value), None)
