# SPDX-License-Identifier: GPL-3.0-or-later
"""Time of death: given how a transfer failed, which culprits, in which order, and what speaks for and against each.

Pure. The signs are weighed, not proven: the second is the strongest, then what the path's own ladder holds, then the
signature (errno, status code, words, who sent the reset).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .hypotheses import TABLE, Hypothesis

# Two timers are told apart where their seconds differ by more than this: 15:00 from 15:24.
TOLERANCE = 0.01
LEAST_TOLERANCE = 2.0
# How much later than its least second the kernel may give up: the retransmission timer grows with the round trip time.
SLACK = 0.25

_ERRNOS = {
    32: "EPIPE", 11: "EAGAIN", 101: "ENETUNREACH", 104: "ECONNRESET", 110: "ETIMEDOUT", 111: "ECONNREFUSED",
    113: "EHOSTUNREACH", 125: "ECANCELED",
}  # fmt: skip
_ERRNO_WORDS = (
    (r"reset by peer", "ECONNRESET"),
    (r"broken pipe", "EPIPE"),
    (r"connection timed out|etimedout", "ETIMEDOUT"),
    (r"connection refused", "ECONNREFUSED"),
    (r"no route to host", "EHOSTUNREACH"),
)
_NOBODY = ("none", "nobody", "no")


class _Scale:
    """Collects the evidence of one culprit with its weights."""

    def __init__(self) -> None:
        self.score = 0.0
        self.speaks_for: list[str] = []
        self.against: list[str] = []

    def add(self, weight: float, words: str) -> None:
        self.score += weight
        (self.speaks_for if weight > 0 else self.against).append(words)


def rank(observed: Mapping[str, Any], ladder: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """The culprits, the likeliest first: [{"rank", "check", "title", "seconds", "for", "against", "score", "source"}].

    observed: duration_seconds, error_text, code, errno (number or name), last_byte_age (seconds), reset_by (who sent
    the reset: peer, proxy, gateway, storage, local; `none`: none was seen; None: nobody looked). All optional.
    ladder: the bounds of the path as facts["ladder"] holds them; None where the path was not judged.
    check: the id of the check that judges this culprit, else the hypothesis' own id.
    """
    signs = _signs(observed)
    rungs = None if ladder is None else [dict(rung) for rung in ladder]
    candidates = []
    for hypothesis in TABLE:
        mine = [rung for rung in rungs or () if _realises(rung, hypothesis)]
        for rung in mine or [None]:  # type: ignore[list-item]
            candidates.append(_weigh(hypothesis, rung, signs, judged=rungs is not None))
    candidates = [candidate for candidate in candidates if candidate["for"]]
    candidates.sort(key=lambda candidate: (-candidate["score"], candidate["title"]))
    return [{"rank": place, **candidate} for place, candidate in enumerate(candidates, start=1)]


def _realises(rung: Mapping[str, Any], hypothesis: Hypothesis) -> bool:
    return rung.get("setting") in hypothesis.settings and rung.get("check") == hypothesis.check


def _signs(observed: Mapping[str, Any]) -> dict[str, Any]:
    text = str(observed.get("error_text") or "")
    errno = observed.get("errno")
    name = _ERRNOS.get(errno, str(errno)) if isinstance(errno, int) else str(errno or "").upper()
    if not name:
        name = next((known for words, known in _ERRNO_WORDS if re.search(words, text, re.IGNORECASE)), "")
    reset_by = str(observed.get("reset_by") or "").lower()
    return {
        "duration": _number(observed.get("duration_seconds")),
        "silence": _number(observed.get("last_byte_age")),
        "text": text,
        "errno": name,
        "code": int(_number(observed.get("code")) or 0),
        # None: nobody looked.  A reset that the edge itself sent is not the peer's.
        "reset": None if not reset_by else reset_by not in (*_NOBODY, "local"),
        "reset_by": reset_by,
    }


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < 1e9 else None


def _weigh(
    hypothesis: Hypothesis, rung: Mapping[str, Any] | None, signs: Mapping[str, Any], judged: bool
) -> dict[str, Any]:
    scale = _Scale()
    seconds = hypothesis.seconds if rung is None else rung.get("seconds", hypothesis.seconds)
    if seconds is not None:
        _time(scale, hypothesis.timing, float(seconds), signs)
    _path(scale, hypothesis, rung, judged)
    _signature(scale, hypothesis, signs)
    title = hypothesis.title if rung is None else f"{hypothesis.title}: {rung['setting']} {float(seconds or 0):g} s"
    return {
        "check": hypothesis.check or hypothesis.id,
        "hypothesis": hypothesis.id,
        "title": title,
        "seconds": seconds,
        "for": scale.speaks_for,
        "against": scale.against,
        "score": round(scale.score, 1),
        "source": hypothesis.source,
    }


def _near(value: float, seconds: float) -> bool:
    return abs(value - seconds) <= max(LEAST_TOLERANCE, TOLERANCE * seconds)


def _time(scale: _Scale, timing: str, seconds: float, signs: Mapping[str, Any]) -> None:
    duration, silence = signs["duration"], signs["silence"]
    if duration is not None and duration < seconds and not _near(duration, seconds):
        scale.add(-8, f"it ended after {duration:g} s, before {seconds:g} s could pass")
        return
    if timing == "at":
        _at(scale, seconds, duration)
    elif timing != "any":
        _after_silence(scale, timing, seconds, duration, silence)


def _at(scale: _Scale, seconds: float, duration: float | None) -> None:
    if duration is None:
        return
    if _near(duration, seconds):
        scale.add(4, f"it ended after {duration:g} s, at {seconds:g} s")
    else:
        scale.add(-6, f"it lived {duration:g} s, longer than {seconds:g} s allows")


def _after_silence(scale: _Scale, timing: str, seconds: float, duration: float | None, silence: float | None) -> None:
    longest = seconds * (1 + SLACK) if timing == "least" else seconds
    if silence is not None:
        if silence < seconds and not _near(silence, seconds):
            scale.add(-6, f"the last byte was {silence:g} s old, less than {seconds:g} s")
        elif timing == "later":
            scale.add(2, f"the last byte was {silence:g} s old, more than {seconds:g} s")
        elif _near(silence, seconds) or seconds <= silence <= longest:
            scale.add(5, f"the last byte was {silence:g} s old, which fits {seconds:g} s")
        else:
            scale.add(-4, f"the last byte was {silence:g} s old: {seconds:g} s of silence would have ended it before")
        return
    if duration is None:
        return
    if timing == "later":
        scale.add(1, f"it lived {duration:g} s, so {seconds:g} s of silence are possible")
    elif _near(duration, seconds) or (timing == "least" and seconds <= duration <= longest):
        scale.add(4, f"it ended after {duration:g} s, which fits {seconds:g} s of silence from the start")
    else:
        scale.add(
            -1, f"it lived {duration:g} s: {seconds:g} s of silence would have had to begin at {duration - seconds:g} s"
        )


def _path(scale: _Scale, hypothesis: Hypothesis, rung: Mapping[str, Any] | None, judged: bool) -> None:
    if rung is not None:
        certain = rung.get("on_path", True)
        where = rung.get("origin", "the ladder")
        if certain:
            scale.add(3, f"it is on this path: {rung['setting']} ({where})")
        else:
            scale.add(1, f"it may be on this path: {rung['setting']} ({where})")
    elif hypothesis.settings and judged:
        scale.add(-4 if not hypothesis.hidden else -3, "the ladder of this path holds no such bound")
    elif not hypothesis.hidden:
        scale.add(-2, "nothing tells that this path has it")


def _signature(scale: _Scale, hypothesis: Hypothesis, signs: Mapping[str, Any]) -> None:
    errno, code, text = signs["errno"], signs["code"], signs["text"]
    if errno and errno in hypothesis.errnos:
        scale.add(2, f"{errno} fits")
    elif errno and errno in hypothesis.not_errnos:
        scale.add(-3, f"{errno} does not fit")
    if code and code in hypothesis.codes:
        scale.add(1.5, f"status {code} fits")
    elif code and code in hypothesis.not_codes:
        scale.add(-3, f"status {code} does not fit")
    if text and hypothesis.words and re.search(hypothesis.words, text, re.IGNORECASE):
        scale.add(1, f"the error says {re.search(hypothesis.words, text, re.IGNORECASE).group()!r}")  # type: ignore[union-attr]
    if hypothesis.resets is not None and signs["reset"] is not None:
        if signs["reset"] == hypothesis.resets:
            scale.add(2, f"a reset came from {signs['reset_by']}" if signs["reset"] else "no reset was seen")
        else:
            scale.add(-3, f"a reset came from {signs['reset_by']}" if signs["reset"] else "no reset was seen")
