# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance metadata service as a node sees it: a session's token, then the role's credentials.

EC2 User Guide, IMDSv2. ``python -m lab.hosts.metadata --config FILE.json`` with
{"role": "...", "access_key_id": "...", "secret_access_key": "..."}
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ADDRESS = "169.254.169.254"
_CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
_TOKEN = secrets.token_urlsafe(24)


class _Handler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        given = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self._answer(200 if given else 400, _TOKEN if given else "")

    def do_GET(self) -> None:
        config: dict[str, str] = self.server.config  # type: ignore[attr-defined]
        if self.headers.get("X-aws-ec2-metadata-token") != _TOKEN:
            self._answer(401, "")
        elif self.path == _CREDENTIALS:
            self._answer(200, config["role"])
        elif self.path == _CREDENTIALS + config["role"]:
            until = datetime.now(timezone.utc) + timedelta(hours=6)
            document = {
                "Code": "Success",
                "Type": "AWS-HMAC",
                "AccessKeyId": config["access_key_id"],
                "SecretAccessKey": config["secret_access_key"],
                "Token": "",
                "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            }
            self._answer(200, json.dumps(document))
        else:
            self._answer(404, "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class names it
        """Nothing: what is asked here is not of interest."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    with open(parser.parse_args().config, encoding="utf-8") as stream:
        config = json.load(stream)
    with ThreadingHTTPServer((ADDRESS, 80), _Handler) as server:
        server.config = config  # type: ignore[attr-defined]
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
