# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects behind AWS' API: read their states, write one, and how each kind's change is taken back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from ...finding import EdgepathError, Unread, unread
from ...targets import Edge
from ..confirm import made, same
from ..model import NotWritten, ObjectChange, Ref, State
from . import ec2, endpoints, heard, iam, kms, locks, s3
from .api import Cloud, Unreadable
from .kind import Kind, Merge, Write

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


def read(
    edge: Edge, refs: Iterable[Ref], cloud: Cloud | None = None, absences: dict[str, str] | None = None
) -> dict[str, State]:
    """{ref.key: state}; the state of what could not be read is an unread fact with the permission that was missing.

    absences: takes, for each that is absent, the service's own word for it.
    """
    handle = cloud or Cloud(edge)
    wanted = list(refs)
    found = handle.read_all([_later(handle, ref) for ref in wanted])
    if absences is not None:
        absences.update({ref.key: word for ref, (_, word) in zip(wanted, found) if word})
    return {ref.key: state for ref, (state, _) in zip(wanted, found)}


def _later(cloud: Cloud, ref: Ref) -> Callable[[], tuple[State, str]]:
    return lambda: _read(cloud, ref)


def _read(cloud: Cloud, ref: Ref) -> tuple[State, str]:
    """The state, and where that is absence the service's word for it."""
    heard.note_absence("")
    try:
        state = KINDS[ref.kind].read(cloud, ref.name)
    except Unreadable as error:
        return error.because.to_fact(), ""
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What a reader takes for granted in an answer of the service, and did not find.
        message = f"cannot read {ref.kind} {ref.name}: the answer is not what the service sends ({error!r:.200})"
        return Unread("error", "read", ref.name, message).to_fact(), ""
    if state is not None:
        return state, ""
    word = heard.absence()
    if not word:
        message = f"cannot read {ref.kind} {ref.name}: nobody says that there is none"
        return Unread("error", "read", ref.name, message).to_fact(), ""
    return None, word


def write(edge: Edge, change: ObjectChange, cloud: Cloud | None = None, pauses: Iterable[float] = _PAUSES) -> None:
    """Make one change. Returns when the object is seen as it shall be, or after a while all the same: read it again.

    NotWritten where the object is no longer as the change found it, or cannot be read whole; EdgepathError where the
    API refuses, with operation, object and permission.
    """
    handle = cloud or Cloud(edge)
    ref, kind = change.ref, KINDS[change.ref.kind]
    if kind.write is None:
        raise EdgepathError(f"{ref.kind} {ref.name} is only looked at, never changed")
    current, _ = _read(handle, ref)
    _found_as(edge, ref, current, change)
    if same(ref.kind, current, change.after):
        return
    _send(edge, handle, kind.write, current, change)
    for pause in pauses:
        time.sleep(pause)
        found, _ = _read(handle, ref)
        if unread(found) is None and made(change, found):
            return


def _send(edge: Edge, cloud: Cloud, send: Write, current: State, change: ObjectChange) -> None:
    """Write it. What the writer itself must read first, and cannot, leaves the object as it is."""
    ref, sent = change.ref, len(cloud.sent)
    try:
        send(cloud, ref.name, current, change.after)
    except Unreadable as error:
        message = f"edge {edge.name}: {ref.kind} {ref.name} is not changed: {error}"
        if len(cloud.sent) == sent:
            raise NotWritten(message) from None
        raise EdgepathError(f"{message}; a part of the change is made") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"edge {edge.name}: {ref.kind} {ref.name}: an answer is not what the service sends ({error!r:.200})"
        if len(cloud.sent) == sent:
            raise NotWritten(f"{message}; it is not changed") from None
        raise EdgepathError(message) from None


def _found_as(edge: Edge, ref: Ref, current: Any, change: ObjectChange) -> None:
    gone = unread(current)
    if gone is not None:
        needs = f" (needs {', '.join(gone.permissions)})" if gone.permissions else ""
        raise NotWritten(
            f"edge {edge.name}: {ref.kind} {ref.name} is not changed, it cannot be read: {gone.message}{needs}"
        )
    if not any(same(ref.kind, current, known) for known in (change.before, change.after)):
        raise NotWritten(
            f"edge {edge.name}: {ref.kind} {ref.name} is not changed: somebody changed it a moment ago; run again"
        )
