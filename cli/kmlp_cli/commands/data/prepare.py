"""`kmlp data prepare`: datasets ready in the array cache."""

from __future__ import annotations

from typing import Annotated

import typer

from kmlp_cli.commands.data.shared import TfdsDataDir, say_ready


def prepare(
    names: Annotated[
        list[str], typer.Argument(help="The datasets' names: see `kmlp data list`.")
    ],
    tfds_data_dir: TfdsDataDir = None,
) -> None:
    """Prepare datasets in the array cache. TFDS downloads them if necessary.

    A dataset that does not fit into memory is refused only after its download.
    """
    from kmlp.data import check_dataset, load_examples

    for name in names:
        check_dataset(name)  # all names, before the first download
    for name in names:
        say_ready(name, load_examples(name, tfds_data_dir=tfds_data_dir))
