"""A Ray cluster in a separate process, by Ray's own utility for tests.

Reads commands from its input, a line each, and answers each with a line: `head`, `node`
with its options as JSON, `kill-head`, `kill-node`.
"""

import json
import os
import sys


def main():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Ray prints is no answer
    from ray.cluster_utils import Cluster

    cluster, nodes = Cluster(), []
    try:
        for line in sys.stdin:
            word, _, options = line.strip().partition(" ")
            if word in ("head", "node"):
                extra = {"include_dashboard": False} if word == "head" else {}
                node = cluster.add_node(**json.loads(options or "{}"), **extra)
                if word == "node":
                    nodes.append(node)
            elif word == "kill-head":
                cluster.head_node.kill_all_processes(
                    check_alive=False, allow_graceful=False
                )
            elif word == "kill-node":
                cluster.remove_node(nodes.pop(), allow_graceful=False)
            print(cluster.address, file=answers, flush=True)
    finally:
        for node in nodes:
            node.kill_all_processes(check_alive=False, allow_graceful=False)
        if cluster.head_node is not None:
            cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)


if __name__ == "__main__":
    main()
