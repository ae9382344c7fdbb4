# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over the bytes, in order, as they come: our own digests, the parts' checksums, and the object's.

It reads what has reached the file, not what came over the wire. A part that does not agree with the storage's
checksum is fetched again, and the digests go back to where the part began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from . import checksums
from .checksums import COMPOSITE, Comparison, Digest
from .errors import TransferError
from .partial import Partial
from .parts import MIB, Part
from .work import Work

_READ_BYTES = MIB
_BUFFERS = 3
PART_ATTEMPTS = 3
_BESIDE = "SHA512"  # the dearest; computed on a thread of its own while the others are


class Verifier:
    """After run(): sums, algorithm -> digest over all bytes, and part_sums, one such mapping for each part."""

    def __init__(
        self,
        key: str,
        partial: Partial,
        parts: Sequence[Part],
        compared: Comparison,
        work: Work,
        record: Callable[[Mapping[str, Any]], Any],
    ) -> None:
        self.sums: dict[str, bytes] = {}
        self.part_sums: list[dict[str, bytes]] = []
        self._key = key
        self._partial = partial
        self._parts = parts
        self._work = work
        self._record = record
        full = {item.algorithm for item in compared.expected if item.kind != COMPOSITE}
        composed = {item.algorithm for item in compared.expected if item.kind == COMPOSITE}
        one = len(parts) == 1
        self._whole = {"SHA256", _BESIDE, *full, *(composed if one else ())}
        # Without a checksum of the storage's, a second download is compared part by part.
        self._of_part = set() if one else composed or (set() if full else {"SHA256"})

    def run(self) -> None:
        """Until the last byte is hashed, or the transfer is over."""
        whole = {name: checksums.new(name) for name in self._whole}
        index, attempts = 0, 1
        buffers = _Buffers()
        with ThreadPoolExecutor(1) as beside:
            while index < len(self._parts):
                part = self._parts[index]
                before = {name: digest.copy() for name, digest in whole.items()}
                sums = self._hash_part(part, whole, beside, buffers)
                if sums is None:
                    return
                if self._agrees(part, sums, attempts):
                    self.part_sums.append(sums)
                    index, attempts = index + 1, 1
                else:
                    whole, attempts = before, attempts + 1
        self.sums = {name: digest.digest() for name, digest in whole.items()}

    def _hash_part(
        self, part: Part, whole: Mapping[str, Digest], beside: ThreadPoolExecutor, buffers: _Buffers
    ) -> dict[str, bytes] | None:
        """The part's digests, its bytes added to the whole; None where the transfer is over."""
        by = judge(part)
        own = {name: checksums.new(name) for name in {*self._of_part, *([by] if by else [])} - self._shared()}
        here = [digest for name, digest in whole.items() if name != _BESIDE] + list(own.values())
        position = part.start
        while position < part.end:
            limit = min(part.end, self._work.reach(position))
            if limit <= position:
                buffers.settle()
                return None
            while position < limit:
                view = buffers.take()[: limit - position]
                view = view[: self._partial.read_into(position, view)]
                buffers.busy(beside.submit(whole[_BESIDE].update, view))
                for digest in here:
                    digest.update(view)
                position += len(view)
            self._work.hashed(position)
        buffers.settle()
        if len(self._parts) == 1:
            own.update({name: digest for name, digest in whole.items() if name not in own})
        return {name: digest.digest() for name, digest in own.items()}

    def _shared(self) -> set[str]:
        """What the only part of an object has in common with the whole."""
        return self._whole if len(self._parts) == 1 else set()

    def _agrees(self, part: Part, sums: Mapping[str, bytes], attempts: int) -> bool:
        by = judge(part)
        if by is None or checksums.encode(sums[by]) == part.checksums[by]:
            return True
        computed = checksums.encode(sums[by])
        self._record({"type": "part_corrupt", "key": self._key, "part": part.number, "range": [part.start, part.end],
                      "algorithm": by, "computed": computed, "expected": part.checksums[by]})  # fmt: skip
        if attempts >= PART_ATTEMPTS:
            raise TransferError(
                "corrupt",
                f"{self._key}: part {part.number} has the {by} {computed} after {attempts} downloads, the storage "
                f"says {part.checksums[by]}; nothing was kept",
            )
        self._partial.discard(part.start, part.end)
        self._work.again([(part.start, part.end)])
        return False


class _Buffers:
    """A few buffers in turn; each is free again when the digest beside is done with it."""

    def __init__(self) -> None:
        self._views = [memoryview(bytearray(_READ_BYTES)) for _ in range(_BUFFERS)]
        self._uses: list[Future[Any] | None] = [None] * _BUFFERS
        self._next = 0

    def take(self) -> memoryview:
        use = self._uses[self._next]
        if use is not None:
            use.result()
        return self._views[self._next]

    def busy(self, use: Future[Any]) -> None:
        """The buffer taken last is in use until then."""
        self._uses[self._next] = use
        self._next = (self._next + 1) % _BUFFERS

    def settle(self) -> None:
        for use in self._uses:
            if use is not None:
                use.result()


def judge(part: Part) -> str | None:
    """The algorithm by which this part alone can be judged; None where the storage says nothing of it."""
    usable = (name for name in checksums.ALGORITHMS if name in part.checksums and checksums.computable(name))
    return next(usable, None)
