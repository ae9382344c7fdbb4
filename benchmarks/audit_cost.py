# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit costs, on the embedded lab.

(a) The audit of 50 local edges, as a ratio against `ansible -m ping` on the same hosts with the same forks, in turn in
    one run. Target: at most 3.
(b) AWS calls of the sweeps for 1, 50 and 500 edges of one account. Target: calls for shared objects do not grow; what
    each edge has of its own (its bucket) is stated apart.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils"), str(ROOT)]

from edge.bucket.facts import gather as bucket  # noqa: E402
from edge.egress.facts import gather as egress  # noqa: E402
from edge.iam.facts import gather as iam  # noqa: E402
from edge.run import Run  # noqa: E402
from edge.targets import Edge  # noqa: E402

EDGES = 50
ROUNDS = 3
CALL_COUNTS = (1, 50, 500)


def seconds(command: list[str], allowed: tuple[int, ...]) -> float:
    start = time.perf_counter()
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - start
    if answer.returncode not in allowed:
        sys.exit(f"{command[0]} ended with {answer.returncode}:\n{answer.stdout[-2000:]}{answer.stderr[-2000:]}")
    return elapsed


def against_ping() -> None:
    ratios = []
    for _ in range(ROUNDS):
        ping = seconds(["ansible", "fleet-*", "-m", "ping"], (0,))
        audit = seconds(["ansible-playbook", "audit.yml", "--limit", "fleet-*"], (0, 2))
        ratios.append(audit / ping)
        print(f"  ping {ping:6.1f} s   audit {audit:6.1f} s   ratio {ratios[-1]:.2f}", flush=True)
    median = statistics.median(ratios)
    print(f"{EDGES} edges: audit / ping = {median:.2f} (target 3: {'reached' if median <= 3 else 'MISSED'})")


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
        against_ping()
    else:
        state = json.loads((Path(os.environ["EDGEPATH_LAB_DIR"]) / "lab.json").read_text(encoding="utf-8"))
        print(f"(b) AWS calls for {', '.join(str(count) for count in CALL_COUNTS)} edges of one account")
        calls(state["hosts"])


if __name__ == "__main__":
    main()
