# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions of this domain. Ids are stable for ever.

A witness never decides the path: no check here has an effect, and none is severe enough to fail a host by itself.
"""

from __future__ import annotations

from ..finding import Check, catalogue
from .classes import CLASSES

# The check of each class of log lines.
BY_CLASS = {
    "connection_refused": "LOG-01",
    "access_denied": "LOG-02",
    "timeout": "LOG-03",
    "reset": "LOG-04",
    "tls": "LOG-05",
    "dns": "LOG-06",
    "throttling": "LOG-07",
}
assert set(BY_CLASS) == set(CLASSES)

CATALOGUE = catalogue(
    [
        Check(
            "LOG-01",
            "The log tells of no refused connection",
            "low",
            "export",
            "none",
            "A refusal comes from a host that is there: look at the proxy's address and port, and at EGRESS checks.",
            "connect(2), ECONNREFUSED",
        ),
        Check(
            "LOG-02",
            "The log tells of no denied access",
            "low",
            "export",
            "none",
            "See the IAM checks: they name the call, the policy and the statement that denies it.",
            "Amazon S3 API Reference, Error responses",
        ),
        Check(
            "LOG-03",
            "The log tells of no timeout",
            "low",
            "export",
            "none",
            "See the TIMEOUTS checks: the ladder names the bounds, and the time of death which of them it was.",
            "errno(3), ETIMEDOUT; RFC 9110, 15.5.9 and 15.6.5",
        ),
        Check(
            "LOG-04",
            "The log tells of no connection that was reset",
            "low",
            "export",
            "none",
            "See the time of death: who resets a connection, and after how long, tells a gateway from a proxy.",
            "RFC 9293, 3.5.2; errno(3), ECONNRESET, EPIPE",
        ),
        Check(
            "LOG-05",
            "The log tells of no trouble with TLS",
            "low",
            "export",
            "none",
            "Look at the certificate that the storage or the proxy shows, at the trust store and at the clock.",
            "RFC 8446, 6.2",
        ),
        Check(
            "LOG-06",
            "The log tells of no name that did not resolve",
            "low",
            "export",
            "none",
            "See the DNS checks: they ask each name server by itself.",
            "gai_strerror(3); RFC 1035, 4.1.1",
        ),
        Check(
            "LOG-07",
            "The log tells of no throttling",
            "low",
            "export",
            "none",
            "Spread the keys over prefixes, lower the concurrency, and let the client retry with backoff.",
            "Amazon S3 User Guide, Best practices design patterns; RFC 6585, 4",
        ),
        Check(
            "LOG-08",
            "The log says something of the export that failed",
            "medium",
            "export",
            "none",
            "Raise the export's log level, and look elsewhere: the ladder, the proxy's own log, counters.",
            "the job's window against the log's timestamps",
        ),
        Check(
            "LOG-09",
            "The log's clock does not go back",
            "low",
            "export",
            "none",
            "Let chrony or systemd-timesyncd keep the time; set edge_log_timezone where an hour is lost.",
            "adjtimex(2); Amazon S3 API Reference, RequestTimeTooSkewed",
        ),
        Check(
            "LOG-10",
            "The kernel gives up few connections for want of an answer",
            "info",
            "kernel",
            "none",
            "Connections that end so met silence: see EGRESS (a rule that drops) and TIMEOUTS-15 (tcp_retries2).",
            "Linux Documentation/networking/snmp_counter.rst, TcpExtTCPAbortOnTimeout; RFC 4022, tcpEstabResets",
        ),
        Check(
            "LOG-11",
            "The host's connection tracking drops nothing",
            "low",
            "host_firewall",
            "none",
            "Raise net.netfilter.nf_conntrack_max, or do not track the export's connections.",
            "Linux net/netfilter/nf_conntrack_standalone.c, /proc/net/stat/nf_conntrack",
        ),
        Check(
            "LOG-12",
            "The instance does not exceed its packets to link-local services",
            "low",
            "name",
            "none",
            "Cache DNS answers on the node, so that fewer queries go to the resolver at 169.254.169.253.",
            "Amazon EC2 User Guide, Monitor network performance for ENA settings, linklocal_allowance_exceeded",
        ),
        Check(
            "LOG-13",
            "The journal tells of no failure of the export's service",
            "low",
            "export",
            "none",
            "See why the service ended: its unit's limits (TIMEOUTS-03), memory, or its own fault.",
            "systemd.service(5); journalctl(1)",
        ),
    ]
)
