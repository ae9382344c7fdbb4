# SPDX-License-Identifier: GPL-3.0-or-later
"""Making an evidence package: a bag of originals and records about them, signed, stamped and sealed.

data/                        the originals, untouched, with their metadata
evidence/objects.json        each object: key, version, checksums, HeadObject and GetObjectAttributes
evidence/journal.jsonl       every request, hash-chained        evidence/audio.json       the audio report
evidence/reconciliation.json asked, found, fetched, missing     evidence/provenance.json  who, with what, which clock
evidence/job.json, plan.json as they were given                 evidence/public-key.pem   of the signature
evidence/summary.html, .pdf  for people                         VERIFY.md, CERTIFICATION-TEMPLATE.md
manifest-*, tagmanifest-*, bagit.txt, bag-info.txt              the bag (RFC 8493)
signature/statement.dsse.json (.tsr)                            DSSE over the tag manifests; RFC 3161 over that
custody/                                                        the chain of hand-overs
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..audio.model import Options
from ..finding import EdgepathError
from ..version import VERSION
from . import bag, clock, custody, dsse, journal, keys, listen, originals, render, summary, texts, timestamp
from .tools import tools

PREDICATE = "urn:edgepath:evidence-package:1"
STAMP = f"{custody.STATEMENT}.tsr"
_JOURNAL = "evidence/journal.jsonl"
_CALLER = ("Account", "Arn", "UserId")


@dataclass(frozen=True)
class Order:
    """What goes into a package, and who makes it.

    objects: the engine's records.  files: the folder that holds their `path`s.  caller, clock (see clock.py): None is
    read from the journal.  timestamp_required: whether no package is made when the authority fails.
    """

    objects: Sequence[Mapping[str, Any]]
    files: str
    custodian: str
    matter: str = ""
    organisation: str = ""
    journal: str | None = None
    reconciliation: Mapping[str, Any] | None = None
    plan: Mapping[str, Any] | None = None
    job: Mapping[str, Any] | None = None
    caller: Mapping[str, Any] | None = None
    clock: Mapping[str, Any] | None = None
    timestamp_url: str | None = None
    timestamp_required: bool = True
    decode: bool = True
    audio: Options = Options()


def make(order: Order, dest: str, signer: keys.Signer) -> dict[str, Any]:
    """Make the package at dest, whole or not at all, and say what it holds; EdgepathError where it cannot be made."""
    if os.path.lexists(dest):
        raise EdgepathError(f"{dest} is there already: a package is never written over")
    parent, name = os.path.split(os.path.abspath(dest))
    try:
        root = tempfile.mkdtemp(prefix=f".{name}.partial-", dir=parent)
    except OSError as error:
        raise EdgepathError(f"cannot make a package in {parent}: {error.strerror}") from None
    try:
        result = _Maker(order, root, signer).make()
        _force(root)
        os.rename(root, dest)
    except BaseException as error:
        shutil.rmtree(root)
        if isinstance(error, OSError):
            raise EdgepathError(f"cannot make the package {dest}: {error.strerror} ({error.filename})") from None
        raise
    _force_one(parent)
    return {"path": dest, **result}


class _Maker:
    def __init__(self, order: Order, root: str, signer: keys.Signer) -> None:
        self.order, self.root, self.signer = order, root, signer
        self.keyid = keys.keyid(signer.public_der)
        self.sealed = datetime.now(timezone.utc)
        self.tags: dict[str, bag.Sums] = {}

    def make(self) -> dict[str, Any]:
        payload, objects = originals.copy(self.order.objects, self.order.files, self.root)
        chain = self.requests()
        audio = listen.listen(self.root, objects, self.order.job, self.order.audio, self.order.decode)
        facts = self.facts(objects, audio, chain)
        for name in ("objects", "audio", "reconciliation", "plan", "job"):
            if facts[name] is not None:
                self.tag(f"evidence/{name}.json", dsse.document(facts[name]))
        stamped = self.order.timestamp_url is not None
        why = None if stamped else "no timestamp authority was configured"
        if stamped:
            try:
                self.seal(payload, facts, None)
            except TimestampFailed as error:
                if self.order.timestamp_required:
                    raise EdgepathError(str(error)) from None
                why, stamped = str(error), False
        if not stamped:
            self.seal(payload, facts, why)
        return self.result(objects, audio, chain, why)

    def requests(self) -> dict[str, Any] | None:
        if self.order.journal is None:
            return None
        self.tags[_JOURNAL] = bag.copy(self.order.journal, os.path.join(self.root, _JOURNAL))
        report = journal.verify(os.path.join(self.root, _JOURNAL))
        if not report.whole:
            raise EdgepathError(f"the journal {self.order.journal} is broken: {report.problems[0]}")
        return {"entries": report.entries, "head": report.head, "notes": report.notes}

    def facts(self, objects: list[dict[str, Any]], audio: dict[str, Any], chain: Any) -> dict[str, Any]:
        order = self.order
        measured = order.clock if order.clock is not None else clock.from_events(_events(self.root, chain))
        about = {
            "matter": order.matter,
            "custodian": order.custodian,
            "sealed": _time(self.sealed),
            "keyid": self.keyid,
        }
        return {
            "about": about,
            "objects": objects,
            "audio": audio,
            "journal": chain,
            "clock": measured,
            "caller": order.caller if order.caller is not None else _caller(_events(self.root, chain)),
            "reconciliation": order.reconciliation,
            "plan": order.plan,
            "job": order.job,
        }

    def tag(self, path: str, data: bytes) -> None:
        self.tags[path] = bag.write(self.root, path, data)

    def seal(self, payload: Mapping[str, bag.Sums], facts: dict[str, Any], why: str | None) -> None:
        """Everything that speaks of the timestamp, then manifests, signature, timestamp, custody."""
        stamp: dict[str, Any] = {"status": "absent", "reason": why}
        text = f"absent: {why}"
        if why is None:
            stamp = {"status": "present", "authority": self.order.timestamp_url, "file": STAMP}
            text = f"by {self.order.timestamp_url}, in {STAMP}"
        facts = {**facts, "timestamp": {**stamp, "text": text}}
        self.records(facts)
        self.manifests(payload)
        statement = self.statement(facts, stamp, payload)
        signature = self.signer.sign(dsse.signed_bytes(dsse.STATEMENT_TYPE, statement))
        envelope = dsse.render(dsse.Envelope(dsse.STATEMENT_TYPE, statement, self.keyid, signature))
        covers = {custody.STATEMENT: bag.write(self.root, custody.STATEMENT, envelope).sha256}
        if why is None:
            covers[STAMP] = bag.write(self.root, STAMP, self.stamp(envelope)).sha256
        event = {"action": "sealed", "by": self.order.custodian, "time": _time(self.sealed)}
        before = (custody.STATEMENT, hashlib.sha256(envelope).hexdigest())
        bag.write(self.root, custody.path_of(1), custody.make(1, before, event, covers, self.signer))
        custody.write_sums(self.root)

    def stamp(self, envelope: bytes) -> bytes:
        try:
            return timestamp.request(str(self.order.timestamp_url), envelope)
        except EdgepathError as error:
            raise TimestampFailed(str(error)) from None

    def records(self, facts: Mapping[str, Any]) -> None:
        provenance = {
            **facts["about"],
            "organisation": self.order.organisation,
            "caller": facts["caller"] or "not stated",
            "clock": facts["clock"] or "not measured against any time source",
            "journal": facts["journal"] or "absent: no journal was given",
            "timestamp": facts["timestamp"],
            "tools": tools(),
        }
        title = f"Evidence package {self.order.matter}".strip()
        parts = summary.sections(facts)
        self.tag("evidence/provenance.json", dsse.document(provenance))
        self.tag("evidence/public-key.pem", keys.public_pem(self.signer.public_der))
        self.tag("evidence/summary.html", render.html(title, parts))
        paper = render.pdf(title, parts, self.sealed)
        if paper is not None:
            self.tag("evidence/summary.pdf", paper)
        octets = sum(int(item["size"]) for item in facts["objects"])
        template = texts.certification(len(facts["objects"]), octets, self.keyid)
        self.tag("CERTIFICATION-TEMPLATE.md", template.encode())
        self.tag("VERIFY.md", texts.VERIFY.encode())

    def manifests(self, payload: Mapping[str, bag.Sums]) -> None:
        fields = [
            ("Bag-Software-Agent", f"edgepath {VERSION}"),
            ("Bagging-Date", self.sealed.strftime("%Y-%m-%d")),
            ("External-Description", self.order.matter or "matter not stated"),
            ("Contact-Name", self.order.custodian),
        ]
        if self.order.organisation:
            fields.append(("Source-Organization", self.order.organisation))
        self.tag("bagit.txt", bag.DECLARATION)
        self.tag("bag-info.txt", bag.bag_info(fields, payload))
        for algorithm in bag.ALGORITHMS:
            self.tag(f"manifest-{algorithm}.txt", bag.manifest(payload, algorithm))
        for algorithm in bag.ALGORITHMS:
            bag.write(self.root, f"tagmanifest-{algorithm}.txt", bag.manifest(self.tags, algorithm))

    def statement(self, facts: Mapping[str, Any], stamp: Mapping[str, Any], payload: Mapping[str, bag.Sums]) -> bytes:
        subjects = []
        for algorithm in bag.ALGORITHMS:
            name = f"tagmanifest-{algorithm}.txt"
            found = bag.sums(os.path.join(self.root, name))
            subjects.append({"name": name, "digest": {algorithm: found.of(algorithm)}})
        reconciliation = facts["reconciliation"]
        predicate = {
            "sealed": facts["about"]["sealed"],
            "by": facts["about"]["custodian"],
            "matter": facts["about"]["matter"],
            "objects": len(payload),
            "octets": sum(item.size for item in payload.values()),
            "complete": reconciliation.get("complete") if reconciliation is not None else None,
            "journal": {"status": "absent"} if facts["journal"] is None else {"head": facts["journal"]["head"]},
            "timestamp": stamp,
        }
        text = {"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": PREDICATE}
        return dsse.document({**text, "predicate": predicate})

    def result(
        self, objects: list[dict[str, Any]], audio: dict[str, Any], chain: Any, why: str | None
    ) -> dict[str, Any]:
        reconciliation = self.order.reconciliation
        return {
            "objects": {str(item["key"]): {"path": item["path"], "sha256": item["sha256"]} for item in objects},
            "audio": audio["statuses"],
            "complete": None if reconciliation is None else reconciliation.get("complete") is True,
            "keyid": self.keyid,
            "sealed": _time(self.sealed),
            "custody_head": custody.read(self.root)[-1].sha256,
            "timestamp": f"absent: {why}" if why else "present",
            "journal_entries": chain["entries"] if chain else None,
        }


class TimestampFailed(EdgepathError):
    """The authority gave no timestamp."""


def _events(root: str, chain: Any) -> Iterator[Mapping[str, Any]]:
    if chain is not None:
        with open(os.path.join(root, _JOURNAL), "rb") as stream:
            for line in stream:
                yield json.loads(line)["event"]


def _caller(events: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Who asked the storage, by the journal's newest run; None where it does not say, or says why it is not known."""
    found = None
    for event in events:
        if event.get("type") == "caller":
            found = {name: event[name] for name in _CALLER if name in event} or None
    return found


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _force(root: str) -> None:
    for folder, _, _ in os.walk(root):
        _force_one(folder)


def _force_one(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
