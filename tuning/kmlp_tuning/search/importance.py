"""The importance of each hyperparameter of a search, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import count_of
from kmlp.model.domains import Conditional, Range, place_in
from kmlp.model.metrics import ACCURACY, Metric, get_metric
from kmlp.model.text import value_text
from kmlp.statistics import Estimate, estimate
from kmlp.training.run import At, Run
from kmlp_tuning.search.trial import Trial
from kmlp_tuning.space.space import SearchSpace

MIN_TRIALS = 8
"""The smallest number of trials from which importances are estimated."""

_FOLDS = 4
_TREES = 10
"""The number of trees of each forest; with 4 folds and 20 repeats, there are 800 trees."""


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of a field for the metric."""

    field: str
    drop: Estimate
    """The increase of a forest's absolute error, in the metric, if the values of the field
    are shuffled.

    It is the mean over the configurations in which the field has an effect, each predicted
    by forests that were not trained on it, with a Student t interval. The interval assumes
    independent configurations. Forests share most of their data, so the interval is rather
    too narrow.
    """
    parent: str | None = None
    """The field on whose value the domain of this field depends; values are shuffled among
    configurations with the same value of it. Defaults to None: the domain does not depend
    on another field."""


@dataclass(frozen=True, slots=True)
class Importances:
    """The importances of all searched fields, the most important first."""

    fields: tuple[Importance, ...]
    epochs: int
    """The number of epochs after which trials are compared. It is the largest that all
    trials have, apart from those that diverged or failed.
    """
    trials: int
    skill: float
    """The relative reduction of the error by the forests, compared with guessing the
    median of all trials: the median over the repeats. If it is zero or less, the
    forests predict nothing, and the importances mean nothing.
    """
    at: At = "last"
    """The epoch whose value is predicted: the best of these epochs, or the last.
    Defaults to "last"."""
    metric_name: str = ACCURACY.name
    """The name of the metric that is predicted. Defaults to "accuracy"."""

    @property
    def metric(self) -> Metric:
        """The metric that is predicted."""
        return get_metric(self.metric_name)

    @property
    def unit(self) -> str:
        """The unit of the importances: points, or that of the metric, else its title."""
        return self.metric.difference_unit or self.metric.title

    @property
    def title(self) -> str:
        """The title of tables and charts."""
        return f"Importance after {count_of(self.epochs, 'epoch')}"

    @property
    def meaning(self) -> str:
        """The meaning of the importances and their reliability, in a sentence."""
        trust = (
            "It predicts no better than guessing the median, so ignore these numbers"
            if self.skill <= 0
            else f"Its error is {100 * self.skill:.0f} % below that of guessing the median"
        )
        return (
            f"{self.unit}: the increase of a random forest's error, in "
            f"{self.metric.title} {self._after}, if a field's values are shuffled. The "
            f"forest predicts {count_of(self.trials, 'configuration')} that it has not "
            f"seen. {trust}."
            f"{''.join(self._conditional)}"
        )

    @property
    def _conditional(self) -> list[str]:
        """Sentences about the fields that depend on others."""
        return [
            f" {importance.field} is shuffled among configurations with the same "
            f"{importance.parent}."
            for importance in self.fields
            if importance.parent is not None
        ]

    @property
    def _after(self) -> str:
        epochs = count_of(self.epochs, "epoch")
        if self.at == "last" or self.epochs == 1:
            return f"after {epochs}"
        return f"at the best of the first {epochs}"

    def to_dict(self) -> dict[str, Any]:
        """The importances as plain values, which JSON can hold."""
        return asdict(self)

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Self:
        """Restore the importances of `to_dict`."""

        def drop(estimate: dict[str, Any]) -> Estimate:
            interval = estimate["interval"]
            ends = None if interval is None else (interval[0], interval[1])
            return Estimate(estimate["mean"], ends, estimate["size"])

        fields = tuple(
            Importance(field["field"], drop(field["drop"]), field.get("parent"))
            for field in values["fields"]
        )
        return cls(**{**values, "fields": fields})


def estimate_importances(
    trials: Sequence[Trial], space: SearchSpace, *, chance: float, repeats: int = 20
) -> Importances | None:
    """Estimate the permutation importance of each field over the trials of a search.

    A random forest predicts the validation value of the metric from the
    hyperparameters. The trials are split into four folds. A forest that is trained on
    three folds predicts the fourth: with its true values, and with each field shuffled
    among all trials. This is repeated with other splits, forests and shuffles, and each
    trial gets the mean.

    A value counts by its place in its domain. If the domain depends on another field, as
    that of the learning rate on the optimizer, values are shuffled among the trials with
    the same value of the other field: a learning rate of one optimizer tells nothing with
    another one. A field counts only in the trials in which it has an effect.

    Args:
        trials: The trials of the search.
        space: The search space.
        chance: The accuracy of a trial that diverged. By another metric, a trial that
            diverged has the worst value of all that finished.
        repeats: The number of repetitions. Defaults to 20.

    Returns:
        The importances. None if fewer than eight trials have an epoch, or none finished.

    References: L. Breiman (2001), Random forests, Machine Learning 45(1). C. Strobl, A.
    Boulesteix, T. Kneib, T. Augustin, A. Zeileis (2008), Conditional variable importance
    for random forests, BMC Bioinformatics 9, 307.
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
    y = _values(runs, epochs, chance)
    groups = [_groups(name, usable, space) for name in space.fields]
    drops = np.zeros((len(space.fields), len(y)))
    guess = np.abs(y - np.median(y)).mean()
    skills = []
    for repeat in range(repeats):
        draws = np.random.default_rng(repeat)
        order = draws.permuted(np.tile(np.arange(len(y)), (len(space.fields), 1)), axis=1)
        filled = _filled(x, draws)
        # The true values, and those with each field shuffled. One prediction is faster.
        versions = np.stack([filled] * (1 + len(space.fields)))
        for field, shuffled in enumerate(order):
            for group in groups[field]:
                among = shuffled[np.isin(shuffled, group)]
                versions[1 + field, group, field] = filled[among, field]
        predicted = np.empty(versions.shape[:2])
        folds = KFold(_FOLDS, shuffle=True, random_state=repeat)
        for train, test in folds.split(x):
            forest = RandomForestRegressor(_TREES, random_state=repeat, min_samples_leaf=2)
            forest.fit(filled[train], y[train])
            rows = versions[:, test].reshape(-1, x.shape[1])
            predicted[:, test] = forest.predict(rows).reshape(len(versions), -1)
        errors = np.abs(predicted - y)
        drops += (errors[1:] - errors[0]) / repeats
        skills.append(1 - errors[0].mean() / guess if guess else 0.0)
    fields = []
    for (name, domain), drop, trials_of in zip(
        space.fields.items(), drops, groups, strict=True
    ):
        if active := [trial for group in trials_of for trial in group]:
            parent = domain.parent if isinstance(domain, Conditional) else None
            fields.append(Importance(name, estimate(drop[active].tolist()), parent))
    return Importances(
        fields=tuple(sorted(fields, key=lambda field: -field.drop.mean)),
        epochs=epochs,
        trials=len(usable),
        skill=float(np.median(skills)),
        at=runs[0].at,
        metric_name=runs[0].metric.name,
    )


def _filled(x: Any, draws: np.random.Generator) -> Any:
    """Replace missing values by random ones of the other trials.

    A value that stands for "no effect" would tell a forest the value of another field, such
    as the optimizer.
    """
    filled = x.copy()
    for column in filled.T:
        missing = np.isnan(column)
        known = column[~missing] if not missing.all() else np.zeros(1)
        column[missing] = draws.choice(known, missing.sum())
    return filled


def _groups(name: str, trials: Sequence[Trial], space: SearchSpace) -> list[list[int]]:
    """The indices of the trials among which the values of a field are shuffled."""
    domain = space.fields[name]
    groups: dict[Any, list[int]] = {}
    for index, trial in enumerate(trials):
        if space.has_value(name, trial.config):
            value = None
            if isinstance(domain, Conditional):
                value = getattr(trial.config, domain.parent)
            groups.setdefault(value, []).append(index)
    return list(groups.values())


def _vector(trial: Trial, space: SearchSpace) -> list[float]:
    """The hyperparameters of a trial as numbers."""
    return [_number(name, trial, space) for name in space.fields]


def _number(name: str, trial: Trial, space: SearchSpace) -> float:
    """A hyperparameter as a number, which is comparable between domains of a field.

    It is nan if the field has no effect in the trial.

    It is the place in a range, from 0 to 1. Choices of numbers are unchanged, and other
    choices become their index, but if the domain depends on another field, it is the place
    among its choices, from 0 to 1.
    """
    config = trial.config
    domain = space.domain_in(name, config)
    if domain is None:
        return math.nan
    value = getattr(config, name)
    if isinstance(domain, Range):
        return place_in(domain, value)
    texts = [value_text(name, choice) for choice in domain.values]
    text = value_text(name, value)
    if isinstance(space.fields[name], Conditional):
        return texts.index(text) / max(1, len(texts) - 1) if text in texts else math.nan
    if all(isinstance(choice, int | float) for choice in domain.values):
        return float(value)
    return float(texts.index(text)) if text in texts else math.nan


def _values(runs: Sequence[Run], epochs: int, chance: float) -> NDArray[np.float64]:
    """Return the validation value of each run, also of those that diverged."""
    cut = [run.truncated(min(epochs, run.epochs)) for run in runs]
    values = np.array([run.val_value for run in cut])
    finished = np.array([run.status == "finished" for run in cut])
    metric = runs[0].metric
    lost = chance
    if metric != ACCURACY:
        lost = -metric.sign * max(-metric.sign * values[finished])
    return np.where(finished, values, lost)
