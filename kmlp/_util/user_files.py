"""Paths and texts that users give: recipes, spaces, configurations."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kmlp._util.files import kind_of_file
from kmlp.errors import ConfigError


def why_unreadable(path: Path) -> str | None:
    """Return the reason why a file cannot be read; None if it is unknown.

    The file is not opened: opening a FIFO waits for a writer, and a device may be endless.

    Args:
        path: The path of a user's file. Links are followed.

    Example:
    >>> why_unreadable(Path("/"))
    'it is a folder, not a file'
    >>> why_unreadable(Path("/nowhere"))
    'No such file or directory'
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            return f"it is a link to {path.readlink()}, which does not exist"
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            return "it is a link that leads back to itself"
        return getattr(error, "strerror", None) or str(error)
    if not stat.S_ISREG(mode):
        return f"it is {kind_of_file(mode)}, not a file"
    return None if os.access(path, os.R_OK) else "Permission denied"


MAX_TEXT = 2**20
"""The largest size of a text that a user writes, in bytes: a recipe, a space, ..."""


def read_text(path: Path, name: str | None = None) -> str:
    """Return the text of a user's file in UTF-8, without a byte order mark.

    Args:
        path: The path of the file.
        name: The name of the file in messages. Defaults to None: its path.

    Raises:
        ConfigError: if the file cannot be read, or has more than `MAX_TEXT` bytes.
    """
    name = name or str(path)
    if (why := why_unreadable(path)) is not None:
        raise ConfigError([f"{name}: {why}."])
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TEXT + 1)
        if len(content) > MAX_TEXT:
            raise ConfigError(
                [
                    f"{name} has {path.stat().st_size:,} bytes, but must have at most "
                    f"{MAX_TEXT:,}."
                ]
            )
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise ConfigError([f"{name}: {error.strerror}."]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{name} is not a text in UTF-8."]) from error


def expanded(path: str | os.PathLike[str], source: str) -> Path:
    """Return a user's path with `~` replaced by the home folder.

    Args:
        path: The path.
        source: The origin of the path for messages, such as KMLP_RUNS_DIR.

    Raises:
        ConfigError: if the home folder does not exist, or the text cannot be a path.
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
                f"The path {text!r} of {source} cannot be used ({why}). Give a path "
                "that begins with / or with the name of a folder."
            ]
        ) from error


MAX_NESTING = 100
"""The deepest nesting of lists and tables in a user's file."""


def parsed(
    name: str,
    kind: str,
    parse: Callable[[], Any],
    errors: tuple[type[Exception], ...] = (ValueError,),
) -> Any:
    """Return the value of a user's text, and turn errors into messages.

    Args:
        name: The name of the file, for messages.
        kind: The format of the text, such as TOML, for messages.
        parse: Parses the text.
        errors: The errors that `parse` raises if the text does not have the format.
            Defaults to ValueError.

    Raises:
        ConfigError: if the text does not have the format, or is nested too deeply.
    """
    try:
        value = parse()
        if nesting(value) > MAX_NESTING:
            raise RecursionError
    except RecursionError:
        raise ConfigError(
            [f"{name}: its lists and tables are nested more than {MAX_NESTING} deep."]
        ) from None
    except errors as error:
        reason = " ".join(str(error).split())
        raise ConfigError([f"{name} is not {kind}: {reason}"]) from error
    return value


_DEEP_KEY = re.compile(
    rf"""
    (?<![\w.'"-])
    (?: (?: [\w-]++ | "[^"\n]*+" | '[^'\n]*+' ) [ \t]*+ \. [ \t]*+ ){{{MAX_NESTING}}}
    """,
    re.VERBOSE,
)


def parsed_toml(
    name: str, text: str, *, parse_float: Callable[[str], Any] = float
) -> dict[str, Any]:
    """Return the content of a user's text in TOML.

    Args:
        name: The name of the file, for messages.
        text: The text.
        parse_float: Parses numbers with a fraction. Defaults to float.

    Raises:
        ConfigError: if the text is not TOML, or is nested too deeply.
    """

    def parse() -> dict[str, Any]:
        import tomllib  # `kmlp --help` does not need it

        # `tomllib` needs memory and time that grow with the square of the length of a key.
        if _DEEP_KEY.search(text):
            raise RecursionError
        return tomllib.loads(text, parse_float=parse_float)

    table: dict[str, Any] = parsed(name, "TOML", parse)
    return table


def nesting(value: Any) -> int:
    """Return the depth of nested lists and tables, at most `MAX_NESTING + 1`.

    >>> nesting(3), nesting({"a": [1, [2]]})
    (0, 3)
    """
    depth, level = 0, [value]
    while depth <= MAX_NESTING:
        inner = {id(part): part for part in level if isinstance(part, list | dict)}
        if not inner:
            break
        depth += 1
        level = [
            element
            for part in inner.values()
            for element in (part.values() if isinstance(part, dict) else part)
        ]
    return depth
