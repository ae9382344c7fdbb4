# SPDX-License-Identifier: GPL-3.0-or-later
"""The recording as a load, and how long a recording survives a bound in time.

The arithmetic: a stage of the export pipeline works at `pace` times real time, so a recording of D seconds takes
D / pace seconds. A *total* bound of T seconds therefore cuts recordings longer than T x pace. Where the pipeline
delivers `buffered` (the stage finishes before the first byte moves on) the connection is silent for just as long, and
an *idle* bound cuts at the same place; where it delivers `streamed`, bytes flow all the time and an idle bound does not
depend on the recording's length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .finding import Bound, EdgepathError
from .profile import VALUES

# codec: bytes per second of one channel.  G.711: 8000 samples/s x 8 bit (ITU-T G.711).  PCM16: samples/s x 16 bit.
# Opus: the bit rate in the name / 8 (RFC 6716).
CODEC_BYTES_PER_SECOND: dict[str, float] = {
    "g711": 8000.0,
    "pcmu": 8000.0,
    "pcma": 8000.0,
    "pcm16_8k": 16000.0,
    "pcm16_16k": 32000.0,
    "opus_16k": 2000.0,
    "opus_24k": 3000.0,
    "opus_32k": 4000.0,
}
DELIVERIES = ("buffered", "streamed")


@dataclass(frozen=True)
class Payload:
    """The longest recording of the profile and the pipeline that moves it.

    longest_minutes: minutes of audio.  channels: 1 or 2.  pace: x real time (1.0 = a minute a minute).
    delivery: ``buffered`` | ``streamed``.  margin: how many times the longest transfer a bound should last, of the
    profile and no key of edge_payload.
    """

    longest_minutes: float = 240.0
    codec: str = "pcm16_8k"
    channels: int = 2
    pace: float = 1.0
    delivery: str = "buffered"
    margin: float = VALUES["timeout_margin"].default

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any] | None) -> Payload:
        """From `edge_payload`; EdgepathError names a wrong key or value."""
        values = dict(data or {})
        known = [name for name in cls.__dataclass_fields__ if name != "margin"]
        wrong = sorted(set(values) - set(known))
        if wrong:
            raise EdgepathError(f"edge_payload: unknown key {', '.join(wrong)}; known are {', '.join(known)}")
        for key in ("longest_minutes", "pace", "channels"):
            if key in values:
                values[key] = _positive(key, values[key])
        if "channels" in values:
            if values["channels"] not in (1.0, 2.0):
                raise EdgepathError(f"edge_payload.channels must be 1 or 2, not {values['channels']:g}")
            values["channels"] = int(values["channels"])
        payload = cls(**values)
        if payload.codec not in CODEC_BYTES_PER_SECOND:
            raise EdgepathError(
                f"edge_payload.codec {payload.codec!r} is not known; known are {', '.join(CODEC_BYTES_PER_SECOND)}"
            )
        if payload.delivery not in DELIVERIES:
            raise EdgepathError(f"edge_payload.delivery must be buffered or streamed, not {payload.delivery!r}")
        return payload

    @property
    def bytes_per_second(self) -> float:
        """Bytes of one second of audio, all channels."""
        return CODEC_BYTES_PER_SECOND[self.codec] * self.channels

    @property
    def longest_bytes(self) -> float:
        return self.longest_minutes * 60.0 * self.bytes_per_second

    @property
    def transfer_seconds(self) -> float:
        """How long the longest recording of the profile is on its way."""
        return self.longest_minutes * 60.0 / self.pace

    def survives(self, bound: Bound, keepalive_seconds: float | None = None) -> float:
        """The longest recording, in minutes of audio, that this bound lets through; math.inf where it does not cut.

        keepalive_seconds: the interval of TCP keepalive probes on the bound's own leg of the path, None where there
        are none. Probes restart timers that count packets, never those that count data.
        """
        if bound.kind == "rate":
            fast_enough = self.bytes_per_second * self.pace >= (bound.bytes_per_second or 0.0)
            return math.inf if fast_enough else 0.0
        seconds = bound.seconds or 0.0
        if bound.kind == "idle":
            if self.delivery == "streamed":
                return math.inf
            if bound.reset_by == "packets" and keepalive_seconds is not None and keepalive_seconds < seconds:
                return math.inf
        return seconds * self.pace / 60.0


def _positive(key: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise EdgepathError(f"edge_payload.{key} must be a number, not {value!r}") from None
    if isinstance(value, bool) or not math.isfinite(number) or number <= 0:
        raise EdgepathError(f"edge_payload.{key} must be a positive number, not {value!r}")
    return number
