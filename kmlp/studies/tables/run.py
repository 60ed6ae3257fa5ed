"""The tables of single runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from kmlp._util.text import protocol_text
from kmlp.model.metrics import ACCURACY, LOSS, Metric, Part
from kmlp.model.schedules import varies
from kmlp.settings import settings_text
from kmlp.studies.cells import number_measured, number_text
from kmlp.studies.measured_text import loss_text
from kmlp.studies.single_run import RunStudy
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.training.run import EpochRecord, Run


def run_table(study: RunStudy) -> Table:
    """Return the results of a run, a row for each epoch."""
    run = study.run
    config = run.config
    parts: tuple[Part, ...] = ("train", "val")
    headers = [header for part in parts for header in _headers(run, part)]
    rates = ["learning rate"] if varies(config) else []
    return Table(
        title=(
            f"{config.dataset}, {run.parameters:,} parameters, seed {config.seed}, "
            f"{run.backend}"
            f"{protocol_text(run.noun, on_test=config.validates_on_test)}"
        ),
        columns=tuple(map(Column, ["epoch", *rates, *headers, "seconds"])),
        rows=tuple(
            Row(
                (
                    str(record.epoch),
                    *([number_text(rate, ".4g")] if varies(config) else []),
                    *(cell for part in parts for cell in _cells(run, record, part)),
                    f"{record.seconds:.2f}",
                )
            )
            for record, rate in zip(run.history, run.learning_rates, strict=True)
        ),
        notes=tuple(
            filter(
                None,
                [
                    "learning rate: the mean over the epoch's steps."
                    if varies(config)
                    else "",
                    loss_text([config]),
                    settings_text(run.settings),
                ],
            )
        ),
        sentences=(study.conclusion.text,),
    )


def _beside_loss(run: Run) -> list[Metric]:
    """Return the metric of a run, or accuracy if the run is compared by its loss."""
    metric = ACCURACY if run.metric.name == LOSS.name else run.metric
    missing = all(math.isnan(value) for value in run.values(metric))
    return [] if missing and metric != run.metric else [metric]


def _headers(run: Run, part: Part) -> list[str]:
    metrics = [metric.headed(metric.figure(part)) for metric in _beside_loss(run)]
    return [LOSS.figure(part), *metrics]


def _cells(run: Run, record: EpochRecord, part: Part) -> list[str]:
    return [
        number_text(record.value(LOSS, part), ".4f"),
        *(
            number_measured(metric, record.value(metric, part))
            for metric in _beside_loss(run)
        ),
    ]


_EVERY_RUN: dict[str, Callable[[Run], str]] = {
    "seed": lambda run: str(run.config.seed),
    "status": lambda run: run.status,
    "epochs": lambda run: str(run.epochs),
    "at epoch": lambda run: str(run.outcome.epoch) if run.history else NONE,
    "training loss": lambda run: _loss(run, "loss"),
    "validation loss": lambda run: _loss(run, "val_loss"),
    "seconds": lambda run: f"{run.seconds:.2f}",
}


def _columns(metric: Metric) -> dict[str, Callable[[Run], str]]:
    """Return the columns of the table of every run, with those of a metric."""
    columns = list(_EVERY_RUN.items())
    return {
        **dict(columns[:4]),
        metric.headed(metric.named("val")): lambda run: number_measured(
            metric, run.val_value
        ),
        metric.headed(metric.named("test")): lambda run: number_measured(
            metric, run.test_value
        ),
        **dict(columns[4:]),
    }


def every_run_table(runs: Sequence[tuple[str, Run]]) -> Table:
    """Return a row for each run, with its level, configuration or trial.

    Metrics and losses are those of the epoch at which the run is judged.
    """
    columns = _columns(runs[0][1].metric if runs else ACCURACY)
    headers = ("run of", *columns)
    return Table(
        title="Every run",
        columns=tuple(
            Column(header, numeric=header not in ("run of", "status")) for header in headers
        ),
        rows=tuple(
            Row((level, *(cell(run) for cell in columns.values()))) for level, run in runs
        ),
        notes=tuple(filter(None, [loss_text(run.config for _, run in runs)])),
    )


def _loss(run: Run, figure: str) -> str:
    return number_text(getattr(run.outcome, figure), ".4f") if run.history else NONE
