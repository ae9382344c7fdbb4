# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run is whole, told by the run itself, and the end of one.

    <run_dir>/state.json    {"state": "begun" | "rewriting" | "complete" | "failed", "since": "<ISO 8601>", "why": ".."}

It is the first file of a run, and says `begun` until every format of the report is on the disk. A run that was killed
says `begun` for ever, one that failed says so and why where the disk still takes it; neither is taken for a whole one:
not by `latest`, not as an edge's newest run, not by a merge, not by the history. The link is made last of all.
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timezone
from typing import Any

from .finding import EdgepathError
from .latest import link, scope
from .run import STATE_FILE, complete, read_json, state_of, sync_directory, write_json

BEGUN, REWRITING, COMPLETE, FAILED = "begun", "rewriting", "complete", "failed"


def begin(run_dir: str) -> None:
    """Say that the run is not whole yet, before anything else of it is written."""
    _say(run_dir, BEGUN)


def rewrite(run_dir: str) -> None:
    """Say that the report of a run is made anew, as a probe does; it is whole again when its formats are, too."""
    if state_of(run_dir) is not None:
        _say(run_dir, REWRITING)


def finish(run_dir: str) -> str | None:
    """All that the run writes is on the disk: say that it is complete, and let `latest` or `latest-partial` lead to it.

    Returns the name of the link; None where none was made: a run that was whole or had failed before need not be the
    newest. EdgepathError where the disk does not take it.
    """
    run_dir = os.path.abspath(run_dir)
    was = state_of(run_dir)
    if was is None:
        return None  # no run, but a directory with a report in it
    try:
        for directory, names, _ in os.walk(run_dir):
            names[:] = [name for name in names if name in ("facts", "probe")]
            sync_directory(directory)
        _say(run_dir, COMPLETE)
        sync_directory(run_dir)
        if was != BEGUN:
            return None
        begun = read_json(os.path.join(run_dir, "run.json"))
        name = link(run_dir, begun, scope(run_dir, begun))
        sync_directory(os.path.dirname(run_dir))
    except OSError as error:
        raise EdgepathError(f"cannot end the run {run_dir}: {error.strerror}") from None
    return name


def fail(run_dir: str | None, why: str) -> None:
    """Say in a run that it failed. Where the disk takes not even that it stays `begun`, which is not whole either."""
    if run_dir is not None and state_of(run_dir) in (BEGUN, REWRITING):
        with contextlib.suppress(OSError):
            _say(run_dir, FAILED, why=why)


def _say(run_dir: str, state: str, **more: Any) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    write_json(os.path.join(run_dir, STATE_FILE), {"state": state, "since": now, **more})


def unfinished(run_dir: str) -> str | None:
    """What keeps a run from being whole, in a few words; None for one that is, and for a report without its run."""
    if complete(run_dir) or (state_of(run_dir) is None and not os.path.exists(os.path.join(run_dir, "run.json"))):
        return None
    return {FAILED: "its run failed", REWRITING: "its run is being written anew, or was killed meanwhile"}.get(
        state_of(run_dir) or "", "its run has not ended, or was killed"
    )
