"""What a command shows whose runs folder is taken away while it trains."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from kmlp.errors import StoreLostError
from kmlp_cli.terminal.output import say

FROM_MEMORY = (
    "Shown is what is in memory: the runs that finished; if none did, all of them after as "
    "many epochs as each has."
)


@contextlib.contextmanager
def still_shown(show: Callable[[Any], None]) -> Iterator[None]:
    """Shows what a study came to before its store was lost: it is nowhere else.

    Args:
        show: Shows what the study came to, as where all of it is trained.
    """
    try:
        yield
    except StoreLostError as error:
        found = [result for result in error.results if result is not None]
        if found:
            say(FROM_MEMORY)
        for result in found:
            show(result)
        raise
