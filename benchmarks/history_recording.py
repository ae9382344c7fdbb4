# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to record a fleet's run in the history, against writing its report.

    python benchmarks/history_recording.py [edges] [findings an edge]

Figures are processor seconds of this process, and ratios to writing report.json and its formats, HTML left out. The
first run writes every finding, a later one what differs; both compare the report and tell the trend, as edge_history
does.
"""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils")]

from edge.history import enrich, query, store  # noqa: E402
from edge.history.place import place  # noqa: E402
from edge.history.record import record  # noqa: E402
from edge.run import write_json  # noqa: E402
from edge.writers.formats import WRITERS  # noqa: E402
from edge.writers.model import parse  # noqa: E402

MIGRATIONS = str(ROOT / "module_utils" / "edge" / "history" / "migrations")
TARGET = 1.0
CHECK = {"title": "title", "severity": "high", "hop": "bucket", "effect": "none", "remediation": "cure", "source": "s"}


def fleet(edges: int, findings: int) -> dict[str, Any]:
    """report.json of a fleet: of ten findings one fails and one is unknown."""
    checks = {f"BENCH-{number:03}": dict(CHECK) for number in range(findings)}
    told = {}
    for number in range(edges):
        name = f"edge-{number:05}"
        of_edge = []
        for place_of, check in enumerate(checks):
            status = {3: "fail", 7: "unknown"}.get(place_of % 10, "pass")
            finding = {
                "check": check, "status": status, "edge": name, "hop": "bucket", "permissions": [],
                "resource": f"arn:aws:ec2:eu-west-2:123456789012:security-group/sg-{number:08x}{place_of:08x}",
                "expected": "the group lets the storage's addresses through",
                "observed": f"{place_of} of 13 ranges are reachable; no rule of the group admits the others",
                "evidence": [{"operation": "ec2:DescribeSecurityGroupRules", "request_id": "0123-4567-89ab", "n": 7}],
            }  # fmt: skip
            of_edge.append({**finding, "reason": "denied"} if status == "unknown" else finding)
        told[name] = {"verdict": "unknown", "sentence": "sentence", "path": [], "findings": of_edge}
    run = {"id": "run-0", "started": "2026-11-01T03:00:00+00:00", "finished": "2026-11-01T03:10:00+00:00",
           "version": "0.1.0"}  # fmt: skip
    coverage = {"expected": 0, "judged": 0, "missing_permissions": []}
    return {"schema": 1, "run": run, "edges": told, "coverage": coverage, "checks": checks}


def later(data: dict[str, Any], number: int) -> dict[str, Any]:
    """The same fleet a day later: one finding in a hundred was cured, and one in a hundred is new."""
    data = copy.deepcopy(data)
    data["run"].update(id=f"run-{number}", started=f"2026-11-{number + 1:02}T03:00:00+00:00")
    for place_of, edge in enumerate(data["edges"].values()):
        for at, finding in enumerate(edge["findings"]):
            if (at + place_of * 7 + number) % 100 == 0:
                finding.pop("reason", None)
                finding["status"] = "pass" if finding["status"] == "fail" else "fail"
    return data


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    before = time.process_time()
    result = work()
    return time.process_time() - before, result


def main() -> int:
    edges, findings = (int(text) for text in (sys.argv[1:] + ["1000", "100"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as directory:
        where = place(f"{directory}/history.sqlite")
        data = fleet(edges, findings)
        written, _ = timed(lambda: write_json(f"{directory}/report.json", data))
        size = Path(directory, "report.json").stat().st_size / 1e6
        print(f"{edges} edges of {findings} findings; report.json of {size:.0f} MB is written in {written:.2f} s")
        parsed = parse(data, "report.json")
        formats, _ = timed(lambda: [sum(map(len, write(parsed))) for write in WRITERS.values()])
        print(f"its formats, HTML left out, are made in {formats:.2f} s")
        written += formats
        worst = 0.0
        for number in range(3):
            today = later(data, number) if number else data
            reading, report = timed(lambda given=today: parse(given, "report.json"))

            def work(connection: Any, given: Any = report) -> Any:
                told = record(connection, given)
                names = list(given.edges)
                return (told, query.trend(connection, names, 60), query.verdicts_of(connection, names, 30),
                        query.flapping(connection, names, 10, 4))  # fmt: skip

            recording, (told, trend, verdicts, flapping) = timed(lambda do=work: store.write(where, MIGRATIONS, [], do))
            telling, _ = timed(
                lambda given=today, seen=report, t=told, points=trend, v=verdicts, f=flapping: enrich.enrich(
                    given, seen, t, points, v, f
                )
            )
            worst = max(worst, recording / written)
            counts = dict(told.counts())
            print(
                f"run {number}: read {reading:.2f} s, record {recording:.2f} s = {recording / written:.2f} of writing "
                f"the report, tell {telling:.2f} s; {counts}"
            )
        size = Path(directory, "history.sqlite").stat().st_size / 1e6
        print(f"history.sqlite after 3 runs: {size:.0f} MB")
    reached = "reached" if worst <= TARGET else "MISSED"
    print(f"recording costs at most {TARGET:g} of writing the report: {worst:.2f}, {reached}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
