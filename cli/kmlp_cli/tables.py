"""Results as Rich tables."""

from __future__ import annotations

import math
from typing import Any

from rich.table import Table
from rich.text import Text

from kmlp.ablation import Ablation
from kmlp.checks import parameters_of
from kmlp.comparison import ValueResult
from kmlp.config import RunConfig, dataset_of, value_text
from kmlp.evidence import conclusion
from kmlp.run import Run
from kmlp.texts import count_of
from kmlp_cli.cells import (
    NONE,
    number_text,
    percent,
    plain_table,
)

_EPOCH_LEGEND = (
    "epoch within 1 %: the first within 1 % of its run's best, mean over the seeds."
)
_INTERVAL_LEGEND = (
    "±: half of the 95 % interval over the seeds; for differences, which are paired by "
    "seed, the intervals of all pairs of values hold at once. "
)


def ablation_table(study: Ablation) -> Table:
    """A row a value: how well it did, how far from the best, what went wrong."""
    seeds = len(study.seeds)
    table = plain_table(
        f"What {study.axis} does: {study.base.dataset}, {count_of(study.epochs, 'epoch')}, "
        f"{count_of(seeds, 'seed')}, {study.backend}",
        "\n".join(
            [_description(study), (_INTERVAL_LEGEND if seeds > 1 else "") + _EPOCH_LEGEND]
        ),
    )
    table.add_column(
        study.axis.replace("_", "\n"), justify="right", overflow="fold", min_width=8
    )
    for header in (
        "param-\neters",
        "validation\naccuracy %",
        "test\nacc. %",
        "difference\nfrom best",
        "epoch\nwithin\n1 %",
        "s an\nepoch",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("went\nwrong", overflow="fold", min_width=5)
    for value in study.values:
        best = value is study.best()
        test = value.test_accuracy
        table.add_row(
            value_text(study.axis, value.value),
            f"{value.parameters:,}",
            percent(value.val_accuracy),
            NONE if test is None else f"{100 * test.mean:.2f}",
            "best" if best else percent(study.difference(value), signed=True),
            NONE
            if value.epochs_to_near_best is None
            else f"{value.epochs_to_near_best:.1f}",
            NONE if value.seconds_per_epoch is None else f"{value.seconds_per_epoch:.2f}",
            wrongs(value),
            style="bold" if best else None,
        )
    return table


def conclusion_text(study: Ablation) -> Text:
    """The sentence under the table."""
    return Text(conclusion(study))


def run_table(run: Run) -> Table:
    """A row an epoch."""
    config = run.config
    table = plain_table(
        f"{config.dataset}, {run.parameters:,} parameters, seed {config.seed}, "
        f"{run.backend}"
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


def run_summary(run: Run) -> Text:
    """The sentence under a run's table."""
    if run.status == "failed":
        return Text(f"Failed after {count_of(run.epochs, 'epoch')}: {run.failure}")
    if run.status == "diverged":
        return Text(f"Diverged: the loss is not finite any more in epoch {run.epochs}.")
    return Text(
        f"Test accuracy {100 * run.test_accuracy:.2f} %, test loss {run.test_loss:.4f} "
        f"after {count_of(run.epochs, 'epoch')} ({run.seconds:.1f} s)."
    )


def plan_rows(axis: str, rows: list[list[RunConfig]], epochs: int) -> list[dict[str, Any]]:
    """What would be trained: a row a value."""
    planned = []
    for configs in rows:
        first = configs[0]
        dataset = dataset_of(first).with_train_size(first.train_size)
        steps = math.ceil(len(dataset.train) / first.batch_size)
        planned.append(
            {
                "value": getattr(first, axis),
                "parameters": parameters_of(first),
                "runs": len(configs),
                "epochs": len(configs) * epochs,
                "steps": len(configs) * epochs * steps,
            }
        )
    return planned


def plan_table(axis: str, rows: list[dict[str, Any]]) -> Table:
    """The same as a table, with totals."""
    table = plain_table("What would be trained")
    for name in (axis, "parameters", "runs", "epochs", "steps"):
        table.add_column(name, justify="right")
    for row in rows:
        value, *numbers = row.values()
        table.add_row(value_text(axis, value), *(f"{number:,}" for number in numbers))
    table.add_section()
    totals = [sum(row[name] for row in rows) for name in ("runs", "epochs", "steps")]
    table.add_row("total", "", *(f"{total:,}" for total in totals))
    return table


def _description(study: Ablation) -> str:
    """The base configuration in words; the axis and the defaults of no effect left out."""
    shown = {
        name: value
        for name, value in study.base.to_dict().items()
        if name not in (study.axis, "seed", "dataset") and value not in (None, False, 0.0)
    }
    words = [f"{name} {value_text(name, value)}" for name, value in shown.items()]
    return ", ".join(words if study.fused else [*words, "plain fit"])


def wrongs(value: ValueResult) -> str:
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
