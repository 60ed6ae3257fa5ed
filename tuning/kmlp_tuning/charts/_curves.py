"""The learning curves of a search."""

from __future__ import annotations

import altair as alt

from kmlp._util.text import count_of
from kmlp.charts.config_lines import WIDTH, Row, config_lines, even_epochs
from kmlp.studies.judging import judged_text
from kmlp_tuning.charts._drawing import best_text, errors_of, range_text, title, tooltips
from kmlp_tuning.charts._rows import measure_of, trial_rows
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import HALVING

_FEW = 10
"""The largest number of epochs that are all labelled."""


def learning_curves(search: Search) -> alt.LayerChart:
    """Draw the metric by epoch, a line for each trial until it was stopped."""
    measure = measure_of(search)
    rows = trial_rows(search)
    divergences = _divergences(rows)
    chart = config_lines(
        rows,
        divergences,
        noun="trial",
        x=_epochs(search),
        tooltip=tooltips(search),
        divergence_tooltip=[alt.Tooltip("trials:N")],
        measure=measure,
    )
    return chart.properties(
        title=title(
            search,
            "Learning curves of the trials",
            best_text(search),
            "A line ends where its trial was stopped; vertical lines are rungs."
            if _rungs(search)
            else "",
            "Crosses mark the epochs in which trials diverged." if divergences else "",
            width=WIDTH + 60,
        ),
        description=(
            f"{measure.capital_name} by epoch of {count_of(len(rows), 'trial')} "
            f"({search.headline}): {judged_text(search.at)} "
            f"{range_text(search, errors_of(rows))}. {best_text(search)}"
        ),
    )


def _divergences(rows: list[Row]) -> list[Row]:
    """A row for each epoch in which trials diverged."""
    epochs = sorted({row["lost"] for row in rows if row["lost"] is not None})
    divergences = []
    for epoch in epochs:
        trials = sorted(row["trial"] for row in rows if row["lost"] == epoch)
        divergences.append(
            {
                "epoch": epoch,
                "diverged": len(trials),
                "trials": ", ".join(map(str, trials)),
            }
        )
    return divergences


def _rungs(search: Search) -> list[int]:
    """The epochs of all rungs; empty if there is one only, so that nothing is stopped."""
    settings = search.settings
    rungs = {rung.epochs for bracket in settings.plan() for rung in bracket.rungs}
    return sorted(rungs) if settings.algorithm in HALVING and len(rungs) > 1 else []


def _epochs(search: Search) -> alt.X:
    """The axis of epochs: logarithmic where there are rungs, whose epochs multiply."""
    last, rungs = search.settings.max_epochs, _rungs(search)
    if rungs:
        return alt.X(
            "epoch:Q",
            scale=alt.Scale(type="log", domain=[1 / last**0.03, last**1.03], nice=False),
            axis=alt.Axis(
                values=sorted({1, *rungs, *(range(2, last) if last <= _FEW else ())}),
                format="d",
                title="epoch",
                gridOpacity=alt.condition(
                    alt.FieldOneOfPredicate("value", rungs),
                    alt.value(1),
                    alt.value(0),
                ),
            ),
        )
    return even_epochs(last)
