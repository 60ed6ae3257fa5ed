"""The importance of each hyperparameter of a search, with confidence intervals."""

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
"""The smallest number of trials from which importances are estimated."""

_FOLDS = 4
_TREES = 10
"""Trees of each forest; with 4 folds and 20 repeats, 800 in all."""


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of a field for the accuracy."""

    field: str
    drop: Estimate
    """The increase of the absolute error of a forest's prediction, in accuracy (0 to 1),
    if the values of the field are shuffled. The mean over the configurations, each
    predicted by forests that were not trained on it, with its Student t interval, which
    assumes independent configurations: as forests share most of their data, the interval
    is rather too narrow."""


@dataclass(frozen=True, slots=True)
class Importances:
    """The importances of all fields that were searched, the most important first."""

    fields: tuple[Importance, ...]
    epochs: int
    """The epochs after which accuracies are compared: the most that all trials have which
    did not diverge or fail."""
    trials: int
    skill: float
    """The relative reduction of the forests' error against guessing the median for all
    (the median over the repeats). Zero or less: the forests predict nothing, so the
    importances mean nothing."""

    @property
    def meaning(self) -> str:
        """The meaning of the importances and their reliability, in a sentence."""
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
        """The importances as plain values, which JSON can hold."""
        return asdict(self)

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Self:
        """Restore the importances of `to_dict`."""

        def drop(given: dict[str, Any]) -> Estimate:
            low, high = given["interval"]
            return Estimate(given["mean"], (low, high), given["size"])

        fields = tuple(
            Importance(field["field"], drop(field["drop"])) for field in values["fields"]
        )
        return cls(**{**values, "fields": fields})


def importances(
    trials: Sequence[Trial], space: SearchSpace, *, chance: float, repeats: int = 20
) -> Importances | None:
    """Estimate the permutation importance of each field over the trials of a search.

    A random forest predicts the validation accuracy from the hyperparameters. The trials
    are split into four folds, each predicted by a forest of the others, as they are and
    with each field shuffled among all trials. Splits, forests and shuffles are repeated,
    and each trial gets the mean.

    Args:
        trials: The trials of the search.
        space: The search space.
        chance: The accuracy of a trial that diverged.
        repeats: The number of repetitions. Defaults to 20.

    Returns:
        The importances; None where fewer than eight trials have an epoch.

    Reference: L. Breiman (2001), Random forests, Machine Learning 45(1).
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    usable = [trial for trial in trials if trial.run is not None and trial.run.epochs]
    runs = [trial.run for trial in usable if trial.run is not None]
    finished = [run.epochs for run in runs if run.status == "finished"]
    if len(usable) < MIN_TRIALS or not finished:
        return None
    epochs = min(finished)
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
        fields=tuple(sorted(fields, key=lambda field: -field.drop.mean)),
        epochs=epochs,
        trials=len(usable),
        skill=float(np.median(skills)),
    )


def _vector(trial: Trial, space: SearchSpace) -> list[float]:
    """The hyperparameters of a trial as numbers: a number as itself or its logarithm,
    anything else as its index among the choices.
    """
    vector = []
    for name, domain in space.fields.items():
        value = getattr(trial.config, name)
        if isinstance(domain, Range):
            vector.append(np.log(value) if domain.sampling == "log" else float(value))
        elif all(isinstance(choice, int | float) for choice in domain.values):
            vector.append(float(value))
        else:
            texts = [value_text(name, choice) for choice in domain.values]
            text = value_text(name, value)
            vector.append(float(texts.index(text)) if text in texts else -1.0)
    return vector


def _accuracy(trial: Trial, epochs: int, chance: float) -> float:
    assert trial.run is not None
    record = trial.run.history[min(epochs, trial.run.epochs) - 1]
    return record.val_accuracy if record.finite else chance
