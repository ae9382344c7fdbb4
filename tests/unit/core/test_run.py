# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a run: whole or not at all, and what is missing is said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible.module_utils.edge.finding import EdgepathError, Unread, unread
from ansible.module_utils.edge.run import Run, Step, facts_path, plain, read_json, user_name, write_json
from hypothesis import given
from hypothesis import strategies as st


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = str(tmp_path / "a.json")
    write_json(path, {"old": True})
    with pytest.raises(TypeError):
        write_json(path, {"new": object()})
    assert read_json(path) == {"old": True}
    assert os.listdir(tmp_path) == ["a.json"]
    assert Path(path).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", '{"half": ', "\x00\x01", "[1,"])
def test_a_cut_file_is_an_error_not_an_answer(tmp_path: Path, content: str) -> None:
    (tmp_path / "dns.json").write_text(content)
    with pytest.raises(EdgepathError, match=r"cannot read .*dns\.json"):
        read_json(str(tmp_path / "dns.json"))
    read = Run(str(tmp_path)).upstream("dns", "london")
    assert isinstance(read, Unread)
    assert read.state == "error"


@given(st.lists(st.text(min_size=1), unique=True, min_size=2, max_size=2))
def test_no_two_edges_share_a_file(names: list[str]) -> None:
    paths = [facts_path("/runs/1", name) for name in names]
    assert paths[0] != paths[1]
    assert all(os.path.dirname(os.path.normpath(path)) == "/runs/1/facts" for path in paths)


@pytest.mark.parametrize(
    ("content", "state"),
    [
        ({"unreachable": "timed out"}, "unreachable"),
        ({"failed": "no python"}, "error"),
        ({"host": {}}, "not_collected"),
        (None, "not_collected"),
    ],
)
def test_what_did_not_come_back_from_an_edge(tmp_path: Path, content: dict[str, object] | None, state: str) -> None:
    if content is not None:
        write_json(facts_path(str(tmp_path), "london"), content)
    read = Run(str(tmp_path)).edge_facts("london", "dns")
    assert isinstance(read, Unread)
    assert read.state == state
    assert "london" in read.message


def test_a_step_hands_on_its_facts_and_what_it_could_not_read(tmp_path: Path) -> None:
    denied = Unread("denied", "ec2:DescribeSubnets", "subnets", "no", ("ec2:DescribeSubnets",))
    step = Step("egress", facts={"london": {"route": denied, "private_addresses": ("10.0.0.1",)}})
    Run(str(tmp_path)).store(step)
    facts = Run(str(tmp_path)).upstream("egress", "london")
    assert unread(facts["route"]) == denied
    assert facts["private_addresses"] == ["10.0.0.1"]
    assert Run(str(tmp_path)).upstream("egress", "paris").state == "not_collected"
    assert Run(str(tmp_path)).upstream("iam", "london").state == "not_collected"
    assert Run(None).upstream("iam", "london").state == "not_collected"


def test_plain_keeps_the_mark_of_what_was_not_read() -> None:
    mark = Unread("denied", "a", "b", "c")
    assert unread(plain({"x": {"y": mark}})["x"]["y"]) == mark
    json.dumps(plain({"x": mark, "y": {1, 2}}))


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 12345"), OSError("No username set")])
def test_an_account_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    assert user_name()

    def nobody(_: int) -> None:
        raise error

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert user_name() == "12345"
