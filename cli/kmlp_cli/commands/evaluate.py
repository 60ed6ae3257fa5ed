"""`kmlp evaluate`: the accuracy of one model, and its mistakes or residuals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp.model.hyperparameters import config_fields
from kmlp_cli.options.csv_files import CsvOptions
from kmlp_cli.options.execution import Backend
from kmlp_cli.options.model import Custom, Model
from kmlp_cli.options.output import Json
from kmlp_cli.options.targets import Overwrite
from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from altair import TopLevelMixin

    from kmlp.model.config import RunConfig
    from kmlp.model.input_table import InputTable

_DATASET = config_fields()["dataset"]
_FRACTION = config_fields()["validation_fraction"]
_SPLITS = ("test", "validation", "train")

EPILOG = """\b
Examples:
kmlp train --save model.keras
kmlp evaluate model.keras
kmlp evaluate model.keras --confusion confusion.png --mistakes mistakes.html
kmlp evaluate wine.keras --dataset wine
kmlp evaluate wine.keras --dataset wine --split validation --folds 5 --seed 3
kmlp evaluate wine.keras rows.csv --decimal ,
kmlp evaluate houses.keras --dataset houses --residuals residuals.png"""


def evaluate(
    model: Model,
    rows: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="For the model of a table: a CSV or Parquet file with its columns and its "
            "target, in the place of a dataset.",
            show_default=False,
        ),
    ] = None,
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
    folds: Annotated[
        str | None,
        typer.Option(
            metavar="<int>",
            help="Use the fold that was held out from the run with --seed, as a run with "
            "--folds does.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(
            help="The seed of the run whose split is used.",
            metavar="<int>",
            show_default=False,
        ),
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
    residuals: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw predicted against true values, and the residuals, of a regression "
            "into a file: .html, .png, .svg or .pdf.",
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
    """Show the accuracy of a model by class, and its mistakes or residuals.

    The model can be any Keras model that takes raw images (pixels from 0 to 255) of the
    dataset's shape and has an output for each class. `kmlp train --save` writes such a
    model.

    A model of a table is evaluated on the rows of its --dataset or of a file. It fills in
    missing values as its training did. A regression has RMSE, MAE, R² and residuals.
    """
    from kmlp import backend as backends
    from kmlp.data import facts_of
    from kmlp.errors import call_all
    from kmlp.inference.classifier import load_classifier
    from kmlp.inference.evaluation import evaluate_classifier
    from kmlp.model.input_table import table_of_file
    from kmlp.model.keras_files import check_model_file
    from kmlp.model.run_data import dataset_of, split_for
    from kmlp.model.text import parse_config
    from kmlp_cli.terminal.output import print_json

    backends.select(backend)
    charts = {
        option: path
        for option, path in (
            ("--confusion", confusion),
            ("--mistakes", mistakes),
            ("--residuals", residuals),
        )
        if path is not None
    }
    texts = {"dataset": dataset, "validation_fraction": validation_fraction}
    texts |= {
        name: text for name, text in (("seed", seed), ("folds", folds)) if text is not None
    }
    fraction_default = _FRACTION.text(_FRACTION.default)
    chosen = {
        "--split": split != _SPLITS[0],
        "--validation-fraction": validation_fraction != fraction_default,
        "--resplit": resplit,
        "--folds": folds is not None,
    }
    config, *_ = call_all(
        [
            lambda: parse_config(texts, resplit=resplit),
            lambda: _check_split(split),
            lambda: _check_seed(seed, split, resplit=resplit, folds=folds),
            lambda: (
                csv.check_unused(f"the dataset {dataset} is evaluated")
                if rows is None
                else _check_no_dataset(rows, chosen)
            ),
            lambda: check_model_file(model),
            lambda: _check_targets(charts, overwrite=overwrite),
        ]
    )
    table = table_of_file(model)
    if rows is not None or table is not None or facts_of(dataset).kind == "table":
        _evaluate_rows(
            model, table, rows, config, split, charts,
            csv=csv, custom=custom or (), as_json=as_json,
        )  # fmt: skip
        return
    _check_charts(charts, {"--residuals": "a regression, but the model has classes"})
    data = split_for(config, dataset_of(config))
    images = getattr(data, split)
    classifier = load_classifier(model, custom=custom or ())
    evaluation = evaluate_classifier(
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


def _evaluate_rows(
    path: Path,
    table: InputTable | None,
    rows: Path | None,
    config: RunConfig,
    split: str,
    charts: dict[str, Path],
    *,
    csv: CsvOptions,
    custom: Sequence[str],
    as_json: bool,
) -> None:
    """Show the evaluation of a model of a table, on a file or a split of its dataset."""
    from kmlp import backend as backends
    from kmlp.data import load_examples
    from kmlp.errors import ConfigError
    from kmlp.inference.regression import RegressionEvaluation
    from kmlp.inference.tables import load_table_model, table_of_examples
    from kmlp.model.run_data import dataset_of, selected_for
    from kmlp_cli.render.model_tables import evaluation_tables
    from kmlp_cli.render.printing import print_tables
    from kmlp_cli.render.row_tables import residuals_table
    from kmlp_cli.terminal.output import print_json

    table = table or table_of_examples(load_examples(config.dataset))
    if table is None:
        raise ConfigError(
            [
                f"{path} does not state the columns of a table, so {rows} cannot be read. "
                "Give the --dataset that it was trained on."
            ]
        )
    _check_charts(
        charts,
        {"--mistakes": "images, but the model takes rows"}
        | (
            {"--residuals": "a regression, but the model has classes"}
            if table.class_names
            else {"--confusion": "classes, but the model is a regression"}
        ),
    )
    model = load_table_model(path, table, custom=custom)
    if rows is not None:
        read = model.read(rows, **csv.reading())
        if read.y is None:
            raise ConfigError(
                [f"{rows} has no column {table.schema.target!r}, the target to compare."]
            )
        x, y, part = read.x, read.y, f"rows of {rows}"
    else:
        data = selected_for(config, dataset_of(config))
        complete = model.rows_of(data, getattr(data, split))
        x, y, part = complete.x, complete.y, f"{split} rows of {config.dataset}"
    evaluation = model.evaluate(x, y)
    if as_json:
        print_json(
            {
                "model": str(path),
                "dataset": None if rows is not None else config.dataset,
                "file": None if rows is None else str(rows),
                "split": None if rows is not None else split,
                "output": model.classifier and model.classifier.output,
                "backend": backends.select(),
                **evaluation.to_dict(),
            }
        )
    else:
        title = f"{path.name}: the {len(x):,} {part}"
        print_tables(
            [residuals_table(evaluation, title)]
            if isinstance(evaluation, RegressionEvaluation)
            else evaluation_tables(evaluation, model.classifier, title)
        )
    if "--confusion" in charts and not isinstance(evaluation, RegressionEvaluation):
        from kmlp.charts.model import confusion

        _save(confusion(evaluation), charts["--confusion"])
    if "--residuals" in charts and isinstance(evaluation, RegressionEvaluation):
        from kmlp.charts.regression import residuals

        _save(residuals(evaluation), charts["--residuals"])


def _save(chart: TopLevelMixin, path: Path) -> None:
    from kmlp.charts.style import save

    save(chart, path)
    say(f"Saved {path}.")


def _check_split(split: str) -> None:
    from kmlp.errors import ConfigError, unknown_name

    if split not in _SPLITS:
        raise ConfigError([unknown_name("split", split, _SPLITS)])


def _check_seed(seed: str | None, split: str, *, resplit: bool, folds: str | None) -> None:
    from kmlp.errors import ConfigError

    option = "--resplit" if resplit else "--folds" if folds is not None else None
    if option is None:
        if seed is not None:
            raise ConfigError(
                [
                    "--seed does nothing without --resplit or --folds: the split is the "
                    "same for all seeds."
                ]
            )
    elif seed is None:
        raise ConfigError([f"{option} needs the --seed of the run, whose split it uses."])
    elif split == "test":
        raise ConfigError(
            [
                f"{option} does nothing with --split test: all runs have the same test "
                "examples. Give --split validation."
            ]
        )


def _check_no_dataset(rows: Path, given: dict[str, bool]) -> None:
    """Check that no option chooses examples of a dataset, where a file is evaluated."""
    from kmlp.errors import raise_problems

    raise_problems(
        f"{option} chooses examples of a dataset, but {rows} is evaluated. Leave one of "
        "them out."
        for option, is_given in given.items()
        if is_given
    )


def _check_charts(charts: dict[str, Path], refused: dict[str, str]) -> None:
    """Check that no chart is asked for that the model does not have.

    Args:
        charts: The files by option.
        refused: What an option is for that does not fit the model.
    """
    from kmlp.errors import raise_problems

    raise_problems(
        f"{option} is for {what}." for option, what in refused.items() if option in charts
    )


def _check_targets(charts: dict[str, Path], *, overwrite: bool) -> None:
    from functools import partial

    from kmlp.errors import ConfigError, call_all
    from kmlp_cli.options.targets import check_target

    if not charts:
        return
    from kmlp.charts.style import FORMATS

    call_all(
        partial(check_target, path, overwrite=overwrite, option=option, suffixes=FORMATS)
        for option, path in charts.items()
    )
    options = {path.resolve(): option for option, path in reversed(charts.items())}
    for option, path in charts.items():
        if (first := options[path.resolve()]) != option:
            raise ConfigError(
                [f"{first} and {option} are both {path}. Give two different files."]
            )
