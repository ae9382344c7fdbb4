# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service really said in its last answer to this thread, where the SDK hands on less.

The SDK makes an error code of a bare status, and leaves out of an answer what its model does not know. Converge needs
both told apart: a thing is absent only by the service's own word, and what is written back whole must have been read
whole. That an answer is the service's at all is judged before, where it is parsed (aws_wire).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

_HERE = threading.local()


@dataclass(frozen=True)
class Heard:
    """code: of the error that was answered, in the service's words.  odd: why the answer cannot be taken for whole."""

    code: str = ""
    odd: str = ""


def listen(client: Any) -> None:
    """Note every answer that this client gets. Once a client, however often it is asked for."""
    client.meta.events.register("after-call", _note, unique_id="edgepath-heard")


def last() -> Heard:
    """The last answer to a call of this thread."""
    return getattr(_HERE, "heard", Heard())


def forget() -> None:
    _HERE.heard = Heard()


def note_absence(word: str) -> None:
    """Whose word it is that what is being read is absent."""
    _HERE.absent = word


def absence() -> str:
    """The word of the last absence that this thread was told."""
    return str(getattr(_HERE, "absent", ""))


def _note(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    code = str(parsed.get("Error", {}).get("Code", "")) if isinstance(parsed, dict) else ""
    # Of a bare status the SDK makes a code: that is nobody's word.
    _HERE.heard = Heard("" if code.isdigit() else code, "" if code else _odd(http_response, model))


def _odd(response: Any, model: Any) -> str:
    """Why a good answer in XML is not whole; "" where it is, and where its form is not for us to say."""
    shape = _body_shape(model)
    content = getattr(response, "content", None) if getattr(response, "raw", None) is not None else None
    if shape is None or not content:
        return ""
    root = ElementTree.fromstring(content)
    unknown = sorted(set(_unknown(root, shape)))
    if unknown:
        return f"the answer holds what this program does not know, and could not write back: {', '.join(unknown)}"
    return ""


def _body_shape(model: Any) -> Any:
    """The shape of an answer's body, where that is XML of the REST kind."""
    if model.service_model.metadata.get("protocol") != "rest-xml" or model.output_shape is None:
        return None
    payload = model.output_shape.serialization.get("payload")
    shape = model.output_shape.members[payload] if payload else model.output_shape
    return shape if shape.type_name == "structure" else None


def _unknown(element: ElementTree.Element, shape: Any) -> Iterator[str]:
    """The names below an element that its shape has no place for."""
    if shape.type_name == "list":
        for item in element:
            yield from _unknown(item, shape.member)
    elif shape.type_name == "structure":
        known = {_name(name, member): member for name, member in shape.members.items()}
        for child in element:
            name = child.tag.rpartition("}")[2]
            if name not in known:
                yield name
                continue
            member = known[name]
            flat = member.type_name == "list" and member.serialization.get("flattened")
            yield from _unknown(child, member.member if flat else member)


def _name(name: str, member: Any) -> str:
    if member.type_name == "list" and member.serialization.get("flattened"):
        name = member.member.serialization.get("name", name)
    return str(member.serialization.get("name", name))
