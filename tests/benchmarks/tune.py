"""A search of the labs' space: `kmlp_tuning.tune` beside Keras Tuner's own Hyperband.

Widths 64, 128, 256; hidden layers 1, 2, 6; learning rate 1e-4 to 1e-1; batch sizes 1, 16,
32; cross entropy, multi-margin, nll; 10 epochs at most, on MNIST with 50,000 images.

Keras Tuner's search builds the same models and trains them by plain `model.fit`. It is cut
after some minutes; from the time of its epochs, by batch size, follows how long the
configurations and epochs of our search would have taken it. A batch size that it did not
come to counts with the time a step of the nearest one.

    python tests/benchmarks/tune.py [--backend tensorflow] [--minutes 10] [--memory]
"""

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")
IMAGES = 50_000
SPACE = {
    "width": [64, 128, 256],
    "depth": [1, 2, 6],
    "learning_rate": "1e-4:1e-1:log",
    "batch_size": [1, 16, 32],
    "loss": ["cross_entropy", "multi_margin", "nll"],
}


def ours(backend):
    """Seconds of our search, and the batch size and epochs of each of its trials."""
    from kmlp_tuning import tune

    started = time.perf_counter()
    found = tune(SPACE, max_trials=25, replicates=0, runs_dir=":memory:")
    seconds = time.perf_counter() - started
    work = [(it.config.batch_size, it.epochs) for it in found.trials]
    return {
        "seconds": seconds,
        "work": work,
        "best": found.best().score("val_accuracy"),
        "epochs": sum(epochs for _, epochs in work),
    }


def stock(backend, minutes):
    """Seconds of each epoch of Keras Tuner's search, by batch size, as far as it came."""
    import keras
    import keras_tuner

    from kmlp import load_dataset
    from kmlp_tuning import MLPHyperModel

    epochs = defaultdict(list)
    ends = time.perf_counter() + 60 * minutes

    class Plain(MLPHyperModel):
        def fit(self, hp, model, x, y, *, callbacks, **options):
            size = self.config(hp).batch_size

            class Clock(keras.callbacks.Callback):
                def on_epoch_begin(self, epoch, logs=None):
                    self.began = time.perf_counter()

                def on_batch_end(self, batch, logs=None):
                    now = time.perf_counter()
                    if now > ends:
                        part = (batch + 1) * size / IMAGES
                        if part > 0.05:
                            epochs[size].append((now - self.began) / part)
                        raise KeyboardInterrupt

                def on_epoch_end(self, epoch, logs=None):
                    epochs[size].append(time.perf_counter() - self.began)

            return model.fit(
                x, y, batch_size=size, callbacks=[*callbacks, Clock()], **options
            )

    dataset = load_dataset("mnist")
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.Hyperband(
            Plain(SPACE), "val_accuracy", max_epochs=10, seed=1, directory=folder
        )
        with contextlib.suppress(KeyboardInterrupt):
            tuner.search(
                dataset.train.x, dataset.train.y, verbose=0,
                validation_data=(dataset.validation.x, dataset.validation.y),
            )  # fmt: skip
        return {
            "trials": len(tuner.oracle.trials),
            "epochs": {size: found for size, found in epochs.items() if found},
        }


def memory(backend, trials):
    """Resident MiB of this process and of its workers after each of many trials."""
    import psutil

    from kmlp import RunConfig
    from kmlp.engine import RunFinished
    from kmlp_tuning import tune

    found = []
    me = psutil.Process()

    def observer(event):
        if isinstance(event, RunFinished):
            workers = sum(it.memory_info().rss for it in me.children(recursive=True))
            found.append((me.memory_info().rss / 2**20, workers / 2**20))

    tune(
        {"width": "16:512", "depth": [1, 2, 3], "learning_rate": "1e-3:1:log"},
        base=RunConfig(train_size=1000), max_trials=trials, max_epochs=3, replicates=0,
        observer=observer, runs_dir=":memory:",
    )  # fmt: skip
    return found


def in_process(name, backend, *arguments):
    """A function of this file in a process of its own."""
    call = json.dumps([name, backend, *arguments])
    done = subprocess.run(
        [sys.executable, __file__, "--call", call],
        stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    return json.loads(Path(done.stdout.splitlines()[-1]).read_text())


def an_epoch(seconds, size):
    """Seconds of an epoch at a batch size, from those at some."""
    nearest = min(seconds, key=lambda known: abs(math.log(known / size)))
    return seconds[nearest] * nearest / size  # as many seconds a step


def main():
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", choices=BACKENDS, action="append")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--memory", action="store_true", help="Only that, of 100 trials.")
    parser.add_argument("--call", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.call:
        name, *arguments = json.loads(options.call)
        answer = json.dumps(globals()[name](*arguments))
        with tempfile.NamedTemporaryFile("w", delete=False, suffix=".json") as file:
            file.write(answer)
        print(file.name)
        return
    console = Console(width=120)
    backends = options.backend or ["tensorflow"]
    if options.memory:
        table = Table("backend", "process", "trial 10", "trial 50", "trial 100", "growth")
        for backend in backends:
            found = in_process("memory", backend, 100)
            for name, column in zip(
                ("main", "workers"), zip(*found, strict=True), strict=True
            ):
                first, last = (
                    statistics.median(it) for it in (column[10:40], column[-30:])
                )
                cells = [f"{column[n]:.0f}" for n in (9, 49, 99)]
                table.add_row(backend, name, *cells, f"{100 * (last / first - 1):+.1f} %")
        console.print("Resident MiB after trials", table)
        return
    table = Table(
        "backend",
        "ours s",
        "epochs",
        "best %",
        "Keras Tuner ran s",
        "it would take s",
        "ratio",
    )
    for backend in backends:
        mine = in_process("ours", backend)
        theirs = in_process("stock", backend, options.minutes)
        seconds = {int(k): statistics.median(it) for k, it in theirs["epochs"].items()}

        total = sum(epochs * an_epoch(seconds, size) for size, epochs in mine["work"])
        ran = sum(sum(it) for it in theirs["epochs"].values())
        table.add_row(
            backend,
            f"{mine['seconds']:.0f}",
            str(mine["epochs"]),
            f"{100 * mine['best']:.2f}",
            f"{ran:.0f}",
            f"{total:.0f}",
            f"{total / mine['seconds']:.1f}",
        )
        each = {
            k: f"{v:.1f} s ({len(theirs['epochs'][str(k)])})" for k, v in seconds.items()
        }
        console.print(f"{backend}: an epoch of Keras Tuner by batch size: {each}")
    console.print(table)


if __name__ == "__main__":
    main()
