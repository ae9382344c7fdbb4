# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of cloud object while something between converge and the service lies: nothing is changed on it or lost.

The kinds are those of objects.KINDS, the lies those of lab/lies.py: a new one of either is tried by itself.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import botocore.awsrequest
import botocore.endpoint
import pytest
from ansible.module_utils.edge import aws as reading
from ansible.module_utils.edge.converge import journal as journals
from ansible.module_utils.edge.converge.cloud import objects
from ansible.module_utils.edge.converge.cloud.api import Cloud
from ansible.module_utils.edge.converge.confirm import made, same
from ansible.module_utils.edge.converge.execute import Done, Stopped, perform
from ansible.module_utils.edge.converge.journal import Journal
from ansible.module_utils.edge.converge.model import CLOUD, ObjectChange, Ref
from ansible.module_utils.edge.converge.work import as_found, undo
from ansible.module_utils.edge.finding import unread
from ansible.module_utils.edge.run import read_json
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

from lab.lies import LIES, Asked, told
from tests.unit.converge.kinds import AT_ONCE, CASES, EDGE, REGION, Clients, _bucket, _table, _vpc

pytestmark = pytest.mark.xdist_group("faults")
# One of each sort: what is read when it has been written is as what is read before.
SOME = ("404 without body", "200 without body", "200 with HTML", "denied", "throttled")
_READS = re.compile("Get|Describe|List|Head")
_PAID = "<RequestPaymentConfiguration><Payer>%s</Payer></RequestPaymentConfiguration>"


class Wire:
    """Answers in the service's place.

    lies_to: "reads", "writes", "checks" (the reads after the first write), or "done" (writes, which are made all the
    same).
    """

    def __init__(self) -> None:
        self.payer = "Requester"
        self.tokens: set[str] = set()
        self.tell()

    def tell(self, lies_to: str = "", lie: str = "") -> None:
        self.lies_to, self.lie, self.told = lies_to, lie, 0
        self.writes: list[str] = []

    def answer(self, real: Callable[..., Any], event_name: str, request: Any) -> Any:
        _, service, operation = event_name.split(".")
        reads = bool(_READS.match(operation))
        if not reads:
            self.writes.append(operation)
        meant = {
            "reads": reads, "writes": not reads, "done": not reads, "checks": reads and bool(self.writes), "": False,
        }[self.lies_to]  # fmt: skip
        token = re.search(r"ClientToken=([^&]+)", str(request.body))
        if token is not None and token[1] in self.tokens:
            meant = True  # the service knows a request again, and moto does not
        elif not meant or self.lies_to == "done":
            self.tokens.add(token[1] if token else "")
            answer = self._paid(request, reads) if "?requestPayment" in request.url else real(event_name, request)
        if not meant:
            return answer
        self.told += 1
        target = request.headers.get("X-Amz-Target") or b""
        reply = told(self.lie, Asked(request.method, service, bytes(target).decode() if target else ""))
        return _response(request, reply.status, dict(reply.headers), reply.body)

    def _paid(self, request: Any, reads: bool) -> Any:
        """moto does not keep who pays."""
        if not reads:
            self.payer = re.search(r"<Payer>(\w+)<", str(request.body))[1]  # type: ignore[index]
        body = (_PAID % self.payer).encode() if reads else b""
        return _response(request, 200, {"x-amz-request-id": "0123456789ABCDEF"}, body)


def _response(request: Any, status: int, headers: dict[str, str], body: bytes) -> Any:
    raw = io.BytesIO(body)
    raw.stream = lambda *_a, **_k: iter([body])  # type: ignore[attr-defined]
    return botocore.awsrequest.AWSResponse(request.url, status, headers, raw)


class Few(Clients):
    """Clients of their own, with few attempts."""

    made: ClassVar[dict[Any, Any]] = {}


class Account:
    """execute.World of one account, reached as converge reaches it."""

    def __init__(self, session: Any, wire: Wire) -> None:
        self.session, self.wire = session, wire
        self.absences: dict[str, str] = {}

    def read(self, refs: Any) -> tuple[dict[str, Any], list[Any]]:
        states = objects.read(EDGE, refs, Cloud(EDGE, self.session), self.absences)
        return json.loads(json.dumps(states)), []

    def absence(self, ref: Ref) -> str:
        return self.absences.get(ref.key, "")

    def write(self, change: ObjectChange) -> None:
        objects.write(EDGE, change, Cloud(EDGE, self.session), AT_ONCE)

    def reload(self, units: Any) -> list[str]:
        return []


SESSION = Few("testing", "testing", region_name=REGION)


def _tables(before: Any) -> list[list[str]]:
    found = SESSION.client("ec2").describe_route_tables()["RouteTables"]
    return [sorted(table["RouteTableId"] for table in found)[:1]]


def _gateway(session: Any) -> str:
    vpc = _vpc(session)
    _table(session, vpc)
    return f"{vpc}/com.amazonaws.{REGION}.s3"


MORE: list[tuple[str, Callable[[Any], str], Callable[[Any], Any]]] = [
    ("gateway_endpoint", _gateway, _tables),
    ("request_payment", _bucket, lambda before: "BucketOwner"),
]
EVERY = [*CASES, *MORE]
each_kind = pytest.mark.parametrize(
    ("kind", "make", "then"), EVERY, ids=[f"{kind}-{number}" for number, (kind, _, _) in enumerate(EVERY)]
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(reading, "MAX_ATTEMPTS", 2)
    wire, real = Wire(), BotocoreStubber.__call__
    monkeypatch.setattr(
        BotocoreStubber, "__call__", lambda self, *given, **named: wire.answer(partial(real, self), *given, **named)
    )
    with mock_aws():
        yield Account(SESSION, wire)


class Case:
    """One object, its wire, and a run to converge it in."""

    def __init__(self, world: Account, directory: Path, kind: str, make: Any, then: Any) -> None:
        self.world, self.wire, self.directory = world, world.wire, directory
        self.ref = Ref(CLOUD, kind, make(world.session))
        self.before = self.read()
        assert unread(self.before) is None
        self.after = then(self.before)
        self.runs = 0
        self.wire.tell()

    def read(self) -> Any:
        return self.world.read([self.ref])[0][self.ref.key]

    def truth(self) -> Any:
        self.wire.tell()
        return self.read()

    def change(self, **more: Any) -> ObjectChange:
        held = {"before": self.before, "after": self.after, "because": ("X-1",), **more}
        return ObjectChange(self.ref, **held)

    def converge(self, change: ObjectChange) -> Done:
        self.runs += 1
        run_dir = self.directory / str(self.runs)
        run_dir.mkdir()
        self.journal = Journal(str(run_dir), EDGE.name)
        return perform(self.world, self.journal, "bucket", [change])

    def roll_back(self) -> None:
        """What the journal of the last run says, on the object as it is."""
        self.wire.tell()
        states, _ = self.world.read([self.ref])
        entries = [entry for entry in self.journal.entries() if entry.state in journals.STANDING]
        begun = [place for place, entry in enumerate(entries) if entry.state == "begun"]
        undoing = undo(as_found([entry.change for entry in entries], begun, states), states, objects.MERGE)
        assert undoing.lost == []
        for change in undoing.changes:
            self.world.write(change)
        assert same(self.ref.kind, self.read(), self.before)


@pytest.fixture
def case_of(world: Account, tmp_path: Path) -> Callable[..., Case]:
    return lambda *given: Case(world, tmp_path, *given)


def test_every_kind_that_is_written_is_tried() -> None:
    assert {kind for kind, _, _ in EVERY} == {name for name, kind in objects.KINDS.items() if kind.write is not None}


@each_kind
def test_an_object_that_is_told_wrongly_is_unread(case_of: Any, kind: str, make: Any, then: Any) -> None:
    """Garbled now: neither a state nor absence, whatever lies in the service's place."""
    case = case_of(kind, make, then)
    for lie in LIES:
        case.wire.tell("reads", lie)
        assert unread(case.read()) is not None, lie
        assert case.wire.told and not case.wire.writes, lie


@each_kind
def test_an_object_that_is_told_wrongly_later_is_left(case_of: Any, kind: str, make: Any, then: Any) -> None:
    """Garbled later: it was read whole for the plan, and is not at the moment of the change."""
    case = case_of(kind, make, then)
    for lie in LIES:
        case.wire.tell("reads", lie)
        done = case.converge(case.change(absence=case.world.absence(case.ref)))
        assert done.changes == [] and "is not changed" in done.left[0][1], lie
        assert not case.wire.writes, lie
        assert [entry.state for entry in case.journal.entries()] == ["left"], lie
    assert same(kind, case.truth(), case.before)


@each_kind
def test_a_write_that_is_answered_wrongly_is_told_and_loses_nothing(
    case_of: Any, kind: str, make: Any, then: Any
) -> None:
    """Denied and throttled at the write, and an answer in the service's place to what the service never got."""
    case = case_of(kind, make, then)
    for lie in LIES:
        case.wire.tell("writes", lie)
        with pytest.raises(Stopped) as stopped:
            case.converge(case.change())
        assert case.wire.told and stopped.value.done.changes == [], lie
        assert same(kind, case.truth(), case.before), lie
        assert [entry.state for entry in case.journal.entries()] == ["begun"], lie
        case.roll_back()


@each_kind
def test_a_change_that_is_not_confirmed_is_told_and_goes_back(case_of: Any, kind: str, make: Any, then: Any) -> None:
    case = case_of(kind, make, then)
    for lie in SOME:
        case.wire.tell("checks", lie)
        with pytest.raises(Stopped, match="its former state is saved"):
            case.converge(case.change())
        assert case.wire.told, lie
        assert made(case.change(), case.truth()), lie
        case.roll_back()


@each_kind
def test_a_change_whose_answer_is_lost_goes_back(case_of: Any, kind: str, make: Any, then: Any) -> None:
    """The service did it, and something else answered."""
    case = case_of(kind, make, then)
    for lie in SOME:
        case.wire.tell("done", lie)
        with contextlib.suppress(Stopped):
            case.converge(case.change())
        assert case.wire.told, lie
        case.roll_back()


@each_kind
def test_an_object_that_somebody_changed_meanwhile_is_left(case_of: Any, kind: str, make: Any, then: Any) -> None:
    case = case_of(kind, make, then)
    done = case.converge(case.change(before={"somebody": "else"}))
    assert done.changes == [] and "somebody changed it a moment ago" in done.left[0][1]
    assert not case.wire.writes and same(kind, case.truth(), case.before)


@each_kind
def test_a_change_is_made_once_and_goes_back(case_of: Any, kind: str, make: Any, then: Any) -> None:
    """The counter-case: where nobody lies, it is done; and what it was before is a state, or the service's word."""
    case = case_of(kind, make, then)
    assert case.converge(case.change()).changes
    saved = read_json(case.journal.entries()[0].path)["change"]
    assert saved["before"] is not None and saved["after"] == case.truth()
    if case.before is None:
        assert re.search("NoSuch|NotFound|lists none", saved["before"]["absent"]), saved["before"]
    case.roll_back()


# There is always a caller; a group without rules and one that is not there answer alike; the wire tells who pays.
UNCLEAR = {"caller", "security_group_egress", "security_group_ingress", "request_payment"}


@pytest.mark.parametrize("kind", sorted(set(objects.KINDS) - UNCLEAR))
@pytest.mark.parametrize("name", ["{}", "arn:aws:iam::123456789012:role/{}", "arn:aws:iam::123456789012:policy/{}"])
def test_what_is_not_there_is_no_state(world: Account, kind: str, name: str) -> None:
    """Absent by the service's own word, or unread: never a document, and absent never without the word."""
    ref = Ref(CLOUD, kind, name.format("none-such/x"))
    state = world.read([ref])[0][ref.key]
    assert (
        unread(state) is not None or not state or state == {"enabled": False, "mode": None, "days": None, "years": None}
    )
    assert state is not None or world.absence(ref)
