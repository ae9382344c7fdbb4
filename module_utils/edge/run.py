# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a run: what each step hands to the next.

    <run_dir>/state.json           whether the run is whole (ended.py)
    <run_dir>/run.json             who, when, which edges
    <run_dir>/facts/<edge>.json    what edge_facts read on the edge
    <run_dir>/<domain>.json        what an audit module of a domain found (Step)

Files, not variables: a thousand edges' facts would otherwise be copied through every task of the play.
"""

from __future__ import annotations

import contextlib
import gc
import getpass
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .finding import EdgepathError, Finding, Unread
from .redaction.documents import without_shared_words

STATE_FILE = "state.json"
_UNSAFE = re.compile(rb"[^A-Za-z0-9._-]")
# File systems take 255 bytes for a name; what is made of it (".json", a temporary file's) wants some.
_LONGEST_NAME = 200


@dataclass
class Step:
    """What one domain leaves: facts and findings by edge, and the calls that it made.

    facts: ``{edge: {...}}``, what later steps may read.  calls: ``{"ec2:DescribeSubnets": 1}``.
    """

    domain: str
    facts: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "domain": self.domain,
            "facts": without_shared_words(self.facts),
            "findings": [finding.to_dict() for finding in self.findings],
            "calls": self.calls,
        }


def write_json(path: str, data: Any) -> None:
    """Write a file whole or not at all: temporary file, fsync, rename. Readable by the owner alone."""
    make_private(os.path.dirname(path))
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".tmp-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            # Not indented: json's encoder in C writes no indentation, and the one in Python takes ten times as long.
            stream.write(json.dumps(data, sort_keys=True, default=_plain))
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def make_private(path: str) -> None:
    """Make a directory, and those above it that are missing, readable by their owner alone, whatever the umask.

    os.makedirs gives its mode to the last one only. One that is there keeps the mode that somebody gave it.
    """
    if not path or os.path.isdir(path):
        return
    make_private(os.path.dirname(path))
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)  # a umask may take from mkdir's mode what the owner needs


def sync_directory(path: str) -> None:
    """Make the names in a directory durable: a renamed file is else lost with the machine's power."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def state_of(run_dir: str) -> str | None:
    """What a run says of itself; None where it says nothing, as runs of earlier versions do. `` for what is damaged."""
    path = os.path.join(run_dir, STATE_FILE)
    if not os.path.lexists(path):
        return None
    try:
        return str(read_json(path)["state"])
    except (EdgepathError, KeyError, TypeError):
        return ""


def complete(run_dir: str) -> bool:
    """Whether a run has its report and every format of it. One that says nothing of it is asked for its report."""
    state = state_of(run_dir)
    if state is not None:
        return state == "complete"
    return os.path.exists(os.path.join(run_dir, "report.json"))


def read_json(path: str) -> Any:
    """The JSON of a run's file; EdgepathError where it is absent, cut or not JSON."""
    try:
        with open(path, encoding="utf-8") as stream, uncollected():
            return json.load(stream)
    except (OSError, ValueError) as error:
        raise EdgepathError(f"cannot read {path}: {error}") from None


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of cyclic garbage (gc) for a while: what is built here is a tree that is kept.

    The collector walks all objects again and again as their number grows: half the time of a fleet's report.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def facts_path(run_dir: str, edge: str) -> str:
    """Where the facts of an edge are kept; names that are no file names are made safe, and stay distinct."""
    raw = edge.encode("utf-8", "surrogatepass")
    safe = _UNSAFE.sub(lambda match: f"%{match.group()[0]:02x}".encode(), raw).decode()
    if len(safe) > _LONGEST_NAME:
        safe = f"{safe[:_LONGEST_NAME]}~{hashlib.sha256(raw).hexdigest()[:16]}"
    return os.path.join(run_dir, "facts", f"{safe}.json")


class Run:
    """The run that a module works in; without a directory (an ad-hoc call) nothing is there to read or to leave."""

    def __init__(self, directory: str | None) -> None:
        self.directory = directory
        # What the steps of one process keep for one another, by a key of whoever keeps it.
        self.shared: dict[Any, Any] = {}
        # The same for one step alone.
        self.of_step: dict[Any, Any] = {}
        self._steps: dict[str, Any] = {}

    def targets(self) -> list[dict[str, Any]]:
        """The edges of this run as they were validated when it began; EdgepathError where it has none."""
        if self.directory is None:
            raise EdgepathError("no edges were given")
        edges = read_json(os.path.join(self.directory, "run.json"))["edges"]
        return [dict(edge) for edge in edges]

    def steps(self, names: Sequence[str]) -> list[str]:
        """Those of the audit's steps that this run was asked for; all, where it was not told."""
        asked = read_json(os.path.join(str(self.directory), "run.json")).get("steps", names)
        return [name for name in names if name in asked]

    def edge_facts(self, edge: str, section: str) -> Any:
        """One section (``dns``, ``host``, ``timeouts``) of what was read on an edge, or Unread: nothing came back."""
        if self.directory is None:
            return Unread("not_collected", "edge_facts", edge, f"edge {edge}: nothing was read on the edge")
        path = facts_path(self.directory, edge)
        if not os.path.exists(path):
            message = f"edge {edge}: no facts came back from the edge; see the task's own error above"
            return Unread("not_collected", "edge_facts", edge, message)
        try:
            facts = read_json(path)
        except EdgepathError as error:
            return Unread("error", "edge_facts", edge, f"edge {edge}: {error}")
        for state, reason in (("unreachable", "unreachable"), ("failed", "error")):
            if state in facts:
                return Unread(reason, "edge_facts", edge, f"edge {edge}: {state}: {facts[state]}")
        if section not in facts:
            message = f"edge {edge}: {section} is not among the facts that came back"
            return Unread("not_collected", "edge_facts", edge, message)
        return facts[section]

    def upstream(self, domain: str, edge: str) -> Any:
        """What an earlier domain left for an edge: its facts, or Unread where that step left none."""
        facts = self._domain_facts(domain)
        if isinstance(facts, Unread) or edge in facts:
            return facts if isinstance(facts, Unread) else facts[edge]
        return Unread("not_collected", f"edge_{domain}_audit", edge, f"edge {edge}: edge_{domain}_audit left no facts")

    def step(self, domain: str) -> Any:
        """The whole file of a domain as it was stored, or Unread."""
        if self.directory is None:
            return Unread("not_collected", f"edge_{domain}_audit", domain, f"edge_{domain}_audit has not run")
        if domain not in self._steps:
            path = os.path.join(self.directory, f"{domain}.json")
            try:
                self._steps[domain] = read_json(path)
            except EdgepathError as error:
                absent = not os.path.exists(path)
                message = f"edge_{domain}_audit has not run" if absent else str(error)
                self._steps[domain] = Unread("not_collected" if absent else "error", "read", path, message)
        return self._steps[domain]

    def store(self, step: Step) -> None:
        """Write the step of a domain, where there is a directory."""
        if self.directory is not None:
            path = os.path.join(self.directory, f"{step.domain}.json")
            try:
                write_json(path, step.to_dict())
            except OSError as error:
                raise EdgepathError(f"cannot write {path}: {error.strerror}") from None

    def _domain_facts(self, domain: str) -> Any:
        stored = self.step(domain)
        return stored if isinstance(stored, Unread) else stored["facts"]


def findings_by_edge(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    table: dict[str, list[Finding]] = {}
    for finding in findings:
        table.setdefault(finding.edge, []).append(finding)
    return table


def plain(data: Any) -> Any:
    """The same data in JSON's own types; facts that could not be read keep their mark."""
    return json.loads(json.dumps(data, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Unread):
        return value.to_fact()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not belong in a run's file")


def user_name() -> str:
    """Whose process this is: a name, or the number of an account that has none, as containers often have."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
