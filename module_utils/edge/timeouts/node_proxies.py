# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies' configuration on a node: their files with includes followed, and the programs' own dump where they run.

Standard library only: this runs on the edge.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..finding import Unread
from ..redaction.choose import redact
from .files import MAX_BYTES, Node
from .node_system import Runner, run_command

# Where Debian, Red Hat and the projects' own images put them.
USUAL_PLACES = {
    "squid": ("/etc/squid/squid.conf",),
    "nginx": ("/etc/nginx/nginx.conf",),
    "haproxy": ("/etc/haproxy/haproxy.cfg",),
    "envoy": ("/etc/envoy/envoy.yaml",),
}
# The command line option with which each is told another file.
_FILE_OPTION = {"squid": "-f", "nginx": "-c", "haproxy": "-f", "envoy": "-c"}
MAX_FILES = 128
MAX_DEPTH = 16  # Squid's own limit (src/cache_cf.cc); nginx has none
_INCLUDE = {
    "squid": re.compile(r"^[ \t]*include[ \t]+([^\n#]+)", re.MULTILINE),
    "nginx": re.compile(r"(?:^|[;{}])[ \t]*include[ \t]+[\"']?([^;\"'\s]+)[\"']?[ \t]*;", re.MULTILINE),
}
_CONTENT = (
    ("nginx", re.compile(r"^[ \t]*(?:events|http|stream|server|upstream)\b[^\n{;]*\{", re.MULTILINE)),
    ("haproxy", re.compile(r"^(?:global|defaults|frontend|backend|listen)\b", re.MULTILINE)),
    (
        "envoy",
        re.compile(r"^[ \t\"']*(?:static_resources|dynamic_resources)\b|type\.googleapis\.com/envoy", re.MULTILINE),
    ),
    ("squid", re.compile(r"^[ \t]*(?:http_port|http_access|acl|cache_peer|read_timeout)[ \t]", re.MULTILINE)),
)
_DUMP_FILE = re.compile(r"^# configuration file (\S+):$", re.MULTILINE)


def kind_of(path: str, text: str) -> str | None:
    """Which program a configuration is for: by its name, else by its content."""
    name = path.lower()
    named = [kind for kind in USUAL_PLACES if kind in posixpath.basename(name)]
    named = named or [kind for kind in USUAL_PLACES if kind in name]
    if len(named) == 1:
        return named[0]
    return next((kind for kind, sign in _CONTENT if sign.search(text)), None)


def proxy_configs(node: Node, named: Sequence[str], run: Runner = run_command) -> list[Any]:
    """[{"path", "kind", "text", "explicit", "running", "files", "problems", "check"}], or unread in place of one.

    explicit: the inventory names it, so the export goes through it.  running: a process of that program uses it (None
    in a copy).  files: {path: text} of its includes.  problems: what of it could not be read, as unread facts.
    """
    running = _running(node) if node.live else {}
    found: dict[str, Any] = {}
    for path in named:
        found[path] = _config(node, path, None, node.wanted(path, "edge_proxy_config_paths"), True)
    for kind, places in USUAL_PLACES.items():
        for path in dict.fromkeys((*places, *running.get(kind, ()))):
            text = None if path in found else node.read_raw(path)
            if text is not None:
                found[path] = _config(node, path, kind, text, False)
    if node.live:
        for config in found.values():
            if "kind" in config:
                config["running"] = _is_in_use(config, running)
                _ask_the_program(config, run)
    return list(found.values())


def _is_in_use(config: dict[str, Any], running: dict[str, list[str]]) -> bool:
    """Whether a running program was started with this very file, named or by default."""
    if config["kind"] not in running:
        return False
    named = running[config["kind"]]
    return config["path"] in named if named else config["path"] in USUAL_PLACES[config["kind"]]


def _config(node: Node, path: str, kind: str | None, text: Any, explicit: bool) -> dict[str, Any]:
    if isinstance(text, Unread):
        known = kind or kind_of(path, "")
        return {"path": path, "kind": known, "text": text.to_fact(), "explicit": explicit, "running": None,
                "files": {}, "problems": [], "check": None}  # fmt: skip
    kind = kind or kind_of(path, text)
    files, problems = _follow(node, path, text, kind) if kind in _INCLUDE else ({}, [])
    files = {name: redact(content, str(kind)) for name, content in files.items()}
    return {"path": path, "kind": kind, "text": redact(text, kind or ""), "explicit": explicit, "running": None,
            "files": files, "problems": [problem.to_fact() for problem in problems], "check": None}  # fmt: skip


def _follow(node: Node, main: str, text: str, kind: str) -> tuple[dict[str, str], list[Unread]]:
    """The included files of a configuration as they are, each once; what could not be read is a problem."""
    files: dict[str, str] = {main: text}
    problems: list[Unread] = []
    size = len(text)
    queue = [(main, text, 1)]
    while queue:
        origin, content, depth = queue.pop(0)
        for path in _included(node, main, content, kind, problems):
            if path in files:
                continue
            if depth >= MAX_DEPTH or len(files) >= MAX_FILES or size > 4 * MAX_BYTES:
                message = f"{origin}: includes go deeper than {MAX_DEPTH} levels, {MAX_FILES} files or 4 MiB"
                return files, [*problems, Unread("error", "read", path, message)]
            included = node.read_raw(path)
            if isinstance(included, str):
                files[path] = included
                size += len(included)
                queue.append((path, included, depth + 1))
            else:
                problems.append(
                    included or Unread("error", "read", path, f"{path}: included by {origin}, does not exist")
                )
    del files[main]
    return files, problems


def _included(node: Node, main: str, content: str, kind: str, problems: list[Unread]) -> Iterator[str]:
    for match in _INCLUDE[kind].finditer(content):
        for pattern in match.group(1).split():
            # nginx: relative to the directory of nginx.conf (ngx_conf_full_name); Squid: to its working directory.
            full = pattern if pattern.startswith("/") else posixpath.join(posixpath.dirname(main), pattern)
            full = posixpath.normpath(full)
            if not any(sign in full for sign in "*?["):
                yield full
                continue
            paths = node.glob(full)
            if isinstance(paths, Unread):
                problems.append(paths)
            else:
                yield from paths


def _running(node: Node) -> dict[str, list[str]]:
    """The proxies that run, with the configuration files that their command lines name."""
    found: dict[str, list[str]] = {}
    names = node.names("/proc")
    for pid in [] if isinstance(names, Unread) else [name for name in names if name.isdecimal()]:
        line = node.read_raw(f"/proc/{pid}/comm", 256)
        kind = line.strip() if isinstance(line, str) else ""
        if kind not in USUAL_PLACES:
            continue
        files = found.setdefault(kind, [])
        arguments = _arguments(node, f"/proc/{pid}/cmdline")
        for option, value in zip(arguments, arguments[1:]):
            if option == _FILE_OPTION[kind] and value.startswith("/"):
                files.append(value)
    return found


def _arguments(node: Node, path: str) -> list[str]:
    items = node.nul_separated(path)
    if isinstance(items, Unread):
        return []  # the process has ended, or is another user's: its file is then looked for in the usual place
    return [word for item in items for word in item.split(" ") if word]  # nginx makes one title of them


def _ask_the_program(config: dict[str, Any], run: Runner) -> None:
    """Where the program itself runs here: nginx's own dump replaces our reading; the others check their files.

    Only where it runs: `nginx -T` and `squid -k parse` open log files, and an audit must not create them.
    """
    commands = {"nginx": ["nginx", "-T", "-q", "-c"], "haproxy": ["haproxy", "-c", "-q", "-f"],
                "squid": ["squid", "-k", "parse", "-f"]}  # fmt: skip
    command = commands.get(config["kind"])
    if not config["running"] or command is None:
        return
    answer = run([*command, config["path"]])
    if isinstance(answer, Unread):
        config["check"] = answer.to_fact()
        return
    config["check"] = "accepted by the program itself"
    if config["kind"] == "nginx":
        files = _dumped(answer)
        if config["path"] in files:
            config["text"] = files.pop(config["path"])
            config["files"], config["problems"] = files, []


def _dumped(text: str) -> dict[str, str]:
    """The files of `nginx -T`, by name."""
    parts = _DUMP_FILE.split(text)
    return {name: redact(body[1:], "nginx") for name, body in zip(parts[1::2], parts[2::2])}
