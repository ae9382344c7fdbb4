# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet costs the controller once its edges have answered, on the embedded lab.

1,000 edges of one account and region; what was read on one of them stands for what is read on all, so that the visits
themselves, which grow with the edges and run on them, are left out (audit_cost.py measures those). Each step runs as in
the playbook, one after another, in a process of its own. Targets: at most 1.5 GB in any step, the report within 60 s of
the last edge, and no more AWS calls for 1,000 edges than for 100.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils"), str(ROOT / "library"), str(ROOT)]

MANY, FEW = int(os.environ.get("EDGES", "1000")), 100
MOST_MB, MOST_SECONDS = 1536, 60
STEPS = ("dns", "egress", "iam", "bucket", "timeouts", "log")
ROLE = "arn:aws:iam::123456789012:role/edgepath-audit"


def edges(hosts: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The first edges of the lab's fleet as the first step of the playbook writes them to run.json."""
    common = {
        "region": "eu-west-2", "storage_endpoint": "s3.eu-west-2.amazonaws.com", "audit_role_arn": ROLE,
        "prefix": "exports/", "export_service": "edge-export.service", "export_config_path": "/opt/edge/export.yaml",
        "export_config_keys": {"read_timeout": "export.read_timeout", "versions": "export.versions"},
        "log_path": "/var/log/genesys/edge.log", "payload": {"longest_minutes": 240, "pace": 3},
    }  # fmt: skip
    names = sorted(name for name in hosts if name.startswith("fleet-"))[:count]
    return [{**common, **{key[5:]: value for key, value in hosts[name].items()}, "name": name} for name in names]


def prepare(directory: Path, given: list[dict[str, Any]], facts: Any) -> None:
    from edge.run import facts_path, write_json

    begun = {"id": directory.name, "started": "2026-11-23T00:00:00+00:00", "version": "0", "commit": None,
             "caller": "bench", "edges": given, "errors": {}}  # fmt: skip
    write_json(str(directory / "run.json"), begun)
    for edge in given:
        write_json(facts_path(str(directory), edge["name"]), facts)


def visited(edge: dict[str, Any]) -> Any:
    """What edge_facts reads on one edge."""
    import ansible.module_utils

    ansible.module_utils.__path__.append(str(ROOT / "module_utils"))
    from ansible.module_utils.edge.run import plain
    from ansible.module_utils.edge.targets import Edge
    from ansible.module_utils.edge.visit import GATHERERS, gather

    return plain(gather(Edge.from_mapping(edge), list(GATHERERS)))


def step(module: str, **arguments: Any) -> tuple[float, float]:
    """Seconds and peak MB of a module, with the ansible that runs it."""
    command = [str(Path(sys.executable).with_name("ansible")), "localhost", "-i", "localhost,", "-c", "local", "-e",
               f"ansible_python_interpreter={sys.executable}", "-m", module, "-a", json.dumps(arguments)]  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{module} ended with {process.returncode}: {said[-1500:]}")
    return time.perf_counter() - start, used.ru_maxrss / 1024


def calls(directory: Path) -> dict[str, int]:
    total: dict[str, int] = {}
    for name in STEPS:
        for permission, count in json.loads((directory / f"{name}.json").read_text())["calls"].items():
            total[permission] = total.get(permission, 0) + count
    return total


def measure(directory: Path) -> None:
    hosts = json.loads((Path(os.environ["EDGEPATH_LAB_DIR"]) / "lab.json").read_text())["hosts"]
    facts = visited(edges(hosts, 1)[0])
    few, many = directory / "few", directory / "many"
    prepare(few, edges(hosts, FEW), facts)
    step("edge_path_audit", run_dir=str(few))
    prepare(many, edges(hosts, MANY), facts)
    arguments: dict[str, tuple[str, dict[str, str]]] = {"path": ("edge_path_audit", {}), "report": ("edge_report", {})}
    migrations, templates = ROOT / "module_utils/edge/history/migrations", ROOT / "roles/edge_report/templates"
    arguments["history"] = (
        "edge_history",
        {"url": str(directory / "history.sqlite"), "migrations_dir": str(migrations)},
    )
    arguments["formats"] = ("edge_report_write", {"template_dir": str(templates)})
    costs = {}
    for name, (module, given) in arguments.items():
        costs[name] = step(module, run_dir=str(many), **given)
        print(f"  {name:<10} {costs[name][0]:6.1f} s  {costs[name][1]:7.0f} MB", flush=True)
    seconds, most = sum(cost[0] for cost in costs.values()), max(cost[1] for cost in costs.values())
    size = (many / "report.json").stat().st_size / 2**20
    print(f"{MANY} edges: all steps after the last edge {seconds:.0f} s ({verdict(seconds, MOST_SECONDS)} s), "
          f"report.json {size:.0f} MB")  # fmt: skip
    print(f"peak memory of a step {most:.0f} MB ({verdict(most, MOST_MB)} MB)")
    before, after = calls(few), calls(many)
    more = {name: (before.get(name, 0), count) for name, count in after.items() if count > before.get(name, 0)}
    print(f"AWS calls for {FEW} edges {sum(before.values())}, for {MANY} edges {sum(after.values())}; more of {more}")


def verdict(value: float, target: float) -> str:
    return f"target {target:g}: {'reached' if value <= target else 'MISSED'},"


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        if "EDGEPATH_LAB_DIR" in os.environ:
            measure(Path(directory))
            return
        lab = [sys.executable, "-m", "lab", "run", "--dir", f"{directory}/lab", "--edges", str(MANY), "--"]
        subprocess.run([*lab, sys.executable, __file__], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
