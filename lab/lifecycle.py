# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab from start to end: one directory, one lock, and nothing left when it is over.

Whoever starts a lab holds a lock on its directory for as long as it runs. A directory whose lock is free but that still
holds files is what a killed lab left, and is cleaned. The servers die with the process that started them.
"""

from __future__ import annotations

import fcntl
import json
import locale
import os
import pwd
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import seed, servers, squid, trees
from .process import LabError, Server, process_start
from .seed_network import edge_address
from .world import EDGES, REGION, LabEdge, fleet

STATE = "lab.json"
_LOCK = ".edgepath-lab.lock"
_LEFTOVERS = "leftovers"
_EMPTY_CONFIG = "empty-aws-config"
_HOME = "home"
# Of the user's environment, nothing that could lead the lab or its commands to a real account or through a proxy, or
# its object store to the files and keys of another.
_HIDDEN = ("AWS_", "BOTO_", "MOTO_", "WEED_")
_DIRECT = "127.0.0.1,localhost"
Say = Callable[[str], None]


class Lab:
    """``with Lab(Path(".lab")) as lab: ... lab.state``. Start it on the main thread: the servers' lives hang on it."""

    def __init__(self, directory: Path, copies: int = 0, say: Say = print) -> None:
        self.directory = directory.resolve()
        self.copies = fleet(copies)
        self.state: dict[str, Any] = {}
        self._say = say
        self._servers: list[Server] = []
        self._lock: int | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Lab:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bring everything up; LabError where that cannot be. The caller stops it in any case."""
        try:
            self._start()
        except OSError as error:
            raise LabError(_refused(self.directory, error)) from error

    def _start(self) -> None:
        self._lock = _take_lock(self.directory)
        if _clean(self.directory):
            self._say(f"cleaned what a killed lab had left in {self.directory}")
        (self.directory / _EMPTY_CONFIG).touch()
        (self.directory / _HOME).mkdir()
        logs = self.directory / "log"
        logs.mkdir()
        try:
            with _only_loopback():
                self._bring_up(logs)
        except (BotoCoreError, ClientError) as error:
            ends = "\n".join(server.tail() for server in self._servers)
            raise LabError(f"a server of the lab refused what was to be put into it: {error}. {ends}") from error
        self._report(f"lab ready in {self.directory}")

    def _bring_up(self, logs: Path) -> None:
        moto = servers.control_plane(logs, self._register)
        dns_port = servers.name_server(self.directory, logs, self._register)
        self._report("name server ready")
        aws_url = servers.control_plane_url(moto)
        self._report("moto ready")
        keys = seed.credentials(aws_url)
        store = servers.ObjectStore(self.directory, logs, keys, self._register)
        built = seed.control_plane(aws_url, self.copies)
        seed.authorise(aws_url)
        self._report(f"control plane seeded: {len(built['edges'])} edges")
        store_url = store.url()
        self._report("SeaweedFS ready")
        seed.object_store(store_url, keys["operator"])
        hosts = self._hosts(built["edges"], aws_url, store_url, dns_port)
        self._report(f"trees of {len(hosts)} edges written")
        self._store(
            {
                "schema": 1,
                "pid": os.getpid(),
                "started": process_start(os.getpid()),
                "region": REGION,
                "endpoints": {"aws": aws_url, "object_store": store_url, "dns_port": dns_port},
                "credentials": keys,
                "servers": {server.name: server.process.pid for server in self._servers},
                "network": built["network"],
                "key_arn": built["key_arn"],
                "hosts": hosts,
            }
        )

    def _hosts(
        self, known: Mapping[str, Mapping[str, str]], aws_url: str, store_url: str, dns_port: int
    ) -> dict[str, dict[str, Any]]:
        """What the inventory adds to each host: ``{edge: {edge_root, ...}}``."""
        hosts = {}
        for number, edge in enumerate((*EDGES, *self.copies)):
            root = self.directory / "edges" / edge.name
            trees.write(root, edge, edge_address(number), store_url)
            hosts[edge.name] = {
                "edge_root": str(root),
                "edge_dns_port": dns_port,
                "edge_aws_endpoint_url": aws_url if edge.on_aws else store_url,
                **{f"edge_{name}": value for name, value in known.get(edge.name, {}).items()},
                **self._bucket_variables(edge, store_url),
            }
        return hosts

    def _bucket_variables(self, edge: LabEdge, store_url: str) -> dict[str, str]:
        if edge in self.copies:
            return {"edge_bucket": edge.bucket}
        return {} if edge.on_aws else {"edge_storage_endpoint": trees.storage_endpoint(edge, store_url)}

    def stop(self) -> None:
        """End every server and empty the directory. Safe to call at any time, and twice."""
        for server in reversed(self._servers):
            server.stop()
        self._servers.clear()
        if self._lock is not None:
            _leave(self.directory, self._lock)
            self._lock = None

    def _register(self, server: Server) -> None:
        self._servers.append(server)
        with (self.directory / _LEFTOVERS).open("a") as stream:
            stream.writelines(f"{path}\n" for path in server.sockets)

    def _report(self, what: str) -> None:
        self._say(f"{what}, {time.monotonic() - self._began:.1f} s")

    def _store(self, state: dict[str, Any]) -> None:
        self.state = state
        path = self.directory / STATE
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(state, indent=2) + "\n")
        partial.replace(path)


def running(directory: Path) -> dict[str, Any] | None:
    """The state of the lab that runs in a directory, or None where none does."""
    try:
        state: dict[str, Any] = json.loads((directory / STATE).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LabError(_refused(directory, error)) from None
    except ValueError as error:
        raise LabError(f"{directory / STATE} is not JSON ({error}); remove {directory}") from None
    return state if process_start(state["pid"]) == state["started"] else None


def holder(directory: Path) -> tuple[int, str] | None:
    """The pid, and the start of that process, of whoever holds the lab in a directory, from its first moment on."""
    try:
        pid, started = (directory / _LOCK).read_text().split()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise LabError(_refused(directory, error)) from None
    return (int(pid), started) if process_start(int(pid)) == started else None


def sweep(directory: Path) -> bool:
    """Remove what a killed lab left in a directory; whether there was anything. LabError where a lab runs there."""
    try:
        if not (directory / _LOCK).exists():
            return False
        _leave(directory, _take_lock(directory))
    except OSError as error:
        raise LabError(_refused(directory, error)) from None
    return True


def environment(directory: Path, state: Mapping[str, Any]) -> dict[str, str]:
    """The environment for commands that use a lab: the auditor's keys, and nothing of the user's own AWS settings."""
    key = state["credentials"]["auditor"]
    nothing = str(directory.resolve() / _EMPTY_CONFIG)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    return {
        **kept,
        "EDGEPATH_LAB_DIR": str(directory.resolve()),
        "AWS_ACCESS_KEY_ID": key["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
        "AWS_EC2_METADATA_DISABLED": "true",
        **_direct(),
        **_locale(),
        **_home(directory.resolve()),
    }


def _locale() -> dict[str, str]:
    """Ansible takes no locale but one of UTF-8 that is installed; any user may come with another."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
        if locale.nl_langinfo(locale.CODESET).upper() == "UTF-8":
            return {}
    except locale.Error:
        pass
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return {"LC_ALL": "C.UTF-8"}


def _home(directory: Path) -> dict[str, str]:
    """Ansible writes into the user's home, which an account of a service or a container may not have."""
    home = os.path.expanduser("~")
    return {} if os.path.isdir(home) and os.access(home, os.W_OK | os.X_OK) else {"HOME": str(directory / _HOME)}


def _direct() -> dict[str, str]:
    return {name: ",".join(filter(None, (os.environ.get(name), _DIRECT))) for name in ("NO_PROXY", "no_proxy")}


def _refused(directory: Path, error: OSError) -> str:
    """What the system refuses in a directory, whose it is, and what to do."""
    found = next(path for path in (directory, *directory.absolute().parents) if os.path.lexists(path))
    owner = found.lstat().st_uid
    if isinstance(error, PermissionError) and owner != os.geteuid():
        return (
            f"{found} belongs to {_name(owner)}: no lab of yours can be there; name a directory of your own with --dir"
        )
    which = f" ({error.filename})" if error.filename and str(error.filename) != str(directory) else ""
    return f"no lab can be in {directory}: {error.strerror}{which}; name another directory with --dir"


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


@contextmanager
def _only_loopback() -> Iterator[None]:
    """While the lab talks to its own servers: no proxy and no AWS settings of the user's environment."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(_HIDDEN)]:
        del os.environ[name]
    os.environ.update({**_direct(), "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _take_lock(directory: Path) -> int:
    if directory.is_dir() and any(directory.iterdir()) and not (directory / _LOCK).exists():
        raise LabError(f"{directory} holds files that are not the lab's; name an empty directory with --dir")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)  # keys are in it
    handle = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A lab that was just ending may have removed the file between its opening and its locking.
        held = os.path.samestat(os.fstat(handle), os.stat(directory / _LOCK))
    except (BlockingIOError, FileNotFoundError):
        held = False
    if not held:
        os.close(handle)
        raise LabError(
            f"a lab runs in {directory} already; stop it with `python -m lab down --dir {directory}`, "
            "or start another with --dir"
        )
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()} {process_start(os.getpid())}\n".encode())
    return handle


def _clean(directory: Path) -> bool:
    """Remove all but the lock; whether there was anything."""
    squid.sweep()
    found = False
    leftovers = directory / _LEFTOVERS
    for line in leftovers.read_text().splitlines() if leftovers.exists() else []:
        if line.startswith(servers.SOCKET_PREFIX):
            servers.remove_socket(Path(line))
    for path in directory.iterdir():
        if path.name != _LOCK:
            found = True
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return found


def _leave(directory: Path, lock: int) -> None:
    """Remove everything, the lock last."""
    _clean(directory)
    os.unlink(directory / _LOCK)
    directory.rmdir()
    os.close(lock)
