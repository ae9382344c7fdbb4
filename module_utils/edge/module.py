# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit modules share: the argument spec, and the order gather, judge, store, exit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from . import ended
from .finding import Asker, Check, EdgepathError, Finding, Unread
from .forks import broke, shared_out
from .run import Run, Step, plain, uncollected
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
# So many are worth a further process that judges.
EDGES_A_PROCESS = 100


@dataclass(frozen=True)
class Domain:
    """One domain of the audit. upstream: the domains whose facts its judge is given."""

    name: str
    catalogue: Mapping[str, Check]
    gather: Gather
    judge: Judge
    upstream: tuple[str, ...] = ()


def audit(domain: Domain) -> None:
    """The main() of an audit module: gather for all edges, judge each, store the step, exit.

    Nothing is ever changed, so check mode is the same.
    """
    module = AnsibleModule(argument_spec=AUDIT_SPEC, required_one_of=REQUIRED_ONE_OF, supports_check_mode=True)
    run = Run(module.params["run_dir"])
    try:
        edges, errors = edges_from(module.params["edges"] or run.targets())
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    try:
        with uncollected():
            step, errors = audited(domain, run, edges, errors)
    except EdgepathError as error:
        ended.fail(run.directory, str(error))
        module.fail_json(msg=str(error))
    result = {"changed": False, "summary": _summary(step), "calls": dict(sorted(step.calls.items())), "errors": errors}
    if run.directory is None:
        result["findings"] = [finding.to_dict() for finding in step.findings]
        result["edge_facts"] = plain(step.facts)
    module.exit_json(**result)


def audit_path(names: Sequence[str], load: Callable[[str], Domain]) -> None:
    """The main() of the module that walks all domains of a run in their order, each as audit() does."""
    module = AnsibleModule(
        argument_spec={
            "run_dir": {"type": "path", "required": True},
            "domains": {"type": "list", "elements": "str", "choices": list(names)},
        },
        supports_check_mode=True,
    )
    run = Run(module.params["run_dir"])
    try:
        edges, wrong = edges_from(run.targets())
        asked = module.params["domains"]
        asked = run.steps(names) if asked is None else asked
    except EdgepathError as error:
        module.fail_json(msg=str(error))
    summary: dict[str, Any] = {}
    calls: Counter[str] = Counter()
    errors: dict[str, Any] = {}
    for name in names:
        if name not in asked:
            continue
        try:
            with uncollected():
                step, errors[name] = audited(load(name), run, edges, wrong)
        except EdgepathError as error:
            ended.fail(run.directory, str(error))
            module.fail_json(msg=str(error))
        summary[name] = _summary(step)
        calls.update(step.calls)
    module.exit_json(changed=False, summary=summary, calls=dict(sorted(calls.items())), errors=errors)


def audited(domain: Domain, run: Run, edges: Sequence[Edge], wrong: Mapping[str, str]) -> tuple[Step, dict[str, str]]:
    """The step of one domain, stored in the run, and the messages of the edges that could not be judged, by name.

    Every edge answers every check of the catalogue: where the judge left one out, or gathering failed, the finding is
    unknown. wrong: the messages of the edges whose variables are wrong.
    """
    step, errors = Step(domain.name), dict(wrong)
    run.of_step.clear()
    try:
        step.facts, step.calls = domain.gather(edges, run) if edges else ({}, {})
    except EdgepathError as error:
        errors.update({edge.name: f"edge {edge.name}: {error}" for edge in edges})
        edges = []
    except Exception as error:  # noqa: BLE001 - told as an unknown answer; the other steps still run, and say theirs
        why = broke(f"gathering {domain.name}", error)
        errors.update({edge.name: f"edge {edge.name}: {why}" for edge in edges})
        edges = []
    for name in domain.upstream:
        run.step(name)  # read once, before the work is shared out

    def judged(some: Sequence[Edge]) -> list[Finding]:
        findings: list[Finding] = []
        for edge in some:
            above = {name: run.upstream(name, edge.name) for name in domain.upstream}
            findings += judge_edge(edge, step.facts.get(edge.name), above, domain.catalogue, domain.judge)
        return findings

    try:
        step.findings = shared_out(judged, edges, EDGES_A_PROCESS, f"judging {domain.name}")
    except EdgepathError as error:
        errors.update({edge.name: f"edge {edge.name}: {error}" for edge in edges})
    for name, message in errors.items():
        because = Unread("error", f"edge_{domain.name}_audit", name, message)
        step.findings += unjudged(name, domain.catalogue, because)
    run.store(step)
    return step, errors


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
        message = f"edge {edge.name}: {broke('judging', error)}"
        return unjudged(edge.name, catalogue, Unread("error", "judge", edge.name, message))
    answered = {finding.check for finding in findings}
    missing = {name: check for name, check in catalogue.items() if name not in answered}
    because = Unread("not_collected", "judge", edge.name, f"edge {edge.name}: the check gave no answer")
    return findings + unjudged(edge.name, missing, because)


def unjudged(edge: str, catalogue: Mapping[str, Check], because: Unread) -> list[Finding]:
    """An unknown finding for every check of the catalogue."""
    asker = Asker(edge, catalogue)
    return [asker.unknown(check, edge, because) for check in catalogue]


def _summary(step: Step) -> dict[str, int]:
    """How many findings have each status."""
    return dict(sorted(Counter(finding.status for finding in step.findings).items()))
