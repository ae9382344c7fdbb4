# SPDX-License-Identifier: GPL-3.0-or-later
"""How many calls of AWS the sweep makes for 5 and for 500 edges of one VPC, pages aside: at most 1.2 times as many.

    python benchmarks/egress_calls.py

Starts moto's server on loopback. A batch of filter values counts as a call of its own; a further page does not.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "module_utils"), str(ROOT)]
os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", MOTO_EC2_LOAD_DEFAULT_AMIS="false")

import ansible.module_utils  # noqa: E402

ansible.module_utils.__path__.append(str(ROOT / "module_utils"))

from ansible.module_utils.edge.egress.facts import gather  # noqa: E402
from ansible.module_utils.edge.targets import Edge  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

from tests.unit.egress import cloud as clouds  # noqa: E402
from tests.unit.egress.builders import host  # noqa: E402

FEW, MANY = 5, 500
MOST = 1.2


def main() -> int:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    name, port = server.get_host_and_port()
    cloud = clouds.build(f"http://{name}:{port}", edges=MANY)
    counts: dict[int, dict[str, int]] = {}
    for number in (FEW, MANY):
        edges = [
            Edge(f"edge-{index}", region=clouds.REGION, aws_endpoint_url=cloud.url, interface_id=interface)
            for index, interface in enumerate(cloud.interfaces[:number])
        ]
        with tempfile.TemporaryDirectory() as directory:
            run = clouds.run_with(directory, [edge.name for edge in edges], ["52.216.1.1"], host())
            counts[number] = gather(edges, run)[1]
    server.stop()
    for operation in sorted(counts[MANY]):
        print(f"  {operation:45} {counts[FEW].get(operation, 0):3} {counts[MANY][operation]:3}")
    few, many = (sum(counts[number].values()) for number in (FEW, MANY))
    print(f"{FEW} edges: {few} calls; {MANY} edges: {many} calls; ratio {many / few:.2f} (<= {MOST})")
    return 0 if many <= MOST * few else 1


if __name__ == "__main__":
    sys.exit(main())
