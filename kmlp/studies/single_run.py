"""`train`, and studies of a single run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from kmlp._util.text import count_of, protocol_text
from kmlp.engine import Executor, Observer
from kmlp.errors import call_all
from kmlp.model.config import RunConfig
from kmlp.model.identity import identity_fields
from kmlp.model.metrics import ACCURACY, LOSS, Metric
from kmlp.store import Store, StudyRecord
from kmlp.studies._checks import late_gain
from kmlp.studies._keywords import config_of
from kmlp.studies.conclusion import Conclusion
from kmlp.studies.execution import Execution, ExecutorName, RunsDir
from kmlp.studies.judging import check_at, check_remeasured, outcome_text, stored_at
from kmlp.studies.measure import metric_of
from kmlp.studies.rows import StudyRuns, one_run
from kmlp.studies.runner import StudySpec, train_all
from kmlp.studies.study import Study
from kmlp.training.checks import check_count, check_patience, check_trainable
from kmlp.training.run import At, Run


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class RunConclusion(Conclusion):
    """The outcome of a single run, without a comparison."""

    run: Run
    patience: int | None = None
    """The patience of early stopping. None: no early stopping."""

    @property
    def text(self) -> str:
        """The test value of the metric, or the reason for its absence, in a sentence."""
        run = self.run
        if run.status == "failed":
            return f"Failed after {count_of(run.epochs, 'epoch')}: {run.failure}"
        if run.status == "diverged":
            return f"Diverged: the loss is no longer finite in epoch {run.epochs}."
        metric = run.metric
        values = [f"Test {metric.title} {metric.text(run.test_value)}"]
        if metric.name != LOSS.name:
            values.append(f"test loss {run.test_loss:.4f}")
        elif not math.isnan(run.test_accuracy):
            values.append(f"test accuracy {ACCURACY.text(run.test_accuracy)}")
        return (
            f"{', '.join(values)} {outcome_text(run)} ({run.seconds:.1f} s)."
            f"{self._end_text()}{self._late_text()}"
        )

    def _end_text(self) -> str:
        """Return a sentence about early stopping; empty without a patience."""
        if self.patience is None:
            return ""
        if self.run.stops(self.patience):
            return f" Early stopping ended it after {count_of(self.run.epochs, 'epoch')}."
        return f" Patience {self.patience} was not reached: more epochs may be better."

    def _late_text(self) -> str:
        """Return a sentence about a run that still improves at its end; empty for others.

        Patience says the same in another way.
        """
        run, metric = self.run, self.run.metric
        gain = 0.0 if self.patience is not None else late_gain([run], metric)
        if not gain:
            return ""
        points = f"{metric.number(gain, digits=3)} {metric.difference_unit}".rstrip()
        return (
            f" It still improved by {points} in the last quarter of its epochs: more may "
            "be better."
        )

    def to_dict(self) -> dict[str, Any]:
        return {"outcome": self.run.status}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class RunStudy(Study):
    """The results of a study of a single run."""

    kind = "run"

    run: Run
    patience: int | None = None
    """The patience of early stopping. None: no early stopping."""

    @property
    def headline(self) -> str:
        """The dataset, seed and backend, in one line."""
        config = self.run.config
        on_test = protocol_text(self.run.noun, on_test=config.validates_on_test)
        return f"{config.dataset}, seed {config.seed}, {self.run.backend}{on_test}"

    @property
    def runs(self) -> tuple[Run, ...]:
        """The run, as a tuple of one."""
        return (self.run,)

    @property
    def conclusion(self) -> RunConclusion:
        """The outcome of the run."""
        return RunConclusion(run=self.run, patience=self.patience)

    def judged_at(self, at: At) -> RunStudy:
        """Return the study with the run judged at its best or at its last epoch.

        Raises:
            ConfigError: if `at` is "last", and the study has a patience.
        """
        return replace(self, run=self.run.judged_at(check_at(at, self.patience)))

    def measured_by(self, metric: Metric) -> RunStudy:
        """Return the study with the run compared by another metric.

        Raises:
            ConfigError: if the run lacks the metric, or was stopped early by another one.
        """
        check_remeasured(metric, self.run.metric, self.patience)
        return replace(self, run=self.run.measured_by(metric))

    def study_runs(self) -> StudyRuns:
        """Return the run as a flat table."""
        return one_run(self.name, self.run)


def train(
    config: RunConfig | None = None,
    *,
    epochs: int = 10,
    patience: int | None = None,
    at: At = "best",
    metric: Metric | str | None = None,
    fused: bool = True,
    observer: Observer | None = None,
    executor: ExecutorName | Executor = "local",
    runs_dir: RunsDir = None,
    fresh: bool = False,
    name: str | None = None,
    **fields: Any,
) -> Run:
    """Train one run with `model.fit`. Epochs that the runs folder has are not repeated.

    Args:
        config: The configuration, in place of `fields`. Defaults to None.
        epochs: The number of epochs, `epochs >= 1`. Defaults to 10.
        patience: The number of epochs without a better validation value of the metric
            after which the run stops early, `1 <= patience < epochs`; `epochs` is then the
            most epochs. Defaults to None: no early stopping.
        at: The epoch at which the run is judged, and whose weights its model has: "best",
            the one with the best validation value of the metric, or "last". Defaults to
            "best".
        metric: The metric by which the run is judged and stopped: "accuracy" or "loss".
            Defaults to None: "accuracy".
        fused: See `kmlp.Execution`.
        observer: See `kmlp.Execution`.
        executor: See `kmlp.Execution`; "local" trains in this process.
        runs_dir: See `kmlp.Execution`.
        fresh: See `kmlp.Execution`.
        name: The name of the study. Defaults to None: derived from the configuration.
        **fields: The fields of `RunConfig` that differ from their defaults.

    Returns:
        The run: a record of each epoch, the test loss and accuracy, and `model()`, which
        returns the trained model. If the loss is no longer finite, the run ends with
        status "diverged". If training raised errors, the status is "failed", and
        `failure` is the reason.

    Raises:
        ConfigError: if the configuration cannot be trained.
        BackendError: if there is no backend.
        StoreError: if the runs folder cannot be used.

    Example:
    >>> from kmlp import train
    >>> run = train(train_size=1000, epochs=2)
    >>> run.status, run.epochs, len(run.history[0].step_losses)
    ('finished', 2, 16)
    """
    config = config_of(config, fields, train)
    execution = Execution(
        fused=fused,
        observer=observer,
        executor=executor,
        jobs=1 if executor == "local" else None,
        runs_dir=runs_dir,
        fresh=fresh,
    )
    return train_study(
        config,
        epochs=epochs,
        patience=patience,
        at=at,
        metric=metric,
        name=name,
        execution=execution,
    ).run


def train_study(
    config: RunConfig,
    *,
    epochs: int,
    patience: int | None = None,
    at: At = "best",
    metric: Metric | str | None = None,
    name: str | None,
    execution: Execution,
) -> RunStudy:
    """Train one run and return its study. Raises the same errors as `train`."""
    at, measure, *_ = call_all(
        [
            partial(check_at, at, patience),
            partial(metric_of, [config.dataset], metric),
            lambda: check_patience(patience, check_count("epochs", epochs)),
            partial(check_trainable, [config], epochs=epochs, fused=execution.fused),
        ]
    )

    def build_result(
        record: StudyRecord, runs: list[list[Run]], epochs: Sequence[int]
    ) -> RunStudy:
        return _study(record, runs[0][0].measured_by(measure).judged_at(at))

    spec = StudySpec(
        kind="run",
        prefix="train",
        identity={"config": identity_fields(config.to_dict())},
        progress={"at": at},
        runs_by_level=[[config]],
        epochs=[epochs],
        patience=patience,
        metric=measure,
        name=name,
        build_result=build_result,
    )
    [study] = train_all([spec], execution)
    return cast(RunStudy, study)


def load_run(store: Store, record: StudyRecord) -> RunStudy:
    """Load a study of a single run, with the epochs that were trained so far.

    Raises:
        StoreError: if the run has no epoch yet.
    """
    run = record.only_run(store).measured_by(record.metric)
    run = run.judged_at(stored_at(record.progress))
    return replace(_study(record, run), missing=record.missing([[run]]))


def _study(record: StudyRecord, run: Run) -> RunStudy:
    return RunStudy(name=record.name, run=run, patience=record.patience)
