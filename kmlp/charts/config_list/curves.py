"""The learning curves of a list of configurations."""

from __future__ import annotations

import math

import altair as alt

from kmlp._util.text import count_of
from kmlp.charts.accuracy import error_of
from kmlp.charts.style import titled
from kmlp.charts.trial_lines import LOOKS, WIDTH, Row, even_epochs, trial_lines
from kmlp.studies.config_list import ConfigList
from kmlp.studies.results import LevelResult


def learning_curves(study: ConfigList) -> alt.LayerChart:
    """Validation accuracy by epoch, a line for each configuration: its seeds' mean."""
    rows = trial_rows(study)
    lost = _lost(study)
    several = any(len(level.runs) > 1 for level in study.levels)
    chart = trial_lines(
        rows,
        lost,
        x=even_epochs(study.epochs),
        tooltip=[
            alt.Tooltip("trial:Q", title="configuration"),
            *(alt.Tooltip(f"{name}:N") for name in study.varied),
            *([alt.Tooltip("seeds:Q")] if several else []),
            alt.Tooltip("kind:N", title="status"),
        ],
        noun="configuration",
        lost_tooltip=[alt.Tooltip("trials:N", title="configurations")],
    )
    one = len(study.levels) == 1
    count = count_of(len(study.levels), "configuration")
    notes = (
        study.best_text(),
        "A line ends where its configuration did."
        if len(set(study.epochs_by_level)) > 1
        else "",
        "Lines are means over the seeds that finished." if several else "",
        "Crosses mark the epochs in which runs diverged." if lost else "",
    )
    return chart.properties(
        title=titled(
            f"Learning curve{'' if one else 's'} of the configuration{'' if one else 's'}",
            f"{study.headline}{_went_wrong(rows)}",
            " ".join(filter(None, notes)),
            width=WIDTH + 60,
        ),
        description=(
            f"Validation accuracy by epoch of {count} "
            f"({study.headline}). {study.best_text()}"
        ),
    )


def trial_rows(study: ConfigList) -> list[Row]:
    """A row a trial for `trial_lines`, those that matter least first.

    Beside what that asks for, it has the varied fields as text, and `seeds`, how many
    finished.
    """
    best = study.best()
    rows = [
        {
            "trial": level.value,
            "kind": "best" if level is best else _kind(level),
            **study.changes(level),
            "seeds": len(level.finished),
            **_curve(level),
        }
        for level in study.levels
    ]
    order = list(LOOKS)
    return sorted(rows, key=lambda it: (order.index(it["kind"]), -_last(it), it["trial"]))


def _kind(level: LevelResult) -> str:
    if level.finished:
        none = level.did_not_learn == len(level.finished)
        return "did not learn" if none else "finished"
    return "diverged" if level.diverged else "failed"


def _curve(level: LevelResult) -> Row:
    """Its errors by epoch; if no run finished, those of the one that came the furthest."""
    lost = None
    if level.finished:
        accuracies = list(level.val_curve)
    else:
        runs = [it for it in level.runs if it.status == _kind(level)]
        run = max(runs, key=lambda it: it.epochs)
        accuracies = [it.val_accuracy for it in run.history if it.finite]
        lost = run.epochs if run.status == "diverged" else None
    errors = list(map(error_of, accuracies))
    return {"epochs": len(errors), "errors": errors, "lost": lost}


def _last(row: Row) -> float:
    return row["errors"][-1] if row["errors"] else math.inf


def _lost(study: ConfigList) -> list[Row]:
    """A row an epoch in which runs diverged."""
    found: dict[int, list[int]] = {}
    for level in study.levels:
        for run in level.runs:
            if run.status == "diverged":
                found.setdefault(run.epochs, []).append(level.value)
    return [
        {
            "epoch": epoch,
            "diverged": len(numbers),
            "trials": ", ".join(map(str, dict.fromkeys(numbers))),
        }
        for epoch, numbers in sorted(found.items())
    ]


def _went_wrong(rows: list[Row]) -> str:
    kinds = [row["kind"] for row in rows]
    return "".join(
        f"; {count_of(kinds.count(kind), 'configuration')} {kind}"
        for kind in ("diverged", "failed", "did not learn")
        if kind in kinds
    )
