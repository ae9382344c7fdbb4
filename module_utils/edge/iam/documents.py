# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy documents around one edge's requests, from facts, and their compiled form. Pure.

A document that could not be read or parsed stays in its layer as one that could say anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from ..finding import Unread, unread
from .engine import Grant, Policy, PolicyError, PolicySet, UnreadablePolicy

# The layers that are one list of documents each, under the names that decisions and PolicySet give them.
LAYERS = ("identity", "boundary", "resource", "endpoint", "key_policy")


@dataclass(frozen=True)
class Named:
    """A document with the name of its policy. document: a mapping, JSON text, or an unread fact."""

    name: str
    document: Any

    @cached_property
    def gone(self) -> Unread | None:
        return unread(self.document)

    @cached_property
    def text(self) -> str:
        return _text(self.document)

    @cached_property
    def words(self) -> str:
        """The text in lower case, the escapes of JSON resolved: a name is found however it was written."""
        return _spelled(self.text).lower()


@dataclass(frozen=True)
class Documents:
    """All documents by layer. grants_unread: set where the grants of the key could not be read."""

    identity: tuple[Named, ...] = ()
    boundary: tuple[Named, ...] = ()
    resource: tuple[Named, ...] = ()
    endpoint: tuple[Named, ...] = ()
    key_policy: tuple[Named, ...] = ()
    scps: tuple[tuple[Named, ...], ...] = ()
    rcps: tuple[tuple[Named, ...], ...] = ()
    grants: tuple[Grant, ...] = ()
    grants_unread: Unread | None = None
    gateway: bool = False

    def of(self, layer: str) -> tuple[Named, ...]:
        """The documents of one of LAYERS."""
        held: tuple[Named, ...] = getattr(self, layer)
        return held

    def put(self, layer: str, held: tuple[Named, ...]) -> Documents:
        """A copy with other documents in one of LAYERS."""
        changed: dict[str, Any] = {layer: held}
        return replace(self, **changed)

    def compile(self) -> PolicySet:
        """The policies as the engine takes them."""
        given: dict[str, Any] = {name: [parsed(item, name) for item in self.of(name)] or None for name in LAYERS}
        return PolicySet(
            **{**given, "identity": given["identity"] or ()},
            scps=[[parsed(item, "identity") for item in level] for level in self.scps],
            rcps=[[parsed(item, "resource") for item in level] for level in self.rcps],
            grants=self.grants,
            endpoint_type="gateway" if self.gateway else "interface",
        )

    @cached_property
    def words(self) -> str:
        """The text of all documents in lower case: a context key that is not in it has no say."""
        return "\n".join(item.words for _, item in self.layered())

    def layered(self) -> Iterator[tuple[str, Named]]:
        """Every document with the name of its layer, as decisions name it."""
        for name in LAYERS:
            yield from ((name, item) for item in self.of(name))
        for name, levels in (("scp", self.scps), ("rcp", self.rcps)):
            yield from ((name, item) for level in levels for item in level)

    def unread(self) -> list[tuple[str, str, Unread]]:
        """(layer, policy, Unread) of what could not be read or parsed."""
        found = [(layer, item.name, why_not(item, layer)) for layer, item in self.layered()]
        return [(layer, name, because) for layer, name, because in found if because is not None]


def why_not(item: Named, layer: str) -> Unread | None:
    """Why a document says nothing: it was not read, or is no valid policy; None where it was compiled."""
    if item.gone is not None:
        return item.gone
    held = parsed(item, layer)
    return (
        Unread("error", "parse", item.name, f"policy {item.name} {held.reason}")
        if isinstance(held, UnreadablePolicy)
        else None
    )


def parsed(item: Named, layer: str) -> Policy | UnreadablePolicy:
    """A document compiled for its layer."""
    gone = item.gone
    if gone is not None:
        return UnreadablePolicy(item.name, f"could not be read ({gone.message})")
    return _compiled(
        _text(item.document), item.name, "identity" if layer in ("identity", "boundary", "scp") else "resource"
    )


def _text(document: Any) -> str:
    """A document as JSON text; what is none gives text that no parser takes."""
    if isinstance(document, str):
        return document
    try:
        return json.dumps(document, default=str, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""


def _spelled(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


@lru_cache(maxsize=1024)
def _compiled(text: str, name: str, layer: str) -> Policy | UnreadablePolicy:
    try:
        policy = Policy.parse(text, name, lenient=True)
        # Whether it fits is asked here, so that one misfit does not keep the others from being weighed.
        PolicySet(**{layer: [policy]})  # type: ignore[arg-type]
    except PolicyError as error:
        return UnreadablePolicy(name, f"is not valid: {error.defects[0]}" if error.defects else "is not valid")
    return policy


def from_facts(facts: Mapping[str, Any], endpoint_policy: Any, gateway: bool) -> Documents:
    """The documents of one edge. facts: as facts.gather leaves them. endpoint_policy: egress's fact of that name."""
    principal = _mapping(facts.get("principal"))
    organisation = _mapping(facts.get("organisation"))
    grants = facts.get("key_grants")
    gone = unread(grants)
    boundary = principal.get("boundary")
    return Documents(
        identity=_list("identity policies", principal.get("policies")),
        boundary=() if boundary is None else (_named(boundary, "permission boundary"),),
        resource=_one("bucket policy", facts.get("bucket_policy")),
        endpoint=_endpoint(endpoint_policy),
        key_policy=_one("key policy", facts.get("key_policy")),
        scps=_levels(organisation, "scps", facts),
        rcps=_levels(organisation, "rcps", facts),
        grants=() if gone is not None else tuple(_grants(grants)),
        grants_unread=gone,
        gateway=gateway,
    )


def _one(name: str, document: Any) -> tuple[Named, ...]:
    return () if document is None else (Named(name, document),)


def _list(name: str, held: Any) -> tuple[Named, ...]:
    if unread(held) is not None:
        return (Named(name, held),)
    return tuple(_named(item, name) for item in held) if isinstance(held, (list, tuple)) else ()


def _named(item: Any, name: str) -> Named:
    if isinstance(item, Mapping) and unread(item) is None:
        return Named(str(item.get("name") or name), item.get("document"))
    return Named(name, item)


def _endpoint(held: Any) -> tuple[Named, ...]:
    if held is None:
        return ()
    gone = unread(held)
    if gone is not None or not isinstance(held, Mapping):
        return (Named("endpoint policy", held),)
    # An endpoint without a policy of its own has AWS's default one: full access.
    return _one(f"endpoint {held.get('id')}", held.get("document"))


def _levels(organisation: Mapping[str, Any], name: str, facts: Mapping[str, Any]) -> tuple[tuple[Named, ...], ...]:
    gone = unread(facts.get("organisation"))
    if gone is not None:
        # Only a refusal is what an ordinary member account meets for ever; what merely failed now may say anything.
        return () if gone.state == "denied" else ((Named(f"organisation policies ({name})", gone),),)
    levels = organisation.get(name)
    if unread(levels) is not None:
        return ((Named(f"organisation policies ({name})", levels),),)
    return tuple(_list(name, level) for level in levels or ())


def _grants(held: Any) -> Iterator[Grant]:
    items: Sequence[Any] = held if isinstance(held, (list, tuple)) else ()
    for item in items:
        constraints = _mapping(item.get("Constraints"))
        yield Grant(
            str(item.get("GranteePrincipal") or ""),
            tuple(str(name) for name in item.get("Operations") or ()),
            constraints.get("EncryptionContextSubset"),
            constraints.get("EncryptionContextEquals"),
            name=str(item.get("GrantId") or "grant"),
        )


def _mapping(held: Any) -> Mapping[str, Any]:
    return held if isinstance(held, Mapping) and unread(held) is None else {}
