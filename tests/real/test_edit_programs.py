# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own configuration files, edited: the programs accept them, and say themselves that the new value holds."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from ansible.module_utils.edge.converge.edit import haproxy, nftables, nginx, squid
from ansible.module_utils.edge.timeouts import haproxy as haproxy_reader
from ansible.module_utils.edge.timeouts import squid as squid_reader

from tests.real.proxies import program

pytestmark = pytest.mark.real


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def _default(path: str) -> str:
    if not Path(path).exists():
        pytest.skip(f"cannot run here because the program is not Debian's: there is no {path}")
    return Path(path).read_text()


def test_nginx(tmp_path: Path) -> None:
    where = program("nginx")
    # To be asked, nginx opens the logs, the pid file and the ports of a configuration: here those of the test.
    text = re.sub(r"(?<=\s)/(run|var/log/nginx)/", f"{tmp_path}/", _default("/etc/nginx/nginx.conf"))
    text = text.replace("include /etc/nginx/sites-enabled/*;", "")
    edited = nginx.set_directive(text, "f", "proxy_read_timeout", "18000s")
    edited = nginx.set_directive(edited, "f", "proxy_max_temp_file_size", "0")
    edited = nginx.set_option(edited, "f", "proxy_socket_keepalive", "on")
    path = tmp_path / "nginx.conf"
    path.write_text(edited)
    dump = _said(where, "-T", "-c", str(path), "-g", f"pid {tmp_path}/pid;" if "\npid " not in text else "")
    for line in ("proxy_read_timeout 18000s;", "proxy_max_temp_file_size 0;", "proxy_socket_keepalive on;"):
        assert dump.count(line) == 1
    path.write_text(nginx.set_directive(edited, "f", "proxy_read_timeout", "7s"))
    assert "proxy_read_timeout 7s;" in _said(where, "-T", "-c", str(path))
    assert [line for line in edited.splitlines() if line not in text.splitlines()] == [
        line for line in edited.splitlines() if "proxy_" in line and line not in text.splitlines()
    ]


def test_haproxy(tmp_path: Path) -> None:
    where = program("haproxy")
    text = _default("/etc/haproxy/haproxy.cfg")
    server = "frontend f\n  bind 127.0.0.1:1\n  default_backend b\nbackend b\n  server s 127.0.0.1:2\n"
    edited = haproxy.set_timeout(text, "f", "timeout client", "18000s")
    edited = haproxy.set_timeout(edited, "f", "timeout server", "18000s")
    edited = haproxy.set_option(edited, "f", "option srvtcpka")
    path = tmp_path / "haproxy.cfg"
    path.write_text(edited + server)
    _said(where, "-c", "-f", str(path))
    seen = haproxy_reader.parse(edited + server)
    assert {bound.seconds for bound in seen.bounds} == {18000} and seen.server_keepalive is True
    # HAProxy refuses a value that it does not read as we do: 2^31 ms is the first that it does not take.
    path.write_text(haproxy.set_timeout(edited, "f", "timeout server", "2147484s") + server)
    done = subprocess.run([where, "-c", "-f", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "timeout" in done.stderr


def test_squid(tmp_path: Path) -> None:
    where = program("squid")
    text = _default("/etc/squid/squid.conf")
    edited = squid.set_directive(text, "f", "read_timeout", "300 minutes")
    edited = squid.set_directive(edited, "f", "write_timeout", "300 minutes")
    assert edited.startswith(text.rstrip("\n")) and len(edited.splitlines()) == len(text.splitlines()) + 2
    path = tmp_path / "squid.conf"
    path.write_text(edited)
    for each in (tmp_path, *tmp_path.parents):
        if str(each) not in ("/", "/tmp"):
            os.chmod(each, each.stat().st_mode | 0o011)
    said = _said(where, "-k", "parse", "-f", str(path))
    assert "Processing: read_timeout 300 minutes" in said and "Processing: write_timeout 300 minutes" in said
    assert "FATAL" not in said and "ERROR" not in said
    own = {item.name: item.seconds for item in squid_reader.parse(text + "\nread_timeout 300 minutes\n").settings}
    assert own["read_timeout"] == 18000


def test_nftables(tmp_path: Path) -> None:
    where = program("nft")
    text = _default("/etc/nftables.conf")
    rules = nftables.rules_for("output", ["3.5.0.0/16", "2a05:d050::/32"], 443)
    edited = nftables.add_rules(text, "f", ("inet", "filter", "output"), rules, "edgepath")
    path = tmp_path / "nftables.conf"
    path.write_text(edited)
    alone = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    if alone.returncode:
        pytest.skip("cannot run here because it takes a network namespace of its own (root may make one)")
    listed = _said("unshare", "--net", "sh", "-c", f"{where} -f {path} && {where} -n list chain inet filter output")
    assert [line.strip() for line in listed.splitlines() if "edgepath" in line] == [
        f'{rule} comment "edgepath"' for rule in rules
    ]
