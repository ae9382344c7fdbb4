#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records the report of a run in the history, and writes into the report what changed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_history
short_description: Record a run in the history, and compare it with what was before
description:
  - Records the verdicts and findings of C(report.json) in SQLite or PostgreSQL, and writes into the report what is
    new, changed, fixed or gone since each edge's run before, what comes and goes, and the trend.
  - Every edge is compared with itself, so a run of a few edges says nothing of the others. A finding whose check could
    not be answered is not taken for fixed.
  - Any number of runs may record at once; each waits for the others. A run that was recorded already is left as it is.
  - A file of SQLite that is damaged, or that a newer edgepath wrote, is renamed and kept, and a new one is begun. One
    of an older edgepath is brought up to date, after a copy of it was made.
  - Where the run cannot be recorded the report stays as it was, RV(recorded) is false and RV(msg) says why. The module
    does not fail, so that the formats of the report are still written; the role fails the play after that.
  - What a run found is told once, by comparison with the run before. A run that never came to be whole must not stand
    between them, or what it found first would be told by none. So the role compares before the formats of the report
    are written, and records when they are on the disk.
  - Runs on the controller.
options:
  run_dir:
    description: The directory of the run, in which C(report.json) is.
    type: path
    required: true
  url:
    description:
      - Where the history is. An absolute path or C(sqlite:////path) for SQLite, C(postgresql://user@host/database) for
        PostgreSQL. A password belongs in C(~/.pgpass), and is refused here.
      - Empty to keep none.
    type: str
    required: true
  migrations_dir:
    description: The directory of the project's migrations, C(module_utils/edge/history/migrations).
    type: path
    required: true
  keep_days:
    description: Runs older than so many days are forgotten. 0 for no limit.
    type: int
    default: 400
  keep_runs:
    description: Only so many runs are kept, the newest. 0 for no limit.
    type: int
    default: 0
  flap_transitions:
    description: A finding that so often came or went in the last O(flap_runs) runs of its edge is flapping.
    type: int
    default: 4
  flap_runs:
    description: How many runs of an edge are looked at for that.
    type: int
    default: 10
  phase:
    description:
      - V(compare) writes into the report what changed and leaves the history as it is; V(record) records the run and
        leaves the report as it is, and refuses a run that is not complete. V(both) does both.
    type: str
    choices: [both, compare, record]
    default: both
author:
  - edgepath maintainers
requirements:
  - sqlalchemy
  - alembic
  - psycopg, for PostgreSQL
notes:
  - The history is a record of the audit and is written in check mode too. Nothing else is.
"""

EXAMPLES = r"""
- name: Record the run
  edge_history:
    run_dir: "{{ edge_run_dir }}"
    url: /srv/edgepath/history.sqlite
    migrations_dir: "{{ playbook_dir }}/../module_utils/edge/history/migrations"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
recorded:
  description:
    - Whether the run is in the history now, or was there before. True where none is kept.
    - Where O(phase) is V(compare), whether it was compared.
  returned: success
  type: bool
msg:
  description: Why it is not.
  returned: when it is not recorded
  type: str
  sample: "history /srv/edgepath/history.sqlite: database or disk is full"
since:
  description: The run before that it was compared with.
  returned: success
  type: str
  sample: 20261122T031500Z-9a7d22
counts:
  description: How many findings are new, changed, unchanged and fixed.
  returned: success
  type: dict
  sample: {new: 2, changed: 0, unchanged: 14, fixed: 1}
forgotten:
  description: How many old runs were forgotten.
  returned: success
  type: int
"""

import os
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.edge import ended
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.run import read_json, uncollected, write_json
from ansible.module_utils.edge.visible import visible_line
from ansible.module_utils.edge.writers.model import parse

try:
    from ansible.module_utils.edge.history import enrich, place, prune, query, record, store

    MISSING = None
except ImportError as error:
    MISSING = error.name

TREND_POINTS = 60
VERDICT_POINTS = 30


def keep(params: dict[str, object], warnings: list[str]) -> dict[str, object]:
    """Record the run and write its report anew; returns the module's result."""
    phase = params["phase"]
    path = os.path.join(str(params["run_dir"]), "report.json")
    unfinished = ended.unfinished(str(params["run_dir"])) if phase == "record" else None
    if unfinished is not None:
        raise EdgepathError(f"{params['run_dir']}: {unfinished}")
    data = read_json(path)
    report = parse(data, path)
    where = place.place(str(params["url"]))
    nothing = {"recorded": True, "since": None, "counts": {}, "forgotten": 0}

    def work(connection: object) -> tuple[object, dict[str, object], int]:
        if record.known(connection, report.run["id"]) is not None:
            return None, {}, 0
        held = connection.begin_nested()
        told = record.record(connection, report)
        now = datetime.now(timezone.utc)
        if phase == "record":
            return told, {}, prune.prune(connection, now, params["keep_days"], params["keep_runs"])
        names = list(report.edges)
        view = {
            "trend": query.trend(connection, names, TREND_POINTS),
            "verdicts": query.verdicts_of(connection, names, VERDICT_POINTS),
            "flapping": query.flapping(connection, names, params["flap_runs"], params["flap_transitions"]),
        }
        if phase == "compare":
            held.rollback()
            return told, view, 0
        return told, view, prune.prune(connection, now, params["keep_days"], params["keep_runs"])

    told, view, forgotten = store.write(where, str(params["migrations_dir"]), warnings, work)
    if told is None:
        return nothing
    if phase != "record":
        enrich.enrich(data, report, told, **view)
        try:
            write_json(path, data)
        except OSError as error:
            raise EdgepathError(f"cannot write {path}: {error.strerror}") from None
    counts = {word: told.counts()[word] for word in ("new", "changed", "unchanged", "fixed")}
    return {"recorded": True, "since": told.since, "counts": counts, "forgotten": forgotten}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "run_dir": {"type": "path", "required": True},
            "url": {"type": "str", "required": True},
            "migrations_dir": {"type": "path", "required": True},
            "keep_days": {"type": "int", "default": 400},
            "keep_runs": {"type": "int", "default": 0},
            "flap_transitions": {"type": "int", "default": 4},
            "flap_runs": {"type": "int", "default": 10},
            "phase": {"type": "str", "choices": ["both", "compare", "record"], "default": "both"},
        },
        supports_check_mode=True,
    )
    if not module.params["url"]:
        module.exit_json(changed=False, recorded=True, since=None, counts={}, forgotten=0)
    warnings: list[str] = []
    if MISSING is not None:
        result = {"recorded": False, "msg": missing_required_lib(MISSING), "since": None, "counts": {}, "forgotten": 0}
    else:
        try:
            with uncollected():
                result = keep(module.params, warnings)
        except EdgepathError as error:
            result = {"recorded": False, "msg": str(error), "since": None, "counts": {}, "forgotten": 0}
    for message in warnings:
        module.warn(visible_line(message))
    if not result["recorded"]:
        module.warn(f"the run is not in the history: {result['msg']}")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
