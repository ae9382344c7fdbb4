# SPDX-License-Identifier: GPL-3.0-or-later
"""One edge's world as converge and rollback touch it: the node over its connection, the account over its API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..egress.facts import storage_addresses
from ..finding import Unread
from ..run import Run, read_json, write_json
from ..targets import Edge
from . import lock
from .cloud import objects
from .model import CLOUD, NODE, ObjectChange, Ref, State
from .node import MERGE as NODE_MERGE
from .node import Node
from .work import Merge

MERGE: dict[str, Merge] = {**NODE_MERGE, **objects.MERGE}
PREDICTED = "predicted.json"


class EdgeWorld:
    """execute.World for real. node: made only where something on the node is asked for."""

    def __init__(self, edge: Edge, run_dir: str, node: Callable[[], Node]) -> None:
        self._edge = edge
        self._run_dir = run_dir
        self._addresses = _storage_addresses(run_dir, edge)
        self._make_node = node
        self._node: Node | None = None

    @property
    def node(self) -> Node:
        if self._node is None:
            self._node = self._make_node()
        return self._node

    def read(self, refs: Sequence[Ref]) -> tuple[dict[str, State], Any]:
        cloud = [ref for ref in refs if ref.place == CLOUD]
        states: dict[str, State] = objects.read(self._edge, cloud) if cloud else {}
        on_node = [ref for ref in refs if ref.place == NODE]
        transfers: Any = []
        if on_node:
            found, transfers = self.node.read(on_node, self._addresses)
            states.update(found)
        return states, transfers

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

    # What one edge's fixes would do to an object of the account, check mode must remember for the next edge, which
    # shares it: in a real run that edge would find it done.

    def predicted(self, states: Mapping[str, State]) -> dict[str, State]:
        """The states as they would stand after the changes that this run's earlier edges would make."""
        path = os.path.join(self._run_dir, PREDICTED)
        known = read_json(path) if os.path.exists(path) else {}
        return {key: known.get(self._name(key), state) for key, state in states.items()}

    def predict(self, changes: Sequence[ObjectChange]) -> None:
        path = os.path.join(self._run_dir, PREDICTED)
        known = read_json(path) if os.path.exists(path) else {}
        known.update({self._name(change.ref.key): change.after for change in changes if change.ref.place == CLOUD})
        write_json(path, known)

    def _name(self, key: str) -> str:
        return f"{self._edge.aws_endpoint_url or ''} {self._edge.region} {key}"


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
