"""The tables of studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from kmlp._util.text import count_of, protocol_text
from kmlp.model.config import RunConfig, value_text
from kmlp.settings import settings_text
from kmlp.statistics import Difference
from kmlp.studies.cells import (
    mean_percent,
    mean_text,
    number_text,
    p_text,
    percent,
    sparkline,
)
from kmlp.studies.results import LevelResult
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.training.run import Run

if TYPE_CHECKING:
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.config_list import ConfigList

WENT_WRONG = Column("went wrong", numeric=False, wraps=True, min_width=5, tall=True)
_CURVE_LEGEND = "curve: validation accuracy by epoch, on one scale."
_INTERVAL_LEGEND = (
    "±: half of the 95 % interval over the seeds. Differences are paired by seed; p and "
    "their intervals have Holm's correction for {}. "
)


def ablation_table(study: Ablation) -> Table:
    """The results of an ablation, a row for each level, the best one strong."""
    seeds = len(study.seeds)
    compared = "all pairs" if study.baseline is None else "all values"
    legend = _INTERVAL_LEGEND.format(compared) if seeds > 1 else ""
    base = study.baseline
    reference = "best" if base is None else study.text(base)
    judged = not study.validates_on_test  # else the test data are shown already
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
            Column("s an epoch", tall=True),
            WENT_WRONG,
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
    """The convergence of an ablation, a row for each level.

    Args:
        study: The ablation.
        target: A validation accuracy, 0 to 1, that takes epochs and seconds to reach.
            Defaults to None: none is asked for.
    """
    text = f"{100 * (target or 0):g} %"
    reached = (
        f" to {text}: the first epoch with a validation accuracy of at least {text}, and "
        "the seconds up to its end; means over the runs that reached it."
    )
    headers = ["best epoch", "within 1 %", "area %", "gap %"]
    if target is not None:
        headers += [f"epochs to {text}", f"s to {text}", "runs that reached it"]
    return Table(
        title="How it learned: means over the seeds",
        columns=(
            _param_column(study),
            *(Column(header, tall=True) for header in headers),
            WENT_WRONG,
        ),
        rows=tuple(
            Row(
                (
                    study.text(level),
                    mean_text(level.best_epoch, ".1f"),
                    mean_text(level.epochs_to_near_best, ".1f"),
                    percent(level.area_under_curve),
                    percent(level.gap, signed=True),
                    *(_target_cells(level, target) if target is not None else []),
                    problems_text(level),
                )
            )
            for level in study.levels
        ),
        notes=(
            "within 1 %: the first epoch within 1 % of its run's best. area: under the "
            "curve of validation accuracy, for each epoch of its width. gap: training "
            "accuracy in the last epoch, while it was trained, less validation accuracy."
            + (reached if target is not None else ""),
        ),
    )


def _target_cells(level: LevelResult, target: float) -> list[str]:
    epochs = level.epochs_to(target)
    return [
        mean_text(epochs, ".1f"),
        mean_text(level.seconds_to(target), ".1f"),
        f"{epochs.size if epochs else 0} of {len(level.runs)}",
    ]


def config_list_table(study: ConfigList) -> Table:
    """The results of a list of configurations, a row for each, in the list's order."""
    several = any(len(level.runs) > 1 for level in study.levels)
    own_seeds = len({_seeds(level) for level in study.levels}) > 1
    judged = not study.validates_on_test  # else the test data are shown already
    best = study.best()
    interval = "±: half of the 95 % interval over the seeds. s: median of them."
    return Table(
        title=f"Configurations: {study.headline}",
        columns=(
            Column("number"),
            *(Column(name, wraps=True, tall=True) for name in study.varied),
            *([Column("seeds")] if own_seeds else []),
            Column("epochs"),
            Column("validation accuracy %", tall=True),
            *([Column("test acc. %", tall=True)] if judged else []),
            Column("validation loss", tall=True),
            Column("s"),
            WENT_WRONG,
        ),
        rows=tuple(
            Row(
                (
                    str(level.value),
                    *study.changes(level).values(),
                    *([seeds_text(_seeds(level))] if own_seeds else []),
                    str(epochs),
                    percent(level.val_accuracy),
                    *([mean_percent(level.test_accuracy)] if judged else []),
                    NONE if level.val_loss is None else _loss_text(level.val_loss.mean),
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
            *([interval] if several else []),
        ),
        sentences=study.answer,
    )


def _seeds(level: LevelResult) -> tuple[int, ...]:
    return tuple(run.config.seed for run in level.runs)


def _loss_text(loss: float) -> str:
    return f"{loss:.4f}" if loss < 1000 else f"{loss:.3g}"


def run_table(run: Run) -> Table:
    """The results of a run, a row for each epoch."""
    config = run.config
    headers = ("epoch", "loss", "accuracy %", "val_loss", "val_accuracy %", "seconds")
    return Table(
        title=(
            f"{config.dataset}, {run.parameters:,} parameters, seed {config.seed}, "
            f"{run.backend}{protocol_text(on_test=config.validates_on_test)}"
        ),
        columns=tuple(map(Column, headers)),
        rows=tuple(
            Row(
                (
                    str(record.epoch),
                    number_text(record.loss, ".4f"),
                    number_text(100 * record.accuracy, ".2f"),
                    number_text(record.val_loss, ".4f"),
                    number_text(100 * record.val_accuracy, ".2f"),
                    f"{record.seconds:.2f}",
                )
            )
            for record in run.history
        ),
        notes=tuple(filter(None, [settings_text(run.settings)])),
        sentences=(run_summary(run),),
    )


def run_summary(run: Run) -> str:
    """The outcome of a run, in a sentence."""
    if run.status == "failed":
        return f"Failed after {count_of(run.epochs, 'epoch')}: {run.failure}"
    if run.status == "diverged":
        return f"Diverged: the loss is not finite any more in epoch {run.epochs}."
    return (
        f"Test accuracy {100 * run.test_accuracy:.2f} %, test loss {run.test_loss:.4f} "
        f"after {count_of(run.epochs, 'epoch')} ({run.seconds:.1f} s)."
    )


_EVERY_RUN: dict[str, Callable[[Run], str]] = {
    "seed": lambda run: str(run.config.seed),
    "status": lambda run: run.status,
    "epochs": lambda run: str(run.epochs),
    "validation accuracy %": lambda run: number_text(100 * run.val_accuracy, ".2f"),
    "test accuracy %": lambda run: number_text(100 * run.test_accuracy, ".2f"),
    "training loss": lambda run: _last(run, "loss"),
    "validation loss": lambda run: _last(run, "val_loss"),
    "seconds": lambda run: f"{run.seconds:.2f}",
}


def every_run_table(runs: Sequence[tuple[str, Run]]) -> Table:
    """A row for each run, with the name of what it is a run of."""
    headers = ("run of", *_EVERY_RUN)
    return Table(
        title="Every run, after its last epoch",
        columns=tuple(Column(it, numeric=it not in ("run of", "status")) for it in headers),
        rows=tuple(
            Row((level, *(cell(run) for cell in _EVERY_RUN.values())))
            for level, run in runs
        ),
    )


def _last(run: Run, figure: str) -> str:
    return number_text(getattr(run.history[-1], figure), ".4f") if run.history else NONE


def describe(
    base: RunConfig, *, fused: bool, settings: Mapping[str, str], but: Sequence[str]
) -> str:
    """A configuration and the settings of the backend in words, without some fields and
    without defaults of no effect.
    """
    shown = {
        name: value
        for name, value in base.to_dict().items()
        if name not in (*but, "seed", "dataset") and value not in (None, False, 0.0)
    }
    words = [f"{name} {value_text(name, value)}" for name, value in shown.items()]
    if not fused:
        words.append("plain fit")
    return ", ".join([*words, *([settings_text(settings)] if settings else [])])


def problems_text(level: LevelResult) -> str:
    """The numbers of runs that failed, diverged or did not learn."""
    found = [
        f"{count} of {len(level.runs)} {what}"
        for count, what in (
            (level.failed, "failed"),
            (level.diverged, "diverged"),
            (level.did_not_learn, "did not learn"),
        )
        if count
    ]
    return ", ".join(found) or NONE


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as text, those that follow each other as a range.

    >>> seeds_text([0, 1, 2]), seeds_text([7]), seeds_text([0, 4, 5])
    ('0-2', '7', '0,4,5')
    """
    first, last = seeds[0], seeds[-1]
    if len(seeds) > 2 and last - first == len(seeds) - 1:
        return f"{first}-{last}"
    return ",".join(map(str, seeds))
