# SPDX-License-Identifier: GPL-3.0-or-later
"""What a walk over a recording reports. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# kind -> what it means; the order is that of a report.
KINDS = {
    "empty": "the file has no bytes",
    "unrecognised": "the format is none that is walked here",
    "malformed": "a header or field has a value that the format does not allow",
    "truncated": "less is there than the headers promise, or the file ends inside an element",
    "unfinished": "the writer never closed the file",
    "gap": "time is missing between two neighbours",
    "overlap": "time goes back between two neighbours",
    "missing": "numbered pages or frames are missing",
    "lost_sync": "bytes that belong to no page, frame or element",
    "bad_checksum": "a checksum inside the file does not match its bytes",
    "zero_run": "a long run of one and the same byte: digital silence, or a hole in the storage",
    "count_mismatch": "the number of frames or samples is not the stated one",
    "trailing_data": "bytes after the end of the audio",
    "decode": "the decoder could not read the audio to its end",
    "duration_mismatch": "the audio is shorter or longer than the metadata or the job says",
    "channel_mismatch": "the number of channels is not the stated one",
}
# A lawful pause explains missing or silent time, and nothing else.
EXPLAINABLE = frozenset({"gap", "zero_run", "duration_mismatch"})

# Beyond it defects are counted only: a file of noise would list millions.
MAX_DEFECTS = 200


@dataclass(frozen=True)
class Options:
    """Thresholds.

    zero_run_seconds: shorter runs of exact silence are ordinary speech pauses behind a noise gate; 64 KiB of 16-bit
    stereo at 48 kHz last 0.34 s.
    zero_run_bytes: the same for compressed audio, where no encoder writes long runs of zero bytes.
    gap_seconds: differences of time stamps below it are rounding; Matroska's usual unit is one millisecond.
    """

    zero_run_seconds: float = 0.25
    zero_run_bytes: int = 4096
    gap_seconds: float = 0.01


@dataclass(frozen=True)
class Defect:
    """One fault.

    at_seconds: position in the audio; at_byte: in the file; length: seconds concerned; None is unknown.
    """

    kind: str
    detail: str
    at_seconds: float | None = None
    at_byte: int | None = None
    length: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "at_seconds": _rounded(self.at_seconds),
            "at_byte": self.at_byte,
            "length": _rounded(self.length),
            "detail": self.detail,
        }


@dataclass
class AudioReport:
    """The result of a walk.

    container_seconds: what the headers say.  structural_seconds: what the walked audio adds up to.
    decoded_seconds: what a decoder gave, where one was asked.  None is unknown, never zero.
    """

    format: str | None = None
    codec: str | None = None
    channels: int | None = None
    sample_rate: int | None = None
    size: int = 0
    container_seconds: float | None = None
    structural_seconds: float | None = None
    decoded_seconds: float | None = None
    checked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    defects_left_out: int = 0

    def add(
        self, kind: str, detail: str, seconds: float | None = None, byte: int | None = None, length: float | None = None
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"no such kind of defect: {kind}")
        if len(self.defects) < MAX_DEFECTS:
            self.defects.append(Defect(kind, detail, seconds, byte, length))
        else:
            self.defects_left_out += 1

    def note(self, text: str) -> None:
        if len(self.notes) < MAX_DEFECTS and text not in self.notes:
            self.notes.append(text)

    @property
    def status(self) -> str:
        return judge(defect.kind for defect in self.defects)

    def to_dict(self) -> dict[str, Any]:
        data = dataclasses.asdict(self)
        data["defects"] = [defect.to_dict() for defect in self.defects]
        for key in ("container_seconds", "structural_seconds", "decoded_seconds"):
            data[key] = _rounded(data[key])
        return {**data, "status": self.status}


def judge(kinds: Iterable[str]) -> str:
    """One word for a list of defects.

    unknown: a format that is not walked.  doubtful: exact silence alone, which may be the call's own.
    """
    found = set(kinds)
    if "unrecognised" in found:
        return "unknown"
    if found - {"zero_run"}:
        return "defective"
    return "doubtful" if found else "continuous"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
