"""Runs as values: the configuration, the records of the epochs, the checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from kmlp.errors import ConfigError
from kmlp.model.config import RunConfig
from kmlp.model.metrics import ACCURACY, METRICS_BY_NAME, RECORDED, RMSE, Metric, Part
from kmlp.model.schedules import epoch_rates, varies
from kmlp.training.target import Target, stopping_epoch

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


FIGURES = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "test_loss",
    "test_accuracy",
)
"""The fields of a record with losses and accuracies. Other metrics are in `metrics`."""

Status = Literal["finished", "diverged", "failed"]
"""The status of a run.

diverged: a loss was not finite, and further training is useless. failed: training raised
an error, or its process died, too many times.
"""

At = Literal["best", "last"]
"""The epoch at which a run is judged.

best: the epoch with the best validation value of the metric, the first of equals. Early
stopping keeps this epoch. last: the last epoch.
"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EpochRecord:
    """The results of one epoch of a run.

    If a loss is not finite, all losses and metrics are nan. So is an accuracy that was not
    recorded, as in a regression.
    """

    epoch: int
    """Number of the epoch, counted from 1."""
    loss: float
    """Mean loss over the training images, each computed before its mini-batch's update. It
    is the loss that training minimizes: with the penalties `l1` and `l2`, and of smoothed
    and noisy labels."""
    accuracy: float = math.nan
    """Fraction of the training images classified correctly, from 0 to 1, each before its
    mini-batch's update, with dropout, noise, augmentation and noisy labels, if any."""
    val_loss: float
    """Mean loss over the validation images, after the epoch, without penalties and label
    smoothing. Keras' `evaluate` of the run's `model` adds both, since its layers and its
    loss have them."""
    val_accuracy: float = math.nan
    """Fraction of the validation images classified correctly, from 0 to 1."""
    test_loss: float
    """Mean loss over the test images, after the epoch, without penalties and label
    smoothing."""
    test_accuracy: float = math.nan
    """Fraction of the test images classified correctly, from 0 to 1."""
    seconds: float
    """Wall-clock time of the epoch with its evaluation, in seconds. The first epoch of a
    session includes the time of compiling."""
    step_losses: NDArray[np.float32]
    """The mean loss of each mini-batch before its update, of shape `(steps,)`. If the run
    diverged, the first loss that is not finite is the last one here."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The values of all other metrics that were recorded, by figure: `val_rmse` is that of
    the validation examples, `rmse` that of the training examples. Defaults to none."""

    def figure(self, name: str) -> float:
        """Return a loss or another metric of a part; nan if it was not recorded.

        Args:
            name: The name of the figure, such as `val_loss`: see `Metric.figure`.
        """
        value = getattr(self, name) if name in FIGURES else self.metrics.get(name, math.nan)
        return float(value)

    def value(self, metric: Metric, part: Part = "val") -> float:
        """Return the value of a metric on a part; nan if it was not recorded."""
        return self.figure(metric.figure(part))

    @property
    def gap(self) -> float:
        """Training accuracy minus validation accuracy: the generalisation gap.

        From -1 to 1. The training accuracy is measured during the epoch, so the gap can be
        negative in early epochs and with a linear model.
        """
        return self.accuracy - self.val_accuracy

    @property
    def finite(self) -> bool:
        """True if every loss of the epoch is finite."""
        return math.isfinite(self.loss)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Run:
    """One training of a configuration: the epochs trained so far, and the model."""

    config: RunConfig
    """The configuration."""
    backend: str
    """The name of the backend."""
    fused: bool
    """True if an epoch was one compiled program (see `kmlp.fit`)."""
    parameters: int
    """Number of parameters: see `count_parameters`."""
    history: tuple[EpochRecord, ...]
    """One record for each epoch. If the run diverged, the last record is that of the
    divergence. Empty only if the run failed."""
    at: At = "best"
    """The epoch at which the run is judged. Defaults to "best". Not part of the key."""
    metric: Metric = ACCURACY
    """The metric by which the run is compared, and whose best epoch `at` means. Defaults to
    accuracy. Not part of the key."""
    checkpoints: Mapping[int, Callable[[], bytes]] = field(default_factory=dict)
    """Functions that read the stored models, by epoch: a `.keras` file with optimizer
    state. The store keeps the models of the best epoch and of the last one."""
    failure: str | None = None
    """The reason why the run failed; None if it did not fail."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The settings that differed from their defaults; see `kmlp.settings`."""
    key: str = ""
    """The key in the store (see `run_key`); empty if the run is not stored."""
    updated: float = 0.0
    """Time of the last training, in seconds since 1970."""

    def __repr__(self) -> str:
        """The results at the epoch at which the run is judged, without the history."""
        return (
            f"Run({self.config!r}, backend={self.backend!r}, epochs={self.epochs}, "
            f"status={self.status!r}, "
            f"{self.metric.figure('val')}={self.val_value:.4f}, "
            f"{self.metric.figure('test')}={self.test_value:.4f})"
        )

    @property
    def status(self) -> Status:
        """The status: finished, diverged or failed."""
        if self.failure is not None:
            return "failed"
        return "finished" if self.history[-1].finite else "diverged"

    @property
    def epochs(self) -> int:
        """Number of epochs, including one that diverged."""
        return len(self.history)

    @property
    def outcome(self) -> EpochRecord:
        """The record of the epoch at which the run is judged (see `at`).

        If the run diverged, it is the record of the divergence.

        Raises:
            ValueError: if the run failed in its first epoch.
        """
        if not self.history:
            raise ValueError("The run has no epoch: it failed in the first one.")
        last = self.history[-1]
        if self.at == "last" or not last.finite:
            return last
        return self.history[self.metric.best_place(self.val_values)]

    def value(self, part: Part = "val") -> float:
        """Return the value of the `metric` at the `outcome`; nan if there is none.

        Args:
            part: "train", "val" or "test". Defaults to "val".
        """
        return self._judged(self.metric.figure(part))

    @property
    def val_value(self) -> float:
        """The validation value of the `metric` at the `outcome`; nan if there is none."""
        return self.value("val")

    @property
    def test_value(self) -> float:
        """The test value of the `metric` at the `outcome`; nan if there is none."""
        return self.value("test")

    def values(self, metric: Metric, part: Part = "val") -> tuple[float, ...]:
        """Return the value of any metric after each epoch; nan where it diverged."""
        return tuple(record.value(metric, part) for record in self.history)

    @property
    def val_values(self) -> tuple[float, ...]:
        """The validation value of the `metric` after each epoch; nan where it diverged."""
        return self.values(self.metric)

    @property
    def accuracy(self) -> float:
        """Training accuracy during the epoch of the `outcome`, each mini-batch before its
        update; nan if the run diverged or failed.
        """
        return self._judged("accuracy")

    @property
    def noun(self) -> str:
        """The word for the examples: "images", or "rows" of a table.

        "examples" if the dataset is no longer on this machine, and can have been either.
        """
        from kmlp import data  # imports NumPy

        is_regression = any(RMSE.figure() in record.metrics for record in self.history)
        return "rows" if is_regression else data.noun_of(self.config.dataset)

    @property
    def gap(self) -> float:
        """Generalisation gap of the `outcome` by the `metric`; see `Metric.gap`.

        By accuracy, it is `accuracy` minus `val_accuracy`, from -1 to 1; nan if the run
        diverged or failed.
        """
        return self.metric.gap(self.value("train"), self.value("val"))

    @property
    def val_loss(self) -> float:
        """Validation loss of the `outcome`; nan if the run diverged or failed."""
        return self._judged("val_loss")

    @property
    def val_accuracy(self) -> float:
        """Validation accuracy of the `outcome`; nan if the run diverged or failed."""
        return self._judged("val_accuracy")

    @property
    def test_loss(self) -> float:
        """Test loss of the `outcome`; nan if the run diverged or failed."""
        return self._judged("test_loss")

    @property
    def test_accuracy(self) -> float:
        """Test accuracy of the `outcome`; nan if the run diverged or failed."""
        return self._judged("test_accuracy")

    def _judged(self, figure: str) -> float:
        if self.failure is not None:
            return math.nan
        return self.outcome.figure(figure)

    @property
    def checkpoint_bytes(self) -> Callable[[], bytes] | None:
        """Function that reads the model of the `outcome`: one of `checkpoints`.

        None if the run diverged, or if the model of that epoch is not stored.
        """
        return self.checkpoints.get(self.outcome.epoch) if self.history else None

    @property
    def steps(self) -> int | None:
        """The number of steps in an epoch. None: unknown: no epoch was completed."""
        complete = self.history and self.history[0].finite
        return len(self.history[0].step_losses) if complete else None

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """The mean learning rate of the steps of each epoch, the same in every epoch
        without a schedule and a warmup; nan if it varies and no epoch was completed.
        """
        if varies(self.config) and self.steps is None:
            return (math.nan,) * self.epochs
        return tuple(epoch_rates(self.config, self.steps or 1, self.epochs).tolist())

    @property
    def seconds(self) -> float:
        """Wall-clock time of all epochs, in seconds."""
        return sum(record.seconds for record in self.history)

    def reaches(self, target: Target) -> bool:
        """Return True if the run reached a target, or if it diverged or failed."""
        return self.status != "finished" or self._end(target) is not None

    def within(self, target: Target) -> Run:
        """Return the run without the epochs that a target does not ask for."""
        end = self._end(target)
        return self if end is None else self.truncated(end)

    def _end(self, target: Target) -> int | None:
        return target.end(self.values(target.metric))

    def judged_at(self, at: At) -> Run:
        """Return the same run, judged at its best or its last epoch.

        Args:
            at: "best" or "last".
        """
        return self if at == self.at else replace(self, at=at)

    def measured_by(self, metric: Metric) -> Run:
        """Return the same run, compared by a metric.

        Raises:
            ConfigError: if an epoch of the run has no validation value of the metric.
        """
        if any(math.isnan(it.value(metric)) for it in self.history if it.finite):
            raise ConfigError([_not_recorded(self, metric)])
        return self if metric == self.metric else replace(self, metric=metric)

    def truncated(self, epochs: int) -> Run:
        """Return the run with its first epochs only, and with the models of these epochs.

        A shorter run may have no model, because few models are stored.
        """
        if epochs > self.epochs:
            return self
        return replace(
            self,
            history=self.history[:epochs],
            checkpoints={
                epoch: read for epoch, read in self.checkpoints.items() if epoch <= epochs
            },
            failure=None,
        )

    def stopped(self, patience: int) -> Run:
        """Return the run with the epochs that early stopping would have trained.

        Args:
            patience: The number of epochs without a better validation value of the
                `metric` after which training stops.
        """
        end = stopping_epoch(self.val_values, patience, self.metric)
        return self if end is None else self.truncated(end)

    def stops(self, patience: int) -> bool:
        """Return True if early stopping with a patience ends the run, here or before."""
        return stopping_epoch(self.val_values, patience, self.metric) is not None

    def with_model_loaded(self) -> Run:
        """Return the run with its models in memory, which do not need the store.

        They are the models of the best and of the last epoch.
        """
        epochs = {self.judged_at(at).outcome.epoch for at in get_args(At) if self.history}
        return replace(
            self,
            checkpoints={
                epoch: partial(bytes, self.checkpoints[epoch]())
                for epoch in sorted(epochs.intersection(self.checkpoints))
            },
        )

    def model(self) -> keras.Sequential:
        """Return the model of the `outcome`: a plain, compiled `keras.Sequential`.

        Raises:
            ValueError: if the run has no such model: it diverged, or the store does not
                have the model of that epoch. The store keeps the models of the best and of
                the last epoch of the longest training.
            StoreError: if the model's file is damaged or missing.
        """
        if self.checkpoint_bytes is None:
            raise ValueError(f"The run has no model: {self._why_no_model()}.")
        from kmlp.training.checkpoint import load_model

        return load_model(self.config, self.checkpoint_bytes())

    def _why_no_model(self) -> str:
        if self.status == "diverged" or not self.history:
            return f"it {self.status}"
        last = self.at == "best" and self.epochs in self.checkpoints
        return (
            f"that of epoch {self.outcome.epoch} is not stored. "
            f"{'Take that of its last epoch (`judged_at`), or train' if last else 'Train'} "
            "the run again from its first epoch (`fresh=True`)"
        )


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run in the store."""

    history: tuple[Mapping[str, float], ...] = ()
    """The validation figures of each trained epoch by name, such as `val_loss`; nan for a
    divergence. Defaults to (): no epoch."""
    diverged: bool = False
    """True if the run diverged. Defaults to False."""
    checkpoint_bytes: bytes | None = None
    """The checkpoint after these epochs. None: it does not exist, or was not read."""
    damaged: tuple[str, ...] = ()
    """Names of damaged files. The epochs after the last intact checkpoint are lost."""

    @property
    def epochs(self) -> int:
        """Number of trained epochs."""
        return len(self.history)

    def satisfies(self, target: Target) -> bool:
        """Return True if the run needs no more training for a target."""
        return self.diverged or target.end(self.values(target.metric)) is not None

    def values(self, metric: Metric) -> tuple[float, ...]:
        """Return the validation value of a metric after each epoch; nan: missing."""
        return tuple(figures.get(metric.figure(), math.nan) for figures in self.history)


def recorded(
    figures: Mapping[str, float],
    *,
    epoch: int,
    seconds: float,
    step_losses: NDArray[np.float32],
) -> EpochRecord:
    """Return the record of an epoch from its figures by name, such as `val_rmse`.

    Args:
        figures: The figures. `loss`, `val_loss` and `test_loss` must be there.
        epoch: See `EpochRecord`, as for all other arguments.
        seconds: See `EpochRecord`.
        step_losses: See `EpochRecord`.
    """
    own = {name: value for name, value in figures.items() if name in FIGURES}
    others = {name: value for name, value in figures.items() if name not in FIGURES}
    fixed: dict[str, Any] = {"epoch": epoch, "seconds": seconds, **own}
    return EpochRecord(**fixed, step_losses=step_losses, metrics=others)


def noun_of(runs: Iterable[Run]) -> str:
    """Return the word for the examples of runs: "examples" if there are both kinds.

    Args:
        runs: The runs. One of each dataset counts: one with epochs, if there is any.
    """
    by_dataset: dict[str, Run] = {}
    for run in runs:
        if run.history or run.config.dataset not in by_dataset:
            by_dataset[run.config.dataset] = run
    nouns = {run.noun for run in by_dataset.values()}
    return nouns.pop() if len(nouns) == 1 else "examples"


def val_figures(record: EpochRecord) -> dict[str, float]:
    """Return the validation figures of an epoch by name, for `RunState.history`."""
    return {
        name: record.figure(name)
        for name in (*FIGURES, *record.metrics)
        if name.startswith("val_")
    }


def _not_recorded(run: Run, metric: Metric) -> str:
    """Return the message about a run that lacks a metric."""
    recorded = [
        it.name
        for it in METRICS_BY_NAME.values()
        if not any(math.isnan(record.value(it)) for record in run.history if record.finite)
    ]
    again = "Train it again from its first epoch (`fresh=True`), or choose"
    can_be = any(metric.name in names for names in RECORDED.values())
    return (
        f"The metric is {metric.name}, but a run with seed {run.config.seed} has epochs in "
        f"which {metric.figure()} was not recorded. {again if can_be else 'Choose'} a "
        f"metric that was: {', '.join(recorded)}."
    )


def common_settings(runs: Iterable[Run]) -> Mapping[str, str]:
    """Return the settings of a study's runs, which are the same for all of them."""
    return next((run.settings for run in runs), {})
