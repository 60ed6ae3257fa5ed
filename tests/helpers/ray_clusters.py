"""What the tests need that train on real Ray clusters, all nodes of which are here."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

NODES = Path(__file__).parents[1] / "clusters" / "nodes.py"

WORK = [
    "ablate", "--param", "learning_rate", "--values", "0.1,0.05", "--seeds", "2", "--epochs", "6",
    "--train-size", "4992", "--depth", "1", "--momentum", "0.9", "--batch-size", "8",
]  # fmt: skip
RUNS, EPOCHS = 4, 6


class Nodes(contextlib.AbstractContextManager):
    """A cluster whose nodes come and go."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, str(NODES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def do(self, word, **options):
        self._process.stdin.write(f"{word} {json.dumps(options)}\n")
        self._process.stdin.flush()
        self.address = self._process.stdout.readline().strip()
        assert self.address, f"the cluster ended at {word}"
        return self

    def workers(self):
        """The processes that train on it."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
                if (
                    session == self._process.pid
                    and b"ray::NodeWorker" in (entry / "cmdline").read_bytes()
                ):
                    found.append(int(entry.name))
            except OSError:  # it has ended
                continue
        return found

    def __exit__(self, *exception):
        self._process.communicate(timeout=60)
        with contextlib.suppress(ProcessLookupError):  # what lost its node is still there
            os.killpg(self._process.pid, signal.SIGKILL)


def one_node(**options):
    return Nodes().do("head", num_cpus=1, **options)


def two_nodes():
    return one_node().do("node", num_cpus=1)


def on(nodes):
    """The options that have a command train there."""
    return ["--executor", "ray", "--ray-address", nodes.address]


def wait_until(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it does not come to that"
        time.sleep(0.1)
