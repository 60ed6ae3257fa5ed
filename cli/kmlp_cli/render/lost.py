"""Showing results from memory when the runs folder is lost during training."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from kmlp.errors import StoreLostError
from kmlp_cli.terminal.output import say

FROM_MEMORY = (
    "The results that are in memory follow. They are of the finished runs, or, if no run "
    "finished, of every run so far."
)


@contextlib.contextmanager
def still_shown(show: Callable[[Any], None]) -> Iterator[None]:
    """Show the results in memory when the runs folder is lost. No other copy exists.

    Args:
        show: Shows a study.
    """
    try:
        yield
    except StoreLostError as error:
        results = [result for result in error.results if result is not None]
        if results:
            say(FROM_MEMORY)
        for result in results:
            show(result)
        raise
