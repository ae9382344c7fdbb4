# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the DNS domain, and why each has the effect that it has. Pure.

Effects: a lookup that is slow, or goes to a second nameserver, still gives an address, so most of what is wrong with a
resolver does not change what gets through (``none``). Only these do:
  DNS-08  blocks   no lookup of a storage name gives an address
  DNS-17  partial  with `rotate`, the lookups that begin at a nameserver with a wrong answer fail: share 1/n each
  DNS-15  partial  the share of the answers that can be no destination at all
A pin in the hosts file to an address that the nameservers no longer give is ``none`` here: whether that address is the
storage is only known with its prefix list, so the pinned address is handed to egress, which judges it.
"""

from __future__ import annotations

from ..finding import Check, catalogue

CATALOGUE = catalogue(
    [
        Check(
            "DNS-01", "resolv.conf is well formed and a lookup ends no later than with glibc's defaults", "medium",
            "name", "none",
            "Correct /etc/resolv.conf where it is generated; at most three nameservers; options timeout:2 attempts:2.",
            "resolv.conf(5); glibc resolv/res_send.c; systemd-resolved.service(8), /etc/resolv.conf",
        ),
        Check(
            "DNS-02", "The hosts database asks DNS, and the hosts file pins none of the export's names", "high",
            "name", "none",
            "Remove the pin from /etc/hosts; set `hosts: files dns` in /etc/nsswitch.conf.",
            "nsswitch.conf(5); hosts(5); Amazon S3 FAQ and ip-ranges: S3 addresses change without notice",
        ),
        Check(
            "DNS-03", "The node's own lookups agree with what its nameservers answer", "medium", "name", "none",
            "Find what overrides the nameservers: hosts file, nscd, a local resolver, another NSS service.",
            "getaddrinfo(3); nsswitch.conf(5)",
        ),
        Check(
            "DNS-04", "Each nameserver answers, and all give the same kind of answer", "high", "name", "none",
            "Replace or remove the nameserver that does not answer; every lookup that begins there waits for it.",
            "resolv.conf(5), nameserver and rotate; glibc resolv/res_send.c",
        ),
        Check(
            "DNS-05", "Each nameserver answers over UDP, over TCP, and with EDNS sizes 1232 and 4096", "low",
            "name", "none",
            "Let UDP and TCP port 53, and fragments, through to the nameserver.",
            "RFC 7766, section 5; RFC 6891, section 6.2.5; DNS Flag Day 2020",
        ),
        Check(
            "DNS-06", "A name that does not exist is answered with NXDOMAIN", "high", "name", "none",
            "Use a nameserver that does not rewrite negative answers, or remove the wildcard from the search domain.",
            "RFC 2308, section 2.1; RFC 6761, section 6.4; RFC 8020",
        ),
        Check(
            "DNS-07", "IPv6 answers for the storage come with an IPv6 route, and AAAA queries are answered", "medium",
            "name", "none",
            "Use the IPv4 endpoint name, give the edge an IPv6 route, or set options no-aaaa (glibc 2.36).",
            "RFC 6724; resolv.conf(5), no-aaaa; Amazon VPC guide, Gateway endpoints: IPv4 only",
        ),
        Check(
            "DNS-08", "Each storage name resolves on the edge", "critical", "name", "blocks",
            "Make the edge's nameservers answer for the storage endpoint.",
            "AWS General Reference, Amazon S3 endpoints; Amazon S3 User Guide, Virtual hosting of buckets",
        ),
        Check(
            "DNS-09", "The storage's addresses are fresh: several, with the short TTL that S3 gives", "medium",
            "name", "none",
            "Remove the cache or override that keeps one answer, or its minimum TTL.",
            "AWS SDK for Java Developer Guide, Set the JVM TTL for DNS name lookups; "
            "Amazon S3 User Guide, Performance guidelines: spread over S3's addresses",
        ),
        Check(
            "DNS-10", "All nameservers agree on public or private, and with the VPC's endpoints", "high",
            "name", "none",
            "Ask the VPC's own resolver, or make the other nameservers forward to it.",
            "AWS PrivateLink guide, Private DNS names and PrivateDnsOnlyForInboundResolverEndpoint for Amazon S3",
        ),
        Check(
            "DNS-11", "The VPC resolves names, and no private zone hides the storage", "high", "name", "none",
            "Set enableDnsSupport and enableDnsHostnames; remove or complete the private hosted zone.",
            "Amazon VPC guide, DNS attributes for your VPC; Route 53 guide, Private hosted zones: overlaps",
        ),
        Check(
            "DNS-12", "No DNS packets were dropped by the limit of 1024 packets a second and interface", "medium",
            "name", "none",
            "Cache on the edge (systemd-resolved), lower the number of lookups, or reuse connections.",
            "Amazon VPC guide, DNS quotas; Amazon EC2 guide, ENA metrics: linklocal_allowance_exceeded",
        ),
        Check(
            "DNS-13", "The bucket's host name is covered by the storage's certificate", "high", "name", "none",
            "Use path-style addressing, or a bucket without dots in its name.",
            "RFC 9525, section 6.3; Amazon S3 User Guide, Virtual hosting of buckets: dots in bucket names",
        ),
        Check(
            "DNS-14", "The export's names are asked for as they are, before any search domain", "low", "name", "none",
            "Set options ndots:1, or write the endpoint with a dot at its end.",
            "resolv.conf(5), ndots and search",
        ),
        Check(
            "DNS-15", "Every address given for the storage can be a destination", "critical", "address", "partial",
            "Remove the sinkhole or override that answers with addresses that lead nowhere.",
            "RFC 6890, special-purpose addresses",
        ),
        Check(
            "DNS-16", "The storage's addresses do not change under a running transfer", "info", "name", "none",
            "Probe the path: the probe resolves again during its own transfer.",
            "Amazon S3 User Guide, Performance guidelines",
        ),
        Check(
            "DNS-17", "With rotate, every nameserver in turn resolves the storage names", "high", "name", "partial",
            "Remove the nameserver with the wrong answer, or rotate.",
            "resolv.conf(5), rotate; glibc resolv/res_send.c",
        ),
        Check(
            "DNS-18", "The other names of the export resolve, and its endpoint is the region's own", "medium",
            "name", "none",
            "Make the edge's nameservers answer for STS, KMS and the platform; configure the region's endpoint.",
            "AWS General Reference, service endpoints; Amazon S3 User Guide, Request redirection (307)",
        ),
    ]
)  # fmt: skip
