# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's own resolution gives for a name, worked out from its files and its nameservers' answers. Pure.

glibc asks the nameservers in order and takes the first answer, be it NXDOMAIN; it goes on to the next only after
silence, SERVFAIL, REFUSED, NOTIMP or a message that it cannot read (resolv.conf(5); glibc resolv/res_send.c). With
`rotate` each process begins at another one, so that a nameserver with a wrong answer fails a share of the lookups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..finding import Unread, unread
from ..targets import Edge
from . import nss
from .addresses import classify, in_order, is_ip

ANSWERS, NEGATIVE, FAILED, UNREAD = "answers", "negative", "failed", "unread"


@dataclass(frozen=True)
class Resolution:
    """The outcome for one name. status: ``resolves`` | ``fails`` | ``unknown``.

    source: ``files`` | ``dns``, where the answer comes from.  share: the fraction of lookups that fail, 0 to 1.
    because: for unknown, what could not be read.  detail: why it fails, for a person.
    """

    name: str
    status: str
    source: str | None = None
    addresses: tuple[str, ...] = ()
    share: float = 0.0
    because: Unread | None = None
    detail: str = ""


def results(facts: Mapping[str, Any], **wanted: Any) -> list[Mapping[str, Any]]:
    """The answers whose query has these values (server, name, type, kind, transport, edns); none where Unread."""
    given = facts["answers"]
    if unread(given) is not None:
        return []
    for key, value in wanted.items():
        given = [item for item in given if item[key] == value]
    return list(given)


def addresses_in(result: Any) -> list[str]:
    """The addresses of one result, those of the repetition over TCP included."""
    if unread(result) is not None:
        return []
    return [*result.get("answers", []), *(result.get("tcp") or {}).get("answers", [])]


def resolvers(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The nameservers that the C library asks, in its order."""
    return [server for server in facts["servers"] if server["role"] == "resolver"]


def outcome(facts: Mapping[str, Any], server: Mapping[str, Any], name: str) -> tuple[str, str, Unread | None]:
    """What one nameserver makes of a name: ANSWERS, NEGATIVE, FAILED or UNREAD, with the words for it."""
    silent = unread(server["responds"]) or unread(facts["answers"])
    if silent is not None:
        return UNREAD, silent.message, silent
    if not server["responds"]:
        return FAILED, f"{server['address']} does not answer", None
    items = [item["result"] for item in results(facts, server=server["address"], name=name, kind="answer")]
    if any(addresses_in(item) for item in items):
        return ANSWERS, "", None
    lacking = next((because for because in map(unread, items) if because is not None), None)
    if lacking is not None or not items:
        because = lacking or Unread("not_collected", "query", name, f"{name} was not asked of {server['address']}")
        return UNREAD, because.message, because
    words = sorted({_word(item) for item in items})
    kind = NEGATIVE if all(_is_negative(item) for item in items) else FAILED
    return kind, f"{server['address']} answers {', '.join(words)}", None


def _is_negative(result: Mapping[str, Any]) -> bool:
    if result.get("truncated"):
        result = result.get("tcp") or {}
    return result.get("rcode") in ("NXDOMAIN", "NOERROR")


def _word(result: Mapping[str, Any]) -> str:
    if result.get("truncated") and "error" in (result.get("tcp") or {}):
        return "what does not fit, and nothing over TCP"
    word = str(result.get("error") or result["rcode"])
    return "no address" if word == "NOERROR" else word


def resolve(facts: Mapping[str, Any], name: str) -> Resolution:
    """The resolution of a name on the node; a lookup that the node itself made (getaddrinfo) has the last word."""
    lacking = _lacking(facts)
    if lacking is not None:
        return Resolution(name, "unknown", because=lacking)
    entries = [entry["address"] for entry in nss.pins(facts["hosts"] or [], name)]
    services = (facts["nsswitch"] or nss.default_nsswitch())["services"]
    servers = resolvers(facts)
    rotate = facts["resolv_conf"] is not None and "rotate" in facts["resolv_conf"]["options"]["flags"]
    starts = range(len(servers)) if rotate else range(min(1, len(servers)))
    taken = [_lookup(facts, name, bool(entries), services, [*servers[at:], *servers[:at]]) for at in starts]
    resolution = _combine(name, taken, entries, _dns_addresses(facts, servers, name))
    return _as_seen(facts, resolution)


def _lacking(facts: Mapping[str, Any]) -> Unread | None:
    found = (unread(facts[key]) for key in ("resolv_conf", "nsswitch", "hosts", "answers"))
    return next((because for because in found if because is not None), None)


def _lookup(
    facts: Mapping[str, Any],
    name: str,
    pinned: bool,
    services: Sequence[Mapping[str, Any]],
    servers: Sequence[Mapping[str, Any]],
) -> tuple[str, str, Unread | None]:
    """One lookup that begins at the first of these nameservers: ``files`` | ``dns`` | ``none`` | UNREAD."""
    kind, words, because = FAILED, "no nameserver is configured", None
    for server in servers:
        kind, words, because = outcome(facts, server, name)
        if kind != FAILED:
            break
    consulted: list[str] = []

    def status_of(service: str) -> str:
        if service == "files":
            return "SUCCESS" if pinned else "NOTFOUND"
        consulted.append(service)
        return {ANSWERS: "SUCCESS", NEGATIVE: "NOTFOUND"}.get(kind, "TRYAGAIN")

    service = nss.decide(services, name, status_of)
    if consulted and kind == UNREAD:
        return UNREAD, words, because
    if service is None and not consulted:
        words = "the hosts line of nsswitch.conf never comes to DNS"
    return service or "none", words, None


def _dns_addresses(facts: Mapping[str, Any], servers: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    own = {server["address"] for server in servers}
    taken = _search_first(facts, name) or name
    return [
        address
        for item in results(facts, name=taken)
        if item["server"] in own
        for address in addresses_in(item["result"])
    ]


def _search_first(facts: Mapping[str, Any], name: str) -> str | None:
    """The made-up name of the search domain, where names are tried there first (ndots) and whatever is asked for in
    that domain has an address: then this one has the same."""
    conf = facts["resolv_conf"]
    made_up = facts["made_up"].get("own")
    if conf is None or made_up is None or not conf["search"] or name.count(".") >= conf["options"]["ndots"]:
        return None
    items = results(facts, name=made_up)
    return str(made_up) if any(addresses_in(item["result"]) for item in items) else None


def _combine(
    name: str, taken: Sequence[tuple[str, str, Unread | None]], pinned: Sequence[str], answered: Sequence[str]
) -> Resolution:
    lacking = next((because for kind, _, because in taken if kind == UNREAD), None)
    if lacking is not None:
        return Resolution(name, "unknown", because=lacking)
    kinds = [kind for kind, _, _ in taken]
    words = "; ".join(dict.fromkeys(word for kind, word, _ in taken if kind == "none" and word))
    addresses = [*(pinned if "files" in kinds else []), *(answered if "dns" in kinds else [])]
    share = kinds.count("none") / len(kinds) if kinds else 1.0
    source = "files" if "files" in kinds else "dns" if "dns" in kinds else None
    status = "resolves" if addresses else "fails"
    return Resolution(name, status, source, tuple(in_order(addresses)), share if addresses else 1.0, None, words)


def _as_seen(facts: Mapping[str, Any], worked_out: Resolution) -> Resolution:
    """With what getaddrinfo answered on the node, where it was asked."""
    name = worked_out.name
    if facts["getaddrinfo"] is None:
        return worked_out
    seen = facts["getaddrinfo"].get(name) if unread(facts["getaddrinfo"]) is None else facts["getaddrinfo"]
    because = unread(seen)
    if because is not None or seen is None:
        missing = Unread("not_collected", "getaddrinfo", name, f"getaddrinfo({name}) was not asked")
        return Resolution(name, "unknown", because=because or missing)
    if worked_out.status == "unknown":
        return worked_out
    if not seen["addresses"]:
        return Resolution(name, "fails", share=1.0, detail=f"getaddrinfo fails with {seen['error']}")
    addresses = in_order([*worked_out.addresses, *seen["addresses"]])
    share = worked_out.share if worked_out.status == "resolves" else 0.0
    return Resolution(name, "resolves", worked_out.source or "dns", tuple(addresses), share, None, worked_out.detail)


def exported(edge: Edge, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the next domains read: ``storage_addresses``, ``storage_names`` and ``names``.

    names: ``{name: {"purpose", "storage", "status", "source", "addresses", "classes"}}``.  storage_addresses is Unread
    where no storage name could be judged; ``storage_addresses_incomplete`` names those that could not.
    """
    found = {item["name"]: resolve(facts, item["name"]) for item in facts["asked"]}
    names = {
        item["name"]: {
            "purpose": item["purpose"],
            "storage": item["storage"],
            "status": found[item["name"]].status,
            "source": found[item["name"]].source,
            "addresses": list(found[item["name"]].addresses),
            "classes": sorted({classify(address) for address in found[item["name"]].addresses}),
        }
        for item in facts["asked"]
    }
    storage = [item["name"] for item in facts["asked"] if item["storage"]]
    unknown = [found[name] for name in storage if found[name].status == "unknown"]
    addresses: Any = in_order(address for name in storage for address in found[name].addresses)
    if is_ip(edge.storage_host):
        addresses = in_order([edge.storage_host])
    elif unknown and not addresses:
        addresses = unknown[0].because
    return {
        "storage_addresses": addresses,
        "storage_addresses_incomplete": [resolution.name for resolution in unknown],
        "storage_names": storage,
        "names": names,
    }
