# SPDX-License-Identifier: GPL-3.0-or-later
"""What the five audit modules share: the argument spec, and the order gather, judge, store, exit."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .finding import Asker, Check, EdgepathError, Finding, Unread
from .run import Run, Step, plain
from .targets import EDGE_OPTIONS, Edge, edges_from

# gather(edges, run) -> ({edge name: facts}, {permission: number of calls})
Gather = Callable[[Sequence[Edge], Run], "tuple[dict[str, Any], dict[str, int]]"]
# judge(edge, facts of this domain, upstream) -> findings; upstream is {domain: facts or Unread}
Judge = Callable[[Edge, Any, Mapping[str, Any]], Sequence[Finding]]

AUDIT_SPEC: dict[str, Any] = {
    "edges": {"type": "list", "elements": "dict", "options": EDGE_OPTIONS},
    "run_dir": {"type": "path"},
}
REQUIRED_ONE_OF = [["edges", "run_dir"]]


def audit(
    domain: str, catalogue: Mapping[str, Check], gather: Gather, judge: Judge, upstream: Sequence[str] = ()
) -> None:
    """The main() of an audit module: gather for all edges, judge each, store the step, exit.

    Every edge answers every check of the catalogue: where the judge left one out, or gathering failed, the finding is
    unknown. Nothing is ever changed, so check mode is the same.
    """
    module = AnsibleModule(argument_spec=AUDIT_SPEC, required_one_of=REQUIRED_ONE_OF, supports_check_mode=True)
    run = Run(module.params["run_dir"])
    step = Step(domain)
    try:
        edges, errors = edges_from(module.params["edges"] or run.targets())
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    try:
        step.facts, step.calls = gather(edges, run) if edges else ({}, {})
    except EdgepathError as error:
        errors.update({edge.name: f"edge {edge.name}: {error}" for edge in edges})
        edges = []
    except Exception as error:  # noqa: BLE001 - told as an unknown answer; the other steps still run, and say theirs
        errors.update({edge.name: f"edge {edge.name}: {_broke(f'gathering {domain}', error)}" for edge in edges})
        edges = []
    for edge in edges:
        above = {name: run.upstream(name, edge.name) for name in upstream}
        step.findings += judge_edge(edge, step.facts.get(edge.name), above, catalogue, judge)
    for name, message in errors.items():
        step.findings += unjudged(name, catalogue, Unread("error", f"edge_{domain}_audit", name, message))
    run.store(step)
    module.exit_json(**_result(step, errors, stored=run.directory is not None))


def judge_edge(
    edge: Edge, facts: Any, above: Mapping[str, Any], catalogue: Mapping[str, Check], judge: Judge
) -> list[Finding]:
    """The findings of one edge, complete: a check without an answer is unknown, not silence."""
    if facts is None:
        facts = Unread("not_collected", "gather", edge.name, f"edge {edge.name}: no facts were gathered")
    if isinstance(facts, Unread):
        return unjudged(edge.name, catalogue, facts)
    try:
        findings = list(judge(edge, facts, above))
    except Exception as error:  # noqa: BLE001 - one edge's odd facts must not keep the others from being judged
        message = f"edge {edge.name}: {_broke('judging', error)}"
        return unjudged(edge.name, catalogue, Unread("error", "judge", edge.name, message))
    answered = {finding.check for finding in findings}
    missing = {name: check for name, check in catalogue.items() if name not in answered}
    because = Unread("not_collected", "judge", edge.name, f"edge {edge.name}: the check gave no answer")
    return findings + unjudged(edge.name, missing, because)


def _broke(what: str, error: Exception) -> str:
    """A defect of this program as one sentence, with the place that a report of it needs."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({'/'.join(frames[-1].filename.split('/')[-2:])}:{frames[-1].lineno})" if frames else ""
    return f"{what} broke: {type(error).__name__}: {error}{where}; this is a defect of edgepath, please report it"


def unjudged(edge: str, catalogue: Mapping[str, Check], because: Unread) -> list[Finding]:
    """An unknown finding for every check of the catalogue."""
    asker = Asker(edge, catalogue)
    return [asker.unknown(check, edge, because) for check in catalogue]


def _result(step: Step, errors: Mapping[str, str], stored: bool) -> dict[str, Any]:
    statuses = Counter(finding.status for finding in step.findings)
    result: dict[str, Any] = {
        "changed": False,
        "summary": dict(sorted(statuses.items())),
        "calls": dict(sorted(step.calls.items())),
        "errors": dict(errors),
    }
    if not stored:
        result["findings"] = [finding.to_dict() for finding in step.findings]
        result["edge_facts"] = plain(step.facts)
    return result
