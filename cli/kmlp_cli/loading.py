"""Opening the runs folder for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kmlp_cli.terminal.output import say

if TYPE_CHECKING:
    from kmlp.store import Store


@contextmanager
def opened(runs_dir: str | None, *, writable: bool = False) -> Iterator[Store]:
    """Open the store in the runs folder. At the end, name the studies that are damaged.

    Raises:
        StoreError: if there is no store.
    """
    from kmlp.store import Store, runs_folder
    from kmlp.studies.kinds import spec_problem

    folder = runs_folder(runs_dir)
    with Store(folder, writable=writable, check_study=spec_problem) as store:
        try:
            yield store
        finally:
            for error in store.damaged.values():
                say(f"Left out: {error}")
