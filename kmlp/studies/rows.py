"""The runs of a study as a flat table: a row for every epoch of every run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kmlp.model.config import config_fields, value_text
from kmlp.settings import settings_text
from kmlp.studies.columns import COLUMNS, KEY_DIGITS, column_of
from kmlp.training.run import FIGURES, Run

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StudyRun:
    """A run and its place in a study; what is None does not apply."""

    run: Run
    status: str | None = None
    """What came of it in the study; None: the run's own status."""
    part: str | None = None
    config: int | None = None
    """Its number in a list of configurations."""
    trial: int | None = None
    bracket: int | None = None
    rung: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StudyRuns:
    """The runs of a study of any kind."""

    study: str
    """Its name."""
    kind: str
    """The name of its kind, such as `"ablation"`."""
    varied: tuple[str, ...]
    """The fields of `RunConfig` that it varies, but for the seed."""
    runs: tuple[StudyRun, ...]

    def rows(self) -> list[dict[str, Any]]:
        """A row for every epoch of every run, with the keys of `COLUMNS`.

        A figure that is not finite is None. Where a field has a tuple, such as
        `(300, 100)`, all its values are texts: `300x100`.
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
                # A key alone can be read as a number: 12e456789012.
                "run": f"run-{place.run.key[:KEY_DIGITS]}",
                **fields,
                "backend": place.run.backend,
                "fused": place.run.fused,
                "settings": settings_text(place.run.settings) or None,
                "parameters": place.run.parameters,
                "status": place.status or place.run.status,
                "epoch": record.epoch,
                **{name: finite(getattr(record, name)) for name in FIGURES},
                "seconds": record.seconds,
            }
            for place, fields in zip(self.runs, cells, strict=True)
            for record in place.run.history
        ]

    def field_cells(self) -> list[dict[str, Any]]:
        """Of every run, the cells of its configuration, by column."""
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
        """The rows as a pandas table.

        Raises:
            ImportError: if pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("`to_frame` needs pandas: `pip install pandas`.") from error
        return pandas.DataFrame(self.rows(), columns=list(COLUMNS))


def one_run(study: str, run: Run) -> StudyRuns:
    """The runs of a study of one."""
    return StudyRuns(study=study, kind="run", varied=(), runs=(StudyRun(run=run),))


def finite(number: float) -> float | None:
    """The number, None if it is not finite."""
    return number if math.isfinite(number) else None
