"""`kmlp data list`: the known datasets."""

from __future__ import annotations

from kmlp_cli.options.output import Json
from kmlp_cli.terminal.output import say


def list_(as_json: Json = False) -> None:
    """List the known datasets, and show which are ready.

    Other image classification datasets of TFDS work as well, if all images have one size.
    """
    from kmlp.data.catalog import catalog
    from kmlp_cli.render.data_tables import datasets_table
    from kmlp_cli.render.printing import print_data
    from kmlp_cli.terminal.output import print_json

    datasets = catalog()
    if as_json:
        print_json({"datasets": datasets})
    else:
        print_data(datasets_table(datasets))
    for dataset in datasets:
        if dataset["damage"]:
            say(
                f"{dataset['damage']} A dataset of TFDS is prepared again at its next use. "
                f"Your own dataset must be imported again, after `kmlp data rm "
                f"{dataset['name']}`."
            )
