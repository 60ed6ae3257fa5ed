"""The table of a list of configurations."""

from __future__ import annotations

from kmlp.model.metrics import LOSS, Metric
from kmlp.studies.cells import interval_note, mean_measured, measured
from kmlp.studies.config_list import ConfigList
from kmlp.studies.judging import judged_text
from kmlp.studies.level_result import LevelResult
from kmlp.studies.split_text import split_text
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.studies.tables.shared import (
    PROBLEMS,
    describe,
    problems_text,
    seeds_text,
    short_test_title,
)


def config_list_table(study: ConfigList) -> Table:
    """Return the results of a list of configurations, a row for each, in order."""
    several = any(len(level.runs) > 1 for level in study.levels)
    own_seeds = len({_seeds(level) for level in study.levels}) > 1
    judged = not study.validates_on_test  # if not, the test accuracy is shown already
    best, metric = study.best(), study.metric
    is_loss = metric.name == LOSS.name
    over = f"over the {study.replicate}s"
    interval = (
        f"{interval_note((level.val_value for level in study.levels), over)} s: seconds "
        f"of a run, the median {over}."
    )
    return Table(
        title=f"Configurations: {study.headline}",
        columns=(
            Column("number"),
            *(Column(name, wraps=True, tall=True) for name in study.varied),
            *([Column("seeds")] if own_seeds else []),
            Column("epochs"),
            Column(metric.headed(metric.named("val")), tall=True),
            *([Column(short_test_title(metric), tall=True)] if judged else []),
            *([] if is_loss else [Column("validation loss", tall=True)]),
            Column("s"),
            PROBLEMS,
        ),
        rows=tuple(
            Row(
                (
                    str(level.value),
                    *study.changes(level).values(),
                    *([seeds_text(_seeds(level))] if own_seeds else []),
                    str(epochs),
                    measured(metric, level.val_value),
                    *([mean_measured(metric, level.test_value)] if judged else []),
                    *([] if is_loss else [_loss_text(level)]),
                    f"{level.seconds:.1f}",
                    problems_text(level),
                ),
                strong=level is best,
            )
            for level, epochs in zip(study.levels, study.epochs_by_level, strict=True)
        ),
        notes=(
            describe(
                study.base, fused=study.fused, settings=study.settings, but=study.varied
            ),
            " ".join(
                [f"{_measures(metric)} {judged_text(study.at)}."]
                + ([interval] if several else [])
            ),
            *([covered] if (covered := split_text(study)) else []),
        ),
        sentences=study.answer,
    )


def _seeds(level: LevelResult) -> tuple[int, ...]:
    return tuple(run.config.seed for run in level.runs)


def _measures(metric: Metric) -> str:
    """Return the columns that depend on the epoch: `Accuracies and losses`."""
    titles = metric.capital_titles
    return titles if metric.name == LOSS.name else f"{titles} and losses"


def _loss_text(level: LevelResult) -> str:
    if level.val_loss is None:
        return NONE
    loss = level.val_loss.mean
    return f"{loss:.4f}" if loss < 1000 else f"{loss:.3g}"
