# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: what is in them, what is refused, and that other programs read them as this one does."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import bagit
import pytest
from ansible.module_utils.edge.evidence import der, keys, render, timestamp
from ansible.module_utils.edge.evidence.names import data_paths
from ansible.module_utils.edge.evidence.package import make
from ansible.module_utils.edge.evidence.verify import Expected, verify
from ansible.module_utils.edge.finding import EdgepathError
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

sys.path.insert(0, str(Path(__file__).parent))
from packing import FILES, KEY, METADATA, ODD, Authority, order, packed, retrieved, signer


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tsa") / "authority")


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_the_originals_are_untouched_and_named(tmp_path):
    package, result = packed(tmp_path)
    objects = {item["key"]: item for item in read(package / "evidence/objects.json")}
    assert set(objects) == set(FILES)
    for key, data in FILES.items():
        assert (package / objects[key]["path"]).read_bytes() == data
        assert objects[key]["head"] == {"ContentLength": len(data)}
    assert objects[KEY]["path"] == f"data/{KEY}"
    assert result["complete"] is None
    assert os.stat(package / f"data/{KEY}").st_mode & 0o222 == 0


def test_other_programs_find_a_whole_bag(tmp_path):
    package, _ = packed(tmp_path)
    bag = bagit.Bag(str(package))
    assert bag.validate()
    assert bag.version_info == (1, 0)
    assert sorted(bag.algorithms) == ["sha256", "sha512"]
    assert bag.info["Payload-Oxum"] == f"{sum(map(len, FILES.values()))}.{len(FILES)}"


def test_another_program_verifies_the_signature(tmp_path):
    package, result = packed(tmp_path)
    envelope = Envelope.from_dict(read(package / "signature/statement.dsse.json"))
    public = keys.read_public((package / "evidence/public-key.pem").read_bytes(), "key")
    other = SSlibKey(result["keyid"], "ed25519", "ed25519", {"public": public[-32:].hex()})
    assert set(envelope.verify([other], 1)) == {result["keyid"]}
    statement = json.loads(envelope.payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicate"]["objects"] == 3


def test_what_is_absent_is_stated(tmp_path):
    package, _ = packed(tmp_path, journal=None)
    provenance = read(package / "evidence/provenance.json")
    assert provenance["timestamp"]["reason"] == "no timestamp authority was configured"
    assert provenance["journal"].startswith("absent")
    assert provenance["clock"].startswith("not measured")
    page = (package / "evidence/summary.html").read_text()
    for text in ("absent: no timestamp authority", "absent: no journal", "not measured", "No reconciliation was given"):
        assert text in page
    answers = {item["check"]: item["status"] for item in verify(str(package))["checks"]}
    assert (answers["timestamp"], answers["journal"]) == ("not_applicable", "not_applicable")


def test_the_clock_is_read_from_the_journal(tmp_path):
    package, _ = packed(tmp_path)
    clock = read(package / "evidence/provenance.json")["clock"]
    assert (clock["offset_seconds"], clock["answers"]) == (1.0, 2)


def test_tools_are_named_with_their_hashes(tmp_path):
    package, _ = packed(tmp_path)
    tools = read(package / "evidence/provenance.json")["tools"]
    named = "ansible.module_utils.edge.evidence.package"
    assert len(tools["edgepath"]["files"][named]) == 64
    assert tools["libraries"]["cryptography"]


def test_the_audio_is_reconciled_with_metadata_and_job(tmp_path):
    package, result = packed(tmp_path)
    assert result["audio"] == {"continuous": 1, "unknown": 1}
    job = {"failedRecordings": [{"recordingId": KEY.rpartition("/")[2][:-4], "durationMs": 9000, "channels": 1}]}
    (tmp_path / "other").mkdir()
    package, result = packed(tmp_path / "other", job=job)
    assert result["audio"] == {"defective": 1, "unknown": 1}
    report = next(item for item in read(package / "evidence/audio.json")["recordings"] if item["key"] == KEY)
    assert report["reconciliation"]["defects"][0]["kind"] == "duration_mismatch"


def test_reconciliation_and_completeness_are_signed(tmp_path):
    given = {"asked": 2, "complete": False, "items": [{"asked": "recording x", "state": "missing", "reason": "gone"}]}
    package, result = packed(tmp_path, reconciliation=given)
    assert result["complete"] is False
    assert "NOT COMPLETE" in (package / "evidence/summary.html").read_text()
    assert verify(str(package))["statement"]["complete"] is False


@pytest.mark.parametrize("field", ["sha256", "sha512", "size"])
def test_a_file_that_is_not_the_retrieved_one_ends_it(tmp_path, field):
    records = retrieved(tmp_path / "files")
    records[1][field] = 1 if field == "size" else "0" * 64
    with pytest.raises(EdgepathError, match=f"is not the one that was retrieved: its {field}"):
        packed(tmp_path, objects=records)
    assert not [path for path in tmp_path.iterdir() if "package" in path.name]


BAD_ORDERS = {
    "no objects": ({"objects": []}, "no objects"),
    "a record that lacks fields": ({"objects": [{"key": "k"}]}, "lacks version_id"),
    "an authority that is no address": ({"timestamp_url": "file:///etc/passwd"}, "no HTTP address"),
}


@pytest.mark.parametrize("name", BAD_ORDERS)
def test_bad_orders_are_refused(tmp_path, name):
    changes, message = BAD_ORDERS[name]
    with pytest.raises(EdgepathError, match=message):
        packed(tmp_path, **changes)


def test_files_outside_the_folder_are_refused(tmp_path):
    records = retrieved(tmp_path / "files")
    (tmp_path / "secret").write_bytes(FILES[METADATA])
    os.symlink(tmp_path / "secret", tmp_path / "files/link")
    for path in ("../secret", str(tmp_path / "secret"), "link"):
        with pytest.raises(EdgepathError, match="is no file below"):
            packed(tmp_path, objects=[{**records[1], "path": path}])


def test_one_version_twice_is_refused(tmp_path):
    records = retrieved(tmp_path / "files")
    with pytest.raises(EdgepathError, match="stands twice"):
        packed(tmp_path, objects=[*records, records[0]])


def test_a_broken_journal_is_refused(tmp_path):
    (tmp_path / "broken").write_text("{}\n")
    with pytest.raises(EdgepathError, match="is broken"):
        packed(tmp_path, journal=str(tmp_path / "broken"))


def test_a_package_is_never_written_over(tmp_path):
    package, _ = packed(tmp_path)
    before = (package / "signature/statement.dsse.json").read_bytes()
    with pytest.raises(EdgepathError, match="there already"):
        make(order(tmp_path, journal=None), str(package), signer(tmp_path))
    assert (package / "signature/statement.dsse.json").read_bytes() == before


def test_keys_that_others_can_read_are_refused(tmp_path):
    signer(tmp_path)
    os.chmod(tmp_path / "key.pem", 0o640)
    with pytest.raises(EdgepathError, match="can be read by others"):
        signer(tmp_path)


def test_a_key_is_made_for_its_owner_alone_and_never_over_another(tmp_path):
    signer(tmp_path)
    assert os.stat(tmp_path / "key.pem").st_mode & 0o777 == 0o600
    with pytest.raises(EdgepathError, match="cannot make"):
        keys.generate(str(tmp_path / "key.pem"))


def test_the_timestamp_is_checked_against_the_authority(tmp_path, authority):
    with authority.serving() as url:
        package, result = packed(tmp_path, timestamp_url=url)
    assert result["timestamp"] == "present"
    expected = Expected(
        key_sha256=result["keyid"], timestamp_roots=authority.root.read_bytes(), custody_head=result["custody_head"]
    )
    found = verify(str(package), expected)
    assert found["verdict"] == "verified"
    stamp = next(item for item in found["checks"] if item["check"] == "timestamp")
    assert "Test timestamp authority" in stamp["detail"]
    untrusted = verify(str(package), Expected(key_sha256=result["keyid"], custody_head=result["custody_head"]))
    assert untrusted["verdict"] == "unproven"


def test_another_authority_is_not_believed(tmp_path, authority):
    with authority.serving() as url:
        package, _ = packed(tmp_path, timestamp_url=url)
    other = Authority(tmp_path / "other")
    found = verify(str(package), Expected(timestamp_roots=other.root.read_bytes()))
    assert next(item for item in found["checks"] if item["check"] == "timestamp")["status"] == "fail"


def test_a_timestamp_for_something_else_is_refused(authority):
    with authority.serving() as url:
        answer = timestamp.request(url, b"this")
    with pytest.raises(EdgepathError, match="for something else"):
        timestamp.check(answer, b"that", None, "stamp")


def test_an_authority_that_fails_ends_it_or_is_stated(tmp_path, authority):
    authority.broken = True
    try:
        with authority.serving() as url:
            with pytest.raises(EdgepathError, match="is no timestamp"):
                packed(tmp_path, timestamp_url=url)
            assert not (tmp_path / "package").exists()
            (tmp_path / "second").mkdir()
            package, result = packed(tmp_path / "second", timestamp_url=url, timestamp_required=False)
    finally:
        authority.broken = False
    assert result["timestamp"].startswith("absent: ")
    assert "absent: " in (package / "evidence/summary.html").read_text()
    found = verify(str(package), Expected(key_sha256=result["keyid"], custody_head=result["custody_head"]))
    assert found["verdict"] == "verified"


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loaded += [name for name, _ in attributes if name in ("src", "href", "style") or name.startswith("on")]


def test_the_summary_is_escaped_and_loads_nothing(tmp_path):
    package, _ = packed(tmp_path, matter="<script>alert(1)</script>")
    text = (package / "evidence/summary.html").read_text()
    page = Page()
    page.feed(text)
    assert "script" not in page.tags
    assert not page.loaded
    assert "default-src 'none'" in text
    assert "@media print" in text
    assert (package / "evidence/summary.pdf").read_bytes().startswith(b"%PDF-")


def test_a_missing_pdf_library_leaves_the_html(monkeypatch):
    monkeypatch.setattr(render.importlib.util, "find_spec", lambda name: None)
    assert render.pdf("title", [], None) is None


def run_instructions(package: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The commands of VERIFY.md, in order, in one shell, with nothing of this program."""
    text = (package / "VERIFY.md").read_text()
    script = "\n".join(block.split("```")[0] for block in text.split("```sh\n")[1:])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script], cwd=package, capture_output=True, text=True, env={"PATH": path, **environment}
    )


def test_the_instructions_work_with_standard_tools_alone(tmp_path, authority):
    with authority.serving() as url:
        package, result = packed(tmp_path, timestamp_url=url)
    done = run_instructions(package, AUTHORITY=str(authority.root))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 2
    assert result["keyid"] in done.stdout
    assert result["custody_head"] in done.stdout
    assert "3 events" in done.stdout


def test_the_instructions_work_without_timestamp_and_journal(tmp_path):
    package, _ = packed(tmp_path, journal=None)
    assert run_instructions(package).returncode == 0


@pytest.mark.parametrize(
    "path",
    [
        f"data/{KEY}",
        "manifest-sha512.txt",
        "tagmanifest-sha256.txt",
        "evidence/objects.json",
        "evidence/journal.jsonl",
        "signature/statement.dsse.json",
        "signature/statement.dsse.json.tsr",
        "custody/0001.dsse.json",
        "custody/SHA256SUMS",
    ],
)
def test_the_instructions_see_a_changed_byte(tmp_path, authority, path):
    with authority.serving() as url:
        package, _ = packed(tmp_path, timestamp_url=url)
    data = bytearray((package / path).read_bytes())
    data[len(data) // 2] ^= 1
    os.chmod(package / path, 0o600)
    (package / path).write_bytes(data)
    assert run_instructions(package, AUTHORITY=str(authority.root)).returncode != 0


def test_the_instructions_see_an_added_file(tmp_path):
    package, _ = packed(tmp_path)
    (package / "evidence/added").write_bytes(b"")
    assert run_instructions(package).returncode != 0


def test_the_template_says_that_it_is_one(tmp_path):
    package, result = packed(tmp_path)
    text = (package / "CERTIFICATION-TEMPLATE.md").read_text()
    assert text.startswith("# TEMPLATE")
    assert result["keyid"] in text


class Kms:
    """KMS with an Ed25519 key, as its API describes it."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.key = Ed25519PrivateKey.generate()

    def get_public_key(self, KeyId: str) -> dict:
        public = keys._der(self.key.public_key())
        return {"PublicKey": public, "KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY"}

    def sign(self, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict:
        assert (MessageType, SigningAlgorithm) == ("RAW", "ED25519_SHA_512")
        assert len(Message) <= 4096
        return {"Signature": self.key.sign(Message)}


def test_a_kms_key_signs(tmp_path):
    result = make(order(tmp_path), str(tmp_path / "package"), keys.KmsSigner(Kms(), "alias/evidence"))
    assert result["keyid"] == verify(str(tmp_path / "package"))["keyid"]


def test_an_ecdsa_key_of_kms_signs_and_openssl_agrees(tmp_path):
    import boto3
    from moto import mock_aws

    with mock_aws():
        kms = boto3.client("kms", region_name="eu-west-2", aws_access_key_id="x", aws_secret_access_key="y")
        key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        result = make(order(tmp_path), str(tmp_path / "package"), keys.KmsSigner(kms, key))
    expected = Expected(key_sha256=result["keyid"], custody_head=result["custody_head"])
    assert verify(str(tmp_path / "package"), expected)["verdict"] == "verified"
    assert run_instructions(tmp_path / "package").returncode == 0


def test_a_kms_key_of_another_kind_is_refused():
    class Other(Kms):
        def get_public_key(self, KeyId: str) -> dict:
            return {"PublicKey": b"", "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}

    with pytest.raises(EdgepathError, match="is RSA_2048"):
        keys.KmsSigner(Other(), "key")


NAMES = ["a", "a/b", "A", "a/b/c", "..", "a/..", ODD, "/", "a_", "a?"]
keys_of_objects = st.text(min_size=1, max_size=12) | st.sampled_from(NAMES)


@given(st.lists(st.tuples(keys_of_objects, st.sampled_from(["v1", "v2"])), unique=True, max_size=12))
def test_names_are_plain_distinct_and_inside(versions):
    paths = data_paths(versions)
    assert set(paths) == set(versions)
    lowered = [path.lower() for path in paths.values()]
    assert len(set(lowered)) == len(lowered)
    for path in lowered:
        parts = path.split("/")
        assert parts[0] == "data"
        assert all(part.strip(".") and len(part) < 255 for part in parts)
        assert path.isascii()
        assert not set(path) & set('%\\ "\n')
        assert not any(other.startswith(f"{path}/") for other in lowered)


def test_base64_of_the_signature_is_canonical(tmp_path):
    package, _ = packed(tmp_path)
    text = read(package / "signature/statement.dsse.json")["signatures"][0]["sig"]
    assert base64.b64encode(base64.b64decode(text)).decode() == text


@given(st.binary(max_size=60))
def test_sorting_certificates_leaves_everything_else(raw):
    assert sorted(der.sorted_certificates(raw)) == sorted(raw)


def test_certificates_in_any_order_are_read(authority):
    """This authority sends two, in the order of its configuration."""
    with authority.serving() as url:
        answer = timestamp.request(url, b"this")
    stamp = timestamp.check(answer, b"this", authority.root.read_bytes(), "stamp")
    assert (stamp.trusted, stamp.authority) == (True, "CN=Test timestamp authority")
    assert der.sorted_certificates(der.sorted_certificates(answer)) == der.sorted_certificates(answer)
