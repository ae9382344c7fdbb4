# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of addresses: tables of cases, and every operation against sets of plain integers."""

from __future__ import annotations

import ipaddress
from fractions import Fraction

import pytest
from ansible.module_utils.edge.egress import prefixes
from hypothesis import given
from hypothesis import strategies as st

# A small stretch around the end of IPv4, and one at the start of IPv6: 64 addresses each.
LINE = [*range((1 << 32) - 64, 1 << 32), *range(prefixes.IPV6, prefixes.IPV6 + 64)]


@st.composite
def blocks(draw):
    """An interval of the line that is a prefix."""
    bits = draw(st.integers(0, 5))
    start = draw(st.sampled_from(LINE)) >> bits << bits
    return (start, start + (1 << bits) - 1)


SETS = st.lists(blocks(), max_size=12)


def plain(intervals):
    return {point for low, high in intervals for point in range(low, high + 1)}


@given(SETS)
def test_union_is_canonical_and_complete(intervals):
    held = prefixes.union(intervals)
    assert plain(held) == plain(intervals)
    assert all(left[1] + 1 < right[0] for left, right in zip(held, held[1:]))


@given(SETS, SETS)
def test_operations_agree_with_sets_of_integers(left, right):
    a, b = prefixes.union(left), prefixes.union(right)
    assert plain(prefixes.intersect(a, b)) == plain(left) & plain(right)
    assert plain(prefixes.subtract(a, b)) == plain(left) - plain(right)
    assert prefixes.union(prefixes.subtract(a, b)) == prefixes.subtract(a, b)
    total = len(plain(left))
    assert prefixes.share(b, a) == (Fraction(len(plain(left) & plain(right)), total) if total else 0)


@given(SETS)
def test_prefixes_are_exact_and_minimal(intervals):
    held = prefixes.union(intervals)
    texts = prefixes.prefixes(held)
    assert plain(prefixes.parse(text) for text in texts) == plain(held)
    networks = [ipaddress.ip_network(text) for text in texts]
    for version in (4, 6):
        mine = [network for network in networks if network.version == version]
        assert list(ipaddress.collapse_addresses(mine)) == mine


@given(SETS, st.lists(blocks(), max_size=12))
def test_the_first_matching_layer_decides_every_address(intervals, layers):
    held = prefixes.union(intervals)
    parts = prefixes.first_match(held, [(layer, number) for number, layer in enumerate(layers)])
    seen = {}
    for low, high, number in parts:
        for point in range(low, high + 1):
            assert point not in seen
            seen[point] = number
    wanted = {
        point: next((number for number, (low, high) in enumerate(layers) if low <= point <= high), -1)
        for point in plain(held)
    }
    assert seen == wanted


@given(SETS, st.lists(blocks(), max_size=6))
def test_prefixes_that_are_not_whole_are_named(missing, listed):
    held = prefixes.union(missing)
    texts = [prefixes.prefixes([item])[0] for item in listed]
    wanted = [text for text, item in zip(texts, listed) if plain([prefixes.parse(text)]) & plain(held)]
    assert prefixes.touched(texts, held) == wanted


def test_what_a_list_leaves_out_is_counted():
    assert prefixes.some(["a", "b"], 2) == "a, b"
    assert prefixes.some(["a", "b", "c", "d"], 2) == "a, b and 2 more"


@given(SETS, st.lists(st.sampled_from(LINE), max_size=8))
def test_pieces_are_the_set_cut_at_the_cuts(intervals, cuts):
    held = prefixes.union(intervals)
    parts = prefixes.pieces(held, sorted(set(cuts)))
    assert plain(parts) == plain(held)
    assert sum(high - low + 1 for low, high in parts) == len(plain(held))
    assert all(not (low < cut <= high) for low, high in parts for cut in cuts)


@given(st.sampled_from(LINE), SETS)
def test_contains(point, intervals):
    assert prefixes.contains(prefixes.union(intervals), point) == (point in plain(intervals))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("10.0.0.77/24", "10.0.0.0", "10.0.0.255"),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
        ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fe80::1%eth0", "fe80::1", "fe80::1"),
        ("2a05:d050:c000::/40", "2a05:d050:c000::", "2a05:d050:c0ff:ffff:ffff:ffff:ffff:ffff"),
    ],
)
def test_parse(text, low, high):
    first, last = prefixes.parse(text)
    assert (prefixes.address(first), prefixes.address(last)) == (low, high)


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0", "10.0.0.256", "10.0.0.1/33", "10.0.0.1/", "10.0.0.٣", "::1/129", "s3.amazonaws.com", "1.2.3.+4"],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError):
        prefixes.parse(text)


def test_the_families_never_merge():
    held = prefixes.ranges(["0.0.0.0/0", "::/0"])
    assert prefixes.prefixes(held) == ["0.0.0.0/0", "::/0"]
    assert [prefixes.family(low) for low, _ in held] == [4, 6]
