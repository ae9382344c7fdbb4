# SPDX-License-Identifier: GPL-3.0-or-later
"""One edge's world as converge and rollback touch it: the node over its connection, the account over its API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..egress.facts import storage_addresses
from ..finding import Unread, unread
from ..run import Run, facts_path, read_json, write_json
from ..targets import Edge
from . import lock
from .cloud import objects
from .model import CLOUD, NODE, ObjectChange, Ref, State
from .node import MERGE as NODE_MERGE
from .node import Node
from .predictions import foreseen, remembered
from .work import Merge

MERGE: dict[str, Merge] = {**NODE_MERGE, **objects.MERGE}
PREDICTED = "predicted"


class EdgeWorld:
    """execute.World for real. node: made only where something on the node is asked for."""

    def __init__(self, edge: Edge, run_dir: str, node: Callable[[], Node]) -> None:
        self._edge = edge
        self._run_dir = run_dir
        self._addresses = _storage_addresses(run_dir, edge)
        self._make_node = node
        self._node: Node | None = None
        self._absences: dict[str, str] = {}

    @property
    def node(self) -> Node:
        if self._node is None:
            self._node = self._make_node()
        return self._node

    def read(self, refs: Sequence[Ref]) -> tuple[dict[str, State], Any]:
        cloud = [ref for ref in refs if ref.place == CLOUD]
        states: dict[str, State] = objects.read(self._edge, cloud, absences=self._absences) if cloud else {}
        on_node = [ref for ref in refs if ref.place == NODE]
        transfers: Any = []
        if on_node:
            found, transfers = self.node.read(on_node, self._addresses)
            states.update(found)
        return states, transfers

    def absence(self, ref: Ref) -> str:
        """On an edge the kernel alone says that a path is not there."""
        return "ENOENT" if ref.place == NODE else self._absences.get(ref.key, "")

    def transfers(self) -> Any:
        """The node's live transfers to its storage."""
        return self.node.read([], self._addresses)[1]

    def write(self, change: ObjectChange) -> None:
        if change.ref.place == CLOUD:
            objects.write(self._edge, change)
        else:
            self.node.write(change)

    def reload(self, units: Sequence[str]) -> list[str]:
        return self.node.reload(units)

    # What fixes would do to an object, check mode must remember for the next domain, and where it is an object of the
    # account for the next edge: in a real run they would find it done.

    def predicted(self, states: Mapping[str, State], refs: Sequence[Ref]) -> dict[str, State]:
        """The states as they would stand after the changes that this run's earlier steps would make."""
        found = dict(states)
        for place in (NODE, CLOUD):
            known = self._known(place)
            for ref in refs:
                if ref.place == place and unread(states.get(ref.key)) is None and self._name(ref) in known:
                    found[ref.key] = foreseen(found.get(ref.key), known[self._name(ref)])
        return found

    def predict(self, changes: Sequence[ObjectChange]) -> None:
        """Remember what would be changed. Edges do this at once: what they share is guarded."""
        for place in {change.ref.place for change in changes}:
            with lock.guarded(self._run_dir, "predicted"):
                known = self._known(place)
                for change in changes:
                    if change.ref.place == place:
                        name = self._name(change.ref)
                        known[name] = remembered(change, known.get(name))
                write_json(self._predictions(place), known)

    def _known(self, place: str) -> dict[str, State]:
        path = self._predictions(place)
        return dict(read_json(path)) if os.path.exists(path) else {}

    def _predictions(self, place: str) -> str:
        name = os.path.basename(facts_path(self._run_dir, self._edge.name)) if place == NODE else "account.json"
        return os.path.join(self._run_dir, PREDICTED, place, name)

    def _name(self, ref: Ref) -> str:
        if ref.place == NODE:
            return ref.key
        storage = self._edge.storage_url if self._edge.storage_kind == "s3_compatible" else ""
        return f"{self._edge.aws_endpoint_url or storage} {self._edge.region} {ref.key}"


def _storage_addresses(run_dir: str, edge: Edge) -> list[str]:
    """The addresses that the edge's resolver gave for its storage, as far as the run's audit knows them."""
    found = storage_addresses(Run(run_dir).upstream("dns", edge.name))
    return [] if isinstance(found, Unread) else [str(address) for address in found]


@contextmanager
def alone(run_dir: str, refs: Sequence[Ref]) -> Iterator[None]:
    """One edge at a time where objects of an account are touched: edges share them."""
    if any(ref.place == CLOUD for ref in refs):
        with lock.guarded(os.path.dirname(run_dir.rstrip("/")), "account"):
            yield
    else:
        yield
