# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between a program and AWS says, in place of the service: by name, for every protocol of AWS.

A proxy, a load balancer or a captive portal answers in the service's place; or the service itself refuses. `spoken`
makes the second in the format of the service that was asked, so that each is what a client really gets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# Whole HTML that is well-formed XML too, and the ordinary page of a load balancer, which is not.
PAGE = b"<html><head><title>Not here</title></head><body><h1>Not here</h1></body></html>"
RAGGED_PAGE = b"<!DOCTYPE html>\n<html><head><title>Not Found</title></head>\n<body><h1>Not Found</h1>\n<hr>nginx\n"
_HTML = {"Content-Type": "text/html; charset=utf-8", "Server": "nginx"}
_JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True)
class Asked:
    """A request, as far as its answer's format depends on it. service: as its signature names it."""

    method: str
    service: str
    target: str = ""


@dataclass(frozen=True)
class Reply:
    """What is answered. The body of an answer to HEAD is left out by who sends it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def spoken(asked: Asked, status: int, code: str, message: str = "no") -> Reply:
    """An error of the service that was asked, in its own format."""
    marks = {"x-amzn-RequestId": "11111111-2222-3333-4444-555555555555", "x-amz-request-id": "0123456789ABCDEF"}
    if asked.target:
        body = json.dumps({"__type": code, "message": message})
        return Reply(status, {"Content-Type": _JSON, **marks}, body.encode())
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    if asked.service == "ec2":
        body = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
    elif asked.service in ("iam", "sts", "route53"):
        body = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    else:
        body = error
    return Reply(status, {"Content-Type": "application/xml", **marks}, body.encode())


def _another_type(asked: Asked) -> Reply:
    """JSON where XML is spoken, and XML where JSON is: whole, and from somebody else."""
    if asked.target:
        return Reply(200, {"Content-Type": "application/xml"}, b'<?xml version="1.0"?><status>ok</status>')
    return Reply(200, {"Content-Type": "application/json"}, b'{"status": "ok"}')


def _empty(asked: Asked) -> Reply:
    """The format of the service, with nothing in it."""
    if asked.target:
        return Reply(200, {"Content-Type": _JSON}, b"{}")
    return Reply(200, {"Content-Type": "application/xml"}, b'<?xml version="1.0"?><Answer/>')


_OWN_DENIED = {"ec2": "UnauthorizedOperation"}
_OWN_THROTTLED = {"ec2": "RequestLimitExceeded", "s3": "SlowDown"}

LIES: dict[str, Reply | Callable[[Asked], Reply]] = {
    "404 without body": Reply(404),
    "404 with HTML": Reply(404, _HTML, PAGE),
    "404 with ragged HTML": Reply(404, _HTML, RAGGED_PAGE),
    "200 without body": Reply(200),
    "200 with HTML": Reply(200, _HTML, PAGE),
    "200 with ragged HTML": Reply(200, _HTML, RAGGED_PAGE),
    "200 of another type": _another_type,
    "200 with nothing in it": _empty,
    "204 without body": Reply(204),
    "redirect": Reply(302, {**_HTML, "Location": "http://127.0.0.1:9/login"}, PAGE),
    "301 without body": Reply(301),
    "403 with HTML": Reply(403, _HTML, PAGE),
    "502 with HTML": Reply(502, _HTML, RAGGED_PAGE),
    "expired": lambda asked: spoken(asked, 400, "ExpiredToken", "The provided token has expired."),
    "denied": lambda asked: spoken(asked, 403, _OWN_DENIED.get(asked.service, "AccessDenied")),
    "throttled": lambda asked: spoken(asked, 503, _OWN_THROTTLED.get(asked.service, "Throttling")),
}


def told(kind: str, asked: Asked) -> Reply:
    """What this lie answers to this request."""
    lie = LIES[kind]
    return lie if isinstance(lie, Reply) else lie(asked)
