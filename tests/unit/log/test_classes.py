# SPDX-License-Identifier: GPL-3.0-or-later
"""Which class a line is of; and that no class is missed for want of a keyword."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.log import classes
from ansible.module_utils.edge.log.classes import SHAPE, by_words, classify, codes
from ansible.module_utils.edge.log.suspects import lowered, suspects
from ansible.module_utils.edge.log.telling import telling
from hypothesis import given
from hypothesis import strategies as st

REPORTS = [
    ("connection_refused", "dial tcp 52.95.149.10:443: connect: connection refused"),
    ("connection_refused", "java.net.ConnectException: Connection refused"),
    ("connection_refused", "Error: connect ECONNREFUSED 127.0.0.1:3128"),
    ("connection_refused", "No connection could be made because the target machine actively refused it"),
    ("access_denied", "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied"),
    ("access_denied", "open /var/recordings: permission denied"),
    ("access_denied", "PUT https://b.s3.amazonaws.com/k HTTP/1.1 403 243"),
    ("access_denied", "upload failed: 403 Forbidden"),
    ("access_denied", "SignatureDoesNotMatch: The request signature we calculated does not match"),
    ("access_denied", "The provided token has expired."),
    ("access_denied", "statusCode=401"),
    ("timeout", "Read timed out."),
    ("timeout", 'Read timeout on endpoint URL: "https://s3.eu-west-2.amazonaws.com/"'),
    ("timeout", "java.net.SocketTimeoutException: connect timed out"),
    ("timeout", "context deadline exceeded"),
    ("timeout", "ETIMEDOUT"),
    ("timeout", "upload error: timeout"),
    ("timeout", "gateway said status 504"),
    ("reset", "Audio stream handshake failed with upstream BYOC provider; connection reset by peer"),
    ("reset", "job ended: STREAM_TERMINATION_ERROR"),
    ("reset", "write: broken pipe"),
    ("reset", "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))"),
    ("reset", "HTTP 502 Bad Gateway"),
    ("reset", "read ECONNRESET"),
    ("reset", "unexpected EOF"),
    ("tls", "javax.net.ssl.SSLHandshakeException: PKIX path building failed"),
    ("tls", "x509: certificate has expired or is not yet valid"),
    ("tls", "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate"),
    ("tls", "net/http: TLS handshake timeout"),
    ("tls", "remote error: tls: bad certificate"),
    ("dns", "getaddrinfo ENOTFOUND s3.eu-west-2.amazonaws.com"),
    ("dns", "java.net.UnknownHostException: s3.eu-west-2.amazonaws.com"),
    ("dns", "Temporary failure in name resolution"),
    ("dns", "curl: (6) Could not resolve host: s3.example"),
    ("dns", "lookup s3.example on 10.0.0.2:53: no such host"),
    ("dns", "dns query failed"),
    (
        "throttling",
        "An error occurred (SlowDown) when calling the PutObject operation: Please reduce your request rate.",
    ),
    ("throttling", "ThrottlingException: Rate exceeded"),
    ("throttling", "HTTP/2 429"),
    ("throttling", "503 Service Unavailable"),
]
HARMLESS = [
    "recording 5a1f33f0 (62 min, 2 channels, pcm16 8 kHz) started",
    "part 403 of 503 stored",
    "21120000 bytes in 220 s",
    "read_timeout=30 connect_timeout=10",
    "session resumed, TLSv1.3, cipher AES",
    "0 timeouts, 0 resets in the last hour",
    "keepalive timeout: 0",
    "reset counters",
    "upload of battlsnake failed over",
    "status=200 bytes=503403",
    "HTTP/1.1 200 504",
    "edge up 41 days",
    "resolved s3.eu-west-2.amazonaws.com to 8 addresses",
    "time in sync, offset 0.4 ms",
    "",
]


@pytest.mark.parametrize(("name", "line"), REPORTS)
def test_what_a_line_reports(name: str, line: str) -> None:
    for stamped in (line, f"2026-11-20T02:03:41.225Z ERROR [export] {line}", line.upper(), f"{line} status=200"):
        assert classify(stamped.encode()) == name


@pytest.mark.parametrize("line", HARMLESS)
def test_what_reports_nothing(line: str) -> None:
    assert classify(line.encode()) is None
    assert classify(f"2026-11-20T02:03:41.225Z INFO  [export-7] {line}".encode()) is None


@pytest.mark.parametrize("line", [line for _, line in REPORTS])
def test_no_report_is_without_a_keyword(line: str) -> None:
    if not codes(line.lower().encode()):
        assert list(suspects(lowered(line.encode())))


def test_every_alternative_of_a_pattern_has_a_keyword() -> None:
    """The reports above reach every keyword, so that none can be dropped unnoticed."""
    everything = "\n".join(line for _, line in REPORTS).lower().encode()
    unused = [word for word in classes.KEYWORDS if word not in everything]
    assert len(unused) < len(classes.KEYWORDS) / 2


FRAGMENTS = st.sampled_from(
    [word.decode() for word in classes.KEYWORDS]
    + [line for _, line in REPORTS]
    + [
        "connection ",
        "read ",
        "http",
        "status=",
        "code: ",
        "403",
        "504",
        " ",
        "error",
        "failed",
        "e",
        "a0",
        "\x00",
        "é",
    ]
)
TEXT = st.lists(FRAGMENTS | st.text(max_size=8), max_size=8).map("".join).map(lambda text: text.replace("\n", " "))


@given(TEXT)
def test_a_line_without_keywords_is_harmless(text: str) -> None:
    line = text.encode("utf-8", "replace")
    words = {word for _, word in suspects(lowered(line))}
    names = {name for word in words for name in classes.MEANING[word]}
    assert by_words(line, names) == by_words(line)


@given(st.lists(TEXT, max_size=12))
def test_a_block_tells_what_its_lines_tell(texts: list[str]) -> None:
    lines = [text.encode("utf-8", "replace") for text in texts]
    block = b"".join(b"\n" + line for line in lines)
    starts = [len(b"".join(b"\n" + line for line in lines[:number])) for number in range(len(lines))]
    each = {start: classify(line) for start, line in zip(starts, lines)}
    assert telling(block) == {start: name for start, name in each.items() if name is not None}


@pytest.mark.parametrize("word", classes.KEYWORDS)
@pytest.mark.parametrize("before", [b"", b" ", b"\xc3\xa9 ", b"(("])
def test_every_keyword_is_found_wherever_it_begins(word: bytes, before: bytes) -> None:
    for text in (before + word, before + word.upper() + b" x", b"\n" + before + word + b"\n"):
        low = lowered(text)
        assert (low.find(word), word) in set(suspects(low))


@given(st.binary(max_size=300))
def test_any_bytes_have_a_class_or_none(line: bytes) -> None:
    assert classify(line) in (None, *classes.CLASSES)
    assert len(line.translate(SHAPE)) == len(line)


@given(TEXT, st.integers(100, 599))
def test_a_code_tells_where_no_word_does(text: str, code: int) -> None:
    line = f"{text} status={code}".encode("utf-8", "replace")
    earlier = codes(text.encode("utf-8", "replace").lower())
    if by_words(line) is None and not earlier:
        assert classify(line) == classes.CODES.get(str(code).encode())
