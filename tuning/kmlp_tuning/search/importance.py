"""Which hyperparameter mattered in a search, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from kmlp._util.text import count_of
from kmlp.model.config import value_text
from kmlp.statistics import Estimate, estimate
from kmlp_tuning.search.trial import Trial
from kmlp_tuning.space.domains import Range
from kmlp_tuning.space.space import SearchSpace

MIN_TRIALS = 8
"""Fewer trials say nothing about several hyperparameters."""

_FOLDS = 4
_TREES = 10
"""Of each forest; with 20 repeats, 800 in all."""


@dataclass(frozen=True, slots=True)
class Importance:
    """What a field had to do with the accuracy."""

    field: str
    drop: Estimate
    """By how much the prediction of the validation accuracy of a configuration that a
    forest has not seen gets worse if the values of the field are shuffled: its absolute
    error, less that without shuffling, in accuracy (0 to 1); the mean over the
    configurations with its Student t interval, which takes them for independent: as the
    forests have trained on most of the others, it is rather too narrow."""


@dataclass(frozen=True, slots=True)
class Importances:
    """Of all fields that were searched, the most important first."""

    fields: tuple[Importance, ...]
    epochs: int
    """After how many epochs the accuracy was compared: as many as all trials have that
    did not diverge or fail."""
    trials: int
    skill: float
    """By how much smaller the error of the forests' predictions is than that of guessing
    the median for all, as a share of the latter (the median over the repeats); 0 or
    less: they predict nothing, and so the importances say nothing."""

    @property
    def meaning(self) -> str:
        """What the drops are, and how far they can be trusted."""
        trust = (
            "it predicts nothing, so this says nothing"
            if self.skill <= 0
            else f"it errs by {100 * self.skill:.0f} % less than one guess for all"
        )
        return (
            "How many points worse a random forest predicts the accuracy after "
            f"{count_of(self.epochs, 'epoch')} if a field is shuffled, over {self.trials} "
            f"configurations that it has not seen: {trust}."
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, which JSON can hold."""
        return asdict(self)

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Self:
        """What `to_dict` gave."""

        def drop(given: dict[str, Any]) -> Estimate:
            low, high = given["interval"]
            return Estimate(given["mean"], (low, high), given["size"])

        fields = tuple(Importance(it["field"], drop(it["drop"])) for it in values["fields"])
        return cls(**{**values, "fields": fields})


def importances(
    trials: Sequence[Trial], space: SearchSpace, *, chance: float, repeats: int = 20
) -> Importances | None:
    """Permutation importance over the trials of a search.

    A random forest predicts the validation accuracy from the hyperparameters. The trials
    are split into four parts, each predicted by a forest of the others, as they are and
    with each field shuffled among all trials; and all of that with `repeats` other splits,
    forests and shuffles, of which each trial gets the mean.

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
    from sklearn.model_selection import KFold

    usable = [it for it in trials if it.run is not None and it.run.epochs]
    whole = [it.run for it in usable if it.run is not None and it.run.status == "finished"]
    if len(usable) < MIN_TRIALS or not whole:
        return None
    epochs = min(run.epochs for run in whole)
    x = np.array([_vector(trial, space) for trial in usable])
    y = np.array([_accuracy(trial, epochs, chance) for trial in usable])
    drops = np.zeros((len(space.fields), len(y)))
    guess = np.abs(y - np.median(y)).mean()
    skills = []
    for repeat in range(repeats):
        # As they are, and then with each field shuffled: all at once, which is faster.
        versions = np.stack([x] * (1 + len(space.fields)))
        order = np.random.default_rng(repeat).permuted(
            np.tile(np.arange(len(y)), (len(space.fields), 1)), axis=1
        )
        for field, shuffled in enumerate(order):
            versions[1 + field, :, field] = x[shuffled, field]
        predicted = np.empty(versions.shape[:2])
        folds = KFold(_FOLDS, shuffle=True, random_state=repeat)
        for train, test in folds.split(x):
            forest = RandomForestRegressor(_TREES, random_state=repeat, min_samples_leaf=2)
            forest.fit(x[train], y[train])
            rows = versions[:, test].reshape(-1, x.shape[1])
            predicted[:, test] = forest.predict(rows).reshape(len(versions), -1)
        errors = np.abs(predicted - y)
        drops += (errors[1:] - errors[0]) / repeats
        skills.append(1 - errors[0].mean() / guess if guess else 0.0)
    fields = [
        Importance(name, estimate(drop.tolist()))
        for name, drop in zip(space.fields, drops, strict=True)
    ]
    return Importances(
        fields=tuple(sorted(fields, key=lambda it: -it.drop.mean)),
        epochs=epochs,
        trials=len(usable),
        skill=float(np.median(skills)),
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
