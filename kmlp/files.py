"""Paths that users give, and files that are whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


MAX_NESTING = 100
"""How deep a file's lists and tables may be nested."""


def parsed(
    name: str,
    kind: str,
    parse: Callable[[], Any],
    errors: tuple[type[Exception], ...] = (ValueError,),
) -> Any:
    """What a user's file says.

    Args:
        name: The file's, for messages.
        kind: What it is to be: TOML, say.
        parse: Reads and parses it.
        errors: What `parse` raises if it is not of this kind. Defaults to ValueError,
            of which those of decoding are.

    Raises:
        ConfigError: if it cannot be read, is not of this kind, or is nested too deep.
    """
    try:
        found = parse()
        if nesting(found) > MAX_NESTING:
            raise RecursionError
    except OSError as error:
        raise ConfigError([f"{name}: {error.strerror}."]) from error
    except RecursionError:
        raise ConfigError(
            [f"{name}: its lists and tables are nested more than {MAX_NESTING} deep."]
        ) from None
    except errors as error:
        said = " ".join(str(error).split())
        raise ConfigError([f"{name} is not {kind}: {said}"]) from error
    return found


def nesting(found: Any) -> int:
    """How deep lists and tables are nested, counted to one more than `MAX_NESTING`.

    >>> nesting(3), nesting({"a": [1, [2]]})
    (0, 3)
    """
    depth, level = 0, [found]
    while depth <= MAX_NESTING:
        inner = {id(it): it for it in level if isinstance(it, list | dict)}.values()
        if not inner:
            break
        depth += 1
        level = [
            part for it in inner for part in (it.values() if isinstance(it, dict) else it)
        ]
    return depth


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
