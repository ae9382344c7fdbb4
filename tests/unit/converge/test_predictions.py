# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode remembers of a file gives the file as it would stand, and holds nothing else of it."""

from __future__ import annotations

import base64
import json

from ansible.module_utils.edge.converge.model import NODE, ObjectChange, Ref
from ansible.module_utils.edge.converge.predictions import foreseen, remembered
from hypothesis import given
from hypothesis import strategies as st

FILE = Ref(NODE, "file", "/opt/export.yaml")
TEXTS = st.lists(st.sampled_from([b"a: 1\n", b"b: 2\n", b"b: 21\n", b"\r\n", b"c", b"\xff\n", b""]), max_size=12).map(
    b"".join
)


def state(data: bytes) -> dict[str, str]:
    return {"content": base64.b64encode(data).decode("ascii"), "mode": "0640"}


def kept(before, after, known=None):
    return json.loads(json.dumps(remembered(ObjectChange(FILE, before, after), known)))


@given(TEXTS, TEXTS, TEXTS)
def test_one_step_after_the_other_finds_the_file_as_it_would_stand(first, second, third):
    known = kept(state(first), state(second))
    assert foreseen(state(first), known) == state(second)
    assert foreseen(foreseen(state(first), known), kept(state(second), state(third))) == state(third)
    assert foreseen(state(first), kept(state(second), state(third), known)) == state(third)


def test_what_stands_around_a_change_is_not_kept():
    before = b"read_timeout: 900\npassword: hunter2\nx: hunter3\nproxy_read_timeout: 900\n"
    known = json.dumps(kept(state(before), state(before.replace(b"900", b"7200"))))
    texts = [base64.b64decode(piece[2]) for piece in json.loads(known)["edits"][0]["pieces"]]
    assert texts == [b"72", b"72"]


def test_a_file_that_stands_otherwise_is_taken_as_it_is_read():
    known = kept(state(b"a: 1\n"), state(b"a: 2\n"))
    assert foreseen(state(b"a: 3\n"), known) == state(b"a: 3\n") and foreseen(None, known) is None


def test_files_that_come_and_go_and_other_objects_are_kept_as_they_are():
    assert foreseen(None, kept(None, state(b"x"))) == state(b"x")
    assert foreseen(state(b"x"), kept(state(b"x"), None)) is None
    sysctl = ObjectChange(Ref(NODE, "sysctl", "net.ipv4.tcp_retries2"), "15", "8")
    assert foreseen("15", remembered(sysctl, None)) == "8"
