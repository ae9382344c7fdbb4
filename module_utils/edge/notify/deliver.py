# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivers what waits, within a bound of time: attempts, pauses between them, and what is left for the next run."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..finding import EdgepathError
from .outbox import Outbox, Waiting

# The pause before the second attempt; each further one waits twice as long. Spread, so that many do not come at once.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
_SPREAD = 0.25


class Undelivered(Exception):
    """Why it was not delivered, in words without secrets.

    again: whether another attempt may help at once.  after: how many seconds the receiver asks to wait.
    """

    def __init__(self, why: str, again: bool = False, after: float | None = None) -> None:
        super().__init__(why)
        self.again = again
        self.after = after


class Channel(Protocol):
    """Where notices go. name: ``webhook``, ``mail`` or ``command``."""

    @property
    def name(self) -> str: ...

    def send(self, notice: Mapping[str, Any], timestamp: int, seconds: float) -> str | None:
        """Deliver it once; Undelivered where that failed. seconds: how long one wait of it may last.

        Returns what a person should know of a delivery that was made all the same.
        """


@dataclass
class Clock:
    """What tells the time, and waits; tests bring their own."""

    now: Callable[[], float] = time.time
    running: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    spread: Callable[[], float] = field(default=lambda: random.uniform(0, _SPREAD))


@dataclass
class Outcome:
    """What became of a run's deliveries. sent: channels by notice;  waiting: how many are left for the next run."""

    sent: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    waiting: int = 0


def deliver(outbox: Outbox, channels: Mapping[str, Channel], attempts: int, seconds: float, clock: Clock) -> Outcome:
    """Send what waits, oldest first. A channel that failed is not asked again in this run.

    attempts: of one delivery.  seconds: for each channel; what is not sent by then waits for the next run.
    """
    outcome = Outcome()
    ends: dict[str, float] = {}
    closed: set[str] = set()
    for item in outbox.waiting():
        if item.channel in closed or item.channel not in channels:
            continue
        with outbox.claim(item) as mine:
            if not mine:
                continue  # another run is sending it
            end = ends.setdefault(item.channel, clock.running() + seconds)
            why = _attempt(channels[item.channel], item, attempts, end, clock, outcome.warnings)
            if why is None:
                outbox.done(item)
                outcome.sent.append({"id": item.notice["id"], "channel": item.channel})
            else:
                closed.add(item.channel)
                outbox.failed(item, why, clock.now())
                outcome.failed.append({"id": item.notice["id"], "channel": item.channel, "why": why})
    outcome.waiting = len(outbox.waiting())
    return outcome


def _attempt(
    channel: Channel, item: Waiting, attempts: int, end: float, clock: Clock, warnings: list[str]
) -> str | None:
    """None where it was delivered, else why not."""
    for number in range(attempts):
        left = end - clock.running()
        if left <= 0:
            return "no time was left for it"
        try:
            note = _bounded(channel, item.notice, int(clock.now()), left / (attempts - number))
            warnings += [note] if note else []
            return None
        except Undelivered as error:
            pause = error.after
            if pause is None:
                pause = FIRST_PAUSE * 2**number * (1 + clock.spread())
            last = number + 1 == attempts or not error.again
            if last or pause > LONGEST_PAUSE or clock.running() + pause >= end:
                return f"{error} (attempt {number + 1} of {attempts})" if number else str(error)
            clock.sleep(pause)
    return "it was not tried"


def _bounded(channel: Channel, notice: Mapping[str, Any], timestamp: int, seconds: float) -> str | None:
    """One attempt that ends in time whatever the receiver does.

    A time limit on a socket bounds one wait, and a receiver that sends a byte now and then, or a name server that is
    silent, lasts as long as it likes. So the attempt runs in a thread that is left behind.
    """
    told: list[BaseException] = []
    notes: list[str | None] = []

    def work() -> None:
        try:
            # A little less, so that what the channel itself says of a wait in vain is heard.
            notes.append(channel.send(notice, timestamp, seconds * 0.9))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            told.append(error)

    thread = threading.Thread(target=work, name=f"edgepath-{channel.name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise Undelivered(f"no answer within {seconds:.0f} s", again=True)
    if told:
        if isinstance(told[0], EdgepathError):
            raise Undelivered(str(told[0]))
        raise told[0]
    return notes[0]
