"""The runs of a study as a flat table: a row for every epoch of every run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kmlp.model.hyperparameters import config_fields
from kmlp.model.metrics import further_figures
from kmlp.model.text import value_text
from kmlp.settings import settings_text
from kmlp.studies.columns import COLUMNS, KEY_DIGITS, column_of
from kmlp.training.run import FIGURES, Run

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StudyRun:
    """A run and its place in a study. None: the field does not apply."""

    run: Run
    status: str | None = None
    """The outcome of the run in the study. None: the run's own status."""
    part: str | None = None
    """The part of a search: search or replication."""
    config: int | None = None
    """The number in a list of configurations, from 1."""
    trial: int | None = None
    """The number of the trial, from 1."""
    bracket: int | None = None
    """The bracket of the trial, from 1."""
    rung: int | None = None
    """The last rung that the trial reached, from 1."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StudyRuns:
    """The runs of a study of any kind."""

    study: str
    """The name of the study."""
    kind: str
    """The name of the kind of study, such as `"ablation"`."""
    varied: tuple[str, ...]
    """The fields of `RunConfig` that the study varies, without the seed."""
    runs: tuple[StudyRun, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for every epoch of every run, with the keys of `COLUMNS`.

        A number that is not finite is None. If a field has a tuple in any run, such as
        `(300, 100)`, all values of the field are texts: `300x100`.
        """
        cells = self.field_cells()
        return [
            {
                "study": self.study,
                "kind": self.kind,
                "part": place.part,
                "config": place.config,
                "trial": place.trial,
                "bracket": place.bracket,
                "rung": place.rung,
                # Without the prefix, programs can read a key as a number: 12e456789012.
                "run": f"run-{place.run.key[:KEY_DIGITS]}",
                **fields,
                "backend": place.run.backend,
                "fused": place.run.fused,
                "settings": settings_text(place.run.settings) or None,
                "parameters": place.run.parameters,
                "status": place.status or place.run.status,
                "epoch": record.epoch,
                **{name: finite(getattr(record, name)) for name in FIGURES},
                **{
                    name: finite(record.value(metric, part))
                    for name, (metric, part) in further_figures().items()
                },
                "gap": finite(record.gap),
                "mean_learning_rate": finite(rate),
                "seconds": record.seconds,
            }
            for place, fields in zip(self.runs, cells, strict=True)
            for record, rate in zip(
                place.run.history, place.run.learning_rates, strict=True
            )
        ]

    def field_cells(self) -> list[dict[str, Any]]:
        """Return the cells of each run's configuration, by column."""
        configs = [place.run.config for place in self.runs]
        texts = {
            name
            for name in config_fields()
            if any(isinstance(getattr(config, name), tuple) for config in configs)
        }
        return [
            {
                column_of(name): value_text(name, value) if name in texts else value
                for name in config_fields()
                for value in [getattr(config, name)]
            }
            for config in configs
        ]

    def to_frame(self) -> pandas.DataFrame:
        """Return the rows as a pandas table.

        Raises:
            ImportError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("`to_frame` needs pandas: `pip install pandas`.") from error
        return pandas.DataFrame(self.rows(), columns=list(COLUMNS))


def one_run(study: str, run: Run) -> StudyRuns:
    """Return a single run as the runs of a study."""
    return StudyRuns(study=study, kind="run", varied=(), runs=(StudyRun(run=run),))


def finite(number: float) -> float | None:
    """Return the number, or None if it is not finite."""
    return number if math.isfinite(number) else None
