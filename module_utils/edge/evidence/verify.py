# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking a package: every byte of it is spoken for, by a manifest, the signature, or the custody record.

Each check answers pass, fail, unknown (it could not be judged, and why) or not_applicable.  The verdict: `verified`
where all pass, `broken` where one fails, `unproven` where none fails but one is unknown (no key to compare with, say).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError
from . import bag, custody, dsse, journal, keys, timestamp
from .package import PREDICATE, STAMP

CHECKS = {
    "files": "every file is named by a list, and every list's file is there",
    "payload": "the files in data/ have the digests of the manifests",
    "tags": "the files about them have the digests of the tag manifests",
    "signature": "the statement over the tag manifests is signed by the key that the package names",
    "key": "that key is the one that is expected",
    "timestamp": "the timestamp is over this signature and by the authority that is expected",
    "custody": "the custody record is whole, from the seal to its newest entry",
    "custody_head": "its newest entry is the one that is expected",
    "journal": "the journal of requests is whole, and the one that was signed",
    "objects": "evidence/objects.json says of each file what the manifests say",
}
_TAG_LISTS = tuple(f"tagmanifest-{name}.txt" for name in bag.ALGORITHMS)
_LISTS = tuple(f"manifest-{name}.txt" for name in bag.ALGORITHMS)
_PUBLIC = "evidence/public-key.pem"
_JOURNAL = "evidence/journal.jsonl"
# Lists and statements are read whole: a line of some 300 bytes a file.
_MOST = 256 << 20


@dataclass(frozen=True)
class Expected:
    """What the verifier has from elsewhere. None leaves the check open.

    public_key: PEM.  key_sha256: of the public key's DER, instead.  timestamp_roots: PEM.  custody_head: SHA-256 of the
    newest custody entry, as noted when the package was taken over.
    """

    public_key: bytes | None = None
    key_sha256: str | None = None
    timestamp_roots: bytes | None = None
    custody_head: str | None = None


def verify(root: str, expected: Expected = Expected()) -> dict[str, Any]:  # noqa: B008  (frozen)
    """{"verdict", "checks": [{"check", "question", "status", "detail"}], "statement", "custody", "keyid"}.

    A package that cannot be read is broken, with the reason; nothing of it raises.
    """
    work = _Verifier(root, expected)
    answers = []
    for name, question in CHECKS.items():
        status, detail = _ask(getattr(work, name))
        answers.append({"check": name, "question": question, "status": status, "detail": detail})
    statuses = {answer["status"] for answer in answers}
    verdict = "broken" if "fail" in statuses else "unproven" if "unknown" in statuses else "verified"
    return {
        "verdict": verdict,
        "checks": answers,
        "keyid": work.keyid,
        "statement": work.predicate,
        "custody": [entry.to_dict() for entry in work.entries],
    }


def _ask(check: Callable[[], tuple[str, str]]) -> tuple[str, str]:
    try:
        return check()
    except EdgepathError as error:
        return "fail", str(error)
    except OSError as error:
        return "fail", f"{error.filename or 'a file'} cannot be read: {error.strerror}"


class _Verifier:
    def __init__(self, root: str, expected: Expected) -> None:
        self.root, self.expected = root, expected
        self.keyid: str | None = None
        self.predicate: Mapping[str, Any] | None = None
        self.entries: list[custody.Entry] = []

    def read(self, path: str) -> bytes:
        with open(os.path.join(self.root, path), "rb") as stream:
            raw = stream.read(_MOST + 1)
        if len(raw) > _MOST:
            raise EdgepathError(f"{path} is larger than {_MOST} bytes")
        return raw

    def manifest(self, name: str) -> dict[str, str]:
        return bag.parse_manifest(self.read(name), name)

    def files(self) -> tuple[str, str]:
        there, odd = bag.listing(self.root)
        if odd:
            return "fail", "; ".join(odd[:5])
        payload, tags = self.manifest(_LISTS[0]), self.manifest(_TAG_LISTS[0])
        if any(not path.startswith("data/") for path in payload) or any(path.startswith("data/") for path in tags):
            return "fail", "a manifest names a file that is not its own"
        if set(self.manifest(_LISTS[1])) != set(payload) or set(self.manifest(_TAG_LISTS[1])) != set(tags):
            return "fail", "the SHA-256 and SHA-512 manifests name different files"
        listed = {*payload, *tags, *_TAG_LISTS, custody.SUMS}
        listed |= {path for path in there if path.startswith(("signature/", "custody/")) and _known(path)}
        if there != listed:
            extra, gone = sorted(there - listed), sorted(listed - there)
            return "fail", "; ".join([f"{path} is in no list" for path in extra] + [f"{path} is gone" for path in gone])
        if self.read("bagit.txt") != bag.DECLARATION:
            return "fail", "bagit.txt does not declare BagIt 1.0"
        return "pass", f"{len(there)} files"

    def payload(self) -> tuple[str, str]:
        return self.digests(_LISTS)

    def tags(self) -> tuple[str, str]:
        return self.digests(_TAG_LISTS)

    def digests(self, lists: tuple[str, ...]) -> tuple[str, str]:
        first, second = (self.manifest(name) for name in lists)
        wrong = []
        for path in sorted({*first, *second}):
            target = os.path.join(self.root, path)
            if os.path.islink(target) or not os.path.isfile(target):
                wrong.append(f"{path} is no file")
                continue
            found = bag.sums(target)
            if (found.sha256, found.sha512) != (first.get(path), second.get(path)):
                wrong.append(f"{path} was changed")
        if wrong:
            return "fail", "; ".join(wrong[:10])
        return ("pass", f"{len(first)} files") if first else ("fail", f"{lists[0]} names no file")

    def signature(self) -> tuple[str, str]:
        public = keys.read_public(self.read(_PUBLIC), _PUBLIC)
        envelope = dsse.parse(self.read(custody.STATEMENT), custody.STATEMENT)
        statement = dsse.payload(envelope, dsse.STATEMENT_TYPE, custody.STATEMENT)
        self.keyid = keys.keyid(public)
        if envelope.keyid != self.keyid:
            return "fail", f"the statement names the key {envelope.keyid}, the package holds {self.keyid}"
        if not keys.verified(public, envelope.signature, dsse.signed_bytes(envelope.type, envelope.payload)):
            return "fail", "the signature does not hold"
        predicate = statement.get("predicate")
        if statement.get("predicateType") != PREDICATE or not isinstance(predicate, dict):
            return "fail", "the statement is not one about a package"
        subjects = []
        for algorithm, name in zip(bag.ALGORITHMS, _TAG_LISTS):
            found = bag.sums(os.path.join(self.root, name))
            subjects.append({"name": name, "digest": {algorithm: found.of(algorithm)}})
        if statement.get("subject") != subjects:
            return "fail", "the statement is about other tag manifests"
        self.predicate = predicate
        return "pass", f"signed by the key {self.keyid}"

    def key(self) -> tuple[str, str]:
        if self.keyid is None:
            return "fail", "the package names no key"
        wanted = self.expected.key_sha256
        if self.expected.public_key is not None:
            wanted = keys.keyid(keys.read_public(self.expected.public_key, "the expected key"))
        if wanted is None:
            return "unknown", f"compared with no key: whoever changes a package can sign it anew. It has {self.keyid}"
        if wanted.lower() != self.keyid:
            return "fail", f"signed by the key {self.keyid}, expected is {wanted}"
        return "pass", "it is the expected key"

    def timestamp(self) -> tuple[str, str]:
        stated = (self.predicate or {}).get("timestamp")
        there = os.path.lexists(os.path.join(self.root, STAMP))
        if not isinstance(stated, dict):
            return "fail", "no signed statement says whether there is a timestamp"
        if stated.get("status") == "absent":
            why = f"absent: {stated.get('reason')}"
            return ("fail", "there is one, against the statement") if there else ("not_applicable", why)
        raw, message = self.read(STAMP), self.read(custody.STATEMENT)
        if timestamp.RFC3161_ERROR is not None:
            return "unknown", "rfc3161-client is not installed; VERIFY.md says how openssl checks it"
        stamp = timestamp.check(raw, message, self.expected.timestamp_roots, STAMP)
        told = f"{stamp.time} by {stamp.authority}"
        if stamp.trusted is None:
            return "unknown", f"{told}: not compared with any root certificate of the authority"
        return "pass", told

    def custody(self) -> tuple[str, str]:
        self.entries = custody.read(self.root)
        if self.keyid is None or self.entries[0].keyid != self.keyid:
            self.entries = []
            return "fail", "the package was sealed by another key than the one that signed it"
        return "pass", f"{len(self.entries)} entries; the newest is {self.entries[-1].sha256}"

    def custody_head(self) -> tuple[str, str]:
        wanted = self.expected.custody_head
        if not self.entries:
            return "fail", "there is no custody record that holds"
        if wanted is None:
            newest = self.entries[-1].sha256
            return "unknown", f"compared with no noted SHA-256, so newer entries may be gone; the newest is {newest}"
        if wanted.lower() != self.entries[-1].sha256:
            earlier = wanted.lower() in {entry.sha256 for entry in self.entries}
            why = "entries were added since" if earlier else "the noted entry is not there"
            return ("pass" if earlier else "fail"), f"{why}; the newest is {self.entries[-1].sha256}"
        return "pass", "it is the noted entry"

    def journal(self) -> tuple[str, str]:
        stated = (self.predicate or {}).get("journal")
        there = os.path.lexists(os.path.join(self.root, _JOURNAL))
        if not isinstance(stated, dict):
            return "fail", "no signed statement speaks of the journal"
        if stated.get("status") == "absent":
            return ("fail", "there is one, against the statement") if there else ("not_applicable", "none was given")
        report = journal.verify(os.path.join(self.root, _JOURNAL))
        if not report.whole:
            return "fail", report.problems[0]
        if report.head != stated.get("head"):
            return "fail", "it is not the journal that was signed"
        return "pass", f"{report.entries} events"

    def objects(self) -> tuple[str, str]:
        try:
            items = json.loads(self.read("evidence/objects.json"))
            said = {str(item["path"]): (item["sha256"], item["sha512"]) for item in items}
        except (ValueError, KeyError, TypeError, RecursionError):
            return "fail", "evidence/objects.json cannot be read"
        first, second = (self.manifest(name) for name in _LISTS)
        if said != {path: (first[path], second.get(path)) for path in first}:
            return "fail", "evidence/objects.json and the manifests differ"
        return "pass", f"{len(said)} objects"


def _known(path: str) -> bool:
    """Files that come after the tag manifests; custody.read says whether they are the right ones."""
    return path in (custody.STATEMENT, STAMP, custody.SUMS) or custody.is_entry(path)
