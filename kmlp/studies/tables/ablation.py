"""The tables of an ablation."""

from __future__ import annotations

from itertools import starmap

import numpy as np

from kmlp._util.text import count_of
from kmlp.model.metrics import ACCURACY, Metric
from kmlp.model.text import short_text
from kmlp.statistics import Difference
from kmlp.studies._convergence import TimeToTarget
from kmlp.studies.ablation import Ablation
from kmlp.studies.auto_seeds import looks_text
from kmlp.studies.cells import (
    interval_note,
    mean_measured,
    mean_text,
    measured,
    p_text,
    sparkline,
)
from kmlp.studies.judging import judged_text
from kmlp.studies.level_result import LevelResult
from kmlp.studies.measured_text import gap_text, training_text
from kmlp.studies.split_text import split_text
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.studies.tables.retuning import retuning_table
from kmlp.studies.tables.shared import (
    PROBLEMS,
    describe,
    differences_note,
    problems_text,
    same_note,
    short_test_title,
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
    if study.tunings:
        tables.append(retuning_table(study))
    if study.convergence or study.target is not None:
        tables.append(convergence_table(study, study.target, brief=brief))
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
    ratios = compares and _shows_ratios(study)
    lost = any(problems_text(level) != NONE for level in study.levels)
    metric = study.metric
    compared = "test difference" if study.part == "test" else "difference"
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
            Column(metric.headed(metric.named("val")), tall=True),
            *([Column(short_test_title(metric), tall=True)] if judged else []),
            Column(f"{compared} from {reference}", tall=True),
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
                    measured(metric, level.val_value),
                    *([mean_measured(metric, level.test_value)] if judged else []),
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
                study.base,
                fused=study.fused,
                settings=study.settings,
                but=[study.param, *study.retuned],
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
    metric = study.metric
    judged = f"{metric.capital_titles} {judged_text(study.at)}."
    notes = [judged] if study.epochs > 1 else []
    if len(study.seeds) > 1:
        values = (level.val_value for level in study.levels)
        notes.append(
            interval_note([*values, *study.differences()], f"over the {study.replicate}s")
        )
    if len(study.seeds) > 1 and len(study.levels) > 1:
        notes.append(differences_note(study))
    if _shows_ratios(study) and len(study.levels) > 1:
        notes.append("errors: as a multiple of those of the best or the baseline.")
    notes += same_note(study)
    if study.most_seeds is not None:
        notes.append(looks_text(study, missing=study.missing))
    curve = f"curve: {metric.named('val')} by epoch, on one scale"
    if study.patience is not None:
        notes.append("epochs: the mean of the runs.")
        curve += ", up to the first end of a run"
    notes.append(f"{curve}.")
    return " ".join(notes)


def _shows_ratios(study: Ablation) -> bool:
    """Return True if ratios of errors are shown: near 100 %, or of an error."""
    reference, metric = study.reference, study.metric
    value = None if reference is None else reference.val_value
    if value is None or metric.perfect is None:
        return False
    return not metric.share or value.mean >= _NEAR_100


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
    return measured(study.metric, difference, signed=True)


def convergence_table(
    study: Ablation, target: float | None = None, *, brief: bool = False
) -> Table:
    """Return the convergence of an ablation, a row for each level.

    Args:
        study: The ablation.
        target: A validation value of the metric; an accuracy is from 0 to 1. The table
            shows the epochs and seconds to reach this target. Defaults to None: no target.
        brief: As in `ablation_table`.
    """
    shown, metric = _shown(study, brief=brief), study.metric
    text = f"{metric.factor * (target or 0):g} {metric.unit}".rstrip()
    near_best = study.near_best
    unit = f", in {metric.difference_unit}" if metric.difference_unit else ""
    notes = [
        f"area: the mean height of the curve of {metric.named('val')}. "
        f"gap: {gap_text(metric)}{unit}, {judged_text(study.at)}. "
        f"{training_text(metric, (run.config for run in study.runs))}"
    ]
    if study.patience is not None:
        notes.append("Runs that stopped early have areas of fewer epochs.")
    if near_best is not None:
        notes.insert(
            0,
            f"epochs to near best: the first epoch with {_near_text(metric, near_best)}, "
            "a tenth more than that of the best value at "
            "its best epochs. Medians over all runs (Kaplan-Meier); (9 of 12): the runs "
            "that reached it, if not all did.",
        )
    if target is not None:
        notes.append(
            f"to {text}: the same for a {metric.named('val')} of {metric.least_words} "
            f"{text}, and the seconds up to its end."
        )
    headers = ["best epoch", "epochs to near best", metric.headed("area"), "gap"]
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
                    measured(metric, level.area_under_curve),
                    measured(metric, level.gap, signed=True),
                    *(_target_cells(level, target) if target is not None else []),
                    problems_text(level),
                )
            )
            for level in shown
        ),
        notes=(*_more(study, shown), *notes),
    )


def _near_text(metric: Metric, value: float) -> str:
    """Return the validation value that is near the best, as text."""
    if metric.share:
        error = "validation error" if metric == ACCURACY else f"{metric.named('val')} error"
        return f"a {error} of at most {metric.text(1 - value)}"
    return f"a {metric.named('val')} of {metric.least_words} {metric.text(value)}"


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
