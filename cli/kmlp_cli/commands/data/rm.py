"""`kmlp data rm`: remove a dataset from the array cache."""

from __future__ import annotations

import typer

from kmlp_cli.commands.data.shared import Dataset
from kmlp_cli.options.targets import Yes
from kmlp_cli.terminal.output import say
from kmlp_cli.terminal.question import confirmed


def rm(
    name: Dataset,
    yes: Yes = False,
) -> None:
    """Remove a dataset from the array cache. Files that TFDS downloaded stay."""
    from kmlp.data import cache, remove_dataset
    from kmlp.errors import DataError

    try:
        entry = cache.find(name)
    except DataError as error:
        say(str(error))
        imported = getattr(error, "imported", None)
    else:
        imported = entry is not None and entry.imported
        if entry is not None and imported:
            say(f'"{name}" was imported from {entry.source}.')
    if imported and not (yes or confirmed("Remove the dataset?", "--yes")):
        say("Nothing was removed.")
        raise typer.Exit(1)
    remove_dataset(name)
    say(f'Removed "{name}" from {cache.cache_folder()}.')
