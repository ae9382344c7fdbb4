# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends long transfers, each with the second and the signs by which it is known. Every number has its source."""

from __future__ import annotations

from dataclasses import dataclass

# How a culprit's second relates to what was observed.
#   at      the transfer ends at that second: a total limit, or a silence from the very start
#   silence it ends after that much silence, whenever that began
#   later   silence longer than that is fatal, but shows only with the next packet
#   least   it ends after that much silence or somewhat more
#   any     no second of its own
TIMINGS = ("at", "silence", "later", "least", "any")


@dataclass(frozen=True)
class Hypothesis:
    """settings: names of bounds on the ladder that make it real on this path; their own seconds then count.

    resets: whether a TCP reset is seen (None: either).  errnos, codes, words: signs for it.  not_errnos, not_codes:
    signs against it.  needs: hop or kind of route that it needs, as the ladder names it.
    """

    id: str
    title: str
    timing: str
    seconds: float | None
    source: str
    check: str | None = None
    settings: tuple[str, ...] = ()
    resets: bool | None = None
    errnos: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    words: str = ""
    not_errnos: tuple[str, ...] = ()
    not_codes: tuple[int, ...] = ()
    # Without its bound on the ladder it is still likely (True), or all but ruled out (False).
    hidden: bool = True


TABLE = (
    Hypothesis(
        "proxy-progress-timer",
        "A proxy's 15-minute timer over silence (Squid read_timeout, write_timeout)",
        "silence",
        900.0,
        "Squid src/cf.data.pre, read_timeout, write_timeout",
        "TIMEOUTS-04",
        ("read_timeout", "write_timeout"),
        resets=True,
        errnos=("ECONNRESET", "EPIPE"),
        codes=(502, 504),
        words=r"reset by peer|ERR_READ_TIMEOUT|bad gateway|upstream",
        not_errnos=("ETIMEDOUT", "ECONNREFUSED"),
        not_codes=(400, 403),
    ),
    Hypothesis(
        "export-read-timeout",
        "The export's own read timeout",
        "silence",
        None,
        "the export's own configuration",
        "TIMEOUTS-01",
        ("read_timeout",),
        resets=False,
        errnos=("ETIMEDOUT", "EAGAIN"),
        words=r"read timed? ?out|timeout on endpoint|ReadTimeout",
        not_errnos=("ECONNRESET", "ECONNREFUSED"),
        not_codes=(400, 403),
        hidden=False,
    ),
    Hypothesis(
        "export-total-timeout",
        "The export's own total timeout",
        "at",
        None,
        "the export's own configuration",
        "TIMEOUTS-02",
        ("total_timeout",),
        resets=False,
        errnos=("ETIMEDOUT", "ECANCELED"),
        words=r"deadline|timed? ?out|cancell?ed",
        not_errnos=("ECONNRESET",),
        not_codes=(400, 403),
        hidden=False,
    ),
    Hypothesis(
        "service-runtime-limit",
        "systemd ended the service (RuntimeMaxSec)",
        "at",
        None,
        "systemd.service(5), RuntimeMaxSec=",
        "TIMEOUTS-03",
        ("RuntimeMaxSec", "TimeoutStartSec"),
        words=r"SIGTERM|killed|terminated|Result: timeout",
        hidden=False,
    ),
    Hypothesis(
        "gateway-idle",
        "A NAT gateway forgot the silent flow at 350 s and reset it at the next packet",
        "later",
        350.0,
        "Amazon VPC User Guide, Troubleshoot NAT gateways",
        "TIMEOUTS-09",
        ("NAT gateway idle timeout",),
        resets=True,
        errnos=("ECONNRESET", "EPIPE"),
        codes=(502,),
        words=r"reset by peer|broken pipe",
        not_errnos=("ETIMEDOUT", "ECONNREFUSED"),
        not_codes=(400, 403),
    ),
    Hypothesis(
        "endpoint-idle",
        "An interface endpoint forgot the silent flow at 350 s and drops what follows",
        "later",
        350.0,
        "AWS Networking blog, Implementing long-running TCP connections within VPC networking",
        "TIMEOUTS-09",
        ("interface endpoint idle timeout",),
        resets=False,
        errnos=("ETIMEDOUT",),
        words=r"timed? ?out",
        not_errnos=("ECONNREFUSED",),
        not_codes=(400, 403),
        hidden=False,
    ),
    Hypothesis(
        "worker-limit",
        "A worker that may run 900 s (AWS Lambda)",
        "at",
        900.0,
        "AWS Lambda Developer Guide, Lambda quotas, Function timeout",
        "TIMEOUTS-12",
        ("worker_seconds",),
        codes=(502, 504),
        words=r"task timed out|worker|lambda",
        not_codes=(400, 403),
    ),
    Hypothesis(
        "short-credentials",
        "Credentials that live 900 s, the least that STS gives",
        "at",
        900.0,
        "AWS STS API Reference, AssumeRole, DurationSeconds",
        "TIMEOUTS-11",
        ("session_seconds",),
        resets=False,
        codes=(400, 403),
        words=r"ExpiredToken|expired|TokenRefreshRequired|InvalidToken",
        not_errnos=("ETIMEDOUT", "ECONNRESET"),
        not_codes=(502, 504),
    ),
    Hypothesis(
        "credentials-hour",
        "Credentials or URLs that live an hour",
        "at",
        3600.0,
        "AWS STS API Reference, AssumeRole; Amazon S3 User Guide, presigned URLs",
        "TIMEOUTS-11",
        resets=False,
        codes=(400, 403),
        words=r"ExpiredToken|request has expired|expired",
        not_errnos=("ETIMEDOUT", "ECONNRESET"),
        not_codes=(502, 504),
    ),
    Hypothesis(
        "retransmissions",
        "A black hole: the kernel gave up retransmitting (tcp_retries2=15, at least 924.6 s)",
        "least",
        924.6,
        "Linux Documentation/networking/ip-sysctl.rst, tcp_retries2",
        "TIMEOUTS-15",
        resets=False,
        errnos=("ETIMEDOUT",),
        words=r"connection timed out",
        not_errnos=("ECONNRESET", "ECONNREFUSED"),
        not_codes=(400, 403),
    ),
    Hypothesis(
        "retransmissions-8",
        "A black hole: the kernel gave up retransmitting (tcp_retries2=8, at least 102.2 s)",
        "least",
        102.2,
        "Linux Documentation/networking/ip-sysctl.rst, tcp_retries2",
        "TIMEOUTS-15",
        resets=False,
        errnos=("ETIMEDOUT",),
        words=r"connection timed out",
        not_errnos=("ECONNRESET", "ECONNREFUSED"),
        not_codes=(400, 403),
    ),
    Hypothesis(
        "nginx-timer",
        "nginx's 60-second timer between two reads or writes",
        "silence",
        60.0,
        "nginx documentation, ngx_http_proxy_module, proxy_read_timeout",
        "TIMEOUTS-05",
        ("proxy_read_timeout", "proxy_send_timeout", "send_timeout", "client_body_timeout", "proxy_timeout"),
        codes=(504, 408),
        words=r"upstream timed out|gateway time-?out",
        not_codes=(400, 403),
    ),
    Hypothesis(
        "haproxy-timer",
        "HAProxy's timer over silence",
        "silence",
        None,
        "HAProxy configuration manual 4.2, timeout client, timeout server",
        "TIMEOUTS-06",
        ("timeout client", "timeout server", "timeout tunnel"),
        codes=(504, 408),
        words=r"gateway time-?out|sD|cD",
        not_codes=(400, 403),
        hidden=False,
    ),
    Hypothesis(
        "envoy-route-timeout",
        "Envoy's route timeout over the whole response, 15 s unless set",
        "at",
        15.0,
        "Envoy documentation, How do I configure timeouts?",
        "TIMEOUTS-07",
        ("route timeout",),
        codes=(504,),
        words=r"upstream request timeout",
        not_codes=(400, 403),
    ),
    Hypothesis(
        "envoy-stream-idle",
        "Envoy's stream idle timeout, 5 minutes unless set",
        "silence",
        300.0,
        "Envoy documentation, How do I configure timeouts?",
        "TIMEOUTS-07",
        ("stream_idle_timeout", "tcp idle_timeout"),
        codes=(504, 408),
        words=r"stream timeout|idle",
        not_codes=(400, 403),
    ),
    Hypothesis(
        "tracking-lost",
        "Connection tracking lost the flow while data waited for its answer",
        "later",
        300.0,
        "Linux Documentation/networking/nf_conntrack-sysctl.rst, tcp_timeout_unacknowledged",
        "TIMEOUTS-19",
        resets=None,
        errnos=("ETIMEDOUT", "ECONNRESET"),
        not_codes=(400, 403),
        hidden=False,
    ),
    Hypothesis(
        "storage-idle-client",
        "S3 closed a request whose body stood still for some 20 s (reported)",
        "silence",
        20.0,
        "archiecobbs/s3backer issue 3; aio-libs/aiobotocore issue 21",
        codes=(400,),
        words=r"RequestTimeout|not read from or written",
        not_errnos=("ECONNREFUSED",),
    ),
    Hypothesis(
        "client-read-timeout",
        "An AWS client's read timeout, 60 s unless set (botocore, AWS CLI)",
        "silence",
        60.0,
        "botocore Config, read_timeout; AWS CLI, cli_read_timeout",
        "TIMEOUTS-01",
        resets=False,
        words=r"Read timeout on endpoint|ReadTimeoutError",
        not_errnos=("ECONNRESET",),
        not_codes=(400, 403, 502),
    ),
    Hypothesis(
        "partial-egress",
        "Some of the storage's addresses are blocked: the connection never came about",
        "any",
        None,
        "RFC 9293, 3.10.1; EGRESS checks of this audit",
        errnos=("EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED"),
        words=r"connect timeout|connection refused|no route|could not connect|unreachable",
        not_errnos=("ECONNRESET", "EPIPE"),
        not_codes=(400, 403),
    ),
    Hypothesis(
        "path-changed",
        "A change in mid-transfer: a gateway endpoint was created or modified, or a rule removed",
        "any",
        None,
        "Amazon VPC User Guide, Gateway endpoints for Amazon S3",
        resets=True,
        errnos=("ECONNRESET", "ETIMEDOUT"),
        words=r"reset by peer",
        not_codes=(400, 403),
    ),
    Hypothesis(
        "long-single-stream",
        "The storage or a proxy reset one long stream, which nothing resumes",
        "any",
        None,
        "boto/boto3 issues 829 and 2495",
        resets=True,
        errnos=("ECONNRESET",),
        words=r"IncompleteRead|reset by peer",
        not_errnos=("ETIMEDOUT",),
        not_codes=(400, 403),
    ),
)
