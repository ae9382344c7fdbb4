# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe as a witness of a run: where it leaves what it saw, and what of that the report says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..finding import EdgepathError, Finding, Unread, unread
from ..iam.judge_observed import reconcile
from ..module import unjudged
from ..run import Run, Step, facts_path, read_json, write_json
from ..targets import Edge
from .catalogue import CATALOGUE

DOMAIN = "probe"
# What a stage asks of the storage when it is refused; a range is read by GetObject, and its key found by a listing.
_CALLS = {"head": "HeadBucket", "get": "GetObject", "write": "CreateMultipartUpload"}
_SHOWN = ("what", "predicted", "predicted_second", "bound", "observed", "observed_second", "agrees", "because")


def path_of(run_dir: str, edge: str) -> str:
    """Where the probe of an edge is kept in the directory of a run."""
    return os.path.join(run_dir, DOMAIN, os.path.basename(facts_path(run_dir, edge)))


def keep(run_dir: str, edge: str, facts: Mapping[str, Any], findings: Iterable[Finding]) -> None:
    """Leave what a probe saw in the run, for its report."""
    write_json(path_of(run_dir, edge), Step(DOMAIN, {edge: dict(facts)}, list(findings)).to_dict())


def heard(run: Run, edge: str) -> Any:
    """What the probe of an edge left (a Step), None where none was made in this run, Unread where it is cut."""
    if run.directory is None or not os.path.exists(path_of(run.directory, edge)):
        return None
    path = path_of(run.directory, edge)
    try:
        stored = read_json(path)
        return {
            "facts": dict(stored["facts"][edge]),
            "findings": [Finding.from_dict(item) for item in stored["findings"]],
        }
    except (EdgepathError, KeyError, TypeError, ValueError) as error:
        return Unread(
            "error", "read", path, f"edge {edge}: {path} is not what a probe leaves ({error}); probe it again"
        )


def added(audited: Sequence[Finding], edge: str, probe: Any) -> list[Finding]:
    """An edge's findings and those of its probe; what the probe observed replaces that nothing was observed."""
    if probe is None:
        return list(audited)
    found = unjudged(edge, CATALOGUE, probe) if isinstance(probe, Unread) else list(probe["findings"])
    told = {finding.check for finding in found}
    return [item for item in audited if item.check not in told or item.status != "not_applicable"] + found


def side_by_side(probe: Any) -> dict[str, Any] | None:
    """What the report shows of a probe beside its findings: {"comparison": [...], "causes": [...], "spent"}."""
    if probe is None or isinstance(probe, Unread):
        return None
    facts = probe["facts"]
    lines = [{key: line[key] for key in _SHOWN if key in line} for line in facts.get("comparison") or ()]
    return {"comparison": lines, "causes": list(facts.get("causes") or ()), "spent": facts.get("spent")}


def refusals(facts: Mapping[str, Any]) -> list[str]:
    """Requests of the probe that the storage refused, in the words of an SDK, as iam.observed reads them."""
    lines = []
    for stage in facts["stages"]:
        failed, call = stage.get("failure"), _CALLS.get(stage["stage"])
        if call and failed and failed["ended_by"] == "answer" and failed["code"] == 403:
            lines.append(f"An error occurred (403) when calling the {call} operation: {failed['error_text']}")
        if stage.get("code") == 403:
            lines.append("An error occurred (403) when calling the ListObjectsV2 operation: " + stage["reason"])
    return lines


def judge_refusals(edge: Edge, facts: Mapping[str, Any], upstream: Mapping[str, Any]) -> list[Finding]:
    """Each refusal against what the policies say (IAM-24). upstream: {"iam", "egress"}, each facts or Unread."""
    lines, held = refusals(facts), upstream.get("iam")
    if not lines or not isinstance(held, Mapping) or unread(held) is not None:
        return []  # without policies to compare with, PROBE-07 to PROBE-09 tell the refusal
    return reconcile(edge, held, upstream, lines)
