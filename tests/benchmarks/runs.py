"""What the store, the engine and workers cost and gain. Run by `make bench`.

- Listing runs, of which there are 10,000.
- What is done for a task beside training it: packing the checkpoint, the transaction.
- The default width ablation with one job and with two, from the moment at which the
  first run begins to train; both commands in turn.

    python tests/benchmarks/runs.py [--backend tensorflow] [--repeats 3]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

BACKENDS = ("tensorflow", "jax", "torch")


def listing(count=10_000):
    """Seconds of commands that list, as whole processes, by command."""
    from kmlp import RunConfig
    from kmlp.store import Store
    from kmlp.training.identity import RunIdentity

    with tempfile.TemporaryDirectory() as folder:
        with Store(Path(folder)) as store, store.writing():
            for n in range(count):
                config = RunConfig(width=1 + n % 100, seed=n)
                run = store._ensure_row(
                    RunIdentity(str(n), config, "jax", True, 1), fresh=False
                )
                store.connection.execute(
                    "UPDATE runs SET epochs = 10, val_accuracy = 0.5 WHERE id = ?", (run,)
                )
        times = {}
        for command in (
            "runs",
            "runs --where width=7 --limit 0",
            "runs --limit 0",
            "runs --limit 0 --json",
            "studies",
        ):
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "kmlp_cli", *command.split(), "--runs-dir", folder],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            times[command] = time.perf_counter() - started
    return times


def task_cost(backend):
    """Milliseconds of packing and of storing a checkpoint of the default model."""
    os.environ["KERAS_BACKEND"] = backend
    from kmlp import RunConfig, load_dataset
    from kmlp.store import Store
    from kmlp.training import Session
    from kmlp.training.checkpoint import CheckpointCodec
    from kmlp.training.identity import identify

    config = RunConfig(momentum=0.9, width=512)
    dataset = load_dataset("mnist")
    session = Session(config, dataset)
    record = session.train_epoch()
    codec, times = CheckpointCodec(config, dataset), []
    identity = identify(config, fused=True)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        store.acquire(identity)
        for epoch in range(1, 16):
            started = time.perf_counter()
            checkpoint_bytes = codec.dump(session.checkpoint())
            packed = time.perf_counter()
            records = (
                type(record)(**{f: getattr(record, f) for f in FIELDS}, epoch=epoch),
            )
            store.append(identity, records, {epoch: checkpoint_bytes}, fresh=False)
            times.append((packed - started, time.perf_counter() - packed))
    return [1000 * statistics.median(column) for column in zip(*times, strict=True)]


FIELDS = (
    "loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "seconds",
    "step_losses",
)  # fmt: skip


def ablation(backend, jobs):
    """Seconds of the default ablation: all of it, and from the first epoch's beginning."""
    os.environ["KERAS_BACKEND"] = backend
    from kmlp import ablate
    from kmlp.engine import EpochFinished

    began = []

    def observer(event):
        if isinstance(event, EpochFinished) and not began:
            began.append(time.perf_counter() - event.record.seconds)

    started = time.perf_counter()
    ablate("width", [32, 128, 512], jobs=jobs, runs_dir=":memory:", observer=observer)
    return time.perf_counter() - started, time.perf_counter() - began[0]


def in_process(name, *arguments):
    """A function of this file in a process of its own."""
    command = [sys.executable, __file__, "--call", json.dumps([name, *arguments])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=BACKENDS, action="append")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--call", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.call:
        name, *arguments = json.loads(options.call)
        print(json.dumps(globals()[name](*arguments)))
        return
    console = Console(width=120)
    for command, seconds in listing().items():
        console.print(f"kmlp {command}, of 10,000 runs: {seconds:.2f} s")
    costs = Table("backend", "packing ms", "storing ms", "of a task of 2 s")
    gains = Table("backend", "1 job s", "2 jobs s", "ratio", "ratio with start-up")
    for backend in options.backend or BACKENDS:
        packing, storing = in_process("task_cost", backend)
        share = (packing + storing) / 2000
        costs.add_row(backend, f"{packing:.0f}", f"{storing:.0f}", f"{100 * share:.1f} %")
        pairs = [
            [in_process("ablation", backend, jobs) for jobs in (1, 2)]
            for _ in range(options.repeats)
        ]
        one, two = (
            statistics.median(it[1] for it in column) for column in zip(*pairs, strict=True)
        )
        ratio = statistics.median(a[1] / b[1] for a, b in pairs)
        whole = statistics.median(a[0] / b[0] for a, b in pairs)
        gains.add_row(backend, f"{one:.1f}", f"{two:.1f}", f"{ratio:.2f}", f"{whole:.2f}")
    console.print(costs, gains)


if __name__ == "__main__":
    main()
