"""Arguments and messages that the commands of `kmlp data` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from kmlp.data import Examples

Dataset = Annotated[str, typer.Argument(help="The dataset's name: see `kmlp data list`.")]
TfdsDataDir = Annotated[
    Path | None,
    typer.Option(
        "--tfds-data-dir",
        metavar="FOLDER",
        help="The folder of the datasets that TFDS prepares.  [default: TFDS_DATA_DIR, "
        "else ~/tensorflow_datasets]",
        show_default=False,
    ),
]


def say_ready(name: str, examples: Examples) -> None:
    """Print a line about a ready dataset and its content to stderr."""
    from kmlp_cli.render.data_tables import shape_text

    train, schema = examples.train, examples.schema
    if schema is None or examples.class_names:
        to_predict = f"{len(examples.class_names)} classes"
    else:
        unit = f" in {schema.unit}" if schema.unit else ""
        to_predict = f"to predict {schema.target}{unit}"
    say(
        f"{name}: {len(train):,} training and {len(examples.test):,} test {train.noun} of "
        f"{shape_text(train.x.shape[1:])}, {to_predict}; {examples.source}."
    )
