# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes the objects on an edge, for the action plugins of the controller. Well-kept modules do the writing.

file            ansible.builtin.copy and ansible.builtin.file     service   ansible.builtin.systemd_service
sysctl          sysctl -w (ansible.posix.sysctl writes a file as well, which here is an object of its own)
firewall_rules  nft (no collection inserts a single rule of nftables)
"""

from __future__ import annotations

import base64
import os
import shlex
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..finding import EdgepathError, Unread, unread
from ..job.model import JobState
from ..job.saved import read_document
from ..targets import Edge
from . import merging
from .confirm import same
from .model import NODE, NotWritten, ObjectChange, Ref, State
from .on_node import OWN_RULE, handles
from .work import Merge

MERGE: dict[str, Merge] = {"file": merging.file, "firewall_rules": merging.rules}
DAEMON_RELOAD = "daemon-reload"


def _is_file(state: Any) -> bool:
    if not isinstance(state, Mapping) or not isinstance(state.get("mode"), str):
        return False
    try:
        return isinstance(base64.b64decode(state["content"], validate=True), bytes)
    except (KeyError, TypeError, ValueError):
        return False


# What a state of a kind looks like, where the object is not absent.
_LOOKS: Mapping[str, Callable[[Any], bool]] = {
    "file": _is_file,
    "sysctl": lambda state: isinstance(state, str),
    "program": lambda state: isinstance(state, str),
    "service": lambda state: isinstance(state, Mapping) and {"active", "can_reload"} <= set(state),
    "firewall_rules": lambda state: isinstance(state, list) and all(isinstance(rule, str) for rule in state),
}


def _sound(refs: Iterable[Ref], result: Mapping[str, Any]) -> dict[str, State]:
    """The states that came back from an edge; an unread fact for one that is missing, or is no state of its kind."""
    held = result.get("states")
    found: dict[str, State] = dict(held) if isinstance(held, Mapping) else {}
    for ref in refs:
        state = found.get(ref.key)
        if ref.key not in found or not (state is None or unread(state) or _LOOKS[ref.kind](state)):
            message = f"{ref.kind} {ref.name}: the edge's answer does not tell its state"
            found[ref.key] = Unread("error", "read", ref.name, message).to_fact()
    return found


class Node:
    """The edge of one host. plugin: the action plugin that runs for it. options: the edge as the run validated it."""

    def __init__(self, plugin: Any, task_vars: Mapping[str, Any], edge: Edge, options: Mapping[str, Any]) -> None:
        self.plugin = plugin
        self.task_vars = task_vars
        self.edge = edge
        self.options = dict(options)

    def read(self, refs: Iterable[Ref], addresses: Sequence[str] = ()) -> tuple[dict[str, State], Any]:
        """({ref.key: state}, transfers): transfers is a list of mappings, or an unread fact."""
        wanted = [ref for ref in refs if ref.place == NODE]
        result = self._objects(wanted, {"addresses": list(addresses)})
        untold = Unread("error", "read", "transfers", "the edge's answer does not tell of them").to_fact()
        states, transfers = _sound(wanted, result), result.get("transfers", untold)
        jobs = self._running_jobs()
        if unread(transfers) is None:
            transfers = jobs if unread(jobs) is not None else [*transfers, *jobs]
        return states, transfers

    def write(self, change: ObjectChange) -> None:
        """Make one change, where the object still is as it was when the change was worked out."""
        ref = change.ref
        current = self._state(ref.kind, ref.name)
        gone = unread(current)
        if gone is not None:
            raise NotWritten(f"{ref.kind} {ref.name} is not changed: {gone.message}")
        if same(ref.kind, current, change.after):
            self._put_back_time(change, current)
            return
        if not same(ref.kind, current, change.before):
            raise NotWritten(
                f"{ref.kind} {ref.name} was changed by somebody else meanwhile; it is left as it is; converge again"
            )
        if ref.kind == "file":
            self._write_file(change)
        elif ref.kind == "sysctl":
            argv = ["sysctl", "-q", "-w", f"{ref.name}={change.after}"]
            self._command(argv, f"cannot set the sysctl {ref.name} to {change.after}")
        elif ref.kind == "firewall_rules":
            self._write_rules(change)
        else:
            raise EdgepathError(f"{ref.kind} {ref.name} cannot be written")

    def reload(self, units: Iterable[str]) -> list[str]:
        """Have programs read their files again; what was left to the operator is told, a sentence each."""
        ordered = sorted(dict.fromkeys(units), key=lambda unit: unit != DAEMON_RELOAD)
        return [said for said in map(self._reload, ordered) if said]

    # The plumbing.

    def _objects(self, refs: Sequence[Ref], more: Mapping[str, Any]) -> dict[str, Any]:
        wanted = [{"kind": ref.kind, "name": ref.name} for ref in refs]
        arguments = {"edge": self.options, "refs": wanted, **more}
        return self._module("edge_node_objects", arguments, "cannot read the edge's objects")

    def _state(self, kind: str, name: str) -> State:
        ref = Ref(NODE, kind, name)
        return _sound([ref], self._objects([ref], {"transfers": False}))[ref.key]

    def _reload(self, unit: str) -> str:
        command = self.edge.service_commands.get(unit) or self.edge.service_commands.get(unit.partition(".")[0])
        if command:
            self._command(shlex.split(command), f"cannot reload {unit} by its command of edge_service_commands")
            return ""
        if self.edge.root != "/":
            return f"{unit} is not reloaded: a copy of a node runs nothing"
        if unit == DAEMON_RELOAD:
            self._module("ansible.builtin.systemd_service", {"daemon_reload": True}, "cannot reload systemd's units")
            return ""
        unit = unit if "." in unit else f"{unit}.service"
        state = self._state("service", unit)
        gone = unread(state)
        if gone is not None or state is None:
            because = gone.message if gone is not None else "systemd knows no such unit"
            return f"{unit} is not reloaded: {because}; name its command in edge_service_commands"
        if not state["active"]:
            return f"{unit} does not run; it will read its files when it is started"
        how = "reloaded" if state["can_reload"] else "restarted"
        if how == "restarted" and not {unit, unit.rpartition(".")[0]} & set(self._may_restart()):
            return f"{unit} cannot reload; restart it while no transfer is live, or name it in edge_converge_restart"
        self._module("ansible.builtin.systemd_service", {"name": unit, "state": how}, f"{unit} could not be {how}")
        return ""

    def _may_restart(self) -> list[str]:
        given = self.plugin._templar.template(self.task_vars.get("edge_converge_restart") or [])
        return [str(item) for item in given]

    def _write_file(self, change: ObjectChange) -> None:
        present = change.after or change.before
        path = self._below((present or {}).get("target") or change.ref.name)
        if change.after is None:
            self._module("ansible.builtin.file", {"path": path, "state": "absent"}, f"cannot remove {path}")
            return
        validate = self._validation(change)
        if change.before is None:
            parent = os.path.dirname(path)
            self._module("ansible.builtin.file", {"path": parent, "state": "directory"}, f"cannot make {parent}")
        self._copy(path, change.after, validate if "%s" in validate else "")
        if validate and "%s" not in validate:
            self._try_in_place(change, path, validate)
        self._put_back_time(change, None)

    def _put_back_time(self, change: ObjectChange, current: State) -> None:
        """When a file was changed last, where the change is a rollback's: what a converge wrote is of now."""
        after = change.after if change.ref.kind == "file" else None
        if not after or after.get("mtime") in (None, (current or {}).get("mtime")):
            return
        seconds, rest = divmod(int(after["mtime"]), 1_000_000_000)
        path = self._below(after.get("target") or change.ref.name)
        argv = ["touch", "-c", "-m", "-d", f"@{seconds}.{rest:09d}", path]
        self._command(argv, f"{path} is put back, but not the time of its last change")

    def _try_in_place(self, change: ObjectChange, path: str, validate: str) -> None:
        """Test a file that its program reads only together with others; what it refuses is taken back at once."""
        try:
            self._command(shlex.split(validate), f"{change.ref.name}: the new content is refused")
        except EdgepathError:
            if change.before is None:
                self._module("ansible.builtin.file", {"path": path, "state": "absent"}, f"cannot remove {path}")
            else:
                self._copy(path, change.before, "")
            raise

    def _validation(self, change: ObjectChange) -> str:
        """The command that tests the new content; "" in a copy, and where the program is not on the edge."""
        if not change.validate or self.edge.root != "/":
            return ""
        program, _, arguments = change.validate.partition(" ")
        found = self._state("program", program)
        return f"{found} {arguments}" if found else ""

    def _below(self, path: str) -> str:
        return path if self.edge.root == "/" else os.path.join(self.edge.root, path.lstrip("/"))

    def _copy(self, path: str, state: Mapping[str, Any], validate: str) -> None:
        handle, source = tempfile.mkstemp(prefix="edgepath-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(base64.b64decode(state["content"]))
            owned = {key: state[key] for key in ("mode", "owner", "group") if key in state}
            arguments = {"src": source, "dest": path, "follow": False, "decrypt": False, **owned}
            if validate:
                arguments["validate"] = validate
            self._action("ansible.legacy.copy", arguments, f"cannot write {path}")
        finally:
            os.unlink(source)

    def _write_rules(self, change: ObjectChange) -> None:
        chain = change.ref.name.split(" ")
        before, after = change.before or [], change.after or []
        for rule in reversed([rule for rule in after if rule not in before]):
            argv = ["nft", "insert", "rule", *chain, *rule.split(" "), "comment", f'"{OWN_RULE}"']
            self._command(argv, f"cannot insert a rule into {change.ref.name}")
        surplus = [rule for rule in before if rule not in after]
        if not surplus:
            return
        listed = self._command(["nft", "-n", "-a", "list", "chain", *chain], f"cannot list {change.ref.name}")
        found = handles(str(listed["stdout"]))
        for rule in surplus:
            if rule not in found:
                raise EdgepathError(f"cannot take {rule!r} out of {change.ref.name}: nft lists it no more; run again")
            argv = ["nft", "delete", "rule", *chain, "handle", found[rule]]
            self._command(argv, f"cannot take {rule!r} out of {change.ref.name}")

    def _command(self, argv: Sequence[str], why: str) -> dict[str, Any]:
        return self._module("ansible.builtin.command", {"argv": list(argv)}, why)

    def _module(self, name: str, arguments: Mapping[str, Any], why: str) -> dict[str, Any]:
        with self._unseen():
            result = self.plugin._execute_module(
                module_name=name, module_args=dict(arguments), task_vars=dict(self.task_vars)
            )
        return self._checked(result, why)

    def _action(self, name: str, arguments: Mapping[str, Any], why: str) -> None:
        plugin = self.plugin
        task = plugin._task.copy()
        task.args = dict(arguments)
        action = plugin._shared_loader_obj.action_loader.get(
            name, task=task, connection=plugin._connection, play_context=plugin._play_context, loader=plugin._loader,
            templar=plugin._templar, shared_loader_obj=plugin._shared_loader_obj,
        )  # fmt: skip
        with self._unseen():
            result = action.run(task_vars=dict(self.task_vars))
        self._checked(result, why)

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        """At -vvv the ssh connection shows what modules print, and the states of files hold secrets."""
        contexts = [self.plugin._play_context, self.plugin._connection._play_context]
        known = [context.no_log for context in contexts]
        try:
            for context in contexts:
                context.no_log = True
            yield
        finally:
            for context, value in zip(contexts, known):
                context.no_log = value

    def _checked(self, result: Mapping[str, Any], why: str) -> dict[str, Any]:
        if result.get("failed") or result.get("rc"):
            said = str(result.get("stderr") or "").strip() or result.get("module_stderr") or result.get("msg") or "?"
            raise EdgepathError(f"{why}: {' '.join(str(said).split())[-600:]}")
        return dict(result)

    def _running_jobs(self) -> Any:
        """The jobs that the job document of the edge says are being carried out, or an unread fact."""
        path = self.edge.job_path
        if path is None:
            return []
        try:
            jobs = read_document(path)
        except EdgepathError as error:
            message = f"edge_job_path: {error}"
            return Unread("error", "read", path, message).to_fact()
        return [
            {"peer": f"job {job.id or ''} of {path}".replace("  ", " "), "process": None, "pid": None, "unit": None}
            for job in jobs
            if job.state is JobState.PROCESSING
        ]
