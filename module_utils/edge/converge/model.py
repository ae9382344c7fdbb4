# SPDX-License-Identifier: GPL-3.0-or-later
"""What converge speaks: objects with states, actions that say which state an object should have, and changes.

An object is the smallest thing that is read, saved, written and restored whole: a file, a sysctl at run time, the rules
of a security group, a bucket's versioning. Its state is JSON; None means that the object is absent. Everything here is
pure: reading and writing is the business of node.py and of the kinds under cloud/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..finding import EdgepathError
from ..targets import Edge

State = Any
ABSENT = "absent"
# The domains that change something, in the order of the path.
ORDER = ("dns", "egress", "iam", "bucket", "timeouts")
NODE = "node"
CLOUD = "cloud"


class Refused(EdgepathError):
    """Why a fix is not applied: one sentence for the operator, with what to do."""


class NotWritten(EdgepathError):
    """An object was left as it is, since it stands otherwise than the change found it, or cannot be read."""


@dataclass(frozen=True, order=True)
class Ref:
    """One object. place: NODE (on the edge) or CLOUD (behind an API).

    kind: ``file``, ``sysctl``, ``security_group``, ``bucket_versioning``...  name: its path, key, ARN or id; for an
    object that may not exist yet, what finds it (``vpc-1/com.amazonaws.eu-west-2.s3``).
    """

    place: str
    kind: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}"

    def to_dict(self) -> dict[str, str]:
        return dict(self.__dict__)


Refs = Callable[[Edge, Mapping[str, Any]], Sequence[Ref]]
# desired(edge, fix, {ref.key: state}) -> {ref.key: wanted state} for the objects that it would change, or all; Refused
Desired = Callable[[Edge, Mapping[str, Any], Mapping[str, State]], Mapping[str, State]]


@dataclass(frozen=True)
class Action:
    """How the fixes of one name are applied. Pure.

    refs: the objects that the fix reads or changes.  desired: their wanted states, given the present ones; what others
    put there stays.  disruptive: why a live transfer would be disturbed, empty where it is not.
    consent: why the operator must name this action in edge_converge_allow first (it cannot be undone, it costs money).
    manual: why no program should make this change.  reloads: units (or programs) that must read their files again.
    validate: for files, the command that must accept the new content, with %s for its path.
    """

    name: str
    refs: Refs
    desired: Desired
    disruptive: str = ""
    consent: str = ""
    manual: str = ""
    reloads: Callable[[Edge, Mapping[str, Any]], Sequence[str]] = field(default=lambda _edge, _fix: ())
    validate: Callable[[Edge, Mapping[str, Any]], str | None] = field(default=lambda _edge, _fix: None)


@dataclass(frozen=True)
class Planned:
    """One fix of the plan. held: why it is not applied, empty where it is."""

    edge: str
    domain: str
    check: str
    resource: str
    fix: Mapping[str, Any]
    held: str = ""

    @property
    def action(self) -> str:
        return str(self.fix["action"])

    @property
    def summary(self) -> str:
        return str(self.fix.get("summary", self.action))

    def to_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "fix": dict(self.fix)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Planned:
        return cls(**data)


@dataclass(frozen=True)
class ObjectChange:
    """One object, as it was and as it shall be. because: the checks that ask for it; summaries: in words.

    absence: where it was absent, whose word that is (``NoSuchBucketPolicy``, ``ENOENT``). In a journal it stands in the
    place of the state, ``{"absent": "NoSuchBucketPolicy"}``; journals of older versions hold null, which is nobody's.
    """

    ref: Ref
    before: State
    after: State
    because: tuple[str, ...] = ()
    summaries: tuple[str, ...] = ()
    disruptive: tuple[str, ...] = ()
    reloads: tuple[str, ...] = ()
    validate: str | None = None
    absence: str = ""

    def to_dict(self) -> dict[str, Any]:
        held = {name: value for name, value in self.__dict__.items() if name != "absence"}
        return {
            **held,
            "ref": self.ref.to_dict(),
            "before": {ABSENT: self.absence} if self.before is None and self.absence else self.before,
            **{name: list(getattr(self, name)) for name in ("because", "summaries", "disruptive", "reloads")},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ObjectChange:
        lists = {name: tuple(data[name]) for name in ("because", "summaries", "disruptive", "reloads")}
        before: State = data["before"]
        absence = ""
        if isinstance(before, Mapping) and set(before) == {ABSENT}:
            before, absence = None, str(before[ABSENT])
        return cls(Ref(**data["ref"]), before, data["after"], **lists, validate=data.get("validate"), absence=absence)
