# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run `latest` leads to: never to one that covers less than the one before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.catalogue import DOMAINS
from ansible.module_utils.edge.latest import link, newest_with, scope
from ansible.module_utils.edge.run import write_json

ALL = ["a", "b", "c"]


def run(runs: Path, name: str, edges: list[str], inventory: list[str], without: tuple[str, ...] = ()) -> str:
    """A run's directory, linked as its report would be; the name of the link."""
    begun: dict[str, Any] = {"edges": [{"name": edge} for edge in edges], "errors": {}, "inventory": inventory}
    directory = runs / name
    write_json(str(directory / "run.json"), begun)
    for domain in DOMAINS:
        if domain not in without:
            write_json(str(directory / f"{domain}.json"), {})
    return link(str(directory), begun, scope(str(directory), begun))


def leads_to(runs: Path, name: str) -> str | None:
    path = runs / name
    return os.readlink(path) if path.is_symlink() else None


def test_a_whole_run_takes_latest(tmp_path: Path) -> None:
    assert run(tmp_path, "1", ALL, ALL) == "latest"
    assert run(tmp_path, "2", ALL, ALL) == "latest"
    assert leads_to(tmp_path, "latest") == "2"


@pytest.mark.parametrize(("edges", "without"), [(["a"], ()), (ALL, ("iam",)), (["a", "b"], ("dns", "iam"))])
def test_a_partial_run_leaves_a_fuller_one(tmp_path: Path, edges: list[str], without: tuple[str, ...]) -> None:
    run(tmp_path, "1", ALL, ALL)
    assert run(tmp_path, "2", edges, ALL, without) == "latest-partial"
    assert (leads_to(tmp_path, "latest"), leads_to(tmp_path, "latest-partial")) == ("1", "2")


def test_a_partial_run_takes_what_covers_less(tmp_path: Path) -> None:
    assert run(tmp_path, "1", ["a"], ALL) == "latest"
    assert run(tmp_path, "2", ["a", "b"], ALL) == "latest"
    assert run(tmp_path, "3", ["b", "c"], ALL) == "latest-partial"
    assert leads_to(tmp_path, "latest") == "2"


def test_an_edge_that_left_the_inventory_holds_nothing_back(tmp_path: Path) -> None:
    run(tmp_path, "1", ALL, ALL)
    assert run(tmp_path, "2", ["a", "b"], ["a", "b"]) == "latest"


def test_a_link_to_a_run_that_is_gone_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("0")
    assert run(tmp_path, "1", ["a"], ALL) == "latest"


def test_the_scope_says_what_was_left_out(tmp_path: Path) -> None:
    run(tmp_path, "1", ["a"], ALL, ("iam",))
    begun = {"edges": [{"name": "a"}], "errors": {"b": "wrong"}, "inventory": ALL}
    assert scope(str(tmp_path / "1"), begun) == {
        "inventory": 3, "edges": 2, "left_out": ["c"], "steps_left_out": ["iam"], "partial": True
    }  # fmt: skip


def test_the_newest_run_with_an_edge(tmp_path: Path) -> None:
    assert newest_with(str(tmp_path / "none"), "a") is None
    run(tmp_path, "1", ["a", "b"], ALL)
    run(tmp_path, "2", ["a"], ALL)
    run(tmp_path, "3", ["b"], ALL)
    for name in ("1", "2", "3"):
        write_json(str(tmp_path / name / "report.json"), {})
    run(tmp_path, "4", ["a"], ALL)  # begun, not ended
    run(tmp_path, "5", ["a"], ALL, without=("timeouts",))
    write_json(str(tmp_path / "5" / "report.json"), {})
    assert newest_with(str(tmp_path), "a") == str(tmp_path / "2")
    assert newest_with(str(tmp_path), "b") == str(tmp_path / "3")
    assert newest_with(str(tmp_path), "c") is None
    (tmp_path / "2" / "run.json").write_text("{")
    assert newest_with(str(tmp_path), "a") == str(tmp_path / "1")
