# SPDX-License-Identifier: GPL-3.0-or-later
"""Job -> bucket -> package: what was asked for, and how far each of it came. Pure.

{"asked": 3, "found": 2, "fetched": 2, "verified": 2, "missing": 1, "duplicate": 0, "complete": False,
 "items": [{"asked": "recording 5a1f...", "state": one of STATES, "reason", "keys": [...]}],
 "duplicates": [{"asked", "keys" | "same_content"}], "metadata_missing": [key]}
Complete means: everything asked for is verified, its metadata too, and with a package: is packaged, which is a state
and a count then. Nothing asked for is not complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .keys import belongs

STATES = ("missing", "found", "fetched", "verified", "packaged")


def reconcile(
    plan: Mapping[str, Any],
    results: Iterable[Mapping[str, Any]],
    failures: Mapping[str, str],
    packaged: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """plan: see plan.py.  results: of the engine, each with "key", "version_id", "sha256", "verified".
    failures: key -> why it was not fetched.  packaged: key -> SHA-256 in the package, where one was made already.
    """
    by_key = {str(result["key"]): result for result in results}
    objects: Sequence[Mapping[str, Any]] = plan["objects"]
    missing = {str(item["asked"]): str(item["reason"]) for item in plan["missing"]}
    states = {str(item["key"]): _state(item, by_key.get(str(item["key"])), failures, packaged) for item in objects}
    items = []
    for asked in plan["asked"]:
        name = f"{asked['kind']} {asked['value']}"
        of_it = [item for item in objects if name in item["asked"]]
        items.append(_item(name, of_it, states, missing.get(name)))
    duplicates = [*plan["duplicates"], *_same_content(by_key.values())]
    counts = {state: sum(STATES.index(item["state"]) >= rank for item in items) for rank, state in enumerate(STATES)}
    in_package = {} if packaged is None else {"packaged": counts["packaged"]}
    goal = "verified" if packaged is None else "packaged"
    return {
        "asked": len(items),
        **in_package,
        "found": counts["found"],
        "fetched": counts["fetched"],
        "verified": counts["verified"],
        "missing": sum(item["state"] == "missing" for item in items),
        "duplicate": len(duplicates),
        "complete": bool(items) and counts[goal] == len(items),
        "items": items,
        "duplicates": duplicates,
        "metadata_missing": _without_metadata(objects),
    }


def _item(
    name: str, objects: Sequence[Mapping[str, Any]], states: Mapping[str, tuple[str, str]], missing: str | None
) -> dict[str, Any]:
    """The least that any of its objects came to is what it came to."""
    keys = [str(item["key"]) for item in objects]
    if missing is not None or not keys:
        return {"asked": name, "state": "missing", "reason": missing or "the plan has nothing for it", "keys": keys}
    # What was left alone on account of another is no reason by itself.
    refused = {str(item["key"]) for item in objects if item["state"] != "fetch"}
    worst = min(keys, key=lambda key: (STATES.index(states[key][0]), key not in refused))
    state, reason = states[worst]
    return {"asked": name, "state": state, "reason": f"{worst}: {reason}" if reason else "", "keys": keys}


def _state(
    item: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    failures: Mapping[str, str],
    packaged: Mapping[str, str] | None,
) -> tuple[str, str]:
    key = str(item["key"])
    if item["state"] == "missing":
        return "missing", str(item["reason"])
    if item["state"] != "fetch":
        return "found", str(item["reason"])
    if result is None:
        return "found", failures.get(key, "it was not fetched")
    if result["version_id"] != item["version_id"]:
        return "found", f"version {result['version_id']} was fetched, the plan says {item['version_id']}"
    if not result["verified"]:
        return "fetched", "nothing of the storage's could be compared with it"
    if packaged is None:
        return "verified", ""
    if packaged.get(key) != result["sha256"]:
        return "verified", "the package does not hold these bytes" if key in packaged else "the package lacks it"
    return "packaged", ""


def _same_content(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Keys whose bytes are the same: a recording that was exported twice is one recording."""
    by_hash: dict[str, list[str]] = {}
    for result in results:
        if result["size"]:
            by_hash.setdefault(str(result["sha256"]), []).append(str(result["key"]))
    return [{"same_content": digest, "keys": sorted(keys)} for digest, keys in by_hash.items() if len(keys) > 1]


def _without_metadata(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    metadata = [str(item["key"]) for item in objects if item["role"] == "metadata"]
    recordings = [str(item["key"]) for item in objects if item["role"] == "recording"]
    return [key for key in recordings if not any(belongs(other, key) for other in metadata)]
