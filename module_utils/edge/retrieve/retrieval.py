# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole retrieval: plan, fetch, reconcile; run again, it goes on where it was.

<destination>/plan.json             what is fetched, decided before the first byte (plan.py)
<destination>/journal.jsonl         every request, retry and decision, as a hash chain
<destination>/objects/<key>         a recording; there only when it is complete and verified
<destination>/results/<name>.json   what is known of it (engine.py)
<destination>/partial/              transfers under way
<destination>/reconciliation.json   asked, found, fetched, verified, missing (reconcile.py)
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from time import monotonic
from typing import Any

from ..evidence.journal import Journal
from ..finding import EdgepathError
from ..run import read_json, write_json
from ..version import VERSION
from . import sntp
from .asked import Asked
from .engine import Transfer
from .errors import TransferError
from .fetching import Fetcher, Options, ignore
from .partial import MARGIN_BYTES
from .parts import MIB
from .plan import SCHEMA, Rule, fingerprint
from .progress import Progress
from .reconcile import reconcile
from .recorder import Recorder, utc_now
from .resolve import resolve
from .store import Record, Source, Store

_LIBRARIES = ("boto3", "botocore", "urllib3", "awscrt")
# What would fail for every other object as well.
_HOPELESS = ("credentials", "skew", "disk", "stopped")
_READ_BYTES = MIB


@dataclass(frozen=True)
class Request:
    """What is to be retrieved, from where, by which rule.

    prefix: where recordings and conversations are looked for.  metadata: with the metadata beside each recording.
    fetch_incomplete: fetch what was found although something was not; it is not complete all the same.
    replan: decide anew, although an earlier run in this destination has decided.
    sntp_server: what else than the storage's Date headers this machine's clock is compared with, before and after.
    """

    source: Source
    asked: Sequence[Asked]
    destination: str
    rule: Rule = field(default_factory=Rule)
    prefix: str = ""
    metadata: bool = True
    fetch_incomplete: bool = False
    replan: bool = False
    sntp_server: str | None = None
    options: Options = field(default_factory=Options)

    def inputs(self) -> dict[str, Any]:
        """What a plan depends on. Not the endpoint: the same storage may be reached by another way the next time."""
        return {
            "bucket": self.source.bucket,
            "region": self.source.region,
            "rule": self.rule.name,
            "as_of": self.rule.as_of.isoformat() if self.rule.as_of else None,
            "delete_markers": self.rule.delete_markers,
            "prefix": self.prefix,
            "metadata": self.metadata,
            "asked": [item.to_dict() for item in self.asked],
        }


@dataclass
class Retrieved:
    """plan and reconciliation as their files; results: of the engine; failures: key -> why; before, added: keys that
    were there already, and that were (or would be) fetched now; requests: made to the storage.
    """

    plan: dict[str, Any]
    reconciliation: dict[str, Any]
    results: list[dict[str, Any]]
    failures: dict[str, str]
    before: set[str]
    added: set[str]
    requests: int


def plan_only(request: Request, session: Callable[[], Any] | None = None) -> Retrieved:
    """What would be fetched; writes nothing."""
    store = Store(request.source, ignore, session)
    plan, reused = _plan(request, store, ignore)
    results = _known(plan, request.destination) if reused else {}
    left, failures = _left(request, plan, results)
    reconciliation = reconcile(plan, results.values(), failures)
    added = {str(item["key"]) for item in left}
    return Retrieved(plan, reconciliation, list(results.values()), failures, set(results), added, store.requests)


def retrieve(
    request: Request,
    show: Callable[[Mapping[str, Any]], Any] = ignore,
    session: Callable[[], Any] | None = None,
) -> Retrieved:
    """Fetch what was asked for. show: is given Progress.state() now and then, with "object", its "number", and "of".

    EdgepathError where nothing can be decided or written; what becomes of each recording is in the reconciliation.
    """
    _make(request.destination)
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(os.path.join(request.destination, "journal.jsonl")))
        record = Recorder(journal.append)
        stack.callback(record.close)
        store = Store(request.source, record, session)
        record(_started(request))
        _note_sntp(request, record)
        try:
            record({"type": "caller", **_caller(store)})
            plan, reused = _plan(request, store, record)
            if not reused:
                write_json(os.path.join(request.destination, "plan.json"), plan)
            record({"type": "plan", "reused": reused, "inputs_sha256": plan["inputs_sha256"],
                    "plan_sha256": _sha256(os.path.join(request.destination, "plan.json"))})  # fmt: skip
            retrieved = _fetch_all(request, plan, store, record, show)
        except EdgepathError as error:
            _note_dates(store, record)
            record({"type": "failed", "message": str(error)})
            raise
        write_json(os.path.join(request.destination, "reconciliation.json"), retrieved.reconciliation)
        counts = {name: value for name, value in retrieved.reconciliation.items() if isinstance(value, int)}
        _note_sntp(request, record)
        _note_dates(store, record)
        record({"type": "finished", **counts})
        record.drain()
    return retrieved


def _fetch_all(
    request: Request, plan: dict[str, Any], store: Store, record: Recorder, show: Callable[[Mapping[str, Any]], Any]
) -> Retrieved:
    results = _known(plan, request.destination)
    before = set(results)
    left, failures = _left(request, plan, results)
    _check_disk(request.destination, left)
    progress = Progress(plan["size"], monotonic())
    progress.add(0, sum(int(result["size"]) for result in results.values()))
    for number, item in enumerate(left, start=1):
        paths = _paths(request.destination, item)
        transfer = Transfer(store, item, paths[0], paths[2], request.options, record, progress.add)
        at = {"object": item["key"], "number": number, "of": len(left)}

        def tell(at: Mapping[str, Any] = at) -> None:
            show({**progress.state(monotonic()), **at})

        try:
            results[item["key"]] = transfer.run(paths[1], tell)
        except TransferError as error:
            failures[item["key"]] = str(error)
            if error.kind in _HOPELESS:
                break
        tell()
    reconciliation = reconcile(plan, results.values(), failures)
    added = set(results) - before
    return Retrieved(plan, reconciliation, list(results.values()), failures, before, added, store.requests)


def _left(
    request: Request, plan: Mapping[str, Any], results: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """What is to be fetched, and what is not, with the reason."""
    wanted = [item for item in plan["objects"] if item["state"] == "fetch"]
    left = [item for item in wanted if item["key"] not in results]
    whole = not plan["missing"] and len(wanted) == len(plan["objects"])
    if whole or request.fetch_incomplete:
        return left, {}
    return [], {item["key"]: "not fetched while something else that was asked for is not there" for item in left}


def _plan(request: Request, store: Store, record: Record) -> tuple[dict[str, Any], bool]:
    """The plan, and whether it is an earlier run's: versions that were decided on stay decided."""
    path = os.path.join(request.destination, "plan.json")
    inputs = request.inputs()
    if os.path.exists(path) and not request.replan:
        earlier: dict[str, Any] = read_json(path)
        if earlier.get("schema") != SCHEMA or earlier.get("inputs_sha256") != fingerprint(inputs):
            raise EdgepathError(
                f"{path} is the plan of another request; choose another destination, or replan to decide anew here"
            )
        whole = not earlier["missing"] and all(item["state"] == "fetch" for item in earlier["objects"])
        if whole or _begun(request.destination):
            return earlier, True
    fetcher = Fetcher(store, ("", "", ""), request.options, record, ignore)
    made = resolve(store, fetcher.attempted, request.asked, request.rule, request.prefix, request.metadata)
    facts = {"endpoint": request.source.endpoint_url, "inputs_sha256": fingerprint(inputs), "made": utc_now()}
    return {"schema": SCHEMA, **inputs, **facts, **made}, False


def _known(plan: Mapping[str, Any], destination: str) -> dict[str, dict[str, Any]]:
    """The results of earlier runs whose files are still what they were, byte for byte."""
    known = {}
    for item in plan["objects"]:
        final, result_path, _ = _paths(destination, item)
        if item["state"] != "fetch" or not os.path.exists(result_path) or not os.path.exists(final):
            continue
        result = read_json(result_path)
        same = all(result.get(name) == item[name] for name in ("key", "version_id", "etag", "size"))
        if same and _sha256(final) == result["sha256"]:
            known[item["key"]] = {**result, "path": final}
    return known


def _paths(destination: str, item: Mapping[str, Any]) -> tuple[str, str, str]:
    """(final path, path of the result, directory of partial files)"""
    name = hashlib.sha256(str(item["key"]).encode("utf-8")).hexdigest()[:32]
    final = os.path.join(destination, "objects", *str(item["path"]).split("/"))
    return final, os.path.join(destination, "results", f"{name}.json"), os.path.join(destination, "partial")


def _make(destination: str) -> None:
    try:
        for name in ("", "objects", "results", "partial"):
            os.makedirs(os.path.join(destination, name), mode=0o700, exist_ok=True)
    except OSError as error:
        raise EdgepathError(f"cannot make {destination}: {error.strerror}") from None


def _begun(destination: str) -> bool:
    """Whether anything was fetched here."""
    folders = [os.path.join(destination, name) for name in ("results", "partial")]
    return any(os.path.isdir(folder) and os.listdir(folder) for folder in folders)


def _check_disk(destination: str, left: Sequence[Mapping[str, Any]]) -> None:
    """All that is left must fit, before the first byte of it is fetched."""
    folder = os.path.join(destination, "partial")
    room = os.statvfs(folder)
    held = sum(os.stat(entry.path).st_blocks * 512 for entry in os.scandir(folder))
    free = room.f_bavail * room.f_frsize + held
    needed = sum(int(item["size"]) for item in left) + (MARGIN_BYTES if left else 0)
    if free < needed:
        raise TransferError(
            "disk",
            f"{destination} has {free // MIB} MiB free, the recordings need {-(-needed // MIB)} MiB; "
            "free some or choose another destination",
        )


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while data := stream.read(_READ_BYTES):
            digest.update(data)
    return digest.hexdigest()


def _caller(store: Store) -> dict[str, Any]:
    """Who asks, or why that is not known: storage without STS, or an STS that cannot be reached."""
    try:
        return store.caller() or {"unread": "the storage has no sts:GetCallerIdentity"}
    except TransferError as error:
        return {"unread": str(error)}


def _note_sntp(request: Request, record: Record) -> None:
    """The clock against the time server; that it does not answer is noted, and ends nothing."""
    if request.sntp_server is None:
        return
    try:
        record({"type": "clock", **sntp.measure(request.sntp_server)})
    except EdgepathError as error:
        record({"type": "clock", "source": f"SNTP of {request.sntp_server}", "unread": str(error)})


def _note_dates(store: Store, record: Record) -> None:
    """The clock against the storage's, from all of its answers."""
    found = store.dates.offset(store.source.endpoint_url or f"Amazon S3 in {store.source.region}")
    if found is not None:
        record({"type": "clock", **found})


def _source_sha256() -> str:
    """SHA-256 over the source of the program as it runs: each module's name and text, in order."""
    package = __name__.rpartition(".retrieve.")[0]
    digest = hashlib.sha256()
    for name in sorted(sys.modules):
        loader = getattr(sys.modules[name], "__loader__", None)
        if name.startswith(package) and loader is not None and hasattr(loader, "get_source"):
            digest.update(f"{name}\n{loader.get_source(name)}".encode())
    return digest.hexdigest()


def _started(request: Request) -> dict[str, Any]:
    libraries = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            libraries[name] = "absent"
    return {
        "type": "started",
        "edgepath": VERSION,
        "source_sha256": _source_sha256(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "host": platform.node(),
        "program": os.path.basename(sys.argv[0]),
        "user": os.environ.get("SUDO_USER") or os.environ.get("USER") or str(os.getuid()),
        "libraries": libraries,
        "endpoint": request.source.endpoint_url,
        **request.inputs(),
    }
