"""The tables of an ablation."""

from __future__ import annotations

from itertools import starmap

import numpy as np

from kmlp._util.text import count_of, percent_text
from kmlp.model.text import short_text
from kmlp.statistics import Difference
from kmlp.studies._convergence import TimeToTarget
from kmlp.studies.ablation import Ablation
from kmlp.studies.auto_seeds import looks_text
from kmlp.studies.cells import (
    interval_note,
    mean_percent,
    mean_text,
    p_text,
    percent,
    sparkline,
)
from kmlp.studies.judging import judged_text
from kmlp.studies.level_result import LevelResult
from kmlp.studies.measured_text import accuracy_text
from kmlp.studies.results import TEST_METRIC
from kmlp.studies.split_text import split_text
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.studies.tables.shared import (
    PROBLEMS,
    describe,
    differences_note,
    problems_text,
    same_note,
)

MOST_ROWS = 20
"""The largest number of levels in a brief table."""

_NEAR_100 = 0.9
"""The accuracy from which ratios of errors are shown."""


def tables_of_ablation(study: Ablation, *, brief: bool = False) -> tuple[Table, ...]:
    """Return the tables of an ablation: its results and, if chosen, its convergence.

    Args:
        study: The ablation.
        brief: True to show at most twenty levels in each table. Defaults to False.
    """
    tables = [ablation_table(study, brief=brief)]
    if study.convergence or study.target_accuracy is not None:
        tables.append(convergence_table(study, study.target_accuracy, brief=brief))
    return tuple(tables)


def ablation_table(study: Ablation, *, brief: bool = False) -> Table:
    """Return the results of an ablation, a row for each level, with the best emphasized.

    Args:
        study: The ablation.
        brief: True to show only the twenty best of more than twenty levels, and the one
            that the others are compared with. Defaults to False.
    """
    base = study.baseline
    reference = "best" if base is None else study.text(base)
    judged = not study.validates_on_test  # if not, the test accuracy is shown already
    best = study.best()
    shown = _shown(study, brief=brief)
    heights = [height for level in study.levels for height in level.val_curve]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    compares = study.reference is not None and len(study.levels) > 1
    own_seeds = len({len(level.runs) for level in study.levels}) > 1
    stops = study.patience is not None
    ratios = compares and _is_near_100(study)
    lost = any(problems_text(level) != NONE for level in study.levels)
    measured = "test difference" if study.metric == TEST_METRIC else "difference"
    differences = dict(zip(study.levels, study.differences(), strict=True))
    derived = dict(zip(study.levels, study.derived, strict=True))
    return Table(
        title=f"Effect of {study.param}: {study.headline}",
        columns=(
            _param_column(study),
            *(Column(name, tall=True) for name in study.derived[0]),
            Column("parameters", tall=True),
            *([Column("seeds")] if own_seeds else []),
            *([Column("epochs")] if stops else []),
            Column("curve"),
            Column("validation accuracy %", tall=True),
            *([Column("test acc. %", tall=True)] if judged else []),
            Column(f"{measured} from {reference}", tall=True),
            *([Column("errors")] if ratios else []),
            Column("p"),
            Column("verdict", numeric=False),
            Column("s per epoch", tall=True),
            *([PROBLEMS] if lost else []),
        ),
        rows=tuple(
            Row(
                (
                    study.text(level),
                    *starmap(short_text, derived[level].items()),
                    f"{level.parameters:,}",
                    *([str(len(level.runs))] if own_seeds else []),
                    *([mean_text(level.epochs, ".1f")] if stops else []),
                    sparkline(level.val_curve, low, high),
                    percent(level.val_accuracy),
                    *([mean_percent(level.test_accuracy)] if judged else []),
                    _distance(study, level, differences[level]),
                    *([_ratio_text(study, level)] if ratios else []),
                    p_text(differences[level]),
                    NONE if (change := differences[level]) is None else change.verdict,
                    NONE
                    if level.seconds_per_epoch is None
                    else f"{level.seconds_per_epoch:.2f}",
                    *([problems_text(level)] if lost else []),
                ),
                strong=level is best,
            )
            for level in shown
        ),
        notes=(
            describe(
                study.base, fused=study.fused, settings=study.settings, but=[study.param]
            ),
            *_more(study, shown),
            _legend(study),
            *([covered] if (covered := split_text(study)) else []),
        ),
        sentences=(study.conclusion.text,),
    )


def _shown(study: Ablation, *, brief: bool) -> tuple[LevelResult, ...]:
    """Return the levels of a table, in the order of the study."""
    if not brief or len(study.levels) <= MOST_ROWS:
        return study.levels
    means = study.comparison.means
    ranks = np.argsort(np.where(np.isnan(means), np.inf, -means), kind="stable")
    kept = set(ranks[:MOST_ROWS].tolist())
    if study.reference is not None:
        kept.add(study.levels.index(study.reference))
    return tuple(level for place, level in enumerate(study.levels) if place in kept)


def _more(study: Ablation, shown: tuple[LevelResult, ...]) -> list[str]:
    """Return a note on the levels that a table leaves out."""
    left = len(study.levels) - len(shown)
    more = count_of(left, "more value")
    return [f"{more}: `kmlp show {study.name} --all` shows them."] if left else []


def _legend(study: Ablation) -> str:
    """Return the meaning of the columns of numbers."""
    notes = [f"Accuracies {judged_text(study.at)}."] if study.epochs > 1 else []
    if len(study.seeds) > 1:
        accuracies = (level.val_accuracy for level in study.levels)
        notes.append(interval_note([*accuracies, *study.differences()]))
    if len(study.seeds) > 1 and len(study.levels) > 1:
        notes.append(differences_note(study))
    if _is_near_100(study) and len(study.levels) > 1:
        notes.append("errors: as a multiple of those of the best or the baseline.")
    notes += same_note(study)
    if study.most_seeds is not None:
        notes.append(looks_text(study, missing=study.missing))
    curve = "curve: validation accuracy by epoch, on one scale"
    if study.patience is not None:
        notes.append("epochs: the mean of the runs.")
        curve += ", up to the first end of a run"
    notes.append(f"{curve}.")
    return " ".join(notes)


def _is_near_100(study: Ablation) -> bool:
    reference = study.reference
    accuracy = None if reference is None else reference.val_accuracy
    return accuracy is not None and accuracy.mean >= _NEAR_100


def _ratio_text(study: Ablation, level: LevelResult) -> str:
    ratio = study.error_ratio(level)
    return NONE if ratio is None else f"{ratio:.2f}"


def _param_column(study: Ablation) -> Column:
    return Column(study.param, wraps=True, min_width=8, tall=True)


def _distance(study: Ablation, level: LevelResult, difference: Difference | None) -> str:
    if level is study.reference:
        if study.baseline is not None:
            return "baseline"
        return "best, tied" if study.tied else "best"
    return percent(difference, signed=True)


def convergence_table(
    study: Ablation, target: float | None = None, *, brief: bool = False
) -> Table:
    """Return the convergence of an ablation, a row for each level.

    Args:
        study: The ablation.
        target: A validation accuracy, from 0 to 1. The table shows the epochs and seconds
            to reach this target. Defaults to None: no target.
        brief: As in `ablation_table`.
    """
    shown = _shown(study, brief=brief)
    text = f"{100 * (target or 0):g} %"
    near_best = study.near_best
    notes = [
        "area: the mean height of the curve of validation accuracy. gap: training accuracy "
        f"minus validation accuracy, in points, {judged_text(study.at)}. "
        f"{accuracy_text(run.config for run in study.runs)}"
    ]
    if study.patience is not None:
        notes.append("Runs that stopped early have areas of fewer epochs.")
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
    headers = ["best epoch", "epochs to near best", "area %", "gap"]
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
            for level in shown
        ),
        notes=(*_more(study, shown), *notes),
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
