# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the probe."""

from __future__ import annotations

from ..finding import Check, catalogue

CATALOGUE = catalogue(
    [
        Check(
            "PROBE-01",
            "The edge resolves the name that it connects to",
            "critical",
            "name",
            "blocks",
            "Cure the resolution as the findings of DNS say; a refusal and a silence need different cures.",
            "getaddrinfo(3); RFC 1035, 7.2",
        ),
        Check(
            "PROBE-02",
            "Some address of the storage, or of the proxy before it, accepts a connection",
            "critical",
            "address",
            "blocks",
            "Open the path to the storage: a refusal means that nobody listens, a silence that a filter drops.",
            "RFC 9293, 3.10.7.3; EGRESS checks of this audit",
        ),
        Check(
            "PROBE-03",
            "Every address accepts a connection",
            "high",
            "address",
            "partial",
            "Open the path to the addresses that failed; a job of many connections meets them sooner or later.",
            "RFC 9293, 3.10.7.3; EGRESS checks of this audit",
        ),
        Check(
            "PROBE-04",
            "The proxy carries the edge to the storage",
            "critical",
            "proxy",
            "blocks",
            "Let the proxy CONNECT to the storage's name and port, or take the storage out of the proxy's way.",
            "RFC 9110, 9.3.6",
        ),
        Check(
            "PROBE-05",
            "The storage shows a certificate that the edge trusts, for the name that was asked",
            "critical",
            "address",
            "blocks",
            "Install the authority that signed it, or use path-style addressing where the bucket's name has dots.",
            "RFC 9525, 6; Amazon S3 User Guide, Virtual hosting of buckets",
        ),
        Check(
            "PROBE-06",
            "The edge's clock agrees with the storage's",
            "high",
            "export",
            "blocks",
            "Synchronise the clock (chrony, with the Amazon Time Sync Service at 169.254.169.123 in AWS).",
            "Amazon S3 API Reference, Error responses, RequestTimeTooSkewed: 15 minutes",
        ),
        Check(
            "PROBE-07",
            "The edge's own credentials open the bucket",
            "critical",
            "identity_policy",
            "blocks",
            "Grant what the findings of IAM say; where no credentials were found, give the edge its role.",
            "Amazon S3 API Reference, HeadBucket",
        ),
        Check(
            "PROBE-08",
            "A range of a recording can be read",
            "critical",
            "bucket",
            "blocks",
            "Grant s3:GetObject below the prefix; where Range is ignored, a proxy on the way must let it through.",
            "Amazon S3 API Reference, GetObject; RFC 9110, 14.2",
        ),
        Check(
            "PROBE-09",
            "A multipart upload can be begun, fed and aborted",
            "high",
            "bucket",
            "blocks",
            "Grant s3:PutObject and s3:AbortMultipartUpload below the prefix.",
            "Amazon S3 User Guide, Multipart upload API and permissions",
        ),
        Check(
            "PROBE-10",
            "A transfer at the export's own pace is not cut",
            "critical",
            "export",
            "truncates",
            "Raise the bound that the comparison with the ladder names, or resume by range.",
            "the probe itself",
        ),
        Check(
            "PROBE-11",
            "A connection outlives the silences of the longest recording",
            "high",
            "export",
            "truncates",
            "Raise the bound that the comparison with the ladder names, or keep the connection alive below it.",
            "the probe itself",
        ),
        Check(
            "PROBE-12",
            "What the probe saw is what the ladder predicts",
            "high",
            "export",
            "none",
            "Look for the proxy or timer that the audit does not know; name its file in edge_proxy_config_paths.",
            "the probe itself, against TIMEOUTS of this audit",
        ),
    ]
)
