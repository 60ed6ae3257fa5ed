"""The predictions for the rows of a table, and the evaluation of a regression."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmlp._util.files import atomic_write
from kmlp.inference.regression import RegressionEvaluation
from kmlp.inference.tables import TableModel
from kmlp.model.metrics import significant
from kmlp.studies.cells import share_percent
from kmlp.studies.table import Column, Row, Table
from kmlp_cli.render.model_tables import confidence_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = 20
"""The number of rows to show on a terminal."""
_LARGEST = 10
"""The number of the largest residuals to list."""


def predictions_table(
    model: TableModel, file: str, predicted: NDArray[np.float64]
) -> Table:
    """The predictions for the first rows of a file."""
    count = len(predicted)
    shown = predicted[:_ROWS]
    notes: tuple[str, ...] = (
        () if count <= _ROWS else (f"The first {_ROWS} of {count:,} rows.",)
    )
    target, names = model.table.schema.target, model.table.class_names
    columns: tuple[Column, ...]
    cells: list[tuple[str, ...]]
    if model.classifier is not None:
        columns = (Column(target, numeric=False, wraps=True), Column("confidence %"))
        cells = [(names[row.argmax()], share_percent(float(row.max()))) for row in shown]
        notes = (*notes, confidence_text(model.classifier))
    else:
        columns = (Column(f"{target} {model.table.schema.unit}".rstrip()),)
        cells = [(significant(float(number), 5),) for number in shown]
    return Table(
        title=file,
        columns=(Column("row"), *columns),
        rows=tuple(Row((str(row), *each)) for row, each in enumerate(cells, start=1)),
        notes=notes,
    )


def predictions_to_list(
    model: TableModel, predicted: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Return the predictions for the rows of a file as values for JSON."""
    if model.classifier is None:
        return [
            {"row": row, "value": float(number)}
            for row, number in enumerate(predicted, start=1)
        ]
    return [
        {
            "row": row,
            "class": int(confidences.argmax()),
            "name": model.table.class_names[confidences.argmax()],
            "confidences": confidences.tolist(),
        }
        for row, confidences in enumerate(predicted, start=1)
    ]


def write_predictions(
    path: Path, model: TableModel, by_file: dict[str, NDArray[np.float64]]
) -> None:
    """Write the predictions for all rows as a CSV file.

    Its columns are the file, the row from 1, the target, and the confidence in each class.

    Raises:
        OSError: if the file cannot be written.
    """
    names = model.table.class_names
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["file", "row", model.table.schema.target, *(f"confidence {it}" for it in names)]
    )
    for file, predicted in by_file.items():
        for row, each in enumerate(predicted, start=1):
            values = [names[each.argmax()], *each.tolist()] if names else [float(each)]
            writer.writerow([file, row, *values])
    with atomic_write(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def residuals_table(evaluation: RegressionEvaluation, title: str) -> Table:
    """The largest residuals of a regression, with its metrics below."""
    unit = evaluation.unit
    columns = (f"true {evaluation.target}", "predicted", "residual")
    return Table(
        title=title,
        columns=(
            Column("row"),
            *(Column(f"{column} {unit}".rstrip(), tall=True) for column in columns),
        ),
        rows=tuple(
            Row(
                (
                    str(index + 1),
                    significant(float(evaluation.true[index]), 5),
                    significant(float(evaluation.predicted[index]), 5),
                    significant(float(evaluation.residuals[index]), 4, signed=True),
                )
            )
            for index in evaluation.largest[:_LARGEST]
        ),
        notes=(
            f"The largest of {evaluation.size:,} residuals, the true number minus the "
            "predicted one. Rows count from 1. RMSE: the root of the mean squared error. "
            "MAE: the mean absolute error. R²: the part of the variance that is predicted.",
        ),
        sentences=(f"{evaluation.text}.",),
    )
