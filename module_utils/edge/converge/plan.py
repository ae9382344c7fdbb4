# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: the fixes of an audit's failed findings, in the order of the domains, each applied or held with its reason.

<run_dir>/plan.json    {"items": [Planned, ...]}
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError, Finding, Unread
from ..run import Run, read_json, write_json
from .model import ORDER, Action, Planned

PLAN = "plan.json"


@dataclass(frozen=True)
class Wish:
    """What the operator lets converge do.

    allow: actions that need consent and have it.  skip: checks or actions that are to be left alone.
    """

    allow: Collection[str] = ()
    skip: Collection[str] = ()

    def check(self, actions: Mapping[str, Action], checks: Collection[str]) -> None:
        """EdgepathError where a word is neither an action nor a check."""
        for word in self.allow:
            if word not in actions:
                raise EdgepathError(f"edge_converge_allow: {word!r} is no action; see docs/converge.md")
        for word in self.skip:
            if word not in actions and word not in checks:
                raise EdgepathError(f"edge_converge_skip: {word!r} is neither a check nor an action")


def make(domain: str, findings: Iterable[Finding], actions: Mapping[str, Action], wish: Wish) -> list[Planned]:
    """The fixes of one domain's failed findings, without repetition."""
    found: dict[str, Planned] = {}
    for finding in findings:
        if finding.status != "fail" or not finding.fix:
            continue
        for fix in _flat(finding.fix):
            held = _held(finding.check, fix, actions, wish)
            item = Planned(finding.edge, domain, finding.check, finding.resource, fix, held)
            found.setdefault(f"{finding.edge} {finding.check} {sorted(fix.items(), key=str)}", item)
    return list(found.values())


def _flat(fix: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A fix and the further ones that it names under `then`, in order."""
    yield {key: value for key, value in fix.items() if key != "then"}
    for further in fix.get("then") or ():
        yield from _flat(further)


def _held(check: str, fix: Mapping[str, Any], actions: Mapping[str, Action], wish: Wish) -> str:
    name = str(fix.get("action"))
    action = actions.get(name)
    if check in wish.skip or name in wish.skip:
        return "left alone, as edge_converge_skip says"
    if action is None:
        return f"no program applies {name}; make this change by hand"
    if action.manual:
        return action.manual
    if action.consent and name not in wish.allow:
        return f"{action.consent}; name {name} in edge_converge_allow to have it done"
    return ""


def load(run_dir: str, edge: str, domain: str) -> list[Planned]:
    """The items of a run's plan for one edge and domain; EdgepathError where the run has no plan."""
    items = read_json(os.path.join(run_dir, PLAN))["items"]
    return [Planned.from_dict(item) for item in items if item["edge"] == edge and item["domain"] == domain]


def write(run_dir: str, actions: Mapping[str, Action], wish: Wish) -> list[Planned]:
    """Make the plan of a run from the findings that its audit stored, and store it."""
    run = Run(run_dir)
    items: list[Planned] = []
    for domain in ORDER:
        stored = run.step(domain)
        if isinstance(stored, Unread):
            raise EdgepathError(f"{stored.message}; converge follows an audit of the same run")
        items += make(domain, (Finding.from_dict(item) for item in stored["findings"]), actions, wish)
    write_json(os.path.join(run_dir, PLAN), {"items": [item.to_dict() for item in items]})
    return items
