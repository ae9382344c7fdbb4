# SPDX-License-Identifier: GPL-3.0-or-later
"""The history against a naive one that keeps every run whole and works everything out from the beginning."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ansible.module_utils.edge.history import query
from ansible.module_utils.edge.history.record import record
from ansible.module_utils.edge.history.schema import metadata
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from tests.examples import examples
from tests.unit.history import made

EDGES = ("london", "paris")
OPEN = ("fail", "waived", "unknown")
WINDOW = 4

SAID = st.tuples(
    st.sampled_from(made.CHECKS[:2]), st.sampled_from(["a", "b"]),
    st.sampled_from(["pass", "fail", "unknown", "not_applicable", "waived"]), st.sampled_from(["one", "two"]),
)  # fmt: skip
ANSWERS = st.lists(SAID, max_size=4, unique_by=lambda said: said[:2])
RUNS = st.lists(st.dictionaries(st.sampled_from(EDGES), ANSWERS), min_size=1, max_size=7)


class Naive:
    """Every finding's whole life as a list, an entry a run of its edge: (status, observed), GONE, or not looked at."""

    def __init__(self) -> None:
        self.lives: dict[tuple[str, str, str], list[Any]] = {}
        self.seen: dict[tuple[str, str, str], list[int]] = {}
        self.runs_of: Counter[str] = Counter()

    def run(self, number: int, edges: dict[str, Any]) -> tuple[dict[Any, str], set[Any]]:
        words, gone = {}, set()
        for edge, said in edges.items():
            compared = self.runs_of[edge] > 0
            self.runs_of[edge] += 1
            now = {(edge, check, resource): (status, observed) for check, resource, status, observed in said}
            for key, answer in now.items():
                life = self.lives.setdefault(key, [])
                word = self.word(life, answer)
                if word and compared:
                    words[key] = word
                life.append((self.runs_of[edge], *answer))
                self.seen.setdefault(key, []).append(number)
            for key, life in self.lives.items():
                of_check = [status for (_, check, _), (status, _) in now.items() if check == key[1]]
                looked = bool(of_check) and "unknown" not in of_check
                if key[0] == edge and key not in now and looked and life[-1][1] != "gone":
                    if life[-1][1] in OPEN:
                        gone.add(key)
                    life.append((self.runs_of[edge], "gone", ""))
        return words, gone

    @staticmethod
    def word(life: list[Any], answer: tuple[str, str]) -> str | None:
        was = life[-1][1:] if life else ("gone", "")
        if answer[0] in OPEN:
            if was[0] not in OPEN:
                return "new"
            return "unchanged" if was == answer else "changed"
        return "fixed" if was[0] in OPEN else None

    def flips(self, key: Any) -> int:
        """Changes between broken and sound that the last runs of the edge brought, what is unknown left out."""
        settled = [(nth, status in ("fail", "waived")) for nth, status, _ in self.lives[key] if status != "unknown"]
        recent = self.runs_of[key[0]] - WINDOW
        return sum(now != was and nth > recent for (_, was), (nth, now) in zip(settled, settled[1:], strict=False))


@settings(max_examples=examples(150))
@given(RUNS)
def test_new_fixed_changed_gone_first_seen_and_flapping_are_those_of_a_naive_history(runs: list[Any]) -> None:
    naive = Naive()
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for number, edges in enumerate(runs):
            expected, gone = naive.run(number, edges)
            report = made.report(number, edges)
            told = record(connection, report)
            keys = {row.uid: (row.finding["edge"], row.id, row.finding["resource"]) for row in report.rows}
            assert {keys[uid]: word for uid, word in told.changes.items()} == expected
            assert {(item["edge"], item["check"], item["resource"]) for item in told.gone} == gone
            for uid, first in told.first_seen.items():
                assert first == made.report(naive.seen[keys[uid]][0], {}).run["started"]
            flapping = query.flapping(connection, EDGES, WINDOW, 1)
            for row in report.rows:
                assert flapping.get(row.uid, 0) == naive.flips(keys[row.uid])
    engine.dispose()


@settings(max_examples=examples(60))
@given(RUNS, st.data())
def test_the_difference_of_any_two_runs_is_that_of_a_naive_history(runs: list[Any], data: st.DataObject) -> None:
    stood: list[dict[Any, Any]] = []
    naive = Naive()
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for number, edges in enumerate(runs):
            naive.run(number, edges)
            record(connection, made.report(number, edges))
            stood.append({key: life[-1][1:] for key, life in naive.lives.items()})
        old, new = sorted(data.draw(st.tuples(*[st.integers(0, len(runs) - 1)] * 2)))
        told = query.diff(connection, f"run-{old:04}", f"run-{new:04}")
    engine.dispose()
    shared = set(runs[old]) & set(runs[new])
    expected: dict[str, set[Any]] = {"new": set(), "fixed": set(), "changed": set(), "unchanged": set()}
    for key, now in stood[new].items():
        if key[0] in shared:
            word = Naive.word([(0, *stood[old][key])] if key in stood[old] else [], now)
            if word:
                expected[word].add(key)
    for word in ("new", "fixed", "changed"):
        assert {(item["edge"], item["check"], item["resource"]) for item in told[word]} == expected[word]
    assert told["unchanged"] == len(expected["unchanged"])
    assert told["edges"] == len(shared)


@given(RUNS, st.integers(1, 8))
def test_the_trend_counts_an_edge_that_a_run_left_out_as_it_stood(runs: list[Any], points: int) -> None:
    standing: dict[str, Counter[str]] = {}
    expected = []
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        for number, edges in enumerate(runs):
            record(connection, made.report(number, edges))
            standing.update({edge: Counter(status for _, _, status, _ in said) for edge, said in edges.items()})
            total = sum(standing.values(), Counter())
            expected.append((bool(edges), {word: total[word] for word in OPEN}))
        told = query.trend(connection, EDGES, points)
    engine.dispose()
    wanted = [counts for with_edges, counts in expected[-points:] if with_edges]
    assert [{word: point[word] for word in OPEN} for point in told] == wanted
