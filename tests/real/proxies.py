# SPDX-License-Identifier: GPL-3.0-or-later
"""Real nginx, HAProxy and Squid on free ports of loopback, each with a configuration and a directory of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import squid as own_squid
from lab.process import Server, again_where_taken, free_ports

_SECONDS = 30.0
PACKAGES = {
    "nginx": "nginx-light",
    "nft": "nftables",
    "ip": "iproute2",
}  # of Debian, where a program's package has another name


def program(name: str) -> str:
    """Where the program is; without it there is nothing to test against, and the test says so."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install --no-install-recommends {PACKAGES.get(name, name)}")
    return found


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _running(name: str, directory: Path, prepare: Callable[[int], list[str]]) -> Iterator[int]:
    """The port of a server. prepare: writes its configuration for a port, and gives its command line."""
    started: list[Server] = []

    def attempt(number: int) -> int:
        (port,) = free_ports(1)
        server = Server(name, prepare(port), directory / f"{name}-{number}.log")
        started.append(server)
        server.wait(lambda: _listens(port), _SECONDS)
        return port

    try:
        yield again_where_taken(attempt)
    finally:
        for server in started:
            server.stop()


@contextmanager
def nginx(directory: Path, upstream: str, timers: str = "", server: str = "") -> Iterator[tuple[int, Path]]:
    """An HTTP reverse proxy; (port, path of its configuration)."""
    text = f"""
events {{ worker_connections 64; }}
http {{
  access_log off;
  {_temporary(directory)}
  server {{
    listen 127.0.0.1:PORT;
    client_max_body_size 0;
    {timers}
    location / {{ proxy_pass http://{upstream}; proxy_set_header Host $http_host; proxy_http_version 1.1; {server} }}
  }}
}}
"""
    with _nginx(directory, text) as started:
        yield started


@contextmanager
def nginx_stream(directory: Path, upstream: str, timers: str) -> Iterator[tuple[int, Path]]:
    """A TCP proxy."""
    module = next(Path("/usr/lib/nginx/modules").glob("ngx_stream_module.so"), None)
    if module is None:
        pytest.skip("nginx has no stream module: apt-get install --no-install-recommends libnginx-mod-stream")
    text = f"""
load_module {module};
events {{ worker_connections 64; }}
stream {{ server {{ listen 127.0.0.1:PORT; proxy_pass {upstream}; {timers} }} }}
"""
    with _nginx(directory, text) as started:
        yield started


def _temporary(directory: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in kinds)


@contextmanager
def _nginx(directory: Path, text: str) -> Iterator[tuple[int, Path]]:
    where = program("nginx")
    path = directory / "nginx.conf"
    user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
    # stderr: until nginx has read its configuration, it writes to the log that it was built with, the machine's own.
    head = f"{user}daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\nerror_log stderr;\n"

    def prepare(port: int) -> list[str]:
        # load_module must come before everything that uses it; the rest of the main context may stand after it.
        path.write_text(head + text.replace("PORT", str(port)))
        return [where, "-e", "stderr", "-c", str(path), "-p", str(directory)]

    with _running("nginx", directory, prepare) as port:
        yield port, path


@contextmanager
def haproxy(
    directory: Path, upstream: str, timers: str, mode: str = "http", bind: str = ""
) -> Iterator[tuple[int, Path]]:
    """A reverse proxy (http) or a TCP proxy (tcp). bind: further words of its bind line."""
    where = program("haproxy")
    path = directory / "haproxy.cfg"

    def prepare(port: int) -> list[str]:
        path.write_text(
            f"""global
  maxconn 64
defaults
  mode {mode}
  timeout connect 5s
{timers}
frontend exports
  bind 127.0.0.1:{port} {bind}
  default_backend storage
backend storage
  server one {upstream}
"""
        )
        return [where, "-db", "-f", str(path)]

    with _running("haproxy", directory, prepare) as port:
        yield port, path


@contextmanager
def squid(directory: Path, timers: str) -> Iterator[tuple[int, Path]]:
    """A forward proxy, without a cache; localhost is 127.0.0.1, also where the machine's own file ends with ::1."""
    hosts = directory / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    hosts.chmod(0o644)
    with own_squid.running(program("squid"), directory, f"hosts_file {hosts}\n{timers}") as started:
        yield started


@contextmanager
def nginx_tls(directory: Path, both: Path) -> Iterator[int]:
    """An HTTPS server with one certificate, whatever name is asked; its port. both: PEM of certificate and key."""
    text = f"""
events {{ worker_connections 64; }}
http {{
  access_log off;
  {_temporary(directory)}
  server {{ listen 127.0.0.1:PORT ssl; ssl_certificate {both}; ssl_certificate_key {both}; return 403; }}
}}
"""
    with _nginx(directory, text) as (port, _):
        yield port


def _openssl(*arguments: str) -> None:
    subprocess.run([program("openssl"), *arguments], check=True, capture_output=True)


def authority(directory: Path) -> Path:
    """A throw-away authority: PEM of its certificate, with its key beside it (ca.key)."""
    shown = directory / "ca.pem"
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Throw-away authority"]
    written = ["-keyout", str(directory / "ca.key"), "-out", str(shown)]
    _openssl(*new, "-addext", "basicConstraints=critical,CA:TRUE", *written)
    return shown


def issued(directory: Path, ca: Path, *names: str, days: int = 2) -> Path:
    """A certificate of the authority for names, wildcards among them: PEM of both. days: -1 has run out."""
    key, request, shown, both = (directory / f"issued.{kind}" for kind in ("key", "csr", "crt", "pem"))
    extensions = directory / "issued.ext"
    extensions.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
    subject = ["-subj", f"/CN={names[0]}"]
    _openssl("req", "-newkey", "rsa:2048", "-nodes", *subject, "-keyout", str(key), "-out", str(request))
    signed = ["-CA", str(ca), "-CAkey", str(ca.with_name("ca.key")), "-CAcreateserial", "-days", str(days)]
    _openssl("x509", "-req", "-in", str(request), *signed, "-extfile", str(extensions), "-out", str(shown))
    both.write_text(shown.read_text() + key.read_text())
    return both


def certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for a name: (PEM of both, PEM of the certificate alone)."""
    key, shown, both = directory / "key.pem", directory / "cert.pem", directory / "both.pem"
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(shown))  # fmt: skip
    both.write_text(shown.read_text() + key.read_text())
    ssl.create_default_context(cafile=str(shown))
    return both, shown
