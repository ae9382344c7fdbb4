# SPDX-License-Identifier: GPL-3.0-or-later
"""Which queries each nameserver is asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# S3 answers a query with up to 8 of its addresses; three samples show whether they change.
STORAGE_SAMPLES = 3
# 1232: the size that avoids fragments (DNS Flag Day 2020); 4096: what many resolvers still announce.
EDNS_SIZES = (1232, 4096)
KINDS = ("answer", "probe", "random")


def query(
    name: str, rdtype: str, transport: str, kind: str, edns: int | None = None, sample: int = 1
) -> dict[str, Any]:
    """One query. transport: ``udp`` | ``tcp``.  edns: the announced payload size in bytes, None without EDNS."""
    return {"name": name, "type": rdtype, "transport": transport, "edns": edns, "kind": kind, "sample": sample}


def plan(names: Sequence[Mapping[str, Any]], made_up: Sequence[str], transport: str) -> list[dict[str, Any]]:
    """The queries for one nameserver, the first of them being its sign of life.

    names: of names.names_of().  made_up: names that must not exist.  transport: ``tcp`` where the edge's resolver uses
    nothing else (`options use-vc`).
    """
    queries: list[dict[str, Any]] = []
    for item in names:
        samples = STORAGE_SAMPLES if item["storage"] else 1
        queries += [query(item["name"], "A", transport, "answer", sample=sample + 1) for sample in range(samples)]
        queries.append(query(item["name"], "AAAA", transport, "answer"))
    if names:
        first = names[0]["name"]
        other = "udp" if transport == "tcp" else "tcp"
        queries.append(query(first, "A", other, "probe"))
        queries += [query(first, "A", "udp", "probe", edns=size) for size in EDNS_SIZES]
    return queries + [query(name, "A", transport, "random") for name in made_up]


def signs_of_life(queries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a nameserver is asked before it is called silent: one name, another name, and the first over TCP."""
    if not queries:
        return [query(".", "NS", "udp", "probe")]
    first = dict(queries[0])
    other = next((dict(item) for item in queries if item["name"] != first["name"]), None)
    return [first, *([other] if other else []), {**first, "transport": "tcp", "kind": "probe"}]
