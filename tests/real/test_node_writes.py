# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's objects read, written and reloaded by Ansible itself, here, in a network namespace of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.converge.edit.texts import with_text
from ansible.module_utils.edge.converge.model import NODE, ObjectChange, Ref

from tests.conftest import ROOT
from tests.real.proxies import program

pytestmark = pytest.mark.real
CHAIN = "inet edgepath_test output"
RULES = ["ip daddr 3.5.0.0/16 tcp dport 443 accept", "ip6 daddr 2a05:d050::/32 tcp dport 443 accept"]


def _isolated() -> list[str]:
    """unshare, where this user may: sysctls and packet filters are then those of an empty network."""
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return ["unshare", "--net"] if tried.returncode == 0 else []


def _run(tmp_path: Path, options: dict[str, Any], steps: list[dict[str, Any]], prepare: str = "true") -> list[Any]:
    task = {"edge_node_try": {"edge": {"name": "here", **options}, "steps": steps}, "register": "tried"}
    out = tmp_path / "answers.json"
    keep = {"ansible.builtin.copy": {"content": "{{ tried.answers | to_json }}", "dest": str(out)}}
    variables = {"ansible_python_interpreter": sys.executable}
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables,
             "tasks": [task, keep]}]  # fmt: skip
    (tmp_path / "ansible.cfg").touch()
    (tmp_path / "play.json").write_text(json.dumps(play))
    environment = {
        **os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_ACTION_PLUGINS": str(ROOT / "tests/real/action"),
        "ANSIBLE_LIBRARY": str(ROOT / "library"), "ANSIBLE_MODULE_UTILS": str(ROOT / "module_utils"),
        "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/sbin:{os.environ['PATH']}",
    }  # fmt: skip
    command = f"{prepare} && exec ansible-playbook -i localhost, {tmp_path}/play.json"
    done = subprocess.run(
        [*_isolated(), "sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    answers: list[Any] = json.loads(out.read_text())
    return answers


def _file(path: Path, text: str | None, mode: str = "0640") -> dict[str, Any] | None:
    import grp
    import pwd

    owned = {"owner": pwd.getpwuid(os.getuid())[0], "group": grp.getgrgid(os.getgid())[0]}
    return None if text is None else with_text({"mode": mode, **owned}, text)


def _write(path: Path, before: Any, after: Any, validate: str | None = None) -> dict[str, Any]:
    return {"write": ObjectChange(Ref(NODE, "file", str(path)), before, after, validate=validate).to_dict()}


def _seen(answer: Any) -> dict[str, Any]:
    """What a read tells, without the time of each file, which is the kernel's."""
    return {
        ref: {name: value for name, value in state.items() if name != "mtime"} if isinstance(state, dict) else state
        for ref, state in answer[0].items()
    }


def test_files_are_written_validated_compared_and_put_back(tmp_path: Path) -> None:
    program("haproxy")
    good = "defaults\n  mode http\n  timeout client 1m\n  timeout server 1m\n  timeout connect 5s\n"
    good += "listen l\n  bind 127.0.0.1:1\n  server s 127.0.0.1:2\n"
    path, new, link = tmp_path / "haproxy.cfg", tmp_path / "new.d/x.conf", tmp_path / "link.conf"
    path.write_text(good)
    path.chmod(0o640)
    link.symlink_to("haproxy.cfg")
    before, bad = _file(path, good), _file(path, good + "frontend\n  nonsense\n")
    after = _file(path, good.replace("client 1m", "client 18000s"))
    check = "haproxy -c -f %s"
    at_link = {"target": str(path)}
    answers = _run(tmp_path, {}, [
        {"read": [f"file:{path}", f"file:{link}", f"file:{new}", "program:haproxy", "program:nothing-of-that-name"]},
        _write(path, before, bad, check),
        _write(path, after, bad),
        _write(path, before, after, check),
        _write(path, before, after, check),
        {"read": [f"file:{path}"]},
        _write(path, after, bad, f"sh -c 'grep -q nonsense {path} && exit 3'"),
        {"read": [f"file:{path}"]},
        _write(link, {**after, **at_link}, {**before, **at_link}),
        _write(new, None, _file(new, "a\n", "0600")),
        {"read": [f"file:{new}", f"file:{link}"]},
        _write(new, _file(new, "a\n", "0600"), None),
    ])  # fmt: skip
    states = _seen(answers[0])
    assert states[f"file:{path}"] == before and states[f"file:{new}"] is None
    assert states[f"file:{link}"] == {**before, **at_link}
    assert states["program:haproxy"] and states["program:nothing-of-that-name"] is None
    assert "cannot write" in answers[1]["error"] and "configuration file" in answers[1]["error"]
    assert "changed by somebody else" in answers[2]["error"]
    assert answers[3] is None and answers[4] is None, answers[3:5]
    assert _seen(answers[5])[f"file:{path}"] == after
    assert "the new content is refused" in answers[6]["error"]
    assert _seen(answers[7])[f"file:{path}"] == after, "what the program refused was not taken back"
    assert answers[8] is None and answers[9] is None, answers[8:10]
    assert _seen(answers[10]) == {f"file:{new}": _file(new, "a\n", "0600"), f"file:{link}": {**before, **at_link}}
    assert link.is_symlink() and path.read_text() == good
    assert answers[11] is None and not new.exists()


def test_a_copy_is_written_below_its_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/real").write_text("nameserver ::1\n")
    (root / "etc/resolv.conf").symlink_to("/etc/real")
    (root / "etc/real").chmod(0o644)
    before = with_text({"mode": "0644", "target": "/etc/real"}, "nameserver ::1\n")
    after = with_text(before, "nameserver ::2\n")
    told = tmp_path / "told"
    commands = {"squid": f"touch {told}"}
    answers = _run(tmp_path, {"root": str(root), "service_commands": commands}, [
        {"read": ["file:/etc/resolv.conf", "sysctl:net.ipv4.tcp_retries2"]},
        _write(Path("/etc/resolv.conf"), before, after, "false %s"),
        {"reload": ["squid", "nginx", "daemon-reload"]},
    ])  # fmt: skip
    states, transfers = _seen(answers[0]), answers[0][1]
    assert states["file:/etc/resolv.conf"] == before and transfers == []
    assert "copy of a node" in json.dumps(states["sysctl:net.ipv4.tcp_retries2"])
    assert answers[1] is None and (root / "etc/real").read_text() == "nameserver ::2\n"
    assert (root / "etc/resolv.conf").is_symlink() and told.exists()
    assert len(answers[2]) == 2 and all("copy of a node" in said for said in answers[2])


def test_sysctls_and_rules_of_the_running_kernel(tmp_path: Path) -> None:
    program("nft")
    if not _isolated():
        pytest.skip("cannot run here because it takes a network namespace of its own (root may make one)")
    key = "net.ipv4.tcp_keepalive_time"
    chain, value = Ref(NODE, "firewall_rules", CHAIN), Ref(NODE, "sysctl", key)

    def write(ref: Ref, before: Any, after: Any) -> dict[str, Any]:
        return {"write": ObjectChange(ref, before, after).to_dict()}

    prepare = (
        "nft add table inet edgepath_test && nft 'add chain inet edgepath_test output "
        "{ type filter hook output priority 0; policy drop; }' && "
        "nft add rule inet edgepath_test output tcp dport 443 drop"
    )
    answers = _run(tmp_path, {}, [
        {"read": [chain.key, value.key, "sysctl:net.ipv4.tcp_rmem", "firewall_rules:inet edgepath_test nothing"]},
        write(value, "7200", "60"),
        write(chain, [], RULES),
        {"read": [chain.key, value.key]},
        write(chain, RULES, RULES[1:]),
        write(chain, RULES[1:], []),
        write(value, "60", "7200"),
        {"read": [chain.key, value.key]},
    ], prepare)  # fmt: skip
    states = answers[0][0]
    assert (states[chain.key], states[value.key]) == ([], "7200")
    assert len(states["sysctl:net.ipv4.tcp_rmem"].split(" ")) == 3
    assert "$unread" in states["firewall_rules:inet edgepath_test nothing"]
    assert answers[1] is None and answers[2] is None, answers[1:3]
    assert answers[3][0] == {chain.key: RULES, value.key: "60"}
    assert answers[4] is None and answers[5] is None and answers[6] is None, answers[4:7]
    assert answers[7][0] == {chain.key: [], value.key: "7200"}


def test_content_is_never_in_the_arguments(tmp_path: Path) -> None:
    """What a file holds may be secret: it reaches the node as a file, never as an argument."""
    path, secret = tmp_path / "export.yaml", "wJalrXUtnFEMI"
    path.write_text("a: 1\n")
    path.chmod(0o640)
    steps = [_write(path, _file(path, "a: 1\n"), _file(path, f"key: {secret}\n"))]
    assert _run(tmp_path, {}, steps) == [None]
    assert secret in path.read_text()
    assert base64.b64encode(secret.encode()).decode() not in (tmp_path / "answers.json").read_text()
