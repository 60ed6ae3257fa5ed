"""How long a dataset of 70,000 images takes to load from the array cache.

In a new process each time, the import of kmlp and NumPy not counted, and in comparison
with the bundled MNIST, which is unpacked. Run by `make bench`.

    python tests/benchmarks/data.py [--repeats 7]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

LOAD = """
import time
from kmlp import load_dataset
from kmlp.data.sources import lookup
lookup.check_dataset("kmnist")
started = time.perf_counter()
dataset = load_dataset({name!r})
print(time.perf_counter() - started, len(dataset.train) + len(dataset.validation))
"""


def fill():
    """Puts made-up images into the cache under a name of TFDS."""
    import numpy as np

    from kmlp.data import Split, cache
    from kmlp.data._examples import make_examples

    rng = np.random.default_rng(0)
    splits = [
        Split(
            x=rng.integers(0, 256, (count, 28, 28), "uint8"),
            y=rng.integers(0, 10, count).astype("int32"),
        )
        for count in (60_000, 10_000)
    ]
    with cache.locked("kmnist"), cache.atomic_folder("kmnist") as folder:
        cache.write(folder, "kmnist", make_examples(*splits, source="made up"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KMLP_CACHE_DIR"] = folder
        fill()
        seconds = {"kmnist": [], "mnist": []}
        for _ in range(options.repeats):
            for name, found in seconds.items():
                done = subprocess.run(
                    [sys.executable, "-c", LOAD.format(name=name)],
                    stdout=subprocess.PIPE, text=True, check=True,
                )  # fmt: skip
                found.append(float(done.stdout.split()[0]))
    for name, what in (("kmnist", "cached"), ("mnist", "bundled")):
        median, most = statistics.median(seconds[name]), max(seconds[name])
        print(f"70,000 images, {what}: {median:.3f} s (at most {most:.3f})")


if __name__ == "__main__":
    main()
