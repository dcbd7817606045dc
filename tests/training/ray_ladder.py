"""Run a ladder on a Ray cluster of two nodes on this machine: a script, for test_cluster.py.

    python ray_ladder.py FOLDER (lose-node | stop) POPULATION

Prints the rows as JSON. ``lose-node`` removes one node once a run is finished; ``stop`` ends the
driver there, and runs the ladder again from a new connection.
"""

from __future__ import annotations

import json
import sys

from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

from isoloss.training.cluster import run_cluster
from isoloss.training.ladder import Ladder, open_ladder


def main() -> None:
    folder, what, population = sys.argv[1], sys.argv[2], int(sys.argv[3])
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    ladder = open_ladder(folder)
    events: list[str] = []

    def watch(ladder: Ladder) -> None:
        if events or not ladder.rows():
            return
        events.append(what)
        if what == "lose-node":
            cluster.remove_node(second, allow_graceful=False)
        elif what == "stop":
            raise KeyboardInterrupt

    try:
        run_cluster(ladder, cluster.address, population=population, watch=watch)
    except KeyboardInterrupt:
        events.append(f"stopped with {len(ladder.rows())}")
        ladder = open_ladder(folder)
        run_cluster(ladder, cluster.address, population=population)
    print(json.dumps({"events": events, "rows": ladder.rows()}))
    cluster.shutdown()


if __name__ == "__main__":
    main()
