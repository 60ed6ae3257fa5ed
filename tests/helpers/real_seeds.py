"""Accuracies of many real seeds, `tests/data/real-seeds.csv`."""

import csv
from functools import cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).parents[1] / "data" / "real-seeds.csv"
IMAGES = 10_000


@cache
def accuracies(study, part="val"):
    """The values of a study, and its accuracies by value, seed and epoch.

    They are float32 as those of a run, and then double.
    """
    with FILE.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["study"] == study]
    values = sorted({float(row["value"]) for row in rows})
    seeds, epochs = (len({row[it] for row in rows}) for it in ("seed", "epoch"))
    right = np.full((len(values), seeds, epochs), np.nan, np.float32)
    for row in rows:
        place = values.index(float(row["value"])), int(row["seed"]), int(row["epoch"]) - 1
        right[place] = int(row[f"{part}_right"])
    return values, (right / np.float32(IMAGES)).astype(float)


def outcomes(study, at):
    """The validation accuracies of a study by value and seed, at the best or last epoch."""
    by_epoch = accuracies(study)[1]
    return by_epoch.max(-1) if at == "best" else by_epoch[..., -1]
