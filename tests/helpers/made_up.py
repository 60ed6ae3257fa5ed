"""Records and runs that no training made."""

import numpy as np

from kmlp import RunConfig
from kmlp.studies.ablation import Ablation
from kmlp.studies.level_result import LevelResult
from kmlp.training.run import EpochRecord, Run


def made_up_record(epoch, accuracy):
    """An epoch with the same accuracy everywhere; nan stands for one that diverged."""
    return EpochRecord(
        epoch=epoch,
        loss=1 - accuracy,
        accuracy=accuracy,
        val_loss=1 - accuracy,
        val_accuracy=accuracy,
        test_loss=1 - accuracy,
        test_accuracy=accuracy,
        seconds=1.0,
        step_losses=np.ones(1, "float32"),
    )


def made_up_ablation(accuracies, *, seeds=None, param="width", base=None):
    """An ablation whose runs' validation accuracies are given: value -> one a seed.

    An accuracy is that of the only epoch, or a list with one for each epoch. nan stands for
    a diverged run.
    """
    first = next(iter(accuracies.values()))
    epochs = np.size(first[0])
    seeds = seeds or tuple(range(len(first)))
    values = []
    for value, column in accuracies.items():
        runs = []
        for seed, accuracy in zip(seeds, column, strict=True):
            run = Run(
                fused=True,
                config=RunConfig(**{param: value, "seed": seed}),
                backend="none",
                parameters=10,
                history=tuple(
                    made_up_record(epoch, value)
                    for epoch, value in enumerate(np.atleast_1d(accuracy).tolist(), start=1)
                ),
            )
            runs.append(run)
        values.append(
            LevelResult(value=value, parameters=10, runs=tuple(runs), chance_limit=0.115)
        )
    return Ablation(
        name="made-up",
        param=param,
        base=base or RunConfig(train_size=1000, width=16, depth=1),
        epochs=epochs,
        seeds=seeds,
        backend="none",
        fused=True,
        levels=tuple(values),
    )
