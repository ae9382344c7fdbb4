# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job is, whichever vocabulary told it. Times are seconds since 1970, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..log.window import Window, iso


class JobState(Enum):
    """The states of the public interface (Genesys Cloud Platform API, model RecordingJob)."""

    PENDING = "PENDING"
    READY = "READY"
    PROCESSING = "PROCESSING"
    FULFILLED = "FULFILLED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


# What operators, and other tools' logs, call the same.
WORDS: Mapping[str, JobState] = {
    **{state.value: state for state in JobState},
    "QUEUED": JobState.PENDING,
    "CREATED": JobState.PENDING,
    "NEW": JobState.PENDING,
    "IN_PROGRESS": JobState.PROCESSING,
    "RUNNING": JobState.PROCESSING,
    "STARTED": JobState.PROCESSING,
    "ACTIVE": JobState.PROCESSING,
    "COMPLETED": JobState.FULFILLED,
    "COMPLETE": JobState.FULFILLED,
    "SUCCEEDED": JobState.FULFILLED,
    "SUCCESS": JobState.FULFILLED,
    "DONE": JobState.FULFILLED,
    "FINISHED": JobState.FULFILLED,
    "FAILURE": JobState.FAILED,
    "ERROR": JobState.FAILED,
    "STREAM_TERMINATION_ERROR": JobState.FAILED,
    "TIMED_OUT": JobState.FAILED,
    "TIMEOUT": JobState.FAILED,
    "CANCELED": JobState.CANCELLED,
    "ABORTED": JobState.CANCELLED,
}


@dataclass(frozen=True)
class FailedRecording:
    """One recording that a job could not export. audio_seconds: its own length; started, ended: of its transfer."""

    recording: str | None = None
    conversation: str | None = None
    audio_seconds: float | None = None
    started: float | None = None
    ended: float | None = None

    @property
    def transfer_seconds(self) -> float | None:
        return _between(self.started, self.ended)

    @property
    def window(self) -> Window | None:
        return _window(self.started, self.ended)

    def to_dict(self) -> dict[str, Any]:
        return {
            "recording": self.recording,
            "conversation": self.conversation,
            "audio_seconds": self.audio_seconds,
            "transfer_seconds": self.transfer_seconds,
            "window": self.window.to_dict() if self.window is not None else None,
        }


@dataclass(frozen=True)
class Job:
    """One job. error: its code word; code: its HTTP status; failure: the class of the message (failure.py)."""

    id: str | None
    state: JobState
    started: float | None = None
    ended: float | None = None
    error: str | None = None
    code: int | None = None
    message: str | None = None
    failure: str | None = None
    recordings: tuple[FailedRecording, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it, or any of its recordings, failed: a job can be FULFILLED and lack recordings."""
        return self.state is JobState.FAILED or bool(self.recordings)

    @property
    def window(self) -> Window | None:
        """The time of the failed transfers, from the first start to the last end; else that of the job."""
        spans = [recording.window for recording in self.recordings if recording.window is not None]
        if spans:
            return Window(min(span.start for span in spans), max(span.end for span in spans))
        return _window(self.started, self.ended)

    def observed(self) -> dict[str, Any]:
        """The failure as timeouts/death.py takes it: of the longest failed transfer, else of the whole job."""
        lasted = [recording for recording in self.recordings if recording.transfer_seconds is not None]
        longest = max(lasted, key=lambda recording: recording.transfer_seconds or 0.0, default=None)
        # A job's own duration is that of many transfers: it tells nothing of when one died, unless it had but one.
        alone = _between(self.started, self.ended) if not self.recordings or len(self.recordings) == 1 else None
        words = [word for word in (self.error, self.message) if word]
        return {
            "duration_seconds": longest.transfer_seconds if longest is not None else alone,
            "audio_seconds": longest.audio_seconds if longest is not None else None,
            "error_text": ": ".join(words) or None,
            "code": self.code,
            "failure": self.failure,
        }

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "state": self.state.value,
            "failed": self.failed,
            "started": None if self.started is None else iso(self.started),
            "ended": None if self.ended is None else iso(self.ended),
            "duration_seconds": _between(self.started, self.ended),
            "error": self.error,
            "code": self.code,
            "message": self.message,
            "failure": self.failure,
            "window": self.window.to_dict() if self.window is not None else None,
            "observed": self.observed() if self.failed else None,
            "failed_recordings": [recording.to_dict() for recording in self.recordings],
        }


def _between(started: float | None, ended: float | None) -> float | None:
    if started is None or ended is None or ended < started:
        return None
    return round(ended - started, 3)


def _window(started: float | None, ended: float | None) -> Window | None:
    return Window(started, ended) if started is not None and ended is not None and ended > started else None
