# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects behind AWS' API: read their states, write one, and how each kind's change is taken back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from ...finding import EdgepathError, unread
from ...targets import Edge
from ..model import NotWritten, ObjectChange, Ref, State
from . import ec2, endpoints, iam, kms, locks, s3
from .api import Cloud, Unreadable
from .kind import Kind, Merge

KINDS: dict[str, Kind] = {
    **ec2.KINDS,
    **endpoints.KINDS,
    **s3.KINDS,
    **locks.KINDS,
    **iam.KINDS,
    **kms.KINDS,
}
MERGE: dict[str, Merge] = {name: kind.merge for name, kind in KINDS.items() if kind.merge is not None}

# Seconds between looks at an object that was just written: some APIs tell of a change only after a while ("eventually
# consistent": Amazon EC2 API Reference, AWS IAM User Guide). Half a minute in all.
_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


def read(edge: Edge, refs: Iterable[Ref], cloud: Cloud | None = None) -> dict[str, State]:
    """{ref.key: state}; the state of what could not be read is an unread fact with the permission that was missing."""
    handle = cloud or Cloud(edge)
    wanted = list(refs)
    states = handle.read_all([_later(handle, ref) for ref in wanted])
    return {ref.key: state for ref, state in zip(wanted, states)}


def _later(cloud: Cloud, ref: Ref) -> Callable[[], State]:
    return lambda: _read(cloud, ref)


def _read(cloud: Cloud, ref: Ref) -> State:
    try:
        return KINDS[ref.kind].read(cloud, ref.name)
    except Unreadable as error:
        return error.because.to_fact()


def write(edge: Edge, change: ObjectChange, cloud: Cloud | None = None, pauses: Iterable[float] = _PAUSES) -> None:
    """Make one change. Returns when the object is seen as it shall be, or after a while all the same: read it again.

    EdgepathError where the object is no longer as the change found it (nothing is written then), or where the API
    refuses, with operation, object and permission.
    """
    handle = cloud or Cloud(edge)
    ref, kind = change.ref, KINDS[change.ref.kind]
    if kind.write is None:
        raise EdgepathError(f"{ref.kind} {ref.name} is only looked at, never changed")
    current = _read(handle, ref)
    _found_as(edge, ref, current, change)
    if current == change.after:
        return
    kind.write(handle, ref.name, current, change.after)
    for pause in pauses:
        time.sleep(pause)
        if _read(handle, ref) == change.after:
            return


def _found_as(edge: Edge, ref: Ref, current: Any, change: ObjectChange) -> None:
    gone = unread(current)
    if gone is not None:
        needs = f" (needs {', '.join(gone.permissions)})" if gone.permissions else ""
        raise NotWritten(
            f"edge {edge.name}: {ref.kind} {ref.name} is not changed, it cannot be read: {gone.message}{needs}"
        )
    if current not in (change.before, change.after):
        raise NotWritten(
            f"edge {edge.name}: {ref.kind} {ref.name} is not changed: somebody changed it a moment ago; run again"
        )
