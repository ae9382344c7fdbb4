# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit of the lab's edges inside this process: AWS' answers are recorded once and replayed.

Each of them can be denied, throttled, cut or held back in turn, at the level of HTTP; all above is the program's own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.awsrequest
import botocore.endpoint
import botocore.exceptions
import botocore.httpsession
import botocore.loaders
import pytest
from ansible.module_utils.edge import aws
from ansible.module_utils.edge.run import facts_path, read_json, write_json
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.testing import patch_module_args

DOMAINS = ("dns", "egress", "iam", "bucket", "timeouts", "log")
# Two attempts show that a retry is made and that it ends; the waits between them are botocore's own, and are left out.
ATTEMPTS = 2
LOADER = botocore.loaders.Loader(include_default_search_paths=True)
_SIGNED = re.compile(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")


@dataclass(frozen=True)
class Call:
    """One request as AWS sees it. who: the identity that signed it, since the answer depends on that."""

    service: str
    permission: str
    who: str
    key: str


@dataclass
class Answer:
    """What came back; failure: the error of the connection, where nothing did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: Exception | None = None


Tape = dict[Call, Answer]
Fault = Callable[[Any, Call], Answer]
_ASKING = threading.local()


class Wire:
    """Stands in for botocore's HTTP session: records what the real one answers, or replays it with one fault."""

    def __init__(self, tape: Tape, real: Callable[..., Any] | None = None) -> None:
        self.tape, self.real = tape, real
        self.meets: Callable[[Call], bool] = lambda call: False
        self.fault: Fault | None = None
        self.hit: list[Call] = []
        self.unforeseen: list[Call] = []
        self.made: list[Call] = []
        # The keys of a role change with every session; what they stand for does not.
        self._sessions: dict[str, str] = {}

    def send(self, session: Any, request: Any) -> Any:
        call = self._call(request)
        self.made.append(call)
        if self.fault is not None and self.meets(call):
            self.hit.append(call)
            answer = self.fault(request, call)
        else:
            answer = self._answer(session, request, call)
        if answer.failure is not None:
            raise answer.failure
        raw = io.BytesIO(answer.body)
        raw.stream = lambda *_a, **_k: iter([answer.body])  # type: ignore[attr-defined]
        return botocore.awsrequest.AWSResponse(request.url, answer.status, answer.headers, raw)

    def _call(self, request: Any) -> Call:
        signed = _SIGNED.search(_text(request.headers.get("Authorization")))
        who, service = (signed[1], signed[2]) if signed else ("", "")
        key = f"{request.method} {request.url} {_text(request.headers.get('X-Amz-Target'))} {_text(request.body)}"
        permission = "sts:AssumeRole" if "Action=AssumeRole" in key else getattr(_ASKING, "permission", "")
        return Call(service, permission, self._sessions.get(who, who), key)

    def _answer(self, session: Any, request: Any, call: Call) -> Answer:
        if call not in self.tape:
            if self.real is None:
                # One answer less leads to other questions, which the recording has no answer to.
                self.unforeseen.append(call)
                return Answer(failure=botocore.exceptions.EndpointConnectionError(endpoint_url=request.url))
            self.tape[call] = self._record(session, request)
        answer = self.tape[call]
        if call.permission == "sts:AssumeRole":
            key = re.search(rb"<AccessKeyId>([^<]+)<", answer.body)
            role = re.search(r"RoleArn=([^&]+)", call.key)
            assert key is not None and role is not None
            self._sessions[key[1].decode()] = role[1]
        return answer

    def _record(self, session: Any, request: Any) -> Answer:
        assert self.real is not None
        try:
            response = self.real(session, request)
        except botocore.exceptions.HTTPClientError as error:
            return Answer(failure=error)
        return Answer(response.status_code, dict(response.headers), response.content)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value or "")


def _remembering(read: Callable[..., Any]) -> Callable[..., Any]:
    """Account.read, with the permission that it asks for kept where the wire can see it."""

    def remembered(self: Any, service: str, operation: str, *arguments: Any, **parameters: Any) -> Any:
        _ASKING.permission = aws.permission_of(service, operation)
        return read(self, service, operation, *arguments, **parameters)

    return remembered


@contextlib.contextmanager
def wired(wire: Wire, environment: dict[str, str]) -> Iterator[None]:
    """botocore on this wire, without waits, its service models read once."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(botocore.httpsession.URLLib3Session, "send", lambda self, request: wire.send(self, request))
        patch.setattr(botocore.endpoint.time, "sleep", lambda seconds: None)
        patch.setattr("botocore.session.create_loader", lambda *_a: LOADER)
        patch.setattr(aws.Account, "read", _remembering(aws.Account.read))
        patch.setattr(aws, "MAX_ATTEMPTS", ATTEMPTS)
        yield


def audit(directory: Path, edges: list[dict[str, Any]], facts: dict[str, Any], **gate: Any) -> dict[str, Any]:
    """The modules of the audit, one after another as the playbook runs them; returns report.json."""
    run_dir = str(directory)
    begun = {"id": directory.name, "started": "2026-11-23T00:00:00+00:00", "version": "0", "commit": None,
             "caller": "sweep", "edges": edges, "errors": {}}  # fmt: skip
    write_json(f"{run_dir}/run.json", begun)
    for name, held in facts.items():
        write_json(facts_path(run_dir, name), held)
    module("edge_path_audit", run_dir=run_dir)
    module("edge_report", run_dir=run_dir, **gate)
    report: dict[str, Any] = read_json(f"{run_dir}/report.json")
    return report


def module(name: str, **arguments: Any) -> dict[str, Any]:
    """A module's main() with these arguments; its result. AssertionError where it fails."""
    said = io.StringIO()
    with patch_module_args(arguments), contextlib.redirect_stdout(said), pytest.raises(SystemExit) as ended:
        importlib.import_module(name).main()
    result: dict[str, Any] = json.loads(said.getvalue())
    assert ended.value.code == 0, result
    return result


def visit(edge: dict[str, Any]) -> dict[str, Any]:
    """What edge_facts reads on an edge, in this process."""
    gather = importlib.import_module("ansible.module_utils.edge.visit").gather
    plain = importlib.import_module("ansible.module_utils.edge.run").plain
    facts: dict[str, Any] = plain(gather(Edge.from_mapping(edge), ["dns", "host", "timeouts", "log"]))
    return facts
