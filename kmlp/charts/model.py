"""Charts of one model: what it takes for what, and where it errs most confidently."""

from __future__ import annotations

import base64
import io
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from kmlp.charts.style import COLOURS
from kmlp.data.picture import enlargement, to_picture
from kmlp.inference.evaluation import Evaluation, Misclassification

_RIGHT = ["#edf5fa", COLOURS[0]]
_WRONG = ["#fdf2ea", COLOURS[1]]
"""Of the smallest share and the largest."""

_MATRIX = 480
"""Pixels of a matrix' side, unless its classes need more."""
_MOST_NUMBERS = 20
"""Classes of a matrix whose cells have room for numbers."""
_LEAST_CELL = 13
"""Pixels of a cell, so that every class can be named."""

_PLAIN: Any = {"grid": False, "ticks": False, "domain": False}
"""An axis of nothing but labels."""

_COLUMNS = 6
"""Images of a sheet's row."""
_SIDE = 84
"""Pixels of an image on a sheet."""
_GAP = 26
_LINE = 18
"""Characters of a line under an image."""
_SHARP = 2 * _SIDE
"""Pixels that an image has at least, so that a PNG of twice the size is sharp."""


def confusion(evaluation: Evaluation) -> alt.LayerChart:
    """What is taken for what: a row a true class, a column a predicted one.

    What is right is blue, what is wrong orange, the darker the larger the share of the
    row's images. The shade grows with the root of the share, so that single mistakes
    can be seen, too. Cells without images are empty.

    Args:
        evaluation: Of a model. Of more than 20 classes, no numbers are written.
    """
    names = evaluation.class_names
    cells = [
        {
            "true": names[row],
            "predicted": names[column],
            "images": count,
            "share": count / max(1, sum(counts)),
            "right": row == column,
        }
        for row, counts in enumerate(evaluation.confusion)
        for column, count in enumerate(counts)
        if count
    ]
    longest = max(map(len, names))
    angle = 0 if longest <= 3 else -45 if len(names) <= _MOST_NUMBERS else -90
    side = max(_LEAST_CELL * len(names), _MATRIX)
    data: Any = {"values": cells}
    base = alt.Chart(data).encode(
        x=alt.X(
            "predicted:N", title="predicted class", scale=alt.Scale(domain=list(names))
        ).axis(**_PLAIN, labelAngle=angle, orient="top"),
        y=alt.Y("true:N", title="true class", scale=alt.Scale(domain=list(names))).axis(
            **_PLAIN
        ),
        tooltip=[
            alt.Tooltip("true:N", title="true class"),
            alt.Tooltip("predicted:N", title="predicted class"),
            alt.Tooltip("images:Q", format=","),
            alt.Tooltip("share:Q", title="of its class", format=".2%"),
        ],
    )
    layers: list[alt.Chart] = [
        base.transform_filter(alt.datum.right == right)
        .mark_rect(stroke="white")
        .encode(
            color=alt.Color(
                "share:Q",
                scale=alt.Scale(
                    type="sqrt", domain=[0, 1], range=colours, interpolate="rgb"
                ),
                legend=None,
            )
        )
        for right, colours in ((True, _RIGHT), (False, _WRONG))
    ]
    if len(names) <= _MOST_NUMBERS:
        # White can be read on the darkest blue only.
        dark = (alt.datum.right) & (alt.datum.share > 0.75)
        layers.append(
            base.mark_text(fontSize=11).encode(
                text=alt.Text("images:Q", format=","),
                color=alt.condition(dark, alt.value("white"), alt.value("black")),
            )
        )
    chart: alt.LayerChart = (
        alt.LayerChart(layer=layers)
        .resolve_scale(color="independent")
        .properties(
            width=side,
            height=side,
            title=alt.Title(
                "What is taken for what",
                subtitle=f"{evaluation.right:,} of {evaluation.size:,} images are right "
                f"({100 * evaluation.accuracy:.2f} %)",
            ),
            description=_confusion_text(evaluation),
        )
    )
    return chart


def mistakes(
    images: NDArray[np.uint8], evaluation: Evaluation, *, count: int = 24
) -> alt.LayerChart:
    """The images that a model gets wrong with the most confidence.

    Args:
        images: Those that were evaluated, of shape `(size, *input_shape)`.
        evaluation: Of the model on them.
        count: How many to show, if there are as many. Defaults to 24.
    """
    names = evaluation.class_names
    shown = evaluation.mistakes[:count]
    cells = [
        {
            "row": place // _COLUMNS,
            "column": place % _COLUMNS,
            "picture": _data_url(images[mistake.index]),
            "index": mistake.index,
            "true": names[mistake.true],
            "predicted": names[mistake.predicted],
            "confidence": mistake.confidence,
            "text": _caption(
                names[mistake.true], names[mistake.predicted], mistake.confidence
            ),
        }
        for place, mistake in enumerate(shown)
    ]
    columns, rows = min(len(shown), _COLUMNS), -(-len(shown) // _COLUMNS)
    data: Any = {"values": cells}
    base = alt.Chart(data).encode(
        x=alt.X("column:O", axis=None),
        y=alt.Y("row:O", axis=None),
        tooltip=[
            "true:N",
            "predicted:N",
            alt.Tooltip("confidence:Q", format=".1%"),
            alt.Tooltip("index:Q", title="index in the split"),
        ],
    )
    layers: list[alt.Chart] = [
        base.mark_image(width=_SIDE, height=_SIDE, yOffset=-20).encode(url="picture:N"),
        base.mark_text(
            fontSize=11, lineHeight=13, dy=_SIDE / 2 - 8, limit=_SIDE + _GAP - 6
        ).encode(text="text:N"),
    ]
    return alt.LayerChart(layer=layers).properties(
        width=columns * (_SIDE + _GAP),
        height=rows * (_SIDE + 52),
        title=alt.Title(
            "Most confidently wrong",
            subtitle=f"true class \N{RIGHTWARDS ARROW} predicted class (confidence); "
            f"{len(shown):,} of {len(evaluation.mistakes):,} mistakes among "
            f"{evaluation.size:,} images",
        ),
        description=_mistakes_text(evaluation, shown),
    )


def _caption(true: str, predicted: str, confidence: float) -> list[str]:
    """The lines under an image."""
    line = f"{true} \N{RIGHTWARDS ARROW} {predicted}"
    named = [line]
    if len(line) > _LINE:
        named = [f"{true} \N{RIGHTWARDS ARROW}", predicted]
    return [*named, f"{100 * confidence:.1f} %"]


def _data_url(image: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    to_picture(image, enlargement(image.shape[0], _SHARP)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _said(evaluation: Evaluation) -> str:
    """What a chart's text alternative begins with."""
    return f"{100 * evaluation.accuracy:.1f} % of {evaluation.size:,} images are right."


def _confusion_text(evaluation: Evaluation, most: int = 3) -> str:
    names = evaluation.class_names
    wrong = sorted(
        (
            (-count, row, column)
            for row, counts in enumerate(evaluation.confusion)
            for column, count in enumerate(counts)
            if count and row != column
        )
    )[:most]
    pairs = [f"{names[row]} as {names[column]} ({-less:,})" for less, row, column in wrong]
    most_often = f" Most often wrong: {', '.join(pairs)}." if pairs else ""
    return f"Confusion matrix of {len(names)} classes. {_said(evaluation)}{most_often}"


def _mistakes_text(evaluation: Evaluation, shown: tuple[Misclassification, ...]) -> str:
    names = evaluation.class_names
    first = (
        f" The first: {names[shown[0].true]} taken for {names[shown[0].predicted]}."
        if shown
        else ""
    )
    return f"The {len(shown)} most confident mistakes. {_said(evaluation)}{first}"
