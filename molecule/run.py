#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs molecule's scenarios and says how each ended and how long it took.

One more at once than there are processors, since they wait as well as work.

python molecule/run.py [SCENARIO ...]; all of them by default. Where podman cannot run, the scenarios that
need nodes are counted as not run, with the reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / ".molecule"
_TAIL_LINES = 120
_NOT_RUN = 77


def main(arguments: list[str]) -> int:
    known = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        print(f"no scenario {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 1
    reason = _cannot_run()
    wanted = arguments or known
    skipped = [name for name in wanted if reason and _needs_nodes(name)]
    LOGS.mkdir(exist_ok=True)
    # The longest first.
    ordered = sorted((name for name in wanted if name not in skipped), key=lambda name: (name != "timeouts", name))
    with ThreadPoolExecutor(max_workers=1 + (os.cpu_count() or 1)) as pool:
        done = list(pool.map(_run, ordered))
    for name in skipped:
        print(f"not run  {name}: {reason}")
    for name, status, _ in done:
        if status:
            tail = (LOGS / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
            print(f"\n== {name}, the end of {LOGS / name}.log", *tail, sep="\n")
    failed = sum(1 for _, status, _ in done if status)
    print(f"molecule: {len(done) - failed} passed, {failed} failed, {len(skipped)} not run")
    return 1 if failed else 0


def _needs_nodes(name: str) -> bool:
    return 'EDGEPATH_NODES: ""' not in (ROOT / "molecule" / name / "molecule.yml").read_text(encoding="utf-8")


def _cannot_run() -> str:
    """Why hosts cannot be run here; empty where they can. The image is built now, once for all scenarios."""
    command = [sys.executable, "-m", "lab.hosts", "image"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, _NOT_RUN):
        raise SystemExit(f"molecule: {done.stderr.strip()}")
    return done.stderr.strip().removeprefix("hosts: not run: ") if done.returncode else ""


def _run(name: str) -> tuple[str, int, float]:
    began = time.monotonic()
    program = str(Path(sys.executable).with_name("molecule"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    with (LOGS / f"{name}.log").open("wb") as log:
        status = subprocess.run(
            [program, "test", "--scenario-name", name, "--no-command-borders"],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False,
        ).returncode  # fmt: skip
    seconds = time.monotonic() - began
    print(f"{'failed' if status else 'passed':8} {name}, {seconds:.0f} s", flush=True)
    return name, status, seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
