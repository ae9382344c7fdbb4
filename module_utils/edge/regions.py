# SPDX-License-Identifier: GPL-3.0-or-later
"""Which regions AWS has, by the list that comes with botocore."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from .targets import Edge


def listed() -> frozenset[str]:
    """The regions of all partitions; none where botocore, or its list, is not here to be read."""
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        return frozenset()
    try:
        told = json.loads((Path(spec.origin).parent / "data" / "partitions.json").read_text(encoding="utf-8"))
        return frozenset(name for partition in told["partitions"] for name in partition["regions"])
    except (OSError, ValueError, LookupError, TypeError):
        return frozenset()


def unlisted(edges: Iterable[Edge], known: frozenset[str]) -> list[str]:
    """A sentence about each region that is in no list. A warning: a region may be newer than the list.

    A cloud that is not AWS's has regions of its own, so an edge with an endpoint of its own is not asked.
    """
    using: dict[str, list[str]] = {}
    for edge in edges:
        if known and edge.region and edge.region not in known and edge.aws_endpoint_url is None:
            using.setdefault(edge.region, []).append(edge.name)
    sentences = []
    for region, names in using.items():
        near = difflib.get_close_matches(region, known, n=1)
        more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        hint = f"; did you mean {near[0]}?" if near else "; is boto3 older than the region?"
        sentences.append(f"edge {names[0]}{more}: edge_region {region} is no region that boto3 knows{hint}")
    return sentences
