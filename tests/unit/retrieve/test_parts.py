# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts, ranges and intervals, against sets of bytes."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.retrieve.parts import (
    Intervals,
    Part,
    checksums_of,
    from_attributes,
    layout,
    ranges,
    whole,
)
from hypothesis import given
from hypothesis import strategies as st

PAIR = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair)))
STEPS = st.lists(st.tuples(st.booleans(), PAIR), max_size=20)


@given(STEPS, st.integers(0, 60), PAIR)
def test_intervals_are_a_set_of_bytes(steps: list[tuple[bool, tuple[int, int]]], at: int, gap: tuple[int, int]) -> None:
    intervals, model = Intervals(), set()
    for added, (start, end) in steps:
        if added:
            intervals.add(start, end)
            model |= set(range(start, end))
        else:
            intervals.discard(start, end)
            model -= set(range(start, end))
    pairs = list(intervals)
    assert {byte for start, end in pairs for byte in range(start, end)} == model
    assert all(before[1] < after[0] for before, after in zip(pairs, pairs[1:], strict=False))
    assert intervals.total == len(model)
    reach = intervals.reach(at)
    assert set(range(at, reach)) <= model
    assert reach not in model
    missing = intervals.missing(*gap)
    assert {byte for start, end in missing for byte in range(start, end)} == set(range(*gap)) - model


SIZES = st.lists(st.integers(0, 50), min_size=1, max_size=20)


@given(SIZES, st.integers(1, 60))
def test_ranges_cover_every_byte_once_and_respect_parts(sizes: list[int], limit: int) -> None:
    parts = layout(sum(sizes), [(number, size, {}) for number, size in enumerate(sizes, start=1)])
    found = ranges(parts, limit)
    assert [byte for start, end in found for byte in range(start, end)] == list(range(sum(sizes)))
    assert all(0 < end - start <= limit for start, end in found)
    borders = {part.start for part in parts} | {part.end for part in parts}
    for start, end in found:
        inside = next((part for part in parts if part.start <= start and end <= part.end), None)
        assert inside is not None or {start, end} <= borders


def test_small_parts_are_fetched_together() -> None:
    parts = layout(50, [(1, 10, {}), (2, 10, {}), (3, 10, {}), (4, 15, {}), (5, 5, {})])
    assert ranges(parts, 20) == [(0, 20), (20, 30), (30, 50)]


def test_a_range_needs_a_byte() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        ranges(whole(5), 0)


@pytest.mark.parametrize(
    ("size", "sizes", "words"),
    [(10, [(1, 5, {})], "make up 5 bytes"), (4, [(1, 5, {}), (2, -1, {})], "part 2 has a size of -1")],
)
def test_parts_that_do_not_make_up_the_object(
    size: int, sizes: list[tuple[int, int, dict[str, str]]], words: str
) -> None:
    with pytest.raises(EdgepathError, match=words):
        layout(size, sizes)


def test_parts_are_ordered_by_their_number() -> None:
    assert layout(3, [(9, 1, {}), (2, 2, {"SHA1": "x"})]) == [Part(2, 0, 2, {"SHA1": "x"}), Part(9, 2, 3)]


ITEM = {"PartNumber": 1, "Size": 5, "ChecksumSHA256": "abc"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (None, None),
        ({}, None),
        ({"ObjectParts": {"TotalPartsCount": 2}}, None),
        ({"ObjectParts": {"TotalPartsCount": 2, "Parts": [ITEM]}}, None),
        ({"ObjectParts": {"TotalPartsCount": 1, "Parts": [ITEM]}}, [(1, 5, {"SHA256": "abc"})]),
        ({"ObjectParts": {"Parts": [{"PartNumber": 1, "Size": 5}]}}, [(1, 5, {})]),
    ],
)
def test_parts_from_attributes(attributes: dict[str, object] | None, expected: object) -> None:
    assert from_attributes(attributes) == expected


def test_checksums_of_an_answer() -> None:
    answer = {
        "ChecksumSHA1": "x",
        "ChecksumType": "COMPOSITE",
        "ChecksumAlgorithm": ["SHA1"],
        "ETag": "y",
        "ChecksumCRC32": "",
    }
    assert checksums_of(answer) == {"SHA1": "x"}
