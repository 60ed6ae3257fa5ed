"""Which hyperparameter mattered in a search, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kmlp.config import value_text
from kmlp_tuning.space import Range, SearchSpace
from kmlp_tuning.trial import Trial

MIN_TRIALS = 8
"""Fewer trials say nothing about several hyperparameters."""

_FOLDS = 4
_TREES = 10
"""Of each forest; with 20 repeats, 800 in all."""


@dataclass(frozen=True, slots=True)
class Importance:
    """What a field had to do with the accuracy."""

    field: str
    drop: float
    """By how much the prediction of the validation accuracy of configurations that a
    forest has not seen gets worse if their values of the field are shuffled: the mean
    absolute error, less that without shuffling, in accuracy (0 to 1)."""
    interval: tuple[float, float]
    """Between which 95 % of the drops are, over the repeats."""


@dataclass(frozen=True, slots=True)
class Importances:
    """Of all fields that were searched, the most important first."""

    fields: tuple[Importance, ...]
    epochs: int
    """After how many epochs the accuracy was compared: as many as all trials have."""
    trials: int
    explained: float
    """The share of the variation that the forests predict of configurations that they
    have not seen (R², their median over the repeats); 0 or less: nothing, and so the
    importances say nothing."""


def importances(
    trials: Sequence[Trial], space: SearchSpace, *, chance: float, repeats: int = 20
) -> Importances | None:
    """Permutation importance over the trials of a search.

    A random forest predicts the validation accuracy from the hyperparameters; the trials
    are split into four parts, each predicted by a forest of the others, with each field
    shuffled in turn; and all of that with `repeats` other splits, forests and shuffles.

    Args:
        trials: Those of the search.
        space: What was searched.
        chance: The accuracy that a trial counts with that diverged.
        repeats: How often. Defaults to 20.

    Returns:
        None where fewer than eight trials have an epoch.

    Reference: L. Breiman (2001), Random forests, Machine Learning 45(1).
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold

    usable = [it for it in trials if it.run is not None and it.run.epochs]
    whole = [it.run for it in usable if it.run is not None and it.run.status == "finished"]
    if len(usable) < MIN_TRIALS or not whole:
        return None
    epochs = min(run.epochs for run in whole)
    x = np.array([_vector(trial, space) for trial in usable])
    y = np.array([_accuracy(trial, epochs, chance) for trial in usable])
    drops, shares = [], []
    for repeat in range(repeats):
        predicted = np.empty_like(y)
        found = np.zeros(x.shape[1])
        folds = KFold(_FOLDS, shuffle=True, random_state=repeat)
        for train, test in folds.split(x):
            forest = RandomForestRegressor(_TREES, random_state=repeat, min_samples_leaf=2)
            forest.fit(x[train], y[train])
            predicted[test] = forest.predict(x[test])
            of_fold = permutation_importance(
                forest,
                x[test],
                y[test],
                scoring="neg_mean_absolute_error",
                n_repeats=1,
                random_state=repeat,
            )
            found += of_fold.importances_mean * len(test) / len(y)
        drops.append(found)
        shares.append(r2_score(y, predicted))
    low, high = np.quantile(drops, [0.025, 0.975], axis=0)
    means = np.mean(drops, axis=0)
    fields = [
        Importance(name, float(means[i]), (float(low[i]), float(high[i])))
        for i, name in enumerate(space.fields)
    ]
    return Importances(
        fields=tuple(sorted(fields, key=lambda it: -it.drop)),
        epochs=epochs,
        trials=len(usable),
        explained=float(np.median(shares)),
    )


def _vector(trial: Trial, space: SearchSpace) -> list[float]:
    """A configuration as numbers: a number as itself or its logarithm, names and the
    like by their place among the choices.
    """
    vector = []
    for name, domain in space.fields.items():
        value = getattr(trial.config, name)
        if isinstance(domain, Range):
            vector.append(np.log(value) if domain.sampling == "log" else float(value))
        elif all(isinstance(it, int | float) for it in domain.values):
            vector.append(float(value))
        else:
            texts = [value_text(name, it) for it in domain.values]
            text = value_text(name, value)
            vector.append(float(texts.index(text)) if text in texts else -1.0)
    return vector


def _accuracy(trial: Trial, epochs: int, chance: float) -> float:
    assert trial.run is not None
    record = trial.run.history[min(epochs, trial.run.epochs) - 1]
    return record.val_accuracy if record.finite else chance
