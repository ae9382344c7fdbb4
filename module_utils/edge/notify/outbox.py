# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be delivered, kept on disk until it was: a file a delivery, so that two runs never write the same one.

    <runs_dir>/outbox/<time>-<run id>-<channel>.json   {"channel", "notice", "added", "attempts", "why"}
    <runs_dir>/outbox/told.json                        {"<key of a waiver>": "<its end>"}

A delivery is written before it is first tried and removed after it succeeded. So it is made at least once, and twice
only where the receiver's answer was lost; its id is the same both times.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError
from ..run import read_json, write_json

# What was not delivered for so long, or stands behind so many others, is news no more.
OLDEST_SECONDS = 14 * 86400
MOST = 300
_NAME = re.compile(r"^\d{14}-[A-Za-z0-9._-]+\.json$")
_TOLD = "told.json"


@dataclass(frozen=True)
class Waiting:
    """One delivery. added: seconds since 1970."""

    path: str
    channel: str
    notice: Mapping[str, Any]
    added: float
    attempts: int


class Outbox:
    """The outbox of a directory of runs. now: seconds since 1970.  warnings: takes a sentence for what was given up."""

    def __init__(self, runs_dir: str, now: float, warnings: list[str]) -> None:
        self.directory = os.path.join(runs_dir, "outbox")
        self.now = now
        self.warnings = warnings

    def add(self, notice: Mapping[str, Any], channels: Sequence[str]) -> None:
        """Put a notice in, once for each channel; one that is there stays as it is."""
        for channel in channels:
            safe = re.sub(r"[^A-Za-z0-9._-]", "_", f"{notice['id']}-{channel}")
            known = [name for name in self._names() if name.endswith(f"-{safe}.json")]
            if not known:
                path = os.path.join(self.directory, f"{int(self.now):014d}-{safe}.json")
                self._write(path, _entry(channel, notice, self.now, 0, None))

    def waiting(self) -> list[Waiting]:
        """What waits, oldest first. A file that cannot be read is renamed and told of."""
        return [item for item in map(self._read, self._names()) if item is not None]

    @contextmanager
    def claim(self, item: Waiting) -> Iterator[bool]:
        """Whether this run alone sends it now. The lock ends with the process, however that ends."""
        try:
            handle = os.open(item.path, os.O_RDONLY)
        except FileNotFoundError:
            yield False
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.exists(item.path) and os.path.samestat(os.fstat(handle), os.stat(item.path))
        except BlockingIOError:
            same = False
        try:
            yield same
        finally:
            os.close(handle)

    def done(self, item: Waiting) -> None:
        os.unlink(item.path)

    def failed(self, item: Waiting, why: str, now: float) -> None:
        self._write(item.path, _entry(item.channel, item.notice, item.added, item.attempts + 1, why, now))

    def give_up(self, channels: Sequence[str]) -> None:
        """Remove what is too old, too much, or for a channel that is no longer set, and say so."""
        items = self.waiting()
        for number, item in enumerate(items):
            if item.channel not in channels:
                why = f"no {item.channel} is set any more"
            elif self.now - item.added > OLDEST_SECONDS:
                why = f"it waited for more than {OLDEST_SECONDS // 86400} days"
            elif len(items) - number > MOST:
                why = f"more than {MOST} wait behind it"
            else:
                continue
            self.warnings.append(f"the notice of run {item.notice['id']} was not delivered by {item.channel}: {why}")
            self.done(item)

    def told(self) -> dict[str, str]:
        """The waivers that were told of, by key, with their ends."""
        path = os.path.join(self.directory, _TOLD)
        if not os.path.exists(path):
            return {}
        try:
            found = read_json(path)
        except EdgepathError as error:
            self.warnings.append(f"{error}; waivers are told of anew")
            return {}
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

    def tell(self, waivers: Mapping[str, str], before: str) -> None:
        """Note the waivers that were told of; those that ended before this date are forgotten."""
        kept = {key: end for key, end in {**self.told(), **waivers}.items() if end >= before}
        self._write(os.path.join(self.directory, _TOLD), kept)

    def _names(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.directory) if _NAME.match(name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise EdgepathError(f"cannot read {self.directory}: {error.strerror}") from None

    def _read(self, name: str) -> Waiting | None:
        path = os.path.join(self.directory, name)
        try:
            data = read_json(path)
            return Waiting(path, str(data["channel"]), data["notice"], float(data["added"]), int(data["attempts"]))
        except (EdgepathError, KeyError, TypeError, ValueError) as error:
            if os.path.exists(path):  # else another run has delivered it since
                os.replace(path, f"{path}.unreadable")
                self.warnings.append(f"{path} was no delivery ({error}); it is kept as {name}.unreadable")
            return None

    def _write(self, path: str, data: Any) -> None:
        try:
            write_json(path, data)
        except OSError as error:
            raise EdgepathError(f"cannot write {path}: {error.strerror}; notices are kept there") from None


def _entry(
    channel: str, notice: Mapping[str, Any], added: float, attempts: int, why: str | None, tried: float | None = None
) -> dict[str, Any]:
    return {
        "channel": channel,
        "notice": notice,
        "added": added,
        "attempts": attempts,
        "why": why,
        "tried": tried,
    }
