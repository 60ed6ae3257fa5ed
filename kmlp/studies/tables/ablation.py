"""The tables of an ablation."""

from __future__ import annotations

from kmlp._util.text import percent_text
from kmlp.statistics import Difference
from kmlp.studies._convergence import TimeToTarget
from kmlp.studies.ablation import Ablation
from kmlp.studies.cells import mean_percent, mean_text, p_text, percent, sparkline
from kmlp.studies.results import LevelResult
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.studies.tables.shared import PROBLEMS, describe, problems_text

_CURVE_LEGEND = "curve: validation accuracy by epoch, on one scale."
_INTERVAL_LEGEND = (
    "±: half of the 95 % interval over the seeds. Differences are paired by seed; p and "
    "their intervals have Holm's correction for {}. "
)


def tables_of_ablation(study: Ablation) -> tuple[Table, ...]:
    """Return the tables of an ablation: its results and, if chosen, its convergence."""
    tables = [ablation_table(study)]
    if study.convergence or study.target_accuracy is not None:
        tables.append(convergence_table(study, study.target_accuracy))
    return tuple(tables)


def ablation_table(study: Ablation) -> Table:
    """Return the results of an ablation, a row for each level, with the best emphasized."""
    seeds = len(study.seeds)
    compared = "all pairs" if study.baseline is None else "all values"
    legend = _INTERVAL_LEGEND.format(compared) if seeds > 1 else ""
    base = study.baseline
    reference = "best" if base is None else study.text(base)
    judged = not study.validates_on_test  # if not, the test accuracy is shown already
    heights = [height for level in study.levels for height in level.val_curve]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    best = study.best()
    return Table(
        title=f"Effect of {study.param}: {study.headline}",
        columns=(
            _param_column(study),
            Column("parameters", tall=True),
            Column("curve"),
            Column("validation accuracy %", tall=True),
            *([Column("test acc. %", tall=True)] if judged else []),
            Column(f"difference from {reference}", tall=True),
            Column("p"),
            Column("s per epoch", tall=True),
            PROBLEMS,
        ),
        rows=tuple(
            Row(
                (
                    study.text(level),
                    f"{level.parameters:,}",
                    sparkline(level.val_curve, low, high),
                    percent(level.val_accuracy),
                    *([mean_percent(level.test_accuracy)] if judged else []),
                    _distance(study, level, difference),
                    p_text(difference),
                    NONE
                    if level.seconds_per_epoch is None
                    else f"{level.seconds_per_epoch:.2f}",
                    problems_text(level),
                ),
                strong=level is best,
            )
            for level, difference in zip(study.levels, study.differences(), strict=True)
        ),
        notes=(
            describe(
                study.base, fused=study.fused, settings=study.settings, but=[study.param]
            ),
            legend + _CURVE_LEGEND,
        ),
        sentences=(study.conclusion.text,),
    )


def _param_column(study: Ablation) -> Column:
    return Column(study.param, wraps=True, min_width=8, tall=True)


def _distance(study: Ablation, level: LevelResult, difference: Difference | None) -> str:
    if level is study.reference:
        return "best" if study.baseline is None else "baseline"
    return percent(difference, signed=True)


def convergence_table(study: Ablation, target: float | None = None) -> Table:
    """Return the convergence of an ablation, a row for each level.

    Args:
        study: The ablation.
        target: A validation accuracy, from 0 to 1. The table shows the epochs and seconds
            to reach this target. Defaults to None: no target.
    """
    text = f"{100 * (target or 0):g} %"
    near_best = study.near_best
    notes = [
        "area: the mean height of the curve of validation accuracy. gap: training accuracy "
        "during the last epoch, minus validation accuracy."
    ]
    if near_best is not None:
        notes.insert(
            0,
            "epochs to near best: the first epoch with a validation error of at most "
            f"{percent_text(1 - near_best)} %, a tenth more than that of the best value at "
            "its best epochs. Medians over all runs (Kaplan-Meier); (9 of 12): the runs "
            "that reached it, if not all did.",
        )
    if target is not None:
        notes.append(
            f"to {text}: the same for a validation accuracy of at least {text}, and the "
            "seconds up to its end."
        )
    headers = ["best epoch", "epochs to near best", "area %", "gap %"]
    if target is not None:
        headers += [f"epochs to {text}", f"s to {text}"]
    return Table(
        title="Convergence",
        columns=(
            _param_column(study),
            *(Column(header, tall=True) for header in headers),
            PROBLEMS,
        ),
        rows=tuple(
            Row(
                (
                    study.text(level),
                    mean_text(level.best_epoch, ".1f"),
                    NONE
                    if near_best is None
                    else _time_text(level, level.epochs_to(near_best), "g"),
                    percent(level.area_under_curve),
                    percent(level.gap, signed=True),
                    *(_target_cells(level, target) if target is not None else []),
                    problems_text(level),
                )
            )
            for level in study.levels
        ),
        notes=tuple(notes),
    )


def _target_cells(level: LevelResult, target: float) -> list[str]:
    return [
        _time_text(level, level.epochs_to(target), "g"),
        _time_text(level, level.seconds_to(target), ".1f"),
    ]


def _time_text(level: LevelResult, time: TimeToTarget, spec: str) -> str:
    """Return the median, or the time after which most runs had not reached the target."""
    if not level.finished:
        return NONE
    known = time.median is not None
    text = f"{'' if known else '> '}{time.median if known else time.limit:{spec}}"
    all_reached = time.reached == time.runs
    return text if all_reached else f"{text} ({time.reached} of {time.runs})"
