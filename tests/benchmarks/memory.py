"""Resident memory of a command and its worker over many runs, each of another width.

Each run needs a program of its own. A worker keeps at most 8 compiled models with their
programs, and is replaced after 16, because backends do not free all of a program.

    python tests/benchmarks/memory.py [--backend jax] [--runs 300]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")


def resident(pid):
    """MiB of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(backend, runs):
    """Resident MiB of this process and of its worker after each run."""
    os.environ["KERAS_BACKEND"] = backend
    from kmlp import RunConfig
    from kmlp.engine import RunRequest, Target, TaskResult, execute
    from kmlp.executors import ProcessExecutor
    from kmlp.model.run_data import dataset_of
    from kmlp.store import Store
    from kmlp.studies.runner import ListPlanner
    from kmlp.training.identity import identify

    # Each width once, large and small ones in turn: a large model takes more memory.
    widths = [16 + n * 131 % runs for n in range(runs)]
    assert len(set(widths)) == runs, "choose another number of runs"
    configs = [RunConfig(width=width, depth=1, train_size=1000) for width in widths]
    found = []

    class Watched(ProcessExecutor):
        def result(self, timeout=None):
            result = super().result(timeout)
            assert isinstance(result, TaskResult), result
            workers = [resident(pid) for pid in self.pids()]
            found.append((resident("self"), sum(workers) if workers else found[-1][1]))
            if len(found) % 25 == 0:
                print(f"{backend}: {len(found)} of {runs} runs", file=sys.stderr)
            return result

    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder)) as store,
        Watched(1) as executor,
    ):
        execute(
            ListPlanner(RunRequest(config, Target(1)) for config in configs),
            store=store,
            executor=executor,
            identify=partial(identify, fused=True),
            load=dataset_of,
        )
    return found


def main():
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=BACKENDS, action="append")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--measure", choices=BACKENDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.runs)))
        return
    table = Table(
        title="Resident MiB after runs of changing widths; growth from the first 100 runs to the last",
        title_justify="left",
    )
    table.add_column("backend")
    shown = [1, *range(10, options.runs + 1, max(10, options.runs // 8))]
    for run in shown:
        table.add_column(f"run {run}", justify="right")
    table.add_column("growth", justify="right")
    table.add_column("most to\nleast", justify="right")
    for backend in options.backend or BACKENDS:
        done = subprocess.run(
            [sys.executable, *sys.argv, "--measure", backend],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        measured = json.loads(done.stdout.splitlines()[-1])
        for name, figures in zip(
            ("main", "worker"), zip(*measured, strict=True), strict=True
        ):
            after = figures[10:]
            growth = statistics.median(after[-100:]) / statistics.median(after[:100]) - 1
            most = max(after) / min(after) - 1
            cells = [f"{figures[run - 1]:.0f}" for run in shown]
            table.add_row(
                f"{backend}, {name}",
                *cells,
                f"{100 * growth:+.1f} %",
                f"{100 * most:.1f} %",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
