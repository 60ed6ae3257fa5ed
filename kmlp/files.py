"""Paths that users give, and files that are whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kmlp.errors import ConfigError


def expanded(path: str | os.PathLike[str], source: str) -> Path:
    """A path that a user gave, its `~` being a home folder.

    Args:
        path: The path.
        source: What gave it, for messages: KMLP_RUNS_DIR, say.

    Raises:
        ConfigError: if there is no such home folder, or it is no path.
    """
    text = os.fspath(path)
    try:
        if "\0" in text:
            raise ValueError("A path has no NUL character")
        return Path(text).expanduser()
    except (RuntimeError, ValueError) as error:
        why = str(error).rstrip(".")
        raise ConfigError(
            [
                f"The path {text!r} of {source} cannot be used ({why}). Give one that "
                "begins with / or with the name of a folder."
            ]
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path with the same suffix to write to, which becomes `path` at the end.

    After an error, what was at `path` is still there.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
