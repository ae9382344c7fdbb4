# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit costs, on the embedded lab.

(a) The audit of 50 local edges (EDGES), as a ratio against `ansible -m ping` on the same hosts with the same forks, in
    turn in one run, ROUNDS times. Target: at most 3. fleet_ssh.py does the same over SSH.
(b) AWS calls of the sweeps for 1, 50 and 500 edges of one account. Target: calls for shared objects do not grow; what
    each edge has of its own (its bucket) is stated apart.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils"), str(ROOT)]

from edge.bucket.facts import gather as bucket  # noqa: E402
from edge.egress.facts import gather as egress  # noqa: E402
from edge.iam.facts import gather as iam  # noqa: E402
from edge.run import Run  # noqa: E402
from edge.targets import Edge  # noqa: E402

EDGES = int(os.environ.get("EDGES", "50"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CALL_COUNTS = (1, 50, 500)
# With these, Python reads a module byte by byte and keeps nothing that it has compiled; no controller is run so.
SLOWING = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")


def seconds(command: Sequence[str], allowed: tuple[int, ...]) -> tuple[float, float]:
    """Wall and processor time of a command, with all that it started and waited for."""
    environment = {name: value for name, value in os.environ.items() if name not in SLOWING}
    used, start = _children(), time.perf_counter()
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - start
    if answer.returncode not in allowed:
        sys.exit(f"{command[0]} ended with {answer.returncode}:\n{answer.stdout[-2000:]}{answer.stderr[-2000:]}")
    return elapsed, _children() - used


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def against_ping(count: int, options: Sequence[str] = ()) -> None:
    """Ping and audit in turn, with the same options; the median of the ratios."""
    walls, processors = [], []
    for _ in range(ROUNDS):
        ping, ping_cpu = seconds(["ansible", "fleet-*", "-m", "ping", *options], (0,))
        audit, audit_cpu = seconds(["ansible-playbook", "audit.yml", "--limit", "fleet-*", *options], (0, 2))
        walls.append(audit / ping)
        processors.append(audit_cpu / ping_cpu)
        ratios = f"ratio {walls[-1]:.2f}, of processor time {processors[-1]:.2f}"
        print(f"  ping {ping:6.1f} s   audit {audit:6.1f} s   {ratios}", flush=True)
    median, processor = statistics.median(walls), statistics.median(processors)
    outcome = "reached" if median <= 3 else "MISSED"
    print(f"{count} edges: audit / ping = {median:.2f} (target 3: {outcome}), of processor time {processor:.2f}")


def edges(hosts: dict[str, Any], count: int) -> list[Edge]:
    """The first `count` edges of the lab's fleet, with the options that the AWS sweeps use."""
    names = sorted(name for name in hosts if name.startswith("fleet-"))[:count]
    own = {"instance_id", "interface_id", "aws_endpoint_url", "bucket"}
    return [
        Edge.from_mapping(
            {
                "bucket": f"euw2-recordings-{name}",
                "region": "eu-west-2",
                "audit_role_arn": "arn:aws:iam::123456789012:role/edgepath-audit",
                **{key[5:]: value for key, value in hosts[name].items() if key[5:] in own},
                "name": name,
            }
        )
        for name in names
    ]


def calls(hosts: dict[str, Any]) -> None:
    totals: dict[int, Counter[str]] = {}
    for count in CALL_COUNTS:
        total: Counter[str] = Counter()
        for gather in (egress, iam, bucket):
            total.update(gather(edges(hosts, count), Run(None))[1])
        totals[count] = total
    for permission in sorted({name for total in totals.values() for name in total}):
        counted = "  ".join(f"{totals[count][permission]:6d}" for count in CALL_COUNTS)
        print(f"  {permission:<45} {counted}")
    print(f"  {'sum':<45} " + "  ".join(f"{sum(totals[count].values()):6d}" for count in CALL_COUNTS))


def main() -> None:
    if "EDGEPATH_LAB_DIR" not in os.environ:
        with tempfile.TemporaryDirectory() as directory:
            lab = [sys.executable, "-m", "lab", "run", "--dir", f"{directory}/lab"]
            for mode, count in (("ping", EDGES), ("calls", max(CALL_COUNTS))):
                command = [*lab, "--edges", str(count), "--", sys.executable, __file__, mode]
                environment = {**os.environ, "EDGEPATH_RUNS_DIR": f"{directory}/runs"}
                subprocess.run(command, cwd=ROOT, check=True, env=environment)
        return
    if sys.argv[1] == "ping":
        print(f"(a) audit against ping, {EDGES} local edges")
        against_ping(EDGES)
    else:
        state = json.loads((Path(os.environ["EDGEPATH_LAB_DIR"]) / "lab.json").read_text(encoding="utf-8"))
        print(f"(b) AWS calls for {', '.join(str(count) for count in CALL_COUNTS)} edges of one account")
        calls(state["hosts"])


if __name__ == "__main__":
    main()
