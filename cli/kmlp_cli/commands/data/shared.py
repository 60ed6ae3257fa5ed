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


def say_ready(name: str, images: Examples) -> None:
    """Print a line about a ready dataset and its content to stderr."""
    shape = " x ".join(map(str, images.train.x.shape[1:]))
    say(
        f"{name}: {len(images.train):,} training and {len(images.test):,} test images of "
        f"{shape}, {len(images.class_names)} classes; {images.source}."
    )
