# SPDX-License-Identifier: GPL-3.0-or-later
"""What part of the inventory a run covers, and which link it may take.

`runs/latest` leads to the newest run that covers all of the inventory. A run of a part (`--limit`, `--tags`, a shard)
takes it only where it covers whatever the run behind it covers; else `runs/latest-partial` leads to it, so that what
somebody reads under `latest` never shrinks unsaid. The link is made when all else of a run is on the disk (ended.py).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from .catalogue import DOMAINS
from .finding import EdgepathError
from .run import complete, read_json, state_of

WHOLE = "latest"
PART = "latest-partial"
_JUDGED = ("run.json", "timeouts.json", "report.json")


def covered(run_dir: str, begun: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The names of the edges that a run judged, and the steps that it left out."""
    edges = {str(edge["name"]) for edge in begun["edges"]} | set(begun.get("errors", {}))
    merged = begun.get("steps_left_out")
    if merged is not None:
        return edges, set(merged)
    return edges, {domain for domain in DOMAINS if not os.path.exists(os.path.join(run_dir, f"{domain}.json"))}


def scope(run_dir: str, begun: Mapping[str, Any]) -> dict[str, Any]:
    """``{"inventory", "edges", "left_out", "steps_left_out", "partial"}``; left_out: the first names of many.

    begun: run.json, whose ``inventory`` names all edges that there are; a run without it is of all that it was given.
    """
    edges, steps = covered(run_dir, begun)
    inventory = set(begun.get("inventory") or ()) | edges
    return {
        "inventory": len(inventory),
        "edges": len(edges),
        "left_out": sorted(inventory - edges)[:20],
        "steps_left_out": sorted(steps),
        "partial": bool(inventory - edges or steps),
    }


def chosen(run_dir: str, begun: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """The name of the link that may lead to this run. found: its scope."""
    whole = os.path.join(os.path.dirname(run_dir.rstrip("/")), WHOLE)
    return PART if found["partial"] and _fuller(whole, covered(run_dir, begun)) else WHOLE


def link(run_dir: str, begun: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Let `latest` or `latest-partial` lead to this run; the name of the link. OSError where it cannot be written.

    The link is replaced whole, so that no reader finds it missing.
    """
    parent, own = os.path.split(run_dir.rstrip("/"))
    name = chosen(run_dir, begun, found)
    temporary = os.path.join(parent, f".{name}-{own}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)  # of a process that was killed here
    os.symlink(own, temporary)
    os.replace(temporary, os.path.join(parent, name))
    return name


def _fuller(other: str, ours: tuple[Iterable[str], Iterable[str]]) -> bool:
    """Whether the run behind a link is whole, and covers an edge or a step that this run does not."""
    if state_of(other) not in (None, "complete"):
        return False
    try:
        edges, steps = covered(other, read_json(os.path.join(other, "run.json")))
    except EdgepathError:
        return False  # there is none, or it cannot be read by anyone else either
    return bool(edges - set(ours[0]) or set(ours[1]) - steps)


def runs(runs_dir: str) -> list[str]:
    """The directories of all runs, newest first; links to them are no runs, nor is what else lies there."""
    try:
        names = sorted(os.listdir(runs_dir), reverse=True)
    except OSError:
        return []
    found = [os.path.join(runs_dir, name) for name in names if not name.startswith(".")]
    return [path for path in found if os.path.exists(os.path.join(path, "run.json")) and not os.path.islink(path)]


def newest_with(runs_dir: str, edge: str) -> str | None:
    """The newest run that is whole and judged the edge's bounds in time; None where there is none."""
    for run_dir in runs(runs_dir):
        if not complete(run_dir) or not all(os.path.exists(os.path.join(run_dir, each)) for each in _JUDGED):
            continue
        try:
            begun = read_json(os.path.join(run_dir, "run.json"))
        except EdgepathError:
            continue  # kept by nobody who could be asked again; an older one may be whole
        if any(item.get("name") == edge for item in begun["edges"]):
            return run_dir
    return None
