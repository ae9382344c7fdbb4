# SPDX-License-Identifier: GPL-3.0-or-later
"""moto's server as the AWS control plane of one region, with what its API cannot be given.

    * The AWS-managed prefix list of S3 holds the region's real prefixes. Nobody can change such a list by the API.
    * Requests are authorised under the names that the Service Authorization Reference gives them.
    * Denials have each service's own code and format.

``python -m lab.moto_server REGION PREFIXES.json`` prints ``port NUMBER`` once it listens on 127.0.0.1.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import moto.iam.access_control as access_control
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

# As AWS numbers the list in this region (DescribePrefixLists); it has been the same since the region opened.
S3_PREFIX_LIST_ID = {"eu-west-2": "pl-7ca54015"}

# Where the permission is not what moto derives from the request: query parameter of a GET, or of a PUT or DELETE, on a
# bucket -> permission.
S3_BUCKET_READS = {
    "encryption": "GetEncryptionConfiguration",
    "object-lock": "GetBucketObjectLockConfiguration",
    "publicAccessBlock": "GetBucketPublicAccessBlock",
    "replication": "GetReplicationConfiguration",
    "ownershipControls": "GetBucketOwnershipControls",
    "requestPayment": "GetBucketRequestPayment",
}
S3_BUCKET_WRITES = {
    "encryption": "PutEncryptionConfiguration",
    "lifecycle": "PutLifecycleConfiguration",
    "object-lock": "PutBucketObjectLockConfiguration",
    "publicAccessBlock": "PutBucketPublicAccessBlock",
    "requestPayment": "PutBucketRequestPayment",
}
_XML = "text/xml"
_S3_RENAMED = {"HeadBucket": "ListBucket"}


def fill_prefix_list(region: str, prefixes: Iterable[str]) -> None:
    """Give the AWS-managed prefix list of S3 its entries and its identifier."""
    lists = ec2_backends[DEFAULT_ACCOUNT_ID][region].managed_prefix_lists
    managed = next(each for each in lists.values() if each.prefix_list_name == f"com.amazonaws.{region}.s3")
    del lists[managed.id]
    managed.id = S3_PREFIX_LIST_ID.get(region, managed.id)
    managed.prefix_list_arn = f"arn:aws:ec2:{region}:aws:prefix-list/{managed.id}"
    managed.entries = {version: [{"Cidr": prefix} for prefix in prefixes] for version in managed.entries}
    lists[managed.id] = managed


class Request(access_control.IAMRequest):
    """A request whose signature is checked over the body that was sent: a GET has none."""

    def _create_aws_request(self) -> Any:
        request = super()._create_aws_request()
        if self._method == "GET":
            request.data = b""
        return request


class S3Request(access_control.S3IAMRequest):
    """An S3 request under the permission that the documentation names."""

    def __init__(self, *, method: str, path: str, action: Any, **rest: Any) -> None:
        query = parse_qs(urlsplit(path).query, keep_blank_values=True)
        if method in ("GET", "PUT", "DELETE") and urlsplit(path).path.strip("/").count("/") == 0:
            named = S3_BUCKET_READS if method == "GET" else S3_BUCKET_WRITES
            action = next((named[key] for key in query if key in named), action)
        renamed = _S3_RENAMED.get(action, action) if isinstance(action, str) else action
        super().__init__(method=method, path=path, action=renamed, **rest)


class OwnDenials:
    """WSGI middleware: a denial in the format of the service that was asked."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answered: list[Any] = []
        body = self.application(environ, lambda *given: answered.extend(given[:2]))
        status, headers = answered
        if not status.startswith("403") or environ["REQUEST_METHOD"] == "HEAD":
            start_response(status, headers)
            return body
        text = b"".join(body)
        text, kind = _own_format(text, environ)
        kept = [(key, value) for key, value in headers if key.lower() not in ("content-length", "content-type")]
        start_response(status, [*kept, ("Content-Length", str(len(text))), ("Content-Type", kind)])
        return [text]


def _own_format(text: bytes, environ: dict[str, Any]) -> tuple[bytes, str]:
    service = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if service is not None and service[1] == "ec2":
        text = text.replace(b"<Code>AccessDenied</Code>", b"<Code>UnauthorizedOperation</Code>")
        return text.replace(b"<ErrorResponse>", b"<Response>").replace(b"</ErrorResponse>", b"</Response>"), _XML
    if "HTTP_X_AMZ_TARGET" in environ:
        message = re.search(rb"<Message>(.*?)</Message>", text, re.DOTALL)
        code = re.search(rb"<Code>(.*?)</Code>", text)
        kind = "AccessDeniedException" if code is None or code[1] == b"AccessDenied" else code[1].decode()
        answer = {"__type": kind, "message": message[1].decode() if message else "Access denied"}
        return json.dumps(answer).encode(), "application/x-amz-json-1.1"
    if b"<Code>" not in text:
        return b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>", _XML
    return text.replace(b"<Errors>", b"").replace(b"</Errors>", b""), _XML


def main(region: str, prefixes_file: str) -> None:
    """Serve until killed."""
    fill_prefix_list(region, json.loads(Path(prefixes_file).read_text())["ipv4"])
    for name, corrected in (("IAMRequest", Request), ("S3IAMRequest", S3Request)):
        setattr(access_control, name, corrected)
    application = OwnDenials(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    os.environ["MOTO_PORT"] = str(server.server_port)
    print(f"port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
