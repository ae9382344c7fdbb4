# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is asked for to exact object versions: lists, applies the rule, and looks at each chosen version once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from . import plan
from .asked import Asked
from .errors import TransferError
from .plan import Entry, Rule
from .store import Store

Answer = TypeVar("Answer")
Attempted = Callable[[Callable[[], Answer]], Answer]
# Of a version that is listed but cannot be had: the state that its object gets in the plan.
_STATES = {"gone": "missing", "archived": "archived"}


def resolve(
    store: Store, attempted: Attempted[Any], asked: Sequence[Asked], rule: Rule, prefix: str, metadata: bool
) -> dict[str, Any]:
    """The plan's objects, missing, duplicates and size. TransferError where a listing or a version cannot be read:
    half a listing would pass for all of it.
    """
    listed: dict[tuple[str, str], Entry] = {}
    for search in _searches(asked, prefix):
        listed.update(((entry.key, entry.version_id), entry) for entry in _list(store, attempted, search))
    made = plan.make(asked, listed.values(), rule, metadata)
    with ThreadPoolExecutor(store.source.connections) as pool:
        made["objects"] = list(pool.map(lambda item: _looked_at(store, attempted, item), made["objects"]))
    made["size"] = sum(item["size"] for item in made["objects"] if item["state"] == "fetch")
    return made


def _list(store: Store, attempted: Attempted[Any], prefix: str) -> list[Entry]:
    listed: list[Entry] = attempted(lambda: list(store.entries(prefix)))
    return listed


def _searches(asked: Sequence[Asked], prefix: str) -> list[str]:
    """The prefixes to list; one that lies below another is covered by it."""
    wanted = sorted({item.search(prefix) for item in asked})
    kept: list[str] = []
    for each in wanted:
        if not kept or not each.startswith(kept[-1]):
            kept.append(each)
    return kept


def _looked_at(store: Store, attempted: Attempted[Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """The object with the ETag and size that HeadObject states for this very version."""
    if item["state"] != "fetch":
        return dict(item)
    try:
        head = attempted(lambda: store.head(item["key"], item["version_id"]))
    except TransferError as error:
        if error.kind not in _STATES:
            raise
        return plan.refuse(item, _STATES[error.kind], str(error))
    why = plan.archived(head.get("StorageClass"), head.get("ArchiveStatus"), head.get("Restore"))
    if why is not None:
        return plan.refuse(item, "archived", why)
    size, etag = int(head["ContentLength"]), str(head.get("ETag", ""))
    if size != item["size"]:
        message = f"{item['key']}: listed with {item['size']} bytes, but it has {size}"
        raise TransferError("changed", f"{message}; it is being written, run again when it is complete")
    listed = str(item["etag"]).strip('"')
    # SeaweedFS lists the null version of a large object with an ETag of its own making.
    other = [f"the listing has the ETag {listed}"] if listed not in ("", etag.strip('"')) else []
    return {**item, "etag": etag, "notes": [*item["notes"], *other]}
