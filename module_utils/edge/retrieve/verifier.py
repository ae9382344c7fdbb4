# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over the bytes, in order, as they come: our own digests, the parts' checksums, and the object's.

It reads what has reached the file, not what came over the wire. A part that does not agree with the storage's
checksum is fetched again, and the digests go back to where the part began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import checksums
from .checksums import COMPOSITE, Comparison, Digest
from .errors import TransferError
from .partial import Partial
from .parts import MIB, Part
from .work import Work

_READ_BYTES = MIB
_FLUSH_BYTES = 64 * MIB
PART_ATTEMPTS = 3


class Verifier:
    """hash_in_order() runs on one thread, follow() beside it on another. Then sums, part_sums and sha512 are set.

    sums: algorithm -> digest over all bytes.  part_sums: one such mapping for each part.
    """

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
        self.sha512 = b""
        self._key = key
        self._partial = partial
        self._parts = parts
        self._work = work
        self._record = record
        self._safe = 0
        self._checked = any(judge(part) for part in parts)
        full = {item.algorithm for item in compared.expected if item.kind != COMPOSITE}
        composed = {item.algorithm for item in compared.expected if item.kind == COMPOSITE}
        self._composed = composed
        one = len(parts) == 1
        self._whole = {"SHA256", *full, *(composed if one else ())}
        # Without a checksum of the storage's, a second download is compared part by part.
        self._of_part = set() if one else composed or (set() if full else {"SHA256"})

    def hash_in_order(self) -> None:
        whole = {name: checksums.new(name) for name in self._whole}
        index, attempts = 0, 1
        while index < len(self._parts):
            part = self._parts[index]
            before = {name: digest.copy() for name, digest in whole.items()}
            sums = self._hash_part(part, whole)
            if sums is None:
                return
            if self._agrees(part, sums, attempts):
                self.part_sums.append(sums)
                self._advance(part.end)
                index, attempts = index + 1, 1
            else:
                whole, attempts = before, attempts + 1
        self.sums = {name: digest.digest() for name, digest in whole.items()}

    def follow(self) -> None:
        """SHA-512 on a thread of its own, over bytes that will not be fetched again."""
        digest = checksums.new("SHA512")
        view = memoryview(bytearray(_READ_BYTES))
        position = flushed = 0
        while position < self._partial.size:
            limit = self._wait_beyond(position)
            if limit <= position:
                return
            while position < limit:
                count = self._partial.read_into(position, view[: limit - position])
                digest.update(view[:count])
                position += count
                if position - flushed >= _FLUSH_BYTES:
                    self._partial.flush()
                    flushed = position
        self.sha512 = digest.digest()

    def _hash_part(self, part: Part, whole: Mapping[str, Digest]) -> dict[str, bytes] | None:
        """The part's digests, its bytes added to the whole; None where the transfer is over."""
        by = judge(part)
        own = {name: checksums.new(name) for name in {*self._of_part, *([by] if by else [])} - self._shared()}
        view = memoryview(bytearray(_READ_BYTES))
        position = part.start
        while position < part.end:
            limit = min(part.end, self._work.reach(position))
            if limit <= position:
                return None
            while position < limit:
                count = self._partial.read_into(position, view[: limit - position])
                for digest in (*whole.values(), *own.values()):
                    digest.update(view[:count])
                position += count
                if not self._checked:
                    self._advance(position)
        if len(self._parts) == 1:
            own.update({name: digest for name, digest in whole.items() if name not in own})
        return {name: digest.digest() for name, digest in own.items()}

    def _shared(self) -> set[str]:
        """What the only part of an object has in common with the whole."""
        return set(self._whole) if len(self._parts) == 1 else set()

    def _agrees(self, part: Part, sums: Mapping[str, bytes], attempts: int) -> bool:
        by = judge(part)
        if by is None or checksums.encode(sums[by]) == part.checksums[by]:
            return True
        computed = checksums.encode(sums[by])
        event = {"type": "part_corrupt", "key": self._key, "part": part.number, "range": [part.start, part.end],
                 "algorithm": by, "computed": computed, "expected": part.checksums[by]}  # fmt: skip
        self._record(event)
        if attempts >= PART_ATTEMPTS:
            raise TransferError(
                "corrupt",
                f"{self._key}: part {part.number} has the {by} {computed} after {attempts} downloads, the storage "
                f"says {part.checksums[by]}; nothing was kept",
            )
        self._partial.discard(part.start, part.end)
        self._work.again([(part.start, part.end)])
        return False

    def _wait_beyond(self, position: int) -> int:
        """How far SHA-512 may go; the same position where it is over."""
        with self._work.changed:
            self._work.changed.wait_for(lambda: self._work.over or self._safe > position)
            return position if self._work.over else self._safe

    def _advance(self, position: int) -> None:
        with self._work.changed:
            self._safe = position
            self._work.changed.notify_all()


def judge(part: Part) -> str | None:
    """The algorithm by which this part alone can be judged; None where the storage says nothing of it."""
    usable = (name for name in checksums.ALGORITHMS if name in part.checksums and checksums.computable(name))
    return next(usable, None)
