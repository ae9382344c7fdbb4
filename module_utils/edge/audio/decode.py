# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoding, where a decoder is installed: soundfile for FLAC, Ogg and MP3, PyAV for Matroska.

Decoders are C libraries that met damaged files before and fell: each decodes in a child process with limits of time and
memory, and a child that dies is a defect of the file, told as such.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
import multiprocessing
import os
import resource
from multiprocessing.connection import Connection
from typing import Any

from .flac import read_info
from .model import AudioReport
from .source import Source

_BLOCK = 1 << 16
_LIBRARY = {"FLAC": "soundfile", "Ogg": "soundfile", "MP3": "soundfile", "Matroska": "av"}
_CHILD_MEMORY = 4 << 30
# Decoding runs at a hundred times real time or faster; a tenth of that is patience, the base covers the imports.
_BASE_SECONDS = 60.0
_SECONDS_PER_MIB = 2.0
# MP3 decoders drop the encoder's delay and padding, Opus its pre-skip.
_AGREE_SECONDS = 0.2


def deepen(path: str, report: AudioReport) -> None:
    """Decode the recording and add what comes of it to the report; a note says where no decoder is installed."""
    library = _LIBRARY.get(report.format or "")
    if library is None or report.status == "unknown":
        return
    if importlib.util.find_spec(library) is None:
        report.note(f"not decoded: {library} is not installed")
        return
    result = _in_child(path, library, _BASE_SECONDS + report.size / (1 << 20) * _SECONDS_PER_MIB)
    if "error" in result:
        report.add("decode", f"{library}: {result['error']}")
        return
    report.checked.append(f"decoded with {library}")
    if result["rate"]:
        report.decoded_seconds = result["frames"] / result["rate"]
        _compare(report)
    if result.get("md5_matches") is False:
        report.add("bad_checksum", "the decoded samples do not have the MD5 that STREAMINFO states")
    elif result.get("md5_matches"):
        report.checked.append("MD5 of the decoded samples")


def _compare(report: AudioReport) -> None:
    decoded, structural = report.decoded_seconds, report.structural_seconds
    if decoded is not None and structural is not None and abs(decoded - structural) > _AGREE_SECONDS:
        text = f"{decoded:.3f} s could be decoded, the structure adds up to {structural:.3f} s"
        report.add("decode", text, min(decoded, structural), length=abs(decoded - structural))


def _in_child(path: str, library: str, seconds: float) -> dict[str, Any]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(path, library, theirs, seconds), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            return {"error": f"gave up after {seconds:.0f} s"}
        result: dict[str, Any] = ours.recv()
        return result
    except EOFError:
        child.join()
        return {"error": f"the decoder died (exit code {child.exitcode})"}
    finally:
        child.kill()
        child.join()
        ours.close()


def _child(path: str, library: str, answer: Connection, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_CHILD_MEMORY, _CHILD_MEMORY))
    # The wall clock gives up first; this ends a child whose parent has gone.
    allowed = math.ceil(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        answer.send(_soundfile(path) if library == "soundfile" else _av(path))
    except Exception as error:  # noqa: BLE001  whatever the library raises is its answer about this file
        answer.send({"error": f"{type(error).__name__}: {error}"[:500]})
    finally:
        answer.close()


def _soundfile(path: str) -> dict[str, Any]:
    soundfile = importlib.import_module("soundfile")
    with soundfile.SoundFile(path) as sound:
        flac = sound.format == "FLAC"
        info = _info(path) if flac else None
        digest, frames = hashlib.md5(usedforsecurity=False), 0
        while True:
            block = sound.read(_BLOCK, dtype="int32", always_2d=True)
            if not len(block):
                break
            frames += len(block)
            if info is not None:
                digest.update(_packed(block, info.bits))
        result = {"frames": frames, "rate": sound.samplerate}
        if info is not None and any(info.md5):
            result["md5_matches"] = digest.digest() == info.md5
        return result


def _packed(block: Any, bits: int) -> bytes:
    """Samples as FLAC's MD5 wants them: little-endian, in the whole bytes that their width needs."""
    width = (bits + 7) // 8
    samples = (block >> 32 - bits).astype("<i4").reshape(-1, 1).view("u1")
    return bytes(samples[:, :width].tobytes())


def _info(path: str) -> Any:
    with open(path, "rb") as stream:
        return read_info(Source(stream), AudioReport())[0]


def _av(path: str) -> dict[str, Any]:
    av = importlib.import_module("av")
    with av.open(path, metadata_errors="replace") as container:
        stream = container.streams.audio[0]
        frames = sum(frame.samples for frame in container.decode(stream))
        return {"frames": frames, "rate": stream.codec_context.sample_rate}
