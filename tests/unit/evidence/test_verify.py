# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is changed in a finished package, verify says so; and custody grows without touching the bag."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

import bagit
import pytest
from ansible.module_utils.edge.evidence import bag, custody, dsse, keys
from ansible.module_utils.edge.evidence.verify import CHECKS, Expected, verify
from ansible.module_utils.edge.finding import EdgepathError
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from packing import KEY, Authority, packed, signer

from tests.examples import examples


class Finished:
    def __init__(self, folder: Path) -> None:
        authority = Authority(folder / "authority")
        with authority.serving() as url:
            self.root, result = packed(folder, timestamp_url=url)
        event = {"action": "handed_over", "by": "J. Smith", "to": "A. Jones", "time": "2026-11-23T03:15:00Z"}
        head = custody.append(str(self.root), event, signer(folder, "other.pem")).sha256
        self.expected = Expected(
            key_sha256=result["keyid"], timestamp_roots=authority.root.read_bytes(), custody_head=head
        )
        self.seal = result["custody_head"]
        self.files = sorted(path for path in self.root.rglob("*") if path.is_file())
        for path in self.files:
            os.chmod(path, 0o600)

    def verdict(self) -> str:
        return verify(str(self.root), self.expected)["verdict"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    package = Finished(tmp_path_factory.mktemp("finished"))
    assert package.verdict() == "verified"
    return package


def test_every_check_answers(finished):
    found = verify(str(finished.root), finished.expected)
    assert [item["check"] for item in found["checks"]] == list(CHECKS)
    assert {item["status"] for item in found["checks"]} == {"pass"}
    assert [entry["action"] for entry in found["custody"]] == ["sealed", "handed_over"]
    assert bagit.Bag(str(finished.root)).validate()


@settings(max_examples=examples(150))
@given(data=st.data())
def test_any_flipped_bit_is_seen(finished, data):
    path = data.draw(st.sampled_from(finished.files))
    original = path.read_bytes()
    position = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        path.write_bytes(changed)
        assert finished.verdict() == "broken"
    finally:
        path.write_bytes(original)


def test_every_byte_of_what_no_manifest_names_is_spoken_for(finished):
    """The files of signature/ and custody/, byte by byte; without the keys and roots that a verifier may lack."""
    for path in finished.files:
        if path.parent.name not in ("signature", "custody"):
            continue
        original = path.read_bytes()
        for position in range(0, len(original), 7):
            path.write_bytes(original[:position] + bytes([original[position] ^ 1]) + original[position + 1 :])
            with pytest.raises(EdgepathError):
                custody.read(str(finished.root))
        path.write_bytes(original)
    assert finished.verdict() == "verified"


def test_every_removed_file_is_missed(finished):
    for path in finished.files:
        original = path.read_bytes()
        path.unlink()
        assert finished.verdict() == "broken", path
        path.write_bytes(original)
    assert finished.verdict() == "verified"


@pytest.mark.parametrize(
    "name",
    [
        "added",
        "data/added",
        "evidence/added",
        "signature/added",
        "custody/added",
        "custody/0003.dsse.json",
        "new/added",
        "custody/SHA256SUMS.new",
        "tagmanifest-md5.txt",
        "fetch.txt",
        ".hidden",
    ],
)
def test_every_added_file_is_seen(finished, name):
    path = finished.root / name
    path.parent.mkdir(exist_ok=True)
    try:
        path.write_bytes(b"")
        assert finished.verdict() == "broken"
    finally:
        path.unlink()
        if name == "new/added":
            path.parent.rmdir()


def test_links_and_empty_folders_are_seen(finished):
    (finished.root / "empty").mkdir()
    assert finished.verdict() == "broken"
    (finished.root / "empty").rmdir()
    target = finished.root / f"data/{KEY}"
    aside = finished.root.parent / "aside"
    shutil.move(target, aside)
    os.symlink(aside, target)
    assert finished.verdict() == "broken"
    target.unlink()
    shutil.move(aside, target)
    assert finished.verdict() == "verified"


@settings(max_examples=examples(40))
@given(data=st.data())
def test_files_of_noise_are_broken_never_a_traceback(finished, data):
    path = data.draw(st.sampled_from(finished.files))
    original = path.read_bytes()
    try:
        path.write_bytes(data.draw(st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b'{"signatures": [1]}'])))
        assert finished.verdict() == "broken"
    finally:
        path.write_bytes(original)


def status(found: dict, check: str) -> str:
    return next(item["status"] for item in found["checks"] if item["check"] == check)


def test_without_a_key_from_elsewhere_nothing_is_proven(finished):
    found = verify(str(finished.root))
    assert found["verdict"] == "unproven"
    assert {status(found, check) for check in ("key", "timestamp", "custody_head")} == {"unknown"}


def test_a_package_that_is_signed_anew_has_another_key(finished, tmp_path):
    """A forger changes a file, makes all lists fit and signs with a key of their own."""
    other, _ = packed(tmp_path)
    found = verify(str(other), finished.expected)
    assert status(found, "signature") == "pass"
    assert (status(found, "key"), found["verdict"]) == ("fail", "broken")


def test_custody_entries_taken_away_with_their_sums_are_seen_by_the_noted_head(finished):
    newest, sums = finished.root / "custody/0002.dsse.json", finished.root / custody.SUMS
    originals = newest.read_bytes(), sums.read_bytes()
    newest.unlink()
    custody.write_sums(str(finished.root))
    found = verify(str(finished.root), finished.expected)
    assert (status(found, "custody"), status(found, "custody_head")) == ("pass", "fail")
    unasked = verify(str(finished.root), Expected(key_sha256=finished.expected.key_sha256))
    assert status(unasked, "custody_head") == "unknown"
    newest.write_bytes(originals[0])
    sums.write_bytes(originals[1])


def test_entries_added_since_the_noted_head_pass_and_are_told(finished):
    found = verify(str(finished.root), Expected(custody_head=finished.seal))
    answer = next(item for item in found["checks"] if item["check"] == "custody_head")
    assert answer["status"] == "pass"
    assert "added since" in answer["detail"]


def test_a_forged_entry_does_not_follow(finished, tmp_path):
    """An entry in the place of another, signed well: the one after it quotes the old one."""
    copy = tmp_path / "copy"
    shutil.copytree(finished.root, copy)
    custody.append(str(copy), {"action": "received", "by": "A. Jones", "time": "t"}, signer(tmp_path))
    first = custody.read(str(copy))[0]
    forged = custody.make(2, (first.path, first.sha256), {"action": "copied", "by": "M"}, {}, signer(tmp_path, "m.pem"))
    (copy / "custody/0002.dsse.json").write_bytes(forged)
    custody.write_sums(str(copy))
    with pytest.raises(EdgepathError, match="0003.dsse.json: does not follow"):
        custody.read(str(copy))


def test_a_broken_custody_record_is_not_continued(finished, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished.root, copy)
    (copy / "custody/0001.dsse.json").unlink()
    with pytest.raises(EdgepathError, match="is missing"):
        custody.append(str(copy), {"action": "noted"}, signer(tmp_path))


def test_only_the_maker_seals(finished, tmp_path):
    with pytest.raises(EdgepathError, match="action is one of"):
        custody.append(str(finished.root), {"action": "sealed"}, signer(tmp_path))


def test_a_folder_that_is_no_package(tmp_path):
    assert verify(str(tmp_path / "none"))["verdict"] == "broken"
    assert verify(str(tmp_path))["verdict"] == "broken"


@pytest.mark.parametrize(
    "raw",
    [
        b"0a  ../outside\n",
        b"0a  /etc/passwd\n",
        b"0a  a//b\n",
        b"0a *a\n",
        b"0a a\n",
        b"0a  a",
        b"0a  a\n0a  a\n",
        b"\n",
        b"0a  a%0Ab\n",
        "0a  ü\n".encode(),
    ],
)
def test_odd_manifest_lines_are_refused(raw):
    with pytest.raises(EdgepathError):
        bag.parse_manifest(raw, "manifest")


@given(st.binary(max_size=80))
def test_envelopes_have_one_spelling(payload):
    raw = dsse.render(dsse.Envelope("type", payload, "key", b"\x01" * 64))
    assert dsse.parse(raw, "x").payload == payload
    data = json.loads(raw)
    more = json.dumps({**data, "more": 1}, indent=1).encode() + b"\n"
    for other in (json.dumps(data).encode(), raw + b"\n", more):
        with pytest.raises(EdgepathError):
            dsse.parse(other, "x")


def test_signed_bytes_are_those_of_the_protocol():
    """The example of the DSSE protocol document."""
    assert dsse.signed_bytes("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_keys_that_are_none_verify_nothing():
    assert keys.verified(b"no key", b"x" * 64, b"data") is False
    with pytest.raises(EdgepathError, match="is no public key"):
        keys.read_public(b"no key", "file")
    assert base64.b64encode(b"") == b""


def test_no_flipped_bit_of_a_key_is_more_than_an_error(finished):
    """Each bit once: some make a key of a kind that nobody knows."""
    pem = (finished.root / "evidence/public-key.pem").read_bytes()
    for position in range(8 * len(pem)):
        flipped = bytearray(pem)
        flipped[position // 8] ^= 1 << position % 8
        with contextlib.suppress(EdgepathError):
            keys.read_public(bytes(flipped), "file")
    der = keys.read_public(pem, "file")
    for position in range(8 * len(der)):
        flipped = bytearray(der)
        flipped[position // 8] ^= 1 << position % 8
        assert not keys.verified(bytes(flipped), b"\0" * 64, b"data")
