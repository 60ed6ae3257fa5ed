"""`kmlp data prepare`: datasets ready in the array cache."""

from __future__ import annotations

from typing import Annotated

import typer

from kmlp_cli.commands.data.shared import TfdsDataDir, say_ready


def prepare(
    names: Annotated[list[str], typer.Argument(help="Names: see `kmlp data list`.")],
    tfds_data_dir: TfdsDataDir = None,
) -> None:
    """Have datasets ready in the array cache, downloaded by TFDS where needed.

    Whether one is too large for memory is known only when it is downloaded.
    """
    from kmlp.data import check_dataset, load_images

    for name in names:
        check_dataset(name)  # all of them, before one is downloaded
    for name in names:
        say_ready(name, load_images(name, tfds_data_dir=tfds_data_dir))
