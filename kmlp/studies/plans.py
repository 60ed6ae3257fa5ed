"""The planned training of a study, as plain values and as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kmlp.model.config import RunConfig
from kmlp.model.identity import varied_fields
from kmlp.model.run_data import training_size
from kmlp.model.text import short_text, value_text
from kmlp.studies._retuning import Retuning, most_work
from kmlp.studies.ablation_plan import PlannedLevel
from kmlp.studies.table import Column, Row, Table
from kmlp.training.checks import parameters_of


def plan_rows(
    param: str, levels: Sequence[PlannedLevel], retuning: Retuning | None = None
) -> list[dict[str, Any]]:
    """Return the planned training, a row for each value of the parameter.

    Runs and epochs that an earlier value needs, too, are counted once.

    Args:
        param: The parameter.
        levels: The result of `plan`. Of a single level, the learning rate is shown, because
            its default depends on the optimizer.
        retuning: The fields that are retuned. Then the runs and epochs are the largest
            possible: those of the tuning, of the levels as they are, and retuned. Defaults
            to None: none.
    """
    planned, trained = [], dict[RunConfig, int]()
    varied = varied_fields([level.configs[0] for level in levels])
    single = not levels[1:]
    derived = ["learning_rate"] if single else [name for name in varied if name != param]
    for level in levels:
        first = level.configs[0]
        steps = math.ceil(training_size(first) / first.batch_size)
        runs = [config for config in level.configs if config not in trained]
        epochs = sum(max(0, level.epochs - trained.get(c, 0)) for c in level.configs)
        trained |= {c: max(level.epochs, trained.get(c, 0)) for c in level.configs}
        tuning = {"runs": 0, "epochs": 0}
        if retuning is not None:
            most = most_work(level.epochs, retuning.trials, first.folds)
            tuning = dict(zip(tuning, most, strict=True))
        times = 1 if retuning is None else 2
        planned.append(
            {
                "value": level.value,
                "derived": {name: getattr(first, name) for name in derived},
                "parameters": parameters_of(first),
                "runs": times * len(runs) + tuning["runs"],
                "epochs": times * epochs + tuning["epochs"],
                "steps": (times * epochs + tuning["epochs"]) * steps,
            }
        )
    return planned


def plan_table(param: str, rows: list[dict[str, Any]], *, may_stop: bool = False) -> Table:
    """Return the rows of `plan_rows` as a table with totals.

    Args:
        param: The parameter.
        rows: The planned training, a row for each value of the parameter.
        may_stop: True if the study chooses its number of seeds, or its runs stop early, so
            that the numbers are the largest possible. Defaults to False.
    """
    body = []
    for row in rows:
        value, derived, *numbers = row.values()
        cells = (
            value_text(param, value),
            *(short_text(name, other) for name, other in derived.items()),
            *(f"{number:,}" for number in numbers),
        )
        body.append(Row(cells, ends_section=row is rows[-1]))
    derived = list(rows[0]["derived"])
    totals = [sum(row[name] for row in rows) for name in ("runs", "epochs", "steps")]
    return Table(
        title=f"Planned training{', at most' if may_stop else ''}",
        columns=tuple(
            Column(name, wraps=True)
            for name in (param, *derived, "parameters", "runs", "epochs", "steps")
        ),
        rows=(
            *body,
            Row(("total", *("" for _ in derived), "", *(f"{total:,}" for total in totals))),
        ),
    )
