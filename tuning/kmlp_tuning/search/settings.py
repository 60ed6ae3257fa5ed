"""`SearchSettings`: the options of a search, checked before a backend is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from kmlp._util.numbers import check_integer
from kmlp._util.text import count_of
from kmlp.errors import (
    ConfigError,
    call_all,
    collect_errors,
    raise_problems,
    unknown_name,
)
from kmlp.model.config import RunConfig
from kmlp.model.domains import ends
from kmlp.model.identity import fixed_identity
from kmlp.model.metrics import (
    ACCURACY,
    LOSS,
    METRICS_BY_NAME,
    OF_EVALUATION,
    RECORDED,
    Metric,
    Part,
)
from kmlp.studies.judging import check_at
from kmlp.studies.measure import metric_of
from kmlp.training.checks import check_count, check_patience
from kmlp.training.run import At
from kmlp.training.target import Target
from kmlp_tuning.oracles.schedule import (
    Bracket,
    Rung,
    plan_hyperband,
    successive_halving_epochs,
)
from kmlp_tuning.search.options import SearchOptions
from kmlp_tuning.space.space import SearchSpace

ALGORITHMS = ("hyperband", "asha", "random", "bayesian", "grid")
HALVING = ("hyperband", "asha")
"""The algorithms that train only the best trials for all epochs."""

_PARTS: tuple[Part, ...] = ("val", "train")
DIRECTIONS = {
    METRICS_BY_NAME[name].figure(part): (
        "max" if METRICS_BY_NAME[name].higher_is_better else "min"
    )
    for part in _PARTS
    for name in dict.fromkeys(name for names in RECORDED.values() for name in names)
    if part == "val" or name not in OF_EVALUATION
}
"""The objectives by which trials can be ranked, each with its better direction. Test data
are shown, but never used for ranking.
"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SearchSettings:
    """The options of a search, checked and complete; see `tune`."""

    space: SearchSpace
    base: RunConfig
    max_trials: int
    algorithm: str
    objective: str
    at: At
    max_epochs: int
    min_epochs: int
    factor: int
    replicates: int
    fused: bool
    patience: int | None = None
    metric: Metric = ACCURACY
    """The metric that compares the best trials over other seeds, and that early stopping
    watches."""

    def target(self, epochs: int) -> Target:
        """Return the target of a run that is trained for a number of epochs."""
        return Target(epochs, self.patience, self.metric)

    @property
    def ranks_by_metric(self) -> bool:
        """True if trials are ranked by the validation value of the metric."""
        return self.objective == self.metric.figure()

    @property
    def direction(self) -> str:
        """The better direction of the objective: `"max"` or `"min"`."""
        return DIRECTIONS[self.objective]

    @property
    def replicated(self) -> int:
        """The largest number of trials that are trained again with other seeds."""
        return min(3, self.max_trials) if self.replicates else 0

    @property
    def run_count(self) -> int:
        """The number of runs: every trial, and the replication."""
        return self.max_trials + self.replicated * self.replicates

    @property
    def replication_epochs(self) -> int:
        """The number of epochs of all runs of the replication together."""
        return self.replicated * self.replicates * self.max_epochs

    def plan(self) -> list[Bracket]:
        """The brackets and rungs. With ASHA, the numbers of promotions are approximate."""
        if self.algorithm == "hyperband":
            return plan_hyperband(
                self.max_trials,
                self.max_epochs,
                factor=self.factor,
                min_epochs=self.min_epochs,
            )
        if self.algorithm == "asha":
            epochs = successive_halving_epochs(
                self.max_epochs, factor=self.factor, min_epochs=self.min_epochs
            )
            counts = [self.max_trials // self.factor**i for i in range(len(epochs))]
            pairs = zip(counts, epochs, strict=True)
            rungs = [Rung(count, target) for count, target in pairs if count]
            return [Bracket(tuple(rungs))]
        return [Bracket((Rung(self.max_trials, self.max_epochs),))]

    @property
    def fixed(self) -> dict[str, Any]:
        """The fields that are not searched, as plain values."""
        return self.base.fixed_fields(self.space.fields)

    def identity(self) -> dict[str, Any]:
        """The settings that stay the same when the search is extended by more trials."""
        return {
            "space": self.space.to_dict(),
            "base": fixed_identity(self.base, self.space.fields),
            "algorithm": self.algorithm,
            "objective": self.objective,
            "max_epochs": self.max_epochs,
            **(
                {"min_epochs": self.min_epochs, "factor": self.factor}
                if self.algorithm in HALVING
                else {}
            ),
            # Absent means "last": searches of earlier versions keep their names.
            **({"at": self.at} if self.at != "last" else {}),
            **({"patience": self.patience} if self.patience is not None else {}),
            **({"metric": self.metric.name} if self.metric.name != ACCURACY.name else {}),
        }


def _fold_problems(base: RunConfig) -> Iterator[str]:
    """Yield the problem of a base with folds."""
    if base.folds is not None:
        yield (
            f"The value of `folds` is {base.folds}, but a search trains each trial with "
            "one seed, so on one fold. Leave `folds` out, and compare the best trials by "
            "an ablation with folds."
        )


def make_settings(
    space: SearchSpace, base: RunConfig, options: SearchOptions, *, fused: bool
) -> SearchSettings:
    """Check the options of a search, and derive those that are None.

    Args:
        space: The searched fields.
        base: The configuration with the fixed fields.
        options: The options.
        fused: True if an epoch is one compiled program (see `kmlp.fit`).

    Raises:
        ConfigError: with every problem at once.
    """
    algorithm = options.algorithm
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise ConfigError([unknown_name("algorithm", str(algorithm), ALGORITHMS)])
    if not space.fields:
        raise ConfigError(["Every field is fixed: there is nothing to search."])
    most = 25
    if algorithm == "grid":
        space = space.grid()
        most = space.size or most
    with collect_errors() as step:
        with step():
            base = space.fitted(base)
        with step():
            raise_problems(_fold_problems(base))
        with step():
            trials = check_count(
                "max_trials", most if options.max_trials is None else options.max_trials
            )
        with step():
            epochs = check_count("max_epochs", options.max_epochs)
            patience = check_patience(options.patience, epochs)
        with step():
            replicates = check_integer("replicates", options.replicates, least=0, most=1000)
        with step():
            metric = metric_of([base.dataset], options.metric)
            objective = options.objective
            if objective is None:
                objective = metric.figure()
            _check_objective(objective, space)
            _check_comparable(metric, space)
        with step():
            at = check_at(options.at, options.patience)
    min_epochs, factor = _halving(algorithm, epochs, options.min_epochs, options.factor)
    if space.size is not None and trials > space.size:
        raise ConfigError(
            [
                f"The value of `max_trials` is {trials}, but the space has only "
                f"{count_of(space.size, 'configuration')}. Give a smaller number or a "
                "larger space."
            ]
        )
    return SearchSettings(
        space=space,
        base=base,
        max_trials=trials,
        algorithm=algorithm,
        objective=objective,
        at=at,
        max_epochs=epochs,
        min_epochs=min_epochs,
        factor=factor,
        replicates=replicates,
        fused=fused,
        patience=patience,
        metric=metric,
    )


def _halving(
    algorithm: str, max_epochs: int, min_epochs: int | None, factor: int | None
) -> tuple[int, int]:
    """The least number of epochs, and the reduction factor."""
    if algorithm not in HALVING:
        raise_problems(
            f"`{name}` would have no effect: {algorithm} trains every configuration for "
            f"all epochs. Leave `{name}` out."
            for name, value in (("min_epochs", min_epochs), ("factor", factor))
            if value is not None
        )
    least, reduction = call_all(
        [
            partial(
                check_integer,
                "min_epochs",
                1 if min_epochs is None else min_epochs,
                most=max_epochs,
            ),
            partial(
                check_integer, "factor", 3 if factor is None else factor, least=2, most=1000
            ),
        ]
    )
    return least, reduction


def _check_objective(objective: Any, space: SearchSpace) -> None:
    if objective in ("test_accuracy", "test_loss"):
        raise ConfigError(
            [
                f'The objective "{objective}" uses the test data, which must not choose a '
                "configuration. Choose by val_accuracy."
            ]
        )
    if not isinstance(objective, str) or objective not in DIRECTIONS:
        raise ConfigError([unknown_name("objective", str(objective), DIRECTIONS)])
    if objective in ("val_loss", "loss") and "loss" in space.fields:
        raise ConfigError(
            [
                f'The objective "{objective}" cannot choose between the losses '
                f"{', '.join(ends(space.fields['loss']))}: they have different units. "
                "Choose by val_accuracy, or fix the loss."
            ]
        )
    if objective == "loss" and (names := _IN_TRAINING_LOSS & space.fields.keys()):
        raise ConfigError(
            [
                'The objective "loss" cannot choose between values of '
                f"{', '.join(sorted(names))}, which are part of the training loss. Choose "
                "by val_loss, which is without them, or by val_accuracy."
            ]
        )


def _check_comparable(metric: Metric, space: SearchSpace) -> None:
    if metric.name == LOSS.name and "loss" in space.fields:
        raise ConfigError(
            [
                "The metric loss cannot compare the losses "
                f"{', '.join(ends(space.fields['loss']))}: they have different units. "
                "Choose another metric, or fix the loss."
            ]
        )


_IN_TRAINING_LOSS = frozenset({"l1", "l2", "label_smoothing", "label_noise"})
"""Fields that change the training loss itself, so that other values have other units."""
