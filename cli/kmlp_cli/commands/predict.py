"""`kmlp predict`: the classes that a model predicts for pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kmlp_cli.options.execution import Backend
from kmlp_cli.options.model import Custom, Model
from kmlp_cli.options.output import Json

_BEST = 3
"""The number of classes to show for each picture."""

EPILOG = """\b
Examples:
kmlp train --save model.keras
kmlp predict model.keras seven.png photo.jpg
kmlp predict clothes.keras shoe.png --dataset fashion_mnist --as resize"""


def predict(
    model: Model,
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE...", help="PNG or JPEG, of any size.")
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
    custom: Custom = None,
    backend: Backend = None,
    as_json: Json = False,
) -> None:
    """Show the classes that a model predicts for your pictures.

    Each picture is shown as the model gets it. Transparent pictures get a white background.
    Photos are rotated as their EXIF data say.
    """
    from kmlp import backend as backends
    from kmlp.data import cache, load_examples
    from kmlp.data.image_files import check_image
    from kmlp.errors import call_all, raise_problems
    from kmlp.inference.classifier import load_classifier, shape_text
    from kmlp.inference.prediction import check_preprocessing
    from kmlp.inference.prediction import predict as run_prediction
    from kmlp.model.hyperparameters import config_fields
    from kmlp.model.keras_files import check_model_file
    from kmlp_cli.terminal.output import print_json, say

    backends.select(backend)
    call_all(
        [
            lambda: check_model_file(model),
            lambda: check_preprocessing(preprocessing),
            lambda: dataset and config_fields()["dataset"].parse(dataset),
            lambda: call_all(partial(check_image, path) for path in pictures),
        ]
    )
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
