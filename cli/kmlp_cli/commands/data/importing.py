"""`kmlp data import`: a dataset of the user's files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from kmlp_cli.commands.data.shared import TfdsDataDir, say_ready


def import_(
    name: Annotated[str, typer.Argument(help="A name for the dataset.")],
    path: Annotated[
        Path,
        typer.Argument(
            help="The files, in one of these forms: a folder with the four IDX files, "
            "gzipped or not; a .npz file with x_train, y_train, x_test and y_test; a "
            "folder with a folder of PNG or JPEG images for each class; or a folder with "
            "two such folders, train and test."
        ),
    ],
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HEIGHTxWIDTH",
            help="Resize the images of class folders to this size, such as 28x28.",
            show_default=False,
        ),
    ] = None,
    tfds_data_dir: TfdsDataDir = None,
) -> None:
    """Import a dataset from your files.

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
    say_ready(name, import_dataset(name, path, size=sizes, tfds_data_dir=tfds_data_dir))
