# SPDX-License-Identifier: GPL-3.0-or-later
"""How the time to mask a text grows with it: seconds for n, 2n and 4n letters of texts that are made to be slow.

    python benchmarks/redaction.py [--letters 50000] [--most 3.0]

Linear is a ratio of about 2; the status is 1 where one is above --most (medians of three readings).
Run it with the oldest Python that an edge may have: only the standard library is needed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "module_utils"))

from edge.redaction.choose import KINDS, redact  # noqa: E402

# Texts of n letters, each made to be slow for some way of reading.
TEXTS = {
    "one word": lambda n: "x" * n,
    "one word, mixed": lambda n: "aB3" * (n // 3),
    "one number": lambda n: "7" * n,
    "key and one word": lambda n: "password: " + "y" * n,
    "known key, one word": lambda n: "read_timeout: " + "1" * n,
    "known url": lambda n: "proxy: http://" + "a:b@" * (n // 4),
    "secret words": lambda n: "password" * (n // 8),
    "many secrets": lambda n: "password=a " * (n // 11),
    "double quotes": lambda n: '"' * n,
    "open quotes, lines": lambda n: 'a: "\n' * (n // 5),
    "odd quotes": lambda n: "a: \"x'" + "'\"" * (n // 2),
    "escaped quotes": lambda n: 'k: "' + '\\"' * (n // 2),
    "open brackets": lambda n: "a: " + "[" * n,
    "open braces": lambda n: "{" * n,
    "braces with keys": lambda n: '{"a":' * (n // 5),
    "closed brackets": lambda n: "]" * n,
    "commas": lambda n: "a: [" + "1," * (n // 2),
    "deep indentation": lambda n: "".join(" " * (depth % 400) + f"k{depth}:\n" for depth in range(n // 206)),
    "deeper and deeper": lambda n: "".join(" " * depth + "k:\n" for depth in range(int((2 * n) ** 0.5))),
    "dashes": lambda n: "- " * (n // 2),
    "spaces": lambda n: "a: b" + " " * n + "c",
    "spaces before =": lambda n: "a" + " " * n + "b",
    "colons": lambda n: ":" * n,
    "colons and spaces": lambda n: ": " * (n // 2),
    "equals": lambda n: "=" * n,
    "backslashes": lambda n: "\\" * n,
    "continued lines": lambda n: "a = \\\n" * (n // 6),
    "hashes": lambda n: " #" * (n // 2),
    "anchors": lambda n: "a: &x *x " * (n // 9),
    "tags": lambda n: "a: " + "!!str " * (n // 6),
    "dots": lambda n: "a." * (n // 2),
    "hosts": lambda n: "no_proxy: " + "a.b," * (n // 4),
    "variables": lambda n: "${" * (n // 2),
    "dollars": lambda n: "set $a " + "$" * n,
    "elements": lambda n: "<a>" * (n // 3),
    "pem": lambda n: "-----BEGIN PRIVATE KEY-----\n" * (n // 28),
    "ats": lambda n: "@" * n,
    "slashes": lambda n: "/" * n,
    "calls": lambda n: "a(" * (n // 2),
    "calls of one word": lambda n: "a(b=" * (n // 4),
    "arrows": lambda n: "->" * (n // 2),
    "braces of conditions": lambda n: "use_backend a if " + "{ " * (n // 2),
    "options": lambda n: "ExecStart=/a " + "--a " * (n // 4),
    "line feeds": lambda n: "\n" * n,
    "short lines": lambda n: "a: 1\n" * (n // 5),
    "carriage returns": lambda n: "\r" * n,
    "multiline quotes": lambda n: 'a = """\n' * (n // 8),
    "json in prose": lambda n: '{"' * (n // 2),
}

# Seconds; below this a reading is the machine's noise.
_LEAST = 0.02


def seconds(text: str, kind: str) -> float:
    taken = []
    for _ in range(3):
        started = time.process_time()
        redact(text, kind)
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--letters", type=int, default=50_000)
    parser.add_argument("--most", type=float, default=3.0)
    given = parser.parse_args()
    worst = slow = 0
    for name, make in TEXTS.items():
        for kind in KINDS:
            times = [seconds(make(given.letters * factor), kind) for factor in (1, 2, 4)]
            ratios = [later / max(earlier, _LEAST) for earlier, later in zip(times, times[1:])]
            bad = max(ratios) > given.most
            slow += bad
            worst = max(worst, times[-1])
            if bad or times[-1] > 0.5:
                print(f"{name:24} {kind or 'unknown':12} {' '.join(f'{item:8.3f} s' for item in times)}"
                      f"   x{ratios[0]:.1f} x{ratios[1]:.1f}{'  NOT LINEAR' if bad else ''}")  # fmt: skip
    print(f"{len(TEXTS) * len(KINDS)} texts of {given.letters} to {4 * given.letters} letters; slowest {worst:.2f} s")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
