# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the edge's log is read, and in how much memory, against `wc -l` and a plain read loop over the same file.

    python benchmarks/log_reading.py [megabytes]

Writes a log of 2 GB (or so many megabytes) to a temporary directory and removes it. Figures are processor time of one
core, of processes of their own; prints for each target whether it was reached, and exits 0 whatever it finds.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "module_utils"))

RATE_TARGET = 150.0  # MB/s
MEMORY_TARGET = 150.0  # MB
MINUTE = b"2026-11-20T00:00"
WINDOW = {"start": "2026-11-20T02:03:41Z", "end": "2026-11-20T02:18:41Z"}

_LINES = (
    "INFO  [export-{small}] recording {hexadecimal} ({small} min, 2 channels, pcm16 8 kHz) stored, {large} bytes",
    "DEBUG [rtp] conversation {uuid} stream {small} jitter {small} ms lost {small} packets in {medium}",
    "INFO  [sip] INVITE from trunk-{small} call {uuid} codec pcma ptime 20, {medium} ms",
    "DEBUG [pool] worker {small} took {hexadecimal} from queue, {small} waiting, oldest {medium} ms, timeout=30",
    "INFO  [http] GET /api/v2/edges/{uuid}/metrics status=200 {medium} {small} ms",
    "INFO  [s3] UploadPart {small} of {dashed} status=200, request {request}, {medium} ms",
    "DEBUG [disk] {large} bytes free on /var/recordings, {medium} files",
)
_FAILURES = (
    "WARN  [export-{small}] part {small} of {hexadecimal}: read tcp 10.40.1.20:{medium}: connection reset by peer",
    "ERROR [export-{small}] upload of {hexadecimal} failed: AccessDenied (HTTP 403), request {uuid}",
    "WARN  [export-{small}] PUT {hexadecimal}: Read timed out after {medium} ms",
)


def line(draw: random.Random, hostile: bool) -> str:
    """One line without its timestamp; hostile ones hold a word of their own."""
    text = draw.choice(_FAILURES if draw.random() < 0.002 else _LINES).format(
        small=draw.randrange(100),
        medium=draw.randrange(10, 10_000),
        large=draw.randrange(100_000, 10_000_000),
        hexadecimal=f"{draw.getrandbits(32):08x}",
        uuid=f"{draw.getrandbits(128):032x}",
        dashed=uuid.UUID(int=draw.getrandbits(128)),
        request="".join(draw.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=16)),
    )
    return f"{text} {''.join(draw.choices('ghijklmnopqrstuvwxyz', k=12))}" if hostile else text


def write(path: Path, megabytes: int, hostile: bool = False, minutes: int = 1440) -> None:
    """A log of 24 hours, or less. Its minutes are eight in turn; of a hostile log each is new."""
    draw = random.Random(20261120)
    each = megabytes * 1_000_000 // minutes
    templates = [one_minute(draw, each, hostile) for _ in range(8)]
    with path.open("wb") as stream:
        for minute in range(minutes):
            stamp = b"2026-11-20T%02d:%02d" % divmod(minute, 60)
            text = one_minute(draw, each, hostile) if hostile else templates[minute % 8]
            stream.write(text.replace(MINUTE, stamp))


def one_minute(draw: random.Random, size: int, hostile: bool) -> bytes:
    """Lines of so many bytes, as of the first minute of the day."""
    lines, written = [], 0
    while written < size:
        lines.append(line(draw, hostile))
        written += len(lines[-1]) + 26
    seconds = sorted(draw.randrange(60_000) for _ in lines)
    stamped = (f":{at // 1000:02d}.{at % 1000:03d}Z {text}\n".encode() for at, text in zip(seconds, lines))
    return b"".join(MINUTE + text for text in stamped)


def measure(path: str, window: str) -> None:
    """In a process of its own: read the log, print the figures."""
    from edge.log.reading import read_log
    from edge.log.window import Window
    from edge.timeouts.files import Node

    place = Path(path)
    started = time.process_time()
    fact = read_log(Node(str(place.parent)), f"/{place.name}", Window.from_mapping(json.loads(window)))
    seconds = time.process_time() - started
    counts = {name: seen["count"] for name, seen in fact["classes"].items() if seen["count"]}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts it in KiB
    print(json.dumps({"seconds": seconds, "memory": memory, "lines": fact["lines"], "counts": counts,
                      "in_window": fact["lines_in_window"], "problems": fact["problems"]}))  # fmt: skip


def read_plain(path: str) -> None:
    """In a process of its own: what it costs to read the file, and nothing else."""
    started = time.process_time()
    with open(path, "rb", buffering=0) as stream:
        while stream.read(1 << 16):
            pass
    print(json.dumps({"seconds": time.process_time() - started}))


def own(*arguments: str) -> dict[str, object]:
    """This program in a process of its own."""
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def wc(path: Path) -> float:
    """The processor seconds of `wc -l`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["wc", "-l", str(path)], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show(title: str, path: Path, window: dict[str, str]) -> dict[str, object]:
    """One measurement beside its baselines, taken right before it."""
    size = path.stat().st_size / 1e6
    plain, counted = float(str(own("--plain", str(path))["seconds"])), wc(path)
    found = own("--measure", str(path), json.dumps(window))
    seconds = float(str(found["seconds"]))
    print(f"{title}: {size:,.0f} MB, {found['lines']:,} lines, {found['in_window']:,} in the window, {found['counts']}")
    print(f"  {size / seconds:,.0f} MB/s in {found['memory']:.0f} MB")
    print(f"  a plain read is {seconds / plain:.1f} times as fast, wc -l {seconds / counted:.1f} times")
    return {"rate": size / seconds, "memory": found["memory"]}


def report(name: str, reached: bool, text: str) -> None:
    print(f"{'reached' if reached else 'MISSED '}  {name}: {text}")


def main() -> int:
    """Run every measurement."""
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], sys.argv[3])
        return 0
    if sys.argv[1:2] == ["--plain"]:
        read_plain(sys.argv[2])
        return 0
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory(prefix="edgepath-bench-") as directory:
        log = Path(directory) / "edge.log"
        write(log, megabytes)
        whole = show("no window, every line is looked at", log, {})
        part = show("a window of 15 minutes", log, WINDOW)
        write(log, max(1, megabytes // 10), hostile=True, minutes=144)
        hostile = show("no window, every line has a word of its own", log, {})
    for name, figures in (("whole log", whole), ("window", part), ("hostile log", hostile)):
        rate, memory = float(str(figures["rate"])), float(str(figures["memory"]))
        report(f"{name}, MB/s", rate >= RATE_TARGET, f"{rate:,.0f} (target {RATE_TARGET:.0f})")
        report(f"{name}, memory", memory < MEMORY_TARGET, f"{memory:.0f} MB (target under {MEMORY_TARGET:.0f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
