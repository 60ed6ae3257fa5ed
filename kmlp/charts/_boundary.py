"""The decision boundary of each level on a table of two columns, a panel a level."""

from __future__ import annotations

import base64
import io
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from kmlp.charts.style import COLOURS, INK, data_of, short, titled
from kmlp.data import Dataset, facts_of
from kmlp.errors import ConfigError, KmlpError
from kmlp.inference.classifier import as_classifier
from kmlp.model.run_data import dataset_of, split_for
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult
from kmlp.training.run import Run

_SIDE = 220
"""The width and the height of a panel, in pixels."""
_COLUMNS = 3
_CELLS = 110
"""The number of places across a panel at which the model predicts."""
_MARGIN = 0.08
"""The part of the range of the training rows that is shown beyond it at each end."""
_FAINT, _STRONG = 0.12, 0.55
"""The strength of a class's colour where the model cannot tell, and where it is certain."""
MOST_POINTS = 600
"""The largest number of training rows in a panel: the first, which are stratified."""
MOST_CLASSES = len(COLOURS)


def boundary(study: StudyResult, headline: str) -> alt.ConcatChart:
    """Draw the predicted class by the two columns of a table, a panel for each level.

    A panel shows the model of the level's first seed that finished. Colours are classes,
    stronger where the model is more confident. Points are training rows in the colour of
    their class.

    Args:
        study: The study.
        headline: A summary of the training, in a line.

    Raises:
        ConfigError: if the dataset is not a table of two columns of numbers with a few
            classes, or if no model is stored.
    """
    shown = [(level, run) for level in study.levels if (run := _with_model(level))]
    if not shown:
        raise ConfigError(
            [
                "No run of the study has a stored model of the epoch at which it is "
                "judged. Train it again from its first epoch (`fresh`), or judge it at "
                "another."
            ]
        )
    for _, run in shown:
        if facts_of(run.config.dataset).kind == "images":  # without loading them
            raise ConfigError([_dataset_problem(run.config.dataset, "images")])
    try:
        panels = [_panel(study, level, run) for level, run in shown]
    except ConfigError:
        raise
    except KmlpError as error:  # the dataset is gone, or there is no backend here
        raise ConfigError([f"The decision boundary cannot be drawn: {error}"]) from error
    width = min(len(panels), _COLUMNS) * (_SIDE + 60)
    note = (
        f"The models of one seed, {study.moment_text}. Colours are the predicted classes, "
        "stronger where the model is more confident. Points are training rows."
    )
    return alt.concat(*panels, columns=_COLUMNS, spacing=30).properties(
        title=titled(f"Decision boundary by {study.param}", headline, note, width=width),
        description=(
            f"Decision boundaries by {study.param}, {headline}: "
            f"{'; '.join(_title(study, level, run) for level, run in shown)}."
        ),
    )


def _with_model(level: LevelResult) -> Run | None:
    """Return the level's first finished run whose model is stored; None without one."""
    return next((run for run in level.finished if run.checkpoint_bytes), None)


def _title(study: StudyResult, level: LevelResult, run: Run) -> str:
    metric = study.metric
    name = study.called(study.text(level))
    return f"{name}, {metric.named(study.part)} {metric.text(run.value(study.part))}"


def _panel(study: StudyResult, level: LevelResult, run: Run) -> alt.LayerChart:
    dataset = split_for(run.config, dataset_of(run.config))
    columns = _columns_of(dataset)
    points = dataset.train.x[:MOST_POINTS]
    low, high = dataset.train.x.min(0), dataset.train.x.max(0)
    room = _MARGIN * np.where(high > low, high - low, 1)
    low, high = low - room, high + room
    names = list(dataset.class_names)
    rows = [
        {"x": short(x), "y": short(y), "class": names[label]}
        for (x, y), label in zip(points.tolist(), dataset.train.y.tolist(), strict=False)
    ]
    axes = [
        encoding(
            f"{name}:Q",
            title=column,
            scale=alt.Scale(domain=[short(low[n]), short(high[n])], nice=False, zero=False),
            axis=alt.Axis(grid=False, tickCount=5),
        )
        for n, (encoding, name, column) in enumerate(
            zip((alt.X, alt.Y), ("x", "y"), columns, strict=True)
        )
    ]
    picture = _picture(run, low, high)
    image = (
        alt.Chart(alt.InlineData(values=[{"picture": picture}]))
        .mark_image(width=_SIDE, height=_SIDE)
        .encode(x=alt.value(_SIDE / 2), y=alt.value(_SIDE / 2), url="picture:N")
    )
    x, y = axes
    circles = (
        alt.Chart(data_of(rows))
        .mark_circle(size=22, opacity=1, stroke=INK, strokeWidth=0.4)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "class:N",
                title=dataset.target,
                scale=alt.Scale(domain=names, range=list(COLOURS[: len(names)])),
            ),
            tooltip=[
                alt.Tooltip("class:N", title=dataset.target),
                *(
                    alt.Tooltip(f"{key}:Q", title=column)
                    for key, column in zip("xy", columns, strict=True)
                ),
            ],
        )
    )
    title = alt.TitleParams(_title(study, level, run), fontSize=12, anchor="middle")
    return alt.LayerChart(layer=[image, circles]).properties(
        width=_SIDE, height=_SIDE, title=title
    )


def _columns_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the two columns of a table.

    Raises:
        ConfigError: if the dataset is another.
    """
    schema = dataset.schema
    columns = schema.columns if schema else ()
    if len(columns) != 2 or any(column.categories for column in columns):
        count = f"{len(columns)} columns" if schema else "images"
        raise ConfigError([_dataset_problem(dataset.name, count)])
    if not 2 <= dataset.num_classes <= MOST_CLASSES:
        what = f"{dataset.num_classes} classes" if dataset.num_classes else "no classes"
        raise ConfigError(
            [
                f"A decision boundary needs 2 to {MOST_CLASSES} classes, but "
                f"{dataset.name} has {what}."
            ]
        )
    return tuple(column.name for column in columns)


def _dataset_problem(name: str, content: str) -> str:
    return (
        f"A decision boundary needs a table of two columns of numbers, but {name} has "
        f"{content}. Choose such a dataset: moons, circles or spirals, or import two "
        "columns of your own."
    )


def _picture(run: Run, low: NDArray[Any], high: NDArray[Any]) -> str:
    """Return a picture of the predictions between two corners, as a data URL."""
    steps = (np.arange(_CELLS) + 0.5) / _CELLS
    x, y = (low[n] + (high[n] - low[n]) * steps for n in range(2))
    grid = np.stack(np.meshgrid(x, y[::-1]), -1).reshape(-1, 2).astype("float32")
    confidences = as_classifier(run.model()).class_probabilities(grid)
    classes = confidences.shape[1]
    confidences = confidences / confidences.sum(1, keepdims=True)
    best, certain = confidences.argmax(1), confidences.max(1)
    strength = (certain - 1 / classes) / (1 - 1 / classes)
    strength = _FAINT + (_STRONG - _FAINT) * np.clip(strength, 0, 1)
    colours = np.array([ImageColor.getrgb(colour) for colour in COLOURS[:classes]])
    pixels = 255 + strength[:, None] * (colours[best] - 255)
    image = Image.fromarray(pixels.round().astype("uint8").reshape(_CELLS, _CELLS, 3))
    file = io.BytesIO()
    image.resize((2 * _CELLS, 2 * _CELLS), Image.Resampling.BILINEAR).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
