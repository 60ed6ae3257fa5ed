"""The tables of single runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kmlp._util.text import protocol_text
from kmlp.model.schedules import varies
from kmlp.settings import settings_text
from kmlp.studies.cells import number_text
from kmlp.studies.measured_text import loss_text
from kmlp.studies.single_run import RunStudy
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.training.run import Run


def run_table(study: RunStudy) -> Table:
    """Return the results of a run, a row for each epoch."""
    run = study.run
    config = run.config
    headers = ["epoch", "loss", "accuracy %", "val_loss", "val_accuracy %", "seconds"]
    if varies(config):
        headers.insert(1, "learning rate")
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
                    *([number_text(rate, ".4g")] if varies(config) else []),
                    number_text(record.loss, ".4f"),
                    number_text(100 * record.accuracy, ".2f"),
                    number_text(record.val_loss, ".4f"),
                    number_text(100 * record.val_accuracy, ".2f"),
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


_EVERY_RUN: dict[str, Callable[[Run], str]] = {
    "seed": lambda run: str(run.config.seed),
    "status": lambda run: run.status,
    "epochs": lambda run: str(run.epochs),
    "at epoch": lambda run: str(run.outcome.epoch) if run.history else NONE,
    "validation accuracy %": lambda run: number_text(100 * run.val_accuracy, ".2f"),
    "test accuracy %": lambda run: number_text(100 * run.test_accuracy, ".2f"),
    "training loss": lambda run: _loss(run, "loss"),
    "validation loss": lambda run: _loss(run, "val_loss"),
    "seconds": lambda run: f"{run.seconds:.2f}",
}


def every_run_table(runs: Sequence[tuple[str, Run]]) -> Table:
    """Return a row for each run, with its level, configuration or trial.

    Accuracies and losses are those of the epoch at which the run is judged.
    """
    headers = ("run of", *_EVERY_RUN)
    return Table(
        title="Every run",
        columns=tuple(
            Column(header, numeric=header not in ("run of", "status")) for header in headers
        ),
        rows=tuple(
            Row((level, *(cell(run) for cell in _EVERY_RUN.values())))
            for level, run in runs
        ),
        notes=tuple(filter(None, [loss_text(run.config for _, run in runs)])),
    )


def _loss(run: Run, figure: str) -> str:
    return number_text(getattr(run.outcome, figure), ".4f") if run.history else NONE
