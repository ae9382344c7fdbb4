# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe as it runs on the edge: one stage after the other, each with its seconds, whatever becomes of it."""

from __future__ import annotations

import contextlib
import http.client
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..finding import Bound, Unread
from ..targets import Edge
from . import credentials, plan
from .drift import Drift
from .pauses import Holder
from .requests import Asker, complete, drain, largest_key, seen, total_size, upload_id
from .route import Storage, connect, open_wire, presented, resolve, secure, tunnel
from .transfer import paced
from .wire import Budget, Ended, Wire, failure

STAGES = ("dns", "tcp", "proxy", "tls", "credentials", "head", "get", "write")
_TROUBLE = (OSError, Ended, http.client.HTTPException)


def announce(edge: Edge, bounds: Sequence[Bound], options: Mapping[str, Any]) -> tuple[Storage, dict[str, Any]]:
    """Where the probe goes and what it will do there; nothing is sent. EdgepathError where it may not be done."""
    edge.require_complete()
    storage = Storage.of(edge, options["addressing"], options.get("proxy"), options.get("ca_file"))
    rate = options.get("rate") or edge.payload.bytes_per_second * edge.payload.pace
    return storage, plan.make(bounds, storage.tunnel, rate, options)


def probe(edge: Edge, bounds: Sequence[Bound], options: Mapping[str, Any]) -> dict[str, Any]:
    """Walk the path. Options: those of the module edge_path_probe.

    {"plan", "target", "bounds", "stages": [{"stage", "status": ok | failed | skipped, "seconds", "failure", ...}],
     "transfer": {...} or None, "pauses": [...], "drift": {...} (drift.Drift) or None, "spent": {"seconds", "bytes"}}.
    Nothing secret is in it.
    """
    storage, planned = announce(edge, bounds, options)
    walk = _Walk(edge, storage, options)
    begun = time.monotonic()
    walk.run()
    drift = Drift(walk.resolved, walk.addresses)
    with drift if walk.address is not None else contextlib.nullcontext():
        transfer = walk.transfer(planned["paced"])
        pauses = walk.pauses(planned["pauses"])
    return {
        "plan": planned,
        "target": {
            "scheme": storage.scheme, "host": storage.host, "port": storage.port, "bucket": edge.bucket,
            "proxy": None if storage.proxy is None else str(storage.proxy), "tunnel": storage.tunnel,
            "address": walk.address, "key": walk.key, "object_bytes": walk.size,
        },
        "bounds": list(options.get("bounds") or [bound.to_dict() for bound in bounds]),
        "stages": walk.stages,
        "transfer": transfer,
        "pauses": pauses,
        "drift": drift.to_fact() if transfer is not None or pauses else None,
        "spent": {"seconds": round(time.monotonic() - begun, 3), "bytes": walk.budget.bytes},
    }  # fmt: skip


class _Walk:
    """The stages of one probe. Each method returns what it saw, or raises what ended it."""

    def __init__(self, edge: Edge, storage: Storage, options: Mapping[str, Any]) -> None:
        self.edge = edge
        self.storage = storage
        self.options = options
        self.patience = float(options["stage_timeout"])
        self.budget = Budget(options["max_seconds"], options["max_bytes"])
        self.stages: list[dict[str, Any]] = []
        self.addresses: list[str] = []
        self.address: str | None = None
        self.wire: Wire | None = None
        self.asker: Asker | None = None
        self.key: str | None = options.get("key") or next(iter(edge.recording_keys), None)
        self.size: int | None = None

    def run(self) -> None:
        methods: dict[str, Callable[[dict[str, Any]], str | None]] = {
            "dns": self._dns, "tcp": self._tcp, "proxy": self._proxy, "tls": self._tls,
            "credentials": self._credentials, "head": self._head, "get": self._get, "write": self._write,
        }  # fmt: skip
        stopped = ""
        for name in STAGES:
            record: dict[str, Any] = {"stage": name, "status": "ok", "seconds": 0.0, "failure": None}
            self.stages.append(record)
            if stopped:
                record.update(status="skipped", reason=f"the stage {stopped} failed before it")
                continue
            begun = time.monotonic()
            try:
                reason = methods[name](record)
                if reason is not None:
                    record.update(status="skipped", reason=reason)
            except _TROUBLE as error:
                record.update(status="failed", failure=failure(error, begun, self.wire, record.get("bytes")))
                if isinstance(error, Ended) and error.skew is not None:
                    record["clock_skew_seconds"] = error.skew
                stopped = name if name != "get" else ""
            record["seconds"] = round(time.monotonic() - begun, 4)
        if self.wire is not None:
            self.wire.close()

    def _dns(self, record: dict[str, Any]) -> str | None:
        host, port = self.storage.dialled
        record["name"] = host
        self.addresses = record["addresses"] = resolve(host, port, self.patience)
        if self.storage.proxy is not None:
            try:
                record["storage_addresses"] = resolve(self.storage.host, self.storage.port, self.patience)
            except _TROUBLE as error:
                # The proxy resolves the storage's name; that the edge cannot is worth knowing, and stops nothing.
                record["storage_addresses"] = []
                record["storage_error"] = str(error)
        return None

    def resolved(self) -> list[str]:
        """The addresses of what is dialled, asked once more."""
        return resolve(*self.storage.dialled, self.patience)

    def _tcp(self, record: dict[str, Any]) -> str | None:
        tried: list[dict[str, Any]] = [{"address": address} for address in self.addresses]
        threads = [threading.Thread(target=self._try, args=(entry,), daemon=True) for entry in tried]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        record["addresses"] = tried
        working = [entry["address"] for entry in tried if entry["failure"] is None]
        if not working:
            first = tried[0]["failure"]
            raise Ended(first["ended_by"], first["error_text"], first["errno"])
        self.address = working[0]
        return None

    def _try(self, entry: dict[str, Any]) -> None:
        begun = time.monotonic()
        entry["failure"] = None
        try:
            connect(entry["address"], self.storage.dialled[1], self.budget, self.patience).close()
        except _TROUBLE as error:
            entry["failure"] = failure(error, begun)
        entry["seconds"] = round(time.monotonic() - begun, 4)

    def _reached(self) -> str:
        if self.address is None:
            raise Ended("error", "no address of the storage accepts connections")
        return self.address

    def _connected(self) -> Wire:
        return connect(self._reached(), self.storage.dialled[1], self.budget, self.patience)

    def _proxy(self, record: dict[str, Any]) -> str | None:
        self.wire = self._connected()
        if self.storage.proxy is None:
            return "the export uses no proxy"
        record["proxy"] = str(self.storage.proxy)
        if not self.storage.tunnel:
            return "plain HTTP is forwarded without CONNECT"
        tunnel(self.wire, self.storage)
        return None

    def _tls(self, record: dict[str, Any]) -> str | None:
        if self.storage.scheme != "https":
            return "the storage endpoint is plain HTTP"
        assert self.wire is not None
        try:
            record.update(secure(self.wire, self.storage))
        except OSError:
            record["presented_sha256"] = presented(self._reached(), self.storage, self.budget, self.patience)
            raise
        return None

    def _credentials(self, record: dict[str, Any]) -> str | None:
        found = credentials.find(self.options, self.edge.root, os.environ)
        if isinstance(found, Unread):
            record["unread"] = found.to_fact()
            raise Ended("error", found.message)
        record.update(source=found.source, expires=found.expires)
        self.asker = Asker(self.storage, found)
        return None

    def _head(self, record: dict[str, Any]) -> str | None:
        assert self.wire is not None and self.asker is not None
        response = self.asker.ask(self.wire, "HEAD", None)
        record.update(seen(response))
        return None

    def _fresh(self) -> Wire:
        if self.wire is not None:
            self.wire.close()
        self.wire = open_wire(self.storage, self._reached(), self.budget, self.patience)
        return self.wire

    def _get(self, record: dict[str, Any]) -> str | None:
        assert self.asker is not None
        if self.key is None:
            reason = self._find_key(record)
            if reason is not None:
                return reason
        wire = self._fresh()
        asked = time.monotonic()
        record.update(key=self.key, bytes=0)
        response = self.asker.ask(wire, "GET", self.key, headers={"Range": f"bytes=0-{plan.RANGE_BYTES - 1}"})
        record["first_byte_seconds"] = round(time.monotonic() - asked, 4)
        record.update(seen(response))
        self.size = record["object_bytes"] = total_size(response)
        while record["bytes"] < plan.RANGE_BYTES:
            part = response.read1(plan.RANGE_BYTES - record["bytes"])
            if not part:
                complete(response)
                break
            record["bytes"] += len(part)
        return None

    def _find_key(self, record: dict[str, Any]) -> str | None:
        """The largest of the first objects below the prefix; the reason where none can be found."""
        assert self.asker is not None
        query = [("list-type", "2"), ("max-keys", "1000"), ("prefix", self.edge.prefix)]
        try:
            found = largest_key(self.asker.ask(self._fresh(), "GET", None, query))
        except Ended as error:
            if error.by != "answer":
                raise
            record["code"] = error.code
            return f"no key was named, and listing fails: {error.text}"
        if found is None or found[1] == 0:
            return f"no key was named, and there is no object below {self.edge.prefix or 'the bucket'}"
        self.key = found[0]
        return None

    def _write(self, record: dict[str, Any]) -> str | None:
        if not self.options["write"]:
            return "write is off"
        assert self.asker is not None
        key = f"{self.edge.prefix}edgepath-probe-{time.time_ns()}"
        wire = self._fresh()
        upload = upload_id(self.asker.ask(wire, "POST", key, [("uploads", "")]))
        record.update(key=key, bytes=0, aborted=False)
        query = [("partNumber", "1"), ("uploadId", upload)]
        try:
            drain(self.asker.ask(self._fresh(), "PUT", key, query, body=bytes(plan.PART_BYTES)))
            record["bytes"] = plan.PART_BYTES
        finally:
            with contextlib.closing(open_wire(self.storage, self._reached(), self.budget, self.patience)) as last:
                drain(self.asker.ask(last, "DELETE", key, [("uploadId", upload)]))
            record["aborted"] = True
        return None

    def transfer(self, planned: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if planned is None or self.asker is None or self.address is None or self.key is None or not self.size:
            return None
        return paced(self.asker, self.address, self.budget, planned["patience"], self.key, self.size, planned)

    def pauses(self, planned: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        head = next(record for record in self.stages if record["stage"] == "head")
        if not planned or self.asker is None or self.address is None or head["status"] != "ok":
            return []
        holder = Holder(self.asker, self.address, self.budget, self.patience, self.key, self.size, self.edge.prefix)
        with ThreadPoolExecutor(plan.CONCURRENCY) as pool:
            return list(pool.map(holder.hold, planned))
