"""Which runs folder is meant."""

from __future__ import annotations

import os
from pathlib import Path

MEMORY = ":memory:"
"""In the place of a folder: nothing is kept when the store is closed."""


def runs_folder(given: str | os.PathLike[str] | None = None) -> Path | None:
    """The runs folder that is given, else that of KMLP_RUNS_DIR, else `kmlp_runs`.

    Args:
        given: A folder, or ":memory:". Defaults to None.

    Returns:
        The folder; None for ":memory:".
    """
    chosen = os.fspath(given) if given is not None else os.environ.get("KMLP_RUNS_DIR")
    return None if chosen == MEMORY else Path(chosen or "kmlp_runs").expanduser()
