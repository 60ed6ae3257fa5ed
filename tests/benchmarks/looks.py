"""Makes the constants of `compare_sequentially`, which come with the library.

The p-value of a paired t-test at a look after `n` of at most `N` seeds is significant if it
is at most `c * n / N` times the level. For each `N` and each number of pairs `m`, `c` is such
that one pair without a difference is significant at any look with a probability of 0.05 / m.
That does not depend on its variance. It takes about a minute of two cores.

    python tests/benchmarks/looks.py [--sequences 2000000] [--write]
"""

import argparse
import csv
import sys

import numpy as np
from scipy.special import stdtr

from kmlp.statistics import _looks

COMPARISONS = (*range(1, 13), 15, 21, 28, 36, 45, 55, 66)
CHUNK = 50_000
LOWEST = 0.06
"""Only p-values below this, divided by the weight, decide about a constant."""


def lowest_p_values(sequences, seed=0):
    """Returns for each largest number of seeds the lowest p-value over its looks, weighed."""
    rng = np.random.default_rng(seed)
    sizes = np.arange(1, _looks.MOST + 1)
    kept = {most: [] for most in range(_looks.LEAST, _looks.MOST + 1)}
    for _ in range(sequences // CHUNK):
        draws = rng.standard_normal((CHUNK, _looks.MOST), np.float32).astype(float)
        sums, squares = draws.cumsum(1), (draws**2).cumsum(1)
        before = np.full(CHUNK, np.inf)
        for most, found in kept.items():
            n = sizes[most - 1]
            error = np.sqrt((squares[:, n - 1] - sums[:, n - 1] ** 2 / n) / (n - 1) / n)
            weighed = 2 * stdtr(n - 1, -np.abs(sums[:, n - 1] / n) / error) / n
            lowest = np.minimum(before, weighed) * most
            found.append(lowest[lowest < LOWEST])
            if most in _looks.LOOKS:
                before = np.minimum(before, weighed)
    return {most: np.sort(np.concatenate(found)) for most, found in kept.items()}


def constants(sequences, seed=0):
    """Returns the constants by the largest number of seeds, one for each of COMPARISONS."""
    rows = {}
    for most, lowest in lowest_p_values(sequences, seed).items():
        levels = [0.05 / m for m in COMPARISONS]
        found = [lowest[int(level * sequences) - 1] / level for level in levels]
        if most == _looks.LEAST:
            found = [1.0] * len(levels)  # one look needs no correction
        # Chance must not make a constant larger than that of fewer pairs.
        rows[most] = np.minimum(1, np.minimum.accumulate(found)).tolist()
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sequences", type=int, default=2_000_000)
    parser.add_argument("--write", action="store_true", help="into the library")
    options = parser.parse_args()
    table = [["most", *COMPARISONS]]
    for most, row in constants(options.sequences).items():
        table.append([most, *(f"{it:.3f}" for it in row)])
    if options.write:
        with _looks.TABLE.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
    csv.writer(sys.stdout).writerows(table)


if __name__ == "__main__":
    main()
