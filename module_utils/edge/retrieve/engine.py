# SPDX-License-Identifier: GPL-3.0-or-later
"""One object, from the bucket to its final path: complete and verified, or not there at all.

What the threads do: some fetch ranges into the `.partial` file, one hashes it in order and compares, one has the disk
take it. The result of an object:
    {"key", "version_id", "etag", "size", "path", "sha256", "sha512", "verified": bool, "service_checksums": {...},
     "verification": [{"what", "result"}], "parts": [{"number", "start", "end", "stated", "computed"}], "head": {...},
     "attributes": {...}, "requests", "retries", "received": bytes, "resumed": bytes, "started", "finished"}
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from ..run import plain, write_json
from . import checksums
from .errors import WORTHLESS, TransferError
from .fetching import Count, Fetcher, Options
from .look import Look, look
from .partial import Partial
from .parts import Part, checksums_of, ranges
from .recorder import Recorder, utc_now
from .store import Store
from .verifier import Verifier, judge
from .work import Work

UNVERIFIABLE = ("twice", "fail", "accept")
_PINNED = ("key", "version_id", "etag", "size")
_ROUNDS = 2
_TICK_SECONDS = 0.5


class Transfer:
    """One object. target: an object of the plan. final: its path. directory: where the partial file is."""

    def __init__(
        self,
        store: Store,
        target: Mapping[str, Any],
        final: str,
        directory: str,
        options: Options,
        record: Recorder,
        count: Count,
    ) -> None:
        self._store = store
        self._pinned = {name: target[name] for name in _PINNED}
        self._key = str(target["key"])
        self._final = final
        self._options = options
        self._record = record
        self._count = count
        pin = (self._key, str(target["version_id"]), str(target["etag"]))
        self._fetcher = Fetcher(store, pin, options, record, count)
        self._partial = Partial(directory, {"bucket": store.source.bucket, **self._pinned})

    def run(self, result_path: str, tick: Callable[[], Any]) -> dict[str, Any]:
        """Fetch it. The result is written to result_path before the file gets its name. tick: called now and then."""
        started, before = utc_now(), self._store.requests
        self._record({"type": "object_started", **self._pinned})
        try:
            if os.path.lexists(self._final):
                raise TransferError("exists", f"{self._final} is there already; move it away and run again")
            seen = look(self._fetcher, int(self._pinned["size"]))
            resumed = self._resume()
            verifier = self._rounds(seen, tick)
            verification, verified = self._verdict(seen, verifier, tick)
            result = {
                **self._pinned,
                "path": self._final,
                "sha256": verifier.sums["SHA256"].hex(),
                "sha512": verifier.sums["SHA512"].hex(),
                "verified": verified,
                "verification": verification,
                "service_checksums": _service(seen),
                "parts": _parts(seen.parts, verifier),
                "head": plain(seen.head),
                "attributes": plain(seen.attributes),
                "requests": self._store.requests - before,
                "retries": self._fetcher.retries,
                "received": self._fetcher.received,
                "resumed": resumed,
                "started": started,
                "finished": utc_now(),
            }
            write_json(result_path, result)
            self._record.drain()
            self._partial.finish(self._final)
        except TransferError as error:
            if error.kind in WORTHLESS:
                self._partial.remove()
            self._record({"type": "object_failed", "key": self._key, "kind": error.kind, "message": str(error)})
            raise
        except OSError as error:
            where = error.filename or result_path
            raise TransferError("disk", f"{self._key}: cannot write {where}: {error.strerror}") from None
        finally:
            self._partial.close()
        done = {name: result[name] for name in ("key", "version_id", "sha256", "sha512", "verified", "received")}
        self._record({"type": "object_finished", **done})
        return result

    def _resume(self) -> int:
        """How many bytes of an earlier run are on the disk and still right."""
        earlier = self._partial.open()
        if earlier.total:
            pairs = [list(pair) for pair in earlier]
            self._record({"type": "resumed", "key": self._key, "bytes": earlier.total, "ranges": pairs})
        self._count(0, earlier.total)
        return earlier.total

    def _rounds(self, seen: Look, tick: Callable[[], Any]) -> Verifier:
        """Fetch and hash; where the whole does not agree and no part can be blamed, once more from the first byte."""
        results: list[str] = []
        for number in range(1, _ROUNDS + 1):
            if number > 1:
                self._partial.discard(0, self._partial.size)
                self._count(0, -self._partial.size)
            verifier = self._fetch(seen, tick)
            wrong = [item for item in seen.compared.expected if not item.matches(*_sums(item, verifier))]
            if not wrong:
                return verifier
            results.append(wrong[0].computed(*_sums(wrong[0], verifier)))
            self._record({"type": "object_corrupt", "key": self._key, "round": number, "source": wrong[0].source,
                          "computed": results[-1], "expected": wrong[0].value})  # fmt: skip
        once = len(set(results)) == 1
        same = "the same each time: the stored object itself may be damaged" if once else "another each time"
        raise TransferError(
            "corrupt",
            f"{self._key}: {wrong[0].source} should be {wrong[0].value}, the bytes have {results[-1]} after {_ROUNDS} "
            f"downloads, {same}; nothing was kept",
        )

    def _fetch(self, seen: Look, tick: Callable[[], Any]) -> Verifier:
        work = Work(self._partial.kept(), ranges(seen.parts, self._options.range_bytes))
        verifier = Verifier(self._key, self._partial, seen.parts, seen.compared, work, self._record)
        jobs = [verifier.run, lambda: self._partial.flush_behind(work)]
        jobs += [lambda: self._fetcher.fetch_ranges(work, self._partial)] * self._options.concurrency
        with ThreadPoolExecutor(len(jobs)) as pool:
            hashing, *_ = [_start(pool, work, job) for job in jobs]
            try:
                while not wait([hashing], _TICK_SECONDS).done:
                    tick()
                work.finish()
            except BaseException:
                work.fail(TransferError("stopped", f"{self._key}: the transfer was told to stop; run again to go on"))
                raise
        if work.error is not None:
            raise work.error
        return verifier

    def _verdict(self, seen: Look, verifier: Verifier, tick: Callable[[], Any]) -> tuple[list[dict[str, str]], bool]:
        """What was compared with what, in words, and whether that makes the copy verified."""
        said = [{"what": item.source, "result": f"agrees ({item.kind})"} for item in seen.compared.expected]
        said += [{"what": name, "result": f"not compared: {why}"} for name, why in seen.compared.left_out]
        judged = sum(judge(part) is not None for part in seen.parts)
        if len(seen.parts) > 1:
            agree = f"{judged} of {len(seen.parts)} have a checksum of their own, and agree"
            said.append({"what": "parts", "result": agree})
        if seen.compared.expected or judged == len(seen.parts):
            return said, True
        if self._options.unverifiable == "accept":
            return [*said, {"what": "second download", "result": "not made: unverifiable is accept"}], False
        self._second_look(seen.parts, verifier, tick)
        return [*said, {"what": "second download", "result": "the same SHA-256 for every part"}], True

    def _second_look(self, parts: Sequence[Part], verifier: Verifier, tick: Callable[[], Any]) -> None:
        """Fetch every part once more, without keeping it, and compare: all that can be done without a checksum."""
        work = Work(self._partial.kept(), ())
        for part, sums in zip(parts, verifier.part_sums):
            digest = checksums.new("SHA256")
            for bounds in ranges([part], self._options.range_bytes):
                self._fetcher.fetch(work, bounds, digest.update, lambda: None)
                tick()
            if digest.digest() != sums["SHA256"]:
                where = f"bytes {part.start}-{part.end}"
                raise TransferError("corrupt", f"{self._key}: two downloads differ within {where}; nothing was kept")


def _start(pool: ThreadPoolExecutor, work: Work, job: Callable[[], Any]) -> Future[Any]:
    """Run it beside; whatever it raises ends the transfer and is raised there."""

    def ended(future: Future[Any]) -> None:
        error = future.exception()
        if error is not None:
            work.fail(error)

    started = pool.submit(job)
    started.add_done_callback(ended)
    return started


def _sums(item: checksums.Expected, verifier: Verifier) -> tuple[bytes | None, list[bytes]]:
    parts = [sums[item.algorithm] for sums in verifier.part_sums if item.algorithm in sums]
    return verifier.sums.get(item.algorithm), parts


def _service(seen: Look) -> dict[str, Any]:
    """The storage's own values as it stated them, and which of them the bytes agree with."""
    stated = {**checksums_of(seen.head), "ETag": str(seen.head.get("ETag", "")).strip('"')}
    agree = [item.source for item in seen.compared.expected]
    return {"stated": stated, "type": seen.head.get("ChecksumType"), "agree": agree}


def _parts(parts: Sequence[Part], verifier: Verifier) -> list[dict[str, Any]]:
    return [
        {"number": part.number, "start": part.start, "end": part.end, "stated": dict(part.checksums),
         "computed": {name: checksums.encode(digest) for name, digest in sums.items()}}
        for part, sums in zip(parts, verifier.part_sums)
    ]  # fmt: skip
