"""`Study`: the results of a study of any kind."""

from __future__ import annotations

import html
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kmlp._util.text import count_of, visible
from kmlp.errors import ConfigError, raise_problems, unknown_name
from kmlp.model.metrics import ACCURACY, Metric, get_metric
from kmlp.studies import kinds
from kmlp.studies.conclusion import Conclusion
from kmlp.studies.judging import check_at
from kmlp.studies.rows import StudyRuns
from kmlp.studies.table import Table
from kmlp.training.environment import mixed_text
from kmlp.training.run import At, Run

if TYPE_CHECKING:
    import altair
    import pandas


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Study(ABC):
    """The results of a study, with the runs that are finished so far.

    The class of a new kind of study derives from `Study`, and registers as a
    `kmlp.studies.kinds.StudyKind`.
    """

    kind: ClassVar[str]
    """The name of its `StudyKind`."""
    name: str
    """The study's name, with which `kmlp.load_study` loads it."""
    environments: tuple[dict[str, Any], ...] = ()
    """The environments in which the study was trained, oldest first; see
    `kmlp.training.environment`."""
    asked: int = 0
    """The number of runs that a stored study asks for."""
    missing: int = 0
    """The number of these runs that are not finished."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """A summary of the training, in one line."""

    @property
    @abstractmethod
    def runs(self) -> tuple[Run, ...]:
        """Every run."""

    @property
    @abstractmethod
    def conclusion(self) -> Conclusion:
        """The conclusion that the evidence of the study allows."""

    @property
    def answer(self) -> tuple[str, ...]:
        """The conclusion and other results, as texts of a sentence or two."""
        return (self.conclusion.text,)

    @abstractmethod
    def study_runs(self) -> StudyRuns:
        """Return the runs as a flat table, for files and logs."""

    @property
    def closing(self) -> tuple[str, ...]:
        """Lines under all tables that must not be broken, such as a command."""
        return ()

    def viewed(
        self,
        *,
        baseline: Any = None,
        margin: float | None = None,
        at: At | None = None,
        metric: Metric | str | None = None,
        convergence: bool = False,
        target: float | None = None,
        target_accuracy: float | None = None,
    ) -> Self:
        """Return the study as it is to be shown. Only some kinds have these options.

        Args:
            baseline: The value of the level, or its text, to compare the others with.
                Defaults to None: the one that the study was asked for with, else the best.
            margin: The difference up to which two values of the metric count as the same;
                that of accuracies is from 0 to 1. Defaults to None: the one that the study
                was asked for with.
            at: The epoch at which each run is judged: "best", the one with the best
                validation value of the metric, or "last". Defaults to None: the one that
                the study was asked for with.
            metric: The metric that compares the runs, or its name: one that was recorded
                in all of them. Defaults to None: the one that the study was asked for with.
            convergence: True to add the convergence to `tables`: the speed at which each
                level learned. Defaults to False.
            target: A validation value of the metric; an accuracy is from 0 to 1. `tables`
                and `to_dict` include the time that each level took to reach it. Defaults to
                None: no target.
            target_accuracy: The target of a study that is compared by accuracy. Defaults
                to None: no target.

        Raises:
            ConfigError: if the kind does not have the option, or the study does not have
                the level.
        """
        given = {
            "baseline": baseline is not None,
            "margin": margin is not None,
            "convergence": convergence,
            "target": target is not None,
            "target_accuracy": target_accuracy is not None,
        }
        raise_problems(
            f"`{name}` is for ablations; this study is of the kind {self.kind}."
            for name, is_given in given.items()
            if is_given
        )
        study = self if metric is None else self.measured_by(self._metric_of(metric))
        return study if at is None else study.judged_at(check_at(at))

    @property
    def metric(self) -> Metric:
        """The metric by which the runs are compared."""
        return next((run.metric for run in self.runs), ACCURACY)

    def measured_by(self, metric: Metric) -> Self:
        """Return the study with its runs compared by another metric.

        Raises:
            ConfigError: if runs lack the metric; or if runs of this kind were chosen or
                stopped by their metric, so that it cannot be changed after training.
        """
        if metric.name != self.metric.name:
            raise ConfigError(
                [
                    f"The metric is {metric.name}, but runs of the kind {self.kind} were "
                    f"chosen by their {self.metric.figure()}. Leave the metric out."
                ]
            )
        return self

    def _metric_of(self, metric: Metric | str) -> Metric:
        """Return a metric in the unit of the target of the runs."""
        named = get_metric(metric) if isinstance(metric, str) else metric
        return named.with_unit(self.metric.target_unit)

    def judged_at(self, at: At) -> Self:
        """Return the study with each run judged at its best or at its last epoch.

        Raises:
            ConfigError: if runs of this kind were chosen by the epoch at which they are
                judged, so that it cannot be changed after training.
        """
        raise_problems(
            f"`at` is {at!r}, but runs of the kind {self.kind} were chosen by the {run.at} "
            "epoch. Leave `at` out."
            for run in self.runs[:1]
            if run.at != at
        )
        return self

    @property
    def limits(self) -> tuple[str, ...]:
        """Sentences that limit all results: missing runs, or environments that differ."""
        sentences = []
        if self.missing:
            sentences.append(f"{self.missing} of {self.asked} runs are not finished.")
        mixed = mixed_text(list(self.environments))
        return (*sentences, *([mixed] if mixed is not None else []))

    def tables(self, *, brief: bool = False) -> tuple[Table, ...]:
        """Return the tables of the results, the most important first.

        Args:
            brief: True to keep only the best rows of a long table, as after training.
                Defaults to False.
        """
        return kinds.kind_of(self).tables(self, brief)

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain values that JSON can hold."""
        return kinds.kind_of(self).to_dict(self)

    @property
    def charts(self) -> tuple[str, ...]:
        """The names of the charts that `plot` draws, the default first."""
        return kinds.kind_of(self).charts

    def plot(self, kind: str | None = None) -> altair.TopLevelMixin:
        """Draw a chart of the study.

        Args:
            kind: One of `charts`. Defaults to None: the first of them.

        Returns:
            The chart, which notebooks display. Its method `save` writes a file.

        Raises:
            ConfigError: if there is no such chart, or the study lacks the data for it.
        """
        if kind is not None and kind not in self.charts:
            raise ConfigError([unknown_name("kind of chart", kind, self.charts)])
        return kinds.kind_of(self).draw(self, kind or self.charts[0])

    def report(self, path: str | os.PathLike[str], *, title: str | None = None) -> None:
        """Write a page with the conclusion, the tables and all charts.

        Args:
            path: The file to write or replace. Its name ends in `.html`; `.md`, with the
                charts as SVG files beside it; or `.pdf`, which needs Chromium.
            title: The title of the page. Defaults to None: the study's question.

        Raises:
            ConfigError: if the name of the file has another ending.
        """
        kinds.kind_of(self).report(self, Path(path), title)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write a row for every epoch of every run.

        Args:
            path: The file to write or replace. Its name ends in `.csv`, `.json` or
                `.parquet`.

        Raises:
            ConfigError: if the name of the file has another ending.
        """
        kinds.kind_of(self).export(self, Path(path))

    def to_frame(self) -> pandas.DataFrame:
        """Return a pandas table with a row for every epoch of every run.

        Its columns are `kmlp.studies.columns.COLUMNS`, the same as those of `export`.

        Raises:
            ImportError: if pandas is not installed.
        """
        return self.study_runs().to_frame()

    def __repr__(self) -> str:
        runs = count_of(len(self.runs), "run")
        lines = [f'{type(self).__name__} "{self.name}": {self.headline}, {runs}']
        return "\n".join(map(visible, [*lines, *self.answer[:1]]))

    def _repr_html_(self) -> str:
        answer = "".join(f"<p>{html.escape(visible(line))}</p>" for line in self.answer)
        return f"{self.tables()[0].to_html()}{answer}"
