# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what the witnesses say: what was read on the edge, the job that failed, and the culprits that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..finding import EdgepathError, Unread, unread
from ..job.choose import telling, with_window
from ..job.saved import read_document
from ..run import Run, plain
from ..targets import Edge
from ..timeouts.death import rank
from .node import gather_node

UPSTREAM = "timeouts"


def gather(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
    """{edge: section "log" of what was read on it, with "job", "observed", "culprits"}, {}.

    job: the job of `edge_job_path` (Job.to_dict) | unread | None.  observed: how the transfer died, None where no job
    tells.  culprits: timeouts.death.rank of it, [] where nothing died.  An ad-hoc call, without a run, reads the
    machine that it runs on. Nothing is asked of AWS.
    """
    return {edge.name: _of(edge, run) for edge in edges}, {}


def _of(edge: Edge, run: Run) -> Any:
    job = _job(edge)
    section = plain(gather_node(_in_window(edge))) if run.directory is None else run.edge_facts(edge.name, "log")
    problem = unread(section)
    if problem is not None:
        return problem
    if not isinstance(section, dict):
        return Unread("error", "edge_facts", edge.name, f"edge {edge.name}: the section log is not as expected")
    observed = _observed(job, section)
    culprits = [] if observed is None else rank(observed, _ladder(run.upstream(UPSTREAM, edge.name)))
    return {**section, "job": job, "observed": observed, "culprits": culprits}


def _job(edge: Edge) -> Any:
    """The job that the edge's audit is about, as a fact."""
    if edge.job_path is None:
        return None
    try:
        return telling(read_document(edge.job_path)).to_dict()
    except EdgepathError as error:
        message = f"edge {edge.name}: edge_job_path: {error}"
        return Unread("error", "read", edge.job_path, message).to_fact()


def _in_window(edge: Edge) -> Edge:
    """The edge with its job's window: in a run edge_run has done that, an ad-hoc call does it here."""
    try:
        options = with_window({"name": edge.name, "job_path": edge.job_path, "window": dict(edge.window)})
    except EdgepathError:
        return edge  # the same document is unread in the fact `job`, with the message
    return Edge(**{**edge.__dict__, "window": options["window"]})


def _observed(job: Any, section: Mapping[str, Any]) -> dict[str, Any] | None:
    """The failed transfer; the job's own words first, what the log says of it where they are missing."""
    if job is None or unread(job) is not None or not job["failed"]:
        return None
    observed: dict[str, Any] = dict(job["observed"])
    if not observed.get("error_text"):
        observed["error_text"] = _last_words(section)
    return observed


def _last_words(section: Mapping[str, Any]) -> str | None:
    """The last failure that the log tells of in the window."""
    log = section.get("log")
    if not isinstance(log, Mapping) or unread(log) is not None:
        return None
    samples = [sample for seen in log["classes"].values() for sample in seen["samples"] if sample["time"]]
    last = max(samples, key=lambda sample: str(sample["time"]), default=None)
    return str(last["text"]) if last is not None else None


def _ladder(upstream: Any) -> list[Mapping[str, Any]] | None:
    """The path's bounds as the timeouts step left them; None where it left none."""
    if unread(upstream) is not None or not isinstance(upstream, Mapping):
        return None
    ladder = upstream.get("ladder")
    return list(ladder) if isinstance(ladder, list) else None
