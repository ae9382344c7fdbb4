# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the pure part of the egress audit takes.

    one edge      5 groups x 60 rules, 3 prefix lists, every S3 prefix of a region: under 20 ms
    prefix sets   10,000 rules against all 16,828 prefixes of ip-ranges.json: under 2 s, and no worse than n log n

    python benchmarks/egress_judging.py

Best of several, since the machine may be busy; the growth is told by the median of five ratios.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils"), str(ROOT)]

import ansible.module_utils  # noqa: E402

ansible.module_utils.__path__.append(str(ROOT / "module_utils"))

from ansible.module_utils.edge.egress import groups, prefixes  # noqa: E402
from ansible.module_utils.edge.egress.checks import judge  # noqa: E402
from ansible.module_utils.edge.egress.model import GroupRule  # noqa: E402

from tests.unit.egress import builders  # noqa: E402

PREFIX_FILE = Path(__file__).parent / "data" / "ip-ranges-prefixes.txt"
EDGE_MILLISECONDS = 20.0
SETS_SECONDS = 2.0
RULES = 10_000


def real_prefixes() -> list[str]:
    lines = PREFIX_FILE.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def best(action: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def crowded_edge(listed: list[str]) -> dict:
    """Full groups of pinned ranges, three prefix lists, and the network of the tests."""
    chosen = random.Random(7)
    facts = builders.healthy()
    names = [f"sg-{number}" for number in range(5)]
    facts["interface"]["groups"] = names
    version4 = [text for text in listed if ":" not in text]
    for name in names:
        rules = [builders.rule(number, cidr=text) for number, text in enumerate(chosen.sample(version4, 57))]
        rules += [builders.rule(100 + number, prefix_list=f"pl-{number}") for number in range(3)]
        facts["network"]["groups"][name] = builders.group(name, *rules)
    for number in range(3):
        entries = chosen.sample(version4, 300)
        held = builders.prefix_list(f"pl-{number}", entries, owner="111111111111", max_entries=300)
        facts["network"]["prefix_lists"][f"pl-{number}"] = held
    return facts


def one_edge(listed: list[str]) -> float:
    facts = crowded_edge(listed)
    dns = {"storage_addresses": [text.split("/")[0].rsplit(".", 1)[0] + ".9" for text in builders.S3_PREFIXES[:8]]}
    return best(lambda: judge(builders.EDGE, facts, {"dns": dns}), 20) * 1000


def covering(rules: list[str], listed: list[str]) -> tuple[int, int]:
    """Parse, union, difference, minimal remainder, and the deciding rule of every address: all that judging does."""
    destinations = prefixes.ranges(listed)
    held = [
        GroupRule(f"sgr-{number}", "sg", 6, (443, 443), "cidr", text, [prefixes.parse(text)])
        for number, text in enumerate(rules)
    ]
    judged = groups.judge(held, destinations, 443)
    covered = prefixes.union(interval for rule in held for interval in rule.matches)
    missing = prefixes.subtract(destinations, covered)
    return len(judged), len(prefixes.prefixes(missing))


def growth(listed: list[str]) -> float:
    """Time of the whole against that of a quarter, over what n log n allows; 1.0 is exactly n log n."""
    chosen = random.Random(11)
    quarter, rules = chosen.sample(listed, len(listed) // 4), chosen.sample(listed, RULES)
    allowed = (len(listed) * math.log(len(listed))) / (len(quarter) * math.log(len(quarter)))
    ratios = []
    for _ in range(5):
        small = best(lambda: covering(rules[: RULES // 4], quarter), 2)
        large = best(lambda: covering(rules, listed), 2)
        ratios.append(large / small / allowed)
    return statistics.median(ratios)


def main() -> int:
    listed = real_prefixes()
    rules = random.Random(3).sample(listed, RULES)
    edge = one_edge(listed)
    sets = best(lambda: covering(rules, listed), 5)
    grown = growth(listed)
    print(
        f"one edge, 300 rules, 3 lists, {len(builders.S3_PREFIXES)} prefixes: {edge:.1f} ms (< {EDGE_MILLISECONDS:g})"
    )
    print(f"{RULES} rules x {len(listed)} prefixes: {sets:.2f} s (< {SETS_SECONDS:g})")
    print(f"growth from a quarter to the whole: {grown:.2f} of n log n (<= 1.25, for noise)")
    return 0 if edge < EDGE_MILLISECONDS and sets < SETS_SECONDS and grown <= 1.25 else 1


if __name__ == "__main__":
    sys.exit(main())
