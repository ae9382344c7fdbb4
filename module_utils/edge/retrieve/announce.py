# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a retrieval: the plan in lines, and a small file that says how far it is while it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ..visible import visible_line
from .progress import amount, line

PROGRESS_FILE = "progress.json"
_MOST = 100


class ProgressFile:
    """Called with the state of a retrieval, keeps it in <destination>/progress.json for whoever follows it.

    Replaced as a whole, and never forced to the disk: it is worth nothing after the run, and remove() takes it away.
    """

    def __init__(self, destination: str) -> None:
        self._path = os.path.join(destination, PROGRESS_FILE)

    def __call__(self, state: Mapping[str, Any]) -> None:
        fresh = f"{self._path}.new"
        with open(fresh, "w", encoding="utf-8", opener=_private) as stream:
            json.dump({**state, "line": words(state)}, stream)
        os.replace(fresh, self._path)

    def remove(self) -> None:
        for path in (self._path, f"{self._path}.new"):
            if os.path.exists(path):
                os.unlink(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def words(state: Mapping[str, Any]) -> str:
    """One line: bytes, share, rate, time left, and which object it is at."""
    at = f"; {state['number']} of {state['of']}: {state['object']}" if "object" in state else ""
    return visible_line(line(dict(state)) + at)


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """The plan as a person reads it: what is fetched, what is not and why, what is asked for and not there."""
    objects = plan["objects"]
    wanted = [item for item in objects if item["state"] == "fetch"]
    found = f"{len(wanted)} of {len(objects)} objects are to be fetched, {amount(plan['size'])}"
    lines = [f"plan: {len(plan['asked'])} asked for; {found}; rule {plan['rule']}"]
    # What is refused comes first, so that a long list cannot hide it.
    lines += [f"  MISSING    {item['asked']}: {item['reason']}" for item in plan["missing"]]
    lines += [_object(item) for item in objects if item["state"] != "fetch"]
    lines += [f"  duplicate  {item['asked']}: {', '.join(item['keys'])}" for item in plan["duplicates"]]
    lines += [_object(item) for item in wanted]
    if len(lines) > _MOST:
        lines = [*lines[:_MOST], f"  and {len(lines) - _MOST} lines more, see plan.json"]
    return [visible_line(each) for each in lines]


def _object(item: Mapping[str, Any]) -> str:
    notes = "".join(f"; {note}" for note in item["notes"])
    if item["state"] != "fetch":
        return f"  {item['state'].upper():10} {item['key']}: {item['reason']}{notes}"
    return f"  fetch      {item['key']}, version {item['version_id']}, {amount(item['size'])}: {item['reason']}{notes}"


def account_lines(found: Mapping[str, Any]) -> list[str]:
    """A reconciliation as a person reads it: the counts, then each thing that came short, with the reason."""
    names = ("asked", "found", "fetched", "verified", "packaged", "missing", "duplicate")
    counts = ", ".join(f"{name} {found[name]}" for name in names if name in found)
    goal = "packaged" if "packaged" in found else "verified"
    short = [item for item in found["items"] if item["state"] != goal]
    lines = [f"{counts}: {'complete' if found['complete'] else 'NOT COMPLETE'}"]
    lines += [f"{item['asked']} is {item['state']}: {item['reason']}" for item in short[:_MOST]]
    if len(short) > _MOST:
        lines.append(f"and {len(short) - _MOST} more")
    return [visible_line(each) for each in lines]
