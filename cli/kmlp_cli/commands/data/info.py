"""`kmlp data info`: the facts about one dataset."""

from __future__ import annotations

from kmlp_cli.commands.data.shared import Dataset, TfdsDataDir
from kmlp_cli.options.output import Json


def info(name: Dataset, tfds_data_dir: TfdsDataDir = None, as_json: Json = False) -> None:
    """Show a dataset's shape, classes or target, columns, splits, source and licence."""
    from kmlp.data import load_examples
    from kmlp.data.catalog import describe
    from kmlp_cli.render.data_tables import dataset_tables
    from kmlp_cli.render.printing import print_tables
    from kmlp_cli.terminal.output import print_json

    description = describe(name, load_examples(name, tfds_data_dir=tfds_data_dir))
    if as_json:
        print_json(description)
    else:
        print_tables(dataset_tables(description))
