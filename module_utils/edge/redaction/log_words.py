# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of logs: names of fields, words that speak of a secret and are none, and technical terms with digits."""

from __future__ import annotations

import re

from . import shapes
from .shapes import Shape, vocabulary

# After these the secret itself still comes: `the password is ...`, `Authorization: Bearer ...`.
CONNECTING = vocabulary("is was be of to for from with the a an my your our as = : - -> bearer basic digest set value "
                       "named new old use using")  # fmt: skip
# What is said of a secret, and of transfers.
TELLING = vocabulary(
    "expired expires invalid missing rejected refused denied failed failure fails error errors wrong not no has have "
    "had will would could cannot can't and or but in on at by after before because while when until refreshed refresh "
    "renewed rotated revoked accepted required valid verified loaded read written found used empty changed unknown "
    "timeout timed out reset connection closed retry retrying again lifetime store provider service request requests "
    "response authentication authorization login session sessions algorithm exchange type file path length size limit "
    "quota endpoint check validation mismatch does match exist exists it this that which still already been being "
    "verification pair management than ago seconds minutes hours ms s forbidden unauthorized signature"
)
# What follows these is an identifier: `recording 0c7be91a`, `RequestId: 4442587FB7D0A2F9`.
IDENTIFIED = vocabulary(
    "id ids recording recordings job jobs part request requestid request_id upload conversation call transfer task "
    "trace span thread bucket file leg channel chunk segment batch export run instance edge node container pod "
    "interaction communication attempt exporting uploading storing stored recording_id job_id"
)
TECHNICAL = vocabulary(
    "s3 ec2 kms sts http/1.0 http/1.1 http/2 http/2.0 http/3 http2 http3 h2 tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 "
    "tls1.2 tls1.3 sslv3 x509 x.509 sha1 sha256 sha384 sha512 md5 base64 utf8 utf-8 ipv4 ipv6 ip4 ip6 tcp4 tcp6 udp4 "
    "udp6 pcm16 pcm8 g711 g722 g729 oauth2 boto3 urllib3 log4j log4j2 slf4j eth0 eth1 ens3 ens5 ens6 enp0s3 lo0 k8s "
    "http4 netty4 sigv4 aws4 v1 v2 v3 v4 p50 p95 p99 mp3 mp4 i18n c10k utf16 sip2 e164 rfc2833 x86_64 amd64 arm64 "
    "python3 java8 java11 java17 java21 s3express route53 w3c curl7 log2 crc32 crc32c crc64nvme 1st 2nd 3rd"
)
# Fields whose value is a sentence.
SPEAKING = vocabulary(
    "msg message error err reason event exception cause detail details description text error_message errormessage "
    "exception_message errormsg statustext what"
)
_STATE = re.compile(r"[A-Za-z_ -]{1,60}|[0-9]{1,3}(?:/[A-Za-z0-9_-]{1,20})?")


def _state(value: str) -> str | None:
    """What became of something: `200`, `killed`, `9/KILL`."""
    return value if _STATE.fullmatch(value) else None


_KINDS: tuple[tuple[Shape, str], ...] = (
    (_state, "status code status_code statuscode http_status httpstatus result outcome errorcode "
             "error_code reason_code"),
    (shapes.amount, "port bytes size length len part partnumber "
                    "part_number parts attempt attempts retry retries elapsed duration took latency ms seconds sec "
                    "secs count n pid tid line offset total sent received remaining errno exit signal timeout "
                    "progress percent rtt speed rate age ttl channels minutes version seq tos ttl win res id window "
                    "dport sport dpt spt max_attempts"),
    (shapes.word, "level lvl severity op operation method verb action state phase component module logger "
                  "thread name service region bucket stage kind type protocol proto scheme caller class storage_class "
                  "function func app program process comm in out"),
    (shapes.host, "host hostname server peer remote local addr address src dst ip client upstream target remote_addr "
                  "local_addr raddr laddr dns proxy_host"),
    (shapes.url, "url uri endpoint proxy request_uri location"),
    (shapes.path, "path file filename object dir directory prefix logfile source"),
    (shapes.plain, "time ts timestamp date at @timestamp"),
    (shapes.name, "request_id requestid recording recording_id job job_id conversation conversation_id trace_id "
                  "span_id correlation_id arn role resource"),
)  # fmt: skip
KEYS: dict[str, Shape] = {key: shape for shape, text in _KINDS for key in text.split()}
