"""Charts of one model: its confusion matrix, and its most confident mistakes."""

from __future__ import annotations

import base64
import io
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import percent_text
from kmlp.charts.style import COLOURS, data_of
from kmlp.data.picture import enlargement, to_picture
from kmlp.inference.evaluation import Evaluation, Misclassification

_RIGHT = ["#edf5fa", COLOURS[0]]
_WRONG = ["#fdf2ea", COLOURS[1]]
"""The colours of the smallest and the largest fraction of a class."""

_MATRIX = 480
"""The side of a matrix in pixels, unless its classes need more."""
_MOST_NUMBERS = 20
"""The largest number of classes for which cells have room for numbers."""
_LEAST_CELL = 13
"""The smallest side of a cell in pixels at which every class can be labelled."""

_PLAIN: Any = {"grid": False, "ticks": False, "domain": False}
"""The options of an axis with labels only."""

_COLUMNS = 6
"""The number of images in a row."""
_SIDE = 84
"""The side of an image, in pixels."""
_GAP = 26
_LINE = 18
"""The largest number of characters in a line under an image."""
_SHARP = 2 * _SIDE
"""The smallest side of the picture data in pixels, so that a PNG, which is drawn at twice
the size, is sharp.
"""


def confusion(evaluation: Evaluation) -> alt.LayerChart:
    """Draw the confusion matrix: rows are true classes, columns are predicted ones.

    Correct predictions are blue, and mistakes are orange. The larger the fraction of the
    row's examples, the darker the cell. The shade grows with the square root of the
    fraction, so that single mistakes are visible, too. Cells without examples are empty.

    Args:
        evaluation: The evaluation of a model. With more than 20 classes, cells have no
            numbers.
    """
    names = evaluation.class_names
    cells = [
        {
            "true": names[row],
            "predicted": names[column],
            "count": count,
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
    data: Any = data_of(cells)
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
            alt.Tooltip("count:Q", title=evaluation.noun, format=","),
            alt.Tooltip("share:Q", title="part of its class", format=".2%"),
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
        # White is legible on the darkest blue only.
        dark = (alt.datum.right) & (alt.datum.share > 0.75)
        layers.append(
            base.mark_text(fontSize=11).encode(
                text=alt.Text("count:Q", format=","),
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
                "Confusion matrix",
                subtitle=f"{evaluation.right:,} of {evaluation.size:,} "
                f"{evaluation.noun} are correct ({percent_text(evaluation.accuracy)} %)",
            ),
            description=_confusion_text(evaluation),
        )
    )
    return chart


def mistakes(
    images: NDArray[np.uint8], evaluation: Evaluation, *, count: int = 24
) -> alt.LayerChart:
    """Draw the images that a model misclassifies with the most confidence.

    Args:
        images: The evaluated images, of shape `(size, *input_shape)`.
        evaluation: The evaluation of the model on these images.
        count: The largest number of images to show. Defaults to 24.
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
    data: Any = data_of(cells)
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
            "The most confident mistakes",
            subtitle=f"true class \N{RIGHTWARDS ARROW} predicted class (confidence); "
            f"{len(shown):,} of {len(evaluation.mistakes):,} mistakes among "
            f"{evaluation.size:,} images",
        ),
        description=_mistakes_text(evaluation, shown),
    )


def _caption(true: str, predicted: str, confidence: float) -> list[str]:
    """The lines under an image."""
    line = f"{true} \N{RIGHTWARDS ARROW} {predicted}"
    names = [line]
    if len(line) > _LINE:
        names = [f"{true} \N{RIGHTWARDS ARROW}", predicted]
    return [*names, f"{100 * confidence:.1f} %"]


def _data_url(image: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    to_picture(image, enlargement(image.shape[0], _SHARP)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _accuracy_sentence(evaluation: Evaluation) -> str:
    return (
        f"{100 * evaluation.accuracy:.1f} % of {evaluation.size:,} {evaluation.noun} are "
        "correct."
    )


def _confusion_text(evaluation: Evaluation, most: int = 3) -> str:
    """The text alternative of `confusion`."""
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
    most_often = f" The most frequent mistakes: {', '.join(pairs)}." if pairs else ""
    return (
        f"Confusion matrix of {len(names)} classes. {_accuracy_sentence(evaluation)}"
        f"{most_often}"
    )


def _mistakes_text(evaluation: Evaluation, shown: tuple[Misclassification, ...]) -> str:
    """The text alternative of `mistakes`."""
    names = evaluation.class_names
    first = (
        f" The first: {names[shown[0].true]}, predicted as {names[shown[0].predicted]}."
        if shown
        else ""
    )
    return (
        f"The {len(shown)} most confident mistakes. {_accuracy_sentence(evaluation)}{first}"
    )
