# SPDX-License-Identifier: GPL-3.0-or-later
"""schedule.yml on a machine with systemd: the timer is there, and the service, locked down as it is, audits."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.hosts import image, podman

pytestmark = [pytest.mark.hosts, pytest.mark.xdist_group("hosts")]

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# Without the right to mount, systemd runs a unit without the walls around its files, and says nothing of it.
OPTIONS = (
    "--systemd=always", "--security-opt=unmask=ALL", "--network=none", "--stop-signal=SIGRTMIN+3",
    "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined",
)  # fmt: skip
NAME = "edgepath-audit"
PARTS = (
    "action_plugins", "callback_plugins", "doc_fragments", "filter_plugins", "library", "module_utils", "playbooks",
    "roles", "ansible.cfg", "audit.yml",
)  # fmt: skip
INVENTORY = """edges:
  hosts:
    london:
      ansible_host: 127.0.0.1
      ansible_user: auditor
      ansible_ssh_private_key_file: "{{ lookup('ansible.builtin.env', 'CREDENTIALS_DIRECTORY') }}/ssh_key"
      edge_region: eu-west-2
      edge_bucket: euw2-recordings-london
      edge_notify_command: [sh, -c, "cat > $HOME/notice.json"]
"""
# sshd of the same machine stands for an edge.
SSH = """set -e
mkdir -p /etc/edgepath /home/auditor/.ssh /run/sshd
ssh-keygen -q -A
ssh-keygen -q -t ed25519 -N '' -f /etc/edgepath/ssh_key
cp /etc/edgepath/ssh_key.pub /home/auditor/.ssh/authorized_keys
chown -R auditor: /home/auditor/.ssh
printf '127.0.0.1 %s\\n' "$(cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub)" > /etc/ssh/ssh_known_hosts
systemctl reset-failed ssh
systemctl restart ssh
"""
CREDENTIALS = {"ssh_key": "/etc/edgepath/ssh_key"}


class Control:
    """A control node in a container, with the project below /opt/edgepath."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = f"edgepath-control-{secrets.token_hex(3)}"

    def start(self) -> None:
        project = self.directory / "edgepath"
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, project / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, project / part)
        (project / "inventories/production").mkdir(parents=True)
        (project / "inventories/production/hosts.yml").write_text(INVENTORY)
        packages = sysconfig.get_path("purelib")
        podman.podman(
            "create", f"--name={self.name}", f"--hostname={self.name}", *OPTIONS,
            f"--volume={packages}:/opt/packages:ro", image.ensure(), "/lib/systemd/systemd",
        )  # fmt: skip
        podman.podman("cp", str(project), f"{self.name}:/opt/edgepath")
        podman.podman("start", self.name)
        self.run("for i in $(seq 300); do [ -S /run/dbus/system_bus_socket ] && break; sleep 0.2; done")
        self.run("systemctl is-system-running --wait || true")
        # As on a machine; where mounts are private the credentials of a unit never reach it.
        self.run("mount --make-rshared /")
        self.run("python3 -m venv --without-pip /opt/edgepath/.venv && chmod -R go+rX /opt/edgepath")
        self.run("echo /opt/packages > $(echo /opt/edgepath/.venv/lib/python3*/site-packages)/packages.pth")
        for program in ("ansible-playbook", "ansible-pull", "ansible"):
            module = f"ansible.cli.{'adhoc' if program == 'ansible' else program.removeprefix('ansible-')}"
            text = f"#!/opt/edgepath/.venv/bin/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n"
            self.run(f"cat > /opt/edgepath/.venv/bin/{program} <<'EOF'\n{text}EOF")
            self.run(f"chmod 755 /opt/edgepath/.venv/bin/{program}")
        self.run(SSH)

    def stop(self) -> None:
        podman.podman("rm", "--force", "--time=0", "--volumes", self.name, check=False)

    def run(self, command: str, check: bool = True) -> str:
        return podman.podman("exec", self.name, "sh", "-c", command, check=check)

    def schedule(self, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """schedule.yml, from this machine, through podman's connection."""
        variables = {"edge_schedule_credentials": CREDENTIALS, **variables}
        inventory = self.directory / "hosts.yml"
        inventory.write_text(
            f"control:\n  hosts:\n    {self.name}:\n      ansible_connection: containers.podman.podman\n"
            "      ansible_python_interpreter: /usr/bin/python3\n      ansible_become: false\n"
        )
        command = [
            str(BIN / "ansible-playbook"), "-i", str(inventory), "schedule.yml",
            *arguments, "-e", json.dumps(variables),
        ]  # fmt: skip
        environment = {**podman.environment(), "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False
        )

    def audit(self) -> None:
        """Start the service once, and wait for its end: a busy machine takes its time."""
        self.run(f"systemctl start --no-block {NAME}.service")
        until = time.monotonic() + 500
        while self.run(f"systemctl is-active {NAME}.service", check=False) in ("active", "activating"):
            assert time.monotonic() < until, self.run(f"journalctl -u {NAME} --no-pager")
            time.sleep(1)

    def changes(self, *arguments: str, **variables: Any) -> int:
        done = self.schedule(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        found = re.search(r"changed=(\d+)", done.stdout)
        assert found, done.stdout
        return int(found[1])


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    try:
        podman.require()
    except podman.CannotRun as reason:
        pytest.skip(str(reason))
    made = Control(tmp_path_factory.mktemp("control"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def scheduled(control: Control) -> Control:
    """With the timer there, after a check that changed nothing."""
    assert control.changes("--check", "--diff") > 0
    assert control.run(f"ls /etc/systemd/system/{NAME}.timer; id edgepath", check=False) == ""
    assert control.changes() > 0
    return control


def test_a_second_time_changes_nothing(scheduled: Control) -> None:
    assert scheduled.changes() == 0
    assert scheduled.changes("--check") == 0


def test_the_timer_waits_with_jitter_and_catches_up(scheduled: Control) -> None:
    assert NAME in scheduled.run("systemctl list-timers --all --no-legend")
    shown = scheduled.run(f"systemctl show {NAME}.timer -p Persistent,RandomizedDelayUSec,TimersCalendar,UnitFileState")
    assert "Persistent=yes" in shown
    assert "RandomizedDelayUSec=15min" in shown
    assert "OnCalendar=*-*-* 02:30:00" in shown
    assert "UnitFileState=enabled" in shown


def test_the_unit_is_locked_down(scheduled: Control) -> None:
    said = scheduled.run(f"systemd-analyze security --offline=true --no-pager {NAME}.service", check=False)
    found = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert found, said
    # What is left is the network, which the audit is for, and running as a user that exists.
    assert float(found[1]) <= 1.3, said


def test_the_service_audits_and_tells_the_journal(scheduled: Control) -> None:
    scheduled.audit()
    journal = scheduled.run(f"journalctl -u {NAME} -o cat --no-pager")
    assert "edgepath: 1 export path judged" in journal, journal
    assert "BLOCKED     london" in journal  # no name resolves in there
    facts = json.loads(scheduled.run("cat /var/lib/edgepath/runs/latest/facts/london.json"))
    assert "timeouts" in facts  # read over SSH, with the key that systemd handed over
    # Edges that do not hold leave it failed, with the status of ansible-playbook.
    assert scheduled.run(f"systemctl show {NAME} -p ExecMainStatus,Result") == "Result=exit-code\nExecMainStatus=2"
    left = scheduled.run(
        "stat -c '%U %a' /var/lib/edgepath/runs/latest/report.json /var/lib/edgepath/runs/history.sqlite"
    )
    assert set(left.splitlines()) == {"edgepath 600"}
    notice = json.loads(scheduled.run("cat /var/lib/edgepath/notice.json"))
    assert [verdict["edge"] for verdict in notice["verdicts"]] == ["london"], (notice["unknown"], journal)
    assert scheduled.run("find /opt/edgepath -user edgepath -o -name runs") == ""


def test_the_service_sees_only_what_it_needs(scheduled: Control) -> None:
    # The unit's own lines, with another program.
    place = f"/run/systemd/system/{NAME}.service.d"
    program = (
        "ls /root; touch /opt/open/x /etc/x; grep NoNewPrivs /proc/self/status; grep CapBnd /proc/self/status; "
        "id -un; umask"
    )
    scheduled.run(f"mkdir -m 777 /opt/open && mkdir -p {place}")
    scheduled.run(f"printf '[Service]\\nExecStart=\\nExecStart=/bin/sh -c \"%s\"\\n' '{program}' > {place}/try.conf")
    scheduled.run("systemctl daemon-reload")
    try:
        since = scheduled.run("date +%s")
        scheduled.run(f"systemctl start {NAME}.service", check=False)
        journal = scheduled.run(f"journalctl -u {NAME} -o cat --no-pager --since=@{since}")
    finally:
        scheduled.run(f"rm -r /run/systemd/system/{NAME}.service.d && systemctl daemon-reload")
    for expected in (
        "cannot open directory '/root'", "'/opt/open/x': Read-only file system", "touch: cannot touch '/etc/x'",
        "NoNewPrivs:\t1", "CapBnd:\t0000000000000000", "edgepath", "0077",
    ):  # fmt: skip
        assert expected in journal, journal


def test_edges_may_fail_where_notices_are_enough(scheduled: Control) -> None:
    assert scheduled.changes(edge_schedule_edges_may_fail=True, edge_schedule_arguments=["--tags", "never"]) > 0
    assert "SuccessExitStatus=2" in scheduled.run(f"systemctl cat {NAME}.service")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"edge_schedule_project_dir": "/opt/nowhere"}, "there is no /opt/nowhere/.venv/bin/ansible-playbook"),
        ({"edge_schedule_home": "/home/edgepath"}, "must be elsewhere"),
        ({"edge_schedule_name": "a b"}, "is no name of a unit"),
        ({"edge_schedule_on_calendar": "every now and then"}, "Failed to parse calendar"),
    ],
)
def test_what_cannot_run_is_refused(scheduled: Control, variables: dict[str, Any], said: str) -> None:
    done = scheduled.schedule(**variables)
    assert done.returncode == 2
    assert said in done.stdout.replace("\\n", " ")


def test_it_goes_away_and_the_runs_stay(scheduled: Control) -> None:
    assert scheduled.changes(edge_schedule_state="absent") > 0
    assert NAME not in scheduled.run("systemctl list-timers --all --no-legend; systemctl list-unit-files --no-legend")
    assert scheduled.changes(edge_schedule_state="absent") == 0
    assert "report.json" in scheduled.run("ls /var/lib/edgepath/runs/latest/")
