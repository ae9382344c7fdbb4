# SPDX-License-Identifier: GPL-3.0-or-later
"""A converge that is killed with SIGKILL at twenty moments: the next one completes it, rollback restores everything.

So it is with a rollback that is killed, and with a converge that is killed after it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.playbooks.converging import World, world_in

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("killed")]
MOMENTS = 20
# Where the rollback of a converge that had come far is killed as well; and at every other, a converge after that.
KILLED_BACK = (11, 13, 15, 17, 19)
ONLY = str(Path(__file__).parent / "converge_only.yml")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The lab with a london that is broken in its proxy, its export's settings and its security group."""
    with world_in(tmp_path_factory.mktemp("killed")) as found:
        export = found.root("london") / "opt/edge/export.yaml"
        text = export.read_text()
        broken = text.replace("read_timeout: 7200", "read_timeout: 600").replace("versions: true", "versions: false")
        assert broken != text
        export.write_text(broken)
        _take_away_the_rule(found)
        yield found


def _take_away_the_rule(world: World) -> None:
    ec2 = world.client("ec2")
    instance = world.state["hosts"]["london"]["edge_instance_id"]
    (reservation,) = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    interfaces = reservation["Instances"][0]["NetworkInterfaces"]
    groups = [group["GroupId"] for interface in interfaces for group in interface["Groups"]]
    for group in ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]:
        wanted = [rule for rule in group["IpPermissionsEgress"] if rule.get("PrefixListIds")]
        assert wanted, "london's rule to the prefix list is what this test takes away"
        ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=wanted)


def _run_of(world: World, audited: Path, number: int) -> str:
    """A run of its own with what the audit of the broken edge found, as converge.yml would have begun it."""
    run_dir = world.runs / f"20300101T{number:06d}Z-000000"
    shutil.copytree(audited, run_dir)
    return str(run_dir)


def _converge(world: World, run_dir: str) -> list[str]:
    return [ONLY, "--limit", "london", "-e", f"edge_run_dir={run_dir}"]


def test_a_converge_killed_at_any_of_twenty_moments_is_completed_and_undone(world: World) -> None:
    audit = world.play("audit.yml", "--limit", "london")
    assert audit.returncode == 2, audit.stdout + audit.stderr
    audited = (world.runs / "latest").resolve()
    broken = (world.files(), world.account())
    old = world.times(broken[0])

    began = time.monotonic()
    whole = world.play(*_converge(world, _run_of(world, audited, 0)))
    seconds = time.monotonic() - began
    assert whole.returncode == 0, whole.stdout + whole.stderr
    cured = (world.files(), world.account())
    assert cured[0] != broken[0] and cured[1] != broken[1], "the scenario must change files and the account"
    changed = [name for name in cured[0] if cured[0][name] != broken[0].get(name)]
    began = time.monotonic()
    _rollback(world, broken, "the whole converge")
    back = time.monotonic() - began
    assert world.times(changed) == {name: old[name] for name in changed if name in old}, (
        "a file that is put back is as old as it was"
    )

    reached: dict[str, int] = {}
    for moment in range(1, MOMENTS + 1):
        _kill(world, _converge(world, _run_of(world, audited, 2 * moment)), seconds * moment / (MOMENTS + 1))
        state = (world.files(), world.account())
        at = "untouched" if state == broken else "done" if state == cured else "halfway"
        reached[at] = reached.get(at, 0) + 1
        if moment % 2:
            again = world.play(*_converge(world, _run_of(world, audited, 2 * moment + 1)))
            assert again.returncode == 0, f"moment {moment}: {again.stdout}{again.stderr}"
            assert (world.files(), world.account()) == cured, f"moment {moment}: the next converge did not complete it"
        if moment % 5 == 0:
            assert "Traceback" not in world.play("audit.yml", "--limit", "london").stdout
        if moment in KILLED_BACK:
            _kill(world, ["rollback.yml", "--limit", "london"], back * moment / (MOMENTS + 1))
        if moment in KILLED_BACK[::2]:
            _kill(world, _converge(world, _run_of(world, audited, 100 + moment)), seconds * moment / (MOMENTS + 1))
        _rollback(world, broken, f"moment {moment}")
    assert len(reached) > 1, f"every moment fell at the same place ({reached}); the kills tell nothing"


def _kill(world: World, arguments: list[str], after: float) -> None:
    """Begin a play, and end it in the midst."""
    process = world.start(*arguments)
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def _rollback(world: World, broken: tuple[object, object], when: str) -> None:
    back = world.play("rollback.yml", "--limit", "london")
    nothing = "holds no converge to undo" in back.stdout
    assert back.returncode == 0 or nothing, f"{when}: {back.stdout}{back.stderr}"
    assert world.files() == broken[0], f"{when}: files were not restored"
    assert world.account() == broken[1], f"{when}: the account was not restored"
