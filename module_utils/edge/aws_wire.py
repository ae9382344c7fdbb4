# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands on the wire of every client: no answer is parsed that is none, and nobody waits beyond the bounds.

By botocore's own events (botocore/hooks.py); none of its internals are touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Hashable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from .aws_answers import RETRIED, Came, NotAnAnswer, flaw, is_of_aws, lacks, speaks
from .aws_patience import Patience

# Whose patience it is that this thread waits with, for what, and since when. Clients are shared by steps and threads.
_ASKING = threading.local()


def watched(client: Any) -> Any:
    """The same client, listening."""
    on_aws = asks_aws(client)
    events, service = client.meta.events, client.meta.service_model.service_id.hyphenize()
    events.register("before-parse", lambda **event: _judge(event["operation_model"], event["response_dict"], on_aws))
    events.register("before-send", _sent)
    events.register("response-received", _received)
    # First among those of the service: whoever answers first decides.
    events.register_first(f"needs-retry.{service}", _no_more)
    return client


def asks_aws(client: Any) -> bool:
    """Whether AWS itself is asked, and not storage or an emulator that speaks its language."""
    return is_of_aws(urlsplit(client.meta.endpoint_url).hostname or "")


def whole(client: Any, operation: str, answer: Any) -> Any:
    """The answer, where it holds what its API always sends; else NotAnAnswer names the first thing that is missing."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    missing = lacks(model.name, answer, model.output_shape, asks_aws(client))
    if missing is not None:
        raise NotAnAnswer(f"it is incomplete, without {missing}")
    return answer


def advancing(pages: Iterable[Any]) -> Iterator[Any]:
    """Pages, as long as they differ: a list whose tokens lead round in a circle has no end."""
    seen: set[bytes] = set()
    for page in pages:
        held = {name: value for name, value in page.items() if name != "ResponseMetadata"}
        mark = hashlib.sha256(repr(held).encode()).digest()
        if mark in seen:
            raise NotAnAnswer("its pages lead round in a circle")
        seen.add(mark)
        yield page


@contextlib.contextmanager
def waiting(patience: Patience, what: Hashable) -> Iterator[None]:
    """This thread asks for `what`, with this patience."""
    _ASKING.held = (patience, what)
    _ASKING.since = patience.clock()
    try:
        yield
    finally:
        _ASKING.held = None


def _judge(operation: Any, response: dict[str, Any], on_aws: bool) -> None:
    """Before an answer is parsed. Raises NotAnAnswer, which nothing catches between here and the reader."""
    if operation.has_streaming_output:
        return
    came = _came(operation, response, on_aws)
    if came.status in RETRIED and not came.head:
        if not speaks(came):
            response["body"] = b""  # botocore would stumble over some pages of HTML, and not ask again
        return
    wrong = flaw(came)
    if wrong is not None:
        raise NotAnAnswer(wrong)


def _came(operation: Any, response: dict[str, Any], on_aws: bool) -> Came:
    shape = operation.output_shape
    payload = shape.serialization.get("payload") if shape is not None else None
    members = {} if shape is None else shape.members
    located = all(member.serialization.get("location") for member in members.values())
    return Came(
        operation=operation.name,
        protocol=operation.service_model.resolved_protocol,
        status=response["status_code"],
        headers=response["headers"],
        body=response["body"] or b"",
        head=operation.http.get("method") == "HEAD",
        bodiless=located,
        text=payload is not None and members[payload].type_name == "string",
        on_aws=on_aws,
    )


def _sent(**_: Any) -> None:
    held = getattr(_ASKING, "held", None)
    if held is not None:
        _ASKING.sent = held[0].clock()


def _received(exception: Exception | None = None, **_: Any) -> None:
    held = getattr(_ASKING, "held", None)
    if held is None:
        return
    patience, what = held
    if exception is not None:
        patience.in_vain(what, _ASKING.since)
    else:
        patience.late(_ASKING.sent)
    _ASKING.since = patience.clock()


def _no_more(**_: Any) -> bool | None:
    held = getattr(_ASKING, "held", None)
    return False if held is not None and held[0].spent(held[1]) is not None else None
