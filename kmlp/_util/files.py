"""Paths and files of users, and files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO
from urllib.parse import quote

from kmlp.errors import ConfigError

_LONGEST = 150
"""The most characters of a file name that is derived from a text, without the suffix."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO (a pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def why_unreadable(path: Path) -> str | None:
    """Return why a file cannot be read; None if no reason is known.

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
        return f"it is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file"
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
    """Return the value of a user's text, with errors as messages.

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


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path with the same suffix; at the end, that file becomes `path`.

    The temporary file is in a new folder beside `path`. That folder has a random name, and
    only this user can open it, so that other users cannot place a link there. A link at
    `path` is replaced, and its target does not change. After an error, `path` is as it was
    before.

    Args:
        path: The path of the file to write.

    Raises:
        OSError: with the name of `path`, if the file cannot be written.
    """
    import tempfile  # `kmlp --help` does not need it

    with naming(path, path.parent):
        folder = Path(tempfile.mkdtemp(prefix=".kmlp-", dir=path.parent))
    aside = folder / f"new{path.suffix}"
    try:
        with naming(path, folder):
            yield aside
            aside.replace(path)
    finally:
        with suppress(OSError):  # `rmtree` would fail where no more files may be opened
            aside.unlink(missing_ok=True)
            folder.rmdir()


def open_new(folder: Path, begin: str) -> tuple[Path, BinaryIO]:
    """Create a file and open it for writing. No link can lead to another file.

    Args:
        folder: The folder of the new file.
        begin: The beginning of the file's name. The rest is random.

    Returns:
        The path of the file, and the open file.

    Raises:
        OSError: if the file cannot be created.
    """
    path = folder / f"{begin}{os.urandom(8).hex()}"
    return path, path.open("xb")


def open_plain(path: Path) -> BinaryIO:
    """Open a file that kmlp wrote for reading. Links, pipes and devices are refused.

    Raises:
        OSError: if the file cannot be read, or is not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        opened = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if not path.is_symlink():
            raise
        why = "it is a link, which is not followed"
        raise OSError(errno.ELOOP, why, str(path)) from error
    try:
        mode = os.fstat(opened).st_mode
        if not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "something else")
            raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
        return os.fdopen(opened, "rb")
    except BaseException:
        os.close(opened)
        raise


@contextmanager
def naming(path: Path, ours: Path) -> Iterator[None]:
    """Make system errors name a path that the user knows.

    An error that names a temporary file, or no file, gets the name of `path`. (The error of
    a write to a full disk names no file.)

    Args:
        path: The path that the user knows.
        ours: The temporary file or folder that the user does not know.
    """
    try:
        yield
    except OSError as error:
        named = error.filename
        is_ours = isinstance(named, str | Path) and Path(named).is_relative_to(ours)
        if error.errno is None or not (named is None or is_ours):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def file_name(text: str) -> str:
    """Return a file name for a text. Different texts have different names.

    Characters that file names should not have are percent-encoded. A name that is too long
    is cut, and ends with a checksum.

    >>> file_name("emnist/letters"), file_name(".."), file_name("width=32,seed=0")
    ('emnist%2Fletters', '%2E%2E', 'width=32,seed=0')
    """
    name = quote(text, safe="=, +", errors="surrogateescape")
    if not text.strip("."):
        name = name.replace(".", "%2E")
    if len(name) > _LONGEST:
        import hashlib  # `kmlp --help` does not need it

        mark = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name[: _LONGEST - len(mark) - 1]}-{mark}"
    return name


@contextmanager
def undated() -> Iterator[None]:
    """Give the members of ZIP files that are written within the date 1980-01-01.

    ZIP has no dates before 1980 or after 2107. A machine without a battery may start with
    such a date, and then Keras could not save a model.
    """
    import zipfile  # here, because importing it takes long

    names = vars(zipfile)
    names["time"] = SimpleNamespace(time=lambda: 0.0, localtime=lambda seconds: _FIRST_DATE)
    try:
        yield
    finally:
        names["time"] = time


_FIRST_DATE = time.struct_time((1980, 1, 1, 0, 0, 0, 1, 1, 0))
