# SPDX-License-Identifier: GPL-3.0-or-later
"""The request context: condition keys and their values, known, known to be absent, or not known.

A value is a tuple of strings; no entry means the key is absent from the request. UNKNOWN means that nobody knows
whether the key is there; PRESENT means that it is there with a value nobody knows. Keys are case-insensitive.
"""

from __future__ import annotations

import base64
import enum
from collections.abc import Mapping, Sequence
from typing import Union

from .errors import RequestError
from .truth import MAYBE, NO, YES


class Unknown(enum.Enum):
    """What is not known of a context key."""

    UNKNOWN = "unknown"
    PRESENT = "present, value unknown"


UNKNOWN = Unknown.UNKNOWN
PRESENT = Unknown.PRESENT

Scalar = Union[str, bool, int, float, bytes]
ContextInput = Union[Scalar, None, Unknown, Sequence[Scalar]]
ContextValue = Union[tuple[str, ...], Unknown, None]


class Context:
    """The keys of one request. `get` takes a key in lower case and answers a ContextValue (None: absent)."""

    __slots__ = ("_families", "_values")

    def __init__(self, given: Mapping[str, ContextInput], derived: Mapping[str, ContextValue]) -> None:
        values: dict[str, ContextValue] = dict(derived)
        families: dict[str, ContextValue] = {}
        for key, value in given.items():
            if not isinstance(key, str):
                raise RequestError(f"context key of type {type(key).__name__}: a key is a string")
            lowered = key.lower()
            target = families if lowered.endswith("/*") else values
            target[lowered[:-1] if lowered.endswith("/*") else lowered] = _normalise(key, value)
        self._values = values
        self._families = families

    def get(self, key: str) -> ContextValue:
        """The value of a key given in lower case; an entry such as "aws:PrincipalTag/*" answers for its family."""
        if key in self._values:
            return self._values[key]
        if self._families:
            return self._families.get(key[: key.find("/") + 1])
        return None

    def override(self, key: str, value: ContextValue) -> Context:
        """A copy in which one key (lower case) has another value; None makes it absent."""
        copy = Context({}, self._values)
        copy._values[key] = value
        copy._families = self._families
        return copy


def lookup_single(context: Context, key: str) -> tuple[int, str]:
    """The one value of a key: YES and it; NO where absent or several (no variable then); MAYBE where not known."""
    value = context.get(key)
    if value is None:
        return NO, ""
    if isinstance(value, Unknown):
        return MAYBE, ""
    return (YES, value[0]) if len(value) == 1 else (NO, "")


def _normalise(key: str, value: ContextInput) -> ContextValue:
    if value is None or isinstance(value, Unknown):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        # An empty list is the empty data set: the documentation treats it as no key at all.
        return tuple(_scalar(key, item) for item in value) or None
    return (_scalar(key, value),)


def _scalar(key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise RequestError(
        f"context key {key}: a value of type {type(value).__name__}; use a string, number, boolean, bytes, a list of"
        " these, None (absent), UNKNOWN or PRESENT"
    )


def endpoint_context(
    vpc_endpoint: str, vpc: str | None = None, private_address: str | None = None
) -> dict[str, ContextInput]:
    """The network keys of a request through a VPC endpoint: aws:SourceIp is absent there.

    Source: AWS global condition context keys, aws:SourceIp, aws:SourceVpce, aws:SourceVpc, aws:VpcSourceIp.
    """
    return {
        "aws:SourceVpce": vpc_endpoint,
        "aws:SourceVpc": vpc if vpc else PRESENT,
        "aws:VpcSourceIp": private_address if private_address else PRESENT,
        "aws:SourceIp": None,
    }


def internet_context(public_address: str | None) -> dict[str, ContextInput]:
    """The network keys of a request over the internet (NAT, internet gateway); None: the address is not known."""
    return {
        "aws:SourceIp": public_address if public_address else PRESENT,
        "aws:SourceVpce": None,
        "aws:SourceVpc": None,
        "aws:VpcSourceIp": None,
    }
