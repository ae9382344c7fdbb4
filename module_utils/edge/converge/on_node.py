# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads on an edge the states of the objects that converge changes there. Standard library only; changes nothing.

file           None (absent) | {"content": base64, "mode": "0644", "owner", "group" (not of a copy),
               "target": where the path's symbolic links lead, where it has any,
               "mtime": when it was changed last, in nanoseconds, "links": how many names it has, where more than one}
sysctl         the value at run time, words divided by one blank | None (the kernel has none)
firewall_rules [rule, ...]: the rules of edgepath's own in a chain `family table chain`, as nft prints them
service        None (no such unit) | {"active", "can_reload"}
program        where a program is | None
"""

from __future__ import annotations

import base64
import errno
import grp
import os
import pwd
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..finding import Unread
from ..targets import Edge
from ..timeouts.files import Node
from ..timeouts.node_system import Runner, run_command

# The largest that is edited: hosts files that block advertisers have some megabytes.
MAX_BYTES = 4 * 1024 * 1024
OWN_RULE = "edgepath"
_SYSCTL = re.compile(r"[A-Za-z0-9_*-]+(?:[./][A-Za-z0-9_:@-]+)+")
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def gather(edge: Edge, refs: Iterable[Mapping[str, str]], run: Runner = run_command) -> dict[str, Any]:
    """The state of each object by its key (`kind:name`); an unread fact where it could not be read."""
    node = Node(edge.root)
    states: dict[str, Any] = {}
    for ref in refs:
        kind, name = ref["kind"], ref["name"]
        reader = _READERS.get(kind)
        if reader is None:
            state: Any = Unread("error", "read", name, f"{kind}: no such kind of object on an edge")
        elif kind != "file" and not node.live:
            state = Unread("not_collected", "read", name, f"{kind} {name}: a copy of a node has no live state")
        else:
            state = reader(node, name, run)
        states[f"{kind}:{name}"] = state.to_fact() if isinstance(state, Unread) else state
    return states


def _file(node: Node, path: str, run: Runner) -> Any:  # noqa: ARG001 - all readers are called alike
    if not path.startswith("/") or ".." in path.split("/"):
        return Unread("error", "read", path, f"{path}: no absolute, plain path; it is not touched")
    try:
        real = node.resolve(path)
        if real is None:
            return Unread("error", "read", path, f"{path}: symbolic links go round in a loop")
        return _state_of(node, path, real)
    except FileNotFoundError:
        return _missing(node, path)
    except PermissionError:
        message = f"{path}: permission denied; converge needs to read and write it (become: true)"
        return Unread("denied", "read", path, message, (f"read {path}",))
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or error
        return Unread("error", "read", path, f"{path}: cannot be read: {words}")


def _missing(node: Node, path: str) -> Any:
    """None; Unread where the path is a link that leads nowhere: a file in its place would end the link."""
    parent = node.resolve(os.path.dirname(path))
    if parent is not None and os.path.islink(os.path.join(parent, os.path.basename(path))):
        return Unread("error", "read", path, f"{path}: is a symbolic link to a file that does not exist")
    return None


def _state_of(node: Node, path: str, real: str) -> Any:
    handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file")
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    state: dict[str, Any] = {
        "content": base64.b64encode(data).decode("ascii"),
        "mode": f"{stat.S_IMODE(about.st_mode):04o}",
    }
    state["mtime"] = about.st_mtime_ns
    if about.st_nlink > 1:
        state["links"] = about.st_nlink
    if node.live:
        state["owner"] = _name(pwd.getpwuid, about.st_uid)
        state["group"] = _name(grp.getgrgid, about.st_gid)
    target = "/" + os.path.relpath(real, node.root)
    if target != os.path.normpath(path):
        state["target"] = target
    return state


def _name(find: Callable[[int], Any], number: int) -> str:
    try:
        return str(find(number)[0])
    except KeyError:
        return str(number)


def _sysctl(node: Node, name: str, run: Runner) -> Any:  # noqa: ARG001
    if not _SYSCTL.fullmatch(name):
        return Unread("error", "read", name, f"{name!r} is no name of a sysctl")
    text = node.read_raw("/proc/sys/" + name.replace(".", "/"), 4096)
    return " ".join(text.split()) if isinstance(text, str) else text


def _service(node: Node, name: str, run: Runner) -> Any:  # noqa: ARG001
    if not _UNIT.fullmatch(name):
        return Unread("error", "systemctl show", name, f"{name!r} is no unit name")
    printed = run(["systemctl", "show", name, "--property", "LoadState,ActiveState,CanReload"])
    if isinstance(printed, Unread):
        return printed
    shown = dict(line.partition("=")[::2] for line in printed.splitlines())
    if not {"LoadState", "ActiveState", "CanReload"} <= shown.keys():
        return Unread("error", "systemctl show", name, f"{name}: systemctl show does not tell its state")
    if shown["LoadState"] in ("not-found", "masked"):
        return None
    return {
        "active": shown.get("ActiveState") in ("active", "reloading"),
        "can_reload": shown.get("CanReload") == "yes",
    }


def _program(node: Node, name: str, run: Runner) -> Any:  # noqa: ARG001
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PATH}")


def _firewall_rules(node: Node, name: str, run: Runner) -> Any:  # noqa: ARG001
    printed = run(["nft", "-n", "list", "chain", *name.split(" ")])
    if isinstance(printed, Unread):
        return printed
    table, chain = (re.escape(" ".join(words)) for words in (name.split(" ")[:2], name.split(" ")[2:]))
    # A list without the chain's own head is no list of its rules.
    if not re.match(rf"\s*table {table} \{{\s*chain {chain} \{{", printed):
        return Unread("error", "nft list chain", name, f"{name}: nft does not list the chain")
    return own_rules(printed)


_OWN = re.compile(rf'^\s*(.+?) comment "{OWN_RULE}"(?: # handle (\d+))?\s*$')


def own_rules(printed: str) -> list[str]:
    """The rules that carry edgepath's comment, in the order of the chain, from what `nft list chain` prints."""
    return [match.group(1) for match in map(_OWN.match, printed.splitlines()) if match]


def handles(printed: str) -> dict[str, str]:
    """The handle of each rule of edgepath's, from `nft -a list chain`."""
    found = [match for match in map(_OWN.match, printed.splitlines()) if match]
    return {match.group(1): match.group(2) for match in found if match.group(2)}


_READERS: Mapping[str, Callable[[Node, str, Runner], Any]] = {
    "file": _file, "sysctl": _sysctl, "service": _service, "program": _program, "firewall_rules": _firewall_rules,
}  # fmt: skip
