"""The time of a retuned ablation, and the epochs of its tuning beside those of a full grid.

The grid trains every setting of the tuned field for all epochs, with as many seeds as the
last rung. Run by `make bench`.

    python tests/benchmarks/retune.py [--values 1,32,128] [--epochs 10] [--seeds 5]
"""

import argparse
import time
from tempfile import TemporaryDirectory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--values", default="1,32,128")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()

    from kmlp import ablate

    values = [int(value) for value in options.values.split(",")]
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        study = ablate(
            "batch_size",
            values,
            retune="learning_rate",
            epochs=options.epochs,
            seeds=options.seeds,
            jobs=options.jobs,
            runs_dir=folder,
        )
        seconds = time.perf_counter() - started
    print(f"batch_size {options.values}, mnist, {study.headline}: {seconds:.0f} s")
    for tuning in study.tunings:
        trained = sum(run.epochs for run in tuning.runs)
        grid = len(tuning.settings) * options.epochs
        rate = tuning.chosen.fields["learning_rate"]
        print(
            f"  batch_size {tuning.value}: rate {rate:g}, {trained} epochs of tuning, "
            f"{2 * grid} of a full grid with two seeds ({trained / (2 * grid):.0%})"
        )
    print(f"  fixed: {study.fixed.conclusion.finding}")
    print(f"  retuned: {study.conclusion.finding}")


if __name__ == "__main__":
    main()
