# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks nameservers, each separately, within a bounded time. Runs on the edge; dnspython is imported when it is used.

A nameserver that does not answer is a fact about it; only what was never asked is Unread.
"""

from __future__ import annotations

import queue
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..finding import Unread
from .plan import signs_of_life


@dataclass(frozen=True)
class Limits:
    """Seconds and threads. patient_seconds: how long a silent nameserver is waited for in the end, at least glibc's own
    default of 5 s (resolv.conf(5)), so that a slow one is not called dead."""

    query_seconds: float = 2.0
    patient_seconds: float = 5.5
    total_seconds: float = 40.0
    threads: int = 16


def dnspython_missing() -> Unread | None:
    """Unread where dnspython cannot be imported, with the cure."""
    try:
        import dns.message
        import dns.rdatatype  # noqa: F401
    except (ImportError, SyntaxError, TypeError) as error:
        return Unread(
            "error",
            "import dns",
            "dnspython",
            f"the nameservers were not asked: dnspython cannot be imported ({error}); install dnspython==2.7.0 on the "
            "controller, from where it travels to the edge",
        )
    return None


def ask(server: str, port: int, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """One query to one nameserver; a truncated answer is asked for again over TCP, as a resolver does.

    ``{"rcode", "answers", "cnames", "ttl", "latency_ms", "truncated", "bytes"}``, or
    ``{"error": "timeout|refused|unreachable|malformed|closed", "message", "latency_ms"}``.
    """
    result = _exchange(server, port, asked, seconds)
    if result.get("truncated"):
        result["tcp"] = _exchange(server, port, {**asked, "transport": "tcp"}, seconds)
    return result


def _exchange(server: str, port: int, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    import dns.exception
    import dns.message

    from . import exchange

    began = time.monotonic()
    try:
        options = {} if asked["edns"] is None else {"use_edns": 0, "payload": asked["edns"]}
        message = dns.message.make_query(asked["name"], asked["type"], **options)
        send = exchange.tcp if asked["transport"] == "tcp" else exchange.udp
        response = send(message, server, port, seconds)
        result = _facts_of(response, asked["type"])
    except dns.exception.Timeout:
        result = {"error": "timeout", "message": f"no answer within {seconds:g} s"}
    except ConnectionRefusedError:
        result = {"error": "refused", "message": "the port is closed"}
    except (EOFError, ConnectionError) as error:
        result = {"error": "closed", "message": f"the connection was closed ({type(error).__name__})"}
    except OSError as error:
        result = {"error": "unreachable", "message": error.strerror or str(error)}
    except (dns.exception.DNSException, ValueError, struct.error) as error:
        result = {"error": "malformed", "message": f"the answer is no DNS message: {type(error).__name__}"}
    return {**result, "latency_ms": round((time.monotonic() - began) * 1000.0, 1)}


def _facts_of(response: Any, rdtype: str) -> dict[str, Any]:
    import dns.flags
    import dns.rcode
    import dns.rdatatype

    answers: list[str] = []
    cnames: list[str] = []
    ttls: list[int] = []
    for rrset in response.answer:
        kind = dns.rdatatype.to_text(rrset.rdtype)
        if kind not in (rdtype, "CNAME"):
            continue
        ttls.append(int(rrset.ttl))
        if kind == "CNAME":
            cnames += [item.target.to_text().rstrip(".").lower() for item in rrset]
        else:
            answers += [item.to_text() for item in rrset]
    return {
        "rcode": dns.rcode.to_text(response.rcode()),
        "answers": sorted(answers),
        "cnames": cnames,
        "ttl": min(ttls) if ttls else None,
        "truncated": bool(response.flags & dns.flags.TC),
        "bytes": len(response.wire or b""),
    }


def run_all(tasks: Sequence[Callable[[], Any]], threads: int, seconds: float) -> list[Any]:
    """The results of the tasks, in order; None for those that had not ended in time.

    The threads are daemons: a task that hangs neither holds this up nor the end of the program.
    """
    results: list[Any] = [None] * len(tasks)
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(tasks)):
        todo.put(number)
    ended = threading.Semaphore(0)
    deadline = time.monotonic() + seconds

    def work() -> None:
        while time.monotonic() < deadline:
            try:
                number = todo.get_nowait()
            except queue.Empty:
                return
            try:
                results[number] = tasks[number]()
            finally:
                ended.release()

    for _ in range(min(threads, len(tasks))):
        threading.Thread(target=work, daemon=True).start()
    for _ in tasks:
        if not ended.acquire(timeout=max(0.0, deadline - time.monotonic())):
            break
    return list(results)


def ask_all(
    servers: Sequence[Mapping[str, Any]], port: int, queries: Sequence[Mapping[str, Any]], limits: Limits
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All queries to all nameservers, as ``(servers, answers)``.

    servers: as given, with ``responds``: True, False, or Unread where the time ran out, and ``seconds``, how long each
    query waited.  answers: ``[{**query, "server", "result"}]``; a nameserver that gives no sign of life is not asked
    any further.
    """
    missing = dnspython_missing()
    if missing is not None:
        return [{**server, "responds": missing} for server in servers], []
    deadline = time.monotonic() + limits.total_seconds
    tasks = [_sign_task(server, port, queries, limits) for server in servers]
    signs = run_all(tasks, limits.threads, limits.total_seconds)
    states: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for server, sign in zip(servers, signs):
        if sign is None:
            states.append({**server, "responds": _out_of_time(str(server["address"]), limits)})
            continue
        states.append({**server, "responds": sign["responds"], "seconds": sign["seconds"]})
        answers += sign["answers"]
    rest = [
        (state, asked)
        for state in states
        if state["responds"] is True
        for asked in queries
        if not any(_same(asked, done) and done["server"] == state["address"] for done in answers)
    ]
    left = max(0.0, deadline - time.monotonic())
    results = run_all([_task(state, port, asked) for state, asked in rest], limits.threads, left)
    for (state, asked), result in zip(rest, results):
        given = result if result is not None else _out_of_time(f"{asked['name']} at {state['address']}", limits)
        answers.append({**asked, "server": state["address"], "result": given})
    return states, answers


def _task(state: Mapping[str, Any], port: int, asked: Mapping[str, Any]) -> Callable[[], Any]:
    return lambda: _ask_twice(state["address"], port, asked, state["seconds"])


def _ask_twice(server: str, port: int, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """One lost packet is not held against a nameserver: resolvers try again as well (resolv.conf(5), attempts)."""
    result = ask(server, port, asked, seconds)
    if result.get("error") != "timeout" or asked["transport"] != "udp":
        return result
    return {**ask(server, port, asked, seconds), "tries": 2}


def _sign_task(
    server: Mapping[str, Any], port: int, queries: Sequence[Mapping[str, Any]], limits: Limits
) -> Callable[[], Any]:
    return lambda: _sign_of_life(str(server["address"]), port, queries, limits)


def _sign_of_life(address: str, port: int, queries: Sequence[Mapping[str, Any]], limits: Limits) -> dict[str, Any]:
    """Whether anything at all comes back, garbage included, and how patient the further queries must be."""
    answers: list[dict[str, Any]] = []
    signs = signs_of_life(queries)
    tries = [*((sign, limits.query_seconds) for sign in signs), (signs[0], limits.patient_seconds)]
    for sign, seconds in tries:
        result = ask(address, port, sign, seconds)
        # The impatient failure is no answer of its own once the patient one is there.
        answers = [item for item in answers if not _same(item, sign)]
        answers.append({**sign, "server": address, "result": result})
        if result.get("error") not in ("timeout", "refused", "unreachable"):
            return {"responds": True, "seconds": seconds, "answers": answers}
    return {"responds": False, "seconds": limits.patient_seconds, "answers": answers}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[key] == other[key] for key in ("name", "type", "transport", "edns", "kind", "sample"))


def _out_of_time(resource: str, limits: Limits) -> Unread:
    message = f"{resource} was not asked: the {limits.total_seconds:g} s for all queries were used up"
    return Unread("not_collected", "query", resource, message)
