# SPDX-License-Identifier: GPL-3.0-or-later
"""Retrieved files, their records and journal, and a timestamp authority on loopback, for the tests of packages."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible.module_utils.edge.evidence import keys
from ansible.module_utils.edge.evidence.journal import Journal
from ansible.module_utils.edge.evidence.package import Order, make

RECORDING = "5a1f33f0-6a55-4c1b-8f6e-90d0a7c2b6e1"
FOLDER = "org/year=2026/month=11/day=20/hour=02/conversation_id=c8b8f8a4"
KEY = f"{FOLDER}/{RECORDING}.wav"
METADATA = f"{FOLDER}/{RECORDING}_metadata.json"
ODD = 'odd/na me "ü" % <script>\n.bin'


def wav(seconds: int = 4) -> bytes:
    voice = bytes(range(1, 251)) * (16000 * seconds // 250)
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    body = b"WAVEfmt " + form + b"data" + struct.pack("<I", len(voice)) + voice
    return b"RIFF" + struct.pack("<I", len(body)) + body


FILES = {
    KEY: wav(),
    METADATA: json.dumps({"recordingId": RECORDING, "durationMs": 4000, "annotations": []}).encode(),
    ODD: b"not audio",
}


def retrieved(folder: Path, files: dict[str, bytes] | None = None) -> list[dict[str, Any]]:
    """Writes the files and returns the records of their retrieval."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number, (key, data) in enumerate((FILES if files is None else files).items()):
        (folder / f"{number}.part").write_bytes(data)
        records.append(
            {
                "key": key, "version_id": f"v{number}", "etag": '"e"', "size": len(data), "path": f"{number}.part",
                "sha256": hashlib.sha256(data).hexdigest(), "sha512": hashlib.sha512(data).hexdigest(),
                "service_checksums": {"SHA256": "x"}, "parts": [], "head": {"ContentLength": len(data)},
                "attributes": {}, "requests": 1, "retries": 0, "started": "s", "finished": "f", "verified": True,
            }
        )  # fmt: skip
    return records


def journal(path: Path) -> str:
    with Journal(str(path)) as chain:
        chain.append({"type": "plan", "keys": list(FILES)})
        chain.append({"type": "get_range", "range": [0, 9], "clock_offset_seconds": 0.5})
        chain.append({"type": "get_range", "range": [10, 19], "clock_offset_seconds": 1.5})
    return str(path)


def order(folder: Path, **changes: Any) -> Order:
    given: dict[str, Any] = {
        "objects": retrieved(folder / "files"),
        "files": str(folder / "files"),
        "custodian": "J. Smith <operations>",
        "matter": "Case 4711",
        "decode": False,
    }
    if "journal" not in changes:
        given["journal"] = journal(folder / "journal.jsonl")
    return Order(**{**given, **changes})


def signer(folder: Path, name: str = "key.pem") -> keys.FileSigner:
    path = folder / name
    if not path.exists():
        keys.generate(str(path))
    return keys.FileSigner(str(path))


def packed(folder: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    result = make(order(folder, **changes), str(folder / "package"), signer(folder))
    return folder / "package", result


CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/root.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[stamps]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


class Authority:
    """A timestamp authority: `openssl ts` behind an HTTP server. root: its certificate. broken: answers nonsense."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.root, self.broken = folder, folder / "root.pem", False
        (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        for name, subject in (("root", "/CN=Test root"), ("tsa", "/CN=Test timestamp authority")):
            self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")
            self._openssl(
                "req", "-new", "-config", "openssl.cnf", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr"
            )
        extensions = ("-extfile", "openssl.cnf", "-extensions")
        self._openssl("x509", "-req", "-in", "root.csr", "-signkey", "root.key", *extensions, "ca", "-out", "root.pem")
        issuer = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial")
        self._openssl("x509", "-req", "-in", "tsa.csr", *issuer, *extensions, "stamps", "-out", "tsa.pem")

    def _openssl(self, *arguments: str) -> bytes:
        return subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True).stdout

    def answer(self, query: bytes) -> bytes:
        if self.broken:
            return b"no timestamp today"
        (self.folder / "query").write_bytes(query)
        return self._openssl("ts", "-reply", "-config", "openssl.cnf", "-queryfile", "query")

    @contextmanager
    def serving(self) -> Iterator[str]:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                reply = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def stream(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)
