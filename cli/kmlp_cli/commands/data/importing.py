"""`kmlp data import`: a dataset of the user's files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kmlp_cli.commands.data.shared import TfdsDataDir, say_ready
from kmlp_cli.options.csv_files import CsvOptions
from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from kmlp.data import Examples

_FILLED = {
    "mean": "mean (of text, the most frequent value)",
    "most_frequent": "most frequent value",
}
_TABLES = "Tables"
_IMAGES = "Images"


def import_(
    name: Annotated[str, typer.Argument(help="A name for the dataset.")],
    path: Annotated[
        Path,
        typer.Argument(
            help="A table: a CSV file in UTF-8, a Parquet file, or a .npz file with rows. "
            "Images: a folder with a folder of PNG or JPEG images for each class; a folder "
            "with two such folders, train and test; a folder with the four IDX files; or "
            "a .npz file. A .npz file has x_train, y_train, x_test and y_test."
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column to predict: its name; with --no-header, its number from 1.",
            rich_help_panel=_TABLES,
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        Literal["classification", "regression"] | None,
        typer.Option(
            help="Predict a class or a number.  [default: classification for text and for "
            "at most 20 different whole numbers]",
            rich_help_panel=_TABLES,
            show_default=False,
        ),
    ] = None,
    missing: Annotated[
        Literal["mean", "most_frequent", "drop"] | None,
        typer.Option(
            help="Missing values: fill in the mean (of text, the most frequent one) or the "
            "most frequent value of the training rows, or drop rows that have any.  "
            "[default: refuse them]",
            rich_help_panel=_TABLES,
            show_default=False,
        ),
    ] = None,
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The test rows, with the same columns.  [default: hold out a stratified "
            "sixth]",
            rich_help_panel=_TABLES,
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Leave a column out, such as one of ids. Repeat it for several.",
            rich_help_panel=_TABLES,
            show_default=False,
        ),
    ] = None,
    unit: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="The unit of the target of a regression, such as EUR.",
            rich_help_panel=_TABLES,
            show_default=False,
        ),
    ] = "",
    *,
    csv: CsvOptions,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHTxWIDTH",
            help="Resize the images of class folders to this size, such as 28x28.",
            rich_help_panel=_IMAGES,
            show_default=False,
        ),
    ] = None,
    tfds_data_dir: TfdsDataDir = None,
) -> None:
    """Import a dataset from your files: a table, or images.

    Columns of text become a column of 0 and 1 for each of their values, of which there can
    be 50. Values are missing if a cell is empty, NA, N/A, NaN, null or ?.

    Transparent pictures get a white background. Photos are rotated as their EXIF data say.
    Hidden files, and files that are not pictures, are left out and listed.
    """
    from kmlp.data import import_dataset
    from kmlp.errors import ConfigError

    sizes = None
    if size is not None:
        match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size.strip())
        sizes = (int(match[1]), int(match[2])) if match else (0, 0)
        if 0 in sizes:
            raise ConfigError(
                [
                    f'The value of `size` is "{size}", but must be HEIGHTxWIDTH, such as '
                    "28x28."
                ]
            )
    examples = import_dataset(
        name,
        path,
        target=target,
        task=task,
        missing=missing,
        test=test,
        unit=unit,
        exclude=exclude or (),
        size=sizes,
        tfds_data_dir=tfds_data_dir,
        **csv.reading(),
    )
    say_ready(name, examples)
    if examples.schema is not None:
        for line in _lines(examples, told=task is None):
            say(line)


def _lines(examples: Examples, *, told: bool) -> list[str]:
    """Return what was done to a table: its task, its texts, its missing values.

    Args:
        examples: The rows of the table.
        told: True if the values of the target told the task.
    """
    import numpy as np

    from kmlp._util.text import count_of

    schema = examples.schema
    assert schema is not None
    target = np.concatenate([examples.train.y, examples.test.y])
    if names := examples.class_names:
        shown = ", ".join(names[:10]) + (", ..." if names[10:] else "")
        task = f"Classification: the target {schema.target} has the classes {shown}."
        if told and all(name.lstrip("+-").isdecimal() for name in names):
            task += " For a regression, give --task regression."
    else:
        unit = f" {schema.unit}" if schema.unit else ""
        task = (
            f"Regression: the target {schema.target} is from {target.min():g} to "
            f"{target.max():g}{unit}."
        )
        if told and (target == np.floor(target)).all():
            task += " For classes, give --task classification."
    texts = [column for column in schema.columns if column.categories]
    columns = f"{count_of(len(schema.columns), 'column')} beside the target"
    if texts:
        features = sum(len(column.categories) for column in texts)
        shown = ", ".join(f"{column.name} ({len(column.categories)})" for column in texts)
        columns += (
            f"; {len(texts)} of text became {count_of(features, 'column')} of 0 and 1: "
            f"{shown}"
        )
    lines = [task, f"{columns}."]
    x = np.concatenate([examples.train.x, examples.test.x])
    missing = int(np.isnan(x).any(axis=1).sum())
    if missing and schema.missing:
        lines.append(
            f"{count_of(missing, 'row')} with missing values: each run fills in the "
            f"{_FILLED[schema.missing]} of its training rows."
        )
    return lines
