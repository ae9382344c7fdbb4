# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses job documents, in the shape of the public interface and in that of operators. Pure.

Every error is an EdgepathError that names the file and the key; nothing else is raised, whatever the document holds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..finding import EdgepathError
from ..log.window import parse_time
from .failure import failure_class
from .model import WORDS, FailedRecording, Job, JobState

_ERROR_WORDS = frozenset({"STREAM_TERMINATION_ERROR", "TIMED_OUT", "TIMEOUT", "ERROR"})

# Each value by the names under which documents hold it, the most telling first.
_ID = ("id", "jobId", "job_id")
_STATE = ("state", "status", "jobState", "job_status")
_STARTED = ("dateStarted", "startedAt", "started", "startTime", "start", "dateCreated", "createdAt", "created")
_ENDED = ("dateFailed", "failedAt", "dateFinished", "finishedAt", "finished", "ended", "endTime", "dateCompleted",
          "completedAt", "end")  # fmt: skip
_MESSAGE = ("errorMessage", "error_message", "message", "reason", "detail")
_ERROR = ("status", "errorCode", "error_code", "type", "name")
_CODE = ("code", "httpStatus", "statusCode", "http_status", "status_code")
_RECORDINGS = ("failedRecordings", "failed_recordings", "recordings")
_AUDIO = (("durationMs", 0.001), ("duration_ms", 0.001), ("durationSeconds", 1.0), ("duration_seconds", 1.0),
          ("recordingDurationSeconds", 1.0), ("durationMinutes", 60.0), ("duration_minutes", 60.0))  # fmt: skip


def jobs_of(text: str, path: str) -> list[Job]:
    """The jobs of a document's text: one job, a list, or a listing with `entities` or `jobs`."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise EdgepathError(f"{path} line {error.lineno}: not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise EdgepathError(f"{path}: not valid JSON: {type(error).__name__}") from None
    return jobs_from(data, path)


def jobs_from(data: Any, path: str) -> list[Job]:
    """The jobs of a document that is parsed already."""
    where = path
    if isinstance(data, Mapping):
        for key in ("entities", "jobs"):
            if isinstance(data.get(key), list):
                data, where = data[key], f"{path}: {key}"
                break
    if isinstance(data, Mapping):
        return [job_from(data, f"{path}: ")]
    if not isinstance(data, list):
        raise EdgepathError(f"{path}: holds {_kind(data)}, not a job or a list of jobs")
    jobs = []
    for at, item in enumerate(data):
        if not isinstance(item, Mapping):
            raise EdgepathError(f"{where}[{at}]: is {_kind(item)}, not a job")
        jobs.append(job_from(item, f"{where}[{at}]."))
    if not jobs:
        raise EdgepathError(f"{where}: holds no job")
    return jobs


def job_from(data: Mapping[str, Any], where: str) -> Job:
    """One job. where: the file and the key before its own keys, for messages."""
    about = data.get("error")
    if about is not None and not isinstance(about, (Mapping, str)):
        raise EdgepathError(f"{where}error: is {_kind(about)}, not text or a mapping")
    nested: Mapping[str, Any] = about if isinstance(about, Mapping) else {}
    state, error = _state(data, where)
    error = _text(nested, _ERROR, f"{where}error.") or _text(data, _ERROR[1:3], where) or error
    message = _text(nested, _MESSAGE, f"{where}error.") or _text(data, _MESSAGE, where)
    message = message or (about if isinstance(about, str) else None)
    code = _code(nested, f"{where}error.")
    code = _code(data, where) if code is None else code
    failed = state is JobState.FAILED
    return Job(
        id=_text(data, _ID, where),
        state=state,
        started=_time(data, _STARTED, where),
        ended=_time(data, _ENDED, where),
        error=error,
        code=code,
        message=message,
        failure=failure_class(error, code, message) if failed or message else None,
        recordings=_recordings(data, where, failed),
    )


def _state(data: Mapping[str, Any], where: str) -> tuple[JobState, str | None]:
    """The state, and the code word where a document gives that in the place of the state."""
    for key in _STATE:
        word = data.get(key)
        if word is None:
            continue
        if not isinstance(word, str):
            raise EdgepathError(f"{where}{key}: is {_kind(word)}, not the name of a state")
        name = word.strip().upper().replace(" ", "_").replace("-", "_")
        if name not in WORDS:
            known = ", ".join(state.value for state in JobState)
            raise EdgepathError(f"{where}{key}: {_short(word)} is not a state of a job; known are {known}, IN_PROGRESS")
        return WORDS[name], name if name in _ERROR_WORDS else None
    raise EdgepathError(f"{where}state: is missing; give a saved job document, which has state or status")


def _recordings(data: Mapping[str, Any], where: str, failed: bool) -> tuple[FailedRecording, ...]:
    for key in _RECORDINGS:
        listed = data.get(key)
        if isinstance(listed, Mapping):
            listed = listed.get("entities")
        if isinstance(listed, list):
            return tuple(
                recording_from(item, f"{where}{key}[{at}]")
                for at, item in enumerate(listed)
                if key != "recordings" or _has_failed(item, failed)
            )
        # In the public interface failedRecordings is the URI of a listing.
        if listed is not None and not isinstance(listed, str):
            raise EdgepathError(f"{where}{key}: is {_kind(listed)}, not a list")
    return ()


def _has_failed(item: Any, job_failed: bool) -> bool:
    """Of a list of all recordings, those that say that they failed; where none says, those of a failed job."""
    word = next((item[key] for key in _STATE if key in item), None) if isinstance(item, Mapping) else None
    return job_failed if word is None else WORDS.get(str(word).strip().upper()) is JobState.FAILED


def recording_from(item: Any, where: str) -> FailedRecording:
    """One failed recording, of either shape; where: the file and the key that leads to it."""
    if isinstance(item, str):
        return FailedRecording(recording=item)
    if not isinstance(item, Mapping):
        raise EdgepathError(f"{where}: is {_kind(item)}, not a recording")
    audio = None
    for key, unit in _AUDIO:
        if item.get(key) is not None:
            audio = round(_number(item[key], f"{where}.{key}") * unit, 3)
            break
    return FailedRecording(
        recording=_identifier(item, "recording", ("recordingId", "recording_id", "id"), where),
        conversation=_identifier(item, "conversation", ("conversationId", "conversation_id"), where),
        audio_seconds=audio,
        started=_time(item, _STARTED, f"{where}."),
        ended=_time(item, _ENDED, f"{where}."),
    )


def _identifier(item: Mapping[str, Any], entity: str, keys: tuple[str, ...], where: str) -> str | None:
    """Of `{"recording": {"id": ...}}`, the public shape, or of a key of its own."""
    reference = item.get(entity)
    if isinstance(reference, Mapping):
        return _text(reference, ("id",), f"{where}.{entity}.")
    return reference if isinstance(reference, str) else _text(item, keys, f"{where}.")


def _text(data: Mapping[str, Any], keys: tuple[str, ...], where: str) -> str | None:
    for key in keys:
        value = data.get(key)
        if isinstance(value, str):
            return value
        if value is not None and not isinstance(value, (int, float)):
            raise EdgepathError(f"{where}{key}: is {_kind(value)}, not text")
    return None


def _code(data: Mapping[str, Any], where: str) -> int | None:
    for key in _CODE:
        value = data.get(key)
        if value is None or (isinstance(value, str) and not value.strip().isdigit()):
            continue  # `code` may hold a word: then it is no HTTP status
        number = _number(value, f"{where}{key}")
        if number != int(number) or not 0 <= number < 100_000:
            raise EdgepathError(f"{where}{key}: {_short(value)} is not a status code")
        return int(number)
    return None


def _time(data: Mapping[str, Any], keys: tuple[str, ...], where: str) -> float | None:
    """ISO 8601, or seconds or milliseconds since 1970."""
    for key in keys:
        value = data.get(key)
        if value is None:
            continue
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = _number(value, f"{where}{key}")
            return number / 1000.0 if number > 1e11 else number
        try:
            return parse_time(value)
        except ValueError:
            raise EdgepathError(
                f"{where}{key}: {_short(value)} is not a time in ISO 8601, such as 2026-11-20T02:03:41Z"
            ) from None
    return None


def _number(value: Any, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < 1e15:
        raise EdgepathError(f"{where}: {_short(value)} is not a number of 0 or more")
    return number


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _short(value: Any) -> str:
    if isinstance(value, int) and abs(value) > 10**15:
        return "so large a number"
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
