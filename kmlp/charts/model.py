"""Charts of one model: what it takes for what, and where it errs most confidently."""

from __future__ import annotations

import base64
import io

import altair as alt
import numpy as np
from numpy.typing import NDArray

from kmlp.charts.style import COLOURS
from kmlp.data.picture import enlargement, to_picture
from kmlp.evaluation import Evaluation, Mistake

_RIGHT, _WRONG = COLOURS[0], COLOURS[1]

_MATRIX = 480
"""Pixels of a matrix' side, unless its classes need more."""
_MOST_NUMBERS = 20
"""Classes of a matrix whose cells have room for numbers."""
_LEAST_CELL = 6

_COLUMNS = 6
"""Images of a sheet's row."""
_SIDE = 84
"""Pixels of an image on a sheet."""
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
    side = max(_LEAST_CELL * len(names), _MATRIX)
    base = alt.Chart(alt.Data(values=cells)).encode(
        x=_classes("predicted:N", "Predicted class", names, labelAngle=-45, orient="top"),
        y=_classes("true:N", "True class", names),
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
                scale=alt.Scale(type="sqrt", domain=[0, 1], range=["white", colour]),
                legend=None,
            )
        )
        for right, colour in ((True, _RIGHT), (False, _WRONG))
    ]
    if len(names) <= _MOST_NUMBERS:
        # White on blue, black on orange, whichever can be read.
        dark = (alt.datum.right) & (alt.datum.share > 0.4)
        layers.append(
            base.mark_text(fontSize=11).encode(
                text=alt.Text("images:Q", format=","),
                color=alt.condition(dark, alt.value("white"), alt.value("black")),
            )
        )
    return (
        alt.layer(*layers)
        .resolve_scale(color="independent")
        .properties(
            width=side,
            height=side,
            title=alt.Title(
                "What is taken for what",
                subtitle=f"{evaluation.right:,} of {evaluation.size:,} images are right "
                f"({evaluation.accuracy:.2%})",
            ),
            description=_confusion_text(evaluation),
        )
    )


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
            "text": [
                f"{names[mistake.true]} \N{RIGHTWARDS ARROW}",
                f"{names[mistake.predicted]} ({mistake.confidence:.0%})",
            ],
        }
        for place, mistake in enumerate(shown)
    ]
    columns, rows = min(len(shown), _COLUMNS), -(-len(shown) // _COLUMNS)
    base = alt.Chart(alt.Data(values=cells)).encode(
        x=alt.X("column:O", axis=None),
        y=alt.Y("row:O", axis=None),
        tooltip=[
            "true:N",
            "predicted:N",
            alt.Tooltip("confidence:Q", format=".1%"),
            alt.Tooltip("index:Q", title="index in the split"),
        ],
    )
    return alt.layer(
        base.mark_image(width=_SIDE, height=_SIDE, yOffset=-14).encode(url="picture:N"),
        base.mark_text(fontSize=11, lineHeight=13, dy=_SIDE / 2 - 2).encode(text="text:N"),
    ).properties(
        width=columns * (_SIDE + 26),
        height=rows * (_SIDE + 44),
        title=alt.Title(
            "Most confidently wrong",
            subtitle=f"true class \N{RIGHTWARDS ARROW} predicted class (confidence); "
            f"{len(shown):,} of {len(evaluation.mistakes):,} mistakes among "
            f"{evaluation.size:,} images",
        ),
        description=_mistakes_text(evaluation, list(shown)),
    )


def _classes(field: str, title: str, names: tuple[str, ...], **axis: object) -> alt.X | alt.Y:
    channel = alt.X if field.startswith("predicted") else alt.Y
    return channel(
        field,
        title=title,
        scale=alt.Scale(domain=list(names)),
        axis=alt.Axis(grid=False, ticks=False, domain=False, **axis),
    )


def _data_url(image: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    to_picture(image, enlargement(image.shape[0], _SHARP)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _said(evaluation: Evaluation) -> str:
    """What a chart's text alternative begins with."""
    return f"{evaluation.accuracy:.1%} of {evaluation.size:,} images are right."


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
    return (
        f"Confusion matrix of {len(names)} classes. {_said(evaluation)}{most_often}"
    )


def _mistakes_text(evaluation: Evaluation, shown: list[Mistake]) -> str:
    names = evaluation.class_names
    first = (
        f" The first: {names[shown[0].true]} taken for {names[shown[0].predicted]}."
        if shown
        else ""
    )
    return f"The {len(shown)} most confident mistakes. {_said(evaluation)}{first}"
