"""`Study`: the results of a study, of any kind, as far as it has come."""

from __future__ import annotations

import html
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kmlp._util.text import count_of, visible
from kmlp.errors import ConfigError, raise_problems, unknown_name
from kmlp.studies import kinds
from kmlp.studies.conclusion import Conclusion
from kmlp.studies.rows import StudyRuns
from kmlp.studies.table import Table
from kmlp.training.environment import mixed_text
from kmlp.training.run import Run

if TYPE_CHECKING:
    import altair
    import pandas


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
    def conclusion(self) -> Conclusion:
        """The conclusion that the evidence of the study allows."""

    @property
    def answer(self) -> tuple[str, ...]:
        """The conclusion and what else follows, a sentence or two each."""
        return (self.conclusion.text,)

    @abstractmethod
    def study_runs(self) -> StudyRuns:
        """Its runs as a flat table, for files and logs."""

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

    def tables(self, *, brief: bool = False) -> tuple[Table, ...]:
        """The tables that show the results, the most important first.

        Args:
            brief: Whether a table of many rows has the best of them only, as it is printed
                where the study was trained. Defaults to False.
        """
        return kinds.kind_of(self).tables(self, brief)

    def to_dict(self) -> dict[str, Any]:
        """The study as plain values, as `--json` prints it."""
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
