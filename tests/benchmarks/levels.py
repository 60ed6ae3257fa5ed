"""The time to load, show and report an ablation of many values, by their number.

The runs are made up, with ten seeds and ten epochs. Work that grows with the square of the
number of values shows as a ratio of 9 from 100 to 300 values.

    python tests/benchmarks/levels.py [--values 10,30,100,300]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")

SEEDS = 10
EPOCHS = 10


def store_ablation(folder, count):
    """Store an ablation of learning rates whose runs are made up."""
    from kmlp import RunConfig
    from kmlp.data import load_dataset
    from kmlp.store import Store
    from kmlp.store.studies import put_study
    from kmlp.studies.ablate import ablation_spec
    from kmlp.training.environment import describe_environment
    from kmlp.training.identity import identify
    from kmlp.training.run import EpochRecord

    random = np.random.default_rng(0)
    rates = [float(f"{rate:.4g}") for rate in np.geomspace(1e-4, 1, count)]
    spec = ablation_spec(
        "learning_rate", rates, base=RunConfig(), seeds=SEEDS, name="rates"
    )
    dataset = load_dataset("mnist")
    identities = {
        config: identify(config, fused=True, settings={}, dataset=dataset)
        for row in spec.runs_by_level
        for config in row
    }
    with Store(folder, environment=describe_environment()) as store:
        for config, identity in identities.items():
            top = 0.97 - 0.02 * abs(np.log10(config.learning_rate) + 0.7)
            records = []
            for epoch in range(1, EPOCHS + 1):
                right = round(10_000 * (top - 0.3 / epoch + random.normal(0, 0.002)))
                accuracy = float(np.float32(right / 10_000))
                figures = dict.fromkeys(
                    ("accuracy", "val_accuracy", "test_accuracy"), accuracy
                )
                losses = dict.fromkeys(("loss", "val_loss", "test_loss"), 1 - accuracy)
                records.append(
                    EpochRecord(
                        epoch=epoch,
                        seconds=1.0,
                        step_losses=np.ones(64, "float32"),
                        **figures,
                        **losses,
                    )
                )
            store.acquire(identity)
            store.append(identity, records, {}, fresh=False)
            store.release(identity)
        put_study(store, spec.record(identities, fused=True).shown())


def measure(folder):
    """Return the seconds of each part, by its name."""
    from kmlp import load_study

    seconds = {}

    def timed(name, function):
        started = time.perf_counter()
        result = function()
        seconds[name] = time.perf_counter() - started
        return result

    study = timed("load", lambda: load_study("rates", folder))
    timed("tables", lambda: study.tables(brief=True))
    timed("json", study.to_dict)
    timed("report", lambda: study.report(Path(folder) / "report.html"))
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--values", default="10,30,100,300")
    counts = [int(count) for count in parser.parse_args().values.split(",")]
    print("values    load  tables    json  report   (seconds)")
    for count in [counts[0], *counts]:  # the first time, modules are imported
        with tempfile.TemporaryDirectory() as folder:
            store_ablation(Path(folder), count)
            seconds = measure(folder)
        print(f"{count:6}" + "".join(f"{number:8.2f}" for number in seconds.values()))


if __name__ == "__main__":
    main()
