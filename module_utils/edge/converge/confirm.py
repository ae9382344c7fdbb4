# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two states mean the same, and whether an object is what a change was to make of it. Pure.

A service says a thing in its own words: it adds its defaults (BucketKeyEnabled, a rule's ID, a document's Version) and
writes an account's number as the ARN of its root. What is compared after a write is therefore what the service makes of
it. Sources: Amazon S3 API Reference (ServerSideEncryptionRule, LifecycleRule, PublicAccessBlockConfiguration); AWS IAM
User Guide, "AWS JSON policy elements: Principal" (an account by its number and by its root mean the same).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .cloud import documents
from .model import ObjectChange, State

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
# What is kept of a file to put it back by, and is no part of what a program that reads the file sees.
_ASIDE = ("links", "mtime")
# By what an item of a list is known again.
_NAMES = ("ID", "Sid")


def _encryption(state: State) -> State:
    return [{"BucketKeyEnabled": False, **rule} for rule in state]


def _lifecycle(state: State) -> State:
    """A filter of nothing and one of the empty prefix act on the whole bucket."""
    rules = [{**rule, "Filter": {"Prefix": ""}} if rule.get("Filter") == {} else rule for rule in state["Rules"]]
    return {**state, "Rules": rules}


def _block(state: State) -> State:
    return {**dict.fromkeys(_BLOCKS, False), **state}


def _file(state: State) -> State:
    return {key: value for key, value in state.items() if key not in _ASIDE}


_NORMAL: Mapping[str, Callable[[State], State]] = {
    "bucket_encryption": _encryption,
    "bucket_lifecycle": _lifecycle,
    "public_access_block": _block,
    "file": _file,
    **dict.fromkeys(
        ("bucket_policy", "endpoint_policy", "inline_policy", "managed_policy", "trust_policy", "key_policy"),
        documents.canonical,
    ),
}


def normal(kind: str, state: State) -> State:
    """A state in the one form of its meaning, to be compared; it is never written. Of another form, it stays itself."""
    make = _NORMAL.get(kind)
    if make is None or state is None:
        return state
    try:
        return make(state)
    except (AttributeError, KeyError, TypeError, ValueError):
        return state


def same(kind: str, one: State, other: State) -> bool:
    """Whether two states of an object mean the same."""
    return bool(one == other or normal(kind, one) == normal(kind, other))


def made(change: ObjectChange, found: State) -> bool:
    """Whether a found state is what a change was to make: all that it asks for, and beyond it the service's own alone.

    A field that was neither there nor asked for is the service's own; one that was to go must be gone.
    """
    kind = change.ref.kind
    return _made(*(normal(kind, state) for state in (change.before, change.after, found)))


def _made(before: Any, wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        was, asked, held = (_told(item) for item in (before, wanted, found))
        added = held.keys() - asked.keys()
        return not (added & was.keys()) and all(
            key in held and _made(was.get(key), value, held[key]) for key, value in asked.items()
        )
    if isinstance(wanted, list) and isinstance(found, list):
        return _all_made(before if isinstance(before, list) else [], wanted, found)
    return bool(wanted == found)


def _told(item: Any) -> dict[str, Any]:
    return {key: value for key, value in item.items() if value is not None} if isinstance(item, Mapping) else {}


def _all_made(before: list[Any], wanted: list[Any], found: list[Any]) -> bool:
    """Whether each wanted item is there, and no other."""
    left = list(found)
    for item in wanted:
        was = _of_the_same_name(item, before)
        at = next((index for index, each in enumerate(left) if _made(was, item, each)), None)
        if at is None:
            return False
        del left[at]
    return not left


def _of_the_same_name(item: Any, items: Iterable[Any]) -> Any:
    if not isinstance(item, Mapping):
        return None
    name = next((item[key] for key in _NAMES if item.get(key)), None)
    held = [each for each in items if isinstance(each, Mapping)]
    if name is None:
        # Where items have no names, one alone is known by being the only one.
        return held[0] if len(held) == 1 else None
    return next((each for each in held if name in (each.get(key) for key in _NAMES)), None)
