"""`kmlp evaluate`: the accuracy of one model, and its mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp.model.hyperparameters import config_fields
from kmlp_cli.options.execution import Backend
from kmlp_cli.options.model import Custom, Model
from kmlp_cli.options.output import Json
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from altair import LayerChart

_DATASET = config_fields()["dataset"]
_FRACTION = config_fields()["validation_fraction"]
_SPLITS = ("test", "validation", "train")

EPILOG = """\b
Examples:
kmlp train --save model.keras
kmlp evaluate model.keras
kmlp evaluate model.keras --confusion confusion.png --mistakes mistakes.html"""


def evaluate(
    model: Model,
    dataset: Annotated[str, typer.Option(help=_DATASET.doc)] = _DATASET.default,
    split: Annotated[
        str,
        typer.Option(help=f"The examples to evaluate the model on: {', '.join(_SPLITS)}."),
    ] = _SPLITS[0],
    validation_fraction: Annotated[
        str,
        typer.Option(help=_FRACTION.doc, metavar="<float>"),
    ] = _FRACTION.text(_FRACTION.default),
    resplit: Annotated[
        bool,
        typer.Option(
            "--resplit", help="Use the split of --seed, as a run with --resplit does."
        ),
    ] = False,
    seed: Annotated[
        str | None,
        typer.Option(help="The seed of the split.", metavar="<int>", show_default=False),
    ] = None,
    confusion: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the confusion matrix into a file: .html, .png, .svg or .pdf.",
            show_default=False,
        ),
    ] = None,
    mistakes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the most confident mistakes into a file: .html, .png, .svg or .pdf.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    custom: Custom = None,
    backend: Backend = None,
    as_json: Json = False,
) -> None:
    """Show the accuracy of a model by class, and its mistakes.

    The model can be any Keras model that takes raw images (pixels from 0 to 255) of the
    dataset's shape and has an output for each class. `kmlp train --save` writes such a
    model.
    """
    from kmlp import backend as backends
    from kmlp.errors import call_all
    from kmlp.inference.classifier import load_classifier
    from kmlp.inference.evaluation import evaluate as run_evaluation
    from kmlp.model.keras_files import check_model_file
    from kmlp.model.run_data import dataset_of, split_for
    from kmlp.model.text import parse_config
    from kmlp_cli.terminal.output import print_json

    backends.select(backend)
    texts = {"dataset": dataset, "validation_fraction": validation_fraction}
    if seed is not None:
        texts["seed"] = seed
    config, *_ = call_all(
        [
            lambda: parse_config(texts, resplit=resplit),
            lambda: _check_seed(seed, resplit=resplit),
            lambda: _check_split(split),
            lambda: check_model_file(model),
            lambda: _check_targets(confusion, mistakes, overwrite=overwrite),
        ]
    )
    data = split_for(config, dataset_of(config))
    images = getattr(data, split)
    classifier = load_classifier(model, custom=custom or ())
    evaluation = run_evaluation(
        classifier, images.x, images.y, class_names=data.class_names
    )
    if as_json:
        print_json(
            {
                "model": str(model),
                "dataset": dataset,
                "split": split,
                "output": classifier.output,
                "backend": backends.select(),
                **evaluation.to_dict(),
            }
        )
    else:
        from kmlp_cli.render.model_tables import evaluation_tables
        from kmlp_cli.render.printing import print_tables

        title = f"{model.name}: the {len(images):,} {split} {data.noun} of {dataset}"
        print_tables(evaluation_tables(evaluation, classifier, title))
    if confusion is not None:
        from kmlp.charts.model import confusion as draw_confusion

        _save(draw_confusion(evaluation), confusion)
    if mistakes is not None:
        from kmlp.charts.model import mistakes as draw_mistakes

        _save(draw_mistakes(images.x, evaluation), mistakes)


def _save(chart: LayerChart, path: Path) -> None:
    from kmlp.charts.style import save

    save(chart, path)
    say(f"Saved {path}.")


def _check_split(split: str) -> None:
    from kmlp.errors import ConfigError, unknown_name

    if split not in _SPLITS:
        raise ConfigError([unknown_name("split", split, _SPLITS)])


def _check_seed(seed: str | None, *, resplit: bool) -> None:
    from kmlp.errors import ConfigError

    if seed is not None and not resplit:
        raise ConfigError(
            ["--seed does nothing without --resplit: the split is the same for all seeds."]
        )
    if seed is None and resplit:
        raise ConfigError(["--resplit needs the --seed of the run, whose split it uses."])


def _check_targets(
    confusion: Path | None, mistakes: Path | None, *, overwrite: bool
) -> None:
    from functools import partial

    from kmlp.errors import ConfigError, call_all
    from kmlp_cli.options.targets import check_target

    if confusion is None and mistakes is None:
        return
    from kmlp.charts.style import FORMATS

    call_all(
        partial(check_target, path, overwrite=overwrite, option=option, suffixes=FORMATS)
        for option, path in (("--confusion", confusion), ("--mistakes", mistakes))
    )
    if (
        confusion is not None
        and mistakes is not None
        and (confusion.resolve() == mistakes.resolve())
    ):
        raise ConfigError(
            [f"--confusion and --mistakes are both {confusion}. Give two different files."]
        )
