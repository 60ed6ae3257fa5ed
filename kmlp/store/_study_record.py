"""Studies as they are stored, and as lines of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from kmlp.errors import StoreError
from kmlp.model.metrics import ACCURACY, Metric, get_metric
from kmlp.store._store import Store
from kmlp.training.run import Run
from kmlp.training.target import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRecord:
    """A study as it is stored."""

    name: str
    kind: str
    """The name of the study's kind: see `kmlp.studies.kinds`."""
    identity: dict[str, Any]
    """The values that an extension cannot change: the parameter, the base, the patience of
    early stopping, ..."""
    extent: dict[str, Any]
    """The values that can be extended: values, seeds, ..."""
    progress: dict[str, Any] = field(default_factory=dict)
    """Other values that are needed to show an unfinished study. If levels differ in their
    target epochs, `epochs` lists them."""
    epochs: int
    """Target epochs; where levels differ, the largest."""
    runs_by_level: tuple[tuple[str, ...], ...]
    """The keys of the study's runs: a row for each level, a column for each seed. A level
    is a value of an ablation, a configuration of a list, or a trial of a search. A search
    has one more row for each trial that was replicated. Of a retuned ablation, the first
    `progress["levels"]` rows are retuned, as many are not, and the others are of the
    tuning."""
    updated: float = 0.0
    """Unix time of the last command that used this study."""

    @property
    def epochs_by_level(self) -> list[int]:
        """The target epochs of each level."""
        epochs: list[int] | None = self.progress.get("epochs")
        return epochs or [self.epochs] * len(self.runs_by_level)

    @property
    def patience(self) -> int | None:
        """The patience of early stopping, of all runs; None: no early stopping."""
        patience: int | None = self.identity.get("patience")
        return patience

    @property
    def metric(self) -> Metric:
        """The metric by which the runs are compared: accuracy in older studies."""
        name = self.progress.get("metric", self.identity.get("metric", ACCURACY.name))
        return get_metric(name).with_unit(self.progress.get("unit", ""))

    @property
    def targets_by_level(self) -> list[Target]:
        """The target of the runs of each level."""
        return [
            Target(epochs, self.patience, self.metric) for epochs in self.epochs_by_level
        ]

    @property
    def looks(self) -> list[int]:
        """The numbers of seeds with which the study was shown, in ascending order.

        Studies that were stored before the looks were counted are taken as shown.
        """
        looks: list[int] = self.progress.get("looks", [self._seeds])
        return looks

    @property
    def replicated_rows(self) -> tuple[tuple[str, ...], ...]:
        """The rows of runs that answer the question, without those of a tuning."""
        levels = self.progress.get("levels")
        return self.runs_by_level[: None if levels is None else 2 * levels]

    @property
    def _seeds(self) -> int:
        return max(map(len, self.replicated_rows), default=0)

    def shown(self) -> StudyRecord:
        """Return the record with a look at the results of all seeds.

        Fewer seeds than at an earlier look are no news.
        """
        looks = list(self.progress.get("looks", ()))
        if self._seeds > max(looks, default=0):
            looks.append(self._seeds)
        return replace(self, progress={**self.progress, "looks": looks})

    @property
    def asked(self) -> int:
        """The number of runs that the study asks for. Levels may read the same runs."""
        return len(self.targets())

    def targets(self) -> dict[str, Target]:
        """Return the target of each run, by key."""
        targets: dict[str, Target] = {}
        for keys, target in zip(self.runs_by_level, self.targets_by_level, strict=True):
            for key in keys:
                targets[key] = target.joined(targets.get(key))
        return targets

    def runs_so_far(self, store: Store) -> list[list[Run]]:
        """Return the stored runs of each level, without epochs beyond their targets."""
        return [
            [
                run.within(target)
                for key in keys
                if (run := store.run_of_key(key)) is not None
            ]
            for keys, target in zip(self.runs_by_level, self.targets_by_level, strict=True)
        ]

    def finished_runs(self, store: Store) -> list[list[Run]]:
        """Return the runs of each level that reached their target, diverged or failed.

        Raises:
            StoreError: if the study has no such run.
        """
        levels = [
            [run for run in runs if run.reaches(target)]
            for runs, target in zip(
                self.runs_so_far(store), self.targets_by_level, strict=True
            )
        ]
        if not any(levels):
            raise self.unfinished_error()
        return levels

    def unfinished_error(self) -> StoreError:
        """Return the error that no run of the study is finished."""
        return StoreError(
            f'No run of "{self.name}" is finished yet. Run the command that began it again.'
        )

    def missing(self, levels: Sequence[Sequence[Run]]) -> int:
        """Return the number of the study's runs that are not finished.

        Args:
            levels: The runs of each level.
        """
        targets = self.targets()
        finished = {
            run.key
            for runs in levels
            for run in runs
            if run.reaches(targets.get(run.key, self._target))
        }
        return self.asked - len(finished)

    def only_run(self, store: Store) -> Run:
        """Return the only run of a study, with the epochs that are trained so far.

        Raises:
            StoreError: if no epoch is trained yet.
        """
        [[key]] = self.runs_by_level
        run = store.run_of_key(key)
        if run is None:
            raise store.damaged.get(key) or StoreError(
                f'The run of "{self.name}" has no epoch yet. Run the command that began '
                "it again."
            )
        return run.within(self._target)

    @property
    def _target(self) -> Target:
        return Target(self.epochs, self.patience, self.metric)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StudySummary:
    """A study in a list of studies."""

    record: StudyRecord
    finished: int
    """The number of runs that reached their target or diverged."""
    failed: int
    """The number of runs that failed before they reached their target."""
    best_val_value: float | None
    """The best validation value of the study's metric of a finished run, at the epoch at
    which the study judges its runs; None if no run has finished."""

    @property
    def metric(self) -> Metric:
        """The metric by which the study compares its runs."""
        return self.record.metric

    @property
    def best_val_accuracy(self) -> float | None:
        """The `best_val_value` of a study that compares accuracies; None for others."""
        return self.best_val_value if self.metric == ACCURACY else None

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.record.name

    @property
    def kind(self) -> str:
        """The kind of the study, such as "ablation"."""
        return self.record.kind

    @property
    def runs(self) -> int:
        """The number of runs that the study asks for."""
        return self.record.asked

    def __repr__(self) -> str:
        """The name and the outcome, without the runs."""
        return (
            f"StudySummary(name={self.name!r}, kind={self.kind!r}, runs={self.runs}, "
            f"finished={self.finished}, failed={self.failed}, "
            f"best_{self.metric.figure()}={self.best_val_value!r})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as values that JSON can hold.

        A part of the identity has the prefix `asked_` if the extent has a part of the same
        name: `asked_seeds` is `auto:20`, `seeds` are those so far.
        """
        record = self.record
        return {
            "name": self.name,
            "kind": self.kind,
            **{
                f"asked_{name}" if name in record.extent else name: value
                for name, value in record.identity.items()
            },
            **record.extent,
            "epochs": record.epochs,
            "runs": self.runs,
            "finished": self.finished,
            "failed": self.failed,
            f"best_{self.metric.figure()}": self.best_val_value,
            "updated": iso_time(record.updated),
        }


def iso_time(seconds: float) -> str:
    """Return a Unix time as a text in ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
