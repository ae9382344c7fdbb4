# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab and its Squids on a machine that is not theirs: beside each other, beside another's, and killed."""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import squid
from tests.real import proxies

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = os.stat("/proc/self/ns/pid").st_ino
PATIENCE = 60.0
HOLD = """
import sys
from pathlib import Path
from lab import squid
with squid.running(sys.argv[1], Path(sys.argv[2]), "") as (port, _):
    print(port, flush=True)
    sys.stdin.read()
"""
# What stands on the machine before the lab: no IPv6, the shared memory that another user's Squid holds or has left, and
# the settings of a real SeaweedFS of this user.
CROWDED = """
set -e
ip link set lo up
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
mount -t tmpfs -o size=1m,mode=1777 tmpfs /dev/shm
for each in metadata queues readers; do
    echo another > /dev/shm/squid-cf__$each.shm
    chown {other} /dev/shm/squid-cf__$each.shm
done
chmod 600 /dev/shm/*
set +e
{python} -m lab run --dir {directory}/lab -- {python} -m lab.transfer --minutes 20 --scale 400
echo "status $?"
head -v -n 2 /dev/shm/*
"""


def starters(pid: int) -> str:
    """How the names of the shared memory of one process's Squids begin."""
    return f"edgepath{squid._base36(NAMESPACE, 7)}{squid._base36(pid, 5)}"


def segments(pid: int) -> set[str]:
    return {path.name for path in squid.SHARED.iterdir() if path.name.startswith(starters(pid))}


def squids(pid: int) -> list[int]:
    """The running Squids that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word.startswith(starters(pid)) for word in words):
            found.append(int(path.parent.name))
    return found


def test_each_has_shared_memory_of_its_own_and_takes_it_away(place: Callable[[str], Path]) -> None:
    pid = os.getpid()
    foreign = {path.name: path.stat().st_ino for path in squid.SHARED.glob("squid-*")}
    with proxies.squid(place("one"), "") as (one, _):
        of_one = segments(pid)
        assert of_one, "Squid makes shared memory, as this release does not seem to: see lab/squid.py"
        with proxies.squid(place("two"), "") as (two, _):
            assert one != two and segments(pid) > of_one
            assert len({name.partition("-")[0] for name in segments(pid)}) == 2
        assert segments(pid) == of_one
    assert segments(pid) == set() and squids(pid) == []
    assert {path.name: path.stat().st_ino for path in squid.SHARED.glob("squid-*")} == foreign


def test_when_its_parent_is_killed_it_ends_and_leaves_nothing(place: Callable[[str], Path]) -> None:
    """Of root too, whose Squid is another account's."""
    command = [sys.executable, "-c", HOLD, proxies.program("squid"), str(place("killed"))]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    ) as holder:
        assert holder.stdout is not None
        assert int(holder.stdout.readline()) > 0
        assert squids(holder.pid) and segments(holder.pid)
        holder.kill()
    end = time.monotonic() + PATIENCE
    while squids(holder.pid) or segments(holder.pid):
        assert time.monotonic() < end, f"left: {squids(holder.pid)}, {segments(holder.pid)}"
        time.sleep(0.05)


def test_what_is_left_where_both_are_killed_goes_with_the_next_start(place: Callable[[str], Path]) -> None:
    command = [sys.executable, "-c", HOLD, proxies.program("squid"), str(place("killed"))]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    ) as holder:
        assert holder.stdout is not None
        assert int(holder.stdout.readline()) > 0
        for pid in (*squids(holder.pid), holder.pid):
            os.kill(pid, signal.SIGKILL)
    assert segments(holder.pid), "a killed Squid leaves its shared memory"
    with proxies.squid(place("next"), ""):
        assert segments(holder.pid) == set()


def test_a_crowded_machine(tmp_path: Path) -> None:
    proxies.program("squid")
    proxies.program("ip")
    if os.geteuid() != 0 or subprocess.run(["unshare", "--net", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("cannot run here because it takes root and namespaces of its own")
    theirs = tmp_path / "filer"
    settings = tmp_path / ".seaweedfs/filer.toml"
    settings.parent.mkdir()
    settings.write_text(f'[leveldb2]\nenabled = true\ndir = "{theirs}"\n')
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "WEED_LEVELDB2_DIR": str(theirs),
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    environment["PATH"] = f"/usr/sbin:/sbin:{os.environ['PATH']}"
    script = CROWDED.format(other=pwd.getpwnam("nobody").pw_name, python=sys.executable, directory=tmp_path)
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", script],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "transfer: COMPLETE through Squid in" in done.stdout and "\nstatus 0\n" in done.stdout, (
        done.stdout + done.stderr
    )
    left = re.findall(r"==> (.*) <==\nanother", done.stdout.partition("status 0")[2])
    assert left == [f"/dev/shm/squid-cf__{each}.shm" for each in ("metadata", "queues", "readers")]
    assert done.stdout.count("==>") == 3, "the lab left shared memory"
    assert not theirs.exists(), "the lab's SeaweedFS used the place of another"
