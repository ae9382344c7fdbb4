# SPDX-License-Identifier: GPL-3.0-or-later
"""One-minute recordings in every format, made by the encoders of libsndfile and FFmpeg, and what befalls them."""

from __future__ import annotations

import functools
import io
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ansible.module_utils.edge.audio.model import AudioReport
from ansible.module_utils.edge.audio.walk import walk

# numpy and the encoders are imported where they are used: every worker imports this file, and one runs its tests.
if TYPE_CHECKING:
    import numpy as np

SECONDS = 60
RATE = 16000
CUT = 65536

SOUNDFILE = {
    "wav": {"format": "WAV", "subtype": "PCM_16"},
    "wav-ulaw": {"format": "WAV", "subtype": "ULAW"},
    "wav-alaw-extensible": {"format": "WAVEX", "subtype": "ALAW"},
    "rf64": {"format": "RF64", "subtype": "PCM_16"},
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    "ogg-vorbis": {"format": "OGG", "subtype": "VORBIS"},
    "ogg-opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {"format": "MP3"},
}
PYAV = {"webm": ("libopus", "webm"), "mka": ("libopus", "matroska"), "ogg-opus-ffmpeg": ("libopus", "ogg")}
NAMES = [*SOUNDFILE, *PYAV]
# Where a checksum covers every byte of audio, any changed bit shows.
CHECKSUMMED = ["flac", "ogg-vorbis", "ogg-opus", "mp3", "mka", "ogg-opus-ffmpeg"]


@functools.lru_cache(maxsize=1)
def samples() -> np.ndarray:
    """Two voices' worth of tone and noise: no two stretches are alike, none is silent."""
    import numpy as np

    time = np.arange(RATE * SECONDS) / RATE
    noise = np.random.default_rng(20261123).standard_normal((len(time), 2))
    tones = np.stack([np.sin(2 * np.pi * 220 * time), np.sin(2 * np.pi * 330 * time)], axis=1)
    return 0.3 * tones + 0.05 * noise


@functools.cache
def recording(name: str) -> bytes:
    if name in SOUNDFILE:
        import soundfile

        stream = io.BytesIO()
        soundfile.write(stream, samples(), RATE, **SOUNDFILE[name])
        return stream.getvalue()
    codec, container = PYAV[name]
    with TemporaryDirectory() as directory:
        path = Path(directory, "recording")
        _encode(path, codec, container)
        return path.read_bytes()


def _encode(path: Path, codec: str, container: str) -> None:
    import av
    import numpy as np

    data = (samples() * 32767).astype(np.int16)
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=48000, layout="stereo")
        resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=48000)
        for start in range(0, len(data), 1600):
            block = data[start : start + 1600].reshape(1, -1).copy()
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            for piece in resampler.resample(frame):
                output.mux(stream.encode(piece))
        for piece in resampler.resample(None):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))


def walked(data: bytes) -> AudioReport:
    return walk(io.BytesIO(data))


def removed(data: bytes, at: int, length: int = CUT) -> bytes:
    return data[:at] + data[at + length :]


def zeroed(data: bytes, at: int, length: int = CUT) -> bytes:
    return data[:at] + bytes(len(data[at : at + length])) + data[at + length :]


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
