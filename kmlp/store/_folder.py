"""The choice of the runs folder."""

from __future__ import annotations

import os
from pathlib import Path

from kmlp._util.user_files import expanded
from kmlp.errors import ConfigError

MEMORY = ":memory:"
"""The name that stands for a store in memory, which is lost when it is closed."""


def runs_folder(given: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the runs folder: the given one, else that of KMLP_RUNS_DIR, else `kmlp_runs`.

    Args:
        given: A folder, or ":memory:". Defaults to None.

    Returns:
        The folder; None for ":memory:".

    Raises:
        ConfigError: if the text cannot be the path of a folder.
    """
    chosen = os.fspath(given) if given is not None else os.environ.get("KMLP_RUNS_DIR")
    if given is not None and not chosen:
        raise ConfigError(["The runs folder is empty. Give a folder, or :memory:."])
    source = "KMLP_RUNS_DIR" if given is None else "the runs folder"
    return None if chosen == MEMORY else expanded(chosen or "kmlp_runs", source)
