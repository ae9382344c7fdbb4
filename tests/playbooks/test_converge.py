# SPDX-License-Identifier: GPL-3.0-or-later
"""converge.yml and rollback.yml as a user types them: the plan is what is done, once, and can be taken back whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.playbooks.converging import World, told, world_in

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("converge")]
EDGES = "london:walled:patchy:denied"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("converge")) as found:
        yield found


def recap(output: str, edge: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(edge) and "changed=" in line)


def test_the_plan_is_done_once_and_taken_back_whole(world: World) -> None:
    files, account = world.files(), world.account()
    times = world.times(files)
    squid = world.root("london") / "etc/squid/squid.conf"
    os.link(squid, squid.with_name("squid.kept"))

    plan = world.play("converge.yml", "--limit", EDGES, "--check", "--diff")
    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert "nothing was changed" in plan.stdout and "+read_timeout 100 minutes" in plan.stdout
    kept = str(squid.with_name("squid.kept").relative_to(world.directory / "edges"))
    assert (world.files(), world.account()) == ({**files, kept: files[kept[:-5] + ".conf"]}, account), (
        "changed something"
    )
    assert "/etc/squid/squid.conf has 2 names (hard links)" in " ".join(plan.stderr.split() + plan.stdout.split())
    squid.with_name("squid.kept").unlink()
    predicted = told(plan.stdout)
    assert set(predicted) == {"london", "walled", "patchy", "denied"}, plan.stdout
    assert predicted["london"] == ["file:/etc/squid/squid.conf"]

    done = world.play("converge.yml", "--limit", EDGES)
    assert told(done.stdout) == predicted, done.stdout + done.stderr
    assert world.files() != files and world.account() != account
    latest = json.loads((world.runs / "latest" / "report.json").read_text())
    verdicts = {name: edge["verdict"] for name, edge in latest["edges"].items()}
    assert verdicts == dict.fromkeys(predicted, "clear"), done.stdout
    before = {name: edge["verdict"] for name, edge in latest["converge"]["edges"].items()}
    assert before == {"london": "truncates", "walled": "blocked", "patchy": "unreliable", "denied": "blocked"}
    assert "TRUNCATES: longest recording 45 min" in done.stdout and "hop       proxy: fail (idle 900 s)" in done.stdout

    files_after, account_after = world.files(), world.account()
    again = world.play("converge.yml", "--limit", EDGES)
    for edge in predicted:
        assert "changed=0 " in recap(again.stdout, edge), again.stdout
    assert (world.files(), world.account()) == (files_after, account_after)

    preview = world.play("rollback.yml", "--limit", EDGES, "--check", "--diff")
    assert preview.returncode == 0 and world.files() == files_after, preview.stdout + preview.stderr
    assert "would be put back; nothing was changed" in preview.stdout
    assert {edge: sorted(what) for edge, what in told(preview.stdout).items()} == {
        edge: sorted(what) for edge, what in predicted.items()
    }
    link = world.runs / "latest-partial"
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.basename(min(str(path.parent) for path in world.runs.glob("*/converge.json"))))
    back = world.play("rollback.yml", "--limit", EDGES)
    assert back.returncode == 0, back.stdout + back.stderr
    assert f"edgepath: {sum(map(len, predicted.values()))} objects put back" in back.stdout
    assert world.files() == files
    assert world.account() == account
    assert world.times(files) == times, "a file that is put back is as old as it was"

    nothing = world.play("rollback.yml", "--limit", EDGES)
    assert nothing.returncode == 2 and "holds no converge to undo" in nothing.stdout


def test_what_somebody_edited_since_is_left_and_told(world: World) -> None:
    assert "london" in told(world.play("converge.yml", "--limit", "london").stdout)
    conf = world.root("london") / "etc/squid/squid.conf"
    edited = conf.read_text().replace("read_timeout 100 minutes", "read_timeout 50 minutes")
    conf.write_text(edited)
    back = world.play("rollback.yml", "--limit", "london")
    assert back.returncode == 2 and "not put back: file:/etc/squid/squid.conf" in back.stdout
    assert "edgepath: 0 objects put back; 1 not put back" in back.stdout
    assert conf.read_text() == edited
    saved = max(world.runs.glob("*/before/london/files/etc/squid/squid.conf"))
    assert "read_timeout" not in saved.read_text(), "what was there before is there to be copied back by hand"
    conf.write_bytes(saved.read_bytes())
    assert world.play("rollback.yml", "--limit", "london").returncode == 0


def test_a_converge_is_refused_while_another_runs(world: World) -> None:
    world.runs.mkdir(exist_ok=True)
    holder = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        script = (
            "import sys; sys.path.insert(0, 'module_utils'); from edge.converge import lock; "
            f"lock.take({str(world.runs)!r}, {holder.pid}, 'converge', 'another-run')"
        )
        subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).resolve().parents[2])
        refused = world.play("converge.yml", "--limit", "london")
        assert refused.returncode == 2 and "converge of run another-run is going on" in refused.stdout
        assert f"process {holder.pid}" in refused.stdout
    finally:
        holder.communicate(b"\n")
        os.unlink(world.runs / "converge.lock")


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ({"edge_converge_skip": ["TIMEOUTS-4"]}, "'TIMEOUTS-4' is neither a check nor an action"),
        ({"edge_converge_allow": ["everything"]}, "'everything' is no action"),
        ({"edge_profile": {"timeout_margin": "big"}}, "edge_profile.timeout_margin must be a number"),
    ],
)
def test_a_wrong_wish_is_named_before_anything_changes(world: World, variable: dict[str, object], words: str) -> None:
    files = world.files()
    answer = world.play("converge.yml", "--limit", "london", "-e", json.dumps(variable))
    assert words in " ".join(answer.stdout.split()), answer.stdout
    assert world.files() == files


@pytest.mark.parametrize("playbook", ["converge.yml", "rollback.yml"])
def test_a_part_of_the_steps_is_refused(world: World, playbook: str) -> None:
    files = world.files()
    answer = world.play(playbook, "--limit", "london", "--tags", "timeouts")
    assert answer.returncode == 2 and "neither converge nor rollback takes steps by tags" in answer.stdout, (
        answer.stdout
    )
    assert world.files() == files


def test_what_is_skipped_is_left_and_said(world: World) -> None:
    answer = world.play("converge.yml", "--limit", "london", "--check", "-e", '{"edge_converge_skip": ["TIMEOUTS-04"]}')
    assert told(answer.stdout) == {}
    assert "left alone, as edge_converge_skip says" in answer.stdout
