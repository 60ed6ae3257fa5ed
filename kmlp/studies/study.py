"""`Study`: the results of a study, of any kind, as far as it has come."""

from __future__ import annotations

import html
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kmlp._util.text import count_of, visible
from kmlp.errors import ConfigError, raise_problems, unknown_name
from kmlp.model.config import RunConfig, value_text
from kmlp.studies import kinds
from kmlp.studies.results import StudyResult
from kmlp.studies.rows import StudyRuns
from kmlp.studies.table import Table
from kmlp.training.environment import mixed_text
from kmlp.training.run import Run

if TYPE_CHECKING:
    import altair
    import pandas


@dataclass(frozen=True, kw_only=True, slots=True)
class Discussion:
    """What a report says of a study: a question, what answers it, and how far."""

    question: str
    answer: tuple[str, ...]
    """Sentences that follow from the statistics."""
    limits: tuple[str, ...]
    """What cannot be concluded."""
    tables: tuple[Table, ...]
    setup: tuple[tuple[str, str], ...]
    """The names and the texts of what was trained, and with what."""
    runs: tuple[tuple[str, Run], ...]
    """Every run, with the name of what it is a run of."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Study(ABC):
    """The results of a study, as far as it has come.

    A new kind of study derives from it, and registers as a `kmlp.studies.kinds.StudyKind`.
    """

    kind: ClassVar[str]
    """The name of its `StudyKind`."""
    name: str
    """The study's name, by which it is loaded again."""
    environments: tuple[dict[str, Any], ...] = ()
    """The environments in which it was trained, oldest first; see
    `kmlp.training.environment`."""
    asked: int = 0
    """The number of runs that a stored study asks for."""
    missing: int = 0
    """The number of those that are not finished."""

    @property
    @abstractmethod
    def headline(self) -> str:
        """What was trained, in a line."""

    @property
    @abstractmethod
    def runs(self) -> tuple[Run, ...]:
        """Every run."""

    @property
    @abstractmethod
    def answer(self) -> tuple[str, ...]:
        """The conclusion and what else follows, a sentence or two each."""

    @abstractmethod
    def tables(self) -> tuple[Table, ...]:
        """The tables that show its results, the most important first."""

    def brief_tables(self) -> tuple[Table, ...]:
        """The tables as they are printed where the study was trained."""
        return self.tables()

    @abstractmethod
    def discussion(self) -> Discussion:
        """What a report says of it."""

    @abstractmethod
    def study_runs(self) -> StudyRuns:
        """Its runs as a flat table, for files and logs."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The study as plain values, as `--json` prints it."""

    @property
    def closing(self) -> tuple[str, ...]:
        """Lines under all tables that are not to be broken, such as a command."""
        return ()

    def viewed(
        self,
        *,
        baseline: Any = None,
        convergence: bool = False,
        target_accuracy: float | None = None,
    ) -> Self:
        """The study as it is to be shown, which only some kinds can choose.

        Args:
            baseline: The level, or its text, to compare the others with. Defaults to None:
                the best.
            convergence: Whether `tables` show how fast each level learned as well.
                Defaults to False.
            target_accuracy: The validation accuracy, 0 to 1, that `tables` and `to_dict`
                show the way to. Defaults to None: none.

        Raises:
            ConfigError: if the kind cannot, or has no such level.
        """
        given = {
            "baseline": baseline is not None,
            "convergence": convergence,
            "target_accuracy": target_accuracy is not None,
        }
        raise_problems(
            f"`{name}` is for ablations; this study is of the kind {self.kind}."
            for name, is_given in given.items()
            if is_given
        )
        return self

    @property
    def limits(self) -> tuple[str, ...]:
        """What is to be known of the study as a whole: that runs are missing, or that
        machines were mixed on which results differ.
        """
        found = []
        if self.missing:
            found.append(f"{self.missing} of {self.asked} runs are not finished.")
        mixed = mixed_text(list(self.environments))
        return (*found, *([mixed] if mixed is not None else []))

    @property
    def charts(self) -> tuple[str, ...]:
        """The names of the charts that `plot` draws, the default first."""
        return kinds.kind_of(self).charts

    def plot(self, kind: str | None = None) -> altair.TopLevelMixin:
        """Draw a chart of the study.

        Args:
            kind: One of `charts`. Defaults to None: the first of them.

        Returns:
            The chart, which notebooks show, and which has a `save` method.

        Raises:
            ConfigError: if there is no such chart, or the study lacks what it shows.
        """
        if kind is not None and kind not in self.charts:
            raise ConfigError([unknown_name("kind of chart", kind, self.charts)])
        return kinds.kind_of(self).draw(self, kind or self.charts[0])

    def report(self, path: str | os.PathLike[str], *, title: str | None = None) -> None:
        """Write a page with the conclusion, the tables and all charts.

        Args:
            path: A file that ends in `.html`; `.md`, with its charts as SVG files beside
                it; or `.pdf`, which needs Chromium. It is replaced.
            title: The title of the page. Defaults to None: the study's question.

        Raises:
            ConfigError: if the file's name ends in something else.
        """
        kinds.kind_of(self).report(self, Path(path), title)

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write a row for every epoch of every run, as `kmlp export` does.

        Args:
            path: A file that ends in `.csv`, `.json` or `.parquet`. It is replaced.

        Raises:
            ConfigError: if the file's name ends in something else.
        """
        kinds.kind_of(self).export(self, Path(path))

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table with a row for every epoch of every run.

        Its columns are `kmlp.studies.columns.COLUMNS`, those of `kmlp export`.

        Raises:
            ImportError: if pandas is not installed.
        """
        return self.study_runs().to_frame()

    def __repr__(self) -> str:
        runs = count_of(len(self.runs), "run")
        lines = [f'{type(self).__name__} "{self.name}": {self.headline}, {runs}']
        return "\n".join(map(visible, [*lines, *self.answer[:1]]))

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{html.escape(visible(line))}</p>" for line in self.answer)
        return f"{self.tables()[0].to_html()}{said}"


def fields_setup(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Fields of a configuration for `Discussion.setup`."""
    return [(name, value_text(name, value)) for name, value in values.items()]


def fields_without(base: RunConfig, names: Sequence[str]) -> dict[str, Any]:
    """The fields of a configuration without some of them and without the seed."""
    fields = base.to_dict()
    return {name: it for name, it in fields.items() if name not in (*names, "seed")}


def training_text(*, fused: bool) -> str:
    """The way of training, for `Discussion.setup`."""
    return "an epoch is one compiled program" if fused else "plain fit"


ONLY_THIS_SETUP = (
    "Nothing is said of other datasets, of other values, or of what else could be set: it "
    "all was as the set-up says."
)


def comparison_limits(study: StudyResult) -> tuple[str, ...]:
    """What cannot be concluded from a comparison of levels."""
    found = []
    reference = study.reference
    undecided = [
        study.text(level)
        for level, it in zip(study.levels, study.differences(), strict=True)
        if level is not reference and (it is None or not it.significant)
    ]
    if reference is not None and undecided:
        found.append(
            f"Whether {study.called(study.text(reference))} differs from "
            f"{study.called(', '.join(undecided))}: the seeds do not separate them. That "
            "is no evidence that they are equal."
        )
    seeds = min(len(study.seeds), *(len(level.runs) for level in study.levels))
    if seeds < 3:
        found.append(f"{seeds} seed(s) say little of how much results vary by chance.")
    found.append(
        "Intervals and p-values take the differences between seeds for normal, which so "
        "few seeds cannot show; and they are of the seeds alone: the images of validation "
        "are the same in every run."
    )
    return (*found, ONLY_THIS_SETUP)
