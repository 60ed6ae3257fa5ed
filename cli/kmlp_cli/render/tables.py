"""Results as Rich tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from kmlp._util.text import count_of, protocol_text
from kmlp.model.config import RunConfig, dataset_of, value_text
from kmlp.settings import settings_text
from kmlp.statistics import Difference, Estimate
from kmlp.studies.ablation import Ablation
from kmlp.studies.results import LevelResult
from kmlp.training.checks import parameters_of
from kmlp.training.run import Run
from kmlp_cli.render.cells import (
    NONE,
    mean_percent,
    number_text,
    p_text,
    percent,
    plain_table,
    sparkline,
)

_CURVE_LEGEND = "curve: validation accuracy by epoch, on one scale."
_INTERVAL_LEGEND = (
    "±: half of the 95 % interval over the seeds. Differences are paired by seed; p and "
    "their intervals have Holm's correction for {}. "
)


def ablation_table(study: Ablation) -> Table:
    """A row a value: how well it did, how far from the best, what went wrong."""
    seeds = len(study.seeds)
    looked_at = "all pairs" if study.baseline is None else "all values"
    legend = _INTERVAL_LEGEND.format(looked_at) if seeds > 1 else ""
    described = description(
        study.base, fused=study.fused, settings=study.settings, but=[study.param]
    )
    table = plain_table(
        f"What {study.param} does: {study.headline}",
        described,
        legend + _CURVE_LEGEND,
    )
    _add_param(table, study)
    base = study.baseline
    judged = not study.validates_on_test  # else the test data are shown already
    for header in (
        "param-\neters",
        "curve",
        "validation\naccuracy %",
        *(["test\nacc. %"] if judged else []),
        f"difference\nfrom {'best' if base is None else study.text(base)}",
        "p",
        "s an\nepoch",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("went\nwrong", overflow="fold", min_width=5)
    heights = [height for value in study.levels for height in value.val_curve]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    for value, difference in zip(study.levels, study.differences(), strict=True):
        best = value is study.best()
        table.add_row(
            study.text(value),
            f"{value.parameters:,}",
            sparkline(value.val_curve, low, high),
            percent(value.val_accuracy),
            *([mean_percent(value.test_accuracy)] if judged else []),
            _distance(study, value, difference),
            p_text(difference),
            NONE if value.seconds_per_epoch is None else f"{value.seconds_per_epoch:.2f}",
            wrongs(value),
            style="bold" if best else None,
        )
    return table


def _add_param(table: Table, study: Ablation) -> None:
    header = study.param.replace("_", "\n")
    table.add_column(header, justify="right", overflow="fold", min_width=8)


def _distance(study: Ablation, value: LevelResult, difference: Difference | None) -> str:
    if value is study.reference:
        return "best" if study.baseline is None else "baseline"
    return percent(difference, signed=True)


def convergence_table(study: Ablation, target: float | None) -> Table:
    """A row a value: how it learned.

    Args:
        study: Any.
        target: A validation accuracy, from 0 to 1, that takes epochs and seconds to
            reach; None: none is asked for.
    """
    reached = ""
    if target is not None:
        text = f"{100 * target:g} %"
        reached = (
            f" to {text}: the first epoch with a validation accuracy of at least {text}, "
            "and the seconds up to its end; means over the runs that reached it."
        )
    table = plain_table(
        "How it learned: means over the seeds",
        "within 1 %: the first epoch within 1 % of its run's best. area: under the curve "
        "of validation accuracy, for each epoch of its width. gap: training accuracy in "
        "the last epoch, while it was trained, less validation accuracy." + reached,
    )
    _add_param(table, study)
    headers = ["best\nepoch", "within\n1 %", "area\n%", "gap\n%"]
    if target is not None:
        headers += [f"epochs\nto {text}", f"s to\n{text}", "runs that\nreached it"]
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("went\nwrong", overflow="fold", min_width=5)
    for value in study.levels:
        cells = [
            _mean(value.best_epoch, ".1f"),
            _mean(value.epochs_to_near_best, ".1f"),
            percent(value.area_under_curve),
            percent(value.gap, signed=True),
        ]
        if target is not None:
            epochs = value.epochs_to(target)
            cells += [
                _mean(epochs, ".1f"),
                _mean(value.seconds_to(target), ".1f"),
                f"{epochs.size if epochs else 0} of {len(value.runs)}",
            ]
        table.add_row(study.text(value), *cells, wrongs(value))
    return table


def _mean(found: Estimate | None, spec: str) -> str:
    return NONE if found is None else format(found.mean, spec)


def run_table(run: Run) -> Table:
    """A row an epoch."""
    config = run.config
    table = plain_table(
        f"{config.dataset}, {run.parameters:,} parameters, seed {config.seed}, "
        f"{run.backend}{protocol_text(on_test=config.validates_on_test)}",
        settings_text(run.settings),
    )
    for name in (
        "epoch",
        "loss",
        "accuracy %",
        "val_loss",
        "val_accuracy %",
        "seconds",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for record in run.history:
        table.add_row(
            str(record.epoch),
            number_text(record.loss, ".4f"),
            number_text(100 * record.accuracy, ".2f"),
            number_text(record.val_loss, ".4f"),
            number_text(100 * record.val_accuracy, ".2f"),
            f"{record.seconds:.2f}",
        )
    return table


def run_summary(run: Run) -> str:
    """The sentence under a run's table."""
    if run.status == "failed":
        return f"Failed after {count_of(run.epochs, 'epoch')}: {run.failure}"
    if run.status == "diverged":
        return f"Diverged: the loss is not finite any more in epoch {run.epochs}."
    return (
        f"Test accuracy {100 * run.test_accuracy:.2f} %, test loss {run.test_loss:.4f} "
        f"after {count_of(run.epochs, 'epoch')} ({run.seconds:.1f} s)."
    )


def plan_rows(param: str, rows: list[list[RunConfig]], epochs: int) -> list[dict[str, Any]]:
    """What would be trained: a row a value."""
    planned = []
    for configs in rows:
        first = configs[0]
        dataset = dataset_of(first).with_train_size(first.train_size)
        steps = math.ceil(len(dataset.train) / first.batch_size)
        planned.append(
            {
                "value": getattr(first, param),
                "parameters": parameters_of(first),
                "runs": len(configs),
                "epochs": len(configs) * epochs,
                "steps": len(configs) * epochs * steps,
            }
        )
    return planned


def plan_table(param: str, rows: list[dict[str, Any]]) -> Table:
    """The same as a table, with totals."""
    table = plain_table("What would be trained")
    for name in (param, "parameters", "runs", "epochs", "steps"):
        table.add_column(name, justify="right")
    for row in rows:
        value, *numbers = row.values()
        table.add_row(value_text(param, value), *(f"{number:,}" for number in numbers))
    table.add_section()
    totals = [sum(row[name] for row in rows) for name in ("runs", "epochs", "steps")]
    table.add_row("total", "", *(f"{total:,}" for total in totals))
    return table


def description(
    base: RunConfig, *, fused: bool, settings: Mapping[str, str], but: Sequence[str]
) -> str:
    """A configuration in words, with the settings of the backend, but for some fields and
    for defaults of no effect.
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


def wrongs(value: LevelResult) -> str:
    """How many runs went wrong, and how."""
    found = [
        f"{count} of {len(value.runs)} {what}"
        for count, what in (
            (value.failed, "failed"),
            (value.diverged, "diverged"),
            (value.did_not_learn, "did not learn"),
        )
        if count
    ]
    return ", ".join(found) or NONE
