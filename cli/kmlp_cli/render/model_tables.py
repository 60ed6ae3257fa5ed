"""Evaluations and predictions of a model as Rich tables, and pictures as text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.table import Table
from rich.text import Text

from kmlp.inference.classifier import Classifier
from kmlp.inference.evaluation import Evaluation
from kmlp.studies.table import NONE
from kmlp_cli.render.rich_tables import grid, plain_table

_MOST_COLUMNS = 12
"""The largest number of classes for which the matrix fits on a terminal."""
_MISTAKES = 10
"""The number of mistakes to list."""
_WIDEST = 32
"""The largest width of a picture, in pixels; each pixel is a character."""
_SHADES = " .:-=+*#%@"
"""Characters for terminals without colours, from black to white."""


def classes_table(evaluation: Evaluation, title: str) -> Table:
    """Precision, recall and F1, with a row for each class."""
    table = plain_table(
        title,
        "precision: correct predictions of this class / all predictions of it; - if there "
        "are none. recall: correct predictions of this class / all images of it. F1: "
        "their harmonic mean.",
    )
    table.add_column("class", justify="right", no_wrap=True)
    table.add_column("name", overflow="fold")
    for name in ("images", "precision %", "recall %", "F1 %"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, scores in enumerate(evaluation.classes):
        table.add_row(
            str(number),
            scores.name,
            f"{scores.support:,}",
            *map(_percent, (scores.precision, scores.recall, scores.f1)),
        )
    return table


def accuracy_text(evaluation: Evaluation) -> str:
    """The sentence below the table of classes."""
    low, high = evaluation.interval
    return (
        f"Accuracy {_percent(evaluation.accuracy)} %, 95 % interval {_percent(low)} to "
        f"{_percent(high)} %: {evaluation.right:,} of {evaluation.size:,} images are "
        "correct."
    )


def confusion_table(evaluation: Evaluation) -> Table | None:
    """The confusion matrix. None if there are too many classes to show."""
    names = evaluation.class_names
    if len(names) > _MOST_COLUMNS:
        return None
    table = plain_table(
        "Confusion matrix", "Rows: true classes. Columns: predicted classes."
    )
    table.add_column("class", justify="right", no_wrap=True)
    table.add_column("name", overflow="fold")
    for number in range(len(names)):
        table.add_column(str(number), justify="right", no_wrap=True)
    for number, (name, counts) in enumerate(zip(names, evaluation.confusion, strict=True)):
        cells: list[str | Text] = [str(count) if count else NONE for count in counts]
        cells[number] = Text(str(counts[number]), style="bold")
        table.add_row(str(number), name, *cells)
    return table


def mistakes_table(evaluation: Evaluation, classifier: Classifier) -> Table:
    """The most confident mistakes."""
    names = evaluation.class_names
    table = plain_table(
        f"The most confident of {len(evaluation.mistakes):,} mistakes",
        confidence_text(classifier),
    )
    table.add_column("image", justify="right", no_wrap=True)
    for column in ("true", "predicted"):
        table.add_column(column, overflow="fold")
    table.add_column("confidence %", justify="right", no_wrap=True)
    for mistake in evaluation.mistakes[:_MISTAKES]:
        table.add_row(
            str(mistake.index),
            names[mistake.true],
            names[mistake.predicted],
            _percent(mistake.confidence),
        )
    return table


def confidence_text(classifier: Classifier) -> str:
    """The meaning of a confidence, as a sentence."""
    if classifier.outputs_are_probabilities:
        return "confidence: the model's probability of the class, from 0 to 100 %."
    return (
        "confidence: the softmax of the model's outputs; a probability if the model was "
        "trained with cross entropy."
    )


def prediction_table(
    image: NDArray[np.uint8], best: list[tuple[str, float]], *, colours: bool
) -> Table:
    """The picture as the model gets it, beside the most probable classes."""
    classes = grid()
    classes.add_column(overflow="fold")
    classes.add_column(justify="right", no_wrap=True)
    for place, (class_name, confidence) in enumerate(best):
        style = None if place else "bold"
        classes.add_row(class_name, f"{_percent(confidence)} %", style=style)
    table = grid()
    table.add_column(no_wrap=True)
    table.add_row(picture_text(image, colours=colours), classes)
    return table


def picture_text(image: NDArray[np.uint8], *, colours: bool) -> Text:
    """An image as text, with two rows of pixels in each line.

    Args:
        image: The image, of shape `(height, width)` or `(height, width, 3)`. A wide image
            is shown smaller.
        colours: True if the terminal has colours. Otherwise characters stand for shades.
    """
    from kmlp.data.picture import to_picture

    picture = to_picture(image)
    picture.thumbnail((_WIDEST, _WIDEST))
    pixels = np.asarray(picture)
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    pairs = zip(pixels[::2], pixels[1::2], strict=True)
    if colours:
        lines = [
            Text.assemble(*(("▀", _style(*pair)) for pair in zip(*rows, strict=True)))
            for rows in pairs
        ]
    else:
        lines = [
            Text("".join(_SHADES[int(shade) * len(_SHADES) // 256] for shade in shades))
            for shades in (np.mean(rows, axis=(0, 2)) for rows in pairs)
        ]
    return Text("\n").join(lines)


def _style(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> Style:
    return Style(
        color=Color.from_rgb(*upper.tolist()), bgcolor=Color.from_rgb(*lower.tolist())
    )


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.2f}"
