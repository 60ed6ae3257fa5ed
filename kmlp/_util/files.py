"""Paths and files that users give, and files that are whole or not there at all."""

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
"""Characters of a name that is made of a text, which leaves room for an ending."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO (a pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def why_unreadable(path: Path) -> str | None:
    """Why a file cannot be read, as far as can be told without opening it; None: it can.

    Opening a FIFO waits for somebody who writes into it, and a device may have no end.

    Args:
        path: A file that a user names. Links are followed.

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
"""Bytes of a text that a user writes: a recipe, a space, a configuration."""


def read_text(path: Path, name: str | None = None) -> str:
    """The text of a user's file in UTF-8, without the mark that some editors put first.

    Args:
        path: The file.
        name: It, for messages. Defaults to None: its path.

    Raises:
        ConfigError: if it cannot be read, or has more than `MAX_TEXT` bytes.
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
    """What the text of a user's file says.

    Args:
        name: The file's, for messages.
        kind: What it is to be: TOML, say.
        parse: Parses it.
        errors: What `parse` raises if it is not of this kind. Defaults to ValueError.

    Raises:
        ConfigError: if it is not of this kind, or is nested too deep.
    """
    try:
        found = parse()
        if nesting(found) > MAX_NESTING:
            raise RecursionError
    except RecursionError:
        raise ConfigError(
            [f"{name}: its lists and tables are nested more than {MAX_NESTING} deep."]
        ) from None
    except errors as error:
        said = " ".join(str(error).split())
        raise ConfigError([f"{name} is not {kind}: {said}"]) from error
    return found


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
    """What a user's text in TOML says.

    Args:
        name: The file's, for messages.
        text: The text.
        parse_float: Makes what a number is to be. Defaults to float.

    Raises:
        ConfigError: if it is no TOML, or is nested too deep.
    """

    def parse() -> dict[str, Any]:
        import tomllib  # `kmlp --help` does not need it

        # `tomllib` takes memory and time with the square of the parts of a dotted key.
        if _DEEP_KEY.search(text):
            raise RecursionError
        return tomllib.loads(text, parse_float=parse_float)

    found: dict[str, Any] = parsed(name, "TOML", parse)
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
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a path with the same suffix to write to, which becomes `path` at the end.

    It is in a new folder beside `path`, of a name that nobody can foresee, that only this
    user can look into: in a folder that others write to, too, no link of theirs is written
    through. A link at `path` is replaced itself; what it leads to is left alone. After an
    error, what was at `path` is still there.

    Raises:
        OSError: with the name of `path`, if it cannot be written.
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
        with suppress(OSError):  # as `rmtree`, where no more files may be opened, too
            aside.unlink(missing_ok=True)
            folder.rmdir()


def open_new(folder: Path, begin: str) -> tuple[Path, BinaryIO]:
    """Opens a file to write that was not there before, which no link leads elsewhere.

    Args:
        folder: Where it is to be.
        begin: How its name begins. It goes on so that nobody can foresee it.

    Returns:
        Its path, and the open file.

    Raises:
        OSError: if it cannot be made.
    """
    path = folder / f"{begin}{os.urandom(8).hex()}"
    return path, path.open("xb")


def open_plain(path: Path) -> BinaryIO:
    """Opens a file of kmlp's own to read: no link, and nothing but a file.

    Raises:
        OSError: if it cannot be read, or is something else.
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
    """Has an error of the system name `path` if it names nothing, or what is of ours.

    That of a write to a full disk names nothing.

    Args:
        path: What a user knows.
        ours: A file or a folder that a user need not know.
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
    """A text as the name of one file, in whatever folder, of another text another one.

    What a file's name should not have is percent-encoded, and what is too long is cut.

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
    """Has ZIP files that are written within give their members the first date they can.

    ZIP has none before 1980, where a machine without a battery begins, nor after 2107: by
    such a clock Keras could not save a model.
    """
    import zipfile  # which takes as long to import as all of this

    names = vars(zipfile)
    names["time"] = SimpleNamespace(time=lambda: 0.0, localtime=lambda seconds: _FIRST_DATE)
    try:
        yield
    finally:
        names["time"] = time


_FIRST_DATE = time.struct_time((1980, 1, 1, 0, 0, 0, 1, 1, 0))
