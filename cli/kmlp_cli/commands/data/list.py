"""`kmlp data list`: the known datasets."""

from __future__ import annotations

from kmlp_cli.options.output import Json
from kmlp_cli.terminal.output import say


def list_(as_json: Json = False) -> None:
    """List the known datasets, and show which are ready.

    Other image classification sets of TFDS whose images have one size can be used as well.
    """
    from kmlp.data.catalog import catalog
    from kmlp_cli.render.data_tables import datasets_table
    from kmlp_cli.terminal.output import print_json, print_table

    found = catalog()
    if as_json:
        print_json({"datasets": found})
    else:
        print_table(datasets_table(found))
    for dataset in found:
        if dataset["damage"]:
            say(
                f"{dataset['damage']} What TFDS has is prepared anew when it is used; your "
                f"own is to be imported again, after `kmlp data rm {dataset['name']}`."
            )
