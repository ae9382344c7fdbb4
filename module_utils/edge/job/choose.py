# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a job document, the job and the window that an edge's audit is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..finding import EdgepathError
from .model import Job
from .saved import read_document


def telling(jobs: Sequence[Job]) -> Job:
    """The failed job that ended last; where none failed, the job that ended last."""
    failed = [job for job in jobs if job.failed]
    return max(failed or jobs, key=lambda job: job.ended or job.started or 0.0)


def with_window(edge: dict[str, Any]) -> dict[str, Any]:
    """An element of `edges` with the window that its `job_path` tells, where it has none of its own.

    EdgepathError names edge, file and key where the document cannot be used.
    """
    path = edge.get("job_path")
    if not isinstance(path, str) or not path:
        return edge
    try:
        window = telling(read_document(path)).window
    except EdgepathError as error:
        raise EdgepathError(f"edge {edge.get('name')}: edge_job_path: {error}") from None
    return edge if window is None or edge.get("window") else {**edge, "window": window.to_dict()}
