# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read on an edge: below its root, within bounds, and never a traceback."""

from __future__ import annotations

import json
import os

import pytest
from ansible.module_utils.edge.finding import Unread, unread
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.timeouts import node_proxies, node_system
from ansible.module_utils.edge.timeouts.files import MAX_BYTES, Node
from ansible.module_utils.edge.timeouts.node import gather_node

from tests.unit.timeouts import node_copy


def gather(root, **more):
    return gather_node(Edge.from_mapping(node_copy.options(root, **more)))


def test_the_section_of_a_copy(tmp_path):
    _, facts = node_copy.make(tmp_path, node_copy.LONDON)
    assert facts["live"] is False
    assert facts["export_config"]["path"] == "/etc/edge/export.yaml"
    assert facts["recording_storage"]["text"].startswith("storage:")
    (squid,) = facts["proxy_configs"]
    assert (squid["path"], squid["kind"], squid["explicit"], squid["running"]) == (
        "/etc/squid/squid.conf", "squid", False, None,
    )  # fmt: skip
    assert facts["sysctl"]["runtime"]["net.ipv4.tcp_rmem"] == "4096 131072 6291456"
    assert facts["process"] is None
    assert unread(facts["sockets"]).state == "not_collected"
    json.dumps(facts)


def test_what_is_not_named_is_none(tmp_path):
    facts = gather(tmp_path, export_config_path=None, recording_storage_path=None, export_service=None)
    assert (facts["export_config"], facts["recording_storage"], facts["unit"]) == (None, None, None)
    assert facts["proxy_configs"] == []


def test_a_named_file_that_is_absent_is_an_error_that_names_the_variable(tmp_path):
    problem = unread(gather(tmp_path)["export_config"])
    assert problem.state == "error" and "edge_export_config_path" in problem.message
    (config,) = gather(tmp_path, proxy_config_paths=["/etc/squid/main.conf"])["proxy_configs"]
    assert "edge_proxy_config_paths" in unread(config["text"]).message and config["kind"] == "squid"


def test_secrets_do_not_leave_the_edge(tmp_path):
    secret = "hunter2-S3cr3t"
    files = {
        "etc/edge/export.yaml": f"read_timeout: 7200\nsecret_key: {secret}\nproxy: http://u:{secret}@127.0.0.1:3128\n",
        "etc/edge/recording-storage.yaml": f"password: {secret}\n",
        "etc/squid/squid.conf": f"cachemgr_passwd {secret} all\n",
        "etc/systemd/system/edge-export.service": (
            f"[Service]\nEnvironment=AWS_SECRET_ACCESS_KEY={secret}\nEnvironmentFile=/etc/edge/env\n"
        ),
        "etc/edge/env": f"API_TOKEN={secret}\n",
        "root/.aws/config": f"[default]\naws_secret_access_key = {secret}\n",
        "var/lib/edgepath/recorded/systemctl-show.txt": f"Id=x\nMainPID=77\nEnvironment=MY_TOKEN={secret}\n",
        "proc/77/environ": f"AWS_SESSION_TOKEN={secret}\0HTTPS_PROXY=http://u:{secret}@p:1\0HOME=/x\0",
        "proc/77/cmdline": f"export\0--password\0{secret}\0",
    }
    _, facts = node_copy.make(tmp_path, files)
    assert secret not in json.dumps(facts)
    assert facts["process"]["environment"] == {
        "AWS_SESSION_TOKEN": "REDACTED(string-14)", "HTTPS_PROXY": "http://REDACTED@p:1", "HOME": "/x",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b"x" * (MAX_BYTES + 1)), "larger than"),
        (lambda path: path.write_bytes(b"\0\1\2"), "not text"),
        (lambda path: os.mkfifo(path), "not a regular file"),
        (lambda path: path.mkdir(), "directory"),
        (lambda path: path.symlink_to("export.yaml"), "loop"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, make, says):
    node_copy.write(tmp_path, node_copy.FILES)
    (tmp_path / "etc/edge/export.yaml").unlink()
    make(tmp_path / "etc/edge/export.yaml")
    problem = unread(gather(tmp_path)["export_config"])
    assert says in problem.message.lower() and "/etc/edge/export.yaml" in problem.message


@pytest.mark.parametrize("name", ["environ", "cmdline"])
def test_a_pipe_among_the_files_of_a_process_keeps_nobody_waiting(tmp_path, name):
    node_copy.write(tmp_path, {**node_copy.FILES, "var/lib/edgepath/recorded/systemctl-show.txt": "Id=x\nMainPID=77\n"})
    directory = tmp_path / "proc/77"
    directory.mkdir(parents=True)
    for file in ("environ", "cmdline"):
        (directory / file).write_bytes(b"")
    (directory / name).unlink()
    os.mkfifo(directory / name)
    process = gather(tmp_path)["process"]
    problem = unread(process["environment" if name == "environ" else "command_line"])
    assert f"/proc/77/{name}: is not a regular file" in problem.message


def test_permission_denied_is_told_as_such(monkeypatch, tmp_path):
    node_copy.write(tmp_path, node_copy.FILES)
    really = os.open

    def refuse(path, *arguments, **more):
        if str(path).endswith("export.yaml"):
            raise PermissionError(13, "Permission denied")
        return really(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    problem = unread(gather(tmp_path)["export_config"])
    assert (problem.state, problem.permissions) == ("denied", ("read /etc/edge/export.yaml",))


@pytest.mark.parametrize("target", ["/etc/outside", "../../../../../../../../etc/outside", "/a/../etc/outside"])
def test_links_stay_below_the_root(tmp_path, target):
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/outside").write_text("not of this node")
    (tmp_path / "root/etc/outside").write_text("of this node")
    (tmp_path / "root/etc/link").symlink_to(target)
    assert Node(str(tmp_path / "root")).read_raw("/etc/link") == "of this node"


def test_the_file_that_wins_at_the_next_boot(tmp_path):
    files = {
        "usr/lib/sysctl.d/50-a.conf": "net.ipv4.tcp_retries2 = 1\n",
        "etc/sysctl.d/50-a.conf": "net.ipv4.tcp_retries2 = 2\n",
        "etc/sysctl.d/10-b.conf": "net.ipv4.tcp_retries2 = 3\n",
        "run/sysctl.d/40-c.conf": "net.ipv4.tcp_retries2 = 4\n",
        "usr/lib/sysctl.d/60-masked.conf": "net.ipv4.tcp_retries2 = 5\n",
        "etc/sysctl.d/README": "not read\n",
        "etc/sysctl.conf": "net.ipv4.tcp_retries2 = 6\n",
    }
    node_copy.write(tmp_path, files)
    (tmp_path / "etc/sysctl.d/60-masked.conf").symlink_to("/dev/null")
    disk = node_system.sysctls(Node(str(tmp_path)))["disk"]
    assert [item["path"] for item in disk["files"]] == [
        "/etc/sysctl.d/10-b.conf", "/run/sysctl.d/40-c.conf", "/etc/sysctl.d/50-a.conf",
    ]  # fmt: skip
    assert disk["sysctl_conf"].endswith("= 6\n")


def test_the_unit_with_its_drop_ins_in_order(tmp_path):
    files = {
        "lib/systemd/system/edge-export@.service": "[Service]\nRuntimeMaxSec=1\n",
        "etc/systemd/system/edge-export@london.service.d/20-b.conf": "[Service]\nRuntimeMaxSec=4\n",
        "run/systemd/system/edge-export@.service.d/10-a.conf": "[Service]\nRuntimeMaxSec=2\n",
        "etc/systemd/system/service.d/05-all.conf": "[Service]\nRuntimeMaxSec=3\n",
        "etc/systemd/system/edge-.service.d/20-b.conf": "[Service]\nRuntimeMaxSec=9\n",
    }
    unit = node_system.unit(Node(str(node_copy.write(tmp_path, files))), "edge-export@london")
    assert [item["path"].rpartition("system/")[2] for item in unit["files"]] == [
        "edge-export@.service", "service.d/05-all.conf", "edge-export@.service.d/10-a.conf",
        "edge-export@london.service.d/20-b.conf",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["no-such.service", "../../etc/passwd", "a;b", "-x"])
def test_a_unit_that_is_none(tmp_path, name):
    problem = unread(node_system.unit(Node(str(tmp_path)), name))
    assert problem is not None and "edge_export_service" in problem.message


def test_includes_are_followed_once_and_their_trouble_is_told(tmp_path):
    files = {
        "etc/squid/squid.conf": "include /etc/squid/conf.d/*.conf\ninclude /etc/squid/gone.conf\n",
        "etc/squid/conf.d/a.conf": "include /etc/squid/squid.conf /etc/squid/conf.d/a.conf\nread_timeout 1 hour\n",
        "etc/nginx/nginx.conf": "http { include conf.d/*.conf; }\n",
        "etc/nginx/conf.d/s.conf": "server { listen 80; }\n",
    }
    squid, nginx = node_proxies.proxy_configs(Node(str(node_copy.write(tmp_path, files))), [])
    assert list(squid["files"]) == ["/etc/squid/conf.d/a.conf"]
    assert ["gone.conf" in unread(item).message for item in squid["problems"]] == [True]
    assert list(nginx["files"]) == ["/etc/nginx/conf.d/s.conf"] and nginx["problems"] == []


def test_too_many_includes_are_a_problem_and_no_endless_reading(tmp_path):
    files = {f"etc/squid/d/{n}.conf": f"include /etc/squid/d/{n + 1}.conf\n" for n in range(40)}
    files["etc/squid/squid.conf"] = "include /etc/squid/d/0.conf\n"
    (config,) = node_proxies.proxy_configs(Node(str(node_copy.write(tmp_path, files))), [])
    assert len(config["files"]) < 20 and "deeper" in unread(config["problems"][-1]).message


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("/opt/p/squid-london.conf", "", "squid"),
        ("/etc/proxy.conf", "http_port 3128\nhttp_access deny all\n", "squid"),
        ("/etc/proxy.conf", "http {\n server { listen 80; }\n}\n", "nginx"),
        ("/etc/proxy.conf", "defaults\n timeout client 1m\n", "haproxy"),
        ("/etc/proxy.conf", "static_resources:\n  listeners: []\n", "envoy"),
        ("/etc/proxy.conf", "hello\n", None),
        ("/etc/nginx/squid.conf", "", "squid"),
    ],
)
def test_which_program_a_file_is_for(path, text, kind):
    assert node_proxies.kind_of(path, text) == kind


NGINX_DUMP = """# configuration file /etc/nginx/nginx.conf:
http { include /etc/nginx/c/*; }

# configuration file /etc/nginx/c/a:
server { set $token hunter2-S3cr3t; }
"""


def test_the_programs_own_dump_comes_first(monkeypatch):
    node = Node("/")
    monkeypatch.setattr(node_proxies, "_running", lambda node: {"nginx": [], "squid": []})
    monkeypatch.setattr(
        Node,
        "read_raw",
        lambda self, path, limit=0: "read_timeout 1 hour\n" if "nginx.conf" in path or "squid.conf" in path else None,
    )
    asked = []

    def run(command):
        asked.append(command)
        return NGINX_DUMP if command[0] == "nginx" else Unread("error", "squid", "squid", "exit 1: Bungled")

    squid, nginx = node_proxies.proxy_configs(node, [], run)
    assert asked == [
        ["squid", "-k", "parse", "-f", "/etc/squid/squid.conf"],
        ["nginx", "-T", "-q", "-c", "/etc/nginx/nginx.conf"],
    ]
    assert nginx["text"].startswith("http {") and list(nginx["files"]) == ["/etc/nginx/c/a"]
    assert "hunter2" not in json.dumps(nginx)
    assert unread(squid["check"]).message.endswith("Bungled") and squid["text"] == "read_timeout 1 hour\n"


def test_commands_that_are_missing_fail_or_hang(monkeypatch):
    assert node_system.run_command(["edgepath-no-such-program"]).state == "not_collected"
    failed = node_system.run_command(["sh", "-c", "printf 'secret_key=%s%s' hunt er2 >&2; exit 3"])
    assert failed.state == "error" and "exit 3" in failed.message
    assert "secret_key=REDACTED" in failed.message and "hunter2" not in failed.message
    with monkeypatch.context() as hasty:
        hasty.setattr(node_system, "COMMAND_SECONDS", 0.2)
        assert "no answer" in node_system.run_command(["sleep", "5"]).message
    assert node_system.run_command(["echo", "hello"]) == "hello\n"


def test_nothing_beyond_the_standard_library_is_imported():
    """The section is read on the edge, where neither yaml nor boto3 need be."""
    import subprocess
    import sys
    from pathlib import Path

    root = Path(__file__).resolve().parents[3] / "module_utils"
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('yaml', 'boto3', 'botocore', 'dns', 'ansible')));"
        "from edge.timeouts.node import gather_node; from edge.targets import Edge;"
        "print(sorted(gather_node(Edge('x', root='/nowhere'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert "proxy_configs" in done.stdout, done.stderr
