"""The chart of a regression: predicted against true values, and the residuals."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from kmlp.charts.style import BLUE, VERMILION, data_of, short, titled
from kmlp.inference.regression import RegressionEvaluation

_SIDE = 340
"""The width and the height of a panel, in pixels."""
_ROOM = 0.04
"""The part of an axis that stays free at each end, from 0 to 1."""
MOST_POINTS = 2000
"""The largest number of examples to draw."""


def residuals(evaluation: RegressionEvaluation) -> alt.HConcatChart:
    """Draw predicted against true values, and the residuals against the predictions.

    Correct predictions are on the line. If there are more than 2,000 examples, 2,000 are
    drawn: at equal distances in the order of their residuals, with the least and the
    largest one. The chart then says so.

    Args:
        evaluation: The evaluation of a regression.
    """
    shown = _shown(evaluation.residuals)
    data: Any = data_of(
        [
            {
                "number": int(index) + 1,
                "true": short(evaluation.true[index]),
                "predicted": short(evaluation.predicted[index]),
                "residual": short(evaluation.residuals[index]),
            }
            for index in shown
        ]
    )
    unit = f" ({evaluation.unit})" if evaluation.unit else ""
    titles = {
        "true": f"true {evaluation.target}{unit}",
        "predicted": f"predicted {evaluation.target}{unit}",
        "residual": f"residual: true minus predicted{unit}",
    }
    points = (
        alt.Chart(data)
        .mark_circle(size=28, opacity=0.45, color=BLUE)
        .encode(
            tooltip=[
                alt.Tooltip("number:Q", title="row"),
                *(alt.Tooltip(f"{name}:Q", title=title) for name, title in titles.items()),
            ]
        )
        .properties(width=_SIDE, height=_SIDE)
    )
    low, high = _domain(np.concatenate([evaluation.true, evaluation.predicted]))
    errors = _domain(np.append(evaluation.residuals, 0.0))
    axes: list[dict[str, Any]] = [
        {"title": titles[name], "scale": _scale(low, high), "axis": alt.Axis(tickCount=6)}
        for name in ("true", "predicted")
    ]
    true, predicted = axes
    panels = [
        points.encode(alt.X("true:Q", **true), alt.Y("predicted:Q", **predicted))
        + _line((low, low), (high, high)),
        points.encode(
            alt.X("predicted:Q", **predicted),
            alt.Y("residual:Q", title=titles["residual"], scale=_scale(*errors)),
        )
        + _line((low, 0.0), (high, 0.0)),
    ]
    note = "A point is an example; on the line, its prediction is correct."
    if len(shown) < evaluation.size:
        note += (
            f" {len(shown):,} of {evaluation.size:,} are drawn, at equal distances in the "
            "order of their residuals, with the least and the largest one."
        )
    summary = f"{evaluation.size:,} examples: {evaluation.text}"
    return alt.hconcat(*panels, spacing=40).properties(
        title=titled(
            f"Predictions of {evaluation.target}", summary, note, width=2 * _SIDE + 60
        ),
        description=(
            f"Predicted against true {evaluation.target}, and residuals against "
            f"predictions, of {summary}."
        ),
    )


def _shown(residuals: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the indices of the examples to draw, in order of their residuals."""
    order = np.argsort(residuals, kind="stable")
    if len(order) <= MOST_POINTS:
        return order
    places = np.linspace(0, len(order) - 1, MOST_POINTS).round().astype("int64")
    shown: NDArray[np.int64] = order[places]
    return shown


def _domain(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = _ROOM * ((high - low) or abs(high) or 1.0)
    return short(low - room), short(high + room)


def _scale(low: float, high: float) -> alt.Scale:
    return alt.Scale(domain=[low, high], nice=False, zero=False)


def _line(start: tuple[float, float], end: tuple[float, float]) -> alt.Chart:
    """Return the line on which predictions are correct."""
    data: Any = data_of([{"x": x, "y": y} for x, y in (start, end)])
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_line(color=VERMILION, strokeWidth=1.5)
        .encode(alt.X("x:Q"), alt.Y("y:Q"))
    )
    return chart
