"""Records and runs that no training made."""

import numpy as np

from kmlp import RunConfig
from kmlp.studies.ablation import Ablation
from kmlp.studies.level_result import LevelResult
from kmlp.training.run import EpochRecord, Run


def made_up_record(epoch, accuracy, loss=None, metrics=None):
    """An epoch with the same accuracy everywhere; nan stands for one that diverged.

    Its loss is 1 minus the accuracy unless another one is given.
    """
    loss = 1 - accuracy if loss is None else loss
    return EpochRecord(
        epoch=epoch,
        loss=loss,
        accuracy=accuracy,
        val_loss=loss,
        val_accuracy=accuracy,
        test_loss=loss,
        test_accuracy=accuracy,
        metrics=metrics or {},
        seconds=1.0,
        step_losses=np.ones(1, "float32"),
    )


def made_up_run(accuracies, losses=None, **options):
    """A finished run with an epoch for each validation accuracy, and perhaps its losses."""
    losses = losses or [None] * len(accuracies)
    return Run(
        fused=True,
        config=RunConfig(),
        backend="none",
        parameters=10,
        history=tuple(
            made_up_record(epoch, *values)
            for epoch, values in enumerate(zip(accuracies, losses, strict=True), start=1)
        ),
        **options,
    )


def made_up_ablation(accuracies, *, seeds=None, param="width", base=None, losses=None):
    """An ablation whose runs' validation accuracies are given: value -> one a seed.

    An accuracy is that of the only epoch, or a list with one for each epoch. nan stands for
    a diverged run. The losses are given in the same way, else each is 1 minus the accuracy.
    """
    first = next(iter(accuracies.values()))
    epochs = np.size(first[0])
    seeds = seeds or tuple(range(len(first)))
    values = []
    for value, column in accuracies.items():
        runs = []
        others = column if losses is None else losses[value]
        for seed, accuracy, loss in zip(seeds, column, others, strict=True):
            epochs_of_run = zip(
                np.atleast_1d(accuracy).tolist(), np.atleast_1d(loss).tolist(), strict=True
            )
            run = Run(
                fused=True,
                config=RunConfig(**{param: value, "seed": seed}),
                backend="none",
                parameters=10,
                history=tuple(
                    made_up_record(epoch, one, None if losses is None else other)
                    for epoch, (one, other) in enumerate(epochs_of_run, start=1)
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
