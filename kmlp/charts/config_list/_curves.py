"""The learning curves of a list of configurations."""

from __future__ import annotations

import altair as alt

from kmlp._util.text import count_of
from kmlp.charts.config_lines import (
    WIDTH,
    Row,
    back_to_front,
    config_lines,
    even_epochs,
    line_of,
)
from kmlp.charts.measure import Measure
from kmlp.charts.style import titled
from kmlp.studies.config_list import ConfigList
from kmlp.studies.level_result import LevelResult


def learning_curves(study: ConfigList) -> alt.LayerChart:
    """Draw the metric by epoch, a line for each configuration: its seeds' mean."""
    measure = Measure(study.metric)
    rows = config_rows(study)
    divergences = _divergences(study)
    several = any(len(level.runs) > 1 for level in study.levels)
    chart = config_lines(
        rows,
        divergences,
        noun="configuration",
        x=even_epochs(study.epochs),
        tooltip=[
            alt.Tooltip("configuration:Q"),
            *(alt.Tooltip(f"{name}:N") for name in study.varied),
            *([alt.Tooltip("seeds:Q")] if several else []),
            alt.Tooltip("kind:N", title="status"),
        ],
        divergence_tooltip=[alt.Tooltip("configurations:N")],
        measure=measure,
    )
    one = len(study.levels) == 1
    count = count_of(len(study.levels), "configuration")
    notes = (
        study.best_text(),
        "A line ends at its configuration's last epoch."
        if len(set(study.epochs_by_level)) > 1
        else "",
        f"Lines are means over the {study.replicate}s that finished." if several else "",
        "Crosses mark the epochs in which runs diverged." if divergences else "",
    )
    return chart.properties(
        title=titled(
            f"Learning curve{'' if one else 's'} of the configuration{'' if one else 's'}",
            f"{study.headline}{_problems_text(rows)}",
            " ".join(filter(None, notes)),
            width=WIDTH + 60,
        ),
        description=(
            f"{measure.capital_name} by epoch of {count} "
            f"({study.headline}). {study.best_text()}"
        ),
    )


def config_rows(study: ConfigList) -> list[Row]:
    """A row for each configuration, as `config_lines` takes it, the least important first.

    A row also has the varied fields as text, and `seeds`, the number of finished runs.
    """
    best = study.best()
    rows = [
        {
            "configuration": level.value,
            "kind": "best" if level is best else _kind(level),
            **study.changes(level),
            "seeds": len(level.finished),
            **_curve(level),
        }
        for level in study.levels
    ]
    return back_to_front(rows, "configuration", Measure(study.metric))


def _kind(level: LevelResult) -> str:
    if level.finished:
        none_learned = level.did_not_learn == len(level.finished)
        return "did not learn" if none_learned else "finished"
    return "diverged" if level.diverged else "failed"


def _curve(level: LevelResult) -> Row:
    """The errors by epoch; if no run finished, those of the run with the most epochs."""
    lost = None
    if level.finished:
        values = list(level.val_curve)
    else:
        runs = [run for run in level.runs if run.status == _kind(level)]
        run = max(runs, key=lambda run: run.epochs)
        values = [it.value(run.metric) for it in run.history if it.finite]
        lost = run.epochs if run.status == "diverged" else None
    return line_of(values, lost=lost, measure=Measure(level.metric))


def _divergences(study: ConfigList) -> list[Row]:
    """A row for each epoch in which runs diverged."""
    numbers_by_epoch: dict[int, list[int]] = {}
    for level in study.levels:
        for run in level.runs:
            if run.status == "diverged":
                numbers_by_epoch.setdefault(run.epochs, []).append(level.value)
    return [
        {
            "epoch": epoch,
            "diverged": len(numbers),
            "configurations": ", ".join(map(str, dict.fromkeys(numbers))),
        }
        for epoch, numbers in sorted(numbers_by_epoch.items())
    ]


def _problems_text(rows: list[Row]) -> str:
    """The numbers of configurations that diverged, failed or did not learn."""
    kinds = [row["kind"] for row in rows]
    return "".join(
        f"; {count_of(kinds.count(kind), 'configuration')} {kind}"
        for kind in ("diverged", "failed", "did not learn")
        if kind in kinds
    )
