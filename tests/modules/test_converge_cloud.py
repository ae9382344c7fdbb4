# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's broken edges: audit, plan, change through the API, audit again, and put everything back."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.bucket import checks as bucket_checks
from ansible.module_utils.edge.bucket import facts as bucket_facts
from ansible.module_utils.edge.converge import plan, work
from ansible.module_utils.edge.converge.actions import ACTIONS
from ansible.module_utils.edge.converge.cloud import objects
from ansible.module_utils.edge.converge.cloud.api import Cloud
from ansible.module_utils.edge.converge.model import CLOUD, ObjectChange, Planned
from ansible.module_utils.edge.egress import checks as egress_checks
from ansible.module_utils.edge.egress import facts as egress_facts
from ansible.module_utils.edge.finding import Finding
from ansible.module_utils.edge.iam import checks as iam_checks
from ansible.module_utils.edge.iam import facts as iam_facts
from ansible.module_utils.edge.module import judge_edge
from ansible.module_utils.edge.run import Run, Step, facts_path, plain, write_json
from ansible.module_utils.edge.targets import Edge

from lab.lifecycle import Lab, environment
from lab.world import ACCOUNT, REGION, S3_ADDRESSES
from tests.unit.egress.builders import host

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]
DOMAINS = {
    "egress": (egress_facts, egress_checks, "dns"),
    "iam": (iam_facts, iam_checks, "egress"),
    "bucket": (bucket_facts, bucket_checks, "iam"),
}
# moto enables object lock on empty buckets alone.
NOT_IN_MOTO = {"enable_object_lock"}
EVERYTHING = plan.Wish(allow=[name for name, action in ACTIONS.items() if action.consent and name not in NOT_IN_MOTO])
Key = tuple[str, str]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab") / "converge", say=lambda line: None) as running:
        yield running


class Bench:
    """One edge of the lab, audited and changed in this process."""

    def __init__(self, lab: Lab, name: str, directory: Path) -> None:
        held = lab.state["hosts"][name]
        self.edge = Edge.from_mapping(
            {
                "name": name,
                "region": REGION,
                "bucket": f"euw2-recordings-{name}",
                "prefix": "exports/",
                "audit_role_arn": f"arn:aws:iam::{ACCOUNT}:role/edgepath-audit",
                "converge_role_arn": f"arn:aws:iam::{ACCOUNT}:role/edgepath-converge",
                "aws_endpoint_url": held["edge_aws_endpoint_url"],
                "instance_id": held["edge_instance_id"],
            }
        )
        self.directory = directory
        self.cloud = Cloud(self.edge)

    def audit(self) -> list[Finding]:
        run = Run(str(self.directory))
        run.store(Step("dns", {self.edge.name: {"storage_addresses": list(S3_ADDRESSES)}}))
        write_json(facts_path(str(self.directory), self.edge.name), {"host": host()})
        found: list[Finding] = []
        for domain, (facts, checks, upstream) in DOMAINS.items():
            run = Run(str(self.directory))
            gathered, _ = facts.gather([self.edge], run)
            above = {upstream: run.upstream(upstream, self.edge.name)}
            gathered = plain(gathered) if domain != "bucket" else gathered
            found += judge_edge(self.edge, gathered[self.edge.name], above, checks.CATALOGUE, checks.judge)
            run.store(Step(domain, gathered))
        return found

    def items(self, findings: list[Finding]) -> list[Planned]:
        """What converge would do behind the API."""
        made = plan.make("cloud", findings, ACTIONS, EVERYTHING)
        return [item for item in made if not item.held and self._in_cloud(item)]

    def _in_cloud(self, item: Planned) -> bool:
        return all(ref.place == CLOUD for ref in ACTIONS[item.action].refs(self.edge, item.fix))

    def work_out(self, items: list[Planned]) -> work.Outcome:
        states = objects.read(self.edge, work.refs_of(self.edge, items, ACTIONS), self.cloud)
        return work.work_out(self.edge, items, ACTIONS, states)

    def write(self, changes: list[ObjectChange]) -> None:
        for change in changes:
            objects.write(self.edge, change, self.cloud, (0.0,))

    def states(self, changes: list[ObjectChange]) -> dict[str, Any]:
        return copy.deepcopy(objects.read(self.edge, [change.ref for change in changes], self.cloud))


def failed(findings: list[Finding]) -> set[str]:
    return {finding.check for finding in findings if finding.status == "fail"}


# edge, checks that fail before and pass afterwards
CURED = {
    "walled": {"EGRESS-20"},
    "patchy": {"EGRESS-22"},
    "denied": {"IAM-12"},
    "stale": {"BUCKET-05"},
}


@pytest.mark.parametrize("name", CURED)
def test_a_broken_edge_is_cured_and_put_back(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable, value in environment(lab.directory, lab.state).items():
        monkeypatch.setenv(variable, value)
    bench = Bench(lab, name, tmp_path)
    before = bench.audit()
    assert CURED[name] <= failed(before)

    items = bench.items(before)
    outcome = bench.work_out(items)
    predicted = json.loads(json.dumps([change.to_dict() for change in outcome.changes]))
    journal = [ObjectChange.from_dict(item) for item in predicted]
    assert journal, [f"{item.action}: {why}" for item, why in outcome.refused]
    originals = bench.states(journal)
    bench.write(journal)
    assert bench.states(journal) == {change.ref.key: change.after for change in journal}
    assert bench.work_out(items).changes == []

    after = bench.audit()
    cured = failed(before) - failed(after)
    assert CURED[name] <= cured, outcome.refused
    # Where there are versions, it can be asked who may delete them.
    asked_anew = {finding.check for finding in before if finding.status == "not_applicable"}
    assert failed(after) <= failed(before) | asked_anew

    undoing = work.undo(journal, bench.states(journal), objects.MERGE)
    bench.write(undoing.changes)
    told = {change.ref.key for change, _ in undoing.lost}
    left = {key: state for key, state in bench.states(journal).items() if state != originals[key]}
    assert set(left) <= told
