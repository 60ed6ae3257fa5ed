"""`kmlp predict`: what a model predicts for pictures, or for the rows of a table."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kmlp_cli.options.csv_files import CsvOptions
from kmlp_cli.options.execution import Backend
from kmlp_cli.options.model import Custom, Model
from kmlp_cli.options.output import Json
from kmlp_cli.options.targets import Overwrite

if TYPE_CHECKING:
    from kmlp.inference.tables import TableModel

_BEST = 3
"""The number of classes to show for each picture."""

EPILOG = """\b
Examples:
kmlp train --save model.keras
kmlp predict model.keras seven.png photo.jpg
kmlp predict clothes.keras shoe.png --dataset fashion_mnist --as resize
kmlp predict wine.keras rows.csv --out predictions.csv
kmlp predict wine.keras rows.csv --decimal ,"""


def predict(
    model: Model,
    pictures: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Pictures, PNG or JPEG, of any size. For the model of a table: CSV or "
            "Parquet files with its columns.",
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(
            help="The dataset that the model was trained on, for the names of its classes. "
            "Without this option, only the numbers of the classes are shown.",
            show_default=False,
        ),
    ] = None,
    preprocessing: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="The way in which a picture becomes an input of the model. mnist: bright "
            "strokes on black, scaled to 20 x 20 pixels and centred by their mass, as "
            "MNIST's images were made. resize: only scaled, as `kmlp data import` does.  "
            "[default: mnist if the model takes grey images of 28 x 28 and --dataset is "
            "not one of your own, else resize]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write the predictions for all rows of a table into a CSV file.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    custom: Custom = None,
    backend: Backend = None,
    as_json: Json = False,
    *,
    csv: CsvOptions,
) -> None:
    """Show what a model predicts for your pictures, or for rows of a table.

    Each picture is shown as the model gets it. Transparent pictures get a white background.
    Photos are rotated as their EXIF data say.

    Columns of a table are found by their names. The model knows its categories, and what it
    fills in for missing values.
    """
    from kmlp import backend as backends
    from kmlp.data import cache, load_examples
    from kmlp.data.image_files import check_image
    from kmlp.errors import ConfigError, call_all, raise_problems
    from kmlp.inference.classifier import load_classifier, shape_text
    from kmlp.inference.prediction import check_preprocessing
    from kmlp.inference.prediction import predict as run_prediction
    from kmlp.inference.tables import load_table_model, table_of_examples
    from kmlp.model.hyperparameters import config_fields
    from kmlp.model.input_table import table_of_file
    from kmlp.model.keras_files import check_model_file
    from kmlp_cli.options.targets import check_target
    from kmlp_cli.terminal.output import print_json, say

    backends.select(backend)
    call_all(
        [
            lambda: check_model_file(model),
            lambda: check_preprocessing(preprocessing),
            lambda: dataset and config_fields()["dataset"].parse(dataset),
            lambda: check_target(
                out, overwrite=overwrite, option="--out", suffixes=(".csv",)
            ),
            lambda: (
                _takes_table(model, dataset)
                or call_all(partial(check_image, path) for path in pictures)
            ),
        ]
    )
    table = table_of_file(model)
    if table is None and dataset is not None:
        table = table_of_examples(load_examples(dataset))
    if table is not None:
        if preprocessing is not None:
            raise ConfigError(["--as is for pictures, but the model takes a table."])
        _predict_rows(
            load_table_model(model, table, custom=custom or ()),
            pictures,
            out,
            {"model": str(model), "dataset": dataset, "backend": backends.select()},
            csv=csv,
            as_json=as_json,
        )
        return
    if out is not None:
        raise ConfigError(["--out is for the rows of a table, but the model has none."])
    csv.check_unused("the model takes pictures")
    classifier = load_classifier(model, custom=custom or ())
    names = tuple(map(str, range(classifier.num_classes)))
    if dataset is not None:
        names = load_examples(dataset).class_names
        raise_problems(classifier.shape_problems(classifier.input_shape, len(names)))
        entry = cache.find(dataset)
        if preprocessing is None and entry is not None and entry.imported:
            preprocessing = "resize"  # as `kmlp data import` did
    files = list(map(str, pictures))
    predictions = run_prediction(
        classifier, pictures, names=files, preprocessing=preprocessing
    )
    if predictions[0].preprocessing == "resize":
        size = shape_text(predictions[0].image.shape)
        say(f"All pictures are resized to {size}; their proportions may change.")
    if as_json:
        print_json(
            {
                "model": str(model),
                "dataset": dataset,
                "output": classifier.output,
                "backend": backends.select(),
                "pictures": [
                    {
                        "file": file,
                        "as": prediction.preprocessing,
                        "best": [
                            {
                                "class": number,
                                "name": names[number],
                                "confidence": confidence,
                            }
                            for number, confidence in prediction.best(_BEST)
                        ],
                    }
                    for file, prediction in zip(files, predictions, strict=True)
                ],
            }
        )
        return
    from kmlp_cli.render.model_tables import confidence_text
    from kmlp_cli.render.pictures import prediction_table
    from kmlp_cli.terminal.output import has_colours, print_lines, print_table, print_text

    for file, prediction in zip(files, predictions, strict=True):
        best = [
            (names[number], confidence) for number, confidence in prediction.best(_BEST)
        ]
        print_lines(file)
        print_table(prediction_table(prediction.image, best, colours=has_colours()))
        print_lines()
    print_text(confidence_text(classifier))


def _takes_table(model: Path, dataset: str | None) -> bool:
    """Return True if a model's file, or the dataset that is named for it, is of a table."""
    from kmlp.data import facts_of
    from kmlp.errors import ConfigError
    from kmlp.model.input_table import table_of_file
    from kmlp.model.keras_files import check_model_file

    try:
        check_model_file(model)
        own = table_of_file(model) is not None
    except ConfigError:  # reported by its own check
        own = False
    return own or (dataset is not None and facts_of(dataset).kind == "table")


def _predict_rows(
    model: TableModel,
    files: list[Path],
    out: Path | None,
    facts: dict[str, Any],
    *,
    csv: CsvOptions,
    as_json: bool,
) -> None:
    """Show or write the predictions for the rows of files."""
    from kmlp_cli.render.printing import print_tables
    from kmlp_cli.render.row_tables import (
        predictions_table,
        predictions_to_list,
        write_predictions,
    )
    from kmlp_cli.terminal.output import print_json, say

    schema = model.table.schema
    predicted = {
        str(file): model.predict(model.read(file, **csv.reading()).x) for file in files
    }
    if as_json:
        print_json(
            {
                **facts,
                "target": schema.target,
                "unit": schema.unit,
                "classes": list(model.table.class_names),
                "files": [
                    {"file": file, "rows": predictions_to_list(model, values)}
                    for file, values in predicted.items()
                ],
            }
        )
    else:
        print_tables(
            [predictions_table(model, file, values) for file, values in predicted.items()]
        )
    if out is not None:
        write_predictions(out, model, predicted)
        say(f"Saved {out}.")
